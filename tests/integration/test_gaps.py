"""A chat that was not heard: noted whoever died, and told by status, poll and export (reliability §3.10)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from server.engine import gap_watch
from server.rules.vote_audit import audit
from sql import gaps, readers
from sql.channels import Channel
from sql.ids import uuid7
from sql.pool import Database
from tests.integration.test_channels import twitch
from tests.integration.test_readers import reads
from tests.integration.web_rig import Rig, rig_on

LONG = timedelta(minutes=1)


@pytest.fixture
async def rig(database: Database, tmp_path: Path) -> AsyncIterator[Rig]:
    async with rig_on(database, tmp_path) as made:
        yield made


class Show:
    """A show with one Twitch chat."""

    def __init__(self, rig: Rig, database: Database, campaign: str, channel: Channel) -> None:
        self.rig, self.database, self.campaign, self.channel = rig, database, campaign, channel

    async def look(self) -> None:
        async with self.database.connection() as connection:
            await gaps.watch_chat(connection, gap_watch.KINDS)

    async def heard_by(self, connector: UUID) -> None:
        assert self.channel.login in await reads(self.database, connector, ttl=LONG)
        await self.look()

    async def dies(self, connector: UUID) -> None:
        """Gone without a goodbye, and nobody has heard of it for too long."""
        async with self.database.connection() as connection:
            await connection.execute("UPDATE connectors SET expires_at = now() WHERE id = $1", connector)

    async def leaves(self, connector: UUID) -> None:
        async with self.database.connection() as connection:
            await readers.leave(connection, connector)

    async def get(self, path: str) -> Any:
        answer = await self.rig.root.get(f"/api/v1{path}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def post(self, path: str, body: Any) -> Any:
        answer = await self.rig.root.post(f"/api/v1{path}", json=body)
        assert answer.status_code < 300, answer.text
        return answer.json()

    async def told(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.get(f"/campaigns/{self.campaign}/status"))["gaps"]
        return found

    async def poll(self) -> str:
        body = {"question": "Q?", "options": ["a", "b"], "duration_s": 600, "grace_s": 0}
        id_: str = (await self.post(f"/campaigns/{self.campaign}/polls", body))["id"]
        await self.post(f"/polls/{id_}/launch", {})
        return id_


@pytest.fixture
async def show(rig: Rig, database: Database) -> Show:
    campaign = await rig.campaign()
    async with database.connection() as connection:
        channel = await twitch(connection, UUID(campaign), "ana")
    return Show(rig, database, campaign, channel)


async def test_a_chat_that_was_never_heard_has_no_gap(show: Show) -> None:
    await show.look()
    await show.look()
    assert await show.told() == []


async def test_a_dead_reader_leaves_a_gap_that_the_next_one_ends(show: Show) -> None:
    first = uuid7()
    await show.heard_by(first)
    assert await show.told() == []
    await show.dies(first)
    await show.look()
    (gap,) = await show.told()
    assert (gap["login"], gap["part"], gap["reason"], gap["ended_at"]) == ("ana", "chat", "no_process", None)
    await show.look()
    assert await show.told() == [gap]
    await show.heard_by(uuid7())
    (over,) = await show.told()
    assert over["began_at"] == gap["began_at"]
    assert datetime.fromisoformat(over["ended_at"]) >= datetime.fromisoformat(over["began_at"])


async def test_one_of_two_readers_is_enough(show: Show) -> None:
    first, second = uuid7(), uuid7()
    await show.heard_by(first)
    await show.heard_by(second)
    await show.dies(first)
    await show.look()
    assert await show.told() == []


async def test_a_whole_machine_was_away_since_somebody_last_watched(show: Show) -> None:
    first = uuid7()
    await show.heard_by(first)
    async with show.database.connection() as connection:
        await connection.execute("UPDATE duties SET done_until = done_until - interval '10 minutes'")
    await show.dies(first)
    await show.look()
    (gap,) = await show.told()
    async with show.database.connection() as connection:
        age_s = await connection.fetchval(
            "SELECT extract(epoch FROM now() - began_at)::float FROM channel_gaps"
        )
    assert 600 <= age_s < 660
    assert gap["ended_at"] is None


async def test_many_who_watch_note_one_gap(show: Show) -> None:
    first = uuid7()
    await show.heard_by(first)
    await show.dies(first)
    await asyncio.gather(*(show.look() for _ in range(8)))
    assert len(await show.told()) == 1


async def test_a_poll_says_whose_chat_it_did_not_hear(show: Show) -> None:
    first, second = uuid7(), uuid7()
    await show.heard_by(first)
    poll = await show.poll()
    assert (await show.get(f"/polls/{poll}"))["gaps"] == []
    await show.leaves(first)
    await show.look()
    (open_,) = (await show.get(f"/polls/{poll}"))["gaps"]
    assert (open_["login"], open_["ended_at"]) == ("ana", None)
    await show.heard_by(second)
    closed = await show.post(f"/polls/{poll}/close", {})
    (gap,) = closed["gaps"]
    assert gap["ended_at"] is not None
    exported = await show.get(f"/polls/{poll}/export")
    assert exported["gaps"] == [
        {
            "platform": "twitch",
            "login": "ana",
            "from": gap["began_at"],
            "to": gap["ended_at"],
            "reason": "no_process",
        }
    ]
    assert audit(exported).good
    listed = (await show.get(f"/campaigns/{show.campaign}/polls"))["items"]
    assert {item["id"]: len(item["gaps"]) for item in listed}[poll] == 1
    async with show.database.connection() as connection:  # over before the poll took its first vote
        await connection.execute(
            "UPDATE channel_gaps SET (began_at, ended_at)"
            " = (opens_at - interval '2 h', opens_at - interval '1 h')"
            " FROM poll_instances"
        )
    assert (await show.get(f"/polls/{poll}"))["gaps"] == []


async def test_events_that_were_missed_are_read_afterwards(show: Show) -> None:
    channels = [show.channel.id]
    async with show.database.connection() as connection:
        now = await connection.fetchval("SELECT now()")
        await gaps.open_(connection, channels, "events", began_at=now, reason="silent", detail="half open")
        await gaps.open_(connection, channels, "events", began_at=now, reason="lost")  # known already
    (gap,) = await show.told()
    assert (gap["part"], gap["reason"], gap["detail"]) == ("events", "silent", "half open")
    async with show.database.connection() as connection:
        assert await gaps.to_repair(connection, "twitch") == {}
        await gaps.close(connection, channels, "events")
        ((_, ids),) = (await gaps.to_repair(connection, "twitch")).items()
        await gaps.repaired(connection, ids)
        assert await gaps.to_repair(connection, "twitch") == {}
    assert (await show.told())[0]["repaired_at"] is not None


async def test_the_watch_goes_on_by_itself(show: Show) -> None:
    first = uuid7()
    await show.heard_by(first)
    watching = asyncio.create_task(gap_watch.run(show.database, every_s=0.02))
    await show.dies(first)
    try:
        async with asyncio.timeout(10):
            while not await show.told():  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    finally:
        watching.cancel()
        await asyncio.wait([watching])
