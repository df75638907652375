"""Which room is due for a frame, and when: one heap for all, each thing in it once."""

from __future__ import annotations

import asyncio
import heapq
from itertools import count
from typing import Generic, TypeVar

T = TypeVar("T")


class Schedule(Generic[T]):
    """Things with a due time; asking again for a thing that is waiting can only make it sooner."""

    def __init__(self) -> None:
        self._due: dict[T, float] = {}
        self._heap: list[tuple[float, int, T]] = []
        self._number = count()
        self._earlier = asyncio.Event()

    def __len__(self) -> int:
        return len(self._due)

    def at(self, thing: T, when: float) -> None:
        """`thing` is due at this loop time, or sooner if it was already."""
        known = self._due.get(thing)
        if known is not None and known <= when:
            return
        self._due[thing] = when
        heapq.heappush(self._heap, (when, next(self._number), thing))
        if self._heap[0][0] >= when:
            self._earlier.set()

    def drop(self, thing: T) -> None:
        """`thing` is not due any more."""
        self._due.pop(thing, None)

    async def next(self) -> T:
        """Wait for the first thing that is due, and take it out."""
        loop = asyncio.get_running_loop()
        while True:
            while self._heap and self._due.get(self._heap[0][2]) != self._heap[0][0]:
                heapq.heappop(self._heap)  # dropped, or due sooner by another entry
            wait = self._heap[0][0] - loop.time() if self._heap else None
            if wait is not None and wait <= 0:
                _, _, thing = heapq.heappop(self._heap)
                del self._due[thing]
                return thing
            self._earlier.clear()
            try:
                async with asyncio.timeout(wait):
                    await self._earlier.wait()
            except TimeoutError:
                continue
