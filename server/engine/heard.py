"""When each channel that scripts speak for, and each table, was last heard: the lamps on the desk.

Chat connectors report on their own sockets; this is for what arrives through the API. Marks gather in
memory and are written every two seconds, so that a lamp costs no write per event.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from server.rules.events import Event
from server.rules.platform_events import PlatformEvent
from sql import channels, vtt_connections
from sql.pool import UNREACHABLE, Database

log = structlog.get_logger(__name__)

EVERY_S = 2.0
_MILLISECOND = timedelta(milliseconds=1)


class Heard:
    """The last event of each channel, and the last delivery of each table."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._marks: dict[UUID, tuple[datetime, int]] = {}
        self._tables: dict[UUID, datetime] = {}

    def note(self, events: Iterable[tuple[UUID, Event | PlatformEvent]]) -> None:
        """These events have just been taken, each in its channel."""
        for channel, event in dict(events).items():  # of thousands of events the last of each channel
            self._marks[channel] = (event.received_at, (event.received_at - event.sent_at) // _MILLISECOND)

    def note_table(self, connection_id: UUID, at: datetime) -> None:
        """Something genuine has just come from this table."""
        self._tables[connection_id] = at

    def take_tables(self) -> dict[UUID, datetime]:
        """The marks of tables that are not written yet; they are the caller's now."""
        tables, self._tables = self._tables, {}
        return tables

    async def run(self) -> None:
        """Write what was heard; marks that could not be written are overtaken by the next ones."""
        while True:
            await asyncio.sleep(EVERY_S)
            marks, self._marks = self._marks, {}
            tables = self.take_tables()
            try:
                if marks or tables:
                    async with self._database.connection() as connection:
                        await channels.heard(
                            connection, [(channel, *mark) for channel, mark in marks.items()]
                        )
                        await vtt_connections.heard(connection, tables)
            except UNREACHABLE as error:
                log.info("heard_marks_not_written", error=type(error).__name__)
