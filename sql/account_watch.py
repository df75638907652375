"""Which accounts are to be looked at on their platforms, and what the record tells of Kick's deliveries."""

from __future__ import annotations

from typing import NamedTuple

import sql
from sql.pool import Connection

_Q = sql.load("account_watch")


class Watched(NamedTuple):
    """An account that plays in a show. `version` changes with each new token."""

    account_id: str
    version: int
    is_asked: bool


async def twitch(connection: Connection, most: int) -> list[Watched]:
    """Twitch accounts with a good token; first those that somebody asks to have looked at again."""
    return [Watched(*row) for row in await connection.fetch(_Q["twitch"], most)]


async def judge_kick(connection: Connection) -> None:
    """Write down for which channels Kick sends nothing, and take away what is right again."""
    await connection.execute(_Q["kick_held"])
    await connection.execute(_Q["kick_off"])
