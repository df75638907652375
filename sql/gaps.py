"""Gaps: when a channel was not heard although it should have been, and why.

Chat is heard while any living process reads it. Whoever watches compares that with what was last known: a
chat that is not heard any more begins a gap, from the moment until which it surely was; one that is heard
again ends it. So a gap is there also when the process that could have told of it is dead. Events beside
chat are told by who listens to them (`open_`, `close`); what they missed can be read afterwards: then the
gap is repaired.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias
from uuid import UUID

import sql
from sql.channels import DETAIL_LENGTH, SourceKind
from sql.pool import Connection, Row

_Q = sql.load("gaps")

Part: TypeAlias = Literal["chat", "events"]
#: lost: the connection ended. silent: it said nothing any more. no_process: whoever listened was gone.
#: revoked: the platform took a subscription away. not_stored: our database was away for too long.
Reason: TypeAlias = Literal["lost", "silent", "no_process", "revoked", "not_stored"]


@dataclass(frozen=True, slots=True)
class Gap:
    """A channel was not heard; `ended_at` None: it is not heard now."""

    channel: UUID
    platform: str
    login: str
    part: Part
    began_at: datetime
    ended_at: datetime | None
    reason: Reason
    detail: str
    repaired_at: datetime | None


def _gap(row: Row) -> Gap:
    return Gap(
        row["channel_id"],
        row["platform"],
        row["login"],
        row["part"],
        row["began_at"],
        row["ended_at"],
        row["reason"],
        row["detail"],
        row["repaired_at"],
    )


async def watch_chat(connection: Connection, kinds: Sequence[SourceKind]) -> None:
    """Begin and end the gaps of all chats of these kinds; of several who watch at one moment one does."""
    name = "chat." + ".".join(sorted(kinds))
    async with connection.transaction():
        row = await connection.fetchrow(_Q["watch"], name)
        if row is None or not row["is_ours"]:
            return
        await connection.execute(_Q["note_chat"], list(kinds), row["watched_until"])
        await connection.execute(_Q["watched"], name)


async def open_(
    connection: Connection,
    channels: Collection[UUID],
    part: Part,
    *,
    began_at: datetime,
    reason: Reason,
    detail: str = "",
) -> None:
    """These channels have not been heard since `began_at`."""
    await connection.execute(_Q["open"], list(channels), part, began_at, reason, detail[:DETAIL_LENGTH])


async def close(connection: Connection, channels: Collection[UUID], part: Part) -> None:
    """These channels are heard (again)."""
    await connection.execute(_Q["close"], list(channels), part)


async def to_repair(connection: Connection, platform: str) -> dict[str, list[UUID]]:
    """Gaps that are over and not repaired, by the platform's id of the channel."""
    found: dict[str, list[UUID]] = defaultdict(list)
    for row in await connection.fetch(_Q["to_repair"], platform):
        found[row["channel_id"]].append(row["id"])
    return dict(found)


async def repaired(connection: Connection, gaps: Collection[UUID]) -> None:
    """What was missed in these has been read."""
    await connection.execute(_Q["repaired"], list(gaps))


async def of_campaign(connection: Connection, campaign_id: UUID, within_s: float = 3600.0) -> list[Gap]:
    """What is not heard now, and gaps that ended within so many seconds; newest first."""
    return [_gap(row) for row in await connection.fetch(_Q["of_campaign"], campaign_id, within_s)]


async def of_polls(connection: Connection, polls: Collection[UUID]) -> dict[UUID, list[Gap]]:
    """Gaps of the chats that polls counted, while they took votes."""
    found: dict[UUID, list[Gap]] = defaultdict(list)
    for row in await connection.fetch(_Q["of_polls"], list(polls)):
        found[row["poll_id"]].append(_gap(row))
    return dict(found)


async def forget(connection: Connection, most: int = 1000) -> None:
    """Drop gaps that were over a year ago."""
    await connection.execute(_Q["forget"], most)
