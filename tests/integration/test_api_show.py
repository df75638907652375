"""Campaigns, channels, overlays, events, status, preflight and tickets over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import structlog

from server.engine.batch import Batches
from server.engine.lost_lines import LostLines
from server.live.doorman import DeskPass
from server.vault import Vault
from server.web import tickets
from server.web.app import create_app
from server.web.overlay_links import key_hash, link_of
from server.web.tickets import FrontDoor
from sql import api_keys, channels, lost_lines, overlays, sources
from sql.ids import uuid7
from sql.pool import Database
from sql.sources import Source
from tests.integration.live_rig import until
from tests.integration.web_rig import ORIGIN, ROOT_KEY, Rig, rig_on, wrong

SENT_AT = "2026-11-20T20:00:00.123Z"


@pytest.fixture
async def rig(database: Database, tmp_path: Path) -> AsyncIterator[Rig]:
    async with rig_on(database, tmp_path) as made:
        yield made


async def made(rig: Rig, path: str, body: Any, status: int = 201) -> Any:
    answer = await rig.root.post(f"/api/v1{path}", json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


def line(message_id: str = "m1", **fields: Any) -> dict[str, Any]:
    return {
        "type": "chat.message",
        "platform": "custom",
        "channel_id": "stage",
        "message_id": message_id,
        "user": {"id": "991", "login": "ana", "name": "Ana", "roles": ["subscriber"]},
        "text": "!2",
        "sent_at": SENT_AT,
    } | fields


async def test_campaigns_are_made_changed_and_listed_in_parts(rig: Rig) -> None:
    ids = [await rig.campaign(f"Show {n}") for n in range(3)]
    answer = await rig.root.patch(f"/api/v1/campaigns/{ids[0]}", json={"description": "A calm one"})
    assert (answer.json()["name"], answer.json()["description"]) == ("Show 0", "A calm one")
    assert (await rig.root.get(f"/api/v1/campaigns/{ids[0]}")).json() == answer.json()
    first = (await rig.root.get("/api/v1/campaigns?limit=2")).json()
    assert [item["id"] for item in first["items"]] == [ids[2], ids[1]]
    rest = (await rig.root.get(f"/api/v1/campaigns?limit=2&cursor={first['next']}")).json()
    assert ([item["id"] for item in rest["items"]], rest["next"]) == ([ids[0]], None)


async def test_a_channel_is_added_once_and_removed(rig: Rig) -> None:
    campaign = await rig.campaign()
    path = f"/campaigns/{campaign}/channels"
    body = {"platform": "twitch", "login": "https://twitch.tv/Ana_Plays", "source": "irc"}
    channel = await made(rig, path, body)
    assert (channel["login"], channel["channel_id"], channel["status"]) == (
        "ana_plays",
        "login:ana_plays",
        "waiting",
    )
    assert (channel["heard_at"], channel["lag_ms"]) == (None, None)
    wrong(await rig.root.post(f"/api/v1{path}", json={**body, "login": "ANA_PLAYS"}), 409, "channel_exists")
    wrong(await rig.root.post(f"/api/v1{path}", json={**body, "login": "a b"}), 422, "invalid")
    wrong(await rig.root.post(f"/api/v1{path}", json={**body, "platform": "kick"}), 422, "invalid")
    custom = await made(rig, path, {"platform": "custom", "login": "Deck", "source": "api"})
    assert custom["channel_id"] == "deck"
    listed = (await rig.root.get(f"/api/v1{path}?limit=1")).json()
    assert [item["id"] for item in listed["items"]] == [channel["id"]]
    rest = (await rig.root.get(f"/api/v1{path}?limit=1&cursor={listed['next']}")).json()
    assert [item["id"] for item in rest["items"]] == [custom["id"]]
    assert (await rig.root.delete(f"/api/v1/channels/{channel['id']}")).status_code == 204
    wrong(await rig.root.delete(f"/api/v1/channels/{channel['id']}"), 404, "not_found")


async def test_the_link_of_an_overlay_is_shown_once_and_opens_it(rig: Rig) -> None:
    campaign = await rig.campaign()
    overlay = await made(rig, f"/campaigns/{campaign}/overlays", {"name": "Main"})
    address, _, key = overlay["url"].partition("#k=")
    assert address == f"{ORIGIN}/o/{overlay['id']}"
    assert key.startswith("ovl_")
    assert len(key) == 47
    listed = await rig.root.get(f"/api/v1/campaigns/{campaign}/overlays")
    assert key not in listed.text
    assert "url" not in listed.json()["items"][0]
    async with rig.services.database.connection() as connection:
        row = await overlays.get(connection, UUID(overlay["id"]), [UUID(campaign)])
    assert row is not None
    assert row.key_hash == key_hash(key)
    assert link_of(rig.services.vault, ORIGIN, row) == overlay["url"]
    assert link_of(Vault([b"another key, another installation"]), ORIGIN, row) is None


async def test_a_rotated_link_is_dead_and_everybody_is_told(rig: Rig) -> None:
    campaign = await rig.campaign()
    overlay = await made(rig, f"/campaigns/{campaign}/overlays", {"name": "Main"})
    door = FrontDoor(rig.services.database, rig.services.vault, rig.services.owner, clock=rig.services.clock)
    old = overlay["url"].partition("#k=")[2]
    before = await door.overlay(old)
    assert before is not None
    rotated = await made(rig, f"/overlays/{overlay['id']}/rotate", {}, 200)
    new = rotated["url"].partition("#k=")[2]
    assert await door.overlay(old) is None
    after = await door.overlay(new)
    assert after is not None
    assert after.token_version == before.token_version + 1
    async with rig.services.database.connection() as connection:
        log = await connection.fetch("SELECT action, subject, detail FROM admin_log ORDER BY id")
    assert [entry["action"] for entry in log][-2:] == ["overlay.create", "overlay.rotate"]
    assert new not in str(log)
    # Two at once follow each other: only the last link works.
    answers = await asyncio.gather(
        *(rig.root.post(f"/api/v1/overlays/{overlay['id']}/rotate") for _ in range(5))
    )
    keys = [answer.json()["url"].partition("#k=")[2] for answer in answers]
    assert len(set(keys)) == 5
    assert sum([await door.overlay(key) is not None for key in keys]) == 1
    assert (await rig.root.delete(f"/api/v1/overlays/{overlay['id']}")).status_code == 204
    assert not any([await door.overlay(key) for key in keys])


async def test_the_layout_is_merged_and_has_defaults(rig: Rig) -> None:
    campaign = await rig.campaign()
    overlay = await made(rig, f"/campaigns/{campaign}/overlays", {"name": "Main", "layout": {"scale": 1.2}})
    assert overlay["layout"] == {
        "stage": "landscape",
        "theme": "night",
        "anchor": "bottom-left",
        "scale": 1.2,
        "motion": "full",
        "widgets": None,
        "lang": "en",
    }
    path = f"/api/v1/overlays/{overlay['id']}"
    changed = await rig.root.patch(path, json={"layout": {"theme": "paper", "widgets": ["poll"]}})
    assert changed.json()["layout"] == overlay["layout"] | {"theme": "paper", "widgets": ["poll"]}
    assert (await rig.root.patch(path, json={"name": "Side"})).json()["name"] == "Side"
    await made(rig, f"/campaigns/{campaign}/overlays", {"name": "Main"})
    wrong(await rig.root.patch(path, json={"name": "Main"}), 409, "name_taken")


async def test_a_layout_is_not_guessed(rig: Rig) -> None:
    for layout in [
        {"scale": 0.59},
        {"scale": 1.61},
        {"scale": "1"},
        {"anchor": "middle"},
        {"theme": "../../etc"},
        {"theme": None},
        {"colour": "red"},
        {"lang": "en\u202e"},
        {"widgets": ["<b>"]},
    ]:
        campaign = await rig.campaign()
        answer = await rig.root.post(
            f"/api/v1/campaigns/{campaign}/overlays", json={"name": "Main", "layout": layout}
        )
        wrong(answer, 422, "invalid")


async def test_a_test_picture_is_announced_to_one_overlay(rig: Rig) -> None:
    campaign = await rig.campaign()
    overlay = await made(rig, f"/campaigns/{campaign}/overlays", {"name": "Main"})
    assert await made(rig, f"/overlays/{overlay['id']}/test", {}, 202) == {}
    event = rig.changes[-1].events[0]
    assert (event.kind, event.ttl_ms, event.data["overlay_id"]) == ("overlay.test", 8000, overlay["id"])
    assert event.data["board"]["simulated"] is True


async def test_events_are_judged_one_by_one(rig: Rig) -> None:
    campaign = await rig.campaign()
    await made(
        rig, f"/campaigns/{campaign}/channels", {"platform": "custom", "login": "stage", "source": "api"}
    )
    path = f"/campaigns/{campaign}/events"
    batch = [
        line("a"),
        line("a"),
        line("b", surprise=1),
        line("c", sent_at="yesterday"),
        line("d", sent_at="2026-11-20T20:00:00"),
        line("e", user={"id": 991, "login": "ana", "name": "Ana"}),
        line("f", channel_id="elsewhere"),
        line("g", type="chat.whisper"),
        line("h", text="x" * 500),
        line("i", text="x" * 501),
        {**line("j", type="redemption.added"), "reward": {"cost": 5}},
        "hello",
        line("k", sent_at="0001-01-01T00:00:00+14:00"),
        line("l" * 129),
    ]
    receipt = await made(rig, path, batch, 200)
    assert (receipt["accepted"], receipt["duplicates"]) == (2, 1)
    reasons = {entry["index"]: entry["reason"] for entry in receipt["rejected"]}
    assert sorted(reasons) == [2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13]
    assert reasons[2].startswith("surprise: ")
    assert reasons[3].startswith("sent_at: ")
    assert reasons[5].startswith("user.id: ")
    assert (reasons[6], reasons[7]) == ("unknown_channel", "unknown_type")
    again = await made(rig, path, batch[:1], 200)
    assert again == {"accepted": 0, "duplicates": 1, "rejected": []}


async def test_a_full_buffer_is_refused_politely(rig: Rig) -> None:
    campaign = await rig.campaign()
    services = replace(rig.services, batches=Batches(rig.services.rooms, largest_buffer=1))
    full = replace(rig, services=services, app=create_app(services)).root
    answer = await full.post(f"/api/v1/campaigns/{campaign}/events", json=[line("a"), line("b")])
    wrong(answer, 503, "overloaded")
    assert answer.headers["retry-after"] == "1"


async def test_the_status_says_what_other_processes_lost(rig: Rig) -> None:
    """A connector without a desk gave lines up while the database was away: every desk says so."""
    campaign, other = await rig.campaign("One"), await rig.campaign("Two")

    async def told(campaign_id: str) -> tuple[int, int]:
        status = (await rig.root.get(f"/api/v1/campaigns/{campaign_id}/status")).json()
        return status["dropped_last_minute"], status["dropped"]

    dropped: dict[UUID, int] = {}
    connector = LostLines(rig.services.database, lambda: dropped)
    await connector.note()
    assert await told(campaign) == (0, 0)
    dropped[UUID(campaign)] = 7
    dropped[uuid7()] = 3  # of a show that was deleted meanwhile
    for _ in range(2):
        await connector.note()
        assert await told(campaign) == (7, 7)
    dropped[UUID(campaign)] = 9
    await connector.note()
    assert (await told(campaign), await told(other)) == ((9, 9), (0, 0))
    async with rig.services.database.connection() as connection:
        await connection.execute("UPDATE lost_lines SET at = at - interval '2 minutes'")
        assert await told(campaign) == (0, 9)
        await connection.execute("UPDATE lost_lines SET at = at - interval '1 day'")
        assert await told(campaign) == (0, 0)
        await lost_lines.forget(connection)
        assert await connection.fetchval("SELECT count(*) FROM lost_lines") == 0


async def test_lines_of_a_show_that_is_just_being_deleted_end_nothing(rig: Rig) -> None:
    """The deletion is not committed yet: the note waits for it, and leaves the show out."""
    gone, stays = UUID(await rig.campaign("Gone")), UUID(await rig.campaign("Stays"))
    connector = LostLines(rig.services.database, lambda: {gone: 2, stays: 5})
    async with rig.services.database.connection() as watcher:
        async with rig.services.database.transaction() as deleting:
            await deleting.execute("DELETE FROM campaigns WHERE id = $1", gone)
            noting = asyncio.create_task(connector.note())

            async def is_waiting() -> bool:
                waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                return bool(await watcher.fetchval(f"{waiting} AND datname = current_database()"))

            await until(is_waiting, "the note waits for the deletion", 3)
        await noting
        assert await watcher.fetchval("SELECT sum(lines) FROM lost_lines") == 5


async def test_a_note_that_the_database_refuses_ends_nothing(rig: Rig, monkeypatch: Any) -> None:
    monkeypatch.setattr("server.engine.lost_lines.EVERY_S", 0.01)
    async with rig.services.database.connection() as connection:
        await connection.execute("ALTER TABLE lost_lines ADD CHECK (lines <> 5)")
        stays = UUID(await rig.campaign("Stays"))
        dropped = {stays: 5}
        running = asyncio.create_task(LostLines(rig.services.database, lambda: dropped).run())
        try:
            with structlog.testing.capture_logs() as logs:
                await until(lambda: bool(logs) or running.done(), "the refusal is in the log")
            assert logs[0]["event"] == "lost_lines_refused_by_database"
            dropped[stays] = 6

            async def is_noted() -> bool:
                return bool(await connection.fetchval("SELECT count(*) FROM lost_lines WHERE lines = 6"))

            await until(is_noted, "what may be noted is noted")
        finally:
            running.cancel()
            await asyncio.wait([running])


async def test_the_status_says_what_runs_and_who_is_there(rig: Rig) -> None:
    campaign = await rig.campaign()
    base = f"/campaigns/{campaign}"
    await made(rig, f"{base}/channels", {"platform": "custom", "login": "stage", "source": "api"})
    overlay = await made(rig, f"{base}/overlays", {"name": "Main"})
    quiet = (await rig.root.get(f"/api/v1{base}/status")).json()
    assert (quiet["poll"], quiet["votes_per_s"], quiet["redis"], quiet["dropped"]) == (None, 0.0, "away", 0)
    assert quiet["overlays"] == [{"id": overlay["id"], "name": "Main", "sources": []}]
    poll = await made(rig, f"{base}/polls", {"question": "Q?", "options": ["a", "b"], "duration_s": 60})
    opened = await made(rig, f"/polls/{poll['id']}/launch", {}, 200)
    await made(
        rig,
        f"{base}/events",
        [line(f"v{n}", user={"id": str(n)}, sent_at=opened["opens_at"]) for n in range(10)],
        200,
    )
    async with rig.services.database.connection() as connection:
        source = Source(UUID(overlay["id"]), uuid7(), "Scene", "31.0", 1920, 1080)
        await sources.note(connection, [source])
    busy = (await rig.root.get(f"/api/v1{base}/status")).json()
    assert busy["poll"] == {"id": poll["id"], "state": "open", "native_polls": []}
    assert busy["votes_per_s"] == 2.0  # ten votes, mean of five seconds
    assert busy["channels"][0]["votes_per_s"] == 2.0
    assert busy["overlays"][0]["sources"][0]["obs"] == "31.0"
    listed = (await rig.root.get(f"/api/v1{base}/overlays")).json()["items"][0]
    assert (listed["sources"][0]["width"], listed["sources"][0]["name"]) == (1920, "Scene")


async def test_preflight_names_what_is_missing(rig: Rig) -> None:
    campaign = await rig.campaign()
    base = f"/campaigns/{campaign}"
    empty = (await rig.root.get(f"/api/v1{base}/preflight")).json()
    verdict = {check["name"]: check["status"] for check in empty["checks"]}
    assert empty["healthy"] is False
    assert (verdict["Channels"], verdict["Overlays"], verdict["Database"]) == ("fail", "fail", "pass")
    assert all(bool(check["fix"]) == (check["status"] != "pass") for check in empty["checks"])
    await made(rig, f"{base}/channels", {"platform": "custom", "login": "stage", "source": "api"})
    await made(rig, f"{base}/overlays", {"name": "Main"})
    ready = (await rig.root.get(f"/api/v1{base}/preflight")).json()
    verdict = {check["name"]: check["status"] for check in ready["checks"]}
    assert ready["healthy"] is True
    assert (verdict["Channel stage"], verdict["Overlay Main"], verdict["Redis"]) == ("pass", "warn", "warn")


@pytest.mark.parametrize(("platform", "source"), [("kick", "webhook"), ("twitch", "eventsub")])
async def test_a_channel_that_nothing_reads_is_told_and_its_lines_are_taken(
    rig: Rig, platform: str, source: str
) -> None:
    base = f"/campaigns/{await rig.campaign()}"
    body = {"platform": platform, "login": "ana", "source": source, "channel_id": "4242"}
    added = await made(rig, f"{base}/channels", body)
    told = {
        "kick": "Nothing has come from Kick yet",
        "twitch": "Not read by this version: send its lines through the API",
    }
    assert added["status_detail"] == told[platform]

    async def check() -> Any:
        found = (await rig.root.get(f"/api/v1{base}/preflight")).json()
        return next(check for check in found["checks"] if check["name"] == "Channel ana")

    if platform == "twitch":
        assert (await check())["status"] == "fail"
        assert "through the API" in (await check())["fix"]
    else:
        assert (await check())["status"] == "warn", "Kick may still deliver"
    poll = {"question": "Which door?", "options": ["Left", "Right"], "duration_s": 60}
    poll_id = (await made(rig, f"{base}/polls", poll))["id"]
    opened = await made(rig, f"/polls/{poll_id}/launch", {}, 200)
    vote = line(platform=platform, channel_id="4242", text="!2", sent_at=opened["opens_at"])
    assert (await made(rig, f"{base}/events", [vote], 200))["accepted"] == 1
    assert (await rig.root.get(f"/api/v1/polls/{poll_id}")).json()["total_votes"] == 1
    async with rig.services.database.connection() as connection:
        await channels.heard(connection, [(UUID(added["id"]), rig.services.clock(), 10)])
    assert (await check())["status"] == "pass"
    listed = (await rig.root.get(f"/api/v1{base}/channels")).json()["items"][0]
    heard = {"kick": ("connected", ""), "twitch": ("waiting", added["status_detail"])}
    assert (listed["status"], listed["status_detail"]) == heard[platform]


async def test_preflight_warns_of_a_clock_ahead_of_twitchs(rig: Rig) -> None:
    base = f"/campaigns/{await rig.campaign()}"
    ids = [
        UUID(
            (await made(rig, f"{base}/channels", {"platform": "twitch", "login": login, "source": "irc"}))[
                "id"
            ]
        )
        for login in ("ana", "bela")
    ]

    async def after(*lags_ms: int) -> str | None:
        """Heard with these lags, what the check says."""
        async with rig.services.database.connection() as connection:
            marks = [(id_, rig.services.clock(), lag) for id_, lag in zip(ids, lags_ms, strict=False)]
            await channels.heard(connection, marks)
        found = (await rig.root.get(f"/api/v1{base}/preflight")).json()["checks"]
        return next((check["status"] for check in found if check["name"] == "Chat clock"), None)

    assert await after() is None, "nobody was heard"
    assert await after(1500) == "warn"
    assert await after(1499) == "pass"
    assert await after(4000, 1500) == "warn"
    assert await after(4000, 300) == "pass", "one chat is late, the clock is right"


async def test_a_ticket_opens_one_campaign_for_one_login(rig: Rig) -> None:
    services = rig.services
    campaign = await rig.campaign()
    desk = await rig.browser()
    answer = await desk.post("/api/v1/live-tickets", json={"campaign_id": campaign})
    assert answer.status_code == 201
    ticket = answer.json()["ticket"]
    late = timedelta()
    door = FrontDoor(services.database, services.vault, services.owner, clock=lambda: services.clock() + late)
    passed = await door.ticket(ticket)
    assert passed is not None
    assert passed.campaign_id == UUID(campaign)
    assert list(await door.living([passed])) == [passed]
    other = "B" if ticket[20] == "A" else "A"
    for broken in (
        ticket[:-1],
        ticket + "A",
        ticket[:20] + other + ticket[21:],
        "tkt_",
        "tkt_é",
        "",
        "ovl_x",
    ):
        assert await door.ticket(broken) is None
    late = tickets.LIFE - timedelta(seconds=2)
    assert await door.ticket(ticket) is not None
    late = tickets.LIFE + timedelta(milliseconds=1)
    assert await door.ticket(ticket) is None
    late = timedelta()
    await desk.delete("/api/v1/session")
    assert await door.ticket(ticket) is None
    assert list(await door.living([passed])) == []


async def test_a_key_opens_live_only_where_its_holder_may_be(rig: Rig) -> None:
    services = rig.services
    door = FrontDoor(services.database, services.vault, services.owner, clock=services.clock)
    mine = UUID(await rig.campaign())
    stranger = await rig.person("Mallory")
    async with services.database.connection() as connection:
        key_id, key = await api_keys.create(connection, stranger, "probe")
    assert await door.api_key(key, mine) is None
    assert await door.api_key(ROOT_KEY, mine) == DeskPass(mine, f"root:{services.owner.id}")
    theirs = await rig.client(key=key).post("/api/v1/campaigns", json={"name": "Other"})
    passed = await door.api_key(key, UUID(theirs.json()["id"]))
    assert passed is not None
    assert list(await door.living([passed])) == [passed]
    async with services.database.connection() as connection:
        await api_keys.revoke(connection, key_id, stranger)
    assert list(await door.living([passed])) == []
    assert await door.api_key("hb_unknown", mine) is None
