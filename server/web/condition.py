"""What is not as it should be on this process, for the desk's status strip."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal
from uuid import UUID

MINUTE_S: Final = 60.0
_LOOK_EVERY_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class ProbeState:
    """The built-in probe. `lag_s`: from vote to overlay in the last round that got there; None before one."""

    state: Literal["off", "ok", "failing"]
    lag_s: float | None = None
    failing_for_s: float | None = None


class LastMinute:
    """How much counters have grown in the last minute. Looks at them when `look` is called."""

    def __init__(
        self, read: Callable[[], Mapping[Any, int]], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`read` gives the counters by what they count; they only grow, and stand at 0 now."""
        self._read = read
        self._clock = clock
        self._looks: deque[tuple[float, Mapping[Any, int]]] = deque([(clock(), {})])

    def look(self) -> None:
        """Note where the counters stand; what is older than a minute is forgotten but for one look."""
        now = self._clock()
        self._looks.append((now, dict(self._read())))
        while len(self._looks) > 1 and self._looks[1][0] <= now - MINUTE_S:
            self._looks.popleft()

    def growth(self, what: Hashable) -> int:
        """Since the last look that is a minute old, or since the first one."""
        return self._read().get(what, 0) - self._looks[0][1].get(what, 0)


class Condition:
    """Asked by `GET …/status`. `run` must be alive for the minute to move on."""

    def __init__(
        self,
        *,
        dropped: Callable[[], Mapping[UUID, int]] = dict,
        corrected: Callable[[], int] = int,
        probe: Callable[[], ProbeState] = lambda: ProbeState("off"),
    ) -> None:
        """Since the start: `dropped`, chat lines given up by campaign; `corrected`, how often an overlay
        showed something else than the server and was brought back."""
        self.probe = probe
        self._dropped = LastMinute(dropped)
        self._corrected = LastMinute(lambda: {None: corrected()})

    def dropped(self, campaign_id: UUID) -> int:
        """Chat lines given up in the last minute."""
        return self._dropped.growth(campaign_id)

    def corrected(self) -> int:
        """Corrections of overlays of this process in the last minute."""
        return self._corrected.growth(None)

    async def run(self) -> None:
        """Look now and then, until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            self._dropped.look()
            self._corrected.look()
