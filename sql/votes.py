"""Votes: the ones that count now, the ledger of all, and the totals."""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from uuid import UUID

import sql
from server.rules.tally import Tally
from server.rules.vote_ledger import Row as LedgerRow
from server.rules.votes import BallotKey, Counted, Vote
from sql import binary_copy
from sql.inbox import SEPARATOR
from sql.pool import Connection, Row

_Q = sql.load("votes")

# What COPY writes, in the order of `_vote_rows` and `_ledger_rows`; each field behind its length.
_VOTE = (
    *("poll_instance_id", "platform", "ballot", "platform_user_id", "slot", "choice", "sent_at"),
    "message_id",
)
_LEDGER = (
    *("poll_instance_id", "n", "voter", "slot", "choice", "sent_at", "received_at", "message_id"),
    "hash",
)
_VOTE_HEAD = struct.Struct(">hi16s").pack
_VOTE_MIDDLE = struct.Struct(">ihihiq").pack
_LEDGER_HEAD = struct.Struct(">hi16siqi16sihihiqiq").pack
_LEDGER_TAIL = struct.Struct(">i32s").pack


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
        new = {key: vote for key, vote in changed.items() if key not in held} if held else changed
        await binary_copy.write(connection, "poll_votes", _VOTE, _vote_rows(poll_id, new))
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


def _vote_rows(poll_id: UUID, votes: Mapping[BallotKey, Vote]) -> Iterator[bytes]:
    head, moments = _VOTE_HEAD(len(_VOTE), 16, poll_id.bytes), binary_copy.Moments()
    text = binary_copy.text
    for (platform, ballot), (_, user_id, slot, choice, sent_at, _, message_id) in votes.items():
        middle = _VOTE_MIDDLE(2, slot, 2, choice, 8, moments(sent_at))
        yield head + text(platform) + text(ballot) + text(user_id) + middle + text(message_id)


def _ledger_rows(poll_id: UUID, rows: Iterable[LedgerRow]) -> Iterator[bytes]:
    poll, moments = poll_id.bytes, binary_copy.Moments()
    text = binary_copy.text
    for n, voter, slot, choice, sent_at, received_at, message_id, hash_ in rows:
        sent, received = moments(sent_at), moments(received_at)
        head = _LEDGER_HEAD(
            *(len(_LEDGER), 16, poll, 8, n, 16, voter, 2, slot, 2, choice, 8, sent, 8, received)
        )
        yield head + text(message_id) + _LEDGER_TAIL(32, hash_)


async def append_ledger(connection: Connection, poll_id: UUID, rows: Sequence[LedgerRow]) -> None:
    """Add sealed rows behind the last one."""
    if rows:
        await binary_copy.write(connection, "poll_vote_ledger", _LEDGER, _ledger_rows(poll_id, rows))


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
