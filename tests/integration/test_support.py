"""Kindnesses on PostgreSQL: told however often, by whom and in what order, each is stored once."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from server.engine import alerts
from server.rules.events import User
from server.rules.platform_events import StreamChanged, Supported, SupportKind
from server.rules.support import Deed, deeds
from server.web.asyncapi import BOARDS
from sql import deadlines, support
from sql.pool import Database
from tests.integration.engine_rig import boards_of, make_campaign, processes
from tests.integration.web_rig import Rig, rig_on, wrong

SENT_AT = "2026-11-20T20:00:00.123Z"
NOW = datetime(2026, 11, 20, 20, 0, tzinfo=UTC)


@pytest.fixture
async def rig(database: Database, tmp_path: Path) -> AsyncIterator[Rig]:
    async with rig_on(database, tmp_path) as made:
        yield made


KINDS: tuple[SupportKind, ...] = ("gift", "bits", "raid", "follow", "donation", "subscription")


def tellings(chance: random.Random) -> list[Supported]:
    """Deeds of a lively evening, each told up to six times; some again, word for word."""
    found = []
    for deed in range(chance.randint(5, 25)):
        kind: SupportKind = chance.choice(KINDS)
        channel = chance.choice([("twitch", "100"), ("kick", "200")])
        for number in range(chance.choice([1, 1, 2, 6])):
            event = Supported(
                *channel,
                f"m-{deed}-{number}",
                kind,
                f"fact-{chance.choice([deed, deed, max(deed - 1, 0)])}",
                chance.choice([None, User("7", "aya", "Aya"), User("8", "ben", "Ben")]),
                chance.randint(1, 50),
                chance.randint(0, 3) if kind in ("gift", "subscription") else 0,
                0,
                chance.randint(1, 9000) if kind == "donation" else 0,
                "EUR" if kind == "donation" else "",
                chance.choice(["", "hi", "hello there"]),
                NOW + timedelta(seconds=chance.randint(0, 9)),
                NOW + timedelta(seconds=10),
                chance.random() < 0.1,
            )
            found += [event] * chance.choice([1, 1, 2])
    return found


async def stored(database: Database, campaign_id: UUID) -> dict[Deed, Supported]:
    async with database.connection() as connection:
        keys = await connection.fetch(
            "SELECT platform, platform_channel_id, kind, is_test, fact FROM monetization_events"
        )
        found = await support.known(connection, campaign_id, [tuple(key) for key in keys])
    return {key: one.event for key, one in found.items()}


@pytest.mark.parametrize("seed", range(6))
async def test_two_processes_and_any_order_store_what_the_model_says(database_url: str, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311  a test repeats
    async with processes(database_url, 2) as both:
        campaign = await make_campaign(both[0].database)
        told = tellings(chance)
        chance.shuffle(told)
        given_in, parts = list(told), []
        while told:
            size = chance.randint(1, 9)
            parts.append((chance.choice(both), told[:size]))
            del told[:size]
        answers = await asyncio.gather(
            *(process.rooms.ingest(campaign, part, receipts=[True] * len(part)) for process, part in parts)
        )
        # One message is one telling: its first copy, which is like all others.
        model = deeds({event.message_id: event for event in given_in}.values())
        assert await stored(both[0].database, campaign) == model
        assert sum(one.kind == "accepted" for answer in answers for one in answer) == len(model)
        again = await both[1].rooms.ingest(campaign, given_in, receipts=[True] * len(given_in))
        assert {one.kind for one in again} <= {"duplicate"}
        assert await stored(both[0].database, campaign) == model


@pytest.mark.parametrize("seed", range(4))
async def test_streams_are_what_the_latest_telling_says(database_url: str, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311  a test repeats
    events = [
        StreamChanged(
            "twitch",
            "100",
            f"s{number}",
            is_live,
            NOW - timedelta(minutes=number) if is_live else None,
            title,
            NOW + timedelta(seconds=number),
            NOW + timedelta(hours=1),
        )
        for number, (is_live, title) in enumerate(
            (chance.random() < 0.5, chance.choice(["", "Castle", "Crypt"])) for _ in range(6)
        )
    ]
    shuffled = events * 2
    chance.shuffle(shuffled)
    async with processes(database_url, 1) as (process,):
        campaign = await make_campaign(process.database)
        for start in range(0, len(shuffled), 5):
            part = shuffled[start : start + 5]
            await process.rooms.ingest(campaign, part, receipts=[False] * len(part))
        async with process.database.connection() as connection:
            row = await connection.fetchrow(
                "SELECT is_live, live_since, title FROM channels WHERE channel_id = '100'"
            )
    last = events[-1]
    titles = [event.title for event in events if event.title]
    assert row is not None
    assert tuple(row) == (last.is_live, last.started_at, titles[-1] if titles else "")


async def sent(rig: Rig, campaign: str, *events: dict[str, Any]) -> Any:
    common = {"platform": "custom", "channel_id": "stage", "sent_at": SENT_AT}
    answer = await rig.root.post(
        f"/api/v1/campaigns/{campaign}/events",
        json=[{**common, "message_id": f"m{place}", **event} for place, event in enumerate(events)],
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


ANA = {"id": "991", "login": "ana", "name": "Ana"}


async def stage(rig: Rig) -> str:
    campaign = await rig.campaign()
    body = {"platform": "custom", "login": "stage", "source": "api"}
    assert (await rig.root.post(f"/api/v1/campaigns/{campaign}/channels", json=body)).status_code == 201
    return campaign


async def test_every_type_has_its_own_fields_and_comes_into_the_feed(rig: Rig) -> None:
    campaign = await stage(rig)
    receipt = await sent(
        rig,
        campaign,
        {"type": "support.subscription", "user": ANA, "tier": 2},
        {"type": "support.subscription", "user": ANA, "months": 14, "message": "still here"},
        {"type": "support.gift", "user": None, "quantity": 5, "fact": "bomb"},
        {"type": "support.gift", "user": ANA, "fact": "bomb"},
        {"type": "support.bits", "user": ANA, "quantity": 500},
        {"type": "support.kicks", "user": ANA, "quantity": 20},
        {"type": "support.donation", "user": None, "amount_minor": 420, "currency": "EUR"},
        {"type": "channel.follow", "user": ANA},
        {"type": "channel.raid", "user": ANA, "viewers": 0},
        {"type": "stream.online", "title": "The crypt", "started_at": "2026-11-20T19:00:00Z"},
        {"type": "support.bits", "user": ANA, "quantity": 1, "is_test": True},
        # Refused, each for its own reason:
        {"type": "support.bits", "user": ANA, "quantity": "5"},
        {"type": "support.bits", "quantity": 5},
        {"type": "support.donation", "user": ANA, "amount_minor": 4.2, "currency": "EUR"},
        {"type": "support.donation", "user": ANA, "amount_minor": 420, "currency": "euro"},
        {"type": "channel.follow", "user": None},
        {"type": "channel.raid", "user": ANA, "viewers": 5, "surprise": 1},
        {"type": "stream.online", "started_at": "yesterday"},
        {"type": "support.gift", "user": ANA, "channel_id": "elsewhere"},
    )
    assert (receipt["accepted"], receipt["duplicates"]) == (10, 1)
    assert [entry["index"] for entry in receipt["rejected"]] == list(range(11, 19))
    path = f"/api/v1/campaigns/{campaign}/support"
    first = (await rig.root.get(f"{path}?limit=4")).json()
    rest = (await rig.root.get(f"{path}?cursor={first['next']}")).json()
    feed = [*first["items"], *rest["items"]]
    assert len(first["items"]) == 4
    assert rest["next"] is None
    assert {entry["kind"] for entry in feed} == {
        *("subscription", "resub", "gift", "bits", "kicks", "donation", "follow", "raid")
    }
    bomb = next(entry for entry in feed if entry["kind"] == "gift")
    assert (bomb["user"], bomb["quantity"], bomb["tellings"], bomb["place"]) == (None, 5, 2, "stage")
    money = next(entry for entry in feed if entry["kind"] == "donation")["money"]
    assert money == {"amount_minor": 420, "amount": "4.20", "currency": "EUR"}
    totals = (await rig.root.get(f"{path}/totals")).json()
    assert (totals["is_live"], totals["since"]) == (True, "2026-11-20T19:00:00.000Z")
    bits = next(one for one in totals["kinds"] if one["kind"] == "bits")
    assert bits == {"kind": "bits", "count": 1, "quantity": 500}  # the test is not in it
    assert totals["money"] == [money]
    (channel,) = (await rig.root.get(f"/api/v1/campaigns/{campaign}/channels")).json()["items"]
    assert (channel["is_live"], channel["title"]) == (True, "The crypt")
    assert (await sent(rig, campaign, {"type": "stream.offline", "message_id": "off"}))["accepted"] == 1


async def test_alerts_go_on_stream_as_the_campaign_wants_them(rig: Rig, database: Database) -> None:
    campaign = await stage(rig)
    rules = f"/api/v1/campaigns/{campaign}/alert-rules"
    assert len((await rig.root.get(rules)).json()["items"]) == 8
    answer = await rig.root.patch(
        f"{rules}/bits", json={"minimum": 100, "template": "{name}: {amount}!", "lasts_ms": 3000}
    )
    assert answer.status_code == 200, answer.text
    assert (answer.json()["minimum"], answer.json()["measure"]) == (100, "bits")
    wrong(await rig.root.patch(f"{rules}/bits", json={"template": "{nmae}"}), 422, "invalid")
    wrong(await rig.root.patch(f"{rules}/bits", json={"lasts_ms": 1999}), 422, "invalid")
    wrong(await rig.root.patch(f"{rules}/hugs", json={"minimum": 1}), 404, "not_found")
    assert (await rig.root.patch(f"{rules}/follow", json={"is_shown": False})).status_code == 200
    await sent(
        rig,
        campaign,
        {"type": "support.bits", "user": ANA, "quantity": 99},
        {"type": "channel.follow", "user": ANA},
        {"type": "support.bits", "user": ANA, "quantity": 100},
        {"type": "support.gift", "user": ANA, "quantity": 1, "fact": "bomb"},
    )
    board_id = str(alerts.board_id(UUID(campaign)))
    shown = (await boards_of(database, UUID(campaign)))[board_id]
    BOARDS["alert"].validate_python(shown)
    assert [(one["type"], one["quantity"]) for one in shown["alerts"]] == [("bits", 100), ("gift", 1)]
    assert (shown["alerts"][0]["template"], shown["alerts"][0]["lasts_ms"]) == ("{name}: {amount}!", 3000)
    # The bomb's own notice comes later: five gifts, and no second alert.
    await sent(
        rig,
        campaign,
        {"type": "support.gift", "user": ANA, "quantity": 5, "fact": "bomb", "message_id": "late"},
    )
    after = (await boards_of(database, UUID(campaign)))[board_id]
    assert [(one["type"], one["quantity"]) for one in after["alerts"]] == [("bits", 100), ("gift", 5)]
    assert after["alerts"][1]["starts_at"] == shown["alerts"][1]["starts_at"]
    await rig.root.post(f"/api/v1/campaigns/{campaign}/alerts/dismiss", json={})
    assert board_id not in await boards_of(database, UUID(campaign))


async def test_trying_out_shows_and_counts_nothing(rig: Rig, database: Database) -> None:
    campaign = await stage(rig)
    path = f"/api/v1/campaigns/{campaign}"
    assert (await rig.root.post(f"{path}/alerts/test", json={"kind": "raid"})).status_code == 202
    assert (await rig.root.post(f"{path}/alerts/rehearse", json={})).status_code == 202
    (shown,) = (await boards_of(database, UUID(campaign))).values()
    assert {one["test"] for one in shown["alerts"]} == {True}
    assert shown["alerts"][0]["type"] == "raid"
    assert sum(one["people"] for one in shown["alerts"]) == 15
    feed = (await rig.root.get(f"{path}/support?limit=100")).json()["items"]
    assert len(feed) == 15
    assert {entry["is_test"] for entry in feed} == {True}
    totals = (await rig.root.get(f"{path}/support/totals")).json()
    assert (totals["kinds"], totals["money"]) == ([], [])


async def test_time_takes_the_board_off(database_url: str) -> None:
    async with processes(database_url, 1) as (process,):
        campaign = await make_campaign(process.database)
        event = Supported(
            "twitch", "100", "m", "bits", "f", User("7", "a", "A"), 5, 0, 0, 0, "", "", NOW, NOW
        )
        await process.rooms.ingest(campaign, [event], receipts=[True])
        assert len(await boards_of(process.database, campaign)) == 1
        async with process.database.transaction() as connection:
            await connection.execute("UPDATE deadlines SET due_at = now() - interval '1 ms'")
            board = alerts.board_id(campaign)
            await connection.execute(
                """UPDATE boards SET data = jsonb_set(data, '{alerts,0,ends_at}',
                   '"2026-11-20T20:00:01.000Z"') WHERE board_id = $1""",
                board,
            )
        async with process.database.connection() as connection:
            (due,) = await deadlines.due(connection, 10)
        assert await process.rooms.fire(due) is not None
        assert await boards_of(process.database, campaign) == {}
