"""Pairings under way: a code on one side that somebody types on the other. Codes are kept as keyed hashes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, TypeAlias
from uuid import UUID

import sql
from sql.ids import uuid7
from sql.pool import Connection, Row
from sql.vtt_connections import World

_Q = sql.load("vtt_pairings")

#: How long a code is good.
GOOD_FOR_S: Final = 300
Side: TypeAlias = Literal["table", "desk"]


@dataclass(frozen=True, slots=True)
class Pairing:
    """`campaign_id` is known from the start when the desk asked, `connection_id` when it is completed."""

    id: UUID
    asked_by: Side
    campaign_id: UUID | None
    connection_id: UUID | None
    provider: str
    world_id: str
    world_name: str
    module_version: str
    game_system: str
    created_at: datetime
    expires_at: datetime
    completed_at: datetime | None

    @property
    def world(self) -> World:
        return World(self.world_id or None, self.world_name, self.module_version, self.game_system)


def _one(row: Row | None) -> Pairing | None:
    return None if row is None else Pairing(*row)


async def create(
    connection: Connection,
    *,
    code_hash: bytes,
    asked_by: Side,
    provider: str,
    campaign_id: UUID | None = None,
    world: World = World(),  # noqa: B008  frozen
) -> datetime | None:
    """A code waits for the other side; answers until when, or None when the same code is known already
    (then take another one)."""
    expires_at: datetime | None = await connection.fetchval(
        _Q["create"],
        uuid7(),
        code_hash,
        asked_by,
        campaign_id,
        provider,
        world.id or "",
        world.name,
        world.module_version,
        world.game_system,
        GOOD_FOR_S,
    )
    return expires_at


async def waiting(connection: Connection, code_hash: bytes, asked_by: Side) -> Pairing | None:
    """The pairing of a code that is good and not used yet; nobody else completes it until the transaction
    ends. None: unknown, used and expired codes look the same."""
    return _one(await connection.fetchrow(_Q["waiting"], code_hash, asked_by))


async def by_code(connection: Connection, code_hash: bytes) -> Pairing | None:
    """The pairing of a code, whatever became of it; forgotten an hour after its end."""
    return _one(await connection.fetchrow(_Q["by_code"], code_hash))


async def complete(connection: Connection, pairing_id: UUID, connection_id: UUID, campaign_id: UUID) -> bool:
    """The pairing has made this connection; False when somebody else was first."""
    done = await connection.execute(_Q["complete"], pairing_id, connection_id, campaign_id)
    return done == "UPDATE 1"


async def forget(connection: Connection, most: int = 1000) -> None:
    """Drop codes that are over for an hour."""
    await connection.execute(_Q["forget"], most)
