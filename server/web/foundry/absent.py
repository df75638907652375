"""Tables that the database does not have, although a genuine token names them.

Either somebody has deleted them on the desk, or a backup is being restored in place and the tables of the
database are empty for a while. What a deleted one is told makes the module forget its credentials, so it
takes a while of the same answer (as with shows: server/live/absences.py).
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final
from uuid import UUID

GONE_AFTER_S: Final = 30.0
_MOST: Final = 1_000


class Absent:
    """Since when each is missing. Times are loop times."""

    def __init__(self, gone_after_s: float = GONE_AFTER_S) -> None:
        self._gone_after_s = gone_after_s
        self._since: OrderedDict[UUID, float] = OrderedDict()

    def is_gone(self, connection_id: UUID, now: float) -> bool:
        """It is missing once more; whether for long enough to say that it is gone."""
        since = self._since.setdefault(connection_id, now)
        while len(self._since) > _MOST:
            self._since.popitem(last=False)
        return now - since >= self._gone_after_s

    def found(self, connection_id: UUID) -> None:
        """It is there."""
        self._since.pop(connection_id, None)
