"""Everything that is kept about a person, as they may take it away with them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

import sql
from sql.auth_providers import LinkedAccount
from sql.pool import Connection, Row

_Q = sql.load("account_export")

Section: TypeAlias = list[dict[str, Any]]


async def shows(connection: Connection, user_id: UUID) -> Section:
    """Shows of the person, and those in which they take part."""
    return _plain(await connection.fetch(_Q["shows"], user_id))


async def keys(connection: Connection, user_id: UUID) -> Section:
    """Their bearer keys, which nobody can read any more."""
    return _plain(await connection.fetch(_Q["keys"], user_id))


async def viewer(connection: Connection, account: LinkedAccount) -> Section:
    """What is known of one of their accounts as a viewer."""
    return _plain(await connection.fetch(_Q["viewer"], account.provider, account.provider_user_id))


async def votes(connection: Connection, account: LinkedAccount) -> Section:
    """The votes of one of their accounts that count, newest first."""
    return _plain(await connection.fetch(_Q["votes"], account.provider, account.provider_user_id))


def _plain(rows: list[Row]) -> Section:
    """Values as JSON has them."""

    def plain(value: Any) -> Any:
        if isinstance(value, datetime):
            return value.isoformat()
        return str(value) if isinstance(value, UUID) else value

    return [{name: plain(value) for name, value in row.items()} for row in rows]
