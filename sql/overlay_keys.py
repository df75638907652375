"""Which overlay a key opens. Only the SHA-256 of a key is known here (reliability §3.11)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sql
from sql.pool import Connection

_Q = sql.load("overlay_keys")


@dataclass(frozen=True, slots=True)
class KeyedOverlay:
    """An overlay as its key opens it. `layout` is what is stored, without defaults."""

    id: UUID
    campaign_id: UUID
    name: str
    layout: Mapping[str, Any]
    key_hash: bytes
    token_version: int  # of the campaign: raised whenever a key in it dies
    epoch: UUID  # where the campaign stands
    seq: int


async def by_hash(connection: Connection, key_hashes: Sequence[bytes]) -> list[KeyedOverlay]:
    """The overlays whose keys have these SHA-256; keys that open nothing are not in the answer."""
    return [KeyedOverlay(*row) for row in await connection.fetch(_Q["by_hash"], key_hashes)]


async def by_id(connection: Connection, overlay_ids: Sequence[UUID]) -> list[KeyedOverlay]:
    """Those of these overlays that still exist, with the keys they have now."""
    return [KeyedOverlay(*row) for row in await connection.fetch(_Q["by_id"], overlay_ids)]
