"""Which browser sources are open, noted for the desk: one statement every two seconds for all of them."""

from __future__ import annotations

import asyncio
from typing import Final
from uuid import UUID

import structlog

from sql import sources
from sql.pool import UNREACHABLE, Database
from sql.sources import Source

_log = structlog.get_logger(__name__)

EVERY_S: Final = 2.0
_TIMEOUT_S: Final = 3.0


class Presence:
    """The open overlay connections of this process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._open: dict[UUID, Source] = {}
        self._closed: set[UUID] = set()
        self._changed = asyncio.Event()

    def opened(self, source: Source) -> None:
        self._open[source.connection] = source
        self._changed.set()

    def closed(self, connection: UUID) -> None:
        if self._open.pop(connection, None) is not None:
            self._closed.add(connection)
            self._changed.set()

    async def run(self) -> None:
        """Note what is open until cancelled, then take back what this process had noted."""
        reachable = True
        try:
            while True:
                try:
                    await self._write()
                    reachable = True
                except UNREACHABLE as error:
                    if reachable:
                        _log.warning("presence_not_noted", error=type(error).__name__)
                    reachable = False
                except Exception:
                    _log.exception("presence_failed")
                await self._pause()
        finally:
            self._closed.update(self._open)
            self._open.clear()
            try:
                await self._write()
            except UNREACHABLE as error:
                _log.info("presence_left_to_age", error=type(error).__name__)

    async def _pause(self) -> None:
        await asyncio.sleep(EVERY_S)
        if not self._open:  # nobody is here: sleep until somebody is
            await self._changed.wait()

    async def _write(self) -> None:
        self._changed.clear()
        if not self._open and not self._closed:
            return
        closed = set(self._closed)
        async with asyncio.timeout(_TIMEOUT_S), self._database.connection() as connection:
            if self._open:
                await sources.note(connection, list(self._open.values()))
            await sources.forget(connection, closed)
        self._closed -= closed
