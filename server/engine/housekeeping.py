"""What nobody needs any more is removed, a little at a time, by whichever process comes by."""

from __future__ import annotations

import asyncio

import structlog

from sql import (
    admin_log,
    boards,
    deadlines,
    device_sign_ins,
    erasures,
    gaps,
    idempotency,
    inbox,
    login_failures,
    lost_lines,
    oauth_states,
    people,
    sessions,
    verifications,
    vtt_commands,
    vtt_pairings,
    vtt_tokens,
)
from sql.pool import UNREACHABLE, Connection, Database

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
        await gaps.forget(connection)
        await idempotency.sweep(connection)
        await _tidy_sign_ins(connection)
        await people.forget(connection)
        await vtt_pairings.forget(connection)
        await vtt_tokens.forget(connection)
        await vtt_commands.forget(connection, KEEP_COMMANDS_S)
    async with database.transaction() as connection:
        await erasures.advance(connection)


async def _tidy_sign_ins(connection: Connection) -> None:
    for session_id, user_id in await sessions.sweep(connection):
        await admin_log.note(
            connection, actor=f"user:{user_id}", action="session.expired", subject=session_id
        )
    await verifications.sweep(connection)
    await oauth_states.sweep(connection)
    await device_sign_ins.sweep(connection)
    await login_failures.sweep(connection)
    await admin_log.forget_attempts(connection)


async def run(database: Database) -> None:
    """A round a minute; a database that is away is tidied later."""
    while True:
        try:
            await tidy(database)
        except UNREACHABLE as error:
            log.info("housekeeping_postponed", error=type(error).__name__)
        await asyncio.sleep(EVERY_S)
