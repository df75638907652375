"""Shows.

`members.roles_of` is asked once a request; every other query about things of a campaign is narrowed to the
ids that it answers, so that no forgotten check can show one show to another (reliability T33, R25).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import sql
from sql import heads
from sql.ids import uuid7
from sql.pool import Connection

_QUERIES = sql.load("campaigns")

#: Rows that go in one statement: they must be gone well within the time that a statement has.
_PIECE: Final = 20_000
_WAIT_FOR_DELIVERY: Final = timedelta(days=7)


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


async def name_of(connection: Connection, campaign_id: UUID) -> str | None:
    """What must be typed to delete it; None when it is gone, or going."""
    name: str | None = await connection.fetchval(_QUERIES["name_of"], campaign_id)
    return name


async def mark_deleted(connection: Connection, campaign_id: UUID) -> None:
    """Take a show from everybody at once: members, links, chats, tables, time. The campaign is locked.

    `server.engine.endings` is the way to do that. The rows go afterwards, by `purge`.
    """
    await connection.execute(_QUERIES["mark_deleted"], campaign_id)
    await connection.execute(_QUERIES["let_tables_go"], campaign_id)
    await connection.execute(_QUERIES["drop_overlays"], campaign_id)
    await connection.execute(_QUERIES["drop_channels"], campaign_id)
    await connection.execute(_QUERIES["drop_deadlines"], campaign_id)
    await connection.execute(_QUERIES["drop_invitations"], campaign_id)
    await raise_token_version(connection, campaign_id)


async def purge(connection: Connection) -> UUID | None:
    """Remove a piece of a deleted show, big ones in several; answers which show, None when none is left.

    What it still owes platforms is waited for, a week at most. Call inside a transaction, again and again.
    """
    campaign_id: UUID | None = await connection.fetchval(
        _QUERIES["purge_next"], _WAIT_FOR_DELIVERY.total_seconds()
    )
    if campaign_id is None:
        return None
    had_some = (
        await connection.fetchval(_QUERIES["purge_ledgers"], campaign_id, _PIECE)
        or await connection.fetchval(_QUERIES["purge_votes"], campaign_id, _PIECE)
        or await connection.fetchval(_QUERIES["purge_inbox"], campaign_id, _PIECE)
        or await connection.fetchval(_QUERIES["purge_rolls"], campaign_id, _PIECE)
        or await connection.fetchval(_QUERIES["purge_events"], campaign_id, _PIECE)
    )
    if had_some:
        return campaign_id
    await connection.execute(_QUERIES["purge"], campaign_id)
    return campaign_id


async def of_thing(connection: Connection, id_: UUID) -> UUID | None:
    """The campaign of whatever has this id: a poll, an overlay, a member, … None: nothing of a campaign has
    it."""
    found: UUID | None = await connection.fetchval(_QUERIES["of_thing"], id_)
    return found


async def demo(connection: Connection) -> Campaign | None:
    """The campaign that the first start made."""
    row = await connection.fetchrow(_QUERIES["demo"])
    return None if row is None else Campaign(*row)


async def raise_token_version(connection: Connection, *campaign_ids: UUID) -> None:
    """Tell every process that keys, logins or layouts of these campaigns must be looked at anew."""
    await connection.execute(_QUERIES["raise_token_version"], sorted(campaign_ids))
