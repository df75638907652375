"""One board on the stage, a lock that waits for lines taken in, and a broken board that stops nobody else."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from server.engine.batch import Batches
from server.engine.deadlines import Deadlines
from server.rules.poll import Close, PollRules, Reveal, State
from tests.integration.engine_rig import (
    CHANNELS,
    age,
    boards_of,
    line,
    make_campaign,
    make_poll,
    poll_of,
    processes,
    until,
)

NO_GRACE = PollRules(grace_s=0)


async def test_an_older_result_takes_the_stage_from_a_newer_one_but_not_from_a_vote(
    database_url: str,
) -> None:
    async with processes(database_url, 1) as (process,):
        database, rooms = process.database, process.rooms
        campaign_id = await make_campaign(database, CHANNELS[:1])
        clock = Deadlines(database, rooms)
        ids = [await make_poll(database, campaign_id, NO_GRACE) for _ in range(3)]
        for poll_id in ids[:2]:
            await rooms.launch(campaign_id, poll_id)
            await rooms.command(campaign_id, poll_id, Close())

            async def counted(poll_id: UUID = poll_id) -> bool:
                await clock.fire_due()
                return (await poll_of(database, poll_id)).state == State.CLOSED

            await until(counted, "counted")
        await rooms.command(campaign_id, ids[0], Reveal())
        assert [str(ids[0])] == list(await boards_of(database, campaign_id))
        await rooms.launch(campaign_id, ids[2])
        await rooms.command(campaign_id, ids[1], Reveal())
        assert [str(ids[2])] == list(await boards_of(database, campaign_id))
        assert (await poll_of(database, ids[1])).state == State.REVEALED


async def test_a_lock_waits_for_lines_that_were_taken_in(database_url: str) -> None:
    """The line sits in a batch for a while; the lock is due at once."""
    async with processes(database_url, 1) as (process,):
        database, rooms = process.database, process.rooms
        campaign_id = await make_campaign(database, CHANNELS[:1])
        poll_id = await make_poll(database, campaign_id, NO_GRACE)
        await rooms.launch(campaign_id, poll_id)
        poll = await poll_of(database, poll_id)
        batches = Batches(rooms, window_s=0.3)
        clock = Deadlines(database, rooms, batches.settle)
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(batches.run())]
            await asyncio.sleep(0)
            await batches(campaign_id, [line(poll, "1")])
            await rooms.command(campaign_id, poll_id, Close())

            async def locked() -> bool:
                await clock.fire_due()
                return (await poll_of(database, poll_id)).state == State.CLOSED

            await until(locked, "locked")
            for task in running:
                task.cancel()
        assert (await poll_of(database, poll_id)).tally == ((1, 0, 0),)


async def test_settling_under_constant_load_waits_only_for_what_was_there(database_url: str) -> None:
    async with processes(database_url, 1) as (process,):
        database, rooms = process.database, process.rooms
        campaign_id = await make_campaign(database, CHANNELS[:1])
        poll_id = await make_poll(database, campaign_id, NO_GRACE)
        await rooms.launch(campaign_id, poll_id)
        poll = await poll_of(database, poll_id)
        batches = Batches(rooms)

        async def chatter() -> None:
            for number in range(100_000):
                await batches(campaign_id, [line(poll, "1", f"u{number}")])
                await asyncio.sleep(0.001)

        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(batches.run()), tasks.create_task(chatter())]
            await until(lambda: batches.taken > 50, "chat flows")
            before = batches.taken
            await batches.settle(campaign_id, within_s=30)
            assert batches.taken > before
            for task in running:
                task.cancel()


async def test_one_broken_board_does_not_stop_the_clocks_of_others(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with processes(database_url, 1) as (process,):
        database, rooms = process.database, process.rooms
        polls = []
        for _ in range(2):
            campaign_id = await make_campaign(database, CHANNELS[:1])
            poll_id = await make_poll(database, campaign_id, NO_GRACE)
            await rooms.launch(campaign_id, poll_id)
            polls.append(await poll_of(database, poll_id))
        broken, well = polls
        fire = rooms.fire

        async def fails_for_one(due: object, wait_s: float) -> object:
            if getattr(due, "board_id", None) == broken.id:
                raise ValueError("a row that no rule understands")
            return await fire(due, wait_s)  # type: ignore[arg-type]

        monkeypatch.setattr(rooms, "fire", fails_for_one)
        for poll in polls:
            await age(database, poll.campaign_id, 61)
        clock = Deadlines(database, rooms)

        async def moved() -> bool:
            await clock.fire_due()
            return (await poll_of(database, well.id)).state == State.CLOSED

        await until(moved, "the other poll is counted")
        assert (await poll_of(database, broken.id)).state == State.OPEN
