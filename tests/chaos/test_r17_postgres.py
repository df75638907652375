"""R17: PostgreSQL is killed and stays away, hangs, or its disk is full; nothing acknowledged is lost.

Who asks meanwhile is told 503.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from server.embedded import Embedded
from sql.ids import uuid7
from tests.acceptance.show import chat, eventually, now_ms
from tests.acceptance.voters import Crowd
from tests.chaos import small_disk
from tests.chaos.checker import lags, lies, went_back
from tests.chaos.crowds import Voted, counted, voting
from tests.chaos.overlays import open_overlays
from tests.chaos.settling import settled, truth_of
from tests.chaos.small_disk import SmallDisk
from tests.chaos.trial import Trial, bound
from tests.chaos.world import World, campaign, launch
from tests.own_servers import OwnPostgres

NORMAL_S = 5.0


@pytest.fixture
def postgres(short_dir: Path) -> Iterator[OwnPostgres]:
    own = OwnPostgres(short_dir)
    own.start()
    yield own
    own.close()


@bound(120, 2400)
async def test_r17_a_postgres_outage_loses_nothing_acknowledged(
    postgres: OwnPostgres, trial: Trial, short_dir: Path, redis_url: str
) -> None:
    outages, away_s = trial.scale.count(1, 20), trial.scale.amount(1.0, 60)
    back: list[float] = []
    async with World(trial, short_dir, postgres.url, redis_url) as world:
        (web,) = await world.start("web")
        async with world.api(web.base_url) as api:
            show, link = await campaign(api, "Outage")
            poll = await launch(api, show)
            overlays = [world.overlay(f"o{n}", web.base_url, link) for n in range(trial.scale.size(4, 50))]
            crowd = Crowd(
                Voted(web, show), trial.seed, trial.scale.size(200, 2000), size=10, note=trial.record.note
            )
            async with open_overlays(overlays):
                async with voting(crowd):
                    for number in range(outages):
                        await asyncio.sleep(trial.random.uniform(0.5, 1.5))
                        trial.record.note("kill -9 PostgreSQL")
                        await asyncio.to_thread(postgres.kill9)
                        await is_told(api.http, show)
                        await asyncio.sleep(away_s)
                        await asyncio.to_thread(postgres.start)
                        back.append(await until_normal(crowd))
                        trial.progress(f"{number + 1} of {outages} outages")
                await settled(world, show, overlays, NORMAL_S)
            async with world.database() as connection:
                votes = sum(await counted(connection, crowd, poll["id"]))
        truth = await truth_of(world, show)
        assert "Traceback" not in web.log, web.log[-3000:]
    assert [fault for overlay in overlays for fault in overlay.faults] == []
    assert [lie for overlay in overlays for lie in lies(overlay, truth)] == []
    assert [fault for overlay in overlays for fault in went_back(overlay)] == []
    assert [overlay.name for overlay in overlays if len(overlay.visits) != 1] == [], "no overlay was cut off"
    assert max(back) <= trial.within(NORMAL_S), f"normal after {max(back):.1f} s"
    late = [lag for overlay in overlays for lag in lags(overlay, truth)]
    assert max(late) <= trial.within(NORMAL_S)
    trial.figure("outages", outages)
    trial.figure("votes", votes)
    trial.figure("answers missed", crowd.failures)
    trial.figure("normal after", f"{max(back):.2f} s")
    trial.lags("commit to screen", late)


@bound(90, 900)
async def test_r17_a_postgres_that_is_slow_or_hangs_loses_nothing(trial: Trial, world: World) -> None:
    slow_s, hang_s = trial.scale.amount(1.5, 60), trial.scale.amount(1.5, 60)
    rounds = trial.scale.count(1, 5)
    link, url = await world.postgres_link()
    (web,) = await world.start("web", DATABASE_URL=url)
    back: list[float] = []
    async with world.api(web.base_url) as api:
        show, overlay_link = await campaign(api, "Slow")
        poll = await launch(api, show)
        overlays = [world.overlay(f"o{n}", web.base_url, overlay_link) for n in range(4)]
        crowd = Crowd(
            Voted(web, show), trial.seed, trial.scale.size(200, 1000), size=10, note=trial.record.note
        )
        async with open_overlays(overlays):
            async with voting(crowd):
                for number in range(rounds):
                    link.delay_s = 0.02  # each way, for each of the statements of a batch
                    await asyncio.sleep(slow_s)
                    link.delay_s = 0.0
                    trial.record.note("PostgreSQL hangs")
                    link.is_silent = True
                    await asyncio.sleep(hang_s)
                    link.is_silent = False
                    back.append(await until_normal(crowd))
                    trial.progress(f"{number + 1} of {rounds} rounds")
            await settled(world, show, overlays, NORMAL_S)
        async with world.database() as connection:
            votes = sum(await counted(connection, crowd, poll["id"]))
    truth = await truth_of(world, show)
    assert "Traceback" not in web.log, web.log[-3000:]
    assert [fault for overlay in overlays for fault in overlay.faults] == []
    assert [lie for overlay in overlays for lie in lies(overlay, truth)] == []
    assert [fault for overlay in overlays for fault in went_back(overlay)] == []
    assert [overlay.name for overlay in overlays if len(overlay.visits) != 1] == [], "no overlay was cut off"
    assert max(back) <= trial.within(NORMAL_S), f"normal after {max(back):.1f} s"
    trial.figure("rounds", rounds)
    trial.figure("votes", votes)
    trial.figure("normal after", f"{max(back):.2f} s")


@bound(90, 900)
@pytest.mark.skipif(bool(small_disk.why_not()), reason=small_disk.why_not())
async def test_r17_a_full_disk_loses_nothing_acknowledged(
    servers: Embedded, postgres_url: str, trial: Trial, short_dir: Path, redis_url: str
) -> None:
    rounds, full_s = trial.scale.count(1, 20), trial.scale.amount(1.0, 20)
    back: list[float] = []
    async with (
        SmallDisk.of(servers, postgres_url, short_dir) as disk,
        World(trial, short_dir, disk.url, redis_url) as world,
    ):
        (web,) = await world.start("web")
        async with world.api(web.base_url) as api:
            show, link = await campaign(api, "Full")
            poll = await launch(api, show)
            overlays = [world.overlay(f"o{n}", web.base_url, link) for n in range(trial.scale.size(4, 50))]
            crowd = Crowd(Voted(web, show), trial.seed, 200, size=10, note=trial.record.note)
            async with open_overlays(overlays):
                async with voting(crowd):
                    for number in range(rounds):
                        await asyncio.sleep(trial.random.uniform(0.5, 1.0))
                        trial.record.note("disk full", bytes=await disk.fill())
                        await until_refused(api.http, show)
                        await asyncio.sleep(full_s)
                        await until_refused(api.http, show)
                        disk.free()
                        back.append(await until_normal(crowd))
                        trial.progress(f"{number + 1} of {rounds} times full")
                await settled(world, show, overlays, NORMAL_S)
            async with world.database() as connection:
                votes = sum(await counted(connection, crowd, poll["id"]))
        truth = await truth_of(world, show)
        assert "Traceback" not in web.log, web.log[-3000:]
    assert [fault for overlay in overlays for fault in overlay.faults] == []
    assert [lie for overlay in overlays for lie in lies(overlay, truth)] == []
    assert [fault for overlay in overlays for fault in went_back(overlay)] == []
    assert [overlay.name for overlay in overlays if len(overlay.visits) != 1] == [], "no overlay was cut off"
    assert max(back) <= trial.within(NORMAL_S), f"normal after {max(back):.1f} s"
    trial.figure("times full", rounds)
    trial.figure("votes", votes)
    trial.figure("normal after", f"{max(back):.2f} s")


def acknowledged(crowd: Crowd) -> int:
    """How many deliveries were."""
    return sum(batch.accepted + batch.duplicates > 0 for batch in crowd.batches)


async def until_refused(http: httpx2.AsyncClient, show: str) -> None:
    """The pages that are there already take a few more rows, which may be acknowledged; then there is 503."""

    async def is_refused() -> bool:
        event = chat(f"full-{uuid7()}", f"{uuid7()}", "9", now_ms())
        answer = await http.post(f"/campaigns/{show}/events", json=[event])
        assert answer.status_code in {200, 503}, f"{answer.status_code} {answer.text}"
        return answer.status_code == 503

    await eventually(is_refused, "a full disk is told", 20)


async def is_told(http: httpx2.AsyncClient, show: str) -> None:
    """Who asks meanwhile gets 503, and soon."""
    began = time.monotonic()
    event = [chat("while-away", "nobody", "9", now_ms())]
    for answer in (await http.post(f"/campaigns/{show}/events", json=event), await http.get("/campaigns")):
        assert answer.status_code == 503, f"{answer.status_code} {answer.text}"
    assert time.monotonic() - began < 10


async def until_normal(crowd: Crowd) -> float:
    """How long after the return the next delivery was acknowledged."""
    began = time.monotonic()
    before = acknowledged(crowd)

    async def is_normal() -> bool:
        return acknowledged(crowd) > before + 3

    await eventually(is_normal, "votes are acknowledged again", 30)
    return time.monotonic() - began
