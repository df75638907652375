"""What foreign keys said of the inbox, the votes and the ledger before migration 0005 still holds."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest

from sql.ids import uuid7
from sql.pool import Database, ForeignKeyViolation
from tests.integration.schema_breaks import CAMPAIGN, POLL, ROWS

TABLES = ("users", "campaigns", "campaign_heads", "channels", "polls", "poll_instances", "poll_channel_links")


async def insert(connection: Any, table: str, **other: Any) -> None:
    row = {**ROWS[table], **other}
    names, values = ", ".join(row), ", ".join(f"${n}" for n in range(1, len(row) + 1))
    await connection.execute(f"INSERT INTO {table} ({names}) VALUES ({values})", *row.values())  # noqa: S608


async def parents(database: Database) -> None:
    async with database.transaction() as connection:
        for table in TABLES:
            await insert(connection, table)


async def count(database: Database, table: str) -> int:
    async with database.connection() as connection:
        number: int = await connection.fetchval(f"SELECT count(*) FROM {table}")  # noqa: S608
        return number


@pytest.mark.parametrize(
    ("table", "orphan"),
    [
        ("inbox", {"campaign_id": uuid7()}),
        ("poll_votes", {"poll_instance_id": uuid7()}),
        ("poll_votes", {"slot": 1}),
        ("poll_vote_ledger", {"poll_instance_id": uuid7()}),
    ],
)
async def test_no_child_without_its_parent(database: Database, table: str, orphan: dict[str, Any]) -> None:
    await parents(database)
    async with database.connection() as connection:
        with pytest.raises(ForeignKeyViolation):
            await insert(connection, table, **orphan)
        row = {**ROWS[table], **orphan}
        with pytest.raises(ForeignKeyViolation):
            await connection.copy_records_to_table(table, columns=list(row), records=[tuple(row.values())])
        await insert(connection, table)
        if table != "poll_vote_ledger":  # which refuses every UPDATE
            for name, value in orphan.items():
                with pytest.raises(ForeignKeyViolation):
                    await connection.execute(f"UPDATE {table} SET {name} = $1", value)  # noqa: S608
    assert await count(database, table) == 1


async def test_one_orphan_among_many_is_enough(database: Database) -> None:
    await parents(database)
    row = ROWS["poll_votes"]
    records = [tuple({**row, "ballot": str(n), "slot": int(n == 50)}.values()) for n in range(100)]
    async with database.connection() as connection:
        with pytest.raises(ForeignKeyViolation, match="no such seat"):
            await connection.copy_records_to_table("poll_votes", columns=list(row), records=records)
    assert await count(database, "poll_votes") == 0


async def test_inbox_and_votes_go_with_their_campaign(database: Database) -> None:
    await parents(database)
    async with database.connection() as connection:
        await insert(connection, "inbox")
        await insert(connection, "poll_votes")
        await connection.execute("DELETE FROM campaigns WHERE id = $1", CAMPAIGN)
    for table in ("inbox", "poll_votes", "poll_channel_links", "poll_instances"):
        assert await count(database, table) == 0


async def test_a_ledger_keeps_its_poll_and_votes_keep_their_seat(database: Database) -> None:
    await parents(database)
    async with database.connection() as connection:
        await insert(connection, "poll_votes")
        with pytest.raises(ForeignKeyViolation, match="votes refer"):
            await connection.execute("DELETE FROM poll_channel_links")
        await insert(connection, "poll_vote_ledger")
        for statement in ("DELETE FROM poll_instances", "DELETE FROM campaigns"):
            with pytest.raises(ForeignKeyViolation, match="has a vote ledger"):
                await connection.execute(statement)
    assert await count(database, "poll_votes") == 1


async def test_a_parent_cannot_go_while_a_child_is_being_written(database: Database) -> None:
    await parents(database)
    for child, parent in (("inbox", "campaigns"), ("poll_votes", "poll_channel_links")):
        async with database.transaction() as writer, database.connection() as other:
            await insert(writer, child)
            await other.execute("SET lock_timeout = '100ms'")
            with pytest.raises(asyncpg.LockNotAvailableError):
                await other.execute(f"DELETE FROM {parent}")  # noqa: S608
    async with database.transaction() as writer, database.connection() as other:
        await insert(writer, "poll_vote_ledger")
        await other.execute("SET lock_timeout = '100ms'")
        with pytest.raises(asyncpg.LockNotAvailableError):
            await other.execute("DELETE FROM poll_instances WHERE id = $1", POLL)
