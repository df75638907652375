"""Pages on which viewers give money, and what proves them: sealed secrets and hashed tokens (T7, T21)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, TypeAlias, get_args
from uuid import UUID

import sql
from sql.pool import Connection, Row

_Q = sql.load("donations")

Service: TypeAlias = Literal["kofi", "streamelements", "streamlabs"]
SERVICES: Final[frozenset[str]] = frozenset(get_args(Service))
#: Of one campaign.
MOST_PAGES: Final = 20
#: How long the secrets before the newest ones stay good.
OLDER_GOOD_FOR: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class DonationPage:
    """A donation page, without anything that proves it."""

    id: UUID
    campaign_id: UUID
    service: Service
    name: str
    status: Literal["active", "revoked"]
    older_until: datetime | None  # until when the secrets before the newest ones are good
    heard_at: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Gate:
    """What a delivery must prove. Older secrets are there only while they are good."""

    id: UUID
    campaign_id: UUID
    service: Service
    is_active: bool
    signing_secret: bytes | None  # sealed
    token_hash: bytes | None
    older_signing_secret: bytes | None  # sealed
    older_token_hash: bytes | None
    now: datetime  # database clock


@dataclass(frozen=True, slots=True)
class Held:
    """A page that nobody else changes until the transaction ends."""

    signing_secret: bytes | None  # sealed
    token_hash: bytes | None


def _one(row: Row | None) -> DonationPage | None:
    return None if row is None else DonationPage(*row)


async def create(
    connection: Connection,
    campaign_id: UUID,
    *,
    page_id: UUID,
    service: Service,
    name: str,
    signing_secret: bytes | None,
    token_hash: bytes,
) -> None:
    """A new page. Its id comes from outside because the signing secret is sealed for it."""
    await connection.execute(_Q["create"], page_id, campaign_id, service, name, signing_secret, token_hash)


async def count(connection: Connection, campaign_id: UUID) -> int:
    """How many pages a campaign has."""
    number: int = await connection.fetchval(_Q["count"], campaign_id)
    return number


async def list_of_campaign(connection: Connection, campaign_id: UUID) -> list[DonationPage]:
    """The pages of a campaign, oldest first."""
    return [DonationPage(*row) for row in await connection.fetch(_Q["list_of_campaign"], campaign_id)]


async def get(connection: Connection, page_id: UUID, within: Sequence[UUID]) -> DonationPage | None:
    """One page of these campaigns."""
    return _one(await connection.fetchrow(_Q["get"], page_id, within))


async def lock(connection: Connection, page_id: UUID, within: Sequence[UUID]) -> Held | None:
    """What proves a page of these campaigns; nobody else changes it until the transaction ends."""
    row = await connection.fetchrow(_Q["lock"], page_id, within)
    return None if row is None else Held(*row)


async def rename(connection: Connection, page_id: UUID, name: str) -> None:
    await connection.execute(_Q["rename"], page_id, name)


async def rotate(
    connection: Connection,
    page_id: UUID,
    *,
    signing_secret: bytes | None,
    older_signing_secret: bytes | None,
    token_hash: bytes,
) -> None:
    """New secrets; those of now stay good for OLDER_GOOD_FOR. A revoked page is let in again.

    `older_signing_secret` is that of now, sealed for its new place.
    """
    good_for = OLDER_GOOD_FOR.total_seconds()
    await connection.execute(
        _Q["rotate"], page_id, signing_secret, older_signing_secret, token_hash, good_for
    )


async def revoke(connection: Connection, page_id: UUID) -> bool:
    """From the commit on nothing proves this page any more; False when it was revoked already."""
    return await connection.execute(_Q["revoke"], page_id) == "UPDATE 1"


async def delete(connection: Connection, page_id: UUID) -> None:
    """Take a page away; what it told stays."""
    await connection.execute(_Q["delete"], page_id)


async def gate(connection: Connection, page_id: UUID) -> Gate | None:
    """What a delivery to this page must prove."""
    row = await connection.fetchrow(_Q["gate"], page_id)
    return None if row is None else Gate(*row)


async def active(
    connection: Connection, campaign_id: UUID, asked: Collection[str]
) -> dict[tuple[str, str], UUID]:
    """Those of these pages (their ids as text) that may tell the campaign something, by service and id; none
    of them goes before the transaction ends."""
    ids = []
    for text in asked:
        with suppress(ValueError):
            ids.append(UUID(text))
    rows = await connection.fetch(_Q["active"], campaign_id, ids)
    return {(row["service"], str(row["id"])): row["id"] for row in rows}


async def heard(connection: Connection, page_id: UUID, at: datetime) -> None:
    """Something genuine has just come from this page."""
    await connection.execute(_Q["heard"], page_id, at)
