"""The built-in probe: a vote goes the whole way, what breaks on it is named, and nobody sees its show."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from server.database_watch import DatabaseWatch
from server.engine.batch import Batches
from server.engine.clock import DatabaseClock
from server.engine.deadlines import Deadlines
from server.engine.room import Rooms
from server.live.attempts import FailedHellos
from server.probe import Probe
from server.rules.poll import Close
from server.vault import Vault
from server.web.overlay_links import derive_overlay_key, key_hash
from sql import members, polls, probe, users, watch
from sql.migrate import migrate
from sql.pool import Connection, Database, StatementRefused
from tests.integration.engine_rig import Process, line, make_campaign, open_poll, take_in
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
    """Not even the owner of the installation has it in a list; it holds one board, however many rounds,
    and nothing of it stays, not even in the ledger."""
    async with house(database) as live, probing(database, live) as one:
        for _ in range(3):
            await one.round()
    async with database.connection() as connection:
        owner = await users.ensure_owner(connection)
        assert await members.roles_of(connection, owner.id) == {}
        assert await connection.fetchval("SELECT count(*) FROM boards") == 1
        assert await rows(connection) == {
            "inbox": 3,
            "board_events": 4,
            "poll_vote_ledger": 3,
            "poll_votes": 3,
            "poll_instances": 1,
            "polls": 1,
            "deadlines": 1,
        }
        await probe.forget(connection, 0)
        left = await rows(connection)
        assert (left["inbox"], left["board_events"], left["poll_vote_ledger"]) == (0, 0, 3)  # it is open
        await connection.execute("UPDATE poll_instances SET state = 'closed', on_screen = false")
        await probe.forget(connection, 60)
        assert (await rows(connection))["poll_vote_ledger"] == 3
        await probe.forget(connection, 0)
        assert set((await rows(connection)).values()) == {0}


async def rows(connection: Connection) -> dict[str, int]:
    tables = (
        "inbox",
        "board_events",
        "poll_vote_ledger",
        "poll_votes",
        "poll_instances",
        "polls",
        "deadlines",
    )
    count = "SELECT count(*) FROM "
    return {table: await connection.fetchval(count + table) for table in tables}


async def test_only_the_probes_ledger_may_go(database: Database) -> None:
    """One DELETE over its own rows and another show's is taken back whole."""
    process = Process(database)
    poll = await open_poll(process, await make_campaign(database))
    await take_in(process, poll, [line(poll, "1")])
    async with house(database) as live, probing(database, live) as one:
        await one.round()
    async with database.connection() as connection:
        with pytest.raises(StatementRefused, match="append-only"):
            await connection.execute("DELETE FROM poll_vote_ledger")
        assert await connection.fetchval("SELECT count(*) FROM poll_vote_ledger") == 2
        (own,) = await polls.page(connection, probe.CAMPAIGN)
        with pytest.raises(StatementRefused, match="append-only"):
            await connection.execute("UPDATE poll_vote_ledger SET n = 7 WHERE poll_instance_id = $1", own.id)
        await connection.execute("DELETE FROM poll_vote_ledger WHERE poll_instance_id = $1", own.id)
        assert await connection.fetchval("SELECT count(*) FROM poll_vote_ledger") == 1


async def test_it_votes_in_a_poll_that_is_marked_and_gets_no_crowd(database: Database) -> None:
    async with house(database) as live, probing(database, live) as one:
        for _ in range(2):
            await one.round()
        assert one._batches.taken == 0  # nor are its votes counted among those of viewers
    async with database.connection() as connection:
        board = await connection.fetchval("SELECT data FROM boards")
        assert (board["kind"], board["simulated"], board["total_votes"]) == ("poll", True, 2)
        assert await connection.fetchval("SELECT count(DISTINCT platform_user_id) FROM poll_votes") == 2
        assert await polls.rehearsals(connection) == []
        assert (await watch.look(connection)).polls_running == 0


async def test_when_its_poll_has_ended_it_opens_the_next(database: Database) -> None:
    """It waits while the votes are counted; two that find none at the same time vote in the same one."""
    async with (
        house(database) as live,
        probing(database, live) as one,
        probing(database, live) as two,
        database.connection() as connection,
    ):
        await asyncio.gather(one.round(), two.round())
        assert await connection.fetchval("SELECT max(ledger_rows) FROM poll_instances") == 2
        (first,) = await polls.page(connection, probe.CAMPAIGN, states=polls.RUNNING)
        await one._rooms.command(probe.CAMPAIGN, first.id, Close())
        voting = asyncio.gather(one.round(), two.round())
        deadlines = Deadlines(database, one._rooms, one._batches.settle)
        firing = asyncio.create_task(deadlines.run())
        try:
            await voting
        finally:
            firing.cancel()
            await asyncio.wait([firing])
        assert (one.state().state, two.state().state) == ("ok", "ok"), (one.figures, two.figures)
        (second,) = await polls.page(connection, probe.CAMPAIGN, states=polls.RUNNING)
        assert second.id != first.id
        assert second.poll.ledger_rows == 2
        assert one._rooms.miscounted == 0
        assert await connection.fetchval("SELECT count(*) FROM boards") == 1


async def test_a_total_that_is_not_the_number_of_votes_is_found(database: Database) -> None:
    async with house(database) as live, probing(database, live) as one:
        await one.round()
        async with database.connection() as connection:
            await connection.execute("DELETE FROM poll_votes")
        await one.round()
        assert one.figures.failures == {"compare": 1}
        assert one.figures.diverged == 1


async def test_a_frame_that_does_not_come_is_a_failure_and_the_lag_grows(database: Database) -> None:
    """A process whose commits are not shown: stored, and never on screen."""
    async with house(database) as live, probing(database, live, within_s=0.8) as one:
        live.hub.publish = lambda change: None  # type: ignore[method-assign]
        one._batches._rooms = Rooms(database, DatabaseClock(), lambda change: None)
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

        cast = one._cast

        async def cast_and_change_behind(poll_id: UUID) -> int | None:
            number = await cast(poll_id)
            async with database.connection() as connection:
                await connection.execute("""UPDATE boards SET data = data || '{"phase": "other"}'""")
            return number

        one._cast = cast_and_change_behind  # type: ignore[method-assign]
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


async def test_what_no_one_thought_of_is_a_failed_round(database: Database) -> None:
    """A refused statement, and a bug: the round has failed, the next one is tried."""
    async with house(database) as live, probing(database, live) as one:
        async with database.connection() as connection:
            await connection.execute("ALTER TABLE inbox ADD CHECK (campaign_id IS NULL) NOT VALID")
            await one.round()
            assert one.figures.failures == {"store": 1}
            await connection.execute("ALTER TABLE inbox DROP CONSTRAINT inbox_campaign_id_check")
        compare, one._compare = one._compare, None  # type: ignore[method-assign, assignment]
        await one.round()
        assert one.figures.failures == {"store": 1, "compare": 1}
        one._compare = compare  # type: ignore[method-assign]
        await one.round()
        assert one.state().state == "ok"


@pytest.fixture
def probed(start_hubbub: StartHubbub) -> Hubbub:
    """The real program with its probe on."""
    return start_hubbub(HUBBUB_PROBE="1")


def figures(probed: Hubbub) -> dict[str, float]:
    """What it says of its probe; failures are summed over the stages."""
    said: Counter[str] = Counter()
    for family in text_string_to_metric_families(httpx2.get(f"{probed.base_url}/metrics").text):
        for sample in family.samples:
            said[sample.name] += sample.value  # type: ignore[assignment]
    return dict(said)


async def test_the_program_probes_itself_and_says_so(probed: Hubbub) -> None:
    wait_until(lambda: figures(probed)["hubbub_probe_lag_seconds"] > 0, "a probe has come back", 15)
    assert figures(probed)["hubbub_probe_failures_total"] == 0
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


async def hello(probed: Hubbub, key: str) -> int | None:
    """Say hello from this machine as a stranger would; answers how it was dismissed."""
    async with connect(probed.base_url.replace("http", "ws") + "/live", proxy=None) as line:
        with suppress(ConnectionClosed):
            said = {"op": "hello", "proto": 1, "key": key, "client": {"kind": "overlay"}}
            await line.send(json.dumps(said))
            await line.wait_closed()
        return line.close_code


async def test_strangers_who_are_locked_out_do_not_take_the_probe_with_them(probed: Hubbub) -> None:
    """All come from 127.0.0.1, as they do behind a proxy on this machine."""
    codes = [await hello(probed, "ovl_" + "x" * 43) for _ in range(11)]
    assert codes == [4401] * 10 + [4429]
    before = figures(probed)

    def has_come_back() -> bool:
        now = figures(probed)
        return all(
            now[name] != before[name] for name in ("hubbub_probe_rounds_total", "hubbub_probe_lag_seconds")
        )

    wait_until(has_come_back, "a round that began with the address blocked has ended", 20)
    assert await hello(probed, "ovl_" + "x" * 43) == 4429  # still blocked
    assert figures(probed)["hubbub_probe_failures_total"] == 0
    assert probed.is_running


async def test_a_probe_that_is_locked_out_itself_has_failed_and_no_more(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with house(database) as live, probing(database, live) as one:
        await one.round()
        monkeypatch.setattr(FailedHellos, "is_blocked", lambda *_: True)
        await one.round()
        assert one.figures.failures == {"connect": 1}
