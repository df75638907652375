"""Work at Kick that one process at a time does, now and then; by the database clock."""

from __future__ import annotations

from typing import Literal, TypeAlias

import sql
from sql.pool import Connection

_Q = sql.load("kick_rounds")

#: `all` subscriptions compared, `silent` channels looked after, `fresh` ones subscribed, the `key` looked up.
Round: TypeAlias = Literal["all", "silent", "fresh", "key"]


async def take(connection: Connection, name: Round, busy_s: float) -> bool:
    """Whether the round is due and this process's: for `busy_s`, or until it is put off."""
    return await connection.fetchval(_Q["take"], name, busy_s) is not None


async def put_off(connection: Connection, name: Round, seconds: float) -> None:
    """The round is done, and due again in so many seconds."""
    await connection.execute(_Q["put_off"], name, seconds)


async def hasten(connection: Connection, name: Round, not_within_s: float = 0.0) -> None:
    """Let it be due now, or so many seconds after it last began if that is later."""
    await connection.execute(_Q["hasten"], name, not_within_s)
