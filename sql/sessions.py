"""Logins of the desk: 12 hours without use, 7 days in all (reliability T43). Tokens are stored hashed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeAlias
from uuid import UUID

import sql
from sql.ids import uuid7
from sql.pool import Connection

_QUERIES = sql.load("sessions")

IDLE = timedelta(hours=12)
LIFE = timedelta(days=7)

#: How a person came in; `link` is the one of the terminal.
Method: TypeAlias = Literal["link", "twitch", "kick", "google", "password"]


@dataclass(frozen=True, slots=True)
class Session:
    """A living login. `is_stale` says that its last use should be noted again."""

    id: UUID
    user_id: UUID
    user_name: str
    csrf_token: str
    is_stale: bool


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """A login as its owner may see it."""

    id: UUID
    method: Method
    user_agent: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime


def token_hash(token: str) -> bytes:
    """What is stored of a cookie's value."""
    return hashlib.sha256(token.encode()).digest()


async def begin(
    connection: Connection,
    user_id: UUID,
    *,
    token: str,
    csrf_token: str,
    user_agent: str,
    method: Method = "link",
) -> UUID:
    """Log a person in; answers the id of the session."""
    session_id = uuid7()
    await connection.execute(
        _QUERIES["begin"],
        session_id,
        user_id,
        token_hash(token),
        csrf_token,
        user_agent.replace("\0", "")[:300],
        LIFE.total_seconds(),
        method,
    )
    return session_id


async def find(connection: Connection, token: str) -> Session | None:
    """The living session of a cookie."""
    row = await connection.fetchrow(_QUERIES["find"], token_hash(token), IDLE.total_seconds())
    if row is None:
        return None
    return Session(row["id"], row["user_id"], row["display_name"], row["csrf_token"], row["is_stale"])


async def alive(connection: Connection, session_id: UUID) -> UUID | None:
    """The user of a session that has not ended."""
    user_id: UUID | None = await connection.fetchval(_QUERIES["alive"], session_id, IDLE.total_seconds())
    return user_id


async def is_recent(connection: Connection, session_id: UUID, within: timedelta) -> bool:
    """Whether the person signed in just now: what cannot be undone asks for that (T43)."""
    found: bool = await connection.fetchval(_QUERIES["is_recent"], session_id, within.total_seconds())
    return found


async def touch(connection: Connection, session_id: UUID) -> None:
    """Note that the session was used."""
    await connection.execute(_QUERIES["touch"], session_id)


async def list_of_user(connection: Connection, user_id: UUID) -> list[SessionInfo]:
    """Where a person is logged in, latest first."""
    rows = await connection.fetch(_QUERIES["list_of_user"], user_id, IDLE.total_seconds())
    return [SessionInfo(*row) for row in rows]


async def end(connection: Connection, session_id: UUID, user_id: UUID) -> bool:
    """Log a session of this person out; False when it is not theirs or has ended."""
    return await connection.fetchval(_QUERIES["end"], session_id, user_id) is not None


async def end_all(connection: Connection, user_id: UUID, *, but: UUID | None = None) -> int:
    """Log a person out everywhere, or everywhere but in one session; answers in how many places."""
    ended: int = await connection.fetchval(_QUERIES["end_all"], user_id, but)
    return ended


async def end_by_token(connection: Connection, token: str) -> None:
    """Log out whatever session a cookie stands for."""
    await connection.execute(_QUERIES["end_by_token"], token_hash(token))


async def sweep(connection: Connection) -> list[tuple[UUID, UUID]]:
    """Remove sessions that have ended (housekeeping); answers which, each with its person."""
    rows = await connection.fetch(_QUERIES["sweep"], IDLE.total_seconds())
    return [(row["id"], row["user_id"]) for row in rows]
