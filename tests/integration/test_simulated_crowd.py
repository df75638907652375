"""The crowd of rehearsals: who plays it, the engine's batches, the real database."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from uuid import UUID

import pytest

from integrations.simulator import SimulatedCrowds
from integrations.supervisor import Connectors
from server.engine.batch import Batches
from server.engine.clock import DatabaseClock
from server.engine.room import Rooms
from server.rules.poll import Cancel, PollRules
from sql import channels, polls
from sql.channels import Channel, Platform
from sql.polls import Draft
from sql.pool import Database
from tests.integration.test_channels import new_campaign

QUICK = timedelta(seconds=0.2)
SEATS: tuple[tuple[Platform, str], ...] = (("twitch", "mossy_tavern"), ("kick", "lantern_keep"))


class Show:
    """A campaign with simulated channels, an engine, and processes that play the crowd."""

    def __init__(
        self, database: Database, campaign_id: UUID, seats: list[Channel], group: asyncio.TaskGroup
    ) -> None:
        self.database = database
        self.campaign_id = campaign_id
        self.seats = seats
        self.clock = DatabaseClock()
        self.rooms = Rooms(database, self.clock, lambda _change: None)
        self.batches = Batches(self.rooms)
        self._group = group
        self.engine = group.create_task(self.batches.run())

    async def poll(self, duration_s: int = 60) -> UUID:
        """An open simulated poll."""
        draft = Draft("Which door?", ("Left", "Right", "Stay"), duration_s, PollRules(words="any_case"))
        async with self.database.transaction() as connection:
            poll_id = await polls.create(connection, self.campaign_id, draft)
        await self.rooms.launch(self.campaign_id, poll_id, simulated=True)
        return poll_id

    def process(self, rate: float = 60) -> tuple[Connectors, asyncio.Task[None]]:
        crowds = SimulatedCrowds(self.database, self.batches, self.clock, rate=rate, every=QUICK)
        connectors = Connectors(self.database, crowds, kinds=("simulated",), every=QUICK, readers_each=1)
        return connectors, self._group.create_task(connectors.run())

    async def votes(self, poll_id: UUID) -> list[tuple[str, str, int]]:
        """Platform, voter and choice of every vote that counts."""
        async with self.database.connection() as connection:
            rows = await connection.fetch(
                "SELECT platform, platform_user_id, choice FROM poll_votes WHERE poll_instance_id = $1",
                poll_id,
            )
        return [(row["platform"], row["platform_user_id"], row["choice"]) for row in rows]

    async def until(self, condition: Callable[[], Awaitable[object]], what: str, seconds: float = 10) -> None:
        deadline = time.monotonic() + seconds
        while not await condition():
            assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
            await asyncio.sleep(0.05)

    async def until_votes(self, poll_id: UUID, count: int) -> None:
        async def enough() -> bool:
            return len(await self.votes(poll_id)) >= count

        await self.until(enough, f"{count} votes")


@pytest.fixture
async def show(database: Database) -> AsyncIterator[Show]:
    campaign_id = await new_campaign(database)
    async with database.connection() as connection:
        seats = [
            await channels.create(
                connection, campaign_id=campaign_id, platform=platform, login=login, source="simulated"
            )
            for platform, login in SEATS
        ]
    async with asyncio.TaskGroup() as group:
        made = Show(database, campaign_id, seats, group)
        yield made
        await made.batches.flush()
        made.engine.cancel()


async def stopped(connectors: Connectors, task: asyncio.Task[None]) -> None:
    await connectors.close()
    async with asyncio.timeout(5):
        await task


async def test_it_votes_in_an_open_rehearsal_on_all_its_channels(show: Show) -> None:
    poll_id = await show.poll()
    running = show.process()
    await show.until_votes(poll_id, 30)
    votes = await show.votes(poll_id)
    assert {platform for platform, _, _ in votes} == {"twitch", "kick"}
    assert {choice for _, _, choice in votes} == {1, 2, 3}
    assert all(user.startswith("sim-") for _, user, _ in votes)

    async def told() -> bool:
        async with show.database.connection() as connection:
            listed = await channels.list_of_campaign(connection, show.campaign_id)
        return all(channel.state == "connected" and channel.heard_at for channel in listed)

    await show.until(told, "channels are connected and heard")
    await stopped(*running)


async def test_it_is_silent_without_a_rehearsal_and_when_one_is_closed(show: Show) -> None:
    running = show.process()
    poll_id = await show.poll()
    await show.until_votes(poll_id, 5)
    await show.rooms.command(show.campaign_id, poll_id, Cancel())
    await asyncio.sleep(1)  # the time in which a crowd that did not notice would have spoken sixty times
    first = await marks(show)
    await asyncio.sleep(1)
    assert await marks(show) == first
    await stopped(*running)


async def marks(show: Show) -> list[object]:
    async with show.database.connection() as connection:
        return [channel.heard_at for channel in await channels.list_of_campaign(connection, show.campaign_id)]


async def test_one_process_plays_at_a_time(show: Show) -> None:
    poll_id = await show.poll()
    running = [show.process() for _ in range(3)]
    await show.until_votes(poll_id, 5)
    deadline = time.monotonic() + 5
    while sorted(channel.id for connectors, _ in running for channel in connectors.held) != sorted(
        seat.id for seat in show.seats
    ):
        assert time.monotonic() < deadline, [connectors.held for connectors, _ in running]
        await asyncio.sleep(0.05)
    for process in running:
        await stopped(*process)


async def test_two_processes_and_a_restart_give_the_same_crowd(show: Show) -> None:
    poll_id = await show.poll()
    first = show.process()
    await show.until_votes(poll_id, 10)
    await stopped(*first)
    second, third = show.process(), show.process()
    await show.until_votes(poll_id, 40)
    await stopped(*second)
    await stopped(*third)
    async with show.database.connection() as connection:
        repeated = await connection.fetchval(
            "SELECT count(*) - count(DISTINCT message_id) FROM poll_vote_ledger WHERE poll_instance_id = $1",
            poll_id,
        )
    assert repeated == 0, "what was said twice was taken once"
