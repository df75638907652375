"""How long the harness itself was not looking: a machine that is busy must not look like a slow server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_STEP_S = 0.02
#: Shorter ones are the usual noise of a loop.
_NOTED_S = 0.02


class Stalls:
    """Measures by how much a short sleep of this loop is too long; `worst_s` is the longest so far."""

    def __init__(self) -> None:
        self.worst_s = 0.0
        self._spans: list[tuple[float, float]] = []

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

    def within(self, began: float, ended: float) -> float:
        """For how many seconds of this time of `time.monotonic` the harness was not looking."""
        return sum(max(0.0, min(ended, last) - max(began, first)) for first, last in self._spans)

    async def _run(self) -> None:
        while True:
            began = time.monotonic()
            await asyncio.sleep(_STEP_S)
            now = time.monotonic()
            stalled_s = now - began - _STEP_S
            self.worst_s = max(self.worst_s, stalled_s)
            if stalled_s > _NOTED_S:
                self._spans.append((now - stalled_s, now))
