"""Who gets in, who may write, and from where (threats T3–T5, T42, T43)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from server.web.auth import SECURE_COOKIE
from server.web.login import login_link
from server.web.origins import origins_of
from sql import api_keys
from sql.pool import Database
from tests.integration.web_rig import ORIGIN, ROOT_KEY, Rig, rig_on, wrong

NEW_CAMPAIGN = {"name": "Night"}


@pytest.fixture
async def rig(database: Database, tmp_path: Path) -> AsyncIterator[Rig]:
    async with rig_on(database, tmp_path) as made:
        yield made


async def test_the_link_of_the_terminal_lets_in_once(rig: Rig) -> None:
    link = await login_link(rig.services.database, rig.services.owner.id, ORIGIN)
    assert link.startswith(f"{ORIGIN}/login#code=")
    code = {"code": link.partition("#code=")[2]}
    stranger = rig.client()
    first = await stranger.post("/api/v1/session", json=code)
    assert first.status_code == 200
    assert first.json()["user"]["id"] == str(rig.services.owner.id)
    cookie = first.headers["set-cookie"]
    assert cookie.startswith("hubbub_session=")
    for attribute in ("HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=604800"):
        assert attribute in cookie
    assert "Secure" not in cookie
    me = await stranger.get("/api/v1/session")
    assert me.json()["csrf"] == first.json()["csrf"]
    assert (me.json()["build"], me.json()["demo"]) == (rig.services.assets.build, False)
    wrong(await rig.client().post("/api/v1/session", json=code), 401, "code_refused")


async def test_two_at_once_with_one_link_get_one_session(rig: Rig) -> None:
    link = await login_link(rig.services.database, rig.services.owner.id, ORIGIN)
    code = {"code": link.partition("#code=")[2]}
    answers = await asyncio.gather(*(rig.client().post("/api/v1/session", json=code) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200, *[401] * 7]


async def test_codes_and_tokens_are_not_in_the_database(rig: Rig) -> None:
    link = await login_link(rig.services.database, rig.services.owner.id, ORIGIN)
    desk = await rig.browser()
    async with rig.services.database.connection() as connection:
        key_id, key = await api_keys.create(connection, rig.services.owner.id, "deck")
        rows = [
            str(dict(row))
            for table in ("verifications", "sessions", "api_keys", "admin_log")
            for row in await connection.fetch(f"SELECT * FROM {table}")  # noqa: S608  names from the line above
        ]
    dump = "\n".join(rows)
    assert str(key_id) in dump
    for secret in (link.partition("#code=")[2], key, desk.cookies["hubbub_session"]):
        assert secret not in dump


async def test_with_https_the_cookie_is_bound_to_the_host(database: Database, tmp_path: Path) -> None:
    origins = origins_of("https://show.example.org", "0.0.0.0", 8787)  # noqa: S104
    async with rig_on(database, tmp_path, origins=origins) as rig:
        desk = await rig.browser()
        assert SECURE_COOKIE in desk.cookies
        answer = await desk.post("/api/v1/campaigns", json=NEW_CAMPAIGN)
        assert answer.status_code == 201
        assert answer.headers["strict-transport-security"] == "max-age=31536000"


async def test_a_wrong_key_is_not_saved_by_a_cookie(rig: Rig) -> None:
    desk = await rig.browser()
    for authorization in [
        "",
        "Bearer",
        "Bearer x",
        "Basic abc",
        f"Bearer {ROOT_KEY}x",
        f"Bearer {ROOT_KEY[:-1]}",
        f"Token {ROOT_KEY}",
    ]:
        answer = await desk.get("/api/v1/campaigns", headers={"authorization": authorization})
        wrong(answer, 401, "unauthorized")
        assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_the_key_of_the_environment_has_the_owners_rights(rig: Rig) -> None:
    me = (await rig.root.get("/api/v1/session")).json()
    assert me["user"]["id"] == str(rig.services.owner.id)
    assert me["csrf"] is None


async def test_a_key_works_until_it_is_revoked(rig: Rig) -> None:
    async with rig.services.database.connection() as connection:
        key_id, key = await api_keys.create(connection, rig.services.owner.id, "deck")
    script = rig.client(key=key)
    assert (await script.post("/api/v1/campaigns", json=NEW_CAMPAIGN)).status_code == 201
    async with rig.services.database.connection() as connection:
        listed = await api_keys.list_of_user(connection, rig.services.owner.id)
        assert listed[0].last_used_at is not None
        assert await api_keys.revoke(connection, key_id, rig.services.owner.id)
        assert not await api_keys.revoke(connection, key_id, rig.services.owner.id)
    wrong(await script.get("/api/v1/campaigns"), 401, "unauthorized")


async def test_a_script_needs_no_csrf_token_even_from_a_strange_origin(rig: Rig) -> None:
    answer = await rig.root.post(
        "/api/v1/campaigns", json=NEW_CAMPAIGN, headers={"origin": "https://deck.example"}
    )
    assert answer.status_code == 201


async def test_another_site_cannot_write_with_the_cookie(rig: Rig) -> None:
    campaign = await rig.campaign()
    desk = await rig.browser()
    for headers, kind in [
        ({"x-csrf-token": ""}, "csrf"),
        ({"x-csrf-token": "x" * 43}, "csrf"),
        ({"origin": "https://evil.example"}, "foreign_origin"),
        ({"origin": "null"}, "foreign_origin"),
        ({"origin": ""}, "foreign_origin"),
        ({"origin": "http://127.0.0.1:8788"}, "foreign_origin"),
        ({"origin": "http://127.0.0.1"}, "foreign_origin"),
        ({"origin": "https://127.0.0.1:8787"}, "foreign_origin"),
        ({"origin": "http://127.0.0.1:8787.evil.example"}, "foreign_origin"),
        ({"origin": "http://a.127.0.0.1:8787"}, "foreign_origin"),
        ({"origin": "HTTP://127.0.0.1:8787"}, "foreign_origin"),
        ({"sec-fetch-site": "cross-site"}, "foreign_origin"),
        ({"sec-fetch-site": "same-site"}, "foreign_origin"),
    ]:
        for method, path, body in (
            ("POST", "/api/v1/campaigns", NEW_CAMPAIGN),
            ("PATCH", f"/api/v1/campaigns/{campaign}", NEW_CAMPAIGN),
            ("DELETE", "/api/v1/session", None),
        ):
            wrong(await desk.request(method, path, json=body, headers=headers), 403, kind)
    (only,) = (await desk.get("/api/v1/campaigns")).json()["items"]
    assert only["name"] == "Curse of the coast"


async def test_our_own_pages_can_write(rig: Rig) -> None:
    desk = await rig.browser()
    for headers in ({}, {"origin": "http://localhost:8787"}, {"sec-fetch-site": "same-origin"}):
        answer = await desk.post("/api/v1/campaigns", json=NEW_CAMPAIGN, headers=headers)
        assert answer.status_code == 201, answer.text


async def test_what_a_foreign_form_can_send_is_not_read(rig: Rig) -> None:
    for media_type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]:
        stranger = rig.client()
        answer = await stranger.post(
            "/api/v1/session", content=b'{"code":"x"}', headers={"content-type": media_type}
        )
        wrong(answer, 415, "media_type")


async def test_a_foreign_site_cannot_log_its_own_session_in(rig: Rig) -> None:
    link = await login_link(rig.services.database, rig.services.owner.id, ORIGIN)
    code = {"code": link.partition("#code=")[2]}
    foreign = rig.client(origin="https://evil.example")
    wrong(await foreign.post("/api/v1/session", json=code), 403, "foreign_origin")
    assert (await rig.client().post("/api/v1/session", json=code)).status_code == 200


async def test_logging_out_ends_the_session_everywhere(rig: Rig) -> None:
    desk = await rig.browser()
    token = desk.cookies["hubbub_session"]
    answer = await desk.delete("/api/v1/session")
    assert answer.status_code == 204
    assert "Max-Age=0" in answer.headers["set-cookie"]
    thief = rig.client(cookie=f"hubbub_session={token}")
    wrong(await thief.get("/api/v1/campaigns"), 401, "unauthorized")
    wrong(await rig.root.delete("/api/v1/session"), 409, "no_session")


async def test_a_new_login_ends_the_old_session_of_the_browser(rig: Rig) -> None:
    desk = await rig.browser()
    old = desk.cookies["hubbub_session"]
    link = await login_link(rig.services.database, rig.services.owner.id, ORIGIN)
    await desk.post("/api/v1/session", json={"code": link.partition("#code=")[2]})
    assert desk.cookies["hubbub_session"] != old
    wrong(await rig.client(cookie=f"hubbub_session={old}").get("/api/v1/session"), 401, "unauthorized")


async def test_sessions_are_listed_and_ended_by_their_owner_alone(rig: Rig) -> None:
    first, second = await rig.browser(), await rig.browser()
    stranger = await rig.browser(await rig.person("Mallory"))
    items = (await first.get("/api/v1/sessions")).json()["items"]
    assert [item["current"] for item in items] == [False, True]
    other = items[0]["id"]
    wrong(await stranger.delete(f"/api/v1/sessions/{other}"), 404, "not_found")
    assert (await second.get("/api/v1/session")).status_code == 200
    assert (await first.delete(f"/api/v1/sessions/{other}")).status_code == 204
    wrong(await second.get("/api/v1/session"), 401, "unauthorized")


#: (age of the login, time since its last use, whether it still holds)
AGES = [
    ("6 days 23 hours", "1 minute", True),
    ("7 days 1 second", "1 minute", False),
    ("1 day", "11 hours 59 minutes", True),
    ("1 day", "12 hours 1 second", False),
]


async def test_a_session_ends_by_age_and_by_idleness(rig: Rig) -> None:
    for age, idle, holds in AGES:
        desk = await rig.browser()
        async with rig.services.database.connection() as connection:
            await connection.execute(
                """UPDATE sessions SET created_at = created_at - $1::text::interval,
                   expires_at = expires_at - $1::text::interval, last_seen_at = now() - $2::text::interval""",
                age,
                idle,
            )
        assert (await desk.get("/api/v1/session")).status_code == (200 if holds else 401)
        assert (await desk.get("/desk")).status_code == (200 if holds else 401)


async def test_a_login_code_ends_after_a_day(rig: Rig) -> None:
    links = [await login_link(rig.services.database, rig.services.owner.id, ORIGIN) for _ in range(2)]
    for link, age, status in zip(links, ("23:59:50", "24:00:01"), (200, 401), strict=True):
        async with rig.services.database.connection() as connection:
            await connection.execute(
                "UPDATE verifications SET expires_at = created_at + interval '24 hours' - $1::text::interval",
                age,
            )
        answer = await rig.client().post("/api/v1/session", json={"code": link.partition("#code=")[2]})
        assert answer.status_code == status


async def test_using_a_session_keeps_it_alive(rig: Rig) -> None:
    desk = await rig.browser()
    async with rig.services.database.connection() as connection:
        await connection.execute("UPDATE sessions SET last_seen_at = now() - interval '11 hours'")
    await desk.get("/api/v1/session")
    async with rig.services.database.connection() as connection:
        age = await connection.fetchval("SELECT now() - last_seen_at FROM sessions")
    assert age.total_seconds() < 60


async def test_guessing_codes_is_slowed_down(rig: Rig) -> None:
    stranger = rig.client()
    statuses = [
        (await stranger.post("/api/v1/session", json={"code": f"guess-{n}"})).status_code for n in range(12)
    ]
    assert statuses == [*[401] * 10, 429, 429]
    # Who has the right code is not locked out by somebody who guesses.
    me = (await (await rig.browser()).get("/api/v1/session")).json()
    assert me["user"]["id"] == str(rig.services.owner.id)


async def test_everything_but_the_login_needs_one(rig: Rig) -> None:
    from server.web.api import ENDPOINTS

    stranger = rig.client()
    some_id = str(rig.services.owner.id)
    opened: set[str] = set()
    for endpoint in ENDPOINTS:
        path = endpoint.path
        for name in endpoint.path_parameters:
            path = path.replace(f"{{{name}}}", some_id)
        answer: httpx2.Response = await stranger.request(endpoint.method, path)
        if endpoint.is_open:
            opened.add(endpoint.name)
        else:
            wrong(answer, 401, "unauthorized")
    assert opened == {
        "log_in",
        "sign_in_ways",
        "begin_device_sign_in",
        "check_device_sign_in",
        "register",
        "make_account",
        "log_in_with_password",
        "ask_for_reset",
        "reset_password",
    }
