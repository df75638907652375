"""Accounts elsewhere by which people sign in: `(provider, id)` is one person's, one of each provider."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias
from uuid import UUID

import sql
from sql.ids import uuid7
from sql.pool import Connection

_Q = sql.load("auth_providers")

ProviderName: TypeAlias = Literal["twitch", "kick", "google"]


@dataclass(frozen=True, slots=True)
class LinkedAccount:
    """A row of `auth_providers`. `email` is what the provider tells, and proves nothing."""

    id: UUID
    user_id: UUID
    provider: ProviderName
    provider_user_id: str
    login: str
    display_name: str
    email: str | None
    created_at: datetime
    last_login_at: datetime | None


async def find(connection: Connection, provider: ProviderName, provider_user_id: str) -> LinkedAccount | None:
    """Whose account it is."""
    row = await connection.fetchrow(_Q["find"], provider, provider_user_id)
    return None if row is None else LinkedAccount(*row)


async def list_of_user(connection: Connection, user_id: UUID) -> Sequence[LinkedAccount]:
    """All accounts of a person, by provider."""
    return [LinkedAccount(*row) for row in await connection.fetch(_Q["list_of_user"], user_id)]


async def link(
    connection: Connection,
    user_id: UUID,
    provider: ProviderName,
    provider_user_id: str,
    *,
    login: str,
    name: str,
    email: str,
) -> UUID:
    """The account belongs to this person from now on; answers the id of the row.

    UniqueViolation: it belongs to somebody, or the person has one of this provider.
    """
    row_id = uuid7()
    await connection.execute(
        _Q["link"], row_id, user_id, provider, provider_user_id, login, name, email or None
    )
    return row_id


async def note_login(connection: Connection, row_id: UUID, *, login: str, name: str, email: str) -> None:
    """The person came in by this account, which is called like this now."""
    await connection.execute(_Q["note_login"], row_id, login, name, email or None)


async def unlink(connection: Connection, user_id: UUID, provider: ProviderName) -> LinkedAccount | None:
    """The account belongs to nobody from now on, and its tokens are gone; answers what it was."""
    row = await connection.fetchrow(_Q["unlink"], user_id, provider)
    return None if row is None else LinkedAccount(*row)
