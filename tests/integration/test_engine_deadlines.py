"""Time acts exactly once, over several processes, late rather than never, and not where it was called off."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from structlog.testing import capture_logs

from server.engine.deadlines import Deadlines
from server.rules.poll import Cancel, Close, Extend, Poll, PollRules, Reveal, State, UndoCancel
from sql import deadlines as rows
from sql import heads
from sql.ids import uuid7
from sql.pool import Database
from tests.integration.engine_rig import (
    CHANNELS,
    Process,
    Wire,
    age,
    boards_of,
    line,
    make_campaign,
    make_poll,
    poll_of,
    processes,
    until,
)

QUICK = PollRules(grace_s=0, auto_reveal_s=0, hold_s=3)


async def launched(process: Process, rules: PollRules = QUICK) -> Poll:
    campaign_id = await make_campaign(process.database, CHANNELS[:1])
    poll_id = await make_poll(process.database, campaign_id, rules)
    await process.rooms.launch(campaign_id, poll_id)
    return await poll_of(process.database, poll_id)


async def steps_of(database: Database, campaign_id: UUID) -> list[tuple[str, str | None]]:
    """What the stream of a campaign tells: (kind, phase) in order."""
    async with database.connection() as connection:
        found = await connection.fetch(
            "SELECT kind, payload ->> 'phase' AS phase FROM board_events WHERE campaign_id = $1 ORDER BY seq",
            campaign_id,
        )
    return [(row["kind"], row["phase"]) for row in found]


WHOLE_LIFE = [
    ("set", "open"),
    ("set", "closing"),
    ("set", "closed"),
    ("set", "revealed"),
    ("unset", None),
]


async def test_fifty_polls_within_two_seconds_over_three_processes_move_exactly_once(
    database_url: str,
) -> None:
    """Every process runs the loop; 50 campaigns, 4 deadlines each; the stream of each has every step once."""
    async with processes(database_url, 3) as several:
        database = several[0].database
        polls = [await launched(several[n % 3]) for n in range(50)]
        for n, poll in enumerate(polls):
            await age(database, poll.campaign_id, 60 - 0.5 - n * 0.04)  # closes 0.5…2.5 s from now
        loops = [Deadlines(process.database, process.rooms) for process in several]
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(loop.run()) for loop in loops]

            async def all_gone() -> bool:
                async with database.connection() as connection:
                    on_screen = "SELECT count(*) FROM poll_instances WHERE on_screen"
                    return not await connection.fetchval(on_screen)

            await until(all_gone, "every result has left the screen", 30)
            for task in running:
                task.cancel()
        for poll in polls:
            assert await steps_of(database, poll.campaign_id) == WHOLE_LIFE
        assert sum(loop.fired for loop in loops) == 50 * 4
        assert all(loop.fired for loop in loops)  # all three took part
        published = [change for process in several for change in process.published]
        assert len({(change.campaign_id, change.to_seq) for change in published}) == len(published) == 50 * 5
        assert max(loop.worst_lateness_s for loop in loops) < 10  # how punctual they are, R9 tries


async def test_what_is_overdue_fires_at_once_and_in_order(database: Database) -> None:
    """The server was down for an hour: results as if it had not been, and no waiting for grace or hold."""
    process = Process(database)
    polls = [await launched(process, PollRules(hold_s=3, auto_reveal_s=60)) for _ in range(5)]
    for n, poll in enumerate(polls):
        await age(database, poll.campaign_id, 3600 + 10 * n)
    restarted = Process(database)
    deadlines = Deadlines(database, restarted.rooms)
    await deadlines.fire_due()
    for poll in polls:
        assert await steps_of(database, poll.campaign_id) == WHOLE_LIFE[:3]
        now = await poll_of(database, poll.id)
        assert now.state == State.CLOSED  # counted at once; people get their 60 s to look at it
        assert now.closes_at == now.opens_at + timedelta(seconds=60)  # type: ignore[operator]
        await age(database, poll.campaign_id, 60)
    await deadlines.fire_due()
    assert {(await poll_of(database, poll.id)).state for poll in polls} == {State.REVEALED}
    assert deadlines.worst_lateness_s > 3500


async def test_what_is_overdue_in_a_campaign_fires_in_the_order_of_its_times(database: Database) -> None:
    """More of it than one look takes; none of these boards is a poll, so nothing else becomes of them."""
    process = Process(database)
    campaigns = [await make_campaign(database) for _ in range(2)]
    async with database.transaction() as connection:
        now = await heads.now(connection)
        for n in range(120):
            due_at = now - timedelta(seconds=1 + n * 7 % 120)
            await rows.arm(connection, campaigns[n % 2], uuid7(), "leave", due_at)
    deadlines = Deadlines(database, process.rooms)
    await deadlines.fire_due()
    assert deadlines.fired == 120
    async with database.connection() as connection:
        for campaign_id in campaigns:
            fired = await connection.fetch(
                "SELECT due_at FROM deadlines WHERE campaign_id = $1 ORDER BY fired_at", campaign_id
            )
            assert [row["due_at"] for row in fired] == sorted(row["due_at"] for row in fired)


async def test_only_votes_sent_in_time_count_however_late_the_close(database: Database) -> None:
    process = Process(database)
    poll = await launched(process, PollRules(grace_s=3))
    in_time = line(poll, "1", "ana", after=60)
    too_late = line(poll, "2", "bob", after=60.001)
    assert await process.rooms.ingest(poll.campaign_id, [in_time, too_late], receipts=[True] * 2)
    await age(database, poll.campaign_id, 3600)
    await Deadlines(database, Process(database).rooms).fire_due()
    now = await poll_of(database, poll.id)
    assert (now.state, now.tally, now.winner) == (State.CLOSED, ((1, 0, 0),), 1)


async def test_a_moved_deadline_does_not_fire_at_its_old_time(database: Database) -> None:
    process = Process(database)
    poll = await launched(process)
    await age(database, poll.campaign_id, 58)
    async with database.connection() as connection:
        old = rows.Due(poll.id, "close", poll.campaign_id, poll.closes_at)  # type: ignore[arg-type]
    await process.rooms.command(poll.campaign_id, poll.id, Extend(30))
    deadlines = Deadlines(database, process.rooms)
    async with asyncio.TaskGroup() as tasks:
        loop = tasks.create_task(deadlines.run())
        async with database.connection() as connection:

            async def is_past() -> bool:
                left = await rows.seconds_to_next(connection)
                return left is not None and left < 29.5

            await until(is_past, "the old time is over", 20)
        loop.cancel()
    assert await process.rooms.fire(old) is None
    assert (await poll_of(database, poll.id)).state == State.OPEN
    assert deadlines.fired == 0


async def test_a_cancelled_poll_has_no_deadline_and_gets_it_back(database: Database) -> None:
    process = Process(database)
    poll = await launched(process)
    await process.rooms.command(poll.campaign_id, poll.id, Cancel())
    async with database.connection() as connection:
        assert await rows.seconds_to_next(connection) is None
    await process.rooms.command(poll.campaign_id, poll.id, UndoCancel())
    async with database.connection() as connection:
        left = await rows.seconds_to_next(connection)
    assert left is not None
    assert 58 < left <= 60


async def test_a_result_taken_off_the_screen_stays_off(database: Database) -> None:
    """Another poll was launched while an automatic reveal was pending."""
    process = Process(database)
    poll = await launched(process, PollRules(grace_s=0, auto_reveal_s=60))
    await process.rooms.command(poll.campaign_id, poll.id, Close())
    await age(database, poll.campaign_id, 1)
    deadlines = Deadlines(database, process.rooms)
    await deadlines.fire_due()
    assert (await poll_of(database, poll.id)).state == State.CLOSED
    second = await make_poll(database, poll.campaign_id)
    await process.rooms.launch(poll.campaign_id, second)
    await age(database, poll.campaign_id, 59.9)
    assert await boards_of(database, poll.campaign_id) != {}
    await age(database, poll.campaign_id, 30)
    await deadlines.fire_due()
    now = await poll_of(database, poll.id)
    assert (now.state, now.on_screen) == (State.CLOSED, False)
    await process.rooms.command(poll.campaign_id, poll.id, Reveal())
    assert (await poll_of(database, poll.id)).on_screen


async def test_two_who_fire_the_same_deadline_fire_it_once(database_url: str) -> None:
    async with processes(database_url, 3) as several:
        poll = await launched(several[0])
        await age(several[0].database, poll.campaign_id, 61)
        async with several[0].database.connection() as connection:
            due = await rows.due(connection, 50)
        assert [item.kind for item in due] == ["close"]
        fired = await asyncio.gather(*(process.rooms.fire(due[0]) for process in several * 3))
        assert sum(result is not None for result in fired) == 1
        assert await steps_of(several[0].database, poll.campaign_id) == WHOLE_LIFE[:2]


async def test_a_campaign_cannot_fire_anothers_deadline(database: Database) -> None:
    process = Process(database)
    poll, other = await launched(process), await launched(process)
    await age(database, poll.campaign_id, 61)
    assert await process.rooms.fire(rows.Due(poll.id, "close", other.campaign_id, poll.closes_at)) is None  # type: ignore[arg-type]
    assert (await poll_of(database, poll.id)).state == State.OPEN


async def test_the_loop_is_punctual_and_wakes_for_what_was_armed_here(database: Database) -> None:
    """A launch long before its deadline, then an early close: the lock 0.25 s later is not slept through."""
    process = Process(database)
    deadlines = Deadlines(database, process.rooms)
    async with asyncio.TaskGroup() as tasks:
        loop = tasks.create_task(deadlines.run())
        poll = await launched(process, PollRules(grace_s=0))
        await process.rooms.command(poll.campaign_id, poll.id, Close())

        async def is_closed() -> bool:
            return (await poll_of(database, poll.id)).state == State.CLOSED

        await until(is_closed, "the poll is counted")
        loop.cancel()
    assert deadlines.worst_lateness_s < 1


async def test_the_loop_lives_through_an_outage_of_the_database(database_url: str, short_dir: Path) -> None:
    """R9 and R17: what fell due meanwhile fires when the database is back."""
    wire = Wire(database_url, short_dir)
    await wire.mend()
    async with processes(database_url, 1) as (near,), processes(wire.url, 1) as (far,):
        poll = await launched(near)
        deadlines = Deadlines(far.database, far.rooms)
        async with asyncio.TaskGroup() as tasks:
            loop = tasks.create_task(deadlines.run())
            with capture_logs() as logs:
                await wire.cut()
                await age(near.database, poll.campaign_id, 61)
                await until(lambda: bool(logs), "a look at a database that is away")
            assert logs[0]["event"] == "deadlines_wait_for_database"
            assert not loop.done()
            await wire.mend()

            async def is_revealed() -> bool:
                return (await poll_of(near.database, poll.id)).state == State.REVEALED

            await until(is_revealed, "the overdue deadlines fired")
            loop.cancel()
    await wire.cut()
