"""Where rooms stand, compared with where PostgreSQL says they should (reliability §3.4 rules 6, 7).

One query a second for all rooms of the process, four a second while the bus is away. It heals lost
messages, notices a new epoch, spreads revoked keys, and is all that is needed to live without Redis.

Comparing never waits for healing: a revoked key is dead within two seconds (R20) also while a thousand rooms
have moved, or one cannot be read at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Final
from uuid import UUID

import structlog

from server.live.absences import Absences
from server.live.audience import Audience
from server.live.bus_port import Bus
from server.live.doorman import Position
from server.telemetry import POSITION_SECONDS
from sql import restore, snapshots
from sql.pool import UNREACHABLE, Database
from sql.snapshots import Head

_log = structlog.get_logger(__name__)

EVERY_S: Final = 1.0
EVERY_WITHOUT_BUS_S: Final = 0.25
#: A room may be behind for so long: the message is probably under way.
PATIENCE_S: Final = 0.2
CONFIRM_EVERY_S: Final = 0.05
_LEAST_PAUSE_S: Final = 0.05
_QUERY_TIMEOUT_S: Final = 3.0
_AT_ONCE: Final = 4


class Positions:
    """Keeps rooms where the database is."""

    def __init__(
        self,
        database: Database,
        bus: Bus,
        rooms: Mapping[UUID, Audience],
        *,
        moved: Callable[[Audience], None],
        gone: Callable[[Audience], None],
        keys_changed: Callable[[Audience], Awaitable[None]],
    ) -> None:
        self._database = database
        self._bus = bus
        self._rooms = rooms
        self._moved = moved
        self._gone = gone
        self._keys_changed = keys_changed
        self._wake = asyncio.Event()
        self._reachable = True
        #: By room and not by campaign: one that was dropped and opened again is another room.
        self._catching_up: dict[Audience, asyncio.Task[None]] = {}
        #: Rooms that are to be healed, and for one that went back, what the database said.
        self._behind: asyncio.Queue[tuple[Audience, Head | None]] = asyncio.Queue()
        self._healing: set[Audience] = set()  # those, and the ones in work
        self._heals = True
        self._absences = Absences()

    # --- told by others ------------------------------------------------------------------------------

    def gap(self, audience: Audience) -> None:
        """A change came that does not fit; what is missing gets PATIENCE_S to arrive."""
        if audience.behind_since is None:
            audience.behind_since = asyncio.get_running_loop().time()
            self._wake.set()

    def unknown(self, campaign_id: UUID | None) -> None:
        """Messages may have been lost, for one campaign or (None) for all: ask at once."""
        long_ago = asyncio.get_running_loop().time() - PATIENCE_S
        for audience in self._rooms.values() if campaign_id is None else (self._rooms.get(campaign_id),):
            if audience is not None:
                audience.behind_since = long_ago
        self._wake.set()

    # --- the loop ------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Work until cancelled; a database that is away is asked again and again."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._compare())
                for _ in range(_AT_ONCE):
                    tasks.create_task(self._healer())
        finally:
            for task in self._catching_up.values():
                task.cancel()

    async def _compare(self) -> None:
        while True:
            await self._pause()
            try:
                await self.check()
                if not self._reachable:
                    self._reachable = True
                    _log.info("positions_known_again")
            except UNREACHABLE as error:
                if self._reachable:
                    self._reachable = False
                    _log.warning("positions_unknown", error=type(error).__name__)
            except Exception:
                self._reachable = False
                _log.exception("position_check_failed")

    async def _pause(self) -> None:
        loop = asyncio.get_running_loop()
        if not self._reachable:
            await asyncio.sleep(EVERY_WITHOUT_BUS_S)
            return
        until = loop.time() + (EVERY_S if self._bus.state == "ok" else EVERY_WITHOUT_BUS_S)
        await asyncio.sleep(_LEAST_PAUSE_S)  # whatever wakes: thousands do when the bus has come up
        while True:
            self._wake.clear()
            behind = (a.behind_since for a in self._rooms.values() if a not in self._healing)
            due = min((since + PATIENCE_S for since in behind if since is not None), default=until)
            wait = min(due, until) - loop.time()
            if wait <= 0:
                return
            try:
                async with asyncio.timeout(wait):
                    await self._wake.wait()
            except TimeoutError:
                return

    async def check(self) -> None:
        """Compare all rooms once: keys that changed are seen to, rooms that are behind are left to healing.

        What fails for one room does not keep the others from it; the first such error is raised at the end.
        Raises one of UNREACHABLE.
        """
        rooms = dict(self._rooms)
        if not rooms:
            return
        began = asyncio.get_running_loop().time()
        before = {campaign_id: audience.position for campaign_id, audience in rooms.items()}
        heads = await self._heads(rooms)
        missing = [audience for campaign_id, audience in rooms.items() if campaign_id not in heads]
        for audience in missing:
            audience.behind_since = None  # there is nothing to catch up with
        for audience in self._absences.gone(missing, asyncio.get_running_loop().time()):
            self._gone(audience)
        for campaign_id, head in heads.items():
            audience = rooms[campaign_id]
            went_back = before[campaign_id].epoch == head.epoch and before[campaign_id].seq > head.seq
            if audience not in self._healing and (went_back or self._must_catch_up(audience, head)):
                self._healing.add(audience)
                self._behind.put_nowait((audience, head if went_back else None))
        await self._check_all_keys((rooms[campaign_id], head) for campaign_id, head in heads.items())
        POSITION_SECONDS.observe(asyncio.get_running_loop().time() - began)

    async def _heads(self, rooms: Iterable[UUID]) -> dict[UUID, Head]:
        try:
            async with asyncio.timeout(_QUERY_TIMEOUT_S), self._database.connection() as connection:
                return {head.campaign_id: head for head in await snapshots.heads(connection, list(rooms))}
        except BaseException:
            self._absences.forget()
            raise

    def _must_catch_up(self, audience: Audience, head: Head) -> bool:
        room = audience.room
        if head.epoch != room.epoch:
            return True
        now = asyncio.get_running_loop().time()
        if head.seq <= room.seq:
            audience.behind_since = None
            audience.right_at = now
            return False
        if audience.behind_since is None:
            audience.behind_since = now
        return self._bus.state != "ok" or now - audience.behind_since >= PATIENCE_S

    async def _check_all_keys(self, told: Iterable[tuple[Audience, Head]]) -> None:
        some = asyncio.Semaphore(_AT_ONCE)

        async def one(audience: Audience, head: Head) -> None:
            async with some, asyncio.timeout(_QUERY_TIMEOUT_S):
                await self._check_keys(audience, head)

        changed = [(audience, head) for audience, head in told if _has_other_keys(audience, head)]
        ends = await asyncio.gather(*(one(*each) for each in changed), return_exceptions=True)
        for end in ends:
            if end is not None:
                raise end

    async def _check_keys(self, audience: Audience, head: Head) -> None:
        room = audience.room
        room.token_version = head.token_version  # first: a client that joins meanwhile may lower it again
        try:
            await self._keys_changed(audience)
        except BaseException:
            room.token_version = -1  # not done: the next check does it
            raise

    async def reach(self, audience: Audience, position: Position) -> None:
        """Somebody knows of this position: bring the room there if the database knows it too.

        The message may be under way, and many may come and say the same (or lie): the database is
        asked at most once in CONFIRM_EVERY_S for a room. Raises one of UNREACHABLE.
        """
        if not audience.is_beyond(position):
            return
        wait = audience.confirmed + CONFIRM_EVERY_S - asyncio.get_running_loop().time()
        if wait > 0:
            await asyncio.sleep(wait)
        if audience.is_beyond(position):
            await self.catch_up(audience)

    # --- healing -------------------------------------------------------------------------------------

    async def _healer(self) -> None:
        while True:
            audience, went_back = await self._behind.get()
            try:
                if self._rooms.get(audience.room.campaign_id) is audience:
                    await self._heal(audience, went_back)
            finally:
                self._healing.discard(audience)

    async def _heal(self, audience: Audience, went_back: Head | None) -> None:
        try:
            if went_back is not None:
                await self._restored(audience, went_back)
            await self.catch_up(audience)
        except Exception as error:
            audience.behind_since = asyncio.get_running_loop().time()  # again, after PATIENCE_S
            self._wake.set()
            away = isinstance(error, UNREACHABLE)
            if self._heals or not away:
                campaign_id = str(audience.room.campaign_id)
                log = _log.warning if away else _log.error
                log("catch_up_failed", campaign_id=campaign_id, error=type(error).__name__, exc_info=not away)
            self._heals = False
        else:
            self._heals = True

    async def _restored(self, audience: Audience, head: Head) -> None:
        """Only a database that was restored below us knows less than we do: its word counts, under a new
        epoch, so that nobody takes its next steps for the ones that he has seen."""
        room = audience.room
        _log.error("position_went_back", campaign_id=str(room.campaign_id), seq=room.seq, head=head.seq)
        async with asyncio.timeout(_QUERY_TIMEOUT_S), self._database.connection() as connection:
            await restore.renew(connection, room.campaign_id, head.epoch)
        room.distrust()

    async def catch_up(self, audience: Audience) -> None:
        """Bring a room to the database's position; callers at the same time share one reading.

        Raises one of UNREACHABLE.
        """
        task = self._catching_up.get(audience)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._catch_up(audience))
            self._catching_up[audience] = task
            task.add_done_callback(lambda _: self._catching_up.pop(audience, None))
        await asyncio.shield(task)

    async def _catch_up(self, audience: Audience) -> None:
        room = audience.room
        started = asyncio.get_running_loop().time()
        async with (
            asyncio.timeout(_QUERY_TIMEOUT_S),
            self._database.transaction(isolation="repeatable_read", readonly=True) as connection,
        ):
            change = await snapshots.changes_since(connection, room.campaign_id, room.epoch, room.seq)
            snapshot = None if change else await snapshots.read(connection, room.campaign_id)
        audience.figures.catch_ups += 1
        if change is not None:
            room.apply(change)
        elif snapshot is None:  # whether it is gone for good, `check` finds out
            audience.behind_since = None
            return
        else:
            audience.figures.epochs += room.epoch != snapshot.epoch
            room.replace(snapshot)
        audience.behind_since = None
        audience.confirmed = audience.right_at = started
        self._moved(audience)


def _has_other_keys(audience: Audience, head: Head) -> bool:
    return audience.room.token_version != head.token_version
