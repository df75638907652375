"""Every query of every .sql file is understood by PostgreSQL on the migrated schema."""

from __future__ import annotations

import sql
from sql import Query
from sql.pool import Database

QUERIES = sql.all_queries()


def name_of(query: Query) -> str:
    return f"{query.file.removesuffix('.sql')}.{query.name}"


async def test_every_query_prepares(database: Database) -> None:
    """All that fail are told, with file and line."""
    failures = []
    async with database.connection() as connection:
        for query in QUERIES:
            try:
                await connection.prepare(query.sql)
            except Exception as error:
                failures.append(f"sql/queries/{query.file}:{query.line} {query.name}: {error}")
    assert failures == []


async def test_no_query_answers_two_columns_of_one_name(database: Database) -> None:
    """A row is read by name: the second of two would hide the first."""
    async with database.connection() as connection:
        for query in QUERIES:
            statement = await connection.prepare(query.sql)
            names = [attribute.name for attribute in statement.get_attributes()]
            assert len(names) == len(set(names)), name_of(query)


def test_every_purpose_is_a_line_of_its_own() -> None:
    for query in QUERIES:
        assert len(query.purpose.split()) >= 2, name_of(query)
        assert query.purpose.endswith((".", ":", ";", ",")), name_of(query)


async def test_what_is_asked_often_finds_its_index(database: Database) -> None:
    """The queries of every batch and every look at the clock must not read whole tables."""
    often = {
        "heads.lock": 1,
        "deadlines.due": 3,
        "deadlines.next": 2,
        "votes.held": 3,
        "votes.count": 1,
        "votes.ledger": 3,
        "polls.get": 1,
        "polls.running": 2,
        "snapshots.boards_after": 2,
    }
    by_name = {name_of(query): query for query in QUERIES}
    async with database.transaction() as connection:
        await connection.execute("SET LOCAL enable_seqscan = off")
        for name, arguments in often.items():
            nulls = ", ".join(["NULL"] * arguments)
            await connection.execute(f"PREPARE asked AS {by_name[name].sql}")
            plan = "\n".join(
                row[0]
                for row in await connection.fetch(f"EXPLAIN EXECUTE asked{f'({nulls})' if nulls else ''}")
            )
            await connection.execute("DEALLOCATE asked")
            assert "Seq Scan" not in plan, f"{name}:\n{plan}"
