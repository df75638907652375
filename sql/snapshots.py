"""What a campaign shows and where it stands, read so that the two belong together.

`read` and `changes_since` need a REPEATABLE READ transaction (`Database.transaction`): head, boards
and steps are then of one moment. The steps' old board values are never read: only the newest counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

import sql
from server.rules.changes import Board, Change, OnceEvent
from sql.pool import Connection

_Q = sql.load("snapshots")

#: How many steps a reader looks back; 2 minutes at 17 steps a second.
LOOK_BACK: Final = 2048


class Head(NamedTuple):
    campaign_id: UUID
    epoch: UUID
    seq: int
    token_version: int


class Shown(NamedTuple):
    """A board and the step that last changed it."""

    rev: int
    board: Board


class Passing(NamedTuple):
    """A thing that happened once, and when."""

    event: OnceEvent
    at: datetime


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A campaign at one position.

    Who stands between `complete_from` and `seq` misses nothing by `boards`, `unset` and `events`.
    """

    epoch: UUID
    seq: int
    token_version: int
    at: datetime
    boards: Mapping[str, Shown]
    complete_from: int
    unset: tuple[tuple[str, int], ...]  # (board id, step), in order of steps
    events: tuple[Passing, ...]


async def heads(connection: Connection, campaign_ids: Sequence[UUID]) -> list[Head]:
    """Positions of campaigns; those that do not exist (any more) are left out."""
    return [Head(*row) for row in await connection.fetch(_Q["heads"], campaign_ids)]


async def _passing(
    connection: Connection, campaign_id: UUID, after: int, upto: int
) -> tuple[tuple[tuple[str, int], ...], tuple[Passing, ...]]:
    unset, events = [], []
    for row in await connection.fetch(_Q["passing_after"], campaign_id, after, upto):
        if row["kind"] == "unset":
            unset.append((str(row["board_id"]), row["seq"]))
        else:
            what = row["payload"]
            event = OnceEvent(row["seq"], what["id"], what["kind"], what["data"], what["ttl_ms"])
            events.append(Passing(event, row["at"]))
    return tuple(unset), tuple(events)


async def read(connection: Connection, campaign_id: UUID) -> Snapshot | None:
    """The whole campaign with the steps of the last LOOK_BACK; None when there is no such campaign."""
    head = await connection.fetchrow(_Q["head"], campaign_id)
    if head is None:
        return None
    seq = head["seq"]
    boards = {
        str(row["board_id"]): Shown(row["rev"], row["data"])
        for row in await connection.fetch(_Q["boards"], campaign_id)
    }
    lowest = await connection.fetchval(_Q["complete_from"], campaign_id, max(0, seq - LOOK_BACK), seq)
    complete_from = seq if lowest is None else lowest
    unset, events = await _passing(connection, campaign_id, complete_from, seq)
    return Snapshot(
        head["epoch"], seq, head["token_version"], head["now"], boards, complete_from, unset, events
    )


async def changes_since(connection: Connection, campaign_id: UUID, epoch: UUID, seq: int) -> Change | None:
    """The one step from `(epoch, seq)` to now; None when it cannot be told without a gap."""
    head = await connection.fetchrow(_Q["head"], campaign_id)
    if head is None or head["epoch"] != epoch or not seq <= head["seq"] <= seq + LOOK_BACK:
        return None
    upto = head["seq"]
    if upto == seq:
        return Change(campaign_id, epoch, seq, seq, head["now"], {})
    if await connection.fetchval(_Q["complete_from"], campaign_id, seq, upto) != seq:
        return None
    boards = {
        str(row["board_id"]): row["data"]
        for row in await connection.fetch(_Q["boards_after"], campaign_id, seq)
    }
    unset, events = await _passing(connection, campaign_id, seq, upto)
    return Change(
        campaign_id,
        epoch,
        seq,
        upto,
        head["now"],
        boards,
        tuple(dict.fromkeys(board_id for board_id, _ in unset if board_id not in boards)),
        tuple(event for event, _ in events),
    )
