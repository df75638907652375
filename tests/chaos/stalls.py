"""How long the harness itself was not looking: a machine that is busy must not look like a slow server."""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_right
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

_STEP_S = 0.02
#: Timers are no more exact than this.
_GRAIN_S = 0.005


class Sample(float):
    """A time that was measured, in seconds; it counts from `began`, in seconds since 1970."""

    __slots__ = ("began",)
    began: float

    def __new__(cls, seconds: float, began: float) -> Self:
        made = super().__new__(cls, seconds)
        made.began = began
        return made


class Stalls:
    """Measures by how much a short sleep of this loop is too long; `worst_s` is the longest so far."""

    def __init__(self) -> None:
        self.worst_s = 0.0
        self._began: list[float] = []
        self._ended: list[float] = []
        self._due = float("inf")  # when the sleep of now should be over

    @classmethod
    @asynccontextmanager
    async def watched(cls) -> AsyncIterator[Stalls]:
        stalls = cls()
        watching = asyncio.create_task(stalls._run())
        try:
            yield stalls
        finally:
            watching.cancel()
            await asyncio.wait([watching])

    def add(self, began: float, ended: float) -> None:
        """Nobody was looking between these moments, in seconds since 1970; later ones come later."""
        self.worst_s = max(self.worst_s, ended - began)
        if ended - began > _GRAIN_S:
            self._began.append(began)
            self._ended.append(ended)

    def taken(self, since: float, until: float) -> float:
        """For how many of these seconds nobody was looking; one that is not over yet counts."""
        now = time.time()
        whole = max(0.0, min(until, now) - max(since, self._due)) if now - self._due > _GRAIN_S else 0.0
        for place in range(bisect_right(self._ended, since), bisect_right(self._began, until)):
            whole += min(until, self._ended[place]) - max(since, self._began[place])
        return whole

    async def _run(self) -> None:
        while True:
            self._due = time.time() + _STEP_S
            await asyncio.sleep(_STEP_S)
            if (now := time.time()) > self._due:
                self.add(self._due, now)
