"""The head of a campaign: its lock, and the position of its stream of frames (reliability §3.2)."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import sql
from sql.ids import uuid7
from sql.pool import Connection

_Q = sql.load("heads")


class NoCampaign(LookupError):
    """There is no such campaign."""


class Head(NamedTuple):
    epoch: UUID
    seq: int
    config_version: int
    now: datetime  # database clock, read after the lock was taken


async def lock(connection: Connection, campaign_id: UUID) -> Head:
    """Take the campaign until the end of the transaction. Raises NoCampaign."""
    row = await connection.fetchrow(_Q["lock"], campaign_id)
    if row is None:
        raise NoCampaign(str(campaign_id))
    return Head(row["epoch"], row["seq"], row["config_version"], row["now"])


async def advance(connection: Connection, campaign_id: UUID, seq: int) -> None:
    """Move the position; the caller holds the lock."""
    await connection.execute(_Q["advance"], campaign_id, seq)


async def create(connection: Connection, campaign_id: UUID) -> None:
    """The head of a new campaign, with a fresh epoch."""
    await connection.execute(_Q["create"], campaign_id, uuid7())


async def bump_config(connection: Connection, campaign_id: UUID) -> None:
    """Say that channels changed; takes the campaign's lock until the end of the transaction."""
    await connection.execute(_Q["bump_config"], campaign_id)


async def now(connection: Connection) -> datetime:
    """The database clock."""
    moment: datetime = await connection.fetchval(_Q["now"])
    return moment
