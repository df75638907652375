"""How often somebody may try: failed hellos of an address, frames of a client."""

from __future__ import annotations

from collections import OrderedDict
from ipaddress import IPv6Address, ip_address
from typing import Final, TypeAlias

#: reliability §3.9
MOST_FRAMES: Final = 20
FRAMES_WINDOW_S: Final = 10.0
MOST_FAILURES: Final = 10
FAILURES_WINDOW_S: Final = 60.0
_MOST_ADDRESSES: Final = 10_000


#: When somebody tried, oldest first; only times that still count.
Times: TypeAlias = tuple[float, ...]


def with_one_more(times: Times, now: float, most: int, seconds: float) -> Times | None:
    """The times after one more try; None: it would be more than `most` in some `seconds`.

    Exact, and what is kept is what counts: an overlay that says something every five seconds costs two
    numbers.
    """
    counting = tuple(time for time in times if now - time < seconds)
    return None if len(counting) >= most else (*counting, now)


class Window:
    """At most `most` in any `seconds`."""

    __slots__ = ("_most", "_seconds", "_times")

    def __init__(self, most: int, seconds: float) -> None:
        self._times: Times = ()
        self._most = most
        self._seconds = seconds

    def is_full(self, now: float) -> bool:
        """Whether one more now would be too many."""
        return with_one_more(self._times, now, self._most, self._seconds) is None

    def note(self, now: float) -> None:
        """One more; does nothing when it is full."""
        self._times = with_one_more(self._times, now, self._most, self._seconds) or self._times

    def is_over(self, now: float) -> bool:
        """Whether nothing in it counts any more."""
        return not self._times or now - self._times[-1] >= self._seconds


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
