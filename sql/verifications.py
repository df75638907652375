"""One-time codes: the link that the terminal prints. Codes are stored hashed, last 24 hours, work once."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from uuid import UUID

import sql
from sql.ids import uuid7
from sql.pool import Connection

_QUERIES = sql.load("verifications")

LIFE = timedelta(hours=24)


def _hash(code: str) -> bytes:
    return hashlib.sha256(code.encode()).digest()


async def issue_login(connection: Connection, user_id: UUID, code: str) -> None:
    """Make `code` (random, at least 128 bits) good for one login of this person."""
    await connection.execute(_QUERIES["issue_login"], uuid7(), _hash(code), user_id, LIFE.total_seconds())


async def use_login(connection: Connection, code: str) -> UUID | None:
    """The person whom the code lets in; None when it is unknown, used or too old. It is used up."""
    user_id: UUID | None = await connection.fetchval(_QUERIES["use_login"], _hash(code))
    return user_id


async def sweep(connection: Connection) -> None:
    """Remove codes that can no longer be used (housekeeping)."""
    await connection.execute(_QUERIES["sweep"])
