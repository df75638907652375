"""Accounts become one person by signing in to both, and are two again; shows can hold it for a mistake."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest

from server.rules.vote_audit import audit
from server.rules.wiretime import to_wire
from sql import heads
from sql.ids import uuid7
from sql.pool import Database
from tests.fakes.identity_server import FakeAccount, Provider
from tests.integration.sign_in_rig import SignInRig, csrf, sign_in_rig, word_of
from tests.integration.test_openapi import BY_NAME, check
from tests.integration.web_rig import ORIGIN

ME = "?wants=identity&return_to=/me"


@pytest.fixture
async def rig(database: Database, tmp_path: Path) -> AsyncIterator[SignInRig]:
    async with sign_in_rig(database, tmp_path) as made:
        yield made


async def begin(browser: httpx2.AsyncClient, provider: Provider, wants: str = "person") -> str:
    """The address at the provider, for somebody who is signed in."""
    begun = await browser.post(
        f"/api/v1/account/accounts/{provider}", json={"wants": wants, "return_to": "/me"}
    )
    assert begun.status_code == 200, begun.text
    url: str = begun.json()["url"]
    return url


async def add(rig: SignInRig, browser: httpx2.AsyncClient, provider: Provider) -> tuple[str, str]:
    """Sign in to a second account; the page and the word that the browser comes back with."""
    return word_of(await rig.back(browser, await rig.decide(await begin(browser, provider))))


async def person_of(browser: httpx2.AsyncClient) -> dict[str, Any]:
    answer = await browser.get("/api/v1/account/person")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def one_person(rig: SignInRig) -> httpx2.AsyncClient:
    browser = await rig.signed_in("twitch", ME)
    assert await add(rig, browser, "kick") == ("/me", "linked")
    return browser


def brief(person: dict[str, Any]) -> list[tuple[str, bool, bool]]:
    return [(one["platform"], one["signs_in"], one["is_one"]) for one in person["accounts"]]


async def test_signing_in_to_both_makes_one_person_and_asks_for_nothing_else(rig: SignInRig) -> None:
    browser = await rig.signed_in("twitch", ME)
    alone = await person_of(browser)
    assert brief(alone) == [("twitch", True, False)]
    assert (alone["is_one"], alone["can_join"], alone["can_sign_in"]) == (False, False, ["kick"])
    assert await add(rig, browser, "kick") == ("/me", "linked")
    both = await person_of(browser)
    assert brief(both) == [("twitch", True, True), ("kick", True, True)]
    assert (both["is_one"], both["can_join"], both["can_sign_in"], both["undo_until"]) == (
        True,
        False,
        [],
        None,
    )
    # No rights of a streamer: what was granted says who it is, and no token is kept.
    assert rig.keeper.stored == []
    assert [set(issued.scopes) & {"channel:manage:polls", "chat:write"} for issued in rig.there.issued] == [
        set(),
        set(),
    ]
    assert (await browser.get("/api/v1/campaigns")).json()["items"] == []
    assert [action for action, _ in await rig.acts("person.link")] == ["person.link"]
    # Once more changes nothing.
    assert await add(rig, browser, "kick") == ("/me", "linked")
    assert (await browser.post("/api/v1/account/person", json={})).json()["is_one"] is True
    assert len(await rig.acts("person.link")) == 1


async def test_unlinking_is_at_once_and_can_be_undone(rig: SignInRig) -> None:
    browser = await one_person(rig)
    check(BY_NAME["become_two"], await browser.delete("/api/v1/account/person"))
    apart = await person_of(browser)
    assert (apart["is_one"], apart["can_join"]) == (False, True)
    assert apart["undo_until"] is not None
    assert (await browser.delete("/api/v1/account/person")).status_code == 404
    again = await browser.post("/api/v1/account/person", json={})
    check(BY_NAME["become_one"], again)
    assert (again.status_code, again.json()["is_one"]) == (200, True)
    async with rig.database.connection() as connection:
        assert await connection.fetchval("SELECT count(DISTINCT person_id) FROM person_links") == 1
        assert await connection.fetchval("SELECT count(DISTINCT person_id) FROM viewers") == 1
    assert [action for action, _ in await rig.acts("person.link", "person.unlink")] == [
        "person.link",
        "person.unlink",
        "person.link",
    ]


async def test_who_signed_in_by_both_apart_is_one_person_all_the_same(rig: SignInRig) -> None:
    """The other account goes on signing in to an account of its own, from which it can be unlinked, too."""
    first = await rig.signed_in("kick", ME)
    browser = await one_person(rig)
    assert brief(await person_of(browser)) == [("twitch", True, True), ("kick", False, True)]
    assert brief(await person_of(first)) == [("twitch", False, True), ("kick", True, True)]
    # Who owns the other account unlinks it: only they may undo that, the linker has to sign in to it again.
    assert (await first.delete("/api/v1/account/person")).status_code == 204
    refused = await browser.post("/api/v1/account/person", json={})
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:hubbub:problem:second_account")
    assert (await person_of(browser))["can_join"] is False
    assert (await person_of(first))["can_join"] is True
    assert (await first.post("/api/v1/account/person", json={})).json()["is_one"] is True


async def test_an_account_that_is_one_with_a_third_is_left_there(rig: SignInRig) -> None:
    await one_person(rig)
    rig.there.people["twitch"] = FakeAccount("777", "other", "Other")
    browser = await rig.signed_in("twitch", ME)
    assert await add(rig, browser, "kick") == ("/me", "other_person")
    assert (await person_of(browser))["is_one"] is False
    rig.there.people["kick"] = FakeAccount("888", "third", "Third")
    assert await add(rig, browser, "kick") == ("/me", "linked")
    rig.there.people["kick"] = FakeAccount("999", "fourth", "Fourth")
    assert await add(rig, browser, "kick") == ("/me", "other_linked")


async def test_what_is_refused_leads_back_to_the_page_of_viewers(rig: SignInRig) -> None:
    rig.there.decide = "deny"
    stranger = rig.web.client(origin=ORIGIN)
    assert word_of(await rig.walk(stranger, "twitch", ME)) == ("/me", "denied")
    rig.there.decide = "allow"
    browser = await rig.signed_in("twitch", ME)
    rig.there.decide = "deny"
    assert await add(rig, browser, "kick") == ("/me", "denied")
    rig.there.decide = "allow"
    way = await rig.decide(await begin(browser, "kick"))
    await browser.delete("/api/v1/session")
    assert word_of(await rig.back(browser, way)) == ("/login", "expired"), "it ended with the session"
    for call in (stranger.get, stranger.delete):
        assert (await call("/api/v1/account/person")).status_code == 401


async def test_a_key_reads_and_links_nothing(rig: SignInRig) -> None:
    answer = await rig.web.root.get("/api/v1/account/person")
    assert (answer.status_code, answer.json()["accounts"]) == (200, [])
    assert (await rig.web.root.post("/api/v1/account/person", json={})).status_code == 409
    assert (await rig.web.root.delete("/api/v1/account/person")).status_code == 409


async def test_to_begin_it_for_somebody_takes_their_csrf_token(rig: SignInRig) -> None:
    browser = await one_person(rig)
    del browser.headers["x-csrf-token"]
    for method in ("POST", "DELETE"):
        answer = await browser.request(method, "/api/v1/account/person")
        assert answer.status_code == 403
    assert (await person_of(browser))["is_one"] is True


async def test_google_signs_in_and_is_no_viewer(rig: SignInRig) -> None:
    browser = await rig.signed_in("google", ME)
    assert brief(await person_of(browser)) == []
    assert await add(rig, browser, "twitch") == ("/me", "linked")
    assert brief(await person_of(browser)) == [("twitch", True, False)]
    assert await add(rig, browser, "kick") == ("/me", "linked")
    assert (await person_of(browser))["is_one"] is True


async def test_links_are_in_what_somebody_takes_along(rig: SignInRig) -> None:
    browser = await one_person(rig)
    await browser.delete("/api/v1/account/person")
    export = (await browser.get("/api/v1/account/export")).json()
    links = export["persons"]
    assert sorted((one["platform"], one["ended_by"]) for one in links) == [
        ("kick", "person"),
        ("twitch", "person"),
    ]
    assert {"person_id", "since", "until"} <= links[0].keys()
    assert {"person.link", "person.unlink"} <= {act["action"] for act in export["acts"]}


async def test_a_sign_in_that_goes_takes_the_link_along(rig: SignInRig) -> None:
    browser = await one_person(rig)
    assert (await browser.delete("/api/v1/account/accounts/kick")).status_code == 204
    after = await person_of(browser)
    assert (brief(after), after["can_join"]) == ([("twitch", True, False)], False)


async def test_who_leaves_is_named_nowhere(rig: SignInRig) -> None:
    browser = await one_person(rig)
    ids = [one["id"] for one in (await person_of(browser))["accounts"]]
    assert (await browser.post("/api/v1/account/erase", json={"confirm": "erase"})).status_code == 204
    async with rig.database.connection() as connection:
        for table in ("person_links", "viewers", "auth_providers", "admin_log", "erasures"):
            for one in ids:
                query = f"SELECT count(*) FROM {table} AS t WHERE t::text LIKE $1"  # noqa: S608
                assert await connection.fetchval(query, f"%{one}%") == 0, table


# ---- polls ------------------------------------------------------------------------------------------


POLL = {"question": "Which door?", "options": ["Left", "Right"], "duration_s": 60, "grace_s": 0}


async def show(rig: SignInRig) -> tuple[str, dict[str, str]]:
    """A show with a channel on each platform: its id, and theirs."""
    campaign = await rig.web.campaign()
    channels = {}
    for platform, channel_id in (("twitch", "4242"), ("kick", "9001")):
        added = await rig.web.root.post(
            f"/api/v1/campaigns/{campaign}/channels",
            json={
                "platform": platform,
                "login": f"stage_{platform}",
                "source": "api",
                "channel_id": channel_id,
            },
        )
        assert added.status_code == 201, added.text
        channels[platform] = channel_id
    return campaign, channels


async def launched(rig: SignInRig, campaign: str, **fields: Any) -> str:
    made = await rig.web.root.post(f"/api/v1/campaigns/{campaign}/polls", json=POLL | fields)
    assert made.status_code == 201, made.text
    poll: str = made.json()["id"]
    opened = await rig.web.root.post(f"/api/v1/polls/{poll}/launch", json={})
    assert opened.status_code == 200, opened.text
    return poll


async def says(rig: SignInRig, campaign: str, platform: str, user: str, text: str) -> None:
    async with rig.database.connection() as connection:
        now = to_wire(await heads.now(connection))
    channel = {"twitch": "4242", "kick": "9001"}[platform]
    line = {
        "type": "chat.message", "platform": platform, "channel_id": channel, "message_id": str(uuid7()),
        "user": {"id": user, "login": f"l{user}", "name": f"N{user}"}, "text": text, "sent_at": now,
    }  # fmt: skip
    answer = await rig.web.root.post(f"/api/v1/campaigns/{campaign}/events", json=[line])
    assert answer.json()["accepted"] == 1, answer.text


async def counted(rig: SignInRig, poll: str) -> list[int]:
    read = await rig.web.root.get(f"/api/v1/polls/{poll}")
    return [option["votes"] for option in read.json()["options"]]


async def test_a_poll_follows_links_and_unlinks_and_its_export_can_be_checked(rig: SignInRig) -> None:
    campaign, _ = await show(rig)
    poll = await launched(rig, campaign, per_person=True)
    twitch, kick = rig.there.people["twitch"].id, rig.there.people["kick"].id
    await says(rig, campaign, "twitch", twitch, "1")
    await says(rig, campaign, "kick", kick, "2")
    await says(rig, campaign, "kick", "somebody", "2")
    assert await counted(rig, poll) == [1, 2]
    browser = await one_person(rig)
    assert await counted(rig, poll) == [0, 2]
    await says(rig, campaign, "twitch", twitch, "1")
    assert await counted(rig, poll) == [1, 1]
    await browser.delete("/api/v1/account/person")
    assert await counted(rig, poll) == [1, 2]
    await browser.post("/api/v1/account/person", json={})
    assert await counted(rig, poll) == [1, 1]
    export = await rig.web.root.get(f"/api/v1/polls/{poll}/export")
    told = json.loads(export.text)
    verdict = audit(told)
    assert (verdict.faults, verdict.rows, verdict.tally) == ((), 4, ((1, 0), (0, 1)))
    for private in (twitch, kick, rig.there.people["twitch"].login, rig.there.people["kick"].name):
        assert f'"{private}"' not in export.text
    sheet = (await rig.web.root.get(f"/api/v1/polls/{poll}/export?format=csv")).text.splitlines()
    assert sheet[0].endswith("person,why_not")
    assert [row.rpartition(",")[2] for row in sheet[1:]] == [
        "other vote of the account",
        "same person",
        "",
        "",
    ]
    # An account that signs in no more is one with nobody, at once.
    await browser.delete("/api/v1/account/accounts/kick")
    assert await counted(rig, poll) == [1, 2]


async def test_the_option_is_in_polls_templates_and_drafts_and_fits_one_vote_only(rig: SignInRig) -> None:
    root, campaign = rig.web.root, await rig.web.campaign()
    base = f"/api/v1/campaigns/{campaign}"
    plain = await root.post(f"{base}/polls", json=POLL)
    assert plain.json()["per_person"] is False
    wrong = await root.post(f"{base}/polls", json=POLL | {"per_person": True, "rule": "every_message"})
    assert (wrong.status_code, wrong.json()["errors"][0]["path"]) == (422, "/per_person")
    made = (await root.post(f"{base}/polls", json=POLL | {"per_person": True})).json()
    assert made["per_person"] is True
    wrong = await root.patch(f"/api/v1/polls/{made['id']}", json={"rule": "every_message"})
    assert (wrong.status_code, wrong.json()["errors"][0]["path"]) == (422, "/per_person")
    off = await root.patch(f"/api/v1/polls/{made['id']}", json={"rule": "every_message", "per_person": False})
    assert (off.status_code, off.json()["per_person"]) == (200, False)
    await root.patch(f"/api/v1/polls/{made['id']}", json={"rule": "one_vote", "per_person": True})
    assert (await root.post(f"/api/v1/polls/{made['id']}/again")).json()["per_person"] is True
    body = {k: POLL[k] for k in ("question", "options", "duration_s")} | {"settings": {"per_person": True}}
    saved = await root.post(f"{base}/poll-templates", json=body | {"label": "Persons"})
    assert saved.json()["settings"] == {"per_person": True}


async def test_moderators_undo_a_mistake_in_their_show_only_and_it_is_on_record(rig: SignInRig) -> None:
    campaign, _ = await show(rig)
    other = await rig.web.campaign("Another show")
    base = f"/api/v1/campaigns/{campaign}/persons"
    poll = await launched(rig, campaign, per_person=True)
    await one_person(rig)
    assert (await rig.web.root.get(base)).json() == {"items": [], "next": None}
    twitch, kick = rig.there.people["twitch"], rig.there.people["kick"]
    await says(rig, campaign, "twitch", twitch.id, "1")
    await says(rig, campaign, "kick", kick.id, "2")
    (person,) = (await rig.web.root.get(base)).json()["items"]
    assert [(one["platform"], one["login"]) for one in person["accounts"]] == [
        ("twitch", twitch.login),
        ("kick", kick.login.lower()),
    ]
    assert "id" not in person["accounts"][0], "names are enough"
    assert (await rig.web.root.get(f"/api/v1/campaigns/{other}/persons")).json()["items"] == []
    stranger = f"/api/v1/campaigns/{other}/persons/{person['id']}/split"
    assert (await rig.web.root.post(stranger)).status_code == 404

    split = await rig.web.root.post(f"{base}/{person['id']}/split")
    check(BY_NAME["split_person"], split)
    assert split.json()["split_at"] is not None
    assert await counted(rig, poll) == [1, 1]
    (still,) = (await rig.web.root.get(base)).json()["items"]
    assert still["split_at"] == split.json()["split_at"]
    back = await rig.web.root.post(f"{base}/{person['id']}/rejoin")
    check(BY_NAME["rejoin_person"], back)
    assert back.json()["split_at"] is None
    assert await counted(rig, poll) == [0, 1]
    async with rig.database.connection() as connection:
        found = await connection.fetch(
            "SELECT action, subject, campaign_id FROM admin_log WHERE action LIKE 'person.%' ORDER BY id"
        )
    assert [(row["action"], row["campaign_id"]) for row in found][1:] == [
        ("person.split", UUID(campaign)),
        ("person.rejoin", UUID(campaign)),
    ]
    assert {row["subject"] for row in found} == {person["id"]}


async def test_who_may_not_moderate_sees_no_persons(rig: SignInRig) -> None:
    campaign, _ = await show(rig)
    browser = await one_person(rig)
    nobody = await browser.get(f"/api/v1/campaigns/{campaign}/persons")
    assert nobody.status_code == 404
    me = (await browser.get("/api/v1/account")).json()["id"]
    async with rig.database.connection() as connection:
        await connection.execute(
            "INSERT INTO campaign_memberships (id, campaign_id, user_id, role, status, accepted_at) "
            "VALUES (gen_random_uuid(), $1, $2, 'streamer', 'active', now())",
            UUID(campaign),
            UUID(me),
        )
    await csrf(browser)
    assert (await browser.get(f"/api/v1/campaigns/{campaign}/persons")).status_code == 403
    split = await browser.post(f"/api/v1/campaigns/{campaign}/persons/{me}/split")
    assert split.status_code == 403
