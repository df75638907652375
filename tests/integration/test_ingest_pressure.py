"""More chat than the database takes: memory stays bounded, the reader waits, nothing is lost."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import pytest

from integrations.twitch.irc import TwitchIrc
from server.engine.batch import LARGEST_BATCH, LARGEST_BUFFER, Batches
from server.engine.clock import DatabaseClock
from server.loop_watch import collect_seldom
from server.rules.poll import Poll, PollRules
from sql import channels, heads, inbox
from sql.pool import Database
from tests.fakes.twitch_irc import FakeTwitch, privmsg, until
from tests.integration.engine_rig import CHANNELS, Process, line, make_campaign, open_poll, poll_of, processes

LINES, LINES_A_FRAME = 100_000, 100
#: What fifty thousand waiting lines may take; a hundred thousand and more without a bound would be over it.
_MOST_MEMORY = 160 << 20
#: A batch may keep the loop from browsers for this long, in seconds of the thread's own time; twice the aim.
_LONGEST_STEP = 0.1


def resident() -> int:
    """Bytes of memory that this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@asynccontextmanager
async def reading(process: Process, twitch: FakeTwitch, poll: Poll) -> AsyncIterator[Batches]:
    """The way from a socket of Twitch to the database, as `hubbub connectors` has it."""
    batches = Batches(process.rooms, patience_s=120)  # however slow the machine is that day
    clock = DatabaseClock()
    source = TwitchIrc(twitch.url, batches, clock, random=Random(7))  # noqa: S311
    async with process.database.connection() as connection:
        clock.observe(await heads.now(connection))
        source.want(await channels.list_of_campaign(connection, poll.campaign_id))
    async with asyncio.TaskGroup() as group:
        storing = group.create_task(batches.run())
        read = group.create_task(source.run())
        await twitch.joined(f"login{CHANNELS[0][1]}")
        yield batches
        await source.close()
        await read
        await batches.flush()
        storing.cancel()


async def test_a_slow_database_stops_the_reader_and_loses_nothing(database_url: str) -> None:
    """The campaign stays locked, as a slow transaction would hold it, while 100,000 votes are said."""
    async with FakeTwitch.serving() as twitch, processes(database_url, 2) as (one, other):
        campaign_id = await make_campaign(one.database, CHANNELS[:1])
        poll = await open_poll(one, campaign_id, PollRules(rule="every_message"))
        login, room = f"login{CHANNELS[0][1]}", CHANNELS[0][1]

        async def talk() -> None:
            said = privmsg(login, "!2", room_id=room, message_id="message-000000")
            for start in range(0, LINES, LINES_A_FRAME):
                numbers = range(start, start + LINES_A_FRAME)
                await twitch.send(login, *(said.replace("message-000000", f"m{n}") for n in numbers))

        async with reading(one, twitch, poll) as batches:
            before = resident()
            async with other.database.transaction() as connection:
                await connection.execute(
                    "SELECT 1 FROM campaign_heads WHERE campaign_id = $1 FOR UPDATE", campaign_id
                )
                talking = asyncio.create_task(talk())
                await until(lambda: batches.waiting >= LARGEST_BUFFER, "the buffer is full", 90)
                await asyncio.sleep(0.5)  # time to go beyond the bound, for who would
                assert batches.waiting < LARGEST_BUFFER + LINES_A_FRAME
                assert not talking.done()  # what is not read waits with the sender
                assert resident() - before < _MOST_MEMORY
            await talking
            await until(lambda: batches.taken >= LINES, "everything is stored", 90)
            assert batches.dropped == {}
        counted = await poll_of(one.database, poll.id)
        assert counted.tally[0] == (0, LINES, 0)
        assert counted.ledger_rows == LINES


async def test_the_inbox_forgets_as_fast_as_it_was_filled(database: Database) -> None:
    """In one round of housekeeping, whatever a single statement may take at a time."""
    process = Process(database)
    poll = await open_poll(process, await make_campaign(database))
    await process.rooms.ingest(poll.campaign_id, [line(poll, "hello")], receipts=[True])
    async with database.connection() as connection:
        await connection.execute(
            "INSERT INTO inbox (campaign_id, source, message_id, received_at) "
            "SELECT $1, 'twitch', n::text, now() - interval '31 days' FROM generate_series(1, 1001) AS n",
            poll.campaign_id,
        )
        await inbox.forget(connection, most=100, rounds=5)
        assert await connection.fetchval("SELECT count(*) FROM inbox") == 1 + 501
        await inbox.forget(connection, most=100)
        assert await connection.fetchval("SELECT count(*) FROM inbox") == 1


@pytest.fixture
def collected_seldom() -> Iterator[None]:
    """As the program does it; otherwise the collector looks through what a whole test run has left."""
    usual = gc.get_threshold()
    collect_seldom()
    yield
    gc.set_threshold(*usual)
    gc.unfreeze()


@pytest.mark.usefixtures("collected_seldom")
async def test_the_largest_batch_lets_browsers_be_served_meanwhile(database: Database) -> None:
    """Frames and pings go out between its steps: none of them keeps the loop for long."""
    process = Process(database)
    poll = await open_poll(process, await make_campaign(database))
    for votes_again in (False, True):
        lines = [
            line(poll, str(n % 3 + 1), f"u{n}", message_id=f"{votes_again}{n}", after=int(votes_again))
            for n in range(LARGEST_BATCH)
        ]
        steps: list[float] = []
        storing = asyncio.create_task(
            process.rooms.ingest(poll.campaign_id, lines, receipts=[True] * len(lines))
        )
        while not storing.done():
            began = time.thread_time()
            await asyncio.sleep(0)
            steps.append(time.thread_time() - began)
        assert all(outcome.kind == "accepted" for outcome in await storing)
        assert max(steps) < _LONGEST_STEP, f"{max(steps) * 1000:.0f} ms"
