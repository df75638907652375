"""Migrations on a real server: four processes at once, refusals, and a schema that states its invariants."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator
from itertools import takewhile
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest

from sql.ids import uuid7
from sql.migrate import Migration, SchemaRefused, known, migrate
from sql.pool import Database
from tests.integration.schema_breaks import BREAKS, ROWS, UNIQUE_BREAKS
from tests.integration.schema_untried import NEWER_CHECKS, NEWER_INDEXES, UNTRIED


@pytest.fixture
async def empty_url(postgres_url: str) -> AsyncIterator[str]:
    """A database without a single table."""
    name = f"empty_{uuid7().hex}"
    parts = urlsplit(postgres_url)
    manager = await asyncpg.connect(f"{parts.scheme}:///postgres?{parts.query}")
    try:
        await manager.execute(f'CREATE DATABASE "{name}"')
        yield f"{parts.scheme}:///{name}?{parts.query}"
        await manager.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    finally:
        await manager.close()


MIGRATE = """
import asyncio, json, sys
from sql.migrate import migrate
print(json.dumps(asyncio.run(migrate(sys.argv[1]))))
"""


async def test_four_processes_at_once_on_an_empty_database_all_come_up(empty_url: str) -> None:
    """One does the work, the others wait and find it done."""
    started = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", MIGRATE, empty_url, stdout=asyncio.subprocess.PIPE
        )
        for _ in range(4)
    ]
    said = [await process.communicate() for process in started]
    assert [process.returncode for process in started] == [0] * 4
    applied = [json.loads(out) for out, _ in said]
    everything = [f"{m.version:04d}_{m.name}" for m in known()]
    assert sorted(applied, key=len) == [[], [], [], everything]
    assert await migrate(empty_url) == []


def with_one_more(text: str) -> tuple[Migration, ...]:
    mine = known()
    return (*mine, Migration(len(mine) + 1, "one_more", text))


async def test_a_newer_database_is_refused(database_url: str) -> None:
    await migrate(database_url, with_one_more("CREATE TABLE later (id integer);"))
    with pytest.raises(SchemaRefused, match=r"one_more.*newer Hubbub"):
        await migrate(database_url)


async def test_an_altered_migration_is_refused(database_url: str) -> None:
    first, *rest = known()
    altered = (Migration(first.version, first.name, first.text + "\n-- a word\n"), *rest)
    with pytest.raises(SchemaRefused, match="0001_people_and_shows was changed"):
        await migrate(database_url, altered)


async def test_a_migration_that_fails_leaves_nothing_and_can_be_mended(database_url: str) -> None:
    broken = with_one_more("CREATE TABLE half (id integer); SELECT 1/0;")
    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrate(database_url, broken)
    mended = with_one_more("CREATE TABLE half (id integer);")
    async with asyncio.timeout(5):  # the advisory lock was given back
        assert await migrate(database_url, mended) == [f"{len(mended):04d}_one_more"]


async def test_a_restart_finds_nothing_to_do(database_url: str) -> None:
    assert await migrate(database_url) == []


# ---- every CHECK and every partial unique index has a row that it refuses ----------------------------


async def insert(connection: Any, table: str, row: dict[str, Any]) -> None:
    names = ", ".join(row)
    values = ", ".join(f"${n}" for n in range(1, len(row) + 1))
    await connection.execute(f"INSERT INTO {table} ({names}) VALUES ({values})", *row.values())  # noqa: S608


async def insert_until(connection: Any, last: str = "") -> None:
    """The good rows, up to a table that is named."""
    await connection.execute("DELETE FROM channel_changes")  # its one row is there from the start
    for table, row in takewhile(lambda entry: entry[0] != last, ROWS.items()):
        await insert(connection, table, row)


async def test_the_rows_of_the_test_are_good(database: Database) -> None:
    async with database.transaction() as connection:
        await insert_until(connection)


async def test_every_check_refuses_a_row(database: Database) -> None:
    """Each break is one good row with one thing wrong, and the constraint that must say so."""
    wrong = []
    async with database.transaction() as connection:
        await insert_until(connection)
        for (table, constraint), changes in BREAKS.items():
            for change in changes:
                row = {**ROWS[table], **change}
                if "id" in row:
                    row["id"] = uuid7()
                savepoint = connection.transaction()
                await savepoint.start()
                try:
                    await insert(connection, table, row)
                except asyncpg.CheckViolationError as error:
                    if error.constraint_name != constraint:
                        wrong.append(f"{constraint}: {change} was refused by {error.constraint_name}")
                except asyncpg.PostgresError as error:
                    wrong.append(f"{constraint}: {change} was refused for another reason: {error}")
                else:
                    wrong.append(f"{constraint}: {change} was taken")
                await savepoint.rollback()
    assert wrong == []


async def test_no_check_is_left_out(database: Database) -> None:
    async with database.connection() as connection:
        checks = await connection.fetch(
            """SELECT conrelid::regclass::text AS t, conname AS name FROM pg_constraint
            WHERE contype = 'c' AND connamespace = 'public'::regnamespace
              AND conrelid <> 'schema_migrations'::regclass"""
        )
    left = {(row["t"], row["name"]) for row in checks if row["t"] not in UNTRIED}
    assert left - set(BREAKS) == {(table, name) for table, name in left if name in NEWER_CHECKS}
    assert set(BREAKS) <= {(row["t"], row["name"]) for row in checks}


def _fresh(table: str) -> dict[str, Any]:
    """Another id, where the table has one of its own."""
    return {"id": uuid7()} if "id" in ROWS[table] else {}


@pytest.mark.parametrize("index", UNIQUE_BREAKS)
async def test_partial_unique_indexes_refuse_a_second_row(database: Database, index: str) -> None:
    table, first, second = UNIQUE_BREAKS[index]
    async with database.transaction() as connection:
        await insert_until(connection, table)
        base = {**ROWS[table], **_fresh(table), **first}
        await insert(connection, table, base)
        with pytest.raises(asyncpg.UniqueViolationError) as refused:
            async with connection.transaction():
                await insert(connection, table, {**base, **_fresh(table), **second})
        assert refused.value.constraint_name == index


async def test_every_partial_unique_index_is_tried(database: Database) -> None:
    async with database.connection() as connection:
        found = await connection.fetch(
            "SELECT indexname FROM pg_indexes WHERE schemaname = 'public' AND indexdef ~ 'UNIQUE.*WHERE'"
        )
    assert {row["indexname"] for row in found} - NEWER_INDEXES == set(UNIQUE_BREAKS)


async def test_ids_are_uuids_and_times_have_zones(database: Database) -> None:
    """Design §4: timestamptz, bigint money, no serial numbers that tell how many there are."""
    async with database.connection() as connection:
        columns = await connection.fetch(
            "SELECT table_name, column_name, data_type, column_default FROM information_schema.columns "
            "WHERE table_schema = 'public'"
        )
    for column in columns:
        where = f"{column['table_name']}.{column['column_name']}"
        assert column["data_type"] not in ("timestamp without time zone", "time", "money", "real"), where
        assert "nextval" not in (column["column_default"] or ""), where
        if column["column_name"] == "id":
            assert column["data_type"] == "uuid", where
        if re.search(r"(^|_)at$", column["column_name"]):
            assert column["data_type"] == "timestamp with time zone", where
