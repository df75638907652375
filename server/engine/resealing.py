"""After a change of the key ring what is kept is sealed by the newest key (reliability §3.11, R21).

Any number of processes may do this at once: a secret is replaced only while it is what was opened. What no
key of the ring opens is left alone and counted: the key may come back.
"""

from __future__ import annotations

import asyncio
from typing import Final
from uuid import UUID

import structlog

from server.places import of_parked, place
from server.vault import CannotOpen, Vault
from sql import resealing
from sql.pool import UNREACHABLE, Database
from sql.resealing import COLUMNS, Column

log = structlog.get_logger(__name__)

#: So many in a transaction: none of them holds a row for long.
BATCH: Final = 100
#: A process that still has the old ring may seal with the old key: they are looked for again.
EVERY_S: Final = 60.0


def _place(column: Column, key: UUID | str) -> bytes:
    if column.name == "parked" and isinstance(key, UUID):
        return of_parked(key)
    return place(column.table, column.name, key)


async def reseal(database: Database, vault: Vault) -> tuple[int, int]:
    """One round over all that is kept; answers how many were sealed anew, and how many nothing opens."""
    done = unreadable = 0
    for column in COLUMNS:
        after: UUID | str | None = None
        while True:
            async with database.transaction() as connection:
                found = await resealing.old(connection, column, vault.mark, after, BATCH)
                for one in found:
                    where = _place(column, one.key)
                    try:
                        text = vault.open(one.sealed, where)
                    except CannotOpen:
                        unreadable += 1
                        continue
                    done += await resealing.put(connection, column, one, vault.seal(text, where))
            if found:
                log.info(
                    "resealing", table=column.table, column=column.name, done=done, unreadable=unreadable
                )
            if len(found) < BATCH:
                break
            after = found[-1].key
    return done, unreadable


async def run(database: Database, vault: Vault) -> None:
    """A round at the start and every minute; a database that is away is waited for."""
    while True:
        try:
            done, unreadable = await reseal(database, vault)
            if done or unreadable:
                log.info("resealed", done=done, unreadable=unreadable)
        except UNREACHABLE as error:
            log.info("resealing_postponed", error=type(error).__name__)
        await asyncio.sleep(EVERY_S)
