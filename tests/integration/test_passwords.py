"""Sign-in by e-mail and password: letters, prepared accounts, guessing, and resets."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import httpx2
import pytest
from aiohttp import web

from integrations.breaches import Breaches
from server.web import lockout
from server.web.app import create_app
from server.web.passwords import Passwords
from sql.pool import Database
from tests.integration.sign_in_rig import SignInRig, csrf, sign_in_rig
from tests.integration.web_rig import ORIGIN, Rig, wrong

ADDRESS, SECRET, OTHER = "ana@example.org", "correct horse battery", "another long sentence"


@pytest.fixture
async def rig(database: Database, tmp_path: Path) -> AsyncIterator[SignInRig]:
    async with sign_in_rig(database, tmp_path) as made:
        yield made


async def post(browser: httpx2.AsyncClient, path: str, **body: Any) -> httpx2.Response:
    return await browser.post(f"/api/v1{path}", json=body)


def browser_of(rig: SignInRig) -> httpx2.AsyncClient:
    return rig.web.client(origin=ORIGIN)


async def registered(rig: SignInRig, email: str = ADDRESS, password: str = SECRET) -> httpx2.AsyncClient:
    """Somebody with an account, signed in."""
    browser = browser_of(rig)
    assert (await post(browser, "/registrations", email=email)).status_code == 202
    await rig.settle()
    answer = await post(browser, "/accounts", code=rig.box.code("register"), name="Ana", password=password)
    assert answer.status_code == 201, answer.text
    return await csrf(browser)


async def log_in(rig: SignInRig, password: str, email: str = ADDRESS) -> httpx2.Response:
    return await post(browser_of(rig), "/session/password", email=email, password=password)


async def later(rig: SignInRig, seconds: float) -> None:
    """As if so much time had passed for failures and letters."""
    async with rig.database.connection() as connection:
        await connection.execute(
            "UPDATE login_failures SET last_at = last_at - make_interval(secs => $1),"
            " locked_until = locked_until - make_interval(secs => $1)",
            seconds,
        )
        await connection.execute(
            "UPDATE verifications SET created_at = created_at - make_interval(secs => $1),"
            " expires_at = expires_at - make_interval(secs => $1)",
            seconds,
        )


async def test_an_account_by_a_letter(rig: SignInRig) -> None:
    browser = await registered(rig, " Ana@Example.org ")
    (letter,) = rig.box.letters
    assert letter.to == ADDRESS
    assert letter.text.count(f"{ORIGIN}/login#register=") == 1
    account = (await browser.get("/api/v1/account")).json()
    assert (account["name"], account["email"], account["has_password"]) == ("Ana", ADDRESS, True)
    assert (await browser.get("/api/v1/sessions")).json()["items"][0]["method"] == "password"
    answer = await log_in(rig, SECRET)
    assert answer.json()["user"]["id"] == account["id"]
    async with rig.database.connection() as connection:
        stored = await connection.fetchval("SELECT password_hash FROM users WHERE email = $1", ADDRESS)
        dump = str([dict(row) for row in await connection.fetch("SELECT * FROM admin_log")])
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert SECRET not in dump
    assert ADDRESS not in dump
    acts = [action for action, _ in await rig.acts()]
    assert acts == ["account.register", "account.email_verified", "login.success", "login.success"]


async def test_nobody_can_prepare_an_account_for_the_address_of_somebody_else(rig: SignInRig) -> None:
    """Until the mailbox is proven there is no account, and the password is chosen behind the link."""
    mallory = browser_of(rig)
    await post(mallory, "/registrations", email=ADDRESS)
    await rig.settle()
    assert "Mallory" not in rig.box.letters[-1].text
    async with rig.database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM users WHERE NOT is_owner") == 0
    answer = await post(mallory, "/accounts", code="guess", name="Mallory", password=SECRET)
    wrong(answer, 401, "code_refused")
    wrong(await log_in(rig, SECRET), 401, "login_refused")
    # The victim signs in with Google, which has proven the address: an account without a password.
    rig.there.people["google"].email = ADDRESS
    victim = await rig.signed_in("google")
    assert (await victim.get("/api/v1/account")).json()["email"] == ADDRESS
    wrong(await log_in(rig, SECRET), 401, "login_refused")
    # Whoever still has the letter gets nothing by it either: the address belongs to somebody.
    code = rig.box.code("register")
    answer = await post(mallory, "/accounts", code=code, name="M", password=SECRET)
    wrong(answer, 409, "email_taken")


async def test_a_proven_address_of_google_joins_the_account_with_the_password(rig: SignInRig) -> None:
    browser = await registered(rig)
    rig.there.people["google"].email = ADDRESS
    by_google = await rig.signed_in("google")
    mine, theirs = [(await b.get("/api/v1/account")).json()["id"] for b in (browser, by_google)]
    assert mine == theirs
    assert (await log_in(rig, SECRET)).status_code == 200


async def test_whether_an_address_has_an_account_is_told_by_letter_only(rig: SignInRig) -> None:
    await registered(rig)
    await later(rig, 301)
    stranger = browser_of(rig)
    for path in ("/registrations", "/password-resets"):
        known = await post(stranger, path, email=ADDRESS)
        unknown = await post(stranger, path, email="nobody@example.org")
        assert (known.status_code, known.content) == (unknown.status_code, unknown.content) == (202, b"")
        await later(rig, 301)
    await rig.settle()
    assert [(letter.to, letter.subject) for letter in rig.box.letters[1:]] == [
        (ADDRESS, "You have an account at Hubbub"),
        ("nobody@example.org", "Your account at Hubbub"),
        (ADDRESS, "A new password for Hubbub"),
    ]


async def test_wrong_address_and_wrong_password_look_the_same(rig: SignInRig) -> None:
    await registered(rig)
    known = wrong(await log_in(rig, OTHER), 401, "login_refused")
    unknown = wrong(await log_in(rig, OTHER, "nobody@example.org"), 401, "login_refused")
    assert known == unknown


async def test_letters_do_not_come_in_floods(rig: SignInRig) -> None:
    for _ in range(3):
        assert (await post(browser_of(rig), "/registrations", email=ADDRESS)).status_code == 202
    await rig.settle()
    assert len(rig.box.letters) == 1
    await later(rig, 301)
    await post(browser_of(rig), "/registrations", email=ADDRESS)
    await rig.settle()
    assert len(rig.box.letters) == 2
    answers = [await post(browser_of(rig), "/registrations", email=f"{n}@example.org") for n in range(3)]
    assert [answer.status_code for answer in answers] == [202, 429, 429]


async def test_what_is_no_address_gets_no_letter(rig: SignInRig) -> None:
    for email in ("", "ana", "ana@", "@example.org", "ana@example", "a na@example.org",
                  "ana@example.org\nBcc: x@y.z", "ana@example.org, eve@example.org",
                  '"ana"@example.org', "ana@exämple.org", "a" * 65 + "@example.org"):  # fmt: skip
        wrong(await post(browser_of(rig), "/registrations", email=email), 422, "invalid")
    assert rig.box.letters == []


async def test_codes_are_good_once_for_their_time_and_for_their_purpose(rig: SignInRig) -> None:
    await post(browser_of(rig), "/registrations", email=ADDRESS)
    await rig.settle()
    code = rig.box.code("register")
    wrong(await post(browser_of(rig), "/passwords", code=code, password=SECRET), 401, "code_refused")
    wrong(await post(browser_of(rig), "/session", code=code), 401, "code_refused")
    # A password that is not taken does not use it up.
    body = {"code": code, "name": "Ana"}
    wrong(await post(browser_of(rig), "/accounts", **body, password="my example 99"), 422, "invalid")
    await later(rig, 24 * 3600 - 5)
    assert (await post(browser_of(rig), "/accounts", **body, password=SECRET)).status_code == 201
    wrong(await post(browser_of(rig), "/accounts", **body, password=SECRET), 401, "code_refused")
    await post(browser_of(rig), "/registrations", email="ben@example.org")
    await rig.settle()
    await later(rig, 24 * 3600 + 1)
    body = {"code": rig.box.code("register"), "name": "Ben"}
    wrong(await post(browser_of(rig), "/accounts", **body, password=SECRET), 401, "code_refused")


async def test_a_new_password_ends_everything_that_was_there(rig: SignInRig) -> None:
    thief = await registered(rig)
    browser = browser_of(rig)
    for _ in range(2):
        await post(browser, "/password-resets", email=ADDRESS)
        await rig.settle()
        await later(rig, 301)
    first, second = (letter.text.partition("#reset=")[2].split()[0] for letter in rig.box.letters[1:])
    answer = await post(browser, "/passwords", code=second, password=OTHER)
    assert answer.status_code == 200
    wrong(await thief.get("/api/v1/session"), 401, "unauthorized")
    assert (await browser.get("/api/v1/session")).status_code == 200
    wrong(await log_in(rig, SECRET), 401, "login_refused")
    assert (await log_in(rig, OTHER)).status_code == 200
    wrong(await post(browser, "/passwords", code=first, password=SECRET), 401, "code_refused")
    await rig.settle()
    assert rig.box.letters[-1].subject == "Your password for Hubbub was changed"
    await post(browser, "/password-resets", email=ADDRESS)
    await rig.settle()
    await later(rig, 3601)
    code = rig.box.code("reset")
    wrong(await post(browser, "/passwords", code=code, password=SECRET), 401, "code_refused")


async def test_passwords_that_are_not_taken(rig: SignInRig) -> None:
    """All reasons are in unit/test_password_policy."""
    await post(browser_of(rig), "/registrations", email=ADDRESS)
    await rig.settle()
    body = {"code": rig.box.code("register"), "name": "Anastasia"}
    for password in ("", "short", "x" * 129, "Password123!", "anastasia-99", "my example 99", "x" * 60_000):
        problem = wrong(await post(browser_of(rig), "/accounts", **body, password=password), 422, "invalid")
        assert problem["errors"][0]["path"] == "/password"


# --- guessing ---------------------------------------------------------------------------------------------


async def test_five_failures_lock_and_every_further_one_for_twice_as_long(rig: SignInRig) -> None:
    await registered(rig)
    assert [(await log_in(rig, OTHER)).status_code for _ in range(5)] == [401] * 5
    waits = []
    for _ in range(9):
        answer = await log_in(rig, SECRET)  # not even the right one is looked at
        wrong(answer, 429, "locked")
        waits.append(int(answer.headers["retry-after"]))
        await later(rig, waits[-1])
        wrong(await log_in(rig, OTHER), 401, "login_refused")
    assert waits == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]
    await later(rig, 3600)
    assert (await log_in(rig, SECRET)).status_code == 200
    assert [detail["wait_s"] for _, detail in await rig.acts("login.locked")][:3] == [30, 60, 120]


async def test_failures_of_long_ago_do_not_count(rig: SignInRig) -> None:
    await registered(rig)
    for _ in range(3):
        assert [(await log_in(rig, OTHER)).status_code for _ in range(4)] == [401] * 4
        await later(rig, 15 * 60 + 1)
    assert (await log_in(rig, SECRET)).status_code == 200


async def test_a_hundred_at_once_get_no_more_tries_than_one_after_the_other(rig: SignInRig) -> None:
    await registered(rig)
    answers = await asyncio.gather(*(log_in(rig, f"{OTHER} {n}") for n in range(40)))
    statuses = [answer.status_code for answer in answers]
    assert sorted(set(statuses)) == [401, 429]
    assert statuses.count(401) == 5


async def test_an_account_of_ones_own_does_not_reset_the_guesses_of_an_address(rig: SignInRig) -> None:
    await registered(rig, "mallory@example.org")
    await registered(rig)
    for _ in range(2):
        for _ in range(2):
            wrong(await log_in(rig, OTHER), 401, "login_refused")
        assert (await log_in(rig, SECRET, "mallory@example.org")).status_code == 200
    wrong(await log_in(rig, OTHER), 401, "login_refused")
    wrong(await log_in(rig, OTHER), 429, "locked")


async def test_right_ones_lock_nobody_out(rig: SignInRig) -> None:
    await registered(rig)
    assert [(await log_in(rig, SECRET)).status_code for _ in range(12)] == [200] * 12


async def test_failures_hold_over_processes_and_name_nobody(rig: SignInRig, tmp_path: Path) -> None:
    await registered(rig)
    for _ in range(5):
        await log_in(rig, OTHER)
    other = Rig(rig.web.services, create_app(replace(rig.web.services)))
    answer = await other.client().post(
        "/api/v1/session/password", json={"email": ADDRESS, "password": SECRET}
    )
    wrong(answer, 429, "locked")
    async with rig.database.connection() as connection:
        dump = str([dict(row) for row in await connection.fetch("SELECT * FROM login_failures")])
    assert ADDRESS not in dump
    assert "127.0.0.1" not in dump


def test_a_whole_network_of_ipv6_is_one_address() -> None:
    assert lockout._network("2001:db8::1") == lockout._network("2001:db8:0:0:ffff::2")
    assert lockout._network("2001:db8::1") != lockout._network("2001:db8:0:1::1")
    assert lockout._network("::ffff:192.0.2.1") == lockout._network("192.0.2.1") == "192.0.2.1"
    assert lockout._network("testclient") == "testclient"


async def test_without_the_database_nobody_gets_in(rig: SignInRig) -> None:
    await registered(rig)
    await rig.database.close()
    wrong(await log_in(rig, SECRET), 503, "database_away")


# --- an address and a password for an account that has none -----------------------------------------------


async def test_an_account_takes_an_address_and_a_password(rig: SignInRig) -> None:
    browser = await rig.signed_in("twitch", "?wants=identity")
    wrong(await post(browser, "/account/password", password=SECRET), 409, "no_email")
    assert (await post(browser, "/account/email", email=ADDRESS)).status_code == 202
    await rig.settle()
    code = rig.box.code("confirm")
    # Whoever reads the letter alone gets nothing by it.
    rig.there.people["twitch"].id = "2"
    stranger = await rig.signed_in("twitch", "?wants=identity")
    wrong(await post(stranger, "/account/email/confirm", code=code), 401, "code_refused")
    assert (await post(browser, "/account/email/confirm", code=code)).json()["email"] == ADDRESS
    assert (await post(browser, "/account/password", password=SECRET)).status_code == 204
    assert (await log_in(rig, SECRET)).status_code == 200
    assert (await post(browser, "/account/password", password=OTHER)).status_code == 204
    wrong(await log_in(rig, SECRET), 401, "login_refused")


async def test_an_address_that_belongs_to_somebody_stays_theirs(rig: SignInRig) -> None:
    await registered(rig)
    browser = await rig.signed_in("twitch", "?wants=identity")
    assert (await post(browser, "/account/email", email=ADDRESS)).status_code == 202
    await rig.settle()
    answer = await post(browser, "/account/email/confirm", code=rig.box.code("confirm"))
    wrong(answer, 409, "email_taken")


# --- thieves ----------------------------------------------------------------------------------------------


async def test_stolen_passwords_are_known_without_telling_which(rig: SignInRig) -> None:
    digest = hashlib.sha1(SECRET.encode(), usedforsecurity=False).hexdigest().upper()
    asked = []
    answers = [f"{digest[5:]}:3\r\n0018A45C4D1DEF81644B54AB7F969B88D65:0", f"{digest[5:]}:0", ""]

    async def answer(request: web.Request) -> web.Response:
        asked.append((request.path, request.headers["Add-Padding"]))
        return web.Response(text=answers.pop(0)) if answers else web.Response(status=500)

    app = web.Application()
    app.router.add_get("/range/{prefix}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/range"
    async with aiohttp.ClientSession() as http:
        passwords = Passwords(Breaches(http, url))
        assert "stolen" in await passwords.complaint(SECRET)
        for _ in range(3):  # padding, no hit, and a server that fails: taken
            assert await passwords.complaint(SECRET) == ""
        await runner.cleanup()
        assert await passwords.complaint(SECRET) == ""
    assert asked == [(f"/range/{digest[:5]}", "true")] * 4


async def test_a_password_of_older_figures_is_stored_anew(rig: SignInRig) -> None:
    browser = await registered(rig)
    user_id = UUID((await browser.get("/api/v1/account")).json()["id"])
    from argon2 import PasswordHasher

    old = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(SECRET)
    async with rig.database.connection() as connection:
        await connection.execute("UPDATE users SET password_hash = $2 WHERE id = $1", user_id, old)
        assert (await log_in(rig, SECRET)).status_code == 200
        stored = await connection.fetchval("SELECT password_hash FROM users WHERE id = $1", user_id)
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert (await log_in(rig, SECRET)).status_code == 200
