"""What proves the published Foundry module, and which of its tokens are dead before their time."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

import sql
from sql.pool import Connection, Row
from sql.vtt_connections import World

_Q = sql.load("vtt_tokens")


@dataclass(frozen=True, slots=True)
class Paired:
    """A paired world, as a token or the key of it is judged."""

    id: UUID
    campaign_id: UUID | None  # None: the campaign was deleted
    campaign_name: str
    is_active: bool
    token_version: int
    fingerprint: str
    world_id: str
    world_name: str
    module_version: str
    game_system: str
    parked: bytes | None  # sealed credentials that the module has not come in with yet
    is_parked: bool | None  # they may still be fetched
    revoked_at: datetime | None
    seen_at: datetime | None  # when a browser of it was last there
    is_dead: bool  # the token that was asked about


def key_hash(api_key: str) -> bytes:
    """What is stored of a key: it has 256 random bits, so that nothing needs to be added."""
    return hashlib.sha256(api_key.encode()).digest()


def _one(row: Row | None) -> Paired | None:
    return None if row is None else Paired(*row)


async def by_token(connection: Connection, connection_id: UUID, jti: UUID) -> Paired | None:
    """The world that a genuine token names; None when it is gone."""
    return _one(await connection.fetchrow(_Q["by_token"], connection_id, jti))


async def by_id(connection: Connection, connection_id: UUID) -> Paired | None:
    """The world of this id."""
    return await by_token(connection, connection_id, UUID(int=0))


async def by_api_key(connection: Connection, api_key: str) -> Paired | None:
    """The world that has this key, revoked or not."""
    return _one(await connection.fetchrow(_Q["by_api_key"], key_hash(api_key)))


async def same_world(connection: Connection, campaign_id: UUID, world_id: str) -> UUID | None:
    """The table as which this world was paired before; nobody else changes it until the transaction ends."""
    found: UUID | None = await connection.fetchval(_Q["same_world"], campaign_id, world_id)
    return found


async def renew(
    connection: Connection, connection_id: UUID, *, api_key: str, fingerprint: str, world: World
) -> int:
    """A world is paired once more; answers the version that its tokens have from now on."""
    version: int = await connection.fetchval(
        _Q["renew"],
        connection_id,
        key_hash(api_key),
        fingerprint,
        world.name,
        world.module_version,
        world.game_system,
    )
    return version


async def arm(connection: Connection, connection_id: UUID, *, api_key: str, fingerprint: str) -> int:
    """Give a new table its key; answers the version of its tokens."""
    version: int = await connection.fetchval(_Q["arm"], connection_id, key_hash(api_key), fingerprint)
    return version


async def set_fingerprint(connection: Connection, connection_id: UUID, fingerprint: str) -> int:
    """Change it; answers the version of the table's tokens."""
    version: int = await connection.fetchval(_Q["set_fingerprint"], connection_id, fingerprint)
    return version


async def park(connection: Connection, connection_id: UUID, sealed: bytes, good_for: timedelta) -> None:
    """Let the module fetch these credentials."""
    await connection.execute(_Q["park"], connection_id, sealed, good_for.total_seconds())


async def unpark(connection: Connection, connection_id: UUID) -> None:
    """It has come in: nobody fetches them any more."""
    await connection.execute(_Q["unpark"], connection_id)


async def retire(
    connection: Connection,
    jti: UUID,
    kind: Literal["session", "refresh"],
    connection_id: UUID,
    *,
    after: timedelta,
    reason: str,
    expires_at: datetime,
) -> None:
    """A token dies after a while; noted until `expires_at`, when it would have died of age."""
    seconds = after.total_seconds()
    await connection.execute(_Q["retire"], jti, kind, connection_id, seconds, reason[:200], expires_at)


async def forget(connection: Connection, most: int = 1000) -> None:
    """Drop dead tokens whose age refuses them by now."""
    await connection.execute(_Q["forget"], most)
