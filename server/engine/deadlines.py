"""Time acts on boards: exactly once, by the database clock, late rather than never (reliability §3.7).

Every process may run this. Whoever locks the campaign first and finds the deadline armed fires it;
the others find nothing to do. A sleeping process only makes it punctual, never correct.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from uuid import UUID

import structlog

from server.engine.room import Rooms
from server.telemetry import DEADLINE_SECONDS
from sql import deadlines
from sql.heads import NoCampaign
from sql.pool import UNREACHABLE, Database, StatementRefused

log = structlog.get_logger(__name__)

#: Another process may have armed something meanwhile: look this often although nothing is known to be due.
LOOK_EVERY_S = 0.25
_AT_ONCE = 50
_LATE_S = 1.0
#: How long a board whose deadline failed is left alone.
_TRY_AGAIN_S = 30.0

Settle = Callable[[UUID], Awaitable[None]]


class Deadlines:
    """Fires what is due."""

    def __init__(self, database: Database, rooms: Rooms, settle: Settle | None = None) -> None:
        """`settle` lets lines that this process has taken in be counted before a poll is locked."""
        self._database = database
        self._rooms = rooms
        self._settle = settle
        self._broken: dict[UUID, float] = {}
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
            now = time.monotonic()
            ready = [item for item in due if self._broken.get(item.board_id, 0.0) <= now]
            if not ready:
                return LOOK_EVERY_S
            for item in ready:
                await self._fire(item)

    async def _fire(self, item: deadlines.Due) -> None:
        if self._settle is not None and item.kind == "lock":
            await self._settle(item.campaign_id)
        try:
            fired = await self._rooms.fire(item)
        except NoCampaign:
            return
        except (StatementRefused, ValueError, LookupError):
            # One board that cannot be carried on must not stop the clocks of all others.
            log.exception("deadline_failed", board_id=str(item.board_id), kind=item.kind)
            self._broken[item.board_id] = time.monotonic() + _TRY_AGAIN_S
            return
        if fired is None:
            return
        self.fired += 1
        late_by_s = (fired.fired_at - fired.due_at).total_seconds()
        DEADLINE_SECONDS.observe(max(late_by_s, 0.0))
        self.worst_lateness_s = max(self.worst_lateness_s, late_by_s)
        if late_by_s > _LATE_S:
            log.warning("deadline_fired_late", kind=item.kind, late_by_s=round(late_by_s, 3))
