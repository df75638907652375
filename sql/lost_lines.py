"""Chat lines that were read and given up, noted by the process that lost them, told by all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple
from uuid import UUID

import sql
from sql.ids import uuid7
from sql.pool import Connection

_Q = sql.load("lost_lines")


class Lost(NamedTuple):
    minute: int  # in the last minute
    day: int  # in the last 24 hours


async def note(connection: Connection, lines: Mapping[UUID, int]) -> None:
    """So many lines of these campaigns were given up just now."""
    await connection.execute(_Q["note"], [uuid7() for _ in lines], list(lines), list(lines.values()))


async def of_campaign(connection: Connection, campaign_id: UUID) -> Lost:
    """What all processes have noted."""
    row = await connection.fetchrow(_Q["of_campaign"], campaign_id)
    return Lost(0, 0) if row is None else Lost(row["minute"], row["day"])


async def forget(connection: Connection) -> None:
    """Drop what is older than a day."""
    await connection.execute(_Q["forget"])
