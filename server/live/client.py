"""One connected browser or program, as the hub sees it: a line and a position, and no queue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from server.live.close_codes import Ending
from server.live.doorman import OverlayPass, Pass, Position
from server.live.frames import Bye, encode
from server.live.line import Line
from server.live.wire import text_frame

#: A client whose last frame took longer than this to leave gets fewer of them (reliability §3.5).
SLOW_S: Final = 0.1
SLOW_FRAME_EVERY_S: Final = 0.5
#: A client that has not taken a frame for so long is cut.
STUCK_S: Final = 5.0
RESYNC_EVERY_S: Final = 2.0


@dataclass(slots=True, eq=False)
class Client:
    """`position` is what has been written to the line; None: only a snapshot helps."""

    line: Line
    admission: Pass
    position: Position | None = None
    #: Just (re)connected, or laid out anew: is owed every missed event, and an overlay its layout.
    resuming: bool = False
    slow: bool = False
    not_before: float = 0.0  # loop time before which no frame is due while the client is slow
    last_resync: float = float("-inf")
    resync_at: float | None = None  # a resync that came too soon is answered then
    pinged_at: float = 0.0

    @property
    def is_overlay(self) -> bool:
        return isinstance(self.admission, OverlayPass)

    def drained(self, now: float, seconds: float) -> bool:
        """The line takes bytes again after so many seconds. Answers whether that was slow."""
        self.slow = seconds > SLOW_S
        if self.slow:
            self.not_before = now + SLOW_FRAME_EVERY_S
        return self.slow

    def is_stuck(self, now: float) -> bool:
        """Whether the line has been full for too long."""
        since = self.line.full_since
        return since is not None and now - since > STUCK_S

    @property
    def is_silent(self) -> bool:
        """Whether nothing at all has come since the last ping: asked when it is time for the next one.

        Measured from our ping, not from now: a server that was stopped for a while has asked nobody.
        """
        return self.line.heard_at < self.pinged_at


def dismiss(line: Line, ending: Ending, *, retry_ms: int | None = None) -> None:
    """Say bye, with the reason and when to be back, and close."""
    wait = ending.retry_ms if retry_ms is None else retry_ms
    line.write(text_frame(encode(Bye(ending.code, ending.reason, wait))))
    line.finish(ending.code, ending.reason)
