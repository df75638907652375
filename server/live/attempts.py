"""How often somebody may try: failed hellos of an address, frames of a client."""

from __future__ import annotations

from collections import OrderedDict, deque
from ipaddress import IPv6Address, ip_address
from typing import Final

#: reliability §3.9
MOST_FRAMES: Final = 20
FRAMES_WINDOW_S: Final = 10.0
MOST_FAILURES: Final = 10
FAILURES_WINDOW_S: Final = 60.0
_MOST_ADDRESSES: Final = 10_000


class Window:
    """At most `most` in any `seconds`, to the second: the times of the last ones are kept."""

    __slots__ = ("_seconds", "_times")

    def __init__(self, most: int, seconds: float) -> None:
        self._times: deque[float] = deque(maxlen=most)
        self._seconds = seconds

    def is_full(self, now: float) -> bool:
        """Whether one more now would be too many."""
        times = self._times
        return len(times) == times.maxlen and now - times[0] < self._seconds

    def note(self, now: float) -> None:
        """One more."""
        self._times.append(now)

    def is_over(self, now: float) -> bool:
        """Whether nothing in it counts any more."""
        return not self._times or now - self._times[-1] >= self._seconds


def frames() -> Window:
    """What one client may send."""
    return Window(MOST_FRAMES, FRAMES_WINDOW_S)


def neighbourhood(host: str) -> str:
    """What counts as one address: an IPv4 address, or the /64 that one IPv6 customer has."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(IPv6Address(int(address) >> 64 << 64))
    return host


class FailedHellos:
    """Failures by address; when the table is full the address that failed longest ago is forgotten."""

    def __init__(self) -> None:
        self._windows: OrderedDict[str, Window] = OrderedDict()

    def __len__(self) -> int:
        return len(self._windows)

    def is_blocked(self, host: str, now: float) -> bool:
        """Whether this address has failed too often."""
        window = self._windows.get(neighbourhood(host))
        return window is not None and window.is_full(now)

    def note(self, host: str, now: float) -> None:
        """A hello of this address failed."""
        key = neighbourhood(host)
        self._windows.setdefault(key, Window(MOST_FAILURES, FAILURES_WINDOW_S)).note(now)
        self._windows.move_to_end(key)
        while len(self._windows) > _MOST_ADDRESSES or next(iter(self._windows.values())).is_over(now):
            self._windows.popitem(last=False)
