"""Who is one person in a poll, which of their votes counts, and what the ledger says of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import sql
from server.rules.persons import Stance
from server.rules.vote_ledger import Entry
from server.rules.votes import BallotKey
from sql.pool import Connection

_Q = sql.load("poll_persons")


async def stances(
    connection: Connection, poll_id: UUID, accounts: Collection[BallotKey]
) -> dict[BallotKey, Stance]:
    """How these accounts stand in the poll, and all that are one person with them there."""
    rows = await connection.fetch(_Q["stances"], poll_id, *_columns(accounts))
    return {(platform, ballot): Stance(person, counts) for platform, ballot, person, counts in rows}


async def put(
    connection: Connection,
    poll_id: UUID,
    before: Mapping[BallotKey, Stance],
    now: Mapping[BallotKey, Stance],
) -> None:
    """Write how accounts stand from now on. `before` and `now` are of the same ones."""
    gone = [account for account, stance in before.items() if now.get(account) != stance]
    come = [account for account, stance in now.items() if before.get(account) != stance]
    if gone:
        await connection.execute(_Q["drop"], poll_id, *_columns(gone))
    if come:
        persons, counting = [now[one].person for one in come], [now[one].counts for one in come]
        await connection.execute(_Q["put"], poll_id, *_columns(come), persons, counting)


async def append_ledger(connection: Connection, poll_id: UUID, entries: Sequence[Entry]) -> None:
    """Add sealed entries behind the last row of the poll's ledger."""
    if entries:
        await connection.execute(_Q["append"], poll_id, *map(list, zip(*entries, strict=True)))


async def ledger(connection: Connection, poll_id: UUID) -> list[Entry]:
    """All entries of a poll, in order."""
    return [Entry(*row) for row in await connection.fetch(_Q["ledger"], poll_id)]


async def linked_voters(connection: Connection, poll_id: UUID, at: datetime) -> list[BallotKey]:
    """Voters who are somebody's account at `at`, or who are one with others in the poll."""
    rows = await connection.fetch(_Q["linked_voters"], poll_id, at)
    return [(platform, ballot) for platform, ballot in rows]


def _columns(accounts: Collection[BallotKey]) -> tuple[list[str], list[str]]:
    return [platform for platform, _ in accounts], [ballot for _, ballot in accounts]
