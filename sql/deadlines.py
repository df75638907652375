"""Deadlines: time is a row, compared with the database clock only (reliability §3.7)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import sql
from sql.pool import Connection

_Q = sql.load("deadlines")


class Due(NamedTuple):
    board_id: UUID
    kind: str
    campaign_id: UUID
    due_at: datetime


class Fired(NamedTuple):
    due_at: datetime
    fired_at: datetime


async def arm(connection: Connection, campaign_id: UUID, board_id: UUID, kind: str, due_at: datetime) -> None:
    """Let `kind` happen to the board at `due_at`, and nothing else that was armed for it."""
    await connection.execute(_Q["disarm_others"], board_id, kind)
    await connection.execute(_Q["arm"], board_id, kind, campaign_id, due_at)


async def disarm(connection: Connection, board_id: UUID) -> None:
    """Time does nothing to this board any more."""
    await connection.execute(_Q["disarm_others"], board_id, "")


async def fire(connection: Connection, campaign_id: UUID, board_id: UUID, kind: str) -> Fired | None:
    """Claim a deadline that is due. None when another process had it, or it was moved or called off."""
    row = await connection.fetchrow(_Q["fire"], board_id, kind, campaign_id)
    return Fired(row["due_at"], row["fired_at"]) if row else None


async def due(
    connection: Connection,
    most: int,
    without_campaigns: Collection[UUID] = (),
    without_boards: Collection[UUID] = (),
) -> list[Due]:
    """What is overdue, in the order of `due_at`."""
    rows = await connection.fetch(_Q["due"], most, without_campaigns, without_boards)
    return [Due(*row) for row in rows]


async def seconds_to_next(
    connection: Connection,
    without_campaigns: Collection[UUID] = (),
    without_boards: Collection[UUID] = (),
) -> float | None:
    """How long until the next deadline; None when nothing is armed."""
    seconds: float | None = await connection.fetchval(_Q["next"], without_campaigns, without_boards)
    return seconds


async def forget(connection: Connection, older_than_s: float) -> None:
    """Drop deadlines that are over."""
    await connection.execute(_Q["forget"], older_than_s)
