"""All rooms of this process and everybody who watches them: who comes, what happened, who gets which frame.

`publish` never waits. A frame leaves at once when the room was quiet for a tenth of a second, else with
the next one; there is no task, no queue and no timer per client: a client is a line and a position, and
whatever it has missed is one merged answer of its room (server/live/room.py). Who has to be looked after, the
caretaker knows.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable, Iterator
from typing import Final
from uuid import UUID

import structlog

from server.live.audience import Audience, Figures
from server.live.bus_port import Bus
from server.live.caretaker import CLIENTS_IN_ONE_GO, Caretaker, Clock
from server.live.client import RESYNC_EVERY_S, Client, dismiss
from server.live.close_codes import ENDINGS, RESTART, return_window_ms
from server.live.doorman import DeskRegister, OverlayPass, Pass, Position
from server.live.keys import KeyWatch
from server.live.line import Line
from server.live.positions import Positions
from server.live.presence import Presence
from server.live.room import Room, Step
from server.live.schedule import Schedule
from server.rules.changes import Change
from sql import snapshots
from sql.pool import Database

_log = structlog.get_logger(__name__)

FRAME_EVERY_S: Final = 0.1
#: Boards that a hand has just been at: what falls must be seen to fall. A frame for them comes at once, once,
#: and the one after it waits so much longer.
_HASTY: Final = frozenset({"dice", "card"})
_OPEN_TIMEOUT_S: Final = 5.0
_MOST_WHILE_OPENING: Final = 256
#: Rooms that are read at the same time. After a restart all are wanted at once (R15): the others wait here
#: and not for one of the pool's connections, where they would be in everybody's way and give up in time.
_ROOMS_AT_ONCE: Final = 6


class NoCampaign(LookupError):
    """The campaign that a pass names is gone."""


class TooManyOverlays(Exception):
    """The campaign has as many overlay connections on this process as it may have."""


class Closing(Exception):
    """The hub lets nobody in any more."""


class Hub:
    """Run `run()` in the application's task group; call everything else from the same loop."""

    def __init__(
        self,
        database: Database,
        bus: Bus,
        *,
        clock: Clock,
        build: str = "",
        most_overlays: int = 20,
        desks: DeskRegister | None = None,
        frame_every_s: float = FRAME_EVERY_S,
    ) -> None:
        """At most `most_overlays` overlay connections a campaign and `1 / frame_every_s` frames a second."""
        self.figures = Figures()
        self.bus = bus
        self.presence = Presence(database)
        self._database = database
        self._clock = clock
        self._build = build
        self._most_overlays = most_overlays
        self._frame_every_s = frame_every_s
        self._rooms: dict[UUID, Audience] = {}
        self._opening: dict[UUID, asyncio.Task[Audience]] = {}
        self._reading = asyncio.Semaphore(_ROOMS_AT_ONCE)
        self._meanwhile: dict[UUID, list[Change]] = {}
        self._due: Schedule[Audience] = Schedule()
        self._caretaker = Caretaker(
            self._rooms, self.figures, clock, leave=self.leave, resync=self._answer_resync, drop=self._drop
        )
        self._keys = KeyWatch(database, self._rooms, desks, self.figures)
        self._positions = Positions(
            database,
            bus,
            self._rooms,
            moved=self._moved,
            gone=self._gone,
            keys_changed=self._keys_changed,
        )
        self._closing = False

    # --- changes come in -----------------------------------------------------------------------------

    def publish(self, change: Change) -> None:
        """A commit of this process: show it here and tell the other processes. Never waits."""
        self._take(change)
        self.bus.publish(change)

    def _take(self, change: Change) -> None:
        audience = self._rooms.get(change.campaign_id)
        if audience is None:
            meanwhile = self._meanwhile.get(change.campaign_id)
            if meanwhile is not None and len(meanwhile) < _MOST_WHILE_OPENING:
                meanwhile.append(change)
            return
        match audience.room.apply(change):
            case Step.APPLIED:
                self._moved(audience, hasty=any(board.get("kind") in _HASTY for board in change.set.values()))
            case Step.EARLY:
                self._positions.gap(audience)
            case Step.FOREIGN:
                self._positions.unknown(change.campaign_id)
            case Step.KNOWN:
                pass

    # --- clients come and go -------------------------------------------------------------------------

    async def join(self, line: Line, admission: Pass, position: Position | None) -> Client:
        """Let a client in and bring it to now: all it has missed since `position`, or a snapshot.

        A reloaded page must not show an old figure, so where the database or the client itself know of
        a later step the room is brought there first.

        Raises Closing, NoCampaign, TooManyOverlays, or one of UNREACHABLE.
        """
        told = (position, admission.stands if isinstance(admission, OverlayPass) else None)
        while True:
            audience = await self._open(admission.campaign_id)
            for step in told:
                if step is not None:
                    await self._positions.reach(audience, step)
            if self._rooms.get(admission.campaign_id) is audience:
                break
        if self._closing:
            raise Closing
        if isinstance(admission, OverlayPass):
            if audience.overlays >= self._most_overlays and not self._caretaker.make_room(audience):
                raise TooManyOverlays
            admission = audience.share(admission)
            room = audience.room  # keys that died since it was let in are looked at again
            room.token_version = min(room.token_version, admission.token_version)
        client = Client(line, admission, position, resuming=position is not None)
        audience.add(client)
        audience.feed(client, self._clock.now())
        if line.full_since is not None:
            self.filled(client)
        return client

    def leave(self, client: Client) -> None:
        """The client's connection is over."""
        self._caretaker.forget(client)
        audience = self._rooms.get(client.admission.campaign_id)
        if audience is not None:
            audience.remove(client, asyncio.get_running_loop().time())

    def filled(self, client: Client) -> None:
        """The client does not take all that is written to it."""
        self._caretaker.watch(client)

    def drained(self, client: Client, seconds: float) -> None:
        """The client has taken what waited for so long."""
        audience = self._rooms.get(client.admission.campaign_id)
        if audience is None:
            return
        now = asyncio.get_running_loop().time()
        if client.drained(now, seconds) or client.position != audience.position:
            self._due.at(audience, max(now, client.not_before, audience.next_frame))

    def acked(self, client: Client, seq: int, fingerprint: int | None) -> None:
        """The client shows step `seq`, and this (server/live/fingerprint.py) is what it shows."""
        audience = self._rooms.get(client.admission.campaign_id)
        if audience is not None and audience.differs(client, seq, fingerprint):
            self.figures.diverged += 1
            _log.error("overlay_diverged", campaign_id=str(client.admission.campaign_id), seq=seq)
            self.resync(client)

    def resync(self, client: Client) -> None:
        """The client needs a snapshot; it gets one in RESYNC_EVERY_S, a sooner one is answered then."""
        if client.resync_at is None:
            self.figures.resyncs += 1
            now = asyncio.get_running_loop().time()
            client.resync_at = max(now, client.last_resync + RESYNC_EVERY_S)
            if client.resync_at <= now:
                self._answer_resync(client, now)
            else:
                self._caretaker.watch(client)

    def _answer_resync(self, client: Client, now: float) -> None:
        client.last_resync, client.resync_at = now, None
        client.position = None
        audience = self._rooms.get(client.admission.campaign_id)
        if audience is not None and client.line.full_since is None:
            audience.feed(client, self._clock.now())

    async def _open(self, campaign_id: UUID) -> Audience:
        """The room, read once however many come at the same time."""
        if self._closing:
            raise Closing
        audience = self._rooms.get(campaign_id)
        if audience is not None:
            return audience
        task = self._opening.get(campaign_id)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._read(campaign_id))
            self._opening[campaign_id] = task
            task.add_done_callback(lambda _: self._opening.pop(campaign_id, None))
        return await asyncio.shield(task)

    async def _read(self, campaign_id: UUID) -> Audience:
        meanwhile: list[Change] = []
        self._meanwhile[campaign_id] = meanwhile
        self.bus.follow(campaign_id)
        try:
            room = await self._read_room(campaign_id)
        except BaseException:
            self.bus.leave(campaign_id)
            raise
        finally:
            del self._meanwhile[campaign_id]
        self.figures.loads += 1
        now = asyncio.get_running_loop().time()
        audience = Audience(room, self._build, self.figures, empty_since=now, right_at=now)
        self._caretaker.expect(audience, now)
        self._rooms[campaign_id] = audience
        for change in meanwhile:
            self._take(change)
        return audience

    async def _read_room(self, campaign_id: UUID) -> Room:
        async with (
            self._reading,
            asyncio.timeout(_OPEN_TIMEOUT_S),
            self._database.transaction(isolation="repeatable_read", readonly=True) as connection,
        ):
            snapshot = await snapshots.read(connection, campaign_id)
        if snapshot is None:
            raise NoCampaign(str(campaign_id))
        return Room(campaign_id, snapshot)

    # --- frames go out -------------------------------------------------------------------------------

    def _moved(self, audience: Audience, *, hasty: bool = False) -> None:
        now = asyncio.get_running_loop().time()
        # Not while a frame is borrowed already: a hundred dice a second are ten frames like anything else.
        at_once = hasty and audience.next_frame - now <= self._frame_every_s
        self._due.at(audience, now if at_once else max(now, audience.next_frame))

    async def _flush(self, audience: Audience) -> None:
        now = asyncio.get_running_loop().time()
        every_s = self._frame_every_s
        audience.next_frame = min(max(now, audience.next_frame) + every_s, now + 2 * every_s)
        at = self._clock.now()
        clients = tuple(audience.clients)
        for start in range(0, len(clients), CLIENTS_IN_ONE_GO):
            if start:
                await asyncio.sleep(0)
            some = clients[start : start + CLIENTS_IN_ONE_GO]
            audience.feed_all(self._ready(audience, some, now), at)

    def _ready(self, audience: Audience, clients: Iterable[Client], now: float) -> Iterator[Client]:
        """Those who take a frame now. A full line comes back when it has drained, a slow one when it may."""
        for client in clients:
            if client.line.full_since is not None:
                continue
            if client.slow:
                if now < client.not_before:
                    self._due.at(audience, client.not_before)
                    continue
                yield client
                client.slow = client.line.full_since is not None
            else:
                yield client

    async def _feeder(self) -> None:
        while True:
            audience = await self._due.next()
            try:
                await self._flush(audience)
            except Exception:
                _log.exception("flush_failed", campaign_id=str(audience.room.campaign_id))
            await asyncio.sleep(0)

    # --- rooms end -----------------------------------------------------------------------------------

    def _drop(self, audience: Audience) -> None:
        campaign_id = audience.room.campaign_id
        self._due.drop(audience)
        if self._rooms.get(campaign_id) is audience:
            del self._rooms[campaign_id]
            self.bus.leave(campaign_id)

    def _gone(self, audience: Audience) -> None:
        """The campaign was deleted."""
        for client in tuple(audience.clients):
            self._keys.revoke(client)
        self._drop(audience)

    async def _keys_changed(self, audience: Audience) -> None:
        if await self._keys.check_overlays(audience):
            self._moved(audience)

    # --- life ----------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.bus.run(self._take, self._positions.unknown))
                tasks.create_task(self._feeder())
                tasks.create_task(self._caretaker.run())
                tasks.create_task(self._positions.run())
                tasks.create_task(self._keys.run())
                tasks.create_task(self.presence.run())
        finally:
            for opening in self._opening.values():
                opening.cancel()

    def close(self, code: int = RESTART.code) -> None:
        """Say bye to everybody and let nobody in any more; call before the server is told to stop."""
        self._closing = True
        ending = next(ending for ending in ENDINGS if ending.code == code)
        window_ms = return_window_ms(self.sizes()["clients"])
        for audience in self._rooms.values():
            for client in tuple(audience.clients):
                wait = random.randint(*window_ms)  # noqa: S311 - spreads load, guards nothing
                dismiss(client.line, ending, retry_ms=wait)

    def sizes(self) -> dict[str, int]:
        """How much there is now, for the metrics."""
        return {
            "rooms": len(self._rooms),
            "clients": sum(len(audience.clients) for audience in self._rooms.values()),
            "overlays": sum(audience.overlays for audience in self._rooms.values()),
        }
