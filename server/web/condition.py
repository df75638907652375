"""What is not as it should be on this process, for the desk's status strip."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

MINUTE_S: Final = 60.0
_LOOK_EVERY_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class ProbeState:
    """The built-in probe. `lag_s`: from vote to overlay in the last round that got there; None before one."""

    state: Literal["off", "ok", "failing"]
    lag_s: float | None = None
    failing_for_s: float | None = None


class LastMinute:
    """How much a counter has grown in the last minute. Looks at it when `look` is called."""

    def __init__(self, read: Callable[[], int], *, clock: Callable[[], float] = time.monotonic) -> None:
        """`read` gives the counter; it only grows, and stands at 0 now."""
        self._read = read
        self._clock = clock
        self._looks: deque[tuple[float, int]] = deque([(clock(), 0)])

    def look(self) -> None:
        """Note where the counter stands; what is older than a minute is forgotten but for one look."""
        now = self._clock()
        self._looks.append((now, self._read()))
        while len(self._looks) > 1 and self._looks[1][0] <= now - MINUTE_S:
            self._looks.popleft()

    @property
    def growth(self) -> int:
        """Since the last look that is a minute old, or since the first one."""
        return self._read() - self._looks[0][1]


class Condition:
    """Asked by `GET …/status`. `run` must be alive for the minute to move on."""

    def __init__(
        self,
        *,
        corrected: Callable[[], int] = int,
        probe: Callable[[], ProbeState] = lambda: ProbeState("off"),
    ) -> None:
        """`corrected`: how often, since the start, an overlay showed something else than the server and was
        brought back."""
        self.probe = probe
        self._corrected = LastMinute(corrected)

    @property
    def corrected(self) -> int:
        """Corrections of overlays of this process in the last minute."""
        return self._corrected.growth

    async def run(self) -> None:
        """Look now and then, until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            self._corrected.look()
