"""Tells the database which lines this process gave up, so that every desk can say so.

They are lost because the database was away; they are noted when it is back. The process that reads chat
is often another one than the one that serves the desk.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from uuid import UUID

import structlog

from sql import lost_lines
from sql.pool import UNREACHABLE, Database, StatementRefused

log = structlog.get_logger(__name__)

EVERY_S = 2.0
_LAST_WITHIN_S = 0.5  # a database that is away is no reason to stay


class LostLines:
    """The difference between what was given up and what is noted."""

    def __init__(self, database: Database, dropped: Callable[[], Mapping[UUID, int]]) -> None:
        """`dropped` gives the lines given up since the start, by campaign."""
        self._database = database
        self._dropped = dropped
        self._noted: dict[UUID, int] = {}

    async def note(self) -> None:
        """Write what is new. Raises one of UNREACHABLE, StatementRefused."""
        dropped = dict(self._dropped())
        new = {
            campaign: lines - self._noted.get(campaign, 0)
            for campaign, lines in dropped.items()
            if lines > self._noted.get(campaign, 0)
        }
        if new:
            async with self._database.connection() as connection:
                await lost_lines.note(connection, new)
            self._noted = dropped

    async def note_last(self) -> None:
        """Write what is new because the program ends, if the database still takes it."""
        try:
            async with asyncio.timeout(_LAST_WITHIN_S):
                await self.note()
        except (*UNREACHABLE, StatementRefused) as error:
            log.warning("lost_lines_not_noted", error=type(error).__name__)

    async def run(self) -> None:
        """Write every two seconds, until cancelled; what cannot be written waits."""
        while True:
            await asyncio.sleep(EVERY_S)
            try:
                await self.note()
            except UNREACHABLE as error:
                log.info("lost_lines_not_noted", error=type(error).__name__)
            except StatementRefused:
                # What a desk is told late, or never, must not end the process that serves the show.
                log.exception("lost_lines_refused_by_database")
