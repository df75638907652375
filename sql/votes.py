"""Votes: the ones that count now, the ledger of all, and the totals."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from uuid import UUID

import sql
from server.rules.tally import Tally
from server.rules.vote_ledger import Row as LedgerRow
from server.rules.votes import BallotKey, Counted, Vote
from sql.pool import Connection, Row

_Q = sql.load("votes")


async def held(
    connection: Connection, poll_id: UUID, ballots: Collection[BallotKey]
) -> dict[BallotKey, Counted]:
    """What the given ballots hold now; ballots without a vote are absent."""
    if not ballots:
        return {}
    platforms, keys = zip(*ballots, strict=True)
    rows = await connection.fetch(_Q["held"], poll_id, platforms, keys)
    return {
        (r["platform"], r["ballot"]): Counted(r["slot"], r["choice"], r["sent_at"], r["message_id"])
        for r in rows
    }


async def hold(connection: Connection, poll_id: UUID, changed: Mapping[BallotKey, Vote]) -> None:
    """Write the votes that ballots hold from now on."""
    if not changed:
        return
    platforms, ballots = zip(*changed, strict=True)
    votes = tuple(changed.values())
    await connection.execute(
        _Q["hold"],
        poll_id,
        platforms,
        ballots,
        [vote.user_id for vote in votes],
        [vote.slot for vote in votes],
        [vote.choice for vote in votes],
        [vote.sent_at for vote in votes],
        [vote.message_id for vote in votes],
    )


async def append_ledger(connection: Connection, poll_id: UUID, rows: Sequence[LedgerRow]) -> None:
    """Add sealed rows behind the last one."""
    if not rows:
        return
    await connection.execute(
        _Q["append_ledger"],
        poll_id,
        [row.n for row in rows],
        [row.voter for row in rows],
        [row.slot for row in rows],
        [row.choice for row in rows],
        [row.sent_at for row in rows],
        [row.received_at for row in rows],
        [row.message_id for row in rows],
        [row.hash for row in rows],
    )


async def save_results(connection: Connection, poll_id: UUID, before: Tally, after: Tally) -> None:
    """Write the totals that differ between two tallies."""
    changed = [
        (slot, choice, votes)
        for slot, channel in enumerate(after)
        for choice, votes in enumerate(channel, 1)
        if not before or before[slot][choice - 1] != votes
    ]
    if changed:
        slots, choices, counts = zip(*changed, strict=True)
        await connection.execute(_Q["add_result"], poll_id, slots, choices, counts)


async def count(connection: Connection, poll_id: UUID, slots: int, options: int) -> Tally:
    """The tally counted anew from the stored votes: the truth at close."""
    return tally_of(await connection.fetch(_Q["count"], poll_id), slots, options)


def tally_of(rows: Iterable[Row], slots: int, options: int) -> Tally:
    """Rows `(slot, choice, votes)` as a tally."""
    counts = [[0] * options for _ in range(slots)]
    for row in rows:
        counts[row["slot"]][row["choice"] - 1] = row["votes"]
    return tuple(tuple(channel) for channel in counts)


async def ledger_page(connection: Connection, poll_id: UUID, after: int, most: int = 5000) -> list[LedgerRow]:
    """Rows of the ledger behind row `after`, in order, at most `most`."""
    return [LedgerRow(*row) for row in await connection.fetch(_Q["ledger"], poll_id, after, most)]


async def ledger(connection: Connection, poll_id: UUID) -> list[LedgerRow]:
    """The whole ledger of a poll."""
    rows: list[LedgerRow] = []
    while page := await ledger_page(connection, poll_id, len(rows)):
        rows.extend(page)
    return rows


async def rate(
    connection: Connection, poll_id: UUID, ledger_rows: int, seconds: float = 10.0
) -> dict[int, float]:
    """Votes per second and channel slot over the last `seconds`."""
    newest = max(0, ledger_rows - 200_000)  # bounds what a status request may read
    rows = await connection.fetch(_Q["rate"], poll_id, seconds, newest)
    return {row["slot"]: row["per_s"] for row in rows}
