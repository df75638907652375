"""Time acts on boards: exactly once, by the database clock, late rather than never (reliability §3.7).

Every process may run this. Whoever locks the campaign first and finds the deadline armed fires it;
the others find nothing to do. A sleeping process only makes it punctual, never correct.

The deadlines of a campaign fire in their order, those of different campaigns beside each other: one that
somebody holds, or a board that cannot be carried on, keeps nobody else waiting.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

import structlog

from server.engine.patience import Resting
from server.engine.room import Rooms
from server.telemetry import DEADLINE_SECONDS
from sql import deadlines, transactions
from sql.heads import NoCampaign
from sql.pool import UNREACHABLE, Database, StatementRefused

log = structlog.get_logger(__name__)

#: Another process may have armed something meanwhile: look this often although nothing is known to be due.
LOOK_EVERY_S = 0.25
_A_LOOK = 50
_LATE_S = 1.0

#: Campaigns at a time, each with a connection; which of the oldest is left to chance.
_AT_ONCE = 4
_OLDEST_OF = 3
#: Those that were held are tried again in places of their own, where they take nobody else's.
_AGAIN_AT_ONCE = 3
#: How long a campaign is waited for: at first as long as a transaction lasts, then twice as long each time.
_WAIT_S = (0.1, 1.0)
#: How long a campaign that was held, and a board that cannot be carried on, rest: at first, and at most.
_HELD_S = (0.1, 0.4)
_BROKEN_S = (1.0, 30.0)

Settle = Callable[[UUID], Awaitable[None]]


class Deadlines:
    """Fires what is due."""

    def __init__(self, database: Database, rooms: Rooms, settle: Settle | None = None) -> None:
        """`settle` lets lines that this process has taken in be counted before a poll is locked."""
        self._database = database
        self._rooms = rooms
        self._settle = settle
        self._firing: dict[UUID, asyncio.Task[None]] = {}  # by campaign
        self._again: set[UUID] = set()  # those of them that were held before
        self._held = Resting[UUID](*_HELD_S)  # campaigns
        self._broken = Resting[UUID](*_BROKEN_S)  # boards
        self.fired = 0
        self.worst_lateness_s = 0.0

    async def run(self) -> None:
        """Look, fire, sleep until the next deadline; never gives up while the database is away."""
        away = False
        try:
            while True:
                try:
                    wait = await self._look()
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
        finally:
            if begun := tuple(self._firing.values()):
                for task in begun:
                    task.cancel()
                await asyncio.wait(begun)

    async def fire_due(self) -> None:
        """Fire everything that is overdue and not left alone, and what becomes due by that."""
        await self._look()
        while self._firing:
            await asyncio.wait(self._firing.values())
            await self._look()

    async def _look(self) -> float:
        """Begin to fire what is due, as far as there are places; answers how many seconds to sleep."""
        while True:
            held = self._held.now() if len(self._again) < _AGAIN_AT_ONCE else self._held.all()
            left = [*self._firing, *held], self._broken.now()
            async with self._database.connection() as connection:
                due = await deadlines.due(connection, _A_LOOK, *left)
                seconds = None if due else await deadlines.seconds_to_next(connection, *left)
            if not due:
                soonest = min(self._held.seconds(), self._broken.seconds(), LOOK_EVERY_S)
                return soonest if seconds is None else min(max(seconds, 0.0), soonest)
            if not self._begin(due):
                return LOOK_EVERY_S  # sooner when one has ended

    def _begin(self, due: Sequence[deadlines.Due]) -> bool:
        """Whether there was a place for any of them."""
        campaigns: dict[UUID, list[deadlines.Due]] = {}
        for item in due:
            campaigns.setdefault(item.campaign_id, []).append(item)
        again = sorted(filter(self._held.times, campaigns), key=self._held.times)
        fresh = [id_ for id_ in campaigns if not self._held.times(id_)]
        # Others look at the same moment: who takes some of the oldest by chance seldom meets one of them.
        fresh = fresh[: _OLDEST_OF * _AT_ONCE]
        random.shuffle(fresh)
        again = again[: max(0, _AGAIN_AT_ONCE - len(self._again))]
        fresh = fresh[: max(0, _AT_ONCE - len(self._firing) + len(self._again))]
        self._again |= set(again)
        for id_ in again + fresh:
            self._firing[id_] = asyncio.create_task(self._fire_all(id_, campaigns[id_]))
        return bool(again or fresh)

    async def _fire_all(self, campaign_id: UUID, items: Sequence[deadlines.Due]) -> None:
        """One campaign's, in order."""
        try:
            for item in items:
                try:
                    await self._fire(item)
                except UNREACHABLE as error:
                    await self._is_held(item, error)
                    return
                except NoCampaign:
                    self._broken.failed(item.board_id)  # it was deleted, and its deadlines with it
                except Exception:
                    # One board that cannot be carried on must not stop the clocks of all others.
                    log.exception("deadline_failed", board_id=str(item.board_id), kind=item.kind)
                    self._broken.failed(item.board_id)
                else:
                    self._held.went_well(campaign_id)
                    self._broken.went_well(item.board_id)
        finally:
            del self._firing[campaign_id]
            self._again.discard(campaign_id)
            self._rooms.armed.set()  # there is a place

    async def _fire(self, item: deadlines.Due) -> None:
        if self._settle is not None and item.kind == "lock":
            await self._settle(item.campaign_id)
        at_first_s, at_most_s = _WAIT_S
        wait_s = min(at_most_s, at_first_s * 2.0 ** min(self._held.times(item.campaign_id), 10))
        fired = await self._rooms.fire(item, wait_s)
        if fired is None:
            return
        self.fired += 1
        late_by_s = (fired.fired_at - fired.due_at).total_seconds()
        DEADLINE_SECONDS.observe(max(late_by_s, 0.0))
        self.worst_lateness_s = max(self.worst_lateness_s, late_by_s)
        if late_by_s > _LATE_S:
            log.warning("deadline_fired_late", kind=item.kind, late_by_s=round(late_by_s, 3))

    async def _is_held(self, item: deadlines.Due, error: BaseException) -> None:
        """Somebody holds the campaign, or the database went away."""
        if item.campaign_id not in self._again:
            log.warning(
                "deadline_waits",
                campaign_id=str(item.campaign_id),
                kind=item.kind,
                error=type(error).__name__,
            )
        else:
            await self._end_abandoned()
        self._held.failed(item.campaign_id)

    async def _end_abandoned(self) -> None:
        try:
            async with self._database.connection() as connection:
                if ended := await transactions.end_abandoned(connection):
                    log.error("abandoned_transactions_ended", number=ended)
        except UNREACHABLE:
            return  # the look notices, too
        except StatementRefused as error:
            log.warning("abandoned_transactions_not_ended", error=type(error).__name__)
