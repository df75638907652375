"""The inbox: a delivery has an effect once, whoever brings it and however often."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sql
from sql.pool import Connection

_Q = sql.load("inbox")

#: How long an id is remembered (reliability R3).
KEEP_S = 30 * 24 * 3600.0


async def take_in(
    connection: Connection, campaign_id: UUID, deliveries: Sequence[tuple[str, str, datetime]]
) -> set[tuple[str, str]]:
    """Note `(source, message id, received at)`; answers the pairs `(source, message id)` that are new."""
    if not deliveries:
        return set()
    sources, ids, received = zip(*deliveries, strict=True)
    rows = await connection.fetch(_Q["take_in"], campaign_id, sources, ids, received)
    return {(row["source"], row["message_id"]) for row in rows}


async def forget(connection: Connection, most: int = 5000) -> None:
    """Drop ids older than 30 days, at most `most` of them."""
    await connection.execute(_Q["forget"], KEEP_S, most)
