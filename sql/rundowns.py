"""Several polls prepared to be launched in turn (the seeds' poll sessions)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sql
from sql.ids import uuid7
from sql.pool import Connection, Row

_QUERIES = sql.load("rundowns")


@dataclass(frozen=True, slots=True)
class Rundown:
    id: UUID
    campaign_id: UUID
    name: str
    created_at: datetime


def _one(row: Row | None) -> Rundown | None:
    return None if row is None else Rundown(*row)


async def create(connection: Connection, campaign_id: UUID, name: str) -> Rundown:
    """An empty rundown."""
    row = await connection.fetchrow(_QUERIES["create"], uuid7(), campaign_id, name)
    if row is None:
        raise LookupError("INSERT … RETURNING answered no row")
    return Rundown(*row)


async def list_page(
    connection: Connection, campaign_id: UUID, after: UUID | None, limit: int
) -> list[Rundown]:
    """The rundowns of a campaign, newest first."""
    rows = await connection.fetch(_QUERIES["list_of_campaign"], campaign_id, after, limit)
    return [Rundown(*row) for row in rows]


async def get(connection: Connection, rundown_id: UUID, within: Sequence[UUID]) -> Rundown | None:
    """One rundown of these campaigns."""
    return _one(await connection.fetchrow(_QUERIES["get"], rundown_id, within))


async def lock(connection: Connection, rundown_id: UUID, within: Sequence[UUID]) -> Rundown | None:
    """As `get`, and nobody else orders it until the transaction ends."""
    return _one(await connection.fetchrow(_QUERIES["lock"], rundown_id, within))


async def rename(connection: Connection, rundown: Rundown, name: str) -> None:
    """Give a rundown another name."""
    await connection.execute(_QUERIES["rename"], rundown.id, rundown.campaign_id, name)


async def delete(connection: Connection, rundown_id: UUID, within: Sequence[UUID]) -> bool:
    """Remove a rundown of these campaigns; its polls stay. False when there is none."""
    return await connection.fetchval(_QUERIES["delete"], rundown_id, within) is not None


async def put_in_order(connection: Connection, rundown: Rundown, poll_ids: Sequence[UUID]) -> list[UUID]:
    """Put these polls first, in this order; what else is in the rundown follows as it stood.

    A poll that was outside moves in. Answers the ids that are no polls of the campaign: if there
    are any, nothing was changed. Call inside the transaction that holds `lock`.
    """
    rows = await connection.fetch(_QUERIES["definitions"], rundown.campaign_id, poll_ids)
    definition_of: dict[UUID, UUID] = {row["id"]: row["poll_id"] for row in rows}
    if missing := [poll_id for poll_id in poll_ids if poll_id not in definition_of]:
        return missing
    before = [
        row["id"]
        for row in await connection.fetch(_QUERIES["definitions_in_order"], rundown.id, rundown.campaign_id)
    ]
    wanted = list(dict.fromkeys([*(definition_of[poll_id] for poll_id in poll_ids), *before]))
    await connection.execute(_QUERIES["place"], rundown.id, rundown.campaign_id, wanted)
    return []
