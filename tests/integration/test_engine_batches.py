"""Many small deliveries, few transactions, bounded memory; and lines while the database is away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from server.engine.batch import Batches, Overloaded
from server.engine.intake import ACCEPTED, Outcome
from server.rules.events import ChatMessage, UnreadLine, User
from server.rules.poll import Close, Poll, PollRules
from sql import channels
from sql.heads import NoCampaign
from sql.ids import uuid7
from sql.pool import UNREACHABLE, Connection, Database, StatementRefused
from tests.integration.engine_rig import (
    CHANNELS,
    Process,
    Wire,
    line,
    make_campaign,
    make_poll,
    poll_of,
    processes,
    until,
)


@asynccontextmanager
async def running(process: Process, **limits: float) -> AsyncIterator[Batches]:
    """Batches with their tasks, ended at the end."""
    batches = Batches(process.rooms, **limits)  # type: ignore[arg-type]
    task = asyncio.create_task(batches.run())
    await asyncio.sleep(0)
    try:
        yield batches
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def open_poll(process: Process, rules: PollRules | None = None) -> Poll:
    campaign_id = await make_campaign(process.database, CHANNELS[:1])
    poll_id = await make_poll(process.database, campaign_id, rules)
    await process.rooms.launch(campaign_id, poll_id)
    return await poll_of(process.database, poll_id)


async def votes_in(database: Database, poll: Poll) -> int:
    return sum((await poll_of(database, poll.id)).tally[0])


async def hold_up(database: Database, poll: Poll, while_held: Callable[[], Awaitable[None]]) -> None:
    """Keep the campaign locked as a slow transaction of another process would."""
    async with database.transaction() as connection:
        await connection.execute(
            "SELECT 1 FROM campaign_heads WHERE campaign_id = $1 FOR UPDATE", poll.campaign_id
        )
        await while_held()


async def test_small_deliveries_become_few_transactions(database: Database) -> None:
    process = Process(database)
    poll = await open_poll(process)
    process.published.clear()
    async with running(process) as batches:
        async with asyncio.TaskGroup() as senders:
            answers = [
                senders.create_task(batches.deliver(poll.campaign_id, [line(poll, "1", f"u{n}")]))
                for n in range(200)
            ]
        assert all(answer.result() == [Outcome("accepted")] for answer in answers)
        assert batches.taken == 200
    assert await votes_in(database, poll) == 200
    assert len(process.published) == 1  # all within one window


async def test_every_sender_gets_the_outcomes_of_its_own_events(database: Database) -> None:
    process = Process(database)
    poll = await open_poll(process)
    one = line(poll, "1", "a", message_id="m1")
    unknown = line(poll, "1", "b", channel=("twitch", "999"))
    async with running(process) as batches:
        first, second, third, none = await asyncio.gather(
            batches.deliver(poll.campaign_id, [one, unknown]),
            batches.deliver(poll.campaign_id, [line(poll, "hello", "c")]),
            batches.deliver(poll.campaign_id, [unknown, one, line(poll, "2", "d")]),
            batches.deliver(poll.campaign_id, []),
        )
    assert [outcome.kind for outcome in first] == ["accepted", "rejected"]
    assert [outcome.kind for outcome in second] == ["accepted"]
    assert [outcome.kind for outcome in third] == ["rejected", "duplicate", "accepted"]
    assert none == []


async def test_an_answer_comes_after_the_commit(database_url: str) -> None:
    async with processes(database_url, 2) as (one, other):
        poll = await open_poll(one)
        async with running(one) as batches:
            await batches.deliver(poll.campaign_id, [line(poll, "1")])
            assert await votes_in(other.database, poll) == 1


async def test_campaigns_do_not_wait_for_each_other(database_url: str) -> None:
    async with processes(database_url, 2) as (one, other):
        slow, quick = await open_poll(one), await open_poll(one)
        async with running(one) as batches:
            waiting = asyncio.create_task(batches.deliver(slow.campaign_id, [line(slow, "1")]))

            async def meanwhile() -> None:
                await batches.deliver(quick.campaign_id, [line(quick, "1")])
                assert not waiting.done()

            await hold_up(other.database, slow, meanwhile)
            assert await waiting == [Outcome("accepted")]


async def test_a_full_buffer_refuses_senders_and_makes_sockets_wait(database_url: str) -> None:
    async with processes(database_url, 2) as (one, other):
        poll = await open_poll(one)
        async with running(one, largest_buffer=20) as batches:

            async def fill() -> None:
                await batches(poll.campaign_id, [line(poll, "1", "first")])
                buffer = batches._buffers[poll.campaign_id]
                await until(lambda: bool(buffer.storing), "the first batch is under way")
                await batches(poll.campaign_id, [line(poll, "1", f"u{n}") for n in range(18)])
                with pytest.raises(Overloaded):
                    await batches.deliver(poll.campaign_id, [line(poll, "1", f"x{n}") for n in range(2)])
                await batches(poll.campaign_id, [line(poll, "1", "u19")])
                with pytest.raises(Overloaded):
                    await batches.deliver(poll.campaign_id, [line(poll, "1", "y")])
                for n in range(5):
                    readers.append(asyncio.create_task(batches(poll.campaign_id, [line(poll, "1", f"r{n}")])))
                for _ in range(5):
                    await asyncio.sleep(0)
                assert not any(reader.done() for reader in readers)

            readers: list[asyncio.Task[None]] = []
            await hold_up(other.database, poll, fill)
            async with asyncio.timeout(5):
                await asyncio.gather(*readers)
                await batches.flush()
            assert batches.dropped == {}
        assert await votes_in(one.database, poll) == 1 + 19 + 5


async def test_all_campaigns_together_have_a_bound_and_leave_nothing_behind(database_url: str) -> None:
    async with (
        processes(database_url, 2) as (process, other),
        running(process, largest_buffer=8, largest_total=10) as batches,
    ):
        flooded, quiet = await open_poll(process), await open_poll(process)

        async def meanwhile() -> None:
            await batches(flooded.campaign_id, [line(flooded, "1", "under-way")])
            buffer = batches._buffers[flooded.campaign_id]
            await until(lambda: bool(buffer.storing), "the first batch is under way")
            # It has its place as long as it may come back.
            await batches(flooded.campaign_id, [line(flooded, "1", f"f{n}") for n in range(7)])
            with pytest.raises(Overloaded):
                await batches.deliver(quiet.campaign_id, [line(quiet, "1", f"q{n}") for n in range(3)])
            # Room for two is left, and the quiet one's is stored at once: it does not wait for the other.
            answer = await batches.deliver(quiet.campaign_id, [line(quiet, "1", f"q{n}") for n in range(2)])
            assert {outcome.kind for outcome in answer} == {"accepted"}

        await hold_up(other.database, flooded, meanwhile)
        await batches.flush()
        assert (await votes_in(process.database, flooded), await votes_in(process.database, quiet)) == (8, 2)
        assert (batches.waiting, batches._buffers) == (0, {})


async def test_a_campaign_that_was_idle_is_loaded_again(database: Database) -> None:
    process = Process(database)
    poll = await open_poll(process)
    async with running(process) as batches:
        await batches.deliver(poll.campaign_id, [line(poll, "1", "before")])
        process.rooms.forget_idle()
        assert poll.campaign_id in process.rooms._rooms
        process.rooms._rooms[poll.campaign_id].used_at -= 3601
        process.rooms.forget_idle()
        assert process.rooms._rooms == {}
        await batches.deliver(poll.campaign_id, [line(poll, "2", "after")])
    assert await votes_in(database, poll) == 2


async def test_without_run_nothing_is_taken(database: Database) -> None:
    process = Process(database)
    poll = await open_poll(process)
    with pytest.raises(RuntimeError, match="not running"):
        await Batches(process.rooms)(poll.campaign_id, [line(poll, "1")])


@asynccontextmanager
async def behind_a_wire(url: str, folder: Path) -> AsyncIterator[tuple[Wire, Process, Process]]:
    """A process that reaches PostgreSQL directly, and one through a wire that can be cut."""
    wire = Wire(url, folder)
    await wire.mend()
    async with processes(url, 1) as (near,), processes(wire.url, 1) as (far,):
        yield wire, near, far
    await wire.cut()


async def test_database_away_senders_are_told_and_socket_lines_kept(
    database_url: str, short_dir: Path
) -> None:
    """R17: nothing acknowledged is lost, and what was not acknowledged waits for the database's return."""
    async with behind_a_wire(database_url, short_dir) as (wire, near, far):
        poll = await open_poll(near)
        async with running(far) as batches:
            assert await batches.deliver(poll.campaign_id, [line(poll, "1", "before")]) == [
                Outcome("accepted")
            ]
            await wire.cut()
            lost = line(poll, "2", "sender")
            with capture_logs() as logs:
                await batches(poll.campaign_id, [line(poll, "1", f"u{n}") for n in range(10)])
                with pytest.raises(UNREACHABLE):
                    await batches.deliver(poll.campaign_id, [lost])
                await batches(poll.campaign_id, [line(poll, "3", f"v{n}") for n in range(10)])
                with pytest.raises(UNREACHABLE):
                    await batches.deliver(poll.campaign_id, [lost])
            assert {entry["event"] for entry in logs} == {"batch_not_stored"}
            assert await votes_in(near.database, poll) == 1
            await wire.mend()
            await batches.flush()
            assert batches.dropped == {}
            assert (await poll_of(near.database, poll.id)).tally[0] == (11, 0, 10)
            assert await batches.deliver(poll.campaign_id, [lost]) == [Outcome("accepted")]
        assert (await poll_of(near.database, poll.id)).tally[0] == (11, 1, 10)


async def test_a_connection_that_breaks_in_mid_transaction_loses_and_doubles_nothing(
    database_url: str, short_dir: Path
) -> None:
    """Whether the COMMIT had arrived or not: the batch is tried again, and the inbox knows what is in."""
    async with behind_a_wire(database_url, short_dir) as (wire, near, far):
        poll = await open_poll(near, PollRules(rule="every_message"))
        async with running(far, window_s=0) as batches:
            for n in range(60):
                await batches(poll.campaign_id, [line(poll, "1", f"u{n}") for _ in range(5)])
                if n % 12 == 5:
                    await asyncio.sleep(n / 10_000)  # cut at another moment of the transaction each time
                    await wire.cut()
                    await wire.mend()
            await batches.flush()
            assert batches.dropped == {}
        assert await votes_in(near.database, poll) == 300
        assert (await poll_of(near.database, poll.id)).ledger_rows == 300


async def test_a_backend_that_is_terminated_is_an_outage_not_a_refusal(database_url: str) -> None:
    async with processes(database_url, 2, most=1) as (one, other):
        poll = await open_poll(one)
        async with running(one) as batches:

            async def shoot() -> None:
                await batches(poll.campaign_id, [line(poll, "1")])
                async with other.database.connection() as connection:

                    async def one_died() -> bool:
                        return bool(
                            await connection.fetchval(
                                "SELECT bool_or(pg_terminate_backend(pid)) FROM pg_stat_activity "
                                "WHERE wait_event_type = 'Lock' AND datname = current_database()"
                            )
                        )

                    await until(one_died, "the waiting backend is terminated")

            async with processes(database_url, 1) as (third,):
                await hold_up(third.database, poll, shoot)
            await batches.flush()
            assert batches.dropped == {}
        assert await votes_in(one.database, poll) == 1


async def test_patience_ends_lines_are_dropped_counted_and_nobody_waits_for_ever(
    database_url: str, short_dir: Path
) -> None:
    """Readers that wait for room in a full buffer must go on when what filled it was given up."""
    async with behind_a_wire(database_url, short_dir) as (wire, near, far):
        poll = await open_poll(near)
        async with running(far, largest_buffer=10, patience_s=0.3) as batches:
            await batches.deliver(poll.campaign_id, [line(poll, "1", "before")])
            await wire.cut()
            await batches(poll.campaign_id, [line(poll, "1", f"u{n}") for n in range(10)])
            readers = [
                asyncio.create_task(batches(poll.campaign_id, [line(poll, "1", f"r{n}")])) for n in range(3)
            ]
            async with asyncio.timeout(5):
                await asyncio.gather(*readers)
                await batches.flush()
            assert batches.dropped == {poll.campaign_id: 13}
            await wire.mend()
            await batches(poll.campaign_id, [line(poll, "2", "after")])
            await batches.flush()
        assert (await poll_of(near.database, poll.id)).tally[0] == (1, 1, 0)


async def test_a_poisoned_delivery_takes_no_neighbour_down(database: Database) -> None:
    """PostgreSQL refuses one row; every delivery then gets a transaction of its own."""
    process = Process(database)
    poll = await open_poll(process)
    async with database.connection() as connection:
        await connection.execute("ALTER TABLE inbox ADD CHECK (message_id NOT LIKE 'poison%')")
    async with running(process) as batches:
        sent = [
            batches.deliver(poll.campaign_id, [line(poll, "1", "a")]),
            batches.deliver(poll.campaign_id, [line(poll, "1", "b", message_id="poison")]),
            batches.deliver(poll.campaign_id, [line(poll, "2", "c")]),
        ]
        await batches(poll.campaign_id, [line(poll, "3", "d"), line(poll, "3", "e", message_id="poison2")])
        await batches(poll.campaign_id, [line(poll, "3", "f")])
        with capture_logs() as logs:
            answers = await asyncio.gather(*sent, return_exceptions=True)
            await batches.flush()
        assert [entry["event"] for entry in logs].count("delivery_refused_by_database") == 2
        assert answers[0] == answers[2] == [Outcome("accepted")]
        assert isinstance(answers[1], StatementRefused)
        assert batches.dropped == {poll.campaign_id: 2}  # the socket's delivery that held the poison
        assert await batches.deliver(poll.campaign_id, [line(poll, "2", "g")]) == [Outcome("accepted")]
    assert (await poll_of(database, poll.id)).tally[0] == (1, 2, 1)


async def test_a_value_that_cannot_be_encoded_is_a_refusal_not_an_outage(database: Database) -> None:
    """Taken for an outage it would be tried again and again, and every neighbour with it."""
    for statement, value in [
        ("SELECT $1::int2", 40_000),
        ("SELECT $1::text", "half\ud800"),
        ("SELECT $1::int", "x"),
    ]:
        with pytest.raises(StatementRefused) as refused:
            async with database.transaction() as connection:
                await connection.fetchval(statement, value)
        assert not isinstance(refused.value, UNREACHABLE)


async def test_a_campaign_that_was_deleted_refuses_and_frees_its_readers(database_url: str) -> None:
    async with processes(database_url, 2) as (one, other):
        campaign_id = await make_campaign(one.database, CHANNELS[:1])
        poll_id = await make_poll(one.database, campaign_id)
        await one.rooms.launch(campaign_id, poll_id)
        poll = await poll_of(one.database, poll_id)
        async with running(one, largest_buffer=2) as batches:
            readers: list[asyncio.Task[None]] = []

            async with other.database.transaction() as connection:
                await connection.execute("DELETE FROM campaigns WHERE id = $1", campaign_id)
                for n in range(8):
                    reader = batches(campaign_id, [line(poll, "1", f"u{n}")])
                    readers.append(asyncio.create_task(reader))
                await until(lambda: campaign_id in batches._buffers, "the first line is in the buffer")
            async with asyncio.timeout(5):
                await asyncio.gather(*readers)
                await batches.flush()
                with pytest.raises(NoCampaign):
                    await batches.deliver(campaign_id, [line(poll, "1")])


async def test_a_sender_who_went_away_stops_nothing(database: Database) -> None:
    process = Process(database)
    poll = await open_poll(process)
    async with running(process) as batches:
        gone = asyncio.create_task(batches.deliver(poll.campaign_id, [line(poll, "1", "a")]))
        stays = asyncio.create_task(batches.deliver(poll.campaign_id, [line(poll, "1", "b")]))
        await asyncio.sleep(0)
        gone.cancel()
        assert await stays == [Outcome("accepted")]
    assert await votes_in(database, poll) == 2


async def test_a_batch_under_way_when_the_poll_closes_is_judged_by_when_it_was_sent(
    database_url: str,
) -> None:
    async with processes(database_url, 2) as (one, other):
        poll = await open_poll(one)
        async with running(one) as batches:
            await batches(poll.campaign_id, [line(poll, "1")])
            await other.rooms.command(poll.campaign_id, poll.id, Close())
            await batches(poll.campaign_id, [line(poll, "2", "late", after=30)])
            await batches.flush()
        assert (await poll_of(one.database, poll.id)).tally[0] == (1, 0, 0)


async def test_a_channel_added_meanwhile_is_known_to_the_next_batch(database: Database) -> None:
    process = Process(database)
    poll = await open_poll(process)
    new = line(poll, "1", channel=("custom", "new"))
    async with running(process) as batches:
        assert (await batches.deliver(poll.campaign_id, [new]))[0].kind == "rejected"
        async with database.transaction() as connection:
            await channels.create(
                connection, campaign_id=poll.campaign_id, platform="custom", login="new", source="api"
            )
        assert (await batches.deliver(poll.campaign_id, [new]))[0].kind == "accepted"


async def test_large_batches_are_cut_but_not_one_delivery(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = Process(database)
    poll = await open_poll(process)
    monkeypatch.setattr("server.engine.batch.LARGEST_BATCH", 10)
    process.published.clear()
    async with running(process) as batches:
        deliveries: Sequence[int] = (4, 4, 4, 25, 1)
        for size in deliveries:
            await batches(poll.campaign_id, [line(poll, "1", f"u{size}-{n}-{id(size)}") for n in range(size)])
        await batches.flush()
    sizes = [next(iter(change.set.values()))["total_votes"] for change in process.published]
    assert sizes[-1] == await votes_in(database, poll)
    assert len(sizes) == 4  # 8, 4, 25, 1


async def test_what_cannot_be_stored_at_the_end_is_counted(database: Database) -> None:
    """What waits and what is being stored, but for deliveries whose sender is told so."""
    process = Process(database)
    poll = await open_poll(process)
    async with running(process) as batches:

        async def end() -> None:
            await batches(poll.campaign_id, [line(poll, "1", f"u{n}") for n in range(3)])
            buffer = batches._buffers[poll.campaign_id]
            await until(lambda: bool(buffer.storing), "three are being stored")
            await batches(poll.campaign_id, [line(poll, "1", f"v{n}") for n in range(4)])
            asked = asyncio.create_task(batches.deliver(poll.campaign_id, [line(poll, "1", "w")]))
            await until(lambda: batches.waiting == 8, "five wait behind them")
            assert batches.give_up() == 7
            assert batches.dropped == {poll.campaign_id: 7}
            assert batches.waiting == 0
            with pytest.raises(Overloaded):
                await asked
            await batches.flush()
            assert batches.give_up() == 0

        await hold_up(database, poll, end)
        assert await votes_in(database, poll) == 0


async def test_talk_writes_nothing_and_a_word_of_a_poll_just_launched_elsewhere_counts(
    database_url: str,
) -> None:
    """What a process knows is worth something only if it still holds: it waits for whoever is at it."""
    async with processes(database_url, 2) as (one, other):
        campaign_id = await make_campaign(one.database, CHANNELS[:1])
        await one.rooms.ingest(campaign_id, [unread("hello")], receipts=[False])  # no poll is known
        poll_id = await make_poll(one.database, campaign_id, PollRules(words="any_case"))
        launching = asyncio.create_task(other.rooms.launch(campaign_id, poll_id, also=linger))
        await asyncio.sleep(0.1)  # the launch has the campaign and has opened the poll, for itself
        said = [unread(text) for text in ("hello", "left", "see you")]
        outcomes = await one.rooms.ingest(campaign_id, said, receipts=[False] * 3)
        await launching
        assert outcomes == [ACCEPTED] * 3
        assert (await poll_of(one.database, poll_id)).tally == ((1, 0, 0),)

        before = await poll_of(one.database, poll_id)
        assert await one.rooms.ingest(campaign_id, [unread("hi")], receipts=[False]) == [ACCEPTED]
        assert await poll_of(one.database, poll_id) == before


async def linger(_connection: Connection, _poll_id: UUID) -> None:
    """A launch that takes its time before it commits."""
    await asyncio.sleep(0.4)


def unread(text: str) -> UnreadLine:
    """A line of chat that was sent and received now."""

    def read(raw: str, now: datetime) -> ChatMessage:
        return ChatMessage("twitch", "", str(uuid7()), User("ana", "ana", "ana"), raw, now, now)

    return UnreadLine(text, text, CHANNELS[0][1], datetime.now(UTC), read)
