"""The built-in probe: a vote goes the whole way, what breaks on it is named, and nobody sees its show."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from server.database_watch import DatabaseWatch
from server.engine.batch import Batches
from server.engine.clock import DatabaseClock
from server.engine.room import Rooms
from server.probe import Probe
from server.rules.changes import Board
from server.web.overlay_links import derive_overlay_key, key_hash
from server.web.vault import Vault
from sql import campaigns, probe, users
from sql.migrate import migrate
from sql.pool import Database
from tests.integration.live_rig import House, house, until
from tests.own_servers import OwnPostgres
from tests.servers import Hubbub, StartHubbub, wait_until

VAULT = Vault([b"0123456789abcdef0123456789abcdef"])


@asynccontextmanager
async def probing(database: Database, live: House, *, within_s: float = 5.0) -> AsyncIterator[Probe]:
    """A probe of the process that `live` is."""
    async with database.connection() as connection:
        owner = await users.ensure_owner(connection)
    rooms = Rooms(database, DatabaseClock(), live.hub.publish)
    batches = Batches(rooms)
    origin, _, _ = live.url.removeprefix("ws://").partition("/")
    host, _, port = origin.partition(":")
    running = asyncio.create_task(batches.run())
    try:
        yield Probe(
            database,
            rooms,
            batches,
            vault=VAULT,
            owner_id=owner.id,
            clock=lambda: datetime.now(UTC),
            origin=f"http://{origin}",
            listens_at=(host, int(port)),
            within_s=within_s,
        )
    finally:
        running.cancel()
        await asyncio.wait([running])


async def test_a_vote_arrives_and_is_measured(database: Database) -> None:
    async with house(database) as live, probing(database, live) as one:
        for _ in range(3):
            await one.round()
        assert one.figures.failures.total() == 0, one.figures
        assert one.figures.lag_s is not None
        assert 0 < one.figures.lag_s < 2
        assert one.state().state == "ok"
        assert live.hub.sizes()["overlays"] == 0  # it does not stay


async def test_its_show_is_nobodys(database: Database) -> None:
    """Not even the owner of the installation has it in a list; it holds one board, however many rounds."""
    async with house(database) as live, probing(database, live) as one:
        for _ in range(3):
            await one.round()
    async with database.connection() as connection:
        owner = await users.ensure_owner(connection)
        assert await campaigns.scope(connection, owner.id) == ()
        assert await connection.fetchval("SELECT count(*) FROM boards") == 1
        assert await connection.fetchval("SELECT count(*) FROM inbox") == 3
        await probe.forget(connection, 0)
        assert await connection.fetchval("SELECT count(*) FROM inbox") == 0
        assert await connection.fetchval("SELECT count(*) FROM board_events") == 0
        assert await connection.fetchval("SELECT count(*) FROM poll_vote_ledger") == 0


async def test_a_frame_that_does_not_come_is_a_failure_and_the_lag_grows(database: Database) -> None:
    """A process whose commits are not shown: stored, and never on screen."""
    async with house(database) as live, probing(database, live, within_s=0.8) as one:
        live.hub.publish = lambda change: None  # type: ignore[method-assign]
        one._rooms = Rooms(database, DatabaseClock(), lambda change: None)
        live.hub._positions.check = lambda: asyncio.sleep(0)  # type: ignore[method-assign]
        await one.round()
        assert one.figures.failures == {"show": 1}
        assert one.state().state == "failing"
        lag = one.figures.shown_lag_s()
        await asyncio.sleep(0.05)
        assert one.figures.shown_lag_s() > lag >= 0.8


async def test_an_overlay_that_shows_something_else_is_found(database: Database) -> None:
    async with house(database) as live, probing(database, live) as one:
        await one.round()

        show = one._rooms.show

        async def show_and_change_behind(campaign_id: UUID, board_id: UUID, board: Board) -> int:
            step = await show(campaign_id, board_id, board)
            async with database.connection() as connection:
                await connection.execute("""UPDATE boards SET data = data || '{"phase": "other"}'""")
            return step

        one._rooms.show = show_and_change_behind  # type: ignore[method-assign]
        await one.round()
        assert one.figures.failures == {"compare": 1}
        assert one.figures.diverged == 1


async def test_a_changed_secret_key_is_followed(database: Database) -> None:
    """The overlay's key in the database is of another secret: the next round but one is let in."""
    async with house(database) as live, probing(database, live) as one:
        await one.round()
        other = key_hash(derive_overlay_key(Vault([b"x" * 32]), probe.OVERLAY, 1))
        async with database.connection() as connection:
            await connection.execute("UPDATE overlay_configs SET key_hash = $1", other)
        await one.round()
        assert one.figures.failures == {"connect": 1}
        await one.round()
        assert one.state().state == "ok"


async def test_a_database_that_dies_is_what_it_measures(short_dir: Path) -> None:
    """It fails at once and says where, goes on trying, and is well again with the database."""
    postgres = OwnPostgres(short_dir)
    try:
        await asyncio.to_thread(postgres.start)
        await migrate(postgres.url)
        database = await Database.open(postgres.url)
        watch = DatabaseWatch(database)
        async with house(database) as live, probing(database, live) as one:
            await one.round()
            await watch.look()
            assert (one.state().state, watch.is_up) == ("ok", True)
            await asyncio.to_thread(postgres.kill9)
            for _ in range(2):
                await one.round()
            assert one.figures.failures.total() == 2
            assert one.figures.failures.keys() <= {"prepare", "connect", "store"}
            assert one.state().failing_for_s is not None
            watch._looked = 0.0
            await watch.look()
            assert not watch.is_up
            await asyncio.to_thread(postgres.start)
            await until(lambda: well_again(one), "a vote comes through", 10)
            assert one.figures.shown_lag_s() < 2
        await database.close()
    finally:
        await asyncio.to_thread(postgres.close)


async def well_again(one: Probe) -> bool:
    await one.round()
    return one.state().state == "ok"


@pytest.fixture
def probed(start_hubbub: StartHubbub) -> Hubbub:
    """The real program with its probe on."""
    return start_hubbub(HUBBUB_PROBE="1")


async def test_the_program_probes_itself_and_says_so(probed: Hubbub) -> None:
    def read() -> dict[str, float]:
        text = httpx2.get(f"{probed.base_url}/metrics").text
        return {
            sample.name: sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name.startswith("hubbub_probe")
        }

    wait_until(lambda: read()["hubbub_probe_lag_seconds"] > 0, "a probe has come back", 15)
    assert read()["hubbub_probe_failures_total"] == 0
    async with httpx2.AsyncClient(base_url=probed.base_url, headers=probed.headers) as client:
        shows = (await client.get("/api/v1/campaigns")).json()
        assert shows["items"] == []
        made = (await client.post("/api/v1/campaigns", json={"name": "Mine"})).json()
        status = (await client.get(f"/api/v1/campaigns/{made['id']}/status")).json()
        assert status["probe"]["state"] == "ok"
        assert 0 < status["probe"]["lag_ms"] < 10_000
        hidden = await client.get(f"/api/v1/campaigns/{probe.CAMPAIGN}/status")
        assert hidden.status_code == 404
    assert not re.search(r"Traceback|ovl_(?!\*)", probed.log)
