"""The database clock, as far as this process knows it between two looks (reliability §3.7).

Votes and deadlines are judged by PostgreSQL's clock. A process remembers where that clock stood and
counts on from there with its own monotonic clock, so a wrong or jumping wall clock has no effect.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta


class DatabaseClock:
    """`now()` within a network round trip of the database's clock; the wall clock until the first look."""

    def __init__(self) -> None:
        self._moment = datetime.now(UTC)
        self._at = time.monotonic()

    def observe(self, now: datetime) -> None:
        """The database has just said that it is `now`."""
        self._moment = now
        self._at = time.monotonic()

    def now(self) -> datetime:
        return self._moment + timedelta(seconds=time.monotonic() - self._at)
