"""What PostgreSQL keeps of a poll and what it lets out: the ledger, secret ballots, every field."""

from __future__ import annotations

import json
from datetime import timedelta

import asyncpg
import pytest

from server.engine.deadlines import Deadlines
from server.rules.poll import Cancel, Close, Poll, PollRules, Reveal, State, UndoCancel
from server.rules.vote_audit import audit
from server.rules.vote_export import document
from sql import polls, votes
from sql.pool import Database
from tests.integration.engine_rig import (
    CHANNELS,
    Process,
    boards_of,
    ledger_of,
    line,
    make_campaign,
    open_poll,
    poll_of,
    take_in,
    until,
)


async def test_figures_of_a_secret_ballot_are_in_no_row_that_browsers_read(database: Database) -> None:
    """Boards, their stored steps and what is published: equal, whatever is voted."""
    seen = []
    for choice in ("1", "3"):
        process = Process(database)
        campaign_id = await make_campaign(database)
        poll = await open_poll(process, campaign_id, PollRules(secret=True, grace_s=0))
        cast = [line(poll, choice, f"u{n}", channel=CHANNELS[0 if choice == "1" else 2]) for n in range(7)]
        await take_in(process, poll, cast)
        await process.rooms.command(campaign_id, poll.id, Close())
        deadlines = Deadlines(database, process.rooms)

        async def is_closed(deadlines: Deadlines = deadlines, poll: Poll = poll) -> bool:
            await deadlines.fire_due()
            return (await poll_of(database, poll.id)).state == State.CLOSED

        await until(is_closed, "the poll is counted")
        async with database.connection() as connection:
            rows = await connection.fetch(
                "SELECT payload FROM board_events WHERE campaign_id = $1 ORDER BY seq", campaign_id
            )
        told = [dict(change.set) for change in process.published]
        boards = [row["payload"] for row in rows] + [board for change in told for board in change.values()]
        boards += (await boards_of(database, campaign_id)).values()
        seen.append([without_times(dict(board)) for board in boards])
        await process.rooms.command(campaign_id, poll.id, Reveal())
        shown = (await boards_of(database, campaign_id))[str(poll.id)]
        assert shown["winner"] == int(choice)
        assert shown["options"][int(choice) - 1]["votes"] == 7
    assert len(seen[0]) == 9
    assert seen[0] == seen[1]
    assert [board["total_votes"] for board in seen[0][:4]] == [0, 7, 7, 7]


def without_times(board: dict[str, object]) -> dict[str, object]:
    return {
        key: json.loads(json.dumps(value))
        for key, value in board.items()
        if key not in ("poll_id", "opens_at", "closes_at", "phase_started_at", "ends_at")
    }


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE poll_vote_ledger SET choice = 2",
        "UPDATE poll_vote_ledger SET choice = choice WHERE false",
        "DELETE FROM poll_vote_ledger",
        "TRUNCATE poll_vote_ledger",
        "TRUNCATE poll_instances CASCADE",
        "DELETE FROM poll_instances",
        "DELETE FROM campaigns",
    ],
)
async def test_the_ledger_is_append_only(database: Database, statement: str) -> None:
    process = Process(database)
    poll = await open_poll(process, await make_campaign(database))
    await take_in(process, poll, [line(poll, "1")])
    async with database.connection() as connection:
        with pytest.raises((asyncpg.RaiseError, asyncpg.ForeignKeyViolationError)):
            await connection.execute(statement)
    assert len(await ledger_of(database, poll.id)) == 1


async def test_a_long_ledger_is_read_in_pages(database: Database) -> None:
    process = Process(database)
    poll = await open_poll(process, await make_campaign(database), PollRules(rule="every_message"))
    for start in range(0, 6000, 2000):
        batch = [line(poll, "1", f"u{n}", message_id=f"m{n}") for n in range(start, start + 2000)]
        await process.rooms.ingest(poll.campaign_id, batch, receipts=[False] * 2000)
    async with database.connection() as connection:
        rows = await votes.ledger(connection, poll.id)
        page = await votes.ledger_page(connection, poll.id, 5998)
    assert [row.n for row in rows] == list(range(1, 6001))
    assert [row.n for row in page] == [5999, 6000]
    now = await poll_of(database, poll.id)
    assert now.tally[0] == (6000, 0, 0)
    assert audit(document(now, rows)).good


async def test_a_chance_poll_survives_its_way_through_the_database(database: Database) -> None:
    """Commitment before, seed after, the same draw when it is checked."""
    process = Process(database)
    campaign_id = await make_campaign(database)
    poll = await open_poll(process, campaign_id, PollRules(tie="random", grace_s=0))
    await take_in(process, poll, [line(poll, "1", "a"), line(poll, "3", "b")])
    await process.rooms.command(campaign_id, poll.id, Close())
    deadlines = Deadlines(database, process.rooms)

    async def is_closed() -> bool:
        await deadlines.fire_due()
        return (await poll_of(database, poll.id)).state == State.CLOSED

    await until(is_closed, "the poll is counted")
    await process.rooms.command(campaign_id, poll.id, Reveal())
    now = await poll_of(database, poll.id)
    assert now.tied == (1, 3)
    assert now.winner in (1, 3)
    found = json.loads(json.dumps(document(now, await ledger_of(database, poll.id))))
    assert audit(found).good
    found["result"]["winner"] = 4 - now.winner
    assert not audit(found).good


async def test_stored_polls_come_back_as_they_went(database: Database) -> None:
    """Every field of a poll, pauses included."""
    process = Process(database)
    campaign_id = await make_campaign(database)
    rules = PollRules("every_message", False, "random", True, "any_case", "capped", 33, 7, 9, 11)
    poll = await open_poll(process, campaign_id, rules)
    for _ in range(2):
        await process.rooms.command(campaign_id, poll.id, Cancel())
        await process.rooms.command(campaign_id, poll.id, UndoCancel())
    now = await poll_of(database, poll.id)
    assert now.rules == rules
    assert len(now.pauses) == 2
    assert all(start < end for start, end in now.pauses)
    assert now.pauses[0][1] < now.pauses[1][0]
    async with database.transaction() as connection:
        await polls.save(connection, now)
    assert await poll_of(database, poll.id) == now
    assert now.closes_at is not None
    assert now.opens_at is not None
    away = sum((end - start for start, end in now.pauses), timedelta())
    assert now.closes_at - now.opens_at == timedelta(seconds=60) + away
