"""Tokens of linked accounts and of the installation, as they are stored: sealed by the caller.

One process at a time refreshes a version of an account's tokens. Its right to do so is a lease in the row,
taken before the platform is asked and stored with `rotating_since`: whoever comes after a crash sees that the
refresh token may have been used up by an answer that nobody stored (reliability R19).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Literal, NamedTuple, TypeAlias
from uuid import UUID

import sql
from sql.pool import Connection

_Q = sql.load("tokens")

State: TypeAlias = Literal["valid", "needs_relink"]
#: refused: the platform says no. lost_rotation: it gave us a token that we never stored. expired: there is
#: nothing to refresh it with. unreadable: sealed by a key that is no longer in the ring.
Reason: TypeAlias = Literal["", "refused", "lost_rotation", "expired", "unreadable"]


class Kept(NamedTuple):
    """The tokens of an account. Times are seconds from now, by the database clock."""

    auth_provider_id: UUID
    access_token: bytes | None  # sealed; None: needs_relink
    can_refresh: bool
    scopes: Sequence[str]
    version: int
    state: State
    reason: Reason
    expires_in_s: float
    age_s: float
    rotating_s: float  # somebody is refreshing, and has so long for it
    wait_s: float  # the platform did not answer: nobody tries before


class Claimed(NamedTuple):
    """The right to refresh."""

    refresh_token: bytes  # sealed
    is_unclear: bool  # another one has tried, and nobody knows what became of it
    failures: int  # in a row, before this try


class Due(NamedTuple):
    """An account whose tokens end soon."""

    provider: str
    account_id: str
    version: int


class Unvalidated(NamedTuple):
    """An account whose token is to be shown to the platform."""

    provider: str
    account_id: str
    auth_provider_id: UUID
    access_token: bytes
    version: int


class Standing(NamedTuple):
    """What may be told of an account's tokens."""

    account_id: str
    state: State
    reason: Reason
    scopes: Sequence[str]
    expires_at: datetime
    failures: int  # refreshes in a row that the platform did not answer
    is_over: bool


class KeptApp(NamedTuple):
    """The token of the installation."""

    access_token: bytes
    version: int
    expires_in_s: float
    age_s: float


async def find(connection: Connection, provider: str, account_id: str) -> Kept | None:
    """The tokens of an account; None: nobody has linked it, or it was linked without tokens."""
    row = await connection.fetchrow(_Q["find"], provider, account_id)
    return None if row is None else Kept(*row)


async def put(
    connection: Connection,
    auth_provider_id: UUID,
    *,
    access_token: bytes,
    refresh_token: bytes | None,
    scopes: Sequence[str],
    expires_in_s: float,
) -> int:
    """The tokens of a sign-in; answers their version. Raises ForeignKeyViolation for an unknown account."""
    version: int = await connection.fetchval(
        _Q["put"], auth_provider_id, access_token, refresh_token, list(scopes), expires_in_s
    )
    return version


async def claim(
    connection: Connection, auth_provider_id: UUID, version: int, holder: UUID, lease_s: float
) -> Claimed | None:
    """The right to refresh this version; None when it is replaced, dead, resting, or somebody else's."""
    row = await connection.fetchrow(_Q["claim"], auth_provider_id, version, holder, lease_s)
    return None if row is None else Claimed(*row)


async def save(
    connection: Connection,
    auth_provider_id: UUID,
    version: int,
    *,
    access_token: bytes,
    refresh_token: bytes | None,
    scopes: Sequence[str],
    expires_in_s: float,
) -> bool:
    """Replace this version by what the platform answered; False when somebody else has replaced it.

    Who lost the lease may still save: a good answer is good, and the only one of its kind.
    """
    saved = await connection.fetchval(
        _Q["save"], auth_provider_id, version, access_token, refresh_token, list(scopes), expires_in_s
    )
    return saved is not None


async def postpone(
    connection: Connection, auth_provider_id: UUID, version: int, holder: UUID, seconds: float
) -> None:
    """Nobody knows what became of the refresh; it is tried again after so long."""
    await connection.execute(_Q["postpone"], auth_provider_id, version, holder, seconds)


async def give_up(
    connection: Connection, auth_provider_id: UUID, version: int, holder: UUID | None, reason: Reason
) -> bool:
    """The streamer must link again. `holder` None: nobody was refreshing. False when that changed."""
    done = await connection.execute(_Q["give_up"], auth_provider_id, version, holder, reason)
    return done == "UPDATE 1"


async def due(connection: Connection, within_s: float, most: int, providers: Collection[str]) -> list[Due]:
    """Tokens of these providers that end within so many seconds, the most urgent first."""
    return [Due(*row) for row in await connection.fetch(_Q["due"], within_s, most, list(providers))]


async def to_validate(
    connection: Connection, older_than_s: float, most: int, providers: Collection[str]
) -> list[Unvalidated]:
    """Take tokens that were not shown to their platform for so long; from now on they count as shown."""
    rows = await connection.fetch(_Q["to_validate"], older_than_s, most, list(providers))
    return [Unvalidated(*row) for row in rows]


async def note_scopes(
    connection: Connection, auth_provider_id: UUID, version: int, scopes: Sequence[str]
) -> None:
    """What the platform says this version may do."""
    await connection.execute(_Q["note_scopes"], auth_provider_id, version, list(scopes))


async def standings(
    connection: Connection, provider: str, account_ids: Collection[str]
) -> dict[str, Standing]:
    """How these accounts stand, by their id; one without tokens is missing."""
    rows = await connection.fetch(_Q["standings"], provider, list(account_ids))
    return {row["account_id"]: Standing(*row) for row in rows}


async def find_app(connection: Connection, provider: str) -> KeptApp | None:
    """The installation's token."""
    row = await connection.fetchrow(_Q["find_app"], provider)
    return None if row is None else KeptApp(*row)


async def put_app(
    connection: Connection, provider: str, access_token: bytes, expires_in_s: float, instead_of: int
) -> bool:
    """Store a fresh one in place of version `instead_of` (0: of none); False when there is a newer one."""
    put_ = await connection.fetchval(_Q["put_app"], provider, access_token, expires_in_s, instead_of)
    return put_ is not None
