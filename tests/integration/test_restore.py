"""A restored database (reliability R26): browsers start over, and nothing leaves it a second time."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg
import pytest

from server import postgres_child
from sql import heads, restore
from sql.ids import uuid7
from sql.pool import Database
from tests.integration.live_rig import (
    Viewer,
    house,
    make_campaign,
    make_overlay,
    poll_board,
    until,
)

SECRET = "9f2c4b7e1a8d3056c7e4f1b2a9d80634"


async def epoch_of(database: Database, campaign_id: UUID) -> UUID:
    async with database.transaction() as connection:
        return (await heads.lock(connection, campaign_id)).epoch


async def add_to_outbox(database: Database, campaign_id: UUID) -> None:
    async with database.connection() as connection:
        await connection.execute(
            "INSERT INTO outbox (id, campaign_id, kind, dedupe_key, payload) VALUES ($1, $2, 'x', $3, '{}')",
            uuid7(),
            campaign_id,
            str(uuid7()),
        )


async def outbox_states(database: Database) -> set[str]:
    async with database.connection() as connection:
        return {row["state"] for row in await connection.fetch("SELECT state FROM outbox")}


@pytest.fixture
async def restored_url(database_url: str, short_dir: Path) -> AsyncIterator[str]:
    """Where `restore_into` puts a copy."""
    parts = urlsplit(database_url)
    name = f"restored_{uuid7().hex}"
    manager = await asyncpg.connect(f"{parts.scheme}:///postgres?{parts.query}")
    try:
        await manager.execute(f'CREATE DATABASE "{name}"')
        yield f"{parts.scheme}:///{name}?{parts.query}"
        await manager.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    finally:
        await manager.close()


async def test_a_dump_that_is_restored_is_noticed_once(
    database: Database, database_url: str, restored_url: str, short_dir: Path
) -> None:
    """By pg_dump and pg_restore, as docs/operations.md says."""
    campaign_id = (await make_campaign(database)).campaign_id
    assert await restore.notice(database)  # never seen before: taken for restored, which harms nothing
    assert not await restore.notice(database)
    await add_to_outbox(database, campaign_id)
    before = await epoch_of(database, campaign_id)
    programs = postgres_child.find_programs(short_dir / "none")
    dump = short_dir / "hubbub.dump"
    for command in (
        ("pg_dump", "--format=custom", f"--file={dump}", f"--dbname={database_url}"),
        ("pg_restore", "--no-owner", f"--dbname={restored_url}", str(dump)),
    ):
        program = await asyncio.create_subprocess_exec(str(programs / command[0]), *command[1:])
        assert await program.wait() == 0, command[0]
    restored = await Database.open(restored_url)
    try:
        assert await epoch_of(restored, campaign_id) == before
        noticed = await asyncio.gather(*(restore.notice(restored) for _ in range(4)))
        assert sorted(noticed) == [False, False, False, True]
        assert await epoch_of(restored, campaign_id) != before
        assert await outbox_states(restored) == {"needs_person"}
    finally:
        await restored.close()
    assert await epoch_of(database, campaign_id) == before
    assert await outbox_states(database) == {"pending"}


async def test_the_command_says_it_for_files_that_were_copied_back(
    database: Database, database_url: str, short_dir: Path
) -> None:
    campaign_id = (await make_campaign(database)).campaign_id
    await restore.notice(database)
    before = await epoch_of(database, campaign_id)

    def migrate(*arguments: str) -> str:
        passed_on = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
        return subprocess.run(
            [sys.executable, "-m", "server", "migrate", *arguments],
            cwd=short_dir,
            env=passed_on | {"DATABASE_URL": database_url, "HUBBUB_SECRET_KEY": SECRET},
            capture_output=True,
            text=True,
            timeout=40,
            check=True,
        ).stdout

    assert await asyncio.to_thread(migrate) == "The schema is up to date.\n"
    assert await epoch_of(database, campaign_id) == before
    said = await asyncio.to_thread(migrate, "--restored")
    assert "browsers start over" in said
    assert await epoch_of(database, campaign_id) != before


def shown(viewer: Viewer, board_id: str) -> int | None:
    """The figure on screen."""
    board = viewer.boards.get(board_id)
    return None if board is None else int(board["total_votes"])


async def test_a_database_that_goes_back_below_a_running_server(database: Database) -> None:
    """The overlay shows the older state under a new epoch, and what comes then is not taken for old."""
    engine, board_id = await make_campaign(database), str(uuid7())
    campaign_id = engine.campaign_id
    link = await make_overlay(database, campaign_id)
    await engine.commit({board_id: poll_board(1)})
    old = await epoch_of(database, campaign_id)
    async with database.connection() as connection:
        saved = await connection.fetchrow("SELECT * FROM boards")
    async with house(database) as live:
        viewer = await live.overlay(link).open()
        for votes in range(2, 30):
            live.hub.publish(await engine.commit({board_id: poll_board(votes)}))
        await until(lambda: shown(viewer, board_id) == 29, "the newest state is shown")
        assert saved is not None
        async with database.transaction() as connection:
            await connection.execute("UPDATE boards SET data = $1, rev = $2", saved["data"], saved["rev"])
            await connection.execute("DELETE FROM board_events WHERE seq > 1")
            await connection.execute("UPDATE campaign_heads SET seq = 1")
        await until(lambda: shown(viewer, board_id) == 1, "the restored state is shown")
        assert await epoch_of(database, campaign_id) != old
        live.hub.publish(await engine.commit({board_id: poll_board(2)}))
        await until(lambda: shown(viewer, board_id) == 2, "the show goes on")
        await viewer.close()
