"""Looks after those who do not read, do not answer or are owed something, and after rooms that are empty.

Who needs it now is in a set; all clients are looked at once in PING_EVERY_S only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

import structlog

from server.live.audience import Audience, Figures
from server.live.client import Client
from server.live.close_codes import SILENT, TOO_SLOW, Ending
from server.live.doorman import Position

_log = structlog.get_logger(__name__)

PING_EVERY_S: Final = 5.0
#: Who has not answered a ping for so long gives way to somebody who wants to come into a room that is full.
ANSWER_WITHIN_S: Final = 1.0
#: How long a room is kept up to date after its last client left: browser sources reload.
LINGER_S: Final = 30.0
#: Other work gets its turn after so many clients.
CLIENTS_IN_ONE_GO: Final = 256
_TICK_S: Final = 0.25


class Clock(Protocol):
    """Tells the database's time."""

    def now(self) -> datetime: ...


class Caretaker:
    """Run `run()`; the rest never waits. Times are loop times."""

    def __init__(
        self,
        rooms: Mapping[UUID, Audience],
        figures: Figures,
        clock: Clock,
        *,
        leave: Callable[[Client], None],
        resync: Callable[[Client, float], None],
        drop: Callable[[Audience], None],
    ) -> None:
        """`resync` answers a client that has waited for it, `drop` ends a room that nobody watches."""
        self._rooms = rooms
        self._figures = figures
        self._clock = clock
        self._leave = leave
        self._resync = resync
        self._drop = drop
        #: Clients whose line is full, or who are owed a resync.
        self._watched: set[Client] = set()

    def watch(self, client: Client) -> None:
        """The client's line is full, or it is owed a resync."""
        self._watched.add(client)

    def forget(self, client: Client) -> None:
        """The client has left."""
        self._watched.discard(client)

    def expect(self, audience: Audience, now: float) -> None:
        """A room has opened."""
        audience.next_ping = now + PING_EVERY_S

    def make_room(self, audience: Audience) -> bool:
        """Cut the overlay that has been silent for longest, if it left a ping unanswered; answers whether.

        After a network has been cut without a word, its overlays come back before their old connections have
        been found dead.
        """
        now = asyncio.get_running_loop().time()
        silent = [
            client
            for client in audience.clients
            if client.is_overlay and client.is_silent and now - client.pinged_at >= ANSWER_WITHIN_S
        ]
        if not silent:
            return False
        self._cut(min(silent, key=lambda client: client.line.heard_at), SILENT)
        return True

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            await asyncio.sleep(_TICK_S)
            try:
                self._look_after(asyncio.get_running_loop().time())
            except Exception:
                _log.exception("look_after_failed")
            for audience in tuple(self._rooms.values()):
                now = asyncio.get_running_loop().time()
                try:
                    if now >= audience.next_ping:
                        audience.next_ping = now + PING_EVERY_S
                        await self._ping(audience, now)
                    if audience.empty_since is not None and now - audience.empty_since > LINGER_S:
                        self._drop(audience)
                except Exception:
                    _log.exception("ping_failed", campaign_id=str(audience.room.campaign_id))

    def _look_after(self, now: float) -> None:
        for client in tuple(self._watched):
            if client.is_stuck(now):
                self._cut(client, TOO_SLOW)
            elif client.resync_at is not None and client.resync_at <= now:
                self._resync(client, now)
            if client.resync_at is None and client.line.full_since is None:
                self._watched.discard(client)

    def _cut(self, client: Client, ending: Ending) -> None:
        self._figures.cut += 1
        _log.info("client_cut", campaign_id=str(client.admission.campaign_id), reason=ending.reason)
        client.line.cut(ending.code, ending.reason)
        self._leave(client)

    async def _ping(self, audience: Audience, now: float) -> None:
        """Ask everybody for a sign of life, and end those who gave none since the last time."""
        at, is_stale = self._clock.now(), audience.is_stale(now)
        pings: dict[Position, bytes] = {}
        for number, client in enumerate(tuple(audience.clients), 1):
            if number % CLIENTS_IN_ONE_GO == 0:
                await asyncio.sleep(0)
            if client.is_silent:
                self._cut(client, SILENT)
                continue
            position = client.position
            if position is None or client.line.full_since is not None:
                continue
            if position not in pings:
                pings[position] = audience.ping(position, at, is_stale=is_stale)
            client.pinged_at = now
            client.line.write(pings[position])
        if audience.clients:
            await asyncio.sleep(0)
