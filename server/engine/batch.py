"""From many small deliveries to few transactions: at most 50 ms of waiting, bounded memory.

A campaign has one buffer. While one batch is being committed the next one gathers, so batches grow
under load by themselves. What arrives from a socket waits for room (which stops the reader); what a
stranger must be answered for is refused instead of kept waiting.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

import structlog

from server.engine.intake import Outcome
from server.engine.intakes import Incoming, is_urgent
from server.engine.room import Rooms
from server.telemetry import BATCH_EVENTS, BATCH_SECONDS, EVENTS
from sql import probe
from sql.heads import NoCampaign
from sql.pool import UNREACHABLE, StatementRefused

log = structlog.get_logger(__name__)

WINDOW_S = 0.02  # how long the first event of a batch waits for company
TABLE_WINDOW_S = 0.002  # the same of a die: somebody has just let go of it, and everybody looks
LARGEST_BATCH = 5_000
LARGEST_BUFFER = 50_000  # reliability §3.9
LARGEST_TOTAL = 100_000  # of all campaigns together: one that is flooded must not take the memory of all
PATIENCE_S = 10.0  # how long unacknowledged lines wait for a database that is away
SETTLE_S = 0.5  # a retry and a batch; a lock that is due waits no longer than this
_RETRY_S = 0.25
_TIDY_EVERY_S = 600.0


class Overloaded(Exception):
    """The buffer is full: the delivery was not taken, the sender should try again."""


@dataclass(slots=True, eq=False)
class Delivery:
    """Events that came together, and who waits for their outcome."""

    events: Sequence[Incoming]
    answer: asyncio.Future[list[Outcome]] | None
    arrived: float = field(default_factory=time.monotonic)


@dataclass(slots=True)
class Buffer:
    """What waits for the next transaction of a campaign."""

    deliveries: deque[Delivery] = field(default_factory=deque)
    storing: Sequence[Delivery] = ()  # the batch of which it is not known yet
    size: int = 0  # events, of those that are being stored as well: they may have to wait again
    task: asyncio.Task[None] | None = None


class Batches:
    """The buffers of all campaigns. `run` must be alive while anything is delivered."""

    def __init__(
        self,
        rooms: Rooms,
        *,
        window_s: float = WINDOW_S,
        largest_buffer: int = LARGEST_BUFFER,
        largest_total: int = LARGEST_TOTAL,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._rooms = rooms
        self._window_s = window_s
        self._largest_buffer = largest_buffer
        self._largest_total = largest_total
        self._patience_s = patience_s
        self._buffers: dict[UUID, Buffer] = {}  # of campaigns for which something waits
        self._room = asyncio.Condition()
        #: Events in all buffers, with those that are being committed.
        self.waiting = 0
        self._tasks: asyncio.TaskGroup | None = None
        #: Lines that were read but given up, never acknowledged; by campaign, shown on the desk.
        self.dropped: dict[UUID, int] = {}
        self.taken = 0

    async def run(self) -> None:
        """Own the flushing tasks; a bug in one of them ends the program instead of staying unseen."""
        async with asyncio.TaskGroup() as self._tasks:
            while True:
                await asyncio.sleep(_TIDY_EVERY_S)
                self._rooms.forget_idle()

    async def __call__(self, campaign_id: UUID, events: Sequence[Incoming]) -> None:
        """Take lines from a socket (the Sink of integrations.base); waits while the buffer is full."""
        if not self._has_room(campaign_id, 1):
            async with self._room:
                await self._room.wait_for(lambda: self._has_room(campaign_id, 1))
        self._add(campaign_id, Delivery(events, None))

    async def deliver(self, campaign_id: UUID, events: Sequence[Incoming]) -> list[Outcome]:
        """Take events that somebody is promised an answer for; answers after COMMIT.

        Raises Overloaded, heads.NoCampaign, or one of pool.UNREACHABLE: then nothing was acknowledged.
        """
        if not events:
            return []
        if not self._has_room(campaign_id, len(events)):
            raise Overloaded("the buffer is full")
        delivery = Delivery(events, asyncio.get_running_loop().create_future())
        self._add(campaign_id, delivery)
        assert delivery.answer is not None  # noqa: S101  set two lines above
        return await delivery.answer

    def _has_room(self, campaign_id: UUID, more: int) -> bool:
        buffer = self._buffers.get(campaign_id)
        size = 0 if buffer is None else buffer.size
        return size + more <= self._largest_buffer and self.waiting + more <= self._largest_total

    def _add(self, campaign_id: UUID, delivery: Delivery) -> None:
        if self._tasks is None:
            raise RuntimeError("Batches.run is not running")
        buffer = self._buffers.setdefault(campaign_id, Buffer())
        buffer.deliveries.append(delivery)
        self._count(buffer, len(delivery.events))
        if buffer.task is None or buffer.task.done():
            buffer.task = self._tasks.create_task(self._flush(campaign_id, buffer))

    async def settle(self, campaign_id: UUID, within_s: float = SETTLE_S) -> None:
        """Wait until the lines taken so far are stored, so that a poll may be locked; never for long."""
        buffer = self._buffers.get(campaign_id)
        if buffer is None or buffer.task is None or buffer.task.done():
            return
        mark: asyncio.Future[list[Outcome]] = asyncio.get_running_loop().create_future()
        mark.add_done_callback(lambda done: done.exception())  # the database being away is told elsewhere
        self._add(campaign_id, Delivery((), mark))  # answered when everything before it is
        await asyncio.wait([mark], timeout=within_s)

    async def flush(self) -> None:
        """Wait until everything that was taken so far is committed or given up."""
        while tasks := [b.task for b in self._buffers.values() if b.task and not b.task.done()]:
            await asyncio.wait(tasks)

    def give_up(self) -> int:
        """Store nothing any more; answers how many lines, not known to be stored, were dropped."""
        before = sum(self.dropped.values())
        for campaign_id, buffer in self._buffers.items():
            if buffer.task is not None and not buffer.task.done():
                buffer.task.cancel()
                left, buffer.storing = [*buffer.storing, *buffer.deliveries], ()
                self._refuse(left, Overloaded("the program ends"))
                self._drop(campaign_id, left)
        self._buffers, self.waiting = {}, 0
        return sum(self.dropped.values()) - before

    async def _flush(self, campaign_id: UUID, buffer: Buffer) -> None:
        first = buffer.deliveries[0].events
        urgent = bool(first) and is_urgent(first[0])
        await asyncio.sleep(min(TABLE_WINDOW_S, self._window_s) if urgent else self._window_s)
        one_by_one, away = 0, False
        while buffer.deliveries:
            batch = self._next_batch(buffer, LARGEST_BATCH if one_by_one <= 0 else 0)
            one_by_one -= 1
            events = [event for delivery in batch for event in delivery.events]
            receipts = [delivery.answer is not None for delivery in batch for _ in delivery.events]
            began = time.monotonic()
            buffer.storing = batch
            try:
                try:
                    outcomes = await self._rooms.ingest(campaign_id, events, receipts=receipts)
                finally:
                    self._let_go(buffer)
            except UNREACHABLE as error:
                if not away:
                    log.warning("batch_not_stored", events=len(events), error=type(error).__name__)
                away = True
                self._keep_or_drop(campaign_id, buffer, batch, error)
                await self._tell_of_room()
                await asyncio.sleep(_RETRY_S)
                continue
            except NoCampaign as error:
                self._refuse(batch, error)
                await self._tell_of_room()
                continue
            except StatementRefused as error:
                # One delivery must not take its neighbours down: each gets a transaction of its own.
                if len(batch) > 1:
                    one_by_one = len(batch)
                    self._put_back(buffer, batch)
                    continue
                log.exception("delivery_refused_by_database", events=len(events))
                self._refuse(batch, error)
                self._drop(campaign_id, batch)
                await self._tell_of_room()
                continue
            away = False
            if campaign_id != probe.CAMPAIGN:  # the figures are of what viewers do
                self.taken += len(events)
                _measure(outcomes, time.monotonic() - began)
            self._answer(batch, outcomes)
            await self._tell_of_room()
        if self._buffers.get(campaign_id) is buffer:
            del self._buffers[campaign_id]

    def _count(self, buffer: Buffer, more: int) -> None:
        buffer.size += more
        self.waiting += more

    def _next_batch(self, buffer: Buffer, largest: int) -> list[Delivery]:
        batch = [buffer.deliveries.popleft()]
        size = len(batch[0].events)
        while buffer.deliveries and size + len(buffer.deliveries[0].events) <= largest:
            batch.append(buffer.deliveries.popleft())
            size += len(batch[-1].events)
        return batch

    def _let_go(self, buffer: Buffer) -> None:
        """The batch that was being stored is known: stored, or in other hands now."""
        self._count(buffer, -sum(len(delivery.events) for delivery in buffer.storing))
        buffer.storing = ()

    async def _tell_of_room(self) -> None:
        async with self._room:
            self._room.notify_all()

    @staticmethod
    def _answer(batch: Sequence[Delivery], outcomes: Sequence[Outcome]) -> None:
        start = 0
        for delivery in batch:
            end = start + len(delivery.events)
            if delivery.answer is not None and not delivery.answer.done():
                delivery.answer.set_result(list(outcomes[start:end]))
            start = end

    @staticmethod
    def _refuse(batch: Sequence[Delivery], error: BaseException) -> None:
        for delivery in batch:
            if delivery.answer is not None and not delivery.answer.done():
                delivery.answer.set_exception(error)

    def _keep_or_drop(
        self, campaign_id: UUID, buffer: Buffer, batch: Sequence[Delivery], error: BaseException
    ) -> None:
        """The database is away: who waits for an answer is told now, socket lines wait a little."""
        self._refuse(batch, error)
        too_old = time.monotonic() - self._patience_s
        waiting = [delivery for delivery in batch if delivery.answer is None]
        self._drop(campaign_id, [delivery for delivery in waiting if delivery.arrived <= too_old])
        self._put_back(buffer, [delivery for delivery in waiting if delivery.arrived > too_old])

    def _drop(self, campaign_id: UUID, batch: Sequence[Delivery]) -> None:
        lost = sum(len(delivery.events) for delivery in batch if delivery.answer is None)
        if lost:
            self.dropped[campaign_id] = self.dropped.get(campaign_id, 0) + lost
            log.error("lines_dropped", campaign_id=str(campaign_id), lines=lost)

    def _put_back(self, buffer: Buffer, batch: Sequence[Delivery]) -> None:
        buffer.deliveries.extendleft(reversed(batch))
        self._count(buffer, sum(len(delivery.events) for delivery in batch))


def _measure(outcomes: Sequence[Outcome], seconds: float) -> None:
    """For the metrics; a mark without events, which only waits its turn, is no batch."""
    if outcomes:
        BATCH_EVENTS.observe(len(outcomes))
        BATCH_SECONDS.observe(seconds)
        for kind, number in Counter(outcome.kind for outcome in outcomes).items():
            EVENTS.labels(kind).inc(number)
