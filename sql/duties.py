"""Work that one process does for all: taken for a while, and taken over from who gives no sign of life."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import sql
from sql.pool import Connection

_Q = sql.load("duties")


class Duty(NamedTuple):
    """The duty is ours until it is not renewed."""

    now: datetime
    done_until: datetime | None  # when its holder, us or another, last took it; None: nobody ever did


async def take(connection: Connection, name: str, holder: UUID, ttl_s: float) -> Duty | None:
    """Take a duty, or go on with it for another `ttl_s`; None while somebody else has it.

    Whoever cannot renew it for `ttl_s` has to stop by itself: the next one is at it already.
    """
    async with connection.transaction():
        await connection.execute(_Q["need_not_last"])
        row = await connection.fetchrow(_Q["take"], name, holder, ttl_s)
    return None if row is None else Duty(row["now"], row["done_until"])


async def leave(connection: Connection, name: str, holder: UUID) -> None:
    """Let others have it at once."""
    await connection.execute(_Q["leave"], name, holder)
