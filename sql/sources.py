"""Which browser sources are open, as each process notes it every two seconds; `sql.overlays` reads it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, NamedTuple
from uuid import UUID

import sql
from sql.pool import Connection

_Q = sql.load("sources")

#: A row that was not renewed for so long belongs to a process that is gone.
STALE_S: Final = 15.0


class Source(NamedTuple):
    """One open browser source; sizes are None when it did not say."""

    overlay_id: UUID
    connection: UUID
    name: str
    obs: str
    width: int | None
    height: int | None


async def note(connection: Connection, sources: Collection[Source]) -> None:
    """These sources are open now: one statement for all of them."""
    await connection.execute(_Q["note"], *(list(column) for column in zip(*sources, strict=True)))


async def forget(connection: Connection, connections: Collection[UUID]) -> None:
    """These were closed; rows that nobody renews go with them."""
    await connection.execute(_Q["forget"], list(connections), STALE_S)
