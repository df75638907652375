"""Votes through real engines on a real PostgreSQL: the same result whatever the order and whoever counts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from random import Random
from uuid import UUID

import asyncpg
import pytest

from server.engine.batch import Batches
from server.engine.deadlines import Deadlines
from server.engine.intake import Outcome
from server.rules import outcome
from server.rules.events import ChatMessage, OtherEvent, User
from server.rules.poll import Cancel, Close, Extend, Poll, PollRules, State, Tie, UndoCancel
from server.rules.vote_audit import audit
from server.rules.vote_export import count, document
from server.rules.vote_ledger import voter_digest
from sql import channels, heads, votes
from sql.pool import Database
from tests.integration.engine_rig import (
    CHANNELS,
    Process,
    as_seen,
    boards_of,
    ledger_of,
    line,
    make_campaign,
    make_poll,
    open_poll,
    poll_of,
    processes,
    take_in,
    until,
)
from tests.unit.models import PlainCount, Window, crowd, plain_count, plain_first_to_reach, plain_sent, seeded

TIES: tuple[Tie, ...] = ("gm", "first", "random", "none")
#: The seed or the tie, what the plain model counts, and its "first to reach".
Expected = tuple[int | Tie, PlainCount, Callable[[Sequence[int]], int]]
LABELS = ("Left", "Middle", "Right", "Up")
SLOTS: dict[tuple[str, str], int] = {
    (platform, channel_id): slot for slot, (platform, channel_id) in enumerate(CHANNELS)
}


async def counted(database: Database, poll: Poll) -> tuple[tuple[int, ...], ...]:
    """From poll_votes, the truth."""
    async with database.connection() as connection:
        return await votes.count(connection, poll.id, len(poll.seats), len(poll.options))


# ---- the property -----------------------------------------------------------------------------------


async def some_poll(rng: Random, process: Process) -> Poll:
    """Rules drawn by the seed; sometimes cancelled and brought back, extended, or closed early."""
    campaign_id = await make_campaign(process.database)
    rules = PollRules(
        rule=rng.choice(("one_vote", "every_message")),
        changeable=rng.random() < 0.7,
        tie=rng.choice(("gm", "first", "random", "none")),
        words=rng.choice(("off", "exact", "any_case")),
        weighting=rng.choice(("sum", "channel", "capped", "per_head")),
        cap_percent=rng.choice((20, 40, 50)),
        grace_s=rng.choice((0, 3)),
    )
    options = LABELS[: rng.randint(2, 4)]
    poll_id = await make_poll(process.database, campaign_id, rules, options=options)
    await process.rooms.launch(campaign_id, poll_id)
    if rng.random() < 0.3:
        await process.rooms.command(campaign_id, poll_id, Cancel())
        await process.rooms.command(campaign_id, poll_id, UndoCancel())
    if rng.random() < 0.3:
        await process.rooms.command(campaign_id, poll_id, Extend(30))
    if rng.random() < 0.3:
        await process.rooms.command(campaign_id, poll_id, Close())
    return await poll_of(process.database, poll_id)


async def feed(rng: Random, process: Process, poll: Poll, lines: Sequence[ChatMessage]) -> None:
    """One process sees all lines, each one to five times, in its own order and batches (R3)."""
    seen = [line for line in lines for _ in range(rng.randint(1, 5))]
    rng.shuffle(seen)
    while seen:
        size = rng.randint(1, 40)
        batch, seen = seen[:size], seen[size:]
        receipts = [rng.random() < 0.5] * len(batch)  # from a socket, or from somebody who wants an answer
        await process.rooms.ingest(poll.campaign_id, batch, receipts=receipts)


async def run_seed(seed: int, several: Sequence[Process]) -> tuple[Poll, PlainCount, list[ChatMessage]]:
    rng = seeded(seed)
    poll = await some_poll(rng, several[0])
    lines = crowd(rng, Window.of(poll), CHANNELS, poll.options, rng.randint(1, 40))
    plain = plain_count(lines, Window.of(poll), slots=SLOTS, labels=poll.options, rules=poll.rules)
    feeders = several[: rng.randint(1, 3)]
    await asyncio.gather(
        *(feed(seeded(seed * 10 + n), process, poll, lines) for n, process in enumerate(feeders))
    )
    return poll, plain, lines


async def run_tie(tie: Tie, several: Sequence[Process]) -> tuple[Poll, PlainCount, list[ChatMessage]]:
    """A tie for certain. Whether a seed's poll ends in one depends on when its lines were sent, and they are
    sent by the window of a real poll, whose length depends on how long the commands took."""
    process = several[0]
    poll = await open_poll(process, await make_campaign(process.database), PollRules(tie=tie))
    lines = [line(poll, "1", "ann"), line(poll, "2", "bob")]
    plain = plain_count(lines, Window.of(poll), slots=SLOTS, labels=poll.options, rules=poll.rules)
    await asyncio.gather(*(feed(seeded(n), process, poll, lines) for n, process in enumerate(several)))
    return poll, plain, lines


async def test_50_seeds_through_several_processes_give_the_plain_models_result(database_url: str) -> None:
    """The short form of R3; tests/chaos/test_long.py has 1,000 seeds."""
    decisions = await seeds_agree(database_url, range(5010, 5060))
    assert {"won", "tie by gm", "tie by first", "tie by random", "tie by none"} <= decisions.keys(), decisions


async def seeds_agree(database_url: str, seeds: Sequence[int]) -> dict[str, int]:
    """Up to three engines at once, every line sent to each; the model sees the set of lines only.

    Answers how often polls were decided in which way.
    """
    async with processes(database_url, 3) as several:
        database = several[0].database
        expected: dict[UUID, Expected] = {}
        for seed in (*seeds, *TIES):
            run = run_seed(seed, several) if isinstance(seed, int) else run_tie(seed, several)
            poll, plain, lines = await run
            expected[poll.id] = (seed, plain, first_of(poll, lines))
            now = await poll_of(database, poll.id)
            assert now.tally == plain.tally, f"seed {seed}: running totals"
            assert await counted(database, now) == plain.tally, f"seed {seed}: count of poll_votes"
            rows = await ledger_of(database, poll.id)
            assert len(rows) == now.ledger_rows
            replay = count(now, rows)
            assert replay.tally == plain.tally, f"seed {seed}: replay of the ledger"
            assert {
                (now.seats[row.slot].platform, row.message_id) for row in rows if row.n in replay.counted
            } == plain.standing, f"seed {seed}"
            assert audit(json.loads(json.dumps(document(now, rows)))).faults == (), f"seed {seed}"
            assert await boards_of(database, poll.campaign_id) == as_seen(now), f"seed {seed}"
        return await finish(several, expected)


async def finish(
    several: Sequence[Process],
    expected: dict[UUID, Expected],
) -> dict[str, int]:
    """Let time close and count all of them, and compare the results with the model's."""
    database = several[0].database
    for poll_id in expected:
        poll = await poll_of(database, poll_id)
        if poll.state == State.OPEN:
            await several[1].rooms.command(poll.campaign_id, poll_id, Close())
    deadlines = Deadlines(database, several[2].rooms)

    async def all_locked() -> bool:
        await deadlines.fire_due()
        states = [(await poll_of(database, poll_id)).state for poll_id in expected]
        return all(state == State.CLOSED for state in states)

    await until(all_locked, "every poll is counted", 20)
    decisions: dict[str, int] = {}
    for poll_id, (seed, plain, first_to_reach) in expected.items():
        poll = await poll_of(database, poll_id)
        assert poll.state == State.CLOSED
        assert poll.tally == plain.tally, f"seed {seed}: at the lock"
        rows = await ledger_of(database, poll_id)
        again = outcome.decide(poll, poll.tally, count(poll, rows).steps)
        assert (poll.tied, poll.winner) == (again.tied, again.winner), f"seed {seed}"
        if poll.tied and poll.rules.tie == "first":
            assert poll.winner == first_to_reach(poll.tied), f"seed {seed}"
        assert audit(json.loads(json.dumps(document(poll, rows)))).faults == (), f"seed {seed}"
        kind = f"tie by {poll.rules.tie}" if poll.tied else "won" if poll.winner else "nothing"
        decisions[kind] = decisions.get(kind, 0) + 1
    assert sum(process.rooms.miscounted for process in several) == 0
    return decisions


def first_of(poll: Poll, lines: Sequence[ChatMessage]) -> Callable[[Sequence[int]], int]:
    """The plain model of "first to reach" for lines as they were sent, to be asked with the tied options."""
    assert poll.voter_key is not None
    window, cast = Window.of(poll), {}
    for one in lines:
        alone = plain_count([one], window, slots=SLOTS, labels=poll.options, rules=poll.rules).tally
        choices = [index for channel in alone for index, votes in enumerate(channel, 1) if votes]
        if choices:
            voter = voter_digest(poll.voter_key, one.platform, one.user.id).hex()
            key = voter if poll.rules.rule == "one_vote" else f"{voter} {one.message_id}"
            cast[one.platform, one.message_id] = (plain_sent(one), one.message_id, key, choices[0])
    return lambda tied: plain_first_to_reach(cast.values(), tied, changeable=poll.rules.changeable)


# ---- one rule at a time -----------------------------------------------------------------------------


async def test_outcomes_say_what_became_of_each_event(database: Database) -> None:
    process = Process(database)
    poll = await open_poll(process, await make_campaign(database))
    first = line(poll, "1", message_id="m1")
    events = [
        first,
        first._replace(text="2"),
        line(poll, "hello"),
        line(poll, "1", channel=("twitch", "999")),
        line(poll, "1", message_id="x" * 129),
        line(poll, "1", message_id="nul\0"),
        line(poll, "1", message_id="half\ud800"),
        line(poll, "1", user=""),
        line(poll, "1", user="u" * 65),
        line(poll, "3", user="u" * 64, message_id="y" * 128),
        first._replace(platform="kick", channel_id="200"),
    ]
    assert poll.opens_at is not None
    other = OtherEvent("channel.follow", "twitch", "100", "m77", poll.opens_at, poll.opens_at)
    outcomes = await process.rooms.ingest(poll.campaign_id, [*events, other], receipts=[True] * 12)
    assert [(found.kind, found.reason) for found in outcomes] == [
        ("accepted", ""),
        ("duplicate", ""),
        ("accepted", ""),
        ("rejected", "unknown_channel"),
        ("rejected", "bad_message_id"),
        ("rejected", "bad_message_id"),
        ("rejected", "bad_message_id"),
        ("rejected", "bad_user_id"),
        ("rejected", "bad_user_id"),
        ("accepted", ""),
        ("accepted", ""),
        ("accepted", ""),
    ]
    assert (await poll_of(database, poll.id)).tally == ((1, 0, 1), (1, 0, 0), (0, 0, 0))
    again = await process.rooms.ingest(poll.campaign_id, [*events, other], receipts=[True] * 12)
    assert [found.kind for found in again].count("accepted") == 0
    assert (await poll_of(database, poll.id)).tally == ((1, 0, 1), (1, 0, 0), (0, 0, 0))


async def test_a_shared_copy_that_comes_first_does_not_swallow_its_original(database: Database) -> None:
    """Even under the same message id."""
    process = Process(database)
    poll = await open_poll(process, await make_campaign(database))
    original = line(poll, "2", message_id="m1")
    copy = original._replace(channel_id="300", source_channel_id="100")
    for events, kinds in [
        ([copy], ["accepted"]),
        ([copy, original], ["duplicate", "accepted"]),
        ([original, copy], ["duplicate", "duplicate"]),
    ]:
        assert [found.kind for found in await take_in(process, poll, events)] == kinds
    assert (await poll_of(database, poll.id)).tally == ((0, 1, 0), (0, 0, 0), (0, 0, 0))


async def test_chatter_from_a_socket_is_not_kept(database: Database) -> None:
    """Chat lines are not stored; only ids of votes, and of what somebody wants an answer for."""
    process = Process(database)
    poll = await open_poll(process, await make_campaign(database))
    lines = [line(poll, text, user=text) for text in ("1", "hello", "2", "what?")]
    await process.rooms.ingest(poll.campaign_id, lines, receipts=[False] * 4)
    async with database.connection() as connection:
        kept = await connection.fetchval(
            "SELECT count(*) FROM inbox WHERE campaign_id = $1", poll.campaign_id
        )
    assert kept == 2


async def test_a_campaign_that_does_not_exist_takes_nothing(database: Database) -> None:
    process = Process(database)
    with pytest.raises(heads.NoCampaign):
        await process.rooms.ingest(UUID(int=5), [], receipts=[])


async def test_a_renamed_viewer_is_the_same_and_a_namesake_another(database: Database) -> None:
    process = Process(database)
    poll = await open_poll(process, await make_campaign(database))
    first = line(poll, "1", user="991", after=1)
    renamed = line(poll, "2", user="991", after=2)._replace(user=User("991", "newname", "New"))
    namesake = line(poll, "3", user="992", after=2)._replace(user=User("992", "991", "991"))
    await take_in(process, poll, [first, renamed, namesake])
    assert (await poll_of(database, poll.id)).tally[0] == (0, 1, 1)


async def test_a_channel_that_is_removed_keeps_its_votes_and_takes_no_more(database: Database) -> None:
    process = Process(database)
    poll = await open_poll(process, await make_campaign(database))
    await take_in(process, poll, [line(poll, "1", channel=("kick", "200"))])
    seat = poll.seats[1].channel_id
    assert seat is not None
    async with database.transaction() as connection:
        assert await channels.delete(connection, poll.campaign_id, seat)
    late = await take_in(process, poll, [line(poll, "2", user="bob", channel=("kick", "200"))])
    assert late == [Outcome("rejected", "unknown_channel")]
    now = await poll_of(database, poll.id)
    assert now.tally == ((0, 0, 0), (1, 0, 0), (0, 0, 0))
    assert (now.seats[1].channel_id, now.seats[1].platform) == (None, "kick")
    assert audit(document(now, await ledger_of(database, poll.id))).good


async def test_a_channel_that_comes_later_has_no_seat(database: Database) -> None:
    process = Process(database)
    campaign_id = await make_campaign(database, CHANNELS[:1])
    poll = await open_poll(process, campaign_id)
    async with database.transaction() as connection:
        await channels.create(
            connection,
            campaign_id=campaign_id,
            platform="twitch",
            login="new",
            source="api",
            channel_id="300",
        )
    assert await take_in(process, poll, [line(poll, "1", channel=("twitch", "300"))]) == [Outcome("accepted")]
    assert (await poll_of(database, poll.id)).tally == ((0, 0, 0),)


async def test_two_processes_see_each_others_commands_at_once(database_url: str) -> None:
    """What a process remembers of a campaign is worth nothing once another one moved it."""
    async with processes(database_url, 2) as (one, two):
        campaign_id = await make_campaign(one.database)
        poll = await open_poll(one, campaign_id)
        await take_in(one, poll, [line(poll, "1", "a")])
        await take_in(two, poll, [line(poll, "1", "b")])
        await two.rooms.command(campaign_id, poll.id, Cancel())
        await take_in(one, poll, [line(poll, "1", "c", after=20)])  # sent after the cancel
        second = await open_poll(one, campaign_id)
        await take_in(two, second, [line(second, "2", "a")])
        assert (await poll_of(one.database, poll.id)).tally[0] == (2, 0, 0)
        assert (await poll_of(one.database, second.id)).tally[0] == (0, 1, 0)
        published = [change for process in (one, two) for change in process.published]
        steps = sorted((change.from_seq, change.to_seq) for change in published)
        assert [start for start, _ in steps[1:]] == [end for _, end in steps[:-1]]  # without gap or overlap


async def test_the_clock_is_read_after_the_wait_for_the_lock(database_url: str) -> None:
    async with processes(database_url, 2) as (one, two):
        campaign_id = await make_campaign(one.database)
        waiting = asyncio.Event()

        async def wait_for_it() -> heads.Head:
            async with two.database.transaction() as connection:
                waiting.set()
                return await heads.lock(connection, campaign_id)

        async with one.database.transaction() as connection:
            await heads.lock(connection, campaign_id)
            task = asyncio.create_task(wait_for_it())
            await waiting.wait()

            async def is_blocked() -> bool:
                async with one.database.connection() as watcher:
                    held_up = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                    return bool(await watcher.fetchval(held_up))

            await until(is_blocked, "the second process waits for the lock")
            moment = await heads.now(connection)
        assert (await task).now > moment


async def test_a_failed_transaction_leaves_nothing_and_forgets_what_it_knew(database: Database) -> None:
    process = Process(database)
    poll = await open_poll(process, await make_campaign(database))
    async with database.connection() as connection:
        await connection.execute("ALTER TABLE poll_vote_ledger ADD CHECK (message_id <> 'poison')")
    with pytest.raises(asyncpg.CheckViolationError):
        await take_in(process, poll, [line(poll, "1", "a"), line(poll, "1", "b", message_id="poison")])
    assert (await poll_of(database, poll.id)).tally[0] == (0, 0, 0)
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM inbox") == 0
    await take_in(process, poll, [line(poll, "2", "a")])
    now = await poll_of(database, poll.id)
    assert now.tally[0] == (0, 1, 0)
    assert await boards_of(database, poll.campaign_id) == as_seen(now)
    assert audit(document(now, await ledger_of(database, poll.id))).good


async def test_votes_reach_the_count_through_batches_of_two_processes(database_url: str) -> None:
    """The whole way in: the same socket lines read twice, an API sender on top."""
    async with processes(database_url, 2) as several, asyncio.TaskGroup() as tasks:
        poll = await open_poll(several[0], await make_campaign(several[0].database))
        lines = [line(poll, str(n % 3 + 1), f"u{n % 50}", after=n / 100) for n in range(300)]
        window = Window.of(poll)
        plain = plain_count(lines, window, slots=SLOTS, labels=poll.options, rules=poll.rules)
        batches = [Batches(process.rooms) for process in several]
        running = [tasks.create_task(one.run()) for one in batches]
        await asyncio.sleep(0)
        for one in batches:
            for start in range(0, 300, 7):
                await one(poll.campaign_id, lines[start : start + 7])
        answers = await batches[0].deliver(poll.campaign_id, lines)
        assert {answer.kind for answer in answers} <= {"accepted", "duplicate"}
        for one in batches:
            await one.flush()
        now = await poll_of(several[0].database, poll.id)
        assert now.tally == plain.tally
        assert now.ledger_rows == 300
        for task in running:
            task.cancel()
