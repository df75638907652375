"""Time acts on boards: exactly once, by the database clock, late rather than never (reliability §3.7).

Every process may run this. Whoever locks the campaign first and finds the deadline armed fires it;
the others find nothing to do. A sleeping process only makes it punctual, never correct.
"""

from __future__ import annotations

import asyncio

import structlog

from server.engine.room import Rooms
from sql import deadlines
from sql.heads import NoCampaign
from sql.pool import UNREACHABLE, Database

log = structlog.get_logger(__name__)

#: Another process may have armed something meanwhile: look this often although nothing is known to be due.
LOOK_EVERY_S = 0.25
_AT_ONCE = 50
_LATE_S = 1.0


class Deadlines:
    """Fires what is due."""

    def __init__(self, database: Database, rooms: Rooms) -> None:
        self._database = database
        self._rooms = rooms
        self.fired = 0
        self.worst_lateness_s = 0.0

    async def run(self) -> None:
        """Look, fire, sleep until the next deadline; never gives up while the database is away."""
        away = False
        while True:
            try:
                wait = await self.fire_due()
                away = False
            except UNREACHABLE as error:
                if not away:
                    log.warning("deadlines_wait_for_database", error=type(error).__name__)
                away, wait = True, LOOK_EVERY_S
            try:
                async with asyncio.timeout(wait):
                    await self._rooms.armed.wait()
                    self._rooms.armed.clear()
            except TimeoutError:
                pass

    async def fire_due(self) -> float:
        """Fire everything that is overdue, oldest first; answers how many seconds to sleep."""
        while True:
            async with self._database.connection() as connection:
                due = await deadlines.due(connection, _AT_ONCE)
                seconds = await deadlines.seconds_to_next(connection)
            if not due:
                return LOOK_EVERY_S if seconds is None else min(max(seconds, 0.0), LOOK_EVERY_S)
            for item in due:
                await self._fire(item)

    async def _fire(self, item: deadlines.Due) -> None:
        try:
            fired = await self._rooms.fire(item)
        except NoCampaign:
            return
        if fired is None:
            return
        self.fired += 1
        late_by_s = (fired.fired_at - fired.due_at).total_seconds()
        self.worst_lateness_s = max(self.worst_lateness_s, late_by_s)
        if late_by_s > _LATE_S:
            log.warning("deadline_fired_late", kind=item.kind, late_by_s=round(late_by_s, 3))
