"""Which browsers of tables are connected, as each process notes it, and how their tables stand."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import sql
from sql.pool import Connection

_Q = sql.load("vtt_sockets")

#: A row that was not renewed for so long belongs to a process that is gone.
STALE_S: Final = 45.0


@dataclass(frozen=True, slots=True)
class Standing:
    """A table as the database has it now."""

    id: UUID
    campaign_id: UUID | None  # None: the campaign was deleted
    is_active: bool
    token_version: int
    revoked_reason: str
    has_commands: bool


async def note(connection: Connection, sockets: Mapping[UUID, UUID]) -> None:
    """These are connected now: the id of each, and of its table."""
    await connection.execute(_Q["note"], list(sockets), list(sockets.values()))


async def forget(connection: Connection, sockets: Collection[UUID]) -> None:
    """These have left; rows that nobody renews go with them."""
    await connection.execute(_Q["forget"], list(sockets), STALE_S)


async def standing(connection: Connection, tables: Iterable[UUID]) -> dict[UUID, Standing]:
    """How these tables stand; one that was deleted is missing."""
    rows = await connection.fetch(_Q["standing"], list(tables))
    return {row["id"]: Standing(*row) for row in rows}
