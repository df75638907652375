"""Named browser sources. The database holds the SHA-256 of a key; see server/web/overlay_links.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sql
from sql.pool import Connection, Row

_QUERIES = sql.load("overlays")


@dataclass(frozen=True, slots=True)
class Overlay:
    id: UUID
    campaign_id: UUID
    name: str
    key_hash: bytes
    key_version: int
    layout: Mapping[str, Any]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class OpenSource:
    """A browser source that is open now, as it last said of itself."""

    overlay_id: UUID
    name: str
    obs: str
    width: int | None
    height: int | None
    connected_at: datetime
    seen_at: datetime


def _one(row: Row | None) -> Overlay | None:
    return None if row is None else Overlay(*row)


async def create(
    connection: Connection,
    campaign_id: UUID,
    *,
    overlay_id: UUID,
    name: str,
    key_hash: bytes,
    key_version: int,
    layout: Mapping[str, Any],
) -> Overlay:
    """A new overlay. The id comes from outside because the key is derived from it.

    Raises UniqueViolation when the campaign has an overlay of this name.
    """
    row = await connection.fetchrow(
        _QUERIES["create"], overlay_id, campaign_id, name, key_hash, key_version, dict(layout)
    )
    if row is None:
        raise LookupError("INSERT … RETURNING answered no row")
    return Overlay(*row)


async def list_of_campaign(connection: Connection, campaign_id: UUID) -> list[Overlay]:
    """The overlays of a campaign, oldest first."""
    return [Overlay(*row) for row in await connection.fetch(_QUERIES["list_of_campaign"], campaign_id)]


async def get(connection: Connection, overlay_id: UUID, within: Sequence[UUID]) -> Overlay | None:
    """One overlay of these campaigns."""
    return _one(await connection.fetchrow(_QUERIES["get"], overlay_id, within))


async def lock(connection: Connection, overlay_id: UUID, within: Sequence[UUID]) -> Overlay | None:
    """As `get`, and nobody else changes it until the transaction ends."""
    return _one(await connection.fetchrow(_QUERIES["lock"], overlay_id, within))


async def update(
    connection: Connection, overlay: Overlay, *, name: str, layout: Mapping[str, Any]
) -> Overlay | None:
    """Rename or lay out anew. Raises UniqueViolation when another overlay has the name."""
    return _one(
        await connection.fetchrow(_QUERIES["update"], overlay.id, overlay.campaign_id, name, dict(layout))
    )


async def rotate(
    connection: Connection, overlay: Overlay, *, key_hash: bytes, key_version: int
) -> Overlay | None:
    """Give the overlay a new key; the old one is dead from the commit on."""
    return _one(
        await connection.fetchrow(_QUERIES["rotate"], overlay.id, overlay.campaign_id, key_hash, key_version)
    )


async def delete(connection: Connection, overlay: Overlay) -> None:
    """Remove an overlay and with it its key."""
    await connection.execute(_QUERIES["delete"], overlay.id, overlay.campaign_id)


async def open_sources(connection: Connection, campaign_id: UUID) -> list[OpenSource]:
    """The browser sources of a campaign that are open now."""
    return [OpenSource(*row) for row in await connection.fetch(_QUERIES["open_sources"], campaign_id)]
