"""The people who run shows. In this version there is one: the owner of the installation."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import sql
from sql.ids import uuid7
from sql.pool import Connection

_QUERIES = sql.load("users")


@dataclass(frozen=True, slots=True)
class Person:
    id: UUID
    name: str


async def ensure_owner(connection: Connection, name: str = "Game master") -> Person:
    """The owner of the installation, made at the first call. Two processes may call at once."""
    await connection.execute(_QUERIES["make_owner"], uuid7(), name)
    row = await connection.fetchrow(_QUERIES["owner"])
    if row is None:
        raise LookupError("the owner's row was removed while it was read")
    return Person(row["id"], row["display_name"])


async def get(connection: Connection, user_id: UUID) -> Person | None:
    """One person."""
    row = await connection.fetchrow(_QUERIES["get"], user_id)
    return None if row is None else Person(*row)
