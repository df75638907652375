"""What the database can say about the installation's health, in a few cheap queries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import sql
from sql import probe
from sql.pool import Connection

_Q = sql.load("watch")

#: Tables that take a row for everything that happens.
TABLES: Final = ("board_events", "inbox", "outbox", "poll_vote_ledger", "poll_votes", "deadlines")


@dataclass(frozen=True, slots=True)
class Chats:
    """Channels of one platform in one state; `lag_s` is the greatest age of a line of the last minute."""

    platform: str
    state: str
    number: int
    lag_s: float


@dataclass(frozen=True, slots=True)
class Health:
    """One look. Times are in seconds."""

    outbox_waiting: int = 0
    outbox_stuck: int = 0
    outbox_oldest_s: float = 0.0
    overdue_s: float = 0.0
    polls_running: int = 0
    connectors: int = 0
    chats: tuple[Chats, ...] = ()
    rows: Mapping[str, int] = field(default_factory=dict)


async def look(connection: Connection) -> Health:
    """Read everything. The number of rows per table is PostgreSQL's estimate."""
    waiting, stuck, oldest_s = await connection.fetchrow(_Q["outbox"]) or (0, 0, 0.0)
    return Health(
        outbox_waiting=waiting,
        outbox_stuck=stuck,
        outbox_oldest_s=oldest_s,
        overdue_s=await connection.fetchval(_Q["overdue"]) or 0.0,
        polls_running=await connection.fetchval(_Q["polls_running"], probe.CAMPAIGN),
        connectors=await connection.fetchval(_Q["connectors"]),
        chats=tuple(
            Chats(row["platform"], row["state"], row["number"], row["lag_ms"] / 1000)
            for row in await connection.fetch(_Q["channels"])
        ),
        rows={row["relname"]: row["n_live_tup"] for row in await connection.fetch(_Q["rows"], TABLES)},
    )
