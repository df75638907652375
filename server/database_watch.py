"""What the database says of the installation's health, asked when somebody asks this process for metrics."""

from __future__ import annotations

import asyncio
import time
from typing import Final

import structlog

from sql import watch
from sql.pool import UNREACHABLE, Database

log = structlog.get_logger(__name__)

#: Several that watch at once share one look.
_EVERY_S: Final = 2.0
#: A database that hangs must not take the other figures with it.
_PATIENCE_S: Final = 1.5


class DatabaseWatch:
    """The last look. While the database is away `is_up` is False and `health` is what was seen last."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._looked = float("-inf")
        self.health = watch.Health()
        self.is_up = True

    async def look(self) -> None:
        """Ask anew unless somebody just did; never raises for a database that is away."""
        if time.monotonic() - self._looked < _EVERY_S:
            return
        self._looked = time.monotonic()
        try:
            async with asyncio.timeout(_PATIENCE_S), self._database.connection() as connection:
                self.health = await watch.look(connection)
        except UNREACHABLE as error:
            if self.is_up:
                log.warning("database_not_watched", error=type(error).__name__)
            self.is_up = False
        else:
            self.is_up = True
