"""Ways to a provider and back that are under way: ten minutes, one use, one browser, one provider (T6)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, TypeAlias
from uuid import UUID

import sql
from sql.auth_providers import ProviderName
from sql.pool import Connection

_Q = sql.load("oauth_states")

LIFE = timedelta(minutes=10)

#: To sign in, or to add the account to the one that is signed in.
Purpose: TypeAlias = Literal["login", "link"]
#: identity: only who it is; channel: what their streams need, and the grant is kept; person: as identity, and
#: the account is one person with the other one of theirs.
Wants: TypeAlias = Literal["identity", "channel", "person"]


@dataclass(frozen=True, slots=True)
class Way:
    """What was noted when somebody was sent away. Secrets are hashed, or sealed where they are needed."""

    provider: ProviderName
    purpose: Purpose
    session_id: UUID | None  # whose account is added to; None for `login`
    wants: Wants
    browser_hash: bytes
    verifier: bytes  # sealed
    return_to: str


def digest(secret: str) -> bytes:
    """What is stored of a state, and of the cookie that goes with it."""
    return hashlib.sha256(secret.encode()).digest()


async def begin(connection: Connection, state: str, way: Way) -> None:
    """Note that somebody is sent away with this state (random, 256 bits)."""
    await connection.execute(
        _Q["begin"],
        digest(state),
        way.provider,
        way.purpose,
        way.session_id,
        way.wants,
        way.browser_hash,
        way.verifier,
        way.return_to,
        LIFE.total_seconds(),
    )


async def take(connection: Connection, state: str) -> Way | None:
    """What a state stands for; it is used up by this, also when it is not accepted then.

    None: it is unknown, was used, or is older than ten minutes, which look the same.
    """
    row = await connection.fetchrow(_Q["take"], digest(state))
    return None if row is None or not row["is_fresh"] else Way(*tuple(row)[:-1])


async def sweep(connection: Connection) -> None:
    """Remove those from which nobody came back (housekeeping)."""
    await connection.execute(_Q["sweep"])
