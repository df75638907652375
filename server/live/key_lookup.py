"""Overlay keys, looked up together, and never remembered: a revoked one is dead at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from server.live.together import Together
from sql import overlay_keys
from sql.overlay_keys import KeyedOverlay
from sql.pool import Connection, Database

_MOST_AT_ONCE: Final = 500


class KeyLookup:
    """Finds overlays by the SHA-256 of their keys."""

    def __init__(self, database: Database) -> None:
        self._overlays = Together(database, _by_hash, most=_MOST_AT_ONCE)

    async def find(self, key_hash: bytes) -> KeyedOverlay | None:
        """The overlay that this key opens. Raises one of UNREACHABLE when the database is away."""
        return await self._overlays.of(key_hash)


async def _by_hash(connection: Connection, hashes: list[bytes]) -> Mapping[bytes, KeyedOverlay | None]:
    found = {overlay.key_hash: overlay for overlay in await overlay_keys.by_hash(connection, hashes)}
    return {key_hash: found.get(key_hash) for key_hash in hashes}
