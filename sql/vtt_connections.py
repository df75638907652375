"""Tables that send dice, and what proves them. Secrets that sign are sealed, all others hashed (T7, T21)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, TypeAlias
from uuid import UUID

import sql
from sql import heads
from sql.pool import Connection, Row

_Q = sql.load("vtt_connections")

Visibility: TypeAlias = Literal["public", "gm_only"]
Status: TypeAlias = Literal["active", "revoked"]
#: Of one campaign; a show has a handful.
MOST_TABLES: Final = 100
#: How long the secrets before the newest ones stay good.
OLDER_GOOD_FOR: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class VttConnection:
    """A table, without anything that proves it. `campaign_id` None: the campaign was deleted."""

    id: UUID
    campaign_id: UUID | None
    provider: str
    provider_name: str
    auth_type: Literal["pairing", "webhook"]
    name: str
    status: Status
    #: Whether a signing secret and an ingest token are there; a paired module may have neither.
    has_secrets: bool
    #: Until when the secrets before the newest ones are good; None: there are none.
    older_until: datetime | None
    token_version: int
    fingerprint: str | None
    world_id: str | None
    world_name: str
    module_version: str
    game_system: str
    visibility: Visibility
    origins: Sequence[str]
    is_trusted: bool
    heard_at: datetime | None
    #: Of the last 60 seconds, duplicates not among them.
    rolls_per_minute: int
    #: Browsers of the published module that are connected.
    sockets: int
    revoked_at: datetime | None
    revoked_reason: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class World:
    """What a table says of itself when it is paired."""

    id: str | None = None
    name: str = ""
    module_version: str = ""
    game_system: str = ""


@dataclass(frozen=True, slots=True)
class Gate:
    """What a delivery must prove. Older secrets are there only while they are good."""

    id: UUID
    campaign_id: UUID | None
    provider: str
    is_active: bool
    signing_secret: bytes | None  # sealed
    ingest_hash: bytes | None
    older_signing_secret: bytes | None  # sealed
    older_ingest_hash: bytes | None
    world_id: str
    visibility: Visibility
    origins: Sequence[str]
    is_trusted: bool
    now: datetime  # database clock


def _one(row: Row | None) -> VttConnection | None:
    return None if row is None else VttConnection(*row)


async def create(
    connection: Connection,
    campaign_id: UUID,
    *,
    connection_id: UUID,
    provider: str,
    name: str,
    signing_secret: bytes | None = None,
    ingest_hash: bytes | None = None,
    visibility: Visibility = "gm_only",
    origins: Sequence[str] = (),
    is_trusted: bool = False,
    world: World = World(),
) -> None:
    """A new table. Its id comes from outside because the signing secret is sealed for it."""
    await connection.execute(
        _Q["create"],
        connection_id,
        campaign_id,
        provider,
        name,
        visibility,
        list(origins),
        is_trusted,
        signing_secret,
        ingest_hash,
        world.id,
        world.name,
        world.module_version,
        world.game_system,
    )


async def count(connection: Connection, campaign_id: UUID) -> int:
    """How many tables a campaign has."""
    number: int = await connection.fetchval(_Q["count"], campaign_id)
    return number


async def list_of_campaign(connection: Connection, campaign_id: UUID) -> list[VttConnection]:
    """The tables of a campaign, oldest first."""
    return [VttConnection(*row) for row in await connection.fetch(_Q["list_of_campaign"], campaign_id)]


async def get(connection: Connection, connection_id: UUID, within: Sequence[UUID]) -> VttConnection | None:
    """One table of these campaigns."""
    return _one(await connection.fetchrow(_Q["get"], connection_id, within))


async def lock(connection: Connection, connection_id: UUID, within: Sequence[UUID]) -> VttConnection | None:
    """As `get`, and nobody else changes it until the transaction ends."""
    if await connection.fetchval(_Q["lock"], connection_id, within) is None:
        return None
    return await get(connection, connection_id, within)


async def update(
    connection: Connection,
    connection_id: UUID,
    *,
    name: str,
    visibility: Visibility,
    origins: Sequence[str],
    is_trusted: bool,
) -> None:
    """Rename, or decide anew who may send and what it counts for."""
    await connection.execute(_Q["update"], connection_id, name, visibility, list(origins), is_trusted)


async def rotate(
    connection: Connection,
    connection_id: UUID,
    *,
    signing_secret: bytes,
    older_signing_secret: bytes | None,
    ingest_hash: bytes,
) -> None:
    """New secrets; those of now stay good for OLDER_GOOD_FOR, those before them are over.

    `older_signing_secret` is that of now, sealed for its new place.
    """
    good_for = OLDER_GOOD_FOR.total_seconds()
    await connection.execute(
        _Q["rotate"], connection_id, signing_secret, older_signing_secret, ingest_hash, good_for
    )


async def revoke(connection: Connection, connection_id: UUID, reason: str) -> bool:
    """From the commit on nothing proves this table any more; False when it was revoked already.

    Its API key stays noted: the published module asks with it whether it may come back.
    """
    return await connection.execute(_Q["revoke"], connection_id, reason[:200]) == "UPDATE 1"


async def reauthorize(
    connection: Connection, connection_id: UUID, *, signing_secret: bytes | None, ingest_hash: bytes | None
) -> bool:
    """A revoked table may come back, with other secrets; False when it was not revoked."""
    done = await connection.execute(_Q["reauthorize"], connection_id, signing_secret, ingest_hash)
    return done == "UPDATE 1"


async def delete(connection: Connection, campaign_id: UUID, connection_id: UUID) -> None:
    """Take a table away; its rolls and characters stay, those it told anew once only.

    Takes the campaign's lock: rolls are changed.
    """
    await heads.bump_config(connection, campaign_id)
    await connection.execute(_Q["end_commands"], connection_id)
    await connection.execute(_Q["drop_double_rolls"], connection_id)
    await connection.execute(_Q["adopt_rolls"], connection_id)
    await connection.execute(_Q["drop_double_characters"], connection_id)
    await connection.execute(_Q["delete"], connection_id)


async def gate(connection: Connection, connection_id: UUID) -> Gate | None:
    """What a delivery to this table must prove."""
    row = await connection.fetchrow(_Q["gate"], connection_id)
    return None if row is None else Gate(*row)


async def origins_of(connection: Connection, connection_id: UUID) -> Sequence[str]:
    """From which origins browsers may send; none listed, and a table that is not there: from any."""
    found: Sequence[str] | None = await connection.fetchval(_Q["origins"], connection_id)
    return found or ()


async def heard(connection: Connection, marks: Mapping[UUID, datetime]) -> None:
    """Note when each table last sent something genuine."""
    if marks:
        await connection.execute(_Q["heard"], list(marks), list(marks.values()))


async def active(connection: Connection, campaign_id: UUID, asked: Collection[UUID]) -> set[UUID]:
    """Those of these tables that may send to the campaign; none of them goes before the transaction ends."""
    rows = await connection.fetch(_Q["active"], campaign_id, asked)
    return {row["id"] for row in rows}
