"""Which browser sources are open, noted for the desk: every two seconds those that are new, and a share of
the others, so that ten thousand of them are no load."""

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
#: One in so many of them is noted again each time: well before `sources.STALE_S`, and not all at once.
_SHARES: Final = 3
_MOST_ROWS: Final = 2_000
_TIMEOUT_S: Final = 3.0


class Presence:
    """The open overlay connections of this process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._open: dict[UUID, Source] = {}
        self._new: list[UUID] = []
        self._round: list[UUID] = []  # still to be noted again, of those that were open when it began
        self._share = 0
        self._closed: set[UUID] = set()
        self._changed = asyncio.Event()

    def opened(self, source: Source) -> None:
        self._open[source.connection] = source
        self._new.append(source.connection)
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
        closed, new = set(self._closed), self._new
        self._new = []
        turn = dict.fromkeys((*new, *self._again()))
        due = [source for one in turn if (source := self._open.get(one)) is not None]
        try:
            async with asyncio.timeout(_TIMEOUT_S), self._database.connection() as connection:
                for start in range(0, len(due), _MOST_ROWS):
                    await sources.note(connection, due[start : start + _MOST_ROWS])
                await sources.forget(connection, closed)
        except BaseException:
            self._new = new + self._new
            raise
        self._closed -= closed

    def _again(self) -> list[UUID]:
        """The share of those that are noted already whose turn it is."""
        if not self._round:
            self._round = list(self._open)
            self._share = -(-len(self._round) // _SHARES)
        some, self._round = self._round[: self._share], self._round[self._share :]
        return some
