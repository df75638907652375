"""Forward-only migrations: `migrations/NNNN_reason.sql`, one transaction each, under an advisory lock.

Refused, with a sentence for the operator: a database that is newer than this program, a migration
that was changed after it had been applied, a PostgreSQL older than 15.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from importlib import resources

import asyncpg

import sql
from sql.pool import Connection

_QUERIES = sql.load("migrations")
_FILE = re.compile(r"^(\d{4})_([a-z0-9_]+)\.sql$")
_OLDEST_SERVER = 150_000


class SchemaRefused(Exception):
    """This program must not run on this database; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Migration:
    version: int
    name: str
    text: str

    @property
    def sha256(self) -> bytes:
        return hashlib.sha256(self.text.encode()).digest()


def known() -> tuple[Migration, ...]:
    """The migrations that belong to this program, in order, without a gap."""
    folder = resources.files("sql") / "migrations"
    found = [
        Migration(int(match[1]), match[2], entry.read_text("utf-8"))
        for entry in folder.iterdir()
        if (match := _FILE.match(entry.name))
    ]
    found.sort(key=lambda m: m.version)
    if [m.version for m in found] != list(range(1, len(found) + 1)):
        raise SchemaRefused("migration files must be numbered 0001, 0002, … without a gap")
    return tuple(found)


def pending(applied: list[tuple[int, str, bytes]], mine: tuple[Migration, ...]) -> tuple[Migration, ...]:
    """What is still to be applied. Raises SchemaRefused for a newer or an altered history."""
    by_version = {m.version: m for m in mine}
    for version, name, sha256 in applied:
        migration = by_version.get(version)
        if migration is None:
            raise SchemaRefused(
                f"the database has migration {version:04d}_{name}, which this program does not know: "
                "it was written by a newer Hubbub; start that version, or restore an older backup"
            )
        if migration.sha256 != sha256:
            raise SchemaRefused(
                f"migration {version:04d}_{name} was changed after it had been applied to this database: "
                "put the original file back; changes go into a new migration"
            )
    done = {version for version, _, _ in applied}
    if done != set(range(1, len(done) + 1)):
        raise SchemaRefused("the database has a gap in its migrations; restore it from a backup")
    return tuple(m for m in mine if m.version not in done)


async def outstanding(
    connection: Connection, mine: tuple[Migration, ...] | None = None
) -> tuple[Migration, ...]:
    """What `migrate` would apply; changes nothing. Raises SchemaRefused as `migrate` does."""
    await _refuse_old_server(connection)
    exists = await connection.fetchval(_QUERIES["table_exists"])
    applied = [tuple(row) for row in await connection.fetch(_QUERIES["applied"])] if exists else []
    return pending(applied, known() if mine is None else mine)


async def _refuse_old_server(connection: Connection) -> None:
    if await connection.fetchval(_QUERIES["server_version"]) < _OLDEST_SERVER:
        raise SchemaRefused("PostgreSQL is older than 15; upgrade it, or unset DATABASE_URL")


async def migrate(url: str, mine: tuple[Migration, ...] | None = None) -> list[str]:
    """Bring the database at `url` up to date; answers the names of the migrations it applied.

    Any number of processes may call this at once: the first does the work, the others wait.
    """
    mine = known() if mine is None else mine
    connection = await asyncpg.connect(url, timeout=10, server_settings={"timezone": "UTC"})
    try:
        if not await outstanding(connection, mine):
            return []  # the usual start takes no lock, so a pooler that knows no sessions may stand between
        await connection.execute(_QUERIES["lock"])
        try:
            await connection.execute(_QUERIES["create_table"])
            applied = [tuple(row) for row in await connection.fetch(_QUERIES["applied"])]
            names = []
            for migration in pending(applied, mine):
                async with connection.transaction():
                    await connection.execute(migration.text)
                    await connection.execute(
                        _QUERIES["record"], migration.version, migration.name, migration.sha256
                    )
                names.append(f"{migration.version:04d}_{migration.name}")
            return names
        finally:
            await connection.execute(_QUERIES["unlock"])
    finally:
        await connection.close()
