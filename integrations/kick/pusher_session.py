"""One conversation with Kick's website chat, without a socket: frames and moments in, frames to send out.

Moments are monotonic seconds, `received_at` is a time of day.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import orjson

from integrations.kick.pusher_events import Greeting, Ignored, Joined, Line, Ping, Pong, Trouble, read

#: What an end of a connection asks of us (platforms/kick.md §6).
Again = Literal["never", "later", "now"]


@dataclass(frozen=True, slots=True)
class Times:
    """Every time of the reader, in seconds; tests shorten them."""

    connect: float = 10.0
    greeting: float = 10.0
    pong: float = 30.0
    close: float = 1.0
    backoff_first: float = 1.0
    backoff_most: float = 60.0
    healthy: float = 60.0


class End(NamedTuple):
    """Why a conversation is over, as words after "the connection", and when to begin the next one."""

    words: str
    again: Again


def end_of(code: int, words: str = "") -> End:
    """What a code of Pusher's asks for; also the code of a closed socket."""
    told = f"was ended by Kick's chat service ({code}{': ' + words if words else ''})"
    if 4000 <= code < 4100:
        return End(told, "never")
    return End(told, "now" if 4200 <= code < 4300 else "later")


class PusherSession:
    """The state of one connection from its first frame to its last."""

    def __init__(self, times: Times, now: float, counts: Counter[str] | None = None) -> None:
        self._times = times
        self._wanted: set[str] = set()
        self._asked: set[str] = set()
        self._silence: float | None = None  # None: not greeted yet
        self._heard_at = now
        self._pinged_at: float | None = None
        self._out: list[str] = []
        #: Channels that are heard.
        self.joined: set[str] = set()
        self.end: End | None = None
        #: Frames by what became of them.
        self.counts: Counter[str] = Counter() if counts is None else counts

    def take_outgoing(self) -> list[str]:
        """Frames to send now, in order; each is handed out once."""
        out, self._out = self._out, []
        return out

    def want(self, channels: Collection[str]) -> None:
        """Hear exactly these channels from now on."""
        self._wanted = set(channels)
        if self._silence is None:
            return
        for channel in sorted(self._wanted - self._asked):
            self._send("pusher:subscribe", {"auth": "", "channel": channel})
        for channel in sorted(self._asked - self._wanted):
            self._send("pusher:unsubscribe", {"channel": channel})
        self._asked = set(self._wanted)
        self.joined &= self._wanted

    def feed(self, frame: str | bytes, now: float) -> Line | None:
        """Take in one frame; a line of chat of a wanted channel, if it is one."""
        self._heard_at, self._pinged_at = now, None
        what = read(frame)
        match what:
            case Line():
                if what.channel in self._wanted:
                    self.counts["chat"] += 1
                    return what
                self.counts["unwanted_channel"] += 1
            case Greeting(silence_s):
                self._silence = float(silence_s)
                self.want(self._wanted)
            case Ping():
                self._send("pusher:pong", {})
            case Joined(channel):
                self.joined |= {channel} & self._wanted
            case Trouble(code, words):
                self.end = end_of(code, words)
            case Ignored(reason):
                self.counts[reason] += 1
            case Pong():
                pass
        return None

    def tick(self, now: float) -> None:
        """Do what is due; to be called at `next_due` at the latest, and after every frame."""
        if self.end is not None or now < self.next_due():
            return
        if self._silence is None:
            self.end = End("was not greeted", "later")
        elif self._pinged_at is None:
            self._pinged_at = now
            self._send("pusher:ping", {})
        else:
            self.end = End("went silent", "later")

    def next_due(self) -> float:
        """When `tick` has something to do."""
        if self._silence is None:
            return self._heard_at + self._times.greeting
        if self._pinged_at is not None:
            return self._pinged_at + self._times.pong
        return self._heard_at + self._silence

    def _send(self, event: str, data: Any) -> None:
        self._out.append(orjson.dumps({"event": event, "data": data}).decode())
