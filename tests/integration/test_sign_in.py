"""Signing in by a provider: the way there and back, and what must not get through (T5, T6, T43)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from server.web.origins import origins_of
from sql.pool import Database
from tests.fakes.identity_server import CLIENT_SECRET, PROVIDERS, FakeAccount, Fault, Provider
from tests.integration.sign_in_rig import SignInRig, csrf, sign_in_rig, word_of
from tests.integration.web_rig import ORIGIN, wrong


@pytest.fixture
async def rig(database: Database, tmp_path: Path) -> AsyncIterator[SignInRig]:
    async with sign_in_rig(database, tmp_path) as made:
        yield made


async def people(rig: SignInRig) -> int:
    async with rig.database.connection() as connection:
        return int(await connection.fetchval("SELECT count(*) FROM users WHERE NOT is_owner"))


async def test_the_whole_way(rig: SignInRig) -> None:
    for number, provider in enumerate(PROVIDERS, 1):
        await one_way(rig, provider)
        assert await people(rig) == number


async def one_way(rig: SignInRig, provider: Provider) -> None:
    browser = rig.web.client()
    away = await rig.away(browser, provider, "?return_to=/desk?show=1")
    asked = parse_qs(urlsplit(away).query)
    assert asked["redirect_uri"] == [f"http://localhost:8787/auth/{provider}/callback"]
    assert asked["state"][0].startswith(f"{provider}.")
    answer = await rig.back(browser, await rig.decide(away))
    assert (answer.status_code, answer.headers["location"]) == (303, "/desk?show=1")
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    cookies = answer.headers.get_list("set-cookie")
    session = next(cookie for cookie in cookies if cookie.startswith("hubbub_session="))
    assert "HttpOnly" in session
    assert "SameSite=Lax" in session
    assert any(cookie.startswith("hubbub_way_") and "Max-Age=0" in cookie for cookie in cookies)
    me = (await browser.get("/api/v1/session")).json()
    assert me["user"]["name"] == rig.there.people[provider].name
    (place,) = (await browser.get("/api/v1/sessions")).json()["items"]
    assert place["method"] == provider
    assert (await browser.get("/api/v1/campaigns")).json()["items"] == []
    again = await rig.signed_in(provider)
    assert (await again.get("/api/v1/session")).json()["user"]["id"] == me["user"]["id"]
    assert [detail for _, detail in await rig.acts("oauth.login")][-2:] == [
        {"provider": provider, "new": True},
        {"provider": provider, "new": False},
    ]


async def test_a_grant_is_kept_only_where_a_channel_is_wanted(rig: SignInRig) -> None:
    await rig.signed_in("twitch", "?wants=identity")
    assert rig.there.issued[-1].scopes == ()
    assert rig.keeper.stored == []
    await rig.signed_in("twitch", "?wants=channel")
    ((row_id, grant),) = rig.keeper.stored
    assert grant.access_token == rig.there.issued[-1].access
    assert "channel:manage:polls" in grant.scopes
    # Who signs in once more without a channel does not lose it.
    await rig.signed_in("twitch", "?wants=identity")
    assert len(rig.keeper.stored) == 1
    await rig.signed_in("kick")
    assert rig.keeper.stored[1][0] != row_id
    await rig.signed_in("google", "?wants=channel")
    assert list(rig.there.issued[-1].scopes) == ["openid", "email", "profile"]
    assert len(rig.keeper.stored) == 2


async def test_denied(rig: SignInRig) -> None:
    rig.there.decide = "deny"
    browser = rig.web.client()
    assert word_of(await rig.walk(browser, "twitch")) == ("/login", "denied")
    wrong(await browser.get("/api/v1/session"), 401, "unauthorized")
    assert await rig.acts("login.failed") == [("login.failed", {"method": "twitch", "reason": "denied"})]


async def test_a_state_is_good_once(rig: SignInRig) -> None:
    browser = rig.web.client()
    back = await rig.decide(await rig.away(browser, "twitch"))
    assert word_of(await rig.back(browser, back)) == ("/desk", "")
    assert word_of(await rig.back(browser, back)) == ("/login", "expired")
    # The same code under another state of the same browser: PKCE refuses it.
    other = await rig.decide(await rig.away(browser, "twitch"))
    fresh = parse_qs(urlsplit(other).query)
    rig.there.on_return = lambda _provider, parameters: {**parameters, "code": fresh["code"][0]}
    assert word_of(await rig.walk(browser, "twitch")) == ("/login", "refused")


async def test_two_at_once_with_one_state_get_one_session(rig: SignInRig) -> None:
    browser = rig.web.client()
    back = await rig.decide(await rig.away(browser, "twitch"))
    answers = await asyncio.gather(*(rig.back(browser, back) for _ in range(6)))
    assert sorted(word_of(answer)[1] for answer in answers) == ["", *["expired"] * 5]
    assert await people(rig) == 1


async def test_two_tabs_of_one_person_at_once(rig: SignInRig) -> None:
    """Both are under way at the same time, and make one account."""
    browsers = [rig.web.client() for _ in range(4)]
    ways = [await rig.decide(await rig.away(browser, "kick")) for browser in browsers]
    answers = await asyncio.gather(*(rig.back(b, way) for b, way in zip(browsers, ways, strict=True)))
    assert {word_of(answer) for answer in answers} == {("/desk", "")}
    assert await people(rig) == 1
    tab = rig.web.client()
    first, second = await rig.away(tab, "twitch"), await rig.away(tab, "kick")
    assert word_of(await rig.back(tab, await rig.decide(second))) == ("/desk", "")
    assert word_of(await rig.back(tab, await rig.decide(first))) == ("/desk", "")


async def test_an_answer_of_one_provider_is_none_of_another(rig: SignInRig) -> None:
    for mine, other in (("twitch", "kick"), ("kick", "twitch"), ("google", "twitch")):
        browser = rig.web.client()
        back = await rig.decide(await rig.away(browser, mine))  # type: ignore[arg-type]
        swapped = back.replace(f"/auth/{mine}/", f"/auth/{other}/")
        assert word_of(await rig.back(browser, swapped)) == ("/login", "mixed_up")
        assert word_of(await rig.back(browser, back)) == ("/login", "expired")
    assert "twitch token" not in rig.there.calls, "the code was not shown to the wrong provider"


async def test_the_way_belongs_to_the_browser_that_began_it(rig: SignInRig) -> None:
    attacker, victim = rig.web.client(), rig.web.client()
    back = await rig.decide(await rig.away(attacker, "twitch"))
    await rig.away(victim, "twitch")  # the victim is under way as well
    assert word_of(await rig.back(victim, back)) == ("/login", "other_browser")
    wrong(await victim.get("/api/v1/session"), 401, "unauthorized")


async def test_a_way_ends_after_ten_minutes(rig: SignInRig) -> None:
    for age, page in (("00:09:55", ("/desk", "")), ("00:10:01", ("/login", "expired"))):
        browser = rig.web.client()
        back = await rig.decide(await rig.away(browser, "twitch"))
        async with rig.database.connection() as connection:
            await connection.execute(
                "UPDATE oauth_link_states SET created_at = created_at - $1::text::interval,"
                " expires_at = expires_at - $1::text::interval",
                age,
            )
        assert word_of(await rig.back(browser, back)) == page


async def test_an_address_that_somebody_made_up_gets_nowhere(rig: SignInRig) -> None:
    browser = rig.web.client()
    await rig.away(browser, "twitch")
    for query in ("", "?code=x", "?state=twitch.x&code=y", "?state=" + "x" * 300, "?state=a&state=b",
                  "?error=access_denied", "?state=%00%ff&code=%0d%0aset-cookie:x"):  # fmt: skip
        answer = await browser.get(f"/auth/twitch/callback{query}")
        assert word_of(answer) == ("/login", "expired")
        assert "set-cookie" not in answer.headers
    assert "hubbub_session" not in browser.cookies
    assert rig.there.calls == []


async def test_a_code_of_somebody_else_is_refused(rig: SignInRig) -> None:
    """Code injection: the attacker's code in the victim's way does not fit its challenge."""
    attacker, victim = rig.web.client(), rig.web.client()
    stolen = parse_qs(urlsplit(await rig.decide(await rig.away(attacker, "kick"))).query)["code"][0]
    rig.there.on_return = lambda _provider, parameters: {**parameters, "code": stolen}
    assert word_of(await rig.walk(victim, "kick")) == ("/login", "refused")


async def test_nobody_is_sent_anywhere_but_to_a_page_of_ours(rig: SignInRig) -> None:
    """What a page of ours is stands in unit/test_own_paths."""
    for return_to in ("https://evil.example/", "//evil.example", "/\\evil.example", "/desk%0d%0aX:y"):
        browser = rig.web.client()
        begun = await browser.get("/auth/twitch/start", params={"return_to": return_to})
        answer = await rig.back(browser, await rig.decide(begun.headers["location"]))
        assert answer.headers["location"] == "/desk"


async def test_another_site_cannot_begin_it(rig: SignInRig) -> None:
    for site in ("cross-site", "same-site"):
        answer = await rig.web.client().get("/auth/twitch/start", headers={"sec-fetch-site": site})
        assert word_of(answer) == ("/login", "begin_here")
    assert (await rig.web.client().post("/auth/twitch/start")).status_code == 405


async def test_a_provider_that_fails_is_told_apart_from_one_that_refuses(rig: SignInRig) -> None:
    browser = rig.web.client()
    for fault, word in (
        (Fault(500), "away"),
        (Fault(200, b"<html>"), "away"),
        (Fault(200, {"token": "none"}), "away"),
        (Fault(200, b"x" * 70_000), "away"),
        (Fault(429), "away"),
        (Fault(302), "away"),
        (Fault(403, {"status": 403, "message": "invalid client secret"}), "misconfigured"),
        (Fault(400, {"status": 400, "message": "Invalid authorization code"}), "refused"),
    ):
        rig.there.faults["twitch token"] = fault
        assert word_of(await rig.walk(browser, "twitch")) == ("/login", word)
    rig.there.faults["google configuration"] = Fault(500)
    assert word_of(await browser.get("/auth/google/start")) == ("/login", "away")
    # Names are nice to have: without Helix the account is called by its login.
    rig.there.faults["twitch users"] = Fault(500)
    signed_in = await rig.signed_in("twitch")
    assert (await signed_in.get("/api/v1/session")).json()["user"]["name"] == "mossy_tavern"


async def test_a_token_of_another_application_is_refused(rig: SignInRig) -> None:
    said = {"client_id": "another", "login": "x", "scopes": [], "user_id": "1", "expires_in": 5}
    rig.there.faults["twitch validate"] = Fault(200, said)
    assert word_of(await rig.walk(rig.web.client(), "twitch")) == ("/login", "refused")


async def test_a_code_that_has_expired(rig: SignInRig) -> None:
    browser = rig.web.client()
    back = await rig.decide(await rig.away(browser, "twitch"))
    rig.there.expire_everything()
    assert word_of(await rig.back(browser, back)) == ("/login", "refused")


async def test_the_old_session_of_the_browser_ends(rig: SignInRig) -> None:
    browser = await rig.signed_in("twitch")
    old = browser.cookies["hubbub_session"]
    await rig.walk(browser, "twitch")
    assert browser.cookies["hubbub_session"] != old
    thief = rig.web.client(cookie=f"hubbub_session={old}")
    wrong(await thief.get("/api/v1/session"), 401, "unauthorized")


async def test_a_session_of_a_provider_needs_its_csrf_token_too(rig: SignInRig) -> None:
    browser = await rig.signed_in("twitch")
    token = browser.headers.pop("x-csrf-token")
    wrong(await browser.post("/api/v1/campaigns", json={"name": "x"}), 403, "csrf")
    browser.headers["x-csrf-token"] = token
    assert (await browser.post("/api/v1/campaigns", json={"name": "x"})).status_code == 201


async def test_with_https_every_cookie_is_bound_to_the_host(database: Database, tmp_path: Path) -> None:
    origins = origins_of("https://show.example.org", "0.0.0.0", 8787)  # noqa: S104
    async with sign_in_rig(database, tmp_path, origins=origins) as rig:
        browser = rig.web.client(base_url="https://show.example.org")
        begun = await browser.get("/auth/kick/start")
        cookie = begun.headers["set-cookie"]
        assert cookie.startswith("__Host-hubbub_way_")
        for attribute in ("; Secure", "; HttpOnly", "; SameSite=Lax", "; Path=/", "; Max-Age=600"):
            assert attribute in cookie
        assert "Domain" not in cookie
        query = parse_qs(urlsplit(begun.headers["location"]).query)
        assert query["redirect_uri"] == ["https://show.example.org/auth/kick/callback"]
        answer = await rig.back(browser, await rig.decide(begun.headers["location"]))
        cookies = answer.headers.get_list("set-cookie")
        assert any(c.startswith("__Host-hubbub_session=") and c.endswith("; Secure") for c in cookies)


async def test_on_one_computer_the_way_back_leads_to_the_name_it_began_with(rig: SignInRig) -> None:
    """Providers send the browser to `localhost`, where the cookie of 127.0.0.1 does not come along."""
    browser = rig.web.client()
    back = await rig.decide(await rig.away(browser, "twitch"))
    assert back.startswith("http://localhost:8787/auth/twitch/callback?")
    other_name = rig.web.client(base_url="http://localhost:8787")
    bounced = await rig.back(other_name, back)
    assert bounced.status_code == 303
    assert bounced.headers["location"] == back.replace("localhost", "127.0.0.1")
    assert word_of(await browser.get(bounced.headers["location"])) == ("/desk", "")
    # Who began as `localhost` stays there.
    back = await rig.decide(await rig.away(other_name, "twitch"))
    assert word_of(await rig.back(other_name, back)) == ("/desk", "")
    assert "hubbub_session" in other_name.cookies


async def test_no_secret_is_in_the_database(rig: SignInRig) -> None:
    browser = rig.web.client()
    away = await rig.away(browser, "twitch")
    state = parse_qs(urlsplit(away).query)["state"][0]
    binding = next(value for name, value in browser.cookies.items() if "way" in name)
    async with rig.database.connection() as connection:
        (row,) = await connection.fetch("SELECT * FROM oauth_link_states")
        dump = str(dict(row))
        columns = [value for value in row.values() if isinstance(value, bytes)]
    assert all(secret.encode() not in column for secret in (state, binding) for column in columns)
    assert state not in dump
    await rig.back(browser, await rig.decide(away))
    async with rig.database.connection() as connection:
        tables = ("oauth_link_states", "auth_providers", "sessions", "admin_log", "users")
        found = [row for table in tables for row in await connection.fetch(f"SELECT * FROM {table}")]  # noqa: S608
    dump = "\n".join(str(dict(row)) for row in found)
    issued = rig.there.issued[-1]
    assert issued.account.id in dump
    for secret in (issued.access, issued.refresh, CLIENT_SECRET, state, binding):
        assert secret not in dump


async def test_no_secret_is_in_a_log_when_providers_fail(
    rig: SignInRig, capsys: pytest.CaptureFixture[str]
) -> None:
    browser = rig.web.client()
    codes = []
    for fault in (
        Fault(500),
        Fault(400, {"message": "no"}),
        Fault(403, {"message": "invalid client secret"}),
    ):
        back = await rig.decide(await rig.away(browser, "kick"))
        codes.append(parse_qs(urlsplit(back).query)["code"][0])
        rig.there.faults["kick token"] = fault
        await rig.back(browser, back)
    printed = "".join(capsys.readouterr())
    assert "sign_in_refused" in printed
    assert CLIENT_SECRET not in printed
    assert not any(code in printed for code in codes)


# --- linking ----------------------------------------------------------------------------------------------


async def begin_link(rig: SignInRig, browser: object, provider: Provider, wants: str = "channel") -> str:
    answer = await browser.post(f"/api/v1/account/accounts/{provider}", json={"wants": wants})  # type: ignore[attr-defined]
    assert answer.status_code == 200, answer.text
    return str(answer.json()["url"])


async def test_accounts_are_linked_by_signing_in_to_both(rig: SignInRig) -> None:
    browser = await rig.signed_in("twitch", "?wants=identity")
    back = await rig.decide(await begin_link(rig, browser, "kick"))
    assert word_of(await rig.back(browser, back)) == ("/desk", "linked")
    account = (await browser.get("/api/v1/account")).json()
    assert [one["provider"] for one in account["accounts"]] == ["kick", "twitch"]
    assert await people(rig) == 1
    by_kick = await rig.signed_in("kick", "?wants=identity")
    assert (await by_kick.get("/api/v1/session")).json()["user"]["id"] == account["id"]
    assert [told[0] for told in rig.family.told] == ["arrived"] * 3
    assert len(rig.keeper.stored) == 1


async def test_more_permissions_are_given_by_linking_once_more(rig: SignInRig) -> None:
    browser = await rig.signed_in("twitch", "?wants=identity")
    back = await rig.decide(await begin_link(rig, browser, "twitch"))
    assert word_of(await rig.back(browser, back)) == ("/desk", "linked")
    assert len(rig.keeper.stored) == 1


async def test_an_account_is_not_taken_from_its_person(rig: SignInRig) -> None:
    theirs = await rig.signed_in("kick")
    mine = await rig.signed_in("twitch")
    back = await rig.decide(await begin_link(rig, mine, "kick"))
    assert word_of(await rig.back(mine, back)) == ("/desk", "taken")
    rig.there.people["twitch"] = FakeAccount("1", "other", "Other")
    back = await rig.decide(await begin_link(rig, mine, "twitch"))
    assert word_of(await rig.back(mine, back)) == ("/desk", "other_linked")
    assert len((await mine.get("/api/v1/account")).json()["accounts"]) == 1
    assert len((await theirs.get("/api/v1/account")).json()["accounts"]) == 1
    assert {one[0] for one in rig.keeper.stored} != set()
    assert len(rig.keeper.stored) == 2, "no grant of a refused link is kept"


async def test_a_link_belongs_to_the_session_that_asked_for_it(rig: SignInRig) -> None:
    """The attacker's own account must not be added to the victim's, nor to a session that has ended."""
    mallory = await rig.signed_in("twitch")
    rig.there.people["kick"] = FakeAccount("666", "mallory", "Mallory")
    back = await rig.decide(await begin_link(rig, mallory, "kick"))
    rig.there.people["twitch"] = FakeAccount("7", "victim", "Victim")
    victim = await rig.signed_in("twitch")
    assert word_of(await rig.back(victim, back)) == ("/desk", "other_browser")
    back = await rig.decide(await begin_link(rig, mallory, "kick"))
    for name, value in mallory.cookies.items():
        if "way" in name:
            victim.cookies.set(name, value)  # even with the attacker's cookie
    assert word_of(await rig.back(victim, back)) == ("/login", "signed_out")
    assert len((await victim.get("/api/v1/account")).json()["accounts"]) == 1
    back = await rig.decide(await begin_link(rig, mallory, "kick"))
    await mallory.delete("/api/v1/session")
    assert word_of(await rig.back(mallory, back)) == ("/login", "expired"), "the way ends with its session"


async def test_linking_needs_the_csrf_token_and_a_session(rig: SignInRig) -> None:
    browser = await rig.signed_in("twitch")
    wrong(await rig.web.root.post("/api/v1/account/accounts/kick", json={}), 409, "no_session")
    wrong(await browser.post("/api/v1/account/accounts/myspace", json={}), 404, "not_found")
    browser.headers["x-csrf-token"] = "x" * 43
    wrong(await browser.post("/api/v1/account/accounts/kick", json={}), 403, "csrf")


async def test_the_owner_links_an_account_to_the_link_of_the_terminal(rig: SignInRig) -> None:
    owner = await rig.web.browser()
    back = await rig.decide(await begin_link(rig, owner, "twitch"))
    assert word_of(await rig.back(owner, back)) == ("/desk", "linked")
    by_twitch = await rig.signed_in("twitch")
    me = (await by_twitch.get("/api/v1/session")).json()
    assert me["user"]["id"] == str(rig.web.services.owner.id)


# --- addresses: nobody gets an account by one that they have not proven -----------------------------------


async def test_an_address_joins_accounts_only_when_both_sides_have_proven_it(rig: SignInRig) -> None:
    by_google = await rig.signed_in("google")
    account = (await by_google.get("/api/v1/account")).json()
    assert account["email"] == "mossy@example.org"
    # Kick tells the same address, and nothing about whether it was ever seen to work.
    by_kick = await rig.signed_in("kick")
    other = (await by_kick.get("/api/v1/account")).json()
    assert other["id"] != account["id"]
    assert other["email"] is None
    assert other["accounts"][0]["email"] == "mossy@example.org"


async def test_an_unproven_address_of_google_joins_nothing(rig: SignInRig) -> None:
    await rig.signed_in("google")
    rig.there.people["google"] = FakeAccount("2", "", "Mallory", "mossy@example.org", email_verified=False)
    mallory = await rig.signed_in("google")
    account = (await mallory.get("/api/v1/account")).json()
    assert (account["name"], account["email"]) == ("Mallory", None)
    assert await people(rig) == 2


async def test_a_second_account_of_a_provider_is_somebody_else(rig: SignInRig) -> None:
    """One of each provider: even a proven address does not add a second one."""
    await rig.signed_in("google")
    rig.there.people["google"] = FakeAccount("2", "", "Mossy", "mossy@example.org", email_verified=True)
    second = await rig.signed_in("google")
    assert (await second.get("/api/v1/account")).json()["email"] is None
    assert await people(rig) == 2


# --- what is offered --------------------------------------------------------------------------------------


async def test_ways_to_sign_in_are_told_with_their_permissions_in_words(rig: SignInRig) -> None:
    ways = (await rig.web.client().get("/api/v1/sign-in")).json()
    assert [(w["provider"], w["code"], w["device"]) for w in ways["providers"]] == [
        ("twitch", True, True),
        ("kick", True, False),
        ("google", True, False),
    ]
    assert ways["email"] is True
    twitch = {p["scope"]: p["words"] for p in ways["providers"][0]["permissions"]}
    assert "give points back" in twitch["channel:manage:redemptions"]
    stranger = await rig.web.client().get("/desk")
    assert (stranger.status_code, stranger.text.split()[0]) == (401, "pages/login.html")


async def test_a_local_installation_needs_none_of_it(database: Database, tmp_path: Path) -> None:
    names = [f"{name}_CLIENT_{part}" for name in ("TWITCH", "KICK", "GOOGLE") for part in ("ID", "SECRET")]
    async with sign_in_rig(database, tmp_path, with_mail=False, without=names) as rig:
        assert (await rig.web.client().get("/api/v1/sign-in")).json() == {"providers": [], "email": False}
        wrong(await rig.web.client().get("/auth/twitch/start"), 404, "not_found")
        refused = await rig.web.client().get("/desk")
        assert refused.text.startswith("pages/refused.html")
        wrong(
            await rig.web.client().post("/api/v1/device-sign-ins", json={"provider": "twitch"}),
            404,
            "not_found",
        )
        body = {"email": "a@example.org", "password": "x" * 12}
        wrong(await rig.web.client().post("/api/v1/session/password", json=body), 404, "not_found")
        assert (await (await rig.web.browser()).get("/desk")).status_code == 200


async def test_in_a_plain_network_only_codes_for_devices_are_offered(
    database: Database, tmp_path: Path
) -> None:
    origins = origins_of("http://192.168.1.20:8787", "0.0.0.0", 8787)  # noqa: S104
    async with sign_in_rig(database, tmp_path, origins=origins, with_mail=False) as rig:
        ways = (await rig.web.client().get("/api/v1/sign-in")).json()["providers"]
        assert [(w["provider"], w["code"], w["device"]) for w in ways] == [("twitch", False, True)]


async def test_sign_ins_of_an_address_are_limited(rig: SignInRig) -> None:
    browser = rig.web.client()
    words = [urlsplit((await browser.get("/auth/twitch/start")).headers["location"]).path for _ in range(32)]
    assert words[:30] == ["/twitch/oauth2/authorize"] * 30
    assert words[30:] == ["/login"] * 2


async def test_the_database_away_is_told_on_a_page(rig: SignInRig) -> None:
    browser = rig.web.client()
    back = await rig.decide(await rig.away(browser, "twitch"))
    await rig.database.close()
    assert word_of(await rig.back(browser, back)) == ("/login", "database")
    assert word_of(await browser.get("/auth/twitch/start")) == ("/login", "database")


async def test_a_browser_that_is_signed_in_gets_its_own_csrf_token(rig: SignInRig) -> None:
    first, second = await rig.signed_in("twitch"), await rig.signed_in("twitch")
    assert first.headers["x-csrf-token"] != second.headers["x-csrf-token"]
    await csrf(first)
    assert first.headers["origin"] == ORIGIN
