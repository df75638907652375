"""Why a socket on `/live` is closed, and whether the client may come back (contract §7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Ending:
    """A close code with what the last frame, `bye`, says about it."""

    code: int
    reason: str
    reconnect: bool
    retry_ms: int  # the soonest a client should be back; 0 where it should not come back with this key


BAD_FRAME = Ending(4400, "bad frame", reconnect=True, retry_ms=5_000)
BAD_KEY = Ending(4401, "key not accepted", reconnect=False, retry_ms=0)
BAD_ORIGIN = Ending(4403, "origin not allowed", reconnect=True, retry_ms=10_000)
TOO_SLOW = Ending(4408, "reads too slowly", reconnect=True, retry_ms=1_000)
SILENT = Ending(4408, "does not answer", reconnect=True, retry_ms=1_000)
FLOOD = Ending(4429, "too many frames", reconnect=True, retry_ms=10_000)
#: Soon: dead connections that fill a room are found within seconds (server/live/caretaker.py).
TOO_MANY_SOCKETS = Ending(4429, "too many overlay connections", reconnect=True, retry_ms=2_000)
TOO_MANY_FAILURES = Ending(
    4429, "too many failed attempts from this address", reconnect=True, retry_ms=60_000
)
SERVER_ERROR = Ending(1011, "server error", reconnect=True, retry_ms=2_000)
RESTART = Ending(1012, "restarting", reconnect=True, retry_ms=500)
TRY_LATER = Ending(1013, "database is away", reconnect=True, retry_ms=2_000)

#: Every way in which this server ends a connection, for the AsyncAPI document and its test.
ENDINGS = (
    BAD_FRAME,
    BAD_KEY,
    BAD_ORIGIN,
    TOO_SLOW,
    SILENT,
    FLOOD,
    TOO_MANY_SOCKETS,
    TOO_MANY_FAILURES,
    SERVER_ERROR,
    RESTART,
    TRY_LATER,
)

#: When the clients of a process that stops come back. Soon where they are few, for no page may stand still
#: longer than a second (R16); spread where all at once would be in each other's way.
_SOONEST_MS: Final = 20
_LATEST_MS: Final = (300, 1_500)
_APART_MS: Final = 0.3


def return_window_ms(clients: int) -> tuple[int, int]:
    """From when to when so many clients come back after a restart, each at a moment of its own.

    Up to 1,000 of them within 300 ms; 5,000 and more within 1,500 ms, and a page may stand still so long.
    """
    least, most = _LATEST_MS
    return _SOONEST_MS, min(most, max(least, round(clients * _APART_MS)))
