"""One connected browser or program, as the hub sees it: a line and a position, and no queue."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from server.live.doorman import Pass
from server.live.transport import Line

#: A client whose last frame took longer than this to leave gets fewer of them.
SLOW_S: Final = 0.1
SLOW_FRAME_EVERY_S: Final = 0.5
#: A client that has not taken a frame for so long is cut.
STUCK_S: Final = 5.0
RESYNC_EVERY_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Position:
    """How far a client has come."""

    epoch: UUID
    seq: int


@dataclass(slots=True, eq=False)
class Client:
    """`position` is what has been written to the line; None: only a snapshot helps."""

    line: Line
    admission: Pass
    position: Position | None = None
    #: A snapshot is owed even though no step was missed: it alone carries layout and build.
    wants_layout: bool = False
    slow: bool = False
    not_before: float = 0.0  # loop time before which no frame is due to a slow client
    last_resync: float = field(default=float("-inf"))
    acked: int | None = None

    def took(self, seconds: float) -> bool:
        """The line was full for so long. Answers whether the client counts as slow now."""
        self.slow = seconds > SLOW_S
        return self.slow
