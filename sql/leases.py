"""Leases: which process reads which chat.

A lease is a convenience, not a lock: it keeps two processes from reading one chat for no reason. When
two do all the same (a process woke up from a long sleep), every message still counts once, because
`(platform, message_id)` is the key of a message (contract §5).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sql import load
from sql.channels import Channel, SourceKind, from_row
from sql.pool import Connection

_QUERIES = load("leases")

#: A dead process is replaced at most this long after its last renewal, plus one round of the others.
TTL = timedelta(seconds=6)


async def claim(
    connection: Connection, holder: UUID, ttl: timedelta = TTL, *, kinds: Sequence[SourceKind] = ("irc",)
) -> list[Channel]:
    """Take what is free or expired, renew what is ours, and return every channel we hold now.

    `holder` names a process for as long as it lives; the database clock decides when a lease is over.
    """
    rows = await connection.fetch(_QUERIES["claim"], holder, ttl, list(kinds))
    return [from_row(row) for row in rows]


async def release(connection: Connection, holder: UUID) -> None:
    """Give up everything at once, so that nobody has to wait for the end of a lease."""
    await connection.execute(_QUERIES["release"], holder)
