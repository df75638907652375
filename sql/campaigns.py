"""Shows, and which of them a person may run.

`scope` is asked once a request; every other query about things of a campaign is narrowed to those
ids, so that no forgotten check can show one show to another (reliability T33, R25).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sql
from sql import heads, probe
from sql.ids import uuid7
from sql.pool import Connection

_QUERIES = sql.load("campaigns")


@dataclass(frozen=True, slots=True)
class Campaign:
    id: UUID
    name: str
    description: str
    is_demo: bool
    created_at: datetime


async def create(
    connection: Connection, owner_id: UUID, name: str, *, description: str = "", is_demo: bool = False
) -> Campaign:
    """A show with its head. Call inside a transaction. UniqueViolation: there is a demo already."""
    campaign_id = uuid7()
    row = await connection.fetchrow(_QUERIES["create"], campaign_id, owner_id, name, description, is_demo)
    if row is None:
        raise LookupError("INSERT … RETURNING answered no row")
    await heads.create(connection, campaign_id)
    await connection.execute(_QUERIES["create_owner_membership"], uuid7(), campaign_id, owner_id)
    return Campaign(*row)


async def scope(connection: Connection, user_id: UUID) -> tuple[UUID, ...]:
    """The campaigns in which this person may run the show. The built-in probe's is nobody's."""
    return tuple(row["id"] for row in await connection.fetch(_QUERIES["scope"], user_id, probe.CAMPAIGN))


async def list_page(
    connection: Connection, within: Sequence[UUID], after: UUID | None, limit: int
) -> list[Campaign]:
    """Campaigns of the scope, newest first."""
    return [Campaign(*row) for row in await connection.fetch(_QUERIES["list_page"], within, after, limit)]


async def get(connection: Connection, campaign_id: UUID, within: Sequence[UUID]) -> Campaign | None:
    """One campaign of the scope."""
    row = await connection.fetchrow(_QUERIES["get"], campaign_id, within)
    return None if row is None else Campaign(*row)


async def update(
    connection: Connection,
    campaign_id: UUID,
    within: Sequence[UUID],
    *,
    name: str | None = None,
    description: str | None = None,
) -> Campaign | None:
    """Rename or describe a campaign of the scope; None leaves a field as it is."""
    row = await connection.fetchrow(_QUERIES["update"], campaign_id, within, name, description)
    return None if row is None else Campaign(*row)


async def demo(connection: Connection) -> Campaign | None:
    """The campaign that the first start made."""
    row = await connection.fetchrow(_QUERIES["demo"])
    return None if row is None else Campaign(*row)


async def raise_token_version(connection: Connection, *campaign_ids: UUID) -> None:
    """Tell every process that keys, logins or layouts of these campaigns must be looked at anew."""
    await connection.execute(_QUERIES["raise_token_version"], sorted(campaign_ids))
