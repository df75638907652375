"""From what EventSub told to every show of the channel, stored before the next is taken.

EventSub sends nothing again, so nothing is dropped for a database that is away: the queue fills, and then the
reading stops. Whatever is handed in twice counts once, by its message or its business identity.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final
from uuid import UUID

import structlog

from server.rules.platform_events import PlatformEvent
from sql import channels
from sql.heads import NoCampaign
from sql.pool import UNREACHABLE, Database, StatementRefused

_log = structlog.get_logger(__name__)

#: Hands events to a show; answers after COMMIT, as `server.engine.batch.Batches.deliver`.
Deliver = Callable[[UUID, Sequence[PlatformEvent]], Awaitable[Any]]

_MOST_WAITING: Final = 2000
_MOST_AT_ONCE: Final = 200
_PAUSE_S, _LONGEST_PAUSE_S = 0.25, 5.0


class EventSubIntake:
    """One for all channels; `run` beside those who put things in."""

    def __init__(
        self,
        database: Database,
        deliver: Deliver,
        *,
        busy: tuple[type[Exception], ...] = (),
        counts: Counter[str] | None = None,
    ) -> None:
        """`busy`: what `deliver` raises when it is to be asked again later, beside UNREACHABLE."""
        self._database = database
        self._deliver = deliver
        self._later: tuple[type[Exception], ...] = (*UNREACHABLE, *busy)
        self._waiting: asyncio.Queue[PlatformEvent] = asyncio.Queue(_MOST_WAITING)
        self.counts: Counter[str] = Counter() if counts is None else counts

    async def put(self, event: PlatformEvent) -> None:
        """Take one in; waits while too many wait."""
        await self._waiting.put(event)

    async def stored(self) -> None:
        """Return when everything that was put in so far is stored."""
        await self._waiting.join()

    async def run(self) -> None:
        """Store until cancelled."""
        while True:
            events = [await self._waiting.get()]
            while len(events) < _MOST_AT_ONCE and not self._waiting.empty():
                events.append(self._waiting.get_nowait())
            await self._persist(events)
            for _ in events:
                self._waiting.task_done()

    async def _persist(self, events: list[PlatformEvent]) -> None:
        pause = _PAUSE_S
        while True:
            try:
                await self._store(events)
            except self._later as error:
                _log.warning("eventsub_not_stored_yet", reason=type(error).__name__, events=len(events))
                await asyncio.sleep(pause)
                pause = min(_LONGEST_PAUSE_S, pause * 2)
            except StatementRefused as refused:  # a mistake of ours, which no other try mends
                self.counts["refused"] += len(events)
                _log.error("eventsub_refused", reason=type(refused).__name__, events=len(events))
                return
            else:
                self.counts["stored"] += len(events)
                return

    async def _store(self, events: list[PlatformEvent]) -> None:
        by_channel: dict[str, list[PlatformEvent]] = defaultdict(list)
        for event in events:
            by_channel[event.channel_id].append(event)
        shows: dict[UUID, list[PlatformEvent]] = defaultdict(list)
        async with self._database.connection() as connection:
            for channel_id, some in by_channel.items():
                for campaign_id in await channels.campaigns_of(connection, "twitch", channel_id):
                    shows[campaign_id] += some
        for campaign_id, some in shows.items():
            try:
                await self._deliver(campaign_id, some)
            except NoCampaign:  # deleted a moment ago
                continue
