"""What nobody needs any more is removed, a little at a time, by whichever process comes by."""

from __future__ import annotations

import asyncio

import structlog

from sql import (
    boards,
    deadlines,
    idempotency,
    inbox,
    lost_lines,
    sessions,
    verifications,
    vtt_commands,
    vtt_pairings,
    vtt_tokens,
)
from sql.pool import UNREACHABLE, Database

log = structlog.get_logger(__name__)

EVERY_S = 60.0
KEEP_BOARD_EVENTS_S = 24 * 3600.0
KEEP_DEADLINES_S = 7 * 24 * 3600.0
KEEP_COMMANDS_S = 30 * 24 * 3600.0


async def tidy(database: Database) -> None:
    """One round. Every statement is bounded or cheap, and harmless when two processes run it at once."""
    async with database.connection() as connection:
        await boards.forget_events(connection, KEEP_BOARD_EVENTS_S)
        await deadlines.forget(connection, KEEP_DEADLINES_S)
        await inbox.forget(connection)
        await lost_lines.forget(connection)
        await idempotency.sweep(connection)
        await sessions.sweep(connection)
        await verifications.sweep(connection)
        await vtt_pairings.forget(connection)
        await vtt_tokens.forget(connection)
        await vtt_commands.forget(connection, KEEP_COMMANDS_S)


async def run(database: Database) -> None:
    """A round a minute; a database that is away is tidied later."""
    while True:
        try:
            await tidy(database)
        except UNREACHABLE as error:
            log.info("housekeeping_postponed", error=type(error).__name__)
        await asyncio.sleep(EVERY_S)
