"""Campaigns that the database did not have when it was last asked.

Either somebody has deleted them, or a backup is being restored in place: then the tables are there for a
while, and empty. To say that a show is over is final for its pages (4401), so it takes several answers in
a row.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from server.live.audience import Audience

GONE_AFTER_S: Final = 5.0
_LEAST_ANSWERS: Final = 4


class Absences:
    """Rooms whose campaign is missing, since when, and for how many answers."""

    def __init__(self) -> None:
        self._missing: dict[Audience, tuple[float, int]] = {}

    def gone(self, missing: Iterable[Audience], now: float) -> list[Audience]:
        """Take in an answer in which these were missing, and no others; answers which of them are gone."""
        before, self._missing = self._missing, {}
        for audience in missing:
            since, answers = before.get(audience, (now, 0))
            self._missing[audience] = since, answers + 1
        gone = [
            audience
            for audience, (since, answers) in self._missing.items()
            if now - since >= GONE_AFTER_S and answers >= _LEAST_ANSWERS
        ]
        for audience in gone:
            del self._missing[audience]
        return gone

    def forget(self) -> None:
        """There was no answer: nothing is known about any of them."""
        self._missing.clear()
