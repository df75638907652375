"""A person's own account: ways in, sessions, what is kept, and leaving for good (T40, T43, domain §7)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest

from server.engine import housekeeping
from sql import api_keys, auth_providers, erasures
from sql.pool import Database
from tests.fakes.identity_server import FakeAccount
from tests.integration.sign_in_rig import SignInRig, csrf, sign_in_rig, word_of
from tests.integration.web_rig import ORIGIN, wrong

POLL = {"question": "Which door?", "options": ["Left", "Right"], "duration_s": 60, "grace_s": 0}


@pytest.fixture
async def rig(database: Database, tmp_path: Path) -> AsyncIterator[SignInRig]:
    async with sign_in_rig(database, tmp_path) as made:
        yield made


async def linked(rig: SignInRig, browser: httpx2.AsyncClient, provider: str) -> None:
    begun = await browser.post(f"/api/v1/account/accounts/{provider}", json={})
    answer = await rig.back(browser, await rig.decide(begun.json()["url"]))
    assert word_of(answer) == ("/desk", "linked")


async def id_of(browser: httpx2.AsyncClient) -> UUID:
    return UUID((await browser.get("/api/v1/account")).json()["id"])


async def older_login(rig: SignInRig) -> None:
    """As if everybody had signed in half an hour and a second ago."""
    async with rig.database.connection() as connection:
        await connection.execute("UPDATE sessions SET created_at = created_at - interval '1801 s'")


async def everything(rig: SignInRig, *but: str) -> str:
    """All rows of all tables, as a dump would show them."""
    async with rig.database.connection() as connection:
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        rows = [
            f"{table['tablename']}: {dict(row)}"
            for table in tables
            if table["tablename"] not in but
            for row in await connection.fetch(f"SELECT * FROM {table['tablename']}")  # noqa: S608
        ]
    return "\n".join(rows)


async def test_a_name_is_ones_own(rig: SignInRig) -> None:
    browser = await rig.signed_in("twitch")
    answer = await browser.patch("/api/v1/account", json={"name": "  The   Mossy\u202e One "})
    assert answer.json()["name"] == "The Mossy One"
    wrong(await browser.patch("/api/v1/account", json={"name": "\u200b"}), 422, "invalid")


# --- ways in ----------------------------------------------------------------------------------------------


async def test_the_last_way_in_stays(rig: SignInRig) -> None:
    browser = await rig.signed_in("twitch")
    wrong(await browser.delete("/api/v1/account/accounts/twitch"), 409, "last_way_in")
    wrong(await browser.delete("/api/v1/account/accounts/kick"), 404, "not_found")
    await linked(rig, browser, "kick")
    assert (await browser.delete("/api/v1/account/accounts/twitch")).status_code == 204
    wrong(await browser.delete("/api/v1/account/accounts/kick"), 409, "last_way_in")
    assert rig.family.told[-1][::2] == ("unlinked", "twitch:700100200")
    assert ("oauth.unlink", {"provider": "twitch"}) in await rig.acts()
    # The account is free: whoever signs in by it is somebody new.
    other = await rig.signed_in("twitch")
    assert await id_of(other) != await id_of(browser)


async def test_two_at_once_cannot_take_the_last_two_ways(rig: SignInRig) -> None:
    browser = await rig.signed_in("twitch")
    await linked(rig, browser, "kick")
    paths = [f"/api/v1/account/accounts/{provider}" for provider in ("twitch", "kick")]
    answers = await asyncio.gather(*(browser.delete(path) for path in paths))
    assert sorted(answer.status_code for answer in answers) == [204, 409]


async def test_a_password_and_the_terminal_are_ways_in_too(rig: SignInRig) -> None:
    owner = await rig.web.browser()
    await linked(rig, owner, "twitch")
    assert (await owner.delete("/api/v1/account/accounts/twitch")).status_code == 204
    browser = await rig.signed_in("google")
    body = {"password": "correct horse battery"}
    assert (await browser.post("/api/v1/account/password", json=body)).status_code == 204
    assert (await browser.delete("/api/v1/account/accounts/google")).status_code == 204


async def test_what_cannot_be_undone_asks_for_a_new_login(rig: SignInRig) -> None:
    browser = await rig.signed_in("google")
    await linked(rig, browser, "twitch")
    assert (await browser.get("/api/v1/account")).json()["signed_in_just_now"] is True
    await older_login(rig)
    assert (await browser.get("/api/v1/account")).json()["signed_in_just_now"] is False
    for method, path, body in (
        ("DELETE", "accounts/twitch", None),
        ("POST", "email", {"email": "new@example.org"}),
        ("POST", "password", {"password": "correct horse battery"}),
        ("POST", "erase", {"confirm": "erase"}),
    ):
        answer = await browser.request(method, f"/api/v1/account/{path}", json=body)
        wrong(answer, 403, "sign_in_again")
    await rig.walk(browser, "twitch")
    await csrf(browser)
    assert (await browser.delete("/api/v1/account/accounts/google")).status_code == 204


async def test_a_key_is_no_person(rig: SignInRig) -> None:
    browser = await rig.signed_in("twitch")
    async with rig.database.connection() as connection:
        _, key = await api_keys.create(connection, await id_of(browser), "deck")
    script = rig.web.client(key=key)
    assert (await script.get("/api/v1/account")).json()["signed_in_just_now"] is False
    for method, path, body in (
        ("DELETE", "/account/accounts/twitch", None),
        ("POST", "/account/accounts/kick", {}),
        ("POST", "/account/email", {"email": "new@example.org"}),
        ("POST", "/account/password", {"password": "correct horse battery"}),
        ("GET", "/account/export", None),
        ("POST", "/account/erase", {"confirm": "erase"}),
        ("DELETE", "/sessions", None),
    ):
        wrong(await script.request(method, f"/api/v1{path}", json=body), 409, "no_session")


# --- sessions ---------------------------------------------------------------------------------------------


async def test_all_other_sessions_end_at_once(rig: SignInRig) -> None:
    browsers = [await rig.signed_in("twitch") for _ in range(3)]
    stranger = await rig.signed_in("kick")
    assert (await browsers[0].delete("/api/v1/sessions")).status_code == 204
    statuses = [(await b.get("/api/v1/session")).status_code for b in (*browsers, stranger)]
    assert statuses == [200, 401, 401, 200]
    assert [detail for _, detail in await rig.acts("session.logout_all")] == [{"ended": 2}]


async def test_the_end_of_a_session_by_itself_is_in_the_record(rig: SignInRig) -> None:
    browser = await rig.signed_in("twitch")
    async with rig.database.connection() as connection:
        await connection.execute("UPDATE sessions SET last_seen_at = now() - interval '12 h 1 s'")
    await housekeeping.tidy(rig.database)
    wrong(await browser.get("/api/v1/session"), 401, "unauthorized")
    assert len(await rig.acts("session.expired")) == 1
    await housekeeping.tidy(rig.database)
    assert len(await rig.acts("session.expired")) == 1


async def test_nothing_of_sign_in_grows_for_ever(rig: SignInRig) -> None:
    browser = rig.web.client()
    await rig.away(browser, "twitch")
    await browser.post("/api/v1/device-sign-ins", json={"provider": "twitch"})
    body = {"email": "a@example.org", "password": "x" * 12}
    await browser.post("/api/v1/session/password", json=body)
    await browser.post("/api/v1/registrations", json={"email": "a@example.org"})
    tables = ("oauth_link_states", "device_sign_ins", "login_failures", "verifications", "admin_log")
    async with rig.database.connection() as connection:

        async def rows() -> dict[str, int]:
            return {t: await connection.fetchval(f"SELECT count(*) FROM {t}") for t in tables}  # noqa: S608

        await housekeeping.tidy(rig.database)
        assert await rows() == dict.fromkeys(tables, 1) | {"login_failures": 2, "admin_log": 2}
        await connection.execute(
            "UPDATE oauth_link_states SET (created_at, expires_at) = (now() - interval '1 h', now());"
            "UPDATE device_sign_ins SET (created_at, expires_at) = (now() - interval '1 h', now());"
            "UPDATE login_failures SET last_at = now() - interval '16 min';"
            "UPDATE verifications SET expires_at = now() - interval '25 h';"
            "UPDATE admin_log SET at = now() - interval '91 days'"
        )
        await housekeeping.tidy(rig.database)
        assert await rows() == dict.fromkeys(tables, 0)


# --- what is kept, and leaving for good -------------------------------------------------------------------


async def a_poll_with_a_vote(rig: SignInRig, voter: str, **more: Any) -> str:
    """In the owner's show: a poll that has counted a vote of this Twitch account."""
    root = rig.web.root
    campaign = await rig.web.campaign()
    channel = {"platform": "twitch", "login": "stage", "channel_id": "1", "source": "api"}
    assert (await root.post(f"/api/v1/campaigns/{campaign}/channels", json=channel)).status_code == 201
    poll = (await root.post(f"/api/v1/campaigns/{campaign}/polls", json={**POLL, **more})).json()["id"]
    opened = (await root.post(f"/api/v1/polls/{poll}/launch", json={})).json()
    events = [
        {
            "type": "chat.message",
            "platform": "twitch",
            "channel_id": "1",
            "message_id": f"{poll}-{number}",
            "user": {"id": user, "login": "mossy_tavern", "name": "Mossy_Tavern"},
            "text": "!2",
            "sent_at": opened["opens_at"],
        }
        for number, user in enumerate((voter, "991"))
    ]
    taken = (await root.post(f"/api/v1/campaigns/{campaign}/events", json=events)).json()
    assert taken["accepted"] == 2, taken
    return str(poll)


async def close(rig: SignInRig, poll: str) -> None:
    await rig.web.root.post(f"/api/v1/polls/{poll}/cancel", json={})
    async with rig.database.connection() as connection:  # past the time in which it could come back
        await connection.execute(
            "UPDATE poll_instances SET phase_at = now() - interval '1 min' WHERE id = $1", UUID(poll)
        )


async def test_everything_that_is_kept_can_be_taken_away(rig: SignInRig) -> None:
    browser = await rig.signed_in("twitch")
    await a_poll_with_a_vote(rig, "700100200")
    await browser.post("/api/v1/campaigns", json={"name": "My own show"})
    answer = await browser.get("/api/v1/account/export")
    assert answer.headers["content-disposition"] == 'attachment; filename="hubbub-account.json"'
    kept = answer.json()
    assert set(kept) == {
        *("account", "sessions", "keys", "shows", "viewer", "votes", "acts"),
        *("memberships", "persons", "consents"),  # of the household
    }
    assert kept["account"]["accounts"][0]["login"] == "mossy_tavern"
    assert [show["name"] for show in kept["shows"]] == ["My own show"]
    assert [(vote["question"], vote["answer"]) for vote in kept["votes"]] == [("Which door?", "Right")]
    assert {act["action"] for act in kept["acts"]} >= {"oauth.login", "login.success", "campaign.create"}
    for secret in (browser.cookies["hubbub_session"], browser.headers["x-csrf-token"]):
        assert secret not in answer.text
    assert len(await rig.acts("account.exported")) == 1


async def test_after_leaving_no_row_names_the_person(rig: SignInRig) -> None:
    """All of it is looked through, as a dump would show it."""
    # Whatever is named so is the person's; nothing else in the test is.
    rig.there.people["twitch"] = FakeAccount("70010020077", "mossyperson", "MossyPerson")
    rig.there.people["kick"] = FakeAccount(
        "424242424242", "mossykick", "MossyKick", "mossyperson@example.org"
    )
    rig.there.people["google"] = FakeAccount("g-1101694", "", "MossyGoogle", "mossyperson@example.org", True)
    browser = await rig.signed_in("google")
    for provider in ("twitch", "kick"):
        await linked(rig, browser, provider)
    user_id = await id_of(browser)
    await browser.post("/api/v1/account/email", json={"email": "mossyperson2@example.org"})
    show = (await browser.post("/api/v1/campaigns", json={"name": "MossyPerson's show"})).json()["id"]
    for channel in (
        {"platform": "twitch", "login": "mossyperson", "channel_id": "70010020077", "source": "api"},
        {"platform": "kick", "login": "mossykick", "source": "api"},  # its id is not known yet
    ):
        answer = await browser.post(f"/api/v1/campaigns/{show}/channels", json=channel)
        assert answer.status_code == 201, answer.text
    async with rig.database.connection() as connection:
        await connection.execute(
            "INSERT INTO viewers (platform, platform_user_id, login, name)"
            " VALUES ('twitch', '70010020077', 'mossyperson', 'MossyPerson')"
        )
        await api_keys.create(connection, user_id, "MossyPerson's deck")
    polls = [
        await a_poll_with_a_vote(rig, "70010020077", rule=rule) for rule in ("one_vote", "every_message")
    ]
    running = await a_poll_with_a_vote(rig, "70010020077")
    for poll in polls:
        await close(rig, poll)
    before = await everything(rig)
    names = ("mossy", "70010020077", "424242424242", "g-1101694")
    assert all(name in before.lower() for name in names)

    key = {"idempotency-key": "leave-1"}  # as the desk sends it
    answer = await browser.post("/api/v1/account/erase", json={"confirm": "erase"}, headers=key)
    assert answer.status_code == 204, answer.text
    assert "Max-Age=0" in answer.headers["set-cookie"]
    wrong(await browser.get("/api/v1/session"), 401, "unauthorized")
    assert [told[0] for told in rig.family.told[-4:]] == ["leaving", "unlinked", "unlinked", "unlinked"]
    after = (await everything(rig, "poll_votes", "erasures", "board_events", "inbox")).lower()
    assert not [line for line in after.splitlines() for name in names if name in line]

    async def votes(poll: str) -> list[str]:
        async with rig.database.connection() as connection:
            rows = await connection.fetch(
                "SELECT platform_user_id, ballot FROM poll_votes WHERE poll_instance_id = $1", UUID(poll)
            )
        return [str(dict(row)) for row in rows]

    # What still counts keeps its voter until it has stopped; the results do not change.
    assert any("70010020077" in vote for vote in await votes(running))
    await close(rig, running)
    await housekeeping.tidy(rig.database)
    for poll in (*polls, running):
        found = await votes(poll)
        assert len(found) == 2
        assert sum("erased:" in vote for vote in found) == 1
    dump = (await everything(rig)).lower()
    assert not [line for line in dump.splitlines() for name in names if name in line]
    # Whoever signs in by the account again is somebody new, with nothing of before.
    again = await rig.signed_in("twitch")
    assert await id_of(again) != user_id
    assert (await again.get("/api/v1/campaigns")).json()["items"] == []


async def test_a_show_with_another_game_master_is_handed_over(rig: SignInRig) -> None:
    leaving, heir = await rig.signed_in("twitch"), await rig.signed_in("kick")
    show = (await leaving.post("/api/v1/campaigns", json={"name": "Friday dungeon"})).json()["id"]
    async with rig.database.connection() as connection:
        await connection.execute(
            "INSERT INTO campaign_memberships (id, campaign_id, user_id, role, accepted_at)"
            " VALUES ($1, $2, $3, 'game_master', now())",
            UUID(int=5),
            UUID(show),
            await id_of(heir),
        )
    assert (await leaving.post("/api/v1/account/erase", json={"confirm": "erase"})).status_code == 204
    (kept,) = (await heir.get("/api/v1/campaigns")).json()["items"]
    assert kept["name"] == "Friday dungeon"
    async with rig.database.connection() as connection:
        roles = await connection.fetch(
            "SELECT role, user_id FROM campaign_memberships WHERE campaign_id = $1", UUID(show)
        )
    assert [(row["role"], row["user_id"]) for row in roles] == [("owner", await id_of(heir))]


async def invited(rig: SignInRig, login: str = "mossy_tavern") -> str:
    """Into a show of the installation's owner, as a streamer on Twitch; the show."""
    show = await rig.web.campaign()
    body = {"platform": "twitch", "login": login, "role": "streamer"}
    answer = await rig.web.root.post(f"/api/v1/campaigns/{show}/members", json=body)
    assert answer.status_code == 201, answer.text
    return show


async def test_who_was_invited_by_name_finds_the_invitation_on_first_sign_in(rig: SignInRig) -> None:
    show = await invited(rig)
    browser = await rig.signed_in("twitch")
    (found,) = (await browser.get("/api/v1/invitations")).json()["items"]
    assert found["campaign_id"] == show
    assert await id_of(await rig.signed_in("twitch")) == await id_of(browser)
    async with rig.database.connection() as connection:
        rows = await connection.fetch(
            "SELECT user_id, platform_user_id FROM campaign_memberships"
            " WHERE campaign_id = $1 AND role = 'streamer'",
            UUID(show),
        )
    assert [tuple(row) for row in rows] == [(await id_of(browser), "700100200")], "merged, never doubled"


async def a_streamer_who_agreed(rig: SignInRig) -> tuple[httpx2.AsyncClient, str]:
    """In a show of the installation's owner, with the channel that comes with it."""
    show = await invited(rig)
    browser = await rig.signed_in("twitch")
    (found,) = (await browser.get("/api/v1/invitations")).json()["items"]
    assert (await browser.post(f"/api/v1/invitations/{found['id']}/accept", json={})).is_success
    agreed = await browser.post(
        f"/api/v1/campaigns/{show}/consents", json={"capabilities": ["polls", "rewards"]}
    )
    assert agreed.is_success, agreed.text
    return browser, show


async def consents_of(rig: SignInRig) -> int:
    async with rig.database.connection() as connection:
        return int(await connection.fetchval("SELECT count(*) FROM campaign_consents WHERE ended_at IS NULL"))


async def test_unlinking_ends_what_shows_may_do_there(rig: SignInRig) -> None:
    browser, show = await a_streamer_who_agreed(rig)
    await linked(rig, browser, "kick")
    assert await consents_of(rig) == 2
    # An account without a channel in any show changes nothing.
    assert (await browser.delete("/api/v1/account/accounts/kick")).status_code == 204
    assert await consents_of(rig) == 2
    await linked(rig, browser, "kick")
    assert (await browser.delete("/api/v1/account/accounts/twitch")).status_code == 204
    assert await consents_of(rig) == 0
    kept = (await browser.get("/api/v1/account/export")).json()["memberships"]
    assert [(one["show"], one["role"]) for one in kept] == [(show, "streamer")]


async def test_leaving_for_good_leaves_shows_of_others_too(rig: SignInRig) -> None:
    browser, show = await a_streamer_who_agreed(rig)
    assert (await browser.post("/api/v1/account/erase", json={"confirm": "erase"})).status_code == 204
    assert await consents_of(rig) == 0
    root = rig.web.root
    assert (await root.get(f"/api/v1/campaigns/{show}/channels")).json()["items"] == []
    members = (await root.get(f"/api/v1/campaigns/{show}/members")).json()
    assert [one["role"] for one in members["items"]] == ["owner"]


async def test_the_owner_of_the_installation_stays(rig: SignInRig) -> None:
    owner = await rig.web.browser()
    wrong(await owner.post("/api/v1/account/erase", json={"confirm": "erase"}), 409, "owner")
    wrong(await owner.post("/api/v1/account/erase", json={"confirm": "yes"}), 422, "invalid")
    wrong(await owner.post("/api/v1/account/erase", json={}), 422, "invalid")


async def test_leaving_needs_the_csrf_token(rig: SignInRig) -> None:
    browser = await rig.signed_in("twitch")
    browser.headers["x-csrf-token"] = ""
    wrong(await browser.post("/api/v1/account/erase", json={"confirm": "erase"}), 403, "csrf")
    foreign = rig.web.client(
        origin="https://evil.example", cookie=f"hubbub_session={browser.cookies['hubbub_session']}"
    )
    wrong(await foreign.post("/api/v1/account/erase", json={"confirm": "erase"}), 403, "foreign_origin")
    assert browser.headers["origin"] == ORIGIN


async def test_many_polls_are_gone_through_in_bounded_steps(
    rig: SignInRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a crash comes in between: every step stands by itself."""
    monkeypatch.setattr(erasures, "_POLLS", 2)
    polls = [await a_poll_with_a_vote(rig, "7") for _ in range(5)]
    for poll in polls:
        await close(rig, poll)
    async with rig.database.transaction() as connection:
        await erasures.begin(connection, "twitch", "7")
    left = []
    for _ in range(3):
        async with rig.database.transaction() as connection:
            left.append(await erasures.advance(connection))
    assert left == [1, 1, 0]
    async with rig.database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM poll_votes WHERE platform_user_id = '7'") == 0
        assert await connection.fetchval("SELECT count(*) FROM poll_votes") == 10
        assert await connection.fetchval("SELECT count(*) FROM erasures") == 0
        assert await auth_providers.find(connection, "twitch", "7") is None
