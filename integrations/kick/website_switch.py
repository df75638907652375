"""The operator's switch of the unofficial chat: off until somebody says so, followed without a restart."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from integrations.kick.pusher import KickWebsite
from sql import settings
from sql.pool import UNREACHABLE, Connection, Database

_log = structlog.get_logger(__name__)

_KEY: Final = "kick.website_chat"
_LOOK_EVERY_S: Final = 2.0


async def is_on(connection: Connection) -> bool:
    """Whether the chat of Kick's website is read."""
    return await settings.get(connection, _KEY) is True


async def turn(connection: Connection, *, on: bool) -> None:
    """Read it, or stop reading it; every process follows within some seconds."""
    await settings.put(connection, _KEY, on)


async def follow(database: Database, website: KickWebsite) -> None:
    """Keep a reader to what was decided; while the database is away it stays as it is."""
    while True:
        try:
            async with database.connection() as connection:
                website.switch(on=await is_on(connection))
        except UNREACHABLE as error:
            _log.debug("kick_website_switch_not_read", error=type(error).__name__)
        await asyncio.sleep(_LOOK_EVERY_S)
