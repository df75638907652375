"""The loader of .sql files, on literals; and that Python holds no SQL of its own."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import sql
from sql import QueryFileError, parse

ROOT = Path(sql.__file__).parent.parent

GOOD = """-- Notes about the file.

-- name: first
-- Finds one.
SELECT 1
-- a remark on the next line
  FROM t WHERE a = $1;

-- name: second_2
-- Does nothing.
SELECT 2;
"""


def test_queries_are_split_and_named() -> None:
    first, second = parse(GOOD, "x.sql")
    assert (first.name, first.purpose, first.line, first.file) == ("first", "Finds one.", 3, "x.sql")
    assert first.sql == "SELECT 1\n  FROM t WHERE a = $1"
    assert (second.name, second.sql, second.line) == ("second_2", "SELECT 2", 9)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SELECT 1;", r"x\.sql: SQL above the first"),
        ("-- name: a\nSELECT 1;", r"x\.sql:1: query a needs one line of purpose"),
        ("-- name: a\n\n-- Late.\nSELECT 1;", r"x\.sql:1: query a needs one line of purpose"),
        ("-- name: a\n-- Why.\n", r"x\.sql:1: query a is empty"),
        ("-- name: a\n-- Why.\n;\n", r"x\.sql:1: query a is empty"),
        ("-- name: a\n-- Why.\nSELECT 1;\n-- name: a\n-- Why.\nSELECT 2;", r"x\.sql:4: query a stands twice"),
        ("-- name: A\n-- Why.\nSELECT 1;", r"x\.sql:1: a name is written"),
        ("-- name: a-b\n-- Why.\nSELECT 1;", r"x\.sql:1: a name is written"),
        ("-- name a\n-- Why.\nSELECT 1;", r"x\.sql:1: a name is written"),
        ("-- name: a\n-- Why.\nSELECT 1;\n-- name:b\n-- Why.\nSELECT 2;", r"x\.sql:4: a name is written"),
    ],
)
def test_a_file_that_breaks_the_rules_is_refused_with_its_line(text: str, message: str) -> None:
    with pytest.raises(QueryFileError, match=message):
        parse(text, "x.sql")


def test_an_empty_file_has_no_queries() -> None:
    assert parse("", "x.sql") == ()
    assert parse("-- Nothing yet.\n", "x.sql") == ()


def test_queries_are_a_mapping() -> None:
    queries = sql.Queries(parse(GOOD, "x.sql"))
    assert list(queries) == ["first", "second_2"]
    assert len(queries) == 2
    assert queries["second_2"] == "SELECT 2"
    with pytest.raises(KeyError):
        queries["third"]


def test_every_file_is_loaded() -> None:
    files = {query.file for query in sql.all_queries()}
    assert files == {path.name for path in (ROOT / "sql" / "queries").glob("*.sql")}


def sources() -> Iterator[Path]:
    for folder in ("server", "integrations", "overlay", "sql"):
        yield from sorted((ROOT / folder).rglob("*.py"))


#: Methods of an asyncpg connection whose first argument is SQL.
RUN_SQL = {
    "execute",
    "executemany",
    "fetch",
    "fetchrow",
    "fetchval",
    "fetchmany",
    "prepare",
    "cursor",
    "copy_from_query",
}


def test_no_python_file_holds_sql() -> None:
    """SQL reaches the database as a query of a .sql file, `_Q["name"]`, or as a migration; never as text
    that Python wrote, joined or formatted (reliability T32). The pool's own kind of connection hands on what
    it is given, with two queries of a file behind BEGIN."""
    found = []
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            if (path.name, ast.unparse(node.func)) == ("pool.py", "super().execute"):
                continue
            if node.func.attr in RUN_SQL and node.args and not is_from_a_file(node.args[0]):
                found.append(f"{path.relative_to(ROOT)}:{node.lineno} {ast.unparse(node)[:80]}")
    assert found == []


def is_from_a_file(argument: ast.expr) -> bool:
    """`_Q["name"]`, `_QUERIES["name"]`, or the text of a migration."""
    if isinstance(argument, ast.Subscript):
        return (
            isinstance(argument.value, ast.Name)
            and argument.value.id in ("_Q", "_QUERIES")
            and isinstance(argument.slice, ast.Constant)
        )
    return ast.unparse(argument) == "migration.text"


def test_every_query_is_used_and_every_used_query_exists() -> None:
    """A misspelt name would only show when its line runs."""
    used: set[tuple[str, str]] = set()
    for path in sorted((ROOT / "sql").glob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        nouns = [
            str(node.args[0].value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Call)
            and ast.unparse(node.func) in ("sql.load", "load")
            and isinstance(node.args[0], ast.Constant)
        ]
        for node in ast.walk(tree):
            if isinstance(node, ast.Subscript) and ast.unparse(node.value) in ("_Q", "_QUERIES"):
                assert isinstance(node.slice, ast.Constant)
                assert len(nouns) == 1
                used.add((f"{nouns[0]}.sql", str(node.slice.value)))
    known = {(query.file, query.name) for query in sql.all_queries()}
    assert used - known == set()
    assert known - used == set()
