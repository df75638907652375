"""R23: nothing grows for ever: shows, polls and clients come and go, and everything is as small as before."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import linear_regression

from redis.asyncio import Redis

from server.engine.housekeeping import tidy
from sql.pool import Database
from tests.acceptance.show import Api, chat, eventually, now_ms
from tests.chaos.overlays import open_overlays
from tests.chaos.trial import Trial, bound
from tests.chaos.world import World, campaign, launch, metrics
from tests.servers import Hubbub

#: Gauges that must be back at zero when nobody is there.
GAUGES = ("hubbub_live_clients", "hubbub_live_overlays", "hubbub_events_waiting")
#: A room is kept for half a minute after its last client.
ROOMS = "hubbub_live_rooms"
#: From one show to the next, in seconds; a short form mostly waits, a key writes 600 times a minute.
PAUSE_S = (4.0, 1.0)
#: Tables that every show writes to, each with the time of a row; what is in them is kept for a while.
KEPT = {
    "inbox": "received_at",
    "board_events": "at",
    "idempotency_keys": "created_at",
    "lost_lines": "at",
}
#: Connections to PostgreSQL that may be open now and were not before; a leak would be one a show.
POOL = 10
#: Reliability R23: MiB an hour once the first half has warmed it up. What a short form can see is the
#: allocator's own steps, so it has a bound on what came in its second half.
SLOPE_MIB_H, SHORT_MIB = 1.0, 12
#: Tasks of the event loop that may be there at one moment of rest and not at another: a look at the
#: database, a position check. A leak would be one a show or a client.
TASKS = 2


@bound(260, 4200)
async def test_r23_churn_leaves_nothing_behind(trial: Trial, world: World) -> None:
    seconds = trial.scale.amount(120, 3600)
    (web,) = await world.start("web")
    async with world.api(web.base_url) as api:
        for number in range(2):  # what is made once is made
            await churn(trial, world, web, api, number)
        await at_rest(web)
        before, tasks, keys = sizes(web), await tasks_of(web), await redis_keys(world)
        rows = [await kept_rows(world)]
        halves = []
        memory: list[tuple[float, float]] = []
        shows = [0, 0]
        for half in range(2):
            end = time.monotonic() + seconds / 2
            while time.monotonic() < end:
                await churn(trial, world, web, api, sum(shows))
                shows[half] += 1
                if half:
                    memory.append((time.monotonic() / 3600, sizes(web)["rss_kib"] / 1024))
                trial.progress(f"{sum(shows)} shows, {sizes(web)}")
                await asyncio.sleep(PAUSE_S[trial.scale.is_long])
            await at_rest(web, rooms=half == 1)
            halves.append(sizes(web))
            rows.append(await kept_rows(world))
            trial.record.note("rest", half=half, **halves[-1])
        hot = await hot_rows(world)
        tasks_after, keys_after = await tasks_of(web), await redis_keys(world)
    after = halves[-1]
    assert after["files"] <= before["files"] + POOL, f"{before} → {after}"
    assert sum(shows) > 1.5 * POOL
    assert after["threads"] <= before["threads"] + 1, f"{before} → {after}"
    assert tasks_after <= tasks + TASKS, f"tasks: {tasks} → {tasks_after}"
    grown, slope = (halves[1]["rss_kib"] - halves[0]["rss_kib"]) / 1024, slope_of(memory)
    if trial.scale.share == 1:
        assert slope < SLOPE_MIB_H, f"{slope:.2f} MiB an hour"
    else:
        assert grown <= SHORT_MIB, f"{grown:.1f} MiB in a half"
    assert hot == {"boards": 0, "deadlines": 0, "overlay_sources": 0}
    assert keys_after <= keys, f"keys of Redis that nobody will remove: {keys_after - keys}"
    # What a show leaves in them is no more than the last one left, and goes with time.
    for table in KEPT:
        first, second = ((rows[half + 1][table] - rows[half][table]) / shows[half] for half in range(2))
        assert second <= first + 1, f"{table}: {first:.1f} rows a show, then {second:.1f}"
    assert await rows_after_a_year(world) == dict.fromkeys(KEPT, 0)
    assert "Traceback" not in web.log
    trial.figure("shows", sum(shows))
    trial.figure("files", f"{before['files']} → {after['files']}")
    trial.figure("memory", f"{before['rss_kib'] // 1024} → {after['rss_kib'] // 1024} MiB")
    trial.figure("tasks", f"{tasks} → {tasks_after}")
    trial.figure("memory in the second half", f"{grown:+.2f} MiB, {slope:+.2f} MiB an hour")
    trial.figure("lasting keys of Redis", f"{len(keys)} → {len(keys_after)}")
    for table in KEPT:
        trial.figure(table, " → ".join(str(row[table]) for row in rows) + " → 0 after a year")


async def churn(trial: Trial, world: World, web: Hubbub, api: Api, number: int) -> None:
    """A show from its beginning to its end, with overlays that reload, are cut, and leave.

    Every other poll is cancelled; the others end as polls do: closed, counted, revealed, off the stage.
    """
    show, link = await campaign(api, "Show")
    poll = await launch(api, show, grace_s=0)
    overlays = [world.overlay(f"o{n}", web.base_url, link) for n in range(8)]
    async with open_overlays(overlays):
        path = f"/campaigns/{show}/events"
        events = [chat(f"m{n}", f"p{n}", "1", now_ms()) for n in range(50)]
        once = {"Idempotency-Key": f"votes-of-{show}"}
        for _ in range(2):
            answer = await api.http.post(path, json=events, headers=once)
            assert answer.json()["accepted"] == len(events), answer.text
        for overlay in trial.random.sample(overlays, 3):
            overlay.reload()
        for overlay in trial.random.sample(overlays, 3):
            overlay.cut(0.05)
        await asyncio.sleep(0.1)
        for verb in ("close", "reveal", "dismiss") if number % 2 else ("cancel",):
            await api.post(f"/polls/{poll['id']}/{verb}")
            if verb == "close":
                await until_closed(api, poll["id"])


async def until_closed(api: Api, poll_id: str) -> None:
    """Wait until the votes of a poll have been counted."""

    async def is_closed() -> bool:
        return bool((await api.get(f"/polls/{poll_id}"))["state"] == "closed")

    await eventually(is_closed, "the poll is closed", 10)


def slope_of(points: Sequence[tuple[float, float]]) -> float:
    """How steep the line through the points is, by least squares; 0 for less than two."""
    if len(points) < 2:
        return 0.0
    return linear_regression(*zip(*points, strict=True)).slope


async def at_rest(web: Hubbub, *, rooms: bool = False) -> None:
    """Wait until nobody is there."""
    gauges = (*GAUGES, ROOMS) if rooms else GAUGES

    async def empty() -> bool:
        figures = await metrics(web)
        return all(figures[name] == 0 for name in gauges)

    await eventually(empty, f"{gauges} are zero", 45)


async def tasks_of(web: Hubbub) -> float:
    """Tasks of its event loop."""
    return (await metrics(web))["hubbub_tasks"]


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


async def redis_keys(world: World) -> set[str]:
    """Keys that do not end by themselves."""
    async with Redis.from_url(world.redis_url, decode_responses=True) as redis:
        return {key async for key in redis.scan_iter() if await redis.ttl(key) == -1}


async def kept_rows(world: World) -> dict[str, int]:
    """How many rows there are of what every show writes."""
    async with world.database() as connection:
        return {
            table: await connection.fetchval(f"SELECT count(*) FROM {table}")  # noqa: S608
            for table in KEPT
        }


async def rows_after_a_year(world: World) -> dict[str, int]:
    """The same when all of it is a year older, and Hubbub has come by to tidy up."""
    async with world.database() as connection:
        for table, column in KEPT.items():
            await connection.execute(f"UPDATE {table} SET {column} = {column} - interval '1 year'")  # noqa: S608
    database = await Database.open(world.database_url)
    try:
        await tidy(database)
    finally:
        await database.close()
    return await kept_rows(world)


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
