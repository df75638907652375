"""Delivers what must leave, by the couriers it is given (reliability §3.8).

Any number of processes may run this. An item is taken by one of them, held with a sign of life every ten
seconds, tried once, and settled: done, tried again later, left to a person, or dead. Whoever dies in between
loses the item after half a minute, and the next one is told that there was a try.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol, runtime_checkable
from uuid import uuid4

import structlog

from server.rules.delivery import Again, Item, Verdict
from server.rules.retry import ORDINARY, Policy, Settled, settle
from server.telemetry import OUTBOX_DELIVERIES
from sql import outbox as table
from sql.outbox import Claimed
from sql.pool import UNREACHABLE, Database

log = structlog.get_logger(__name__)

#: Another process may have ordered something meanwhile.
LOOK_EVERY_S: Final = 0.25
_EXPIRE_EVERY_S: Final = 1.0
_SIGN_EVERY_S: Final = 10.0
#: A courier has 15 s by contract; one that takes longer is stopped, as if the platform had not answered.
_LONGEST_TRY_S: Final = 20.0
_AT_ONCE: Final = 8
#: At the end of the program, for what is being delivered.
_FINISH_WITHIN_S: Final = 2.0


class Courier(Protocol):
    """As `integrations.base.Courier`, which is a sibling of this layer."""

    @property
    def kinds(self) -> tuple[str, ...]: ...

    async def deliver(self, item: Item) -> Verdict: ...


@runtime_checkable
class CourierOfMany(Protocol):
    """A courier that delivers several items of one kind and order key with one call."""

    @property
    def together(self) -> int:
        """The most of them."""

    async def deliver_all(self, items: Sequence[Item]) -> Sequence[Verdict]:
        """Try each once, in their order; within 15 s, those that there is no time for uncounted."""


class Outbox:
    """The outbox of this process."""

    def __init__(
        self,
        database: Database,
        couriers: Sequence[Courier],
        *,
        policies: Mapping[str, Policy] | None = None,
        lease_s: float = table.LEASE_S,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """`policies` by kind; `chance` gives 0 to 1."""
        self._database = database
        self._couriers = {kind: courier for courier in couriers for kind in courier.kinds}
        self._policies = policies or {}
        self._lease_s = lease_s
        self._chance = chance
        self._holder = uuid4()
        self._running: set[asyncio.Task[None]] = set()
        self._expired_at = float("-inf")
        #: Set when something was ordered here, so that it leaves at once.
        self.ordered = asyncio.Event()

    async def run(self) -> None:
        """Look, deliver, sleep until something is due; never gives up while the database is away."""
        away = False
        try:
            while True:
                try:
                    wait_s = await self._look()
                    away = False
                except UNREACHABLE as error:
                    if not away:
                        log.warning("outbox_waits_for_database", error=type(error).__name__)
                    away, wait_s = True, LOOK_EVERY_S
                try:
                    async with asyncio.timeout(wait_s):
                        await self.ordered.wait()
                        self.ordered.clear()
                except TimeoutError:
                    pass
        finally:
            await self._finish()

    async def deliver_due(self) -> None:
        """Deliver everything that is due, and what becomes due by that."""
        await self._look()
        while self._running:
            await asyncio.wait(self._running)
            await self._look()

    async def _finish(self) -> None:
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=_FINISH_WITHIN_S)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)

    async def _look(self) -> float:
        """Begin to deliver what may leave; answers how many seconds to sleep."""
        now = asyncio.get_running_loop().time()
        if now - self._expired_at >= _EXPIRE_EVERY_S:
            async with self._database.connection() as connection:
                await table.expire(connection)
            self._expired_at = now
        places = _AT_ONCE - len(self._running)
        if places < 1 or not self._couriers:
            return LOOK_EVERY_S  # sooner when one has ended
        groups: list[list[Claimed]] = []
        async with self._database.transaction() as connection:
            for first in await table.claim(connection, self._couriers, self._holder, places, self._lease_s):
                courier = self._couriers[first.item.kind]
                more = courier.together - 1 if isinstance(courier, CourierOfMany) else 0
                behind = await table.claim_behind(connection, first, self._holder, more, self._lease_s)
                groups.append([first, *behind])
            seconds = None if groups else await table.seconds_to_next(connection, self._couriers)
        for group in groups:
            task = asyncio.create_task(self._deliver(group))
            self._running.add(task)
            task.add_done_callback(self._ended)
        if seconds is None:
            return LOOK_EVERY_S
        # What is overdue and was not taken waits for another item, and that for its process.
        return LOOK_EVERY_S if seconds <= 0 else min(seconds, LOOK_EVERY_S)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self.ordered.set()  # there is a place, and maybe a next one of its order key
        if not task.cancelled() and (error := task.exception()):
            log.error("outbox_delivery_broke", exc_info=error)

    async def _deliver(self, group: Sequence[Claimed]) -> None:
        items = [claimed.item for claimed in group]
        trying = asyncio.ensure_future(self._try(items))
        try:
            while not trying.done():
                await asyncio.wait([trying], timeout=_SIGN_EVERY_S)
                if not trying.done() and not await self._still_ours(items):
                    log.warning("outbox_lease_lost", kind=items[0].kind, items=len(items))
                    return
            verdicts = trying.result()
        finally:
            if not trying.done():
                trying.cancel()
                await asyncio.wait([trying])
        await self._settle(group, verdicts)

    async def _try(self, items: Sequence[Item]) -> Sequence[Verdict]:
        courier = self._couriers[items[0].kind]
        try:
            async with asyncio.timeout(_LONGEST_TRY_S):
                if len(items) > 1 and isinstance(courier, CourierOfMany):
                    return await courier.deliver_all(items)
                return [await courier.deliver(items[0])]
        except TimeoutError:
            return [Again("The platform did not answer in time.")] * len(items)
        except UNREACHABLE as error:
            return [Again(f"The database was away: {type(error).__name__}.")] * len(items)
        except Exception:
            # One kind that cannot be delivered must not stop all others.
            log.exception("courier_failed", kind=items[0].kind)
            return [Again("An unexpected fault; the server's log has it.")] * len(items)

    async def _still_ours(self, items: Sequence[Item]) -> bool:
        try:
            async with self._database.connection() as connection:
                held = await table.hold(connection, self._holder, [item.id for item in items], self._lease_s)
        except UNREACHABLE:
            return True  # nobody can have taken it from there, either
        return len(held) == len(items)

    async def _settle(self, group: Sequence[Claimed], verdicts: Sequence[Verdict]) -> None:
        settled = [
            settle(verdict, self._policies.get(claimed.item.kind, ORDINARY), claimed.tries, self._chance())
            for claimed, verdict in zip(group, verdicts, strict=True)
        ]
        until = asyncio.get_running_loop().time() + self._lease_s
        while True:
            try:
                await self._store(group, settled)
                break
            except UNREACHABLE as error:
                if asyncio.get_running_loop().time() > until:
                    log.warning("outbox_not_settled", items=len(group), error=type(error).__name__)
                    return  # the next one is told that there was a try
                await asyncio.sleep(0.5)
        for claimed, what in zip(group, settled, strict=True):
            OUTBOX_DELIVERIES.labels(
                claimed.item.kind, what.state if what.state != "pending" else "again"
            ).inc()
            if what.state in ("dead", "needs_person"):
                log.warning("outbox_stuck", id=str(claimed.item.id), kind=claimed.item.kind, state=what.state)

    async def _store(self, group: Sequence[Claimed], settled: Sequence[Settled]) -> None:
        async with self._database.transaction() as connection:
            for claimed, what in zip(group, settled, strict=True):
                await table.settle(connection, claimed.item.id, self._holder, what)
