"""Reports of "Check everything": what was known of a show, and when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

import sql
from sql.ids import uuid7
from sql.pool import Connection

_Q = sql.load("preflight_reports")

#: So many of each show are kept.
KEPT = 50

#: Who asked: the button of the desk, a launch, or `hubbub doctor`.
Source = Literal["desk", "launch", "doctor"]


class Report(NamedTuple):
    """One time that everything was looked at. `checks` as they were told, without their buttons."""

    id: UUID
    source: Source
    actor: str
    healthy: bool
    warnings: int
    checks: Sequence[Mapping[str, Any]]
    took_ms: int
    at: datetime


async def keep(
    connection: Connection,
    campaign_id: UUID,
    *,
    source: Source,
    actor: str,
    checks: Sequence[Mapping[str, str]],
    took_ms: int,
) -> UUID:
    """Keep a report, and no more than `KEPT` of the show; `checks` have name, status, detail and fix."""
    found = uuid7()
    words = [check["status"] for check in checks]
    await connection.execute(
        _Q["keep"],
        found,
        campaign_id,
        source,
        actor[:100],
        "fail" not in words,
        words.count("warn"),
        [dict(check) for check in checks],
        took_ms,
    )
    await connection.execute(_Q["forget"], campaign_id, KEPT)
    return found


async def page(connection: Connection, campaign_id: UUID, before: UUID | None, most: int) -> list[Report]:
    """Newest first."""
    return [Report(*row) for row in await connection.fetch(_Q["page"], campaign_id, before, most)]
