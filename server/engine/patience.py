"""How long somebody waits: for a campaign that another one has, and before trying a failed thing again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from typing import Generic, NamedTuple, TypeVar

#: What was not tried again for so long after its pause is gone.
_FORGET_S = 60.0

K = TypeVar("K", bound=Hashable)


@asynccontextmanager
async def taken(lock: asyncio.Lock, within_s: float | None) -> AsyncIterator[None]:
    """The lock is ours inside. Raises TimeoutError when others hold it for longer than `within_s`."""
    async with asyncio.timeout(within_s):
        await lock.acquire()
    try:
        yield
    finally:
        lock.release()


class _Failure(NamedTuple):
    times: int
    until: float


class Resting(Generic[K]):
    """What failed is left alone for a while, twice as long after each time in a row."""

    def __init__(self, first_s: float, most_s: float) -> None:
        self._first_s = first_s
        self._most_s = most_s
        self._failures: dict[K, _Failure] = {}

    def failed(self, key: K) -> None:
        """Once more."""
        times = self.times(key) + 1
        pause_s = min(self._most_s, self._first_s * 2.0 ** min(times - 1, 20))
        self._failures[key] = _Failure(times, time.monotonic() + pause_s)

    def went_well(self, key: K) -> None:
        """What was before is forgotten."""
        self._failures.pop(key, None)

    def times(self, key: K) -> int:
        """How often in a row it failed."""
        failure = self._failures.get(key)
        return 0 if failure is None else failure.times

    def now(self) -> list[K]:
        """What is left alone now."""
        now = time.monotonic()
        self._failures = {key: f for key, f in self._failures.items() if f.until > now - _FORGET_S}
        return [key for key, failure in self._failures.items() if failure.until > now]

    def all(self) -> list[K]:
        """What failed when it was last tried."""
        return list(self._failures)

    def seconds(self) -> float:
        """Until the first of it may be tried again; infinite when nothing rests."""
        now = time.monotonic()
        pauses = (failure.until - now for failure in self._failures.values() if failure.until > now)
        return min(pauses, default=float("inf"))
