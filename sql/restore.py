"""A database that was restored is another one: its streams get new epochs, and nothing leaves it twice.

A restored backup holds older positions than browsers have seen. Were the stream to go on under the same
epoch, its numbers would come again with another meaning, and a browser that was away would be led on from
a state that never was (reliability R26, §3.4 rule 8, T44).
"""

from __future__ import annotations

from uuid import UUID

import sql
from sql.pool import Connection, Database

_Q = sql.load("restore")


async def notice(database: Database, *, is_restored: bool = False) -> bool:
    """Look whether this is the database that was here before, and act when it is not; answers that.

    Noticed are a dump that was restored, a copy, another server, a recovery to a point in time, and a
    failover. Files that were copied back look the same: then `is_restored` says it. Any number of
    processes may call this at once.
    """
    async with database.transaction() as connection:
        identity = await connection.fetchval(_Q["identity"])
        await connection.execute(_Q["make_room"])
        if await connection.fetchval(_Q["known"]) == identity and not is_restored:
            return False
        await connection.execute(_Q["note"], identity)
        had_campaigns = await connection.execute(_Q["renew_all"]) != "UPDATE 0"
        await connection.execute(_Q["hold_outbox"])
        await connection.execute(_Q["doubt_tokens"])
        return had_campaigns


async def renew(connection: Connection, campaign_id: UUID, epoch: UUID) -> None:
    """This campaign's position went back under `epoch`: it starts a new stream."""
    await connection.execute(_Q["renew"], campaign_id, epoch)
