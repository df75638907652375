"""PostgreSQL: queries in `queries/*.sql`, migrations in `migrations/*.sql`, one module a noun.

This package is the only one that imports asyncpg. A query is a named block of a .sql file; Python
holds no SQL. `load` reads such a file, `pool.Database` runs it, `migrate` brings a schema up to date.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources

_NAME = re.compile(r"^-- name: ([a-z][a-z0-9_]*)$")


class QueryFileError(ValueError):
    """A .sql file breaks the rules of this package; the message names file and line."""


@dataclass(frozen=True, slots=True)
class Query:
    """One named statement of a .sql file."""

    name: str
    purpose: str
    sql: str
    file: str
    line: int


class Queries(Mapping[str, str]):
    """The statements of one .sql file by name; `queries["take_in"]` is SQL text for asyncpg."""

    def __init__(self, items: tuple[Query, ...]) -> None:
        self.items_in_order = items
        self._by_name = {q.name: q.sql for q in items}

    def __getitem__(self, name: str) -> str:
        return self._by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)


def parse(text: str, file: str) -> tuple[Query, ...]:
    """Split the text of a .sql file into its queries.

    A query starts at `-- name: snake_case`, must have one comment line of purpose right below, and
    goes on to the next name. Raises QueryFileError for a missing purpose, an empty body, a repeated
    name, a misspelt name line, or SQL above the first name.
    """
    found: list[Query] = []
    name, purpose, start, body = "", "", 0, list[str]()

    def finish() -> None:
        sql = "\n".join(body).strip().rstrip(";").rstrip()
        if not name:
            if sql:
                raise QueryFileError(f"{file}: SQL above the first '-- name:'")
            return
        if not purpose:
            raise QueryFileError(f"{file}:{start}: query {name} needs one line of purpose below its name")
        if not sql:
            raise QueryFileError(f"{file}:{start}: query {name} is empty")
        if any(q.name == name for q in found):
            raise QueryFileError(f"{file}:{start}: query {name} stands twice")
        found.append(Query(name, purpose, sql, file, start))

    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("-- name") and not _NAME.match(line):
            raise QueryFileError(f"{file}:{number}: a name is written '-- name: snake_case'")
        if match := _NAME.match(line):
            finish()
            name, purpose, start, body = match[1], "", number, []
        elif name and not purpose and number == start + 1 and line.startswith("-- "):
            purpose = line[3:].strip()
        elif not line.startswith("--"):
            body.append(line)
    finish()
    return tuple(found)


def load(noun: str) -> Queries:
    """The queries of `queries/{noun}.sql`."""
    file = f"{noun}.sql"
    return Queries(parse((resources.files(__name__) / "queries" / file).read_text("utf-8"), file))


def all_queries() -> tuple[Query, ...]:
    """Every query of every file: what the PREPARE test walks through."""
    folder = resources.files(__name__) / "queries"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return tuple(query for name in names for query in load(name.removesuffix(".sql")).items_in_order)
