"""Questions a game master asks again and again, saved per campaign."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sql
from sql.ids import uuid7
from sql.pool import Connection

_QUERIES = sql.load("poll_templates")


@dataclass(frozen=True, slots=True)
class Template:
    id: UUID
    campaign_id: UUID
    label: str
    question: str
    options: Sequence[str]
    duration_s: int
    settings: Mapping[str, Any]
    created_at: datetime


async def create(
    connection: Connection,
    campaign_id: UUID,
    *,
    label: str,
    question: str,
    options: Sequence[str],
    duration_s: int,
    settings: Mapping[str, Any],
) -> Template:
    """Save a template. Raises UniqueViolation when the campaign has one with this label."""
    row = await connection.fetchrow(
        _QUERIES["create"], uuid7(), campaign_id, label, question, list(options), duration_s, dict(settings)
    )
    if row is None:
        raise LookupError("INSERT … RETURNING answered no row")
    return Template(*row)


async def list_of_campaign(connection: Connection, campaign_id: UUID) -> list[Template]:
    """Saved templates of a campaign by label."""
    return [Template(*row) for row in await connection.fetch(_QUERIES["list_of_campaign"], campaign_id)]


async def delete(connection: Connection, template_id: UUID, within: Sequence[UUID]) -> UUID | None:
    """Remove a template of these campaigns; answers its campaign when it was there."""
    campaign_id: UUID | None = await connection.fetchval(_QUERIES["delete"], template_id, within)
    return campaign_id
