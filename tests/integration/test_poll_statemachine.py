"""Commands from two processes in any order on PostgreSQL: what is stored, shown and armed always agrees."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from random import Random
from uuid import UUID

import pytest

from server.engine.deadlines import Deadlines
from server.engine.room import REHEARSAL_LOGIN, NoPoll
from server.rules import vote_ledger
from server.rules.poll import (
    Cancel,
    Close,
    Command,
    Dismiss,
    Extend,
    Poll,
    PollRules,
    Refused,
    Resolve,
    Reveal,
    State,
    UndoCancel,
    apply,
    deadline,
)
from sql import channels, polls
from sql.pool import Database
from tests.integration.engine_rig import (
    CHANNELS,
    Process,
    age,
    as_seen,
    boards_of,
    line,
    make_campaign,
    make_poll,
    open_poll,
    poll_of,
    processes,
)
from tests.unit.models import seeded

TIMES = ("opens_at", "closes_at", "phase_started_at", "ends_at")


async def check(database: Database, campaign_id: UUID) -> list[Poll]:
    """The invariants over all tables of a campaign."""
    async with database.transaction(isolation="repeatable_read", readonly=True) as connection:
        stored = [row.poll for row in await polls.page(connection, campaign_id, most=100)]
        armed = {
            row["board_id"]: (row["kind"], row["due_at"])
            for row in await connection.fetch(
                "SELECT board_id, kind, due_at FROM deadlines WHERE campaign_id = $1 AND state = 'armed'",
                campaign_id,
            )
        }
        head = await connection.fetchrow("SELECT seq FROM campaign_heads WHERE campaign_id = $1", campaign_id)
        steps = await connection.fetch(
            "SELECT seq FROM board_events WHERE campaign_id = $1 ORDER BY seq", campaign_id
        )
    assert head is not None
    assert [step["seq"] for step in steps] == list(range(1, head["seq"] + 1))
    running = [poll for poll in stored if poll.state in (State.OPEN, State.CLOSING)]
    assert len(running) <= 1
    if running:  # has the stage for itself
        assert [poll.id for poll in stored if poll.on_screen] == [running[0].id]
    shown = await boards_of(database, campaign_id)
    expected = {board_id: board for poll in stored for board_id, board in as_seen(poll).items()}
    # What was shown before time was moved has the times of before.
    assert [without_times(shown[key]) for key in sorted(shown)] == [
        without_times(expected[key]) for key in sorted(expected)
    ]
    assert armed == {poll.id: when for poll in stored if (when := deadline(poll)) is not None}
    for poll in stored:
        if poll.state != State.DRAFT:
            assert poll.ledger_head is not None
    return stored


def without_times(board: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in board.items() if key not in TIMES}


COMMANDS: tuple[Command, ...] = (
    *(Close(), Extend(30), Reveal(), Resolve(1), Resolve(2), Dismiss(), Cancel(), UndoCancel()),
)
#: What a person who watches the screen would do; without it most walks would be refusals.
SENSIBLE: dict[State, tuple[Command, ...]] = {
    State.OPEN: (Close(), Close(), Extend(30), Cancel()),
    State.CLOSING: (Cancel(), Close()),
    State.CLOSED: (Reveal(), Reveal(), Resolve(1), Resolve(2), Dismiss(), Cancel()),
    State.REVEALED: (Resolve(1), Resolve(2), Dismiss()),
    State.CANCELLED: (UndoCancel(),),
}


async def vote(rng: Random, process: Process, poll: Poll) -> str:
    if poll.state == State.DRAFT:
        return "nothing"
    lines = [
        line(poll, str(rng.randint(1, 2)), f"u{rng.randrange(4)}", after=rng.randrange(60), channel=channel)
        for channel in CHANNELS[:2]
    ]
    await process.rooms.ingest(poll.campaign_id, lines, receipts=[True, True])
    return "votes"


async def step(rng: Random, several: list[Process], campaign_id: UUID, poll_ids: list[UUID]) -> str:
    """One thing that somebody does, or that time does; answers what became of it."""
    process = rng.choice(several)
    before = await poll_of(process.database, rng.choice(poll_ids))
    chance = rng.random()
    if chance < 0.1:
        await age(process.database, campaign_id, rng.choice((1, 4, 9, 30, 70)))
        return "time"
    if chance < 0.3:
        await Deadlines(process.database, process.rooms).fire_due()
        return "deadlines"
    if chance < 0.5:
        return await vote(rng, process, before)
    try:
        if before.state == State.DRAFT:
            await process.rooms.launch(campaign_id, before.id)
            return "launched"
        command = rng.choice(SENSIBLE[before.state] if rng.random() < 0.7 else COMMANDS)
        await process.rooms.command(campaign_id, before.id, command)
    except Refused as refusal:
        assert await poll_of(process.database, before.id) == before
        return refusal.reason
    after = await poll_of(process.database, before.id)
    assert after.phase_at is not None
    assert before.phase_at is not None
    # The engine did what the rules say, at a time that only the database knows.
    if isinstance(command, Reveal):
        command = Reveal(on_screen=after.on_screen)  # `check` says when it may not be
    expected = apply(before, command, max(after.phase_at, before.phase_at))
    assert timeless(after) == timeless(expected)
    return type(command).__name__


def timeless(poll: Poll) -> Poll:
    return replace(poll, closes_at=None, phase_at=None, pauses=())


async def test_fifty_walks_of_two_processes_through_three_polls(database_url: str) -> None:
    """Launches, commands, votes and deadlines as they come; after each step everything stored agrees."""
    became: dict[str, int] = {}
    async with processes(database_url, 2) as several:
        database = several[0].database
        for seed in range(50):
            rng = seeded(seed)
            campaign_id = await make_campaign(database, CHANNELS[:2])
            poll_ids = []
            for _ in range(3):
                rules = PollRules(
                    tie=rng.choice(("gm", "gm", "first", "random", "none")),
                    secret=rng.random() < 0.3,
                    grace_s=rng.choice((0, 3, None)),
                    auto_reveal_s=rng.choice((None, None, 0, 10)),
                )
                poll_ids.append(await make_poll(database, campaign_id, rules))
            for _ in range(30):
                what = await step(rng, several, campaign_id, poll_ids)
                became[what] = became.get(what, 0) + 1
                await check(database, campaign_id)
        assert sum(process.rooms.miscounted for process in several) == 0
    commands = {type(command).__name__ for command in COMMANDS}
    usual = {"launched", "votes", "time", "deadlines", "already_running", "wrong_state", "no_tie"}
    assert commands | usual <= became.keys(), became


async def test_one_open_poll_a_campaign_even_when_two_processes_launch_at_once(database_url: str) -> None:
    async with processes(database_url, 3) as several:
        campaign_id = await make_campaign(several[0].database)
        drafts = [await make_poll(several[0].database, campaign_id) for _ in range(6)]
        results = await asyncio.gather(
            *(several[n % 3].rooms.launch(campaign_id, poll_id) for n, poll_id in enumerate(drafts)),
            return_exceptions=True,
        )
        refused = [result for result in results if result is not None]
        assert len(refused) == 5
        assert all(isinstance(result, Refused) and result.reason == "already_running" for result in refused)
        states = [(await poll_of(several[0].database, poll_id)).state for poll_id in drafts]
        assert sorted(states) == ["draft"] * 5 + ["open"]


async def test_a_cancelled_poll_cannot_come_back_while_another_runs(database: Database) -> None:
    process = Process(database)
    campaign_id = await make_campaign(database)
    first = await open_poll(process, campaign_id)
    await process.rooms.command(campaign_id, first.id, Cancel())
    second = await open_poll(process, campaign_id)
    with pytest.raises(Refused) as refused:
        await process.rooms.command(campaign_id, first.id, UndoCancel())
    assert refused.value.reason == "already_running"
    await process.rooms.ingest(campaign_id, [line(second, "1")], receipts=[True])
    assert (await poll_of(database, second.id)).tally[0] == (1, 0, 0)
    await check(database, campaign_id)


async def test_a_launch_clears_the_screen(database: Database) -> None:
    process = Process(database)
    campaign_id = await make_campaign(database)
    first = await open_poll(process, campaign_id, PollRules(grace_s=0, hold_s=600))
    await process.rooms.command(campaign_id, first.id, Close())
    await age(database, campaign_id, 1)
    await Deadlines(database, process.rooms).fire_due()
    await process.rooms.command(campaign_id, first.id, Reveal())
    second = await open_poll(process, campaign_id)
    assert set(await boards_of(database, campaign_id)) == {str(second.id)}
    change = process.published[-1]
    assert (change.unset, set(change.set)) == ((str(first.id),), {str(second.id)})
    await check(database, campaign_id)


async def test_a_poll_belongs_to_its_campaign(database: Database) -> None:
    process = Process(database)
    mine, other = await make_campaign(database), await make_campaign(database)
    poll = await open_poll(process, mine)
    for attempt in (
        process.rooms.command(other, poll.id, Close()),
        process.rooms.launch(other, poll.id),
        process.rooms.command(mine, UUID(int=9), Close()),
    ):
        with pytest.raises(NoPoll):
            await attempt
    assert (await poll_of(database, poll.id)).state == State.OPEN


async def test_without_channels_nothing_is_launched(database: Database) -> None:
    process = Process(database)
    campaign_id = await make_campaign(database, ())
    poll_id = await make_poll(database, campaign_id)
    with pytest.raises(Refused) as refused:
        await process.rooms.launch(campaign_id, poll_id)
    assert refused.value.reason == "no_channel"
    assert (await poll_of(database, poll_id)).state == State.DRAFT


async def test_a_rehearsal_makes_its_own_crowd_and_touches_no_channel(database: Database) -> None:
    """Simulated from the first event to the last pixel, and real viewers are not counted in it."""
    process = Process(database)
    campaign_id = await make_campaign(database)
    poll_id = await make_poll(database, campaign_id)
    await process.rooms.launch(campaign_id, poll_id, simulated=True)
    poll = await poll_of(database, poll_id)
    assert poll.simulated
    assert [(seat.platform, seat.login) for seat in poll.seats] == [("custom", REHEARSAL_LOGIN)]
    crowd = ("custom", REHEARSAL_LOGIN)
    lines = [line(poll, "1", "bot", channel=crowd), line(poll, "2", "ana")]
    await process.rooms.ingest(campaign_id, lines, receipts=[True, True])
    assert (await poll_of(database, poll_id)).tally == ((1, 0, 0),)
    assert (await boards_of(database, campaign_id))[str(poll_id)]["simulated"] is True
    # The simulated channel takes no part in what is real.
    await process.rooms.command(campaign_id, poll_id, Cancel())
    real = await open_poll(process, campaign_id)
    assert not real.simulated
    assert REHEARSAL_LOGIN not in [seat.login for seat in real.seats]
    await process.rooms.ingest(campaign_id, [line(real, "1", "bot", channel=crowd)], receipts=[True])
    assert not any(map(any, (await poll_of(database, real.id)).tally))


async def test_a_campaign_of_simulated_channels_always_rehearses(database: Database) -> None:
    process = Process(database)
    campaign_id = await make_campaign(database, ())
    async with database.transaction() as connection:
        await channels.create(
            connection, campaign_id=campaign_id, platform="custom", login="crowd", source="simulated"
        )
    assert (await open_poll(process, campaign_id)).simulated


async def test_the_seed_is_fixed_at_the_launch_and_the_ledger_begins_with_it(database: Database) -> None:
    process = Process(database)
    campaign_id = await make_campaign(database)
    seeds: set[bytes] = set()
    for _ in range(5):
        poll = await open_poll(process, campaign_id)
        assert poll.seed is not None
        assert poll.voter_key is not None
        seeds |= {poll.seed, poll.voter_key}
        assert poll.ledger_head == vote_ledger.genesis(vote_ledger.header(poll))
        await process.rooms.command(campaign_id, poll.id, Cancel())
    assert len(seeds) == 10


async def test_something_that_happens_once_takes_a_number(database: Database) -> None:
    process = Process(database)
    campaign_id = await make_campaign(database)
    await process.rooms.announce(campaign_id, "overlay.test", {"a": 1}, ttl_ms=8000)
    change = process.published[-1]
    assert (change.from_seq, change.to_seq) == (0, 1)
    assert [(event.seq, event.kind, event.ttl_ms) for event in change.events] == [(1, "overlay.test", 8000)]
    await check(database, campaign_id)
