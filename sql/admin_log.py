"""Who did what on this installation. An entry is written in the transaction of the act."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sql
from sql.ids import uuid7
from sql.pool import Connection

_QUERIES = sql.load("admin_log")


@dataclass(frozen=True, slots=True)
class Entry:
    id: UUID
    at: datetime
    actor: str
    action: str
    subject: str
    detail: Mapping[str, Any]


async def note(
    connection: Connection,
    *,
    actor: str,
    action: str,
    campaign_id: UUID | None = None,
    subject: object = "",
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Write one entry. `action` is `noun.verb`; `detail` must not hold a secret."""
    await connection.execute(
        _QUERIES["note"], uuid7(), actor, campaign_id, action, str(subject)[:100], dict(detail or {})
    )


async def of_actor(connection: Connection, actor: str, limit: int = 1000) -> list[Entry]:
    """The last acts of one actor, newest first: a part of what they may take away with them."""
    return [Entry(*row) for row in await connection.fetch(_QUERIES["of_actor"], actor, limit)]


async def forget_attempts(connection: Connection) -> None:
    """Remove what strangers could make grow, like failed logins, after 90 days (housekeeping)."""
    await connection.execute(_QUERIES["forget_attempts"])


async def latest(connection: Connection, campaign_id: UUID, limit: int = 100) -> list[Entry]:
    """The last acts in a campaign, newest first."""
    return [Entry(*row) for row in await connection.fetch(_QUERIES["latest"], campaign_id, limit)]
