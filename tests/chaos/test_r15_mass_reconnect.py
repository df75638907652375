"""R15: a server comes back, and everybody with it: they are right soon, and each room is read once.

"Soon" counts from the moment it died: what its start and the waiting of the browsers take is in it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

import asyncpg

from server.embedded import Embedded
from tests.acceptance.show import chat, now_ms
from tests.chaos.checker import Truth, lasting, lies
from tests.chaos.overlays import BROKEN, Overlay, ending, open_overlays
from tests.chaos.stalls import Sample
from tests.chaos.trial import Trial, bound
from tests.chaos.world import World, campaign, launch
from tests.servers import Hubbub

#: What a process takes to be ready on a machine that has nothing else to do, rounded up.
START_S = 1.0
#: The query that reads all boards of a campaign, as it stands in PostgreSQL's log.
SNAPSHOT_QUERY = "SELECT board_id, rev, data FROM boards WHERE campaign_id = $1\n"


@bound(90, 600)
async def test_r15_a_mass_reconnect_reads_each_room_once(
    servers: Embedded, trial: Trial, world: World
) -> None:
    rooms, each = trial.scale.size(12, 100), trial.scale.size(5, 50)
    rounds = trial.scale.count(1, 5)
    log = PostgresLog(servers, world.database_url)
    await log.speak_up()
    (web,) = await world.start("web")
    overlays: dict[str, list[Overlay]] = {}
    async with world.api(web.base_url) as api:
        for number in range(rooms):
            show, link = await campaign(api, f"Room {number}")
            await launch(api, show)
            await api.post(f"/campaigns/{show}/events", [chat("m1", "p1", "2", now_ms())])
            overlays[show] = [world.overlay(f"{number}.{n}", web.base_url, link) for n in range(each)]
            if number % 20 == 19:
                await asyncio.sleep(10)  # a key writes 600 times a minute
    everybody = [overlay for room in overlays.values() for overlay in room]
    took: list[Sample] = []
    late_s = 0.0
    async with open_overlays(everybody, within_s=60):
        for number in range(rounds):
            log.mark()
            right, ready_s = await restart(trial, world, web, everybody)
            took += right
            late_s = max(late_s, ready_s - START_S)
            read = log.snapshots_read()
            assert read == rooms, f"{read} snapshot queries for {rooms} rooms and {len(everybody)} overlays"
            trial.progress(f"restart {number + 1} of {rounds}", 0)
        async with world.database() as connection:
            await check(connection, overlays)
    # The short form shares the machine: browsers wait as long again as the start takes more than it should.
    more_s = 0.0 if trial.scale.is_long else 2 * late_s
    trial.at_most("95 in 100 are right", took, 5 + more_s, 0.95)
    trial.at_most("the last one is right", took, 15 + more_s)
    trial.figure("rooms", rooms)
    trial.figure("overlays", len(everybody))
    trial.figure("restarts", rounds)
    trial.figure("snapshot queries a restart", rooms)
    trial.lags("right after", took)


async def restart(
    trial: Trial, world: World, web: Hubbub, overlays: Sequence[Overlay]
) -> tuple[list[Sample], float]:
    """The process is killed and comes back; answers how long after the cut each overlay was right, and how
    long after it the process was ready."""
    before = [len(overlay.visits) for overlay in overlays]
    cut = time.time()
    with ending(overlays, BROKEN):
        await world.kill9(web)
        await asyncio.to_thread(web.start)
    ready_s = time.time() - cut
    trial.figure("ready after", ready_s)

    def is_back(overlay: Overlay, visits: int) -> bool:
        return len(overlay.visits) > visits and overlay.is_open

    while not all(map(is_back, overlays, before)):
        assert time.time() - cut < trial.within(30, cut), "everybody comes back"
        await asyncio.sleep(0.02)
    return [Sample(overlay.visits[-1].first_frame - cut, cut) for overlay in overlays], ready_s


async def check(connection: asyncpg.Connection, overlays: dict[str, list[Overlay]]) -> None:
    """All of them show what PostgreSQL holds, and never showed anything else."""
    for show, room in overlays.items():
        truth = await Truth.read(connection, show)
        assert lasting(room, truth) == []
        assert [lie for overlay in room for lie in lies(overlay, truth)] == []
        assert [fault for overlay in room for fault in overlay.faults] == []


class PostgresLog:
    """Every statement on one database, counted in the server's own log: what pg_stat_statements would say."""

    def __init__(self, servers: Embedded, database_url: str) -> None:
        self._path: Path = servers._data_dir / "logs" / "postgres.log"
        self._url = database_url
        self._from = 0

    async def speak_up(self) -> None:
        """From the next connection on."""
        connection = await asyncpg.connect(self._url)
        name = await connection.fetchval("SELECT current_database()")
        await connection.execute(f"ALTER DATABASE \"{name}\" SET log_statement = 'all'")
        await connection.close()

    def mark(self) -> None:
        """Count from here."""
        self._from = self._path.stat().st_size

    def snapshots_read(self) -> int:
        with self._path.open("rb") as file:
            file.seek(self._from)
            text = file.read().decode("utf-8", "replace")
        assert "LOG:  execute" in text, "statements are in the log"
        return text.count(SNAPSHOT_QUERY)
