"""How fast we may go: joins per ten seconds, and the pause before the next try to connect."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Times:
    """Every time and limit of the IRC client, in seconds (platforms/twitch.md §1.4); tests shorten them."""

    joins: int = 20  # attempts that may fall into one window
    #: Half a second over Twitch's ten: their window is measured at their end of a jittery line.
    join_window: float = 10.5
    join_answer: float = 10.0  # no 366 or ROOMSTATE after this: the name is wrong or the channel is closed
    join_again: float = 60.0  # pause before a channel that did not answer is tried again
    #: Some stand-ins for Twitch send no 001; after this we join all the same.
    welcome: float = 3.0
    silence: float = 60.0  # nothing heard for this long: ask
    pong: float = 10.0  # nothing heard after asking: the connection is dead
    connect: float = 10.0
    close: float = 1.0
    backoff_first: float = 1.0
    backoff_most: float = 60.0
    healthy: float = 60.0  # a connection this old sets the pause back
    handover: float = 60.0  # how long two connections of one slot may stand side by side
    overlap: float = 1.0  # how long the old one is still read after the new one hears everything


class JoinBudget:
    """A sliding window over all connections of this process: at most `times.joins` joins in each window."""

    def __init__(self, times: Times) -> None:
        self._times = times
        self._taken: deque[float] = deque()

    def take(self, now: float) -> bool:
        """Whether one more join may be sent at `now` (monotonic seconds); counts it if so."""
        while self._taken and self._taken[0] <= now - self._times.join_window:
            self._taken.popleft()
        if len(self._taken) >= self._times.joins:
            return False
        self._taken.append(now)
        return True

    def free_at(self, now: float) -> float:
        """When the next join may be sent."""
        return now if len(self._taken) < self._times.joins else self._taken[0] + self._times.join_window


class Backoff:
    """Pauses 1, 2, 4 … 60 s with full jitter, so that a thousand clients do not come back at one moment."""

    def __init__(self, times: Times, random: Random) -> None:
        self._times = times
        self._random = random
        self.failures = 0

    def next(self) -> float:
        """How long to wait now; the bound doubles with each call."""
        bound = min(self._times.backoff_most, self._times.backoff_first * 2 ** min(self.failures, 16))
        self.failures += 1
        return self._random.uniform(0, bound)

    def reset(self) -> None:
        """The connection was healthy for long enough."""
        self.failures = 0
