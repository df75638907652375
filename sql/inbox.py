"""The inbox: a delivery has an effect once, whoever brings it and however often."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import sql
from sql.pool import Connection

_Q = sql.load("inbox")

#: Between ids that travel as one text.
SEPARATOR = "\x1f"
#: How long an id is remembered (reliability R3).
KEEP_S = 30 * 24 * 3600.0


async def take_in(
    connection: Connection, campaign_id: UUID, keys: Collection[tuple[str, str]], received_at: datetime
) -> set[tuple[str, str]]:
    """Note `(source, message id)` of deliveries; answers those that were there before.

    No id may have a control character (`intake.refusal`). The caller holds the campaign's lock.
    """
    by_source: dict[str, list[str]] = {}
    for source, message_id in keys:
        by_source.setdefault(source, []).append(message_id)
    known: set[tuple[str, str]] = set()
    for source, ids in by_source.items():
        # A thousand ids in one text cost a tenth of a thousand values, on both sides of the wire.
        fresh = await connection.fetchval(
            _Q["take_in"], campaign_id, source, SEPARATOR.join(ids), received_at, len(ids)
        )
        if fresh is not None:
            known.update((source, message_id) for message_id in set(ids).difference(fresh.split(SEPARATOR)))
    return known


async def forget(connection: Connection, most: int = 5000, rounds: int = 40) -> None:
    """Drop ids older than 30 days: `most` at a time, so that nobody waits for long, and not for ever."""
    for _ in range(rounds):
        if await connection.execute(_Q["forget"], KEEP_S, most) != f"DELETE {most}":
            return
