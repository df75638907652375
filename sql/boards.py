"""Boards and the numbered steps of their stream, the writing side; `sql.snapshots` reads them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import sql
from sql.pool import Connection

_Q = sql.load("boards")


async def put(
    connection: Connection,
    campaign_id: UUID,
    board_id: UUID,
    board: Mapping[str, Any],
    *,
    seq: int,
    at: datetime,
) -> None:
    """Show a board, or show it changed, as step `seq`."""
    await connection.execute(
        _Q["put"], board_id, campaign_id, board["kind"], board["phase"], seq, dict(board)
    )
    await connection.execute(_Q["append_event"], campaign_id, seq, "set", board_id, dict(board), at)


async def get(connection: Connection, campaign_id: UUID, board_id: UUID) -> Mapping[str, Any] | None:
    """A board as it is on the screen."""
    board: Mapping[str, Any] | None = await connection.fetchval(_Q["get"], board_id, campaign_id)
    return board


async def remove(
    connection: Connection, campaign_id: UUID, board_id: UUID, *, seq: int, at: datetime
) -> None:
    """Take a board off the screen as step `seq`."""
    await connection.execute(_Q["remove"], board_id, campaign_id)
    await connection.execute(_Q["append_event"], campaign_id, seq, "unset", board_id, None, at)


async def announce(
    connection: Connection, campaign_id: UUID, payload: Mapping[str, Any], *, seq: int, at: datetime
) -> None:
    """Something that happens once, as step `seq`; `payload` has id, kind, data and ttl_ms."""
    await connection.execute(_Q["append_event"], campaign_id, seq, "event", None, dict(payload), at)


async def forget_events(connection: Connection, older_than_s: float) -> None:
    """Drop steps older than that; who was away longer gets a snapshot."""
    await connection.execute(_Q["forget_events"], older_than_s)
