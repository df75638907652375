"""What one connection to Redis is subscribed to, and what it is to be: kept by what changes, never by going
through all, so that a frame costs the same with ten rooms and with ten thousand."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final, NamedTuple

#: Channels asked for in one go. The next go waits until the server has confirmed these, so that a pulse
#: never stands behind more than so many confirmations.
MOST_AT_ONCE: Final = 500


class Turn(NamedTuple):
    """What to do next about subscriptions."""

    new: tuple[str, ...] = ()  # to subscribe to
    old: tuple[str, ...] = ()  # to unsubscribe from
    kept: tuple[str, ...] = ()  # asked for again before they were given up


_NOTHING: Final = Turn()


class Subscriptions:
    """The channels of one connection."""

    def __init__(self, channels: Iterable[str] = ()) -> None:
        self._wanted = set(channels)
        self._due = deque(self._wanted)  # where what is may differ from what is wanted
        self._has: set[str] = set()  # subscribed, or asked for
        self._asked: set[str] = set()  # asked for, not confirmed yet
        self._leaving: set[str] = set()  # given up, not confirmed yet

    def add(self, channel: str) -> None:
        """Have it from the next turn on."""
        self._wanted.add(channel)
        self._due.append(channel)

    def remove(self, channel: str) -> None:
        """Give it up with the next turn."""
        self._wanted.discard(channel)
        self._due.append(channel)

    def turn(self) -> Turn:
        """What is to be sent now; nothing while the server still owes answers to the last turn."""
        due = self._due
        if not due or self._asked or self._leaving:
            return _NOTHING
        new: list[str] = []
        old: list[str] = []
        kept: list[str] = []
        for _ in range(min(len(due), MOST_AT_ONCE)):
            channel = due.popleft()
            if channel in self._wanted:
                (kept if channel in self._has else new).append(channel)
                self._has.add(channel)
            elif channel in self._has:
                old.append(channel)
                self._has.remove(channel)
                self._leaving.add(channel)
        self._asked.update(new)
        return Turn(tuple(new), tuple(old), tuple(kept))

    def begun(self, channel: str) -> None:
        """The server has confirmed a subscription."""
        self._asked.discard(channel)

    def ended(self, channel: str) -> bool:
        """The server has ended a subscription; whether we had asked for that."""
        if channel not in self._leaving:
            return False
        self._leaving.remove(channel)
        return True
