"""One conversation with EventSub, without a socket: frames and moments in, what to do out (twitch.md §2).

The shell (`eventsub_socket.py`) moves bytes; when nobody is there any more, where to move on to, and what a
close code means is decided here. Moments are monotonic seconds.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final, Literal

from integrations.twitch.eventsub_messages import (
    Keepalive,
    Notification,
    Reconnect,
    Revocation,
    Unreadable,
    Welcome,
    read_frame,
)

#: What to do after a conversation ended: at once, after a pause, or a person has to look at it.
Again = Literal["now", "later"]

_CODES: Final = {
    4000: "was ended by a fault of Twitch's",
    4001: "was ended because we sent something",
    4002: "was ended because our pong did not arrive",
    4003: "was ended because nothing was asked for in time",
    4004: "was ended because we did not move on in time",
    4005: "was ended by a fault of the network",
    4006: "was ended by a fault of the network",
    4007: "was refused: the address to move on to was none",
}


@dataclass(frozen=True, slots=True)
class Times:
    """Every time of a conversation, in seconds; tests shorten them."""

    connect: float = 10.0
    welcome: float = 10.0
    keepalive: int = 10  # what we ask Twitch for, which is the least it takes
    margin: float = 5.0  # what a keepalive may be late
    close: float = 1.0
    drain: float = 2.0  # how long the old line is read on after the new one's welcome
    backoff_first: float = 0.5
    backoff_most: float = 60.0
    healthy: float = 30.0  # whoever lasts so long has not failed


@dataclass(frozen=True, slots=True)
class End:
    """Why a conversation is over, as words after "the connection"."""

    words: str
    is_silent: bool = False  # it was there and said nothing: half open


def end_of(code: int) -> End:
    """What a close code means."""
    return End(_CODES.get(code, "was lost" if code in (1005, 1006) else f"was ended by Twitch ({code})"))


class EventSubSession:
    """From the first frame to the last."""

    def __init__(self, times: Times, now: float, counts: Counter[str] | None = None) -> None:
        self._times = times
        self._due = now + times.welcome
        self._keepalive_s = float(times.keepalive)
        #: Twitch's name of this session; empty until its welcome.
        self.id = ""
        #: Where to move on to, while this one is read further; empty: stay.
        self.moves_to = ""
        self.end: End | None = None
        #: Frames by what they were: "keepalive", "notification", …, or why they were not read.
        self.counts: Counter[str] = Counter() if counts is None else counts

    def next_due(self) -> float:
        """When to `tick` unless a frame comes before."""
        return self._due

    def feed(self, frame: bytes | str, now: float) -> Notification | Revocation | None:
        """Take in a frame; what it tells of channels. Any frame is a sign of life."""
        message = read_frame(frame)
        match message:
            case Welcome():
                self.counts["welcome"] += 1
                self.id, self._keepalive_s = message.session_id, float(message.keepalive_s)
            case Keepalive():
                self.counts["keepalive"] += 1
            case Reconnect():
                self.counts["reconnect"] += 1
                self.moves_to = message.url
            case Unreadable():
                self.counts[message.why] += 1
            case Notification() | Revocation():
                self.counts[type(message).__name__.lower()] += 1
        if self.id:  # before its welcome nothing keeps it alive
            self._due = now + self._keepalive_s + self._times.margin
        return message if isinstance(message, Notification | Revocation) else None

    def tick(self, now: float) -> None:
        """Notice that nobody is there any more."""
        if self.end is None and now >= self._due:
            words = "went silent" if self.id else "was made, and nobody welcomed us"
            self.end = End(words, is_silent=bool(self.id))
