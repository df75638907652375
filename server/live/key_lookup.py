"""Overlay keys, looked up together: after a restart thousands of hellos come within a second (R15).

While one query is under way the next keys gather, so a hello alone waits for nothing and a storm costs a
query for every few hundred of them, on one connection. Every key is looked up after it came, never
remembered: a revoked one is dead at once.
"""

from __future__ import annotations

import asyncio
from typing import Final

from sql import overlay_keys
from sql.overlay_keys import KeyedOverlay
from sql.pool import Database

_MOST_AT_ONCE: Final = 500


class KeyLookup:
    """Finds overlays by the SHA-256 of their keys."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._asked: dict[bytes, asyncio.Future[KeyedOverlay | None]] = {}
        self._working: asyncio.Task[None] | None = None

    async def find(self, key_hash: bytes) -> KeyedOverlay | None:
        """The overlay that this key opens. Raises one of UNREACHABLE when the database is away."""
        loop = asyncio.get_running_loop()
        answer = self._asked.get(key_hash)
        if answer is None:
            answer = self._asked[key_hash] = loop.create_future()
        if self._working is None:
            self._working = loop.create_task(self._work())
        return await asyncio.shield(answer)

    async def _work(self) -> None:
        try:
            while self._asked:
                hashes = list(self._asked)[:_MOST_AT_ONCE]
                await self._answer({one: self._asked.pop(one) for one in hashes})
        finally:
            self._working = None

    async def _answer(self, asked: dict[bytes, asyncio.Future[KeyedOverlay | None]]) -> None:
        try:
            async with self._database.connection() as connection:
                found = await overlay_keys.by_hash(connection, list(asked))
            overlays = {overlay.key_hash: overlay for overlay in found}
            for key_hash, answer in asked.items():
                answer.set_result(overlays.get(key_hash))
        except Exception as error:
            for answer in asked.values():
                answer.set_exception(error)
                answer.exception()  # whoever asked may be gone by now
        finally:
            for answer in asked.values():
                answer.cancel()  # only if this task was cancelled
