"""What must be told to a table: items of the outbox, each told once at most."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

import sql
from sql.ids import uuid7
from sql.pool import Connection, Row

_Q = sql.load("vtt_commands")

#: Of one that was claimed: longer than telling takes, for else it would need a person without a reason.
LEASE_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class Command:
    """A command as the desk sees it."""

    id: UUID
    campaign_id: UUID
    connection_id: UUID
    request_id: UUID  # what the table calls it when something comes back
    kind: str  # such as roll_dice
    state: Literal["pending", "leased", "done", "dead", "needs_person"]
    last_error: str
    created_at: datetime
    expires_at: datetime
    told_at: datetime | None
    reported_at: datetime | None
    report: str


class Claimed(NamedTuple):
    """A command that is this process's to tell."""

    id: UUID
    request_id: UUID
    kind: str
    data: Mapping[str, Any]
    told_at: datetime


class ToldRoll(NamedTuple):
    """A roll that a table was told to make. `report` names the message that it came back as."""

    connection_id: UUID
    request_id: UUID
    formula: str
    forced: int | None
    actor_id: str  # the table's id of who was to roll; empty: nobody in particular
    told_at: datetime
    report: str


def _command(row: Row) -> Command:
    value: dict[str, Any] = dict(row)
    return Command(kind=value.pop("payload")["command"], **value)


async def add(
    connection: Connection,
    campaign_id: UUID,
    connection_id: UUID,
    *,
    kind: str,
    data: Mapping[str, Any],
    key: str,
    expires_in_s: float,
) -> UUID | None:
    """Order a command; answers its id, that of the first one when `key` was used before. None: the campaign
    has no such table that is paired and not revoked."""
    dedupe_key = f"vtt:{campaign_id}:{key}"
    made: UUID | None = await connection.fetchval(
        _Q["add"],
        uuid7(),
        campaign_id,
        connection_id,
        dedupe_key,
        {"command": kind, "data": dict(data)},
        uuid7(),
        expires_in_s,
    )
    return made or await connection.fetchval(_Q["by_key"], dedupe_key)


async def claim(connection: Connection, connection_id: UUID) -> Claimed | None:
    """The next command of a table, from the commit on this process's; `finish` or `give_back` follows."""
    row = await connection.fetchrow(_Q["claim"], connection_id, LEASE_S)
    if row is None:
        return None
    payload = row["payload"]
    return Claimed(row["outbox_id"], row["request_id"], payload["command"], payload["data"], row["told_at"])


async def finish(connection: Connection, command_id: UUID) -> None:
    """The command has left."""
    await connection.execute(_Q["finish"], command_id)


async def give_back(connection: Connection, command_id: UUID) -> None:
    """Nothing of the command has left: it waits again."""
    await connection.execute(_Q["give_back"], command_id)


async def settle(connection: Connection) -> None:
    """Give up commands that no table came for in time; leave to a person what may have been told or not."""
    await connection.execute(_Q["settle"])


async def told_rolls(
    connection: Connection, connections: Collection[UUID], within_s: float
) -> list[ToldRoll]:
    """The rolls that these tables were told to make lately, oldest first."""
    return [ToldRoll(*row) for row in await connection.fetch(_Q["told_rolls"], connections, within_s)]


async def report(connection: Connection, connection_id: UUID, request_id: UUID, what: str) -> None:
    """Note what came back of a command; of one that this table was never told, nothing."""
    await connection.execute(_Q["report"], connection_id, request_id, what[:200])


async def list_page(
    connection: Connection, campaign_id: UUID, after: UUID | None, limit: int
) -> list[Command]:
    """Commands of a campaign, newest first."""
    return [_command(row) for row in await connection.fetch(_Q["list_page"], campaign_id, after, limit)]


async def get(connection: Connection, command_id: UUID, within: Collection[UUID]) -> Command | None:
    """One command of these campaigns."""
    row = await connection.fetchrow(_Q["get"], command_id, within)
    return None if row is None else _command(row)


async def retry(connection: Connection, command_id: UUID, expires_in_s: float) -> bool:
    """Tell a command once more that is dead or waits for a person; False for any other."""
    return await connection.execute(_Q["retry"], command_id, expires_in_s) == "UPDATE 1"


async def forget(connection: Connection, older_than_s: float, most: int = 1000) -> None:
    """Drop commands that are over for so long."""
    await connection.execute(_Q["forget"], older_than_s, most)
