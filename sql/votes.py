"""Votes: the ones that count now, the ledger of all, and the totals."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from uuid import UUID

import sql
from server.rules.tally import Tally
from server.rules.vote_ledger import Row as LedgerRow
from server.rules.votes import BallotKey, Counted, Vote
from sql.inbox import SEPARATOR
from sql.pool import Connection, Row

_Q = sql.load("votes")

# What COPY writes, in the order of the values given to it.
_VOTE = (
    *("poll_instance_id", "platform", "ballot", "platform_user_id", "slot", "choice", "sent_at"),
    "message_id",
)
_LEDGER = (
    *("poll_instance_id", "n", "voter", "slot", "choice", "sent_at", "received_at", "message_id"),
    "hash",
)


async def held(
    connection: Connection, poll_id: UUID, ballots: Collection[BallotKey]
) -> dict[BallotKey, Counted]:
    """What the given ballots hold now; ballots without a vote are absent."""
    by_platform: dict[str, list[str]] = {}
    for platform, ballot in ballots:
        by_platform.setdefault(platform, []).append(ballot)
    found: dict[BallotKey, Counted] = {}
    for platform, keys in by_platform.items():
        rows = await connection.fetch(_Q["held"], poll_id, platform, SEPARATOR.join(keys))
        for ballot, slot, choice, sent_at, message_id in rows:
            found[platform, ballot] = Counted(slot, choice, sent_at, message_id)
    return found


async def hold(
    connection: Connection,
    poll_id: UUID,
    changed: Mapping[BallotKey, Vote],
    held: Collection[BallotKey],
) -> None:
    """Write the votes that ballots hold from now on. `held` has all of these that hold one already.

    The caller holds the campaign's lock since before it asked what is held.
    """
    moved = [(key, vote) for key, vote in changed.items() if key in held] if held else []
    if len(moved) < len(changed):
        await connection.copy_records_to_table(
            "poll_votes",
            columns=_VOTE,
            records=[
                (poll_id, platform, ballot, vote[1], vote[2], vote[3], vote[4], vote[6])
                for (platform, ballot), vote in changed.items()
                if not held or (platform, ballot) not in held
            ],
        )
    if moved:
        await connection.execute(
            _Q["move"],
            poll_id,
            [platform for (platform, _), _ in moved],
            [ballot for (_, ballot), _ in moved],
            [vote.user_id for _, vote in moved],
            [vote.slot for _, vote in moved],
            [vote.choice for _, vote in moved],
            [vote.sent_at for _, vote in moved],
            [vote.message_id for _, vote in moved],
        )


async def append_ledger(connection: Connection, poll_id: UUID, rows: Sequence[LedgerRow]) -> None:
    """Add sealed rows behind the last one."""
    if rows:
        await connection.copy_records_to_table(
            "poll_vote_ledger", columns=_LEDGER, records=[(poll_id, *row) for row in rows]
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


async def count_of_persons(connection: Connection, poll_id: UUID, slots: int, options: int) -> Tally:
    """The same, where of the accounts of a person one counts."""
    return tally_of(await connection.fetch(_Q["count_of_persons"], poll_id), slots, options)


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
    # Between them may stand numbers of the other part of the ledger (`sql.poll_persons`).
    while page := await ledger_page(connection, poll_id, rows[-1].n if rows else 0):
        rows.extend(page)
    return rows


async def rate(
    connection: Connection, poll_id: UUID, ledger_rows: int, seconds: float = 10.0
) -> dict[int, float]:
    """Votes per second and channel slot over the last `seconds`."""
    newest = max(0, ledger_rows - 200_000)  # bounds what a status request may read
    rows = await connection.fetch(_Q["rate"], poll_id, seconds, newest)
    return {row["slot"]: row["per_s"] for row in rows}
