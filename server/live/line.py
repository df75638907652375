"""The port between a connection and those who speak over it: a `Line` is written to, an `Ear` is told.

There are two lines: `SocketLine` owns the socket, `AsgiLine` does what any ASGI server allows.
"""

from __future__ import annotations

from typing import Protocol

from server.live.close_codes import Ending


class Ear(Protocol):
    """Who is told what happens on a line. Nothing comes after `left`."""

    def heard(self, text: str) -> None:
        """A whole text message of at most 4 KiB."""

    def offended(self, ending: Ending) -> None:
        """The peer broke a rule of ours and has to go like this: too much, too long, not text."""

    def filled(self) -> None:
        """Bytes wait for the peer from now on: `full_since` is set."""

    def drained(self, seconds: float) -> None:
        """Nothing waits any more; something did for so many seconds."""

    def left(self) -> None:
        """The conversation is over, whoever ended it."""


class Line(Protocol):
    """What the hub needs of a connection. All times are the loop's."""

    @property
    def full_since(self) -> float | None:
        """Since when bytes wait for the peer; None when all are with the kernel."""

    @property
    def heard_at(self) -> float:
        """When the peer last sent anything; infinity where somebody else watches over that."""

    def listen(self, ear: Ear) -> None:
        """Tell `ear` from now on; does nothing once it is over."""

    def write(self, data: bytes) -> None:
        """Hand over whole WebSocket frames. Never waits; does nothing on a closed line."""

    def finish(self, code: int, reason: str) -> None:
        """Close politely; the ear hears `left` soon."""

    def cut(self, code: int, reason: str) -> None:
        """Close a line that does not take bytes: the close frame is tried, then the socket dies."""
