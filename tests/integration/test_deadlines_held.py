"""One campaign that is held, or boards that cannot be carried on, stop no clock but their own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from structlog.testing import capture_logs

from server.engine.deadlines import Deadlines
from server.engine.room import Rooms
from server.rules.poll import Cancel, Poll, PollRules, State
from sql import deadlines as rows
from sql import heads, transactions
from sql.ids import uuid7
from sql.pool import UNREACHABLE, Database
from tests.integration.engine_rig import (
    CHANNELS,
    Process,
    age,
    make_campaign,
    make_poll,
    poll_of,
    processes,
    until,
)

#: What `sql/queries/transactions.sql` allows a process that gives no sign, and what a busy machine adds.
IDLE_S, SLACK_S = 5.0, 1.5


async def overdue(process: Process, seconds: float = 61) -> Poll:
    """An open poll of a campaign of its own, whose time is over."""
    campaign_id = await make_campaign(process.database, CHANNELS[:1])
    poll_id = await make_poll(process.database, campaign_id, PollRules(grace_s=0))
    await process.rooms.launch(campaign_id, poll_id)
    await age(process.database, campaign_id, seconds)
    return await poll_of(process.database, poll_id)


@asynccontextmanager
async def firing(process: Process) -> AsyncIterator[Deadlines]:
    deadlines = Deadlines(process.database, process.rooms)
    loop = asyncio.create_task(deadlines.run())
    yield deadlines
    assert not loop.done(), "the loop ended"
    loop.cancel()
    await asyncio.wait([loop])


async def until_closed(process: Process, poll: Poll, seconds: float) -> None:
    async def is_closed() -> bool:
        return (await poll_of(process.database, poll.id)).state == State.CLOSED

    await until(is_closed, "the poll is closed", seconds)


def waiting(logs: Sequence[Mapping[str, Any]]) -> list[str]:
    """The campaigns that were told to wait."""
    return [log["campaign_id"] for log in logs if log["event"] == "deadline_waits"]


@pytest.mark.parametrize("held", [1, 10])
async def test_a_held_campaign_stops_no_other(database_url: str, held: int) -> None:
    """What is due in it fires as soon as it is let go; nothing is due anywhere that waits for it."""
    async with processes(database_url, 1, most=10) as (one,), processes(database_url, 1, most=12) as (other,):
        locked = [await overdue(one, 120 + n) for n in range(held)]
        free = await overdue(one)
        release = asyncio.Event()

        async def hold(poll: Poll) -> None:
            async with other.database.transaction() as connection:
                await heads.lock(connection, poll.campaign_id)
                holding.append(poll)
                await release.wait()

        holding: list[Poll] = []
        tasks = [asyncio.create_task(hold(poll)) for poll in locked]
        await until(lambda: len(holding) == held, "they are held")
        with capture_logs() as logs:
            async with firing(one):
                await until_closed(one, free, 1 if held == 1 else 2)
                later = await overdue(one)
                await until_closed(one, later, 1)
                assert {(await poll_of(one.database, poll.id)).state for poll in locked} == {State.OPEN}
                await until(lambda: len(waiting(logs)) >= held, "all of them were tried", 20)
                release.set()
                await asyncio.gather(*tasks)
                for poll in locked:
                    await until_closed(one, poll, 1 if held == 1 else 2)
        assert sorted(waiting(logs)) == sorted(str(poll.campaign_id) for poll in locked), "each is told once"


async def test_sixty_broken_deadlines_do_not_hide_a_good_one(database: Database) -> None:
    """They are older than it, in campaigns of their own and in its own; each is tried again, and seldom."""
    process = Process(database)
    good = await overdue(process)
    other = await make_campaign(database)
    async with database.transaction() as connection:
        await connection.execute(
            "CREATE FUNCTION breaks() RETURNS trigger LANGUAGE plpgsql AS $$"
            "BEGIN RAISE EXCEPTION 'this one cannot be carried on'; END $$"
        )
        await connection.execute(
            "CREATE TRIGGER breaks BEFORE UPDATE ON deadlines FOR EACH ROW WHEN (OLD.kind = 'broken') "
            "EXECUTE FUNCTION breaks()"
        )
        long_ago = datetime.now(UTC) - timedelta(hours=1)
        for n in range(60):
            campaign_id = good.campaign_id if n % 2 else other
            await rows.arm(connection, campaign_id, uuid7(), "broken", long_ago)
    with capture_logs() as logs:
        async with firing(process):
            await until_closed(process, good, 5)
            next_good = await overdue(process)
            await until_closed(process, next_good, 2)
    failures = [log["board_id"] for log in logs if log["event"] == "deadline_failed"]
    assert len(set(failures)) == 60
    assert len(failures) < 60 * 5


class Stumbling(Rooms):
    """Has a fault that nobody thought of, in one poll."""

    stumbles_over: Any = None

    async def fire(self, due: rows.Due, wait_s: float | None = None) -> rows.Fired | None:
        if due.board_id == self.stumbles_over:
            raise TypeError("nobody thought of this")
        return await super().fire(due, wait_s)


async def test_a_fault_that_nobody_thought_of_ends_no_process(database: Database) -> None:
    process = Process(database)
    bad, good = await overdue(process, 90), await overdue(process)
    stumbling = Stumbling(database, process.rooms._clock, process.published.append)
    stumbling.stumbles_over = bad.id
    process.rooms = stumbling
    with capture_logs() as logs:
        async with firing(process):
            await until_closed(process, good, 2)
            stumbling.stumbles_over = None
            await until_closed(process, bad, 4)  # it is tried again by itself
    assert {log["board_id"] for log in logs if log["event"] == "deadline_failed"} == {str(bad.id)}


@pytest.mark.parametrize("stands_still", [False, True])
async def test_who_gives_no_sign_inside_a_transaction_loses_the_campaign(
    database_url: str, stands_still: bool
) -> None:
    """PostgreSQL throws it out after 5 s; when it wakes up it finds its transaction dead, and goes on."""
    async with processes(database_url, 2) as (one, other):
        poll = await overdue(one)

        async def hold() -> None:
            async with other.database.transaction() as connection:
                head = await heads.lock(connection, poll.campaign_id)
                if stands_still:
                    time.sleep(IDLE_S + SLACK_S)  # noqa: ASYNC251  as SIGSTOP does it
                else:
                    await until_closed(one, poll, IDLE_S + SLACK_S)
                await heads.advance(connection, poll.campaign_id, head.seq + 100)

        began = time.monotonic()
        async with firing(one):
            with pytest.raises(UNREACHABLE):
                await hold()
            assert time.monotonic() - began > IDLE_S - 0.5
            await until_closed(one, poll, 2)
        second = await make_poll(other.database, poll.campaign_id)
        await other.rooms.launch(poll.campaign_id, second)
        await other.rooms.command(poll.campaign_id, second, Cancel())


async def test_who_stands_still_in_the_middle_of_a_statement_loses_the_campaign(database_url: str) -> None:
    """PostgreSQL has no bound for rows that do not come; whoever waits for the campaign ends the session."""
    async with processes(database_url, 1) as (one,):
        poll = await overdue(one)
        stopped = await asyncpg.connect(database_url, server_settings={"application_name": "hubbub"})
        transaction = stopped.transaction()
        await transaction.start()
        await heads.lock(stopped, poll.campaign_id)

        async def rows_that_do_not_come() -> AsyncIterator[bytes]:
            await asyncio.Event().wait()
            yield b""

        copying = asyncio.create_task(stopped.copy_to_table("inbox", source=rows_that_do_not_come()))
        async with firing(one):
            await until_closed(one, poll, IDLE_S + 2 * SLACK_S)
        copying.cancel()
        await asyncio.wait([copying])
        stopped.terminate()


async def test_every_kind_of_transaction_has_its_bounds(database: Database) -> None:
    asked = (
        "SELECT current_setting('idle_in_transaction_session_timeout') || ' ' || "
        "current_setting('lock_timeout')"
    )
    async with database.transaction() as connection:
        assert await connection.fetchval(asked) == "5s 3s"
        await transactions.wait_at_most(connection, 0.25)
        assert await connection.fetchval(asked) == "5s 250ms"
    async with database.transaction(isolation="repeatable_read", readonly=True) as connection:
        assert await connection.fetchval(asked) == "5s 3s"
    async with database.connection() as connection:
        async with connection.transaction():
            assert await connection.fetchval(asked) == "5s 3s"
            async with connection.transaction():
                assert await connection.fetchval(asked) == "5s 3s"
        assert await connection.fetchval(asked) == "0 0", "nothing of the session is changed"


async def test_who_works_long_inside_a_transaction_keeps_it(database: Database) -> None:
    """A tie among very many votes is decided beside the event loop, with the campaign held."""
    async with database.transaction() as connection:
        work = asyncio.to_thread(time.sleep, IDLE_S + SLACK_S)
        await transactions.while_working(connection, work)
        assert await connection.fetchval("SELECT 1") == 1
