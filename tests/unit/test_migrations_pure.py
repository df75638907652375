"""Which migrations are to be applied, and when a database is refused, without a database."""

from __future__ import annotations

import hashlib

import pytest

from sql.migrate import Migration, SchemaRefused, known, pending

MINE = tuple(Migration(n, f"reason_{n}", f"SELECT {n};") for n in (1, 2, 3))
APPLIED = [(m.version, m.name, m.sha256) for m in MINE]


def test_what_is_missing_is_pending_in_order() -> None:
    assert pending([], MINE) == MINE
    assert pending(APPLIED[:1], MINE) == MINE[1:]
    assert pending(APPLIED, MINE) == ()


def test_a_newer_database_is_refused_by_name() -> None:
    with pytest.raises(SchemaRefused, match=r"0003_reason_3.*newer Hubbub"):
        pending(APPLIED, MINE[:2])


def test_an_altered_migration_is_refused_by_name() -> None:
    altered = (MINE[0], Migration(2, "reason_2", "SELECT 2; -- one more word"), MINE[2])
    with pytest.raises(SchemaRefused, match="0002_reason_2 was changed"):
        pending(APPLIED, altered)


def test_a_gap_is_refused() -> None:
    with pytest.raises(SchemaRefused, match="gap"):
        pending([APPLIED[0], APPLIED[2]], MINE)


def test_our_own_are_numbered_named_and_say_why() -> None:
    migrations = known()
    assert [m.version for m in migrations] == list(range(1, len(migrations) + 1))
    for migration in migrations:
        first, second = migration.text.splitlines()[:2]
        assert first.startswith("-- Reason: ")
        assert second.startswith("-- When:   ")
        assert migration.sha256 == hashlib.sha256(migration.text.encode()).digest()


def test_our_own_go_forward_only() -> None:
    """And each runs in one transaction, so none may end it."""
    for migration in known():
        statements = migration.text.upper()
        assert "DROP TABLE" not in statements
        assert not any(word in statements for word in ("COMMIT;", "BEGIN;", "ROLLBACK;"))
