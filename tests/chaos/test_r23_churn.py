"""R23: nothing grows for ever: shows, polls and clients come and go, and everything is as small as before."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

from tests.acceptance.show import Api, chat, eventually, now_ms
from tests.chaos.overlays import open_overlays
from tests.chaos.trial import Trial, bound
from tests.chaos.world import World, campaign, launch, metrics
from tests.servers import Hubbub

#: Gauges that must be back at zero when nobody is there.
GAUGES = ("hubbub_live_clients", "hubbub_live_overlays")
#: A room is kept for half a minute after its last client; only a long form waits for that.
ROOMS = "hubbub_live_rooms"
#: Connections to PostgreSQL that may be open now and were not before; a leak would be one a show.
POOL = 10
#: Aim of reliability R23, for the long form after an hour; a short form sees the allocator's own steps.
RSS_MIB = (12, 1)


@bound(90, 4200)
async def test_r23_churn_leaves_nothing_behind(trial: Trial, world: World) -> None:
    seconds = trial.scale.amount(6, 3600)
    (web,) = await world.start("web")
    async with world.api(web.base_url) as api:
        await churn(trial, world, web, api, rounds=2)  # what is made once is made
        await at_rest(web)
        before = sizes(web)
        halves = []
        shows = 0
        for half in range(2):
            end = time.monotonic() + seconds / 2
            while time.monotonic() < end:
                await churn(trial, world, web, api, rounds=1)
                shows += 1
                trial.progress(f"{shows} shows, {sizes(web)}")
                if trial.scale.is_long:
                    await asyncio.sleep(1)  # a key writes 600 times a minute
            await at_rest(web, rooms=trial.scale.is_long)
            halves.append(sizes(web))
            trial.record.note("rest", half=half, **halves[-1])
        rows = await hot_rows(world)
    after = halves[-1]
    assert after["files"] <= before["files"] + POOL, f"{before} → {after}"
    assert shows > POOL
    assert after["threads"] <= before["threads"] + 1, f"{before} → {after}"
    grown = (halves[1]["rss_kib"] - halves[0]["rss_kib"]) / 1024
    assert grown <= RSS_MIB[trial.scale.is_long] * max(1.0, seconds / 7200), f"{grown:.1f} MiB in a half"
    assert rows == {"boards": 0, "deadlines": 0, "overlay_sources": 0}
    assert "Traceback" not in web.log
    trial.figure("shows", shows)
    trial.figure("files", f"{before['files']} → {after['files']}")
    trial.figure("memory", f"{before['rss_kib'] // 1024} → {after['rss_kib'] // 1024} MiB")
    trial.figure("memory in the second half", f"{grown:+.2f} MiB")


async def churn(trial: Trial, world: World, web: Hubbub, api: Api, rounds: int) -> None:
    """A show from its beginning to its end, with overlays that reload, are cut, and leave."""
    for number in range(rounds):
        show, link = await campaign(api, f"Show {number}")
        poll = await launch(api, show)
        overlays = [world.overlay(f"o{n}", web.base_url, link) for n in range(8)]
        async with open_overlays(overlays):
            await api.post(
                f"/campaigns/{show}/events", [chat(f"m{n}", f"p{n}", "1", now_ms()) for n in range(50)]
            )
            for overlay in trial.random.sample(overlays, 3):
                overlay.reload()
            for overlay in trial.random.sample(overlays, 3):
                overlay.cut(0.05)
            await asyncio.sleep(0.1)
            await api.post(f"/polls/{poll['id']}/cancel")


async def at_rest(web: Hubbub, *, rooms: bool = False) -> None:
    """Wait until nobody is there."""
    gauges = (*GAUGES, ROOMS) if rooms else GAUGES

    async def empty() -> bool:
        figures = await metrics(web)
        return all(figures[name] == 0 for name in gauges)

    await eventually(empty, f"{gauges} are zero", 45)


def sizes(web: Hubbub) -> dict[str, int]:
    """Of the process, from the kernel."""
    status = dict(
        line.split(":\t", 1)
        for line in Path(f"/proc/{web.pid}/status").read_text().splitlines()
        if ":\t" in line
    )
    return {
        "files": len(os.listdir(f"/proc/{web.pid}/fd")),
        "threads": int(status["Threads"]),
        "rss_kib": int(status["VmRSS"].split()[0]),
    }


async def hot_rows(world: World) -> dict[str, int]:
    """What is on screen, armed or open: nothing any more."""
    queries = {
        "boards": "SELECT count(*) FROM boards",
        "deadlines": "SELECT count(*) FROM deadlines WHERE state = 'armed'",
        "overlay_sources": "SELECT count(*) FROM overlay_sources",
    }
    async with world.database() as connection:

        async def none_noted() -> bool:
            return not await connection.fetchval("SELECT count(*) FROM overlay_sources")

        await eventually(none_noted, "no source is noted as open", 10)
        return {name: await connection.fetchval(query) for name, query in queries.items()}
