"""The game masters' browsers of paired tables that are connected to this process."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, Final
from uuid import UUID

from server.web.foundry.gate import Line
from server.web.foundry.handshake import Admitted
from sql.ids import uuid7

#: The module answers at once (vtt-wire-protocol §8).
PING_EVERY_S: Final = 30.0
PONG_WITHIN_S: Final = 30.0
#: Of one table; a second game master, and some that the network has cut without a word.
MOST_OF_A_TABLE: Final = 8

Say = Callable[[str, Mapping[str, Any]], Awaitable[None]]


class Browser:
    """One connection in the namespace."""

    def __init__(
        self,
        admitted: Admitted,
        line: Line,
        *,
        say: Say,
        leave: Callable[[], Awaitable[None]],
        now_ms: Callable[[], int],
    ) -> None:
        """`say` emits an event. `leave` ends the namespace: the module does not come back then."""
        self.id = uuid7()
        self.admitted = admitted
        self.line = line
        self.say = say
        self.leave = leave
        self._now_ms = now_ms
        self._ponged = asyncio.Event()
        self.gone = asyncio.Event()
        self.categories: list[dict[str, Any]] = []  # as the module has them
        self.heard_at = asyncio.get_running_loop().time()

    def heard(self) -> None:
        """Something came from it."""
        self.heard_at = asyncio.get_running_loop().time()

    def ponged(self) -> None:
        """It answered a ping."""
        self.heard()
        self._ponged.set()

    async def answers(self, within_s: float) -> bool:
        """Whether it answers a ping in time."""
        self._ponged.clear()
        await self.say("ping", {"timestamp": self._now_ms()})
        with suppress(TimeoutError):
            await asyncio.wait_for(self._ponged.wait(), within_s)
        return self._ponged.is_set()

    async def keep(self, every_s: float = PING_EVERY_S, within_s: float = PONG_WITHIN_S) -> None:
        """Ask for a sign of life now and then, and cut the line when there is none."""
        while not self.gone.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self.gone.wait(), every_s)
                return
            if not await self.answers(within_s):
                self.line.cut("no pong")
                return


class Browsers:
    """By table."""

    def __init__(self) -> None:
        self._by_table: defaultdict[UUID, list[Browser]] = defaultdict(list)
        self._left: set[UUID] = set()

    def __len__(self) -> int:
        return sum(len(browsers) for browsers in self._by_table.values())

    def add(self, browser: Browser) -> None:
        """It has come in; of too many, the one that was silent for longest makes room."""
        of_table = self._by_table[browser.admitted.connection_id]
        of_table.append(browser)
        if len(of_table) > MOST_OF_A_TABLE:
            min(of_table, key=lambda one: one.heard_at).line.cut("too many browsers of one table")

    def remove(self, browser: Browser) -> None:
        """It has left."""
        of_table = self._by_table[browser.admitted.connection_id]
        with suppress(ValueError):
            of_table.remove(browser)
            self._left.add(browser.id)
        if not of_table:
            del self._by_table[browser.admitted.connection_id]

    def tables(self) -> list[UUID]:
        return list(self._by_table)

    def of(self, connection_id: UUID) -> list[Browser]:
        """Of one table, the one that was heard last first."""
        return sorted(self._by_table.get(connection_id, ()), key=lambda one: -one.heard_at)

    def all(self) -> Iterable[Browser]:
        return [browser for browsers in self._by_table.values() for browser in browsers]

    def take_left(self) -> set[UUID]:
        """The ids of those that have left since the last time; they are the caller's now."""
        left, self._left = self._left, set()
        return left

    def put_left(self, left: set[UUID]) -> None:
        """They could not be noted."""
        self._left |= left
