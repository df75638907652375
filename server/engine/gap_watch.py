"""Notes when a chat that should be heard is not: the result of a poll says so (reliability §3.10).

Every process watches, and of those that do at one moment one writes. So the gap of a process that is gone is
noted by those that are left, and that of a whole machine by whoever comes back.
"""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from sql import gaps
from sql.channels import SourceKind
from sql.pool import UNREACHABLE, Database

log = structlog.get_logger(__name__)

#: Chats that processes of ours read. What platforms or scripts send us is not silent when nothing comes.
KINDS: Final[tuple[SourceKind, ...]] = ("irc", "pusher")
EVERY_S: Final = 1.0


async def run(database: Database, every_s: float = EVERY_S) -> None:
    """Watch until cancelled; while the database is away nothing is noted, and the gap begins before that."""
    while True:
        try:
            async with database.connection() as connection:
                await gaps.watch_chat(connection, KINDS)
        except UNREACHABLE as error:
            log.info("gap_watch_postponed", error=type(error).__name__)
        await asyncio.sleep(every_s)
