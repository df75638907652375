"""When each channel that scripts speak for was last heard: the lamp on the desk.

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
from sql import channels
from sql.pool import UNREACHABLE, Database

log = structlog.get_logger(__name__)

EVERY_S = 2.0
_MILLISECOND = timedelta(milliseconds=1)


class Heard:
    """The last event of each channel."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._marks: dict[UUID, tuple[datetime, int]] = {}

    def note(self, events: Iterable[tuple[UUID, Event]]) -> None:
        """These events have just been taken, each in its channel."""
        for channel, event in dict(events).items():  # of thousands of events the last of each channel
            self._marks[channel] = (event.received_at, (event.received_at - event.sent_at) // _MILLISECOND)

    async def run(self) -> None:
        """Write what was heard; marks that could not be written are overtaken by the next ones."""
        while True:
            await asyncio.sleep(EVERY_S)
            marks, self._marks = self._marks, {}
            try:
                if marks:
                    async with self._database.connection() as connection:
                        await channels.heard(
                            connection, [(channel, *mark) for channel, mark in marks.items()]
                        )
            except UNREACHABLE as error:
                log.info("heard_marks_not_written", error=type(error).__name__)
