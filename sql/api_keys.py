"""Bearer keys `hb_…` of scripts. Only the SHA-256 is stored; a key is shown once, when it is made."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sql
from sql.ids import uuid7
from sql.pool import Connection

_QUERIES = sql.load("api_keys")

PREFIX = "hb_"


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """Whose key it is. `is_stale` says that its last use should be noted again."""

    key_id: UUID
    user_id: UUID
    user_name: str
    is_stale: bool


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """A key as its owner may see it: never the key itself."""

    id: UUID
    name: str
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


def key_hash(key: str) -> bytes:
    """What is stored of a key."""
    return hashlib.sha256(key.encode()).digest()


async def create(connection: Connection, user_id: UUID, name: str) -> tuple[UUID, str]:
    """A new key with 256 random bits: its id, and the key, which nobody can read again."""
    key_id, key = uuid7(), PREFIX + secrets.token_urlsafe(32)
    await connection.execute(_QUERIES["create"], key_id, user_id, name, key_hash(key))
    return key_id, key


async def find(connection: Connection, key: str) -> KeyHolder | None:
    """The person behind a key that was not revoked."""
    row = await connection.fetchrow(_QUERIES["find"], key_hash(key))
    return None if row is None else KeyHolder(*row)


async def alive(connection: Connection, key_id: UUID) -> UUID | None:
    """The user of a key that was not revoked."""
    user_id: UUID | None = await connection.fetchval(_QUERIES["alive"], key_id)
    return user_id


async def touch(connection: Connection, key_id: UUID) -> None:
    """Note that the key was used."""
    await connection.execute(_QUERIES["touch"], key_id)


async def list_of_user(connection: Connection, user_id: UUID) -> list[KeyInfo]:
    """A person's keys, revoked ones too, newest first."""
    return [KeyInfo(*row) for row in await connection.fetch(_QUERIES["list_of_user"], user_id)]


async def revoke(connection: Connection, key_id: UUID, user_id: UUID) -> bool:
    """End a key of this person; False when it is not theirs or was revoked before."""
    return await connection.fetchval(_QUERIES["revoke"], key_id, user_id) is not None
