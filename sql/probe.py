"""The hidden show of the built-in probe (reliability R30): fixed ids, so that all processes share one.

No list has it: `sql.campaigns.scope`, which everything asks for the shows of a person, leaves it out.
"""

from __future__ import annotations

from typing import Final, NamedTuple
from uuid import UUID

import sql
from sql.ids import uuid7
from sql.pool import Connection

_Q = sql.load("probe")

CAMPAIGN: Final = UUID("0190a000-0000-7000-8000-70726f626501")
CHANNEL: Final = UUID("0190a000-0000-7000-8000-70726f626502")
OVERLAY: Final = UUID("0190a000-0000-7000-8000-70726f626503")
#: The channel's platform, and its id there.
CHANNEL_AT: Final = ("custom", "probe")
KEY_VERSION: Final = 1


class Stored(NamedTuple):
    """What PostgreSQL holds of a poll."""

    votes: int
    ledger_rows: int


async def ensure(connection: Connection, owner_id: UUID, key_hash: bytes) -> None:
    """Make what is missing of the probe's show. Call inside a transaction; any number may at once."""
    await connection.execute(_Q["create_campaign"], CAMPAIGN, owner_id)
    await connection.execute(_Q["create_head"], CAMPAIGN, uuid7())
    await connection.execute(_Q["create_channel"], CHANNEL, CAMPAIGN)
    await connection.execute(_Q["create_overlay"], OVERLAY, CAMPAIGN, key_hash)


async def number_of(connection: Connection, poll_id: UUID, message_id: str) -> int | None:
    """The number that a vote has in the ledger of its poll; None: the line did not count."""
    number: int | None = await connection.fetchval(_Q["number_of"], poll_id, message_id)
    return number


async def stored(connection: Connection, poll_id: UUID) -> Stored:
    """Counted anew, from the rows."""
    row = await connection.fetchrow(_Q["stored"], poll_id)
    return Stored(*row) if row else Stored(0, 0)


async def forget(connection: Connection, older_than_s: float) -> None:
    """Drop the traces of old rounds, and polls that ended so long ago. Call inside a transaction."""
    old = [row["id"] for row in await connection.fetch(_Q["old_polls"], CAMPAIGN, older_than_s)]
    if old:
        await connection.execute(_Q["forget_ledgers"], old)
        await connection.execute(_Q["forget_polls"], old)
        await connection.execute(_Q["forget_deadlines"], old)
        await connection.execute(_Q["forget_definitions"], CAMPAIGN)
    await connection.execute(_Q["forget_lines"], CAMPAIGN, older_than_s)
    await connection.execute(_Q["forget_steps"], CAMPAIGN, older_than_s)
