"""R13: only genuine, fresh webhooks have an effect, and only once; a 2xx is told after COMMIT.

Senders sign dice for tables of a show, to two processes, while their secrets are rotated and PostgreSQL goes
away in between. Beside them others send what they forged, what they recorded, and what is too old.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from random import Random
from typing import Any, TypeAlias

import asyncpg
import httpx2

from tests.acceptance.show import Api
from tests.chaos.dice_senders import Line, Post, Table, Told, forged, good, rotate, stale, stored, tables
from tests.chaos.proxy import Link
from tests.chaos.trial import Trial, bound
from tests.chaos.world import World, campaign

ANSWERED_S = 0.150
Stored: TypeAlias = Coroutine[Any, Any, Counter[str]]
#: Deliveries under way at a time, of the genuine and of the others.
AT_ONCE = 8


@asynccontextmanager
async def line(world: World) -> AsyncIterator[Line]:
    """To every web process."""
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(httpx2.AsyncClient(base_url=program.base_url, timeout=10))
            for program in world.programs
        ]
        yield Line(clients, Told())


async def send_all(line: Line, posts: Iterable[Post], at_once: int = AT_ONCE) -> None:
    """Whatever becomes of them."""
    left = iter(posts)

    async def worker() -> None:
        for post in left:
            await line.send(post)

    await asyncio.gather(*(worker() for _ in range(at_once)))


async def bring_all_home(line: Line, posts: Iterable[Post], truth: asyncpg.Pool, a_second: float) -> None:
    """Evenly spread; each until it is taken."""
    async with asyncio.TaskGroup() as group:
        for post in posts:
            group.create_task(line.bring_home(post, truth))
            await asyncio.sleep(1 / a_second)


async def rotating(api: Api, senders: list[Table], random: Random, every_s: float) -> None:
    """Again and again, another table each time."""
    while True:
        await asyncio.sleep(every_s)
        await rotate(api, random.choice(senders))


async def breaking(link: Link, trial: Trial, outages: int) -> None:
    """PostgreSQL goes away in three ways: refuses, resets in mid-statement, hangs."""
    for number in range(outages):
        await asyncio.sleep(trial.random.uniform(0.6, 1.2))
        trial.record.note("PostgreSQL goes away", way=number % 3)
        match number % 3:
            case 0:
                link.is_down = True
                link.cut()
                await asyncio.sleep(0.4)
                link.is_down = False
            case 1:
                for _ in range(5):
                    link.cut()
                    await asyncio.sleep(0.05)
            case _:
                link.is_silent = True
                await asyncio.sleep(0.6)
                link.is_silent = False


@bound(120, 2400)
async def test_r13_only_genuine_webhooks_have_an_effect_and_only_once(trial: Trial, world: World) -> None:
    count, rate = trial.scale.count(300, 6000), 60.0
    link, url = await world.postgres_link()
    await world.start("web", "web", DATABASE_URL=url)
    async with (
        AsyncExitStack() as stack,
        world.api(world.programs[0].base_url) as api,
        asyncpg.create_pool(world.database_url, min_size=1, max_size=4) as truth,
    ):
        show, _ = await campaign(api, "Dice", overlay=False)
        senders = await tables(api, show, 20)
        real = await stack.enter_async_context(line(world))
        lures = await stack.enter_async_context(line(world))
        random = trial.random
        posts = (good(random, senders, number) for number in range(count))
        forgeries = (forged(random, senders, number) for number in range(trial.scale.count(1000, 100_000)))
        async with asyncio.TaskGroup() as group:
            turning = group.create_task(rotating(api, senders, random, 0.3))
            others = group.create_task(send_all(lures, forgeries))
            broken = group.create_task(breaking(link, trial, trial.scale.count(3, 60)))
            await bring_all_home(real, posts, truth, rate)
            await broken
            turning.cancel()
            await others
        assert real.told.too_early == [], "acknowledged before COMMIT"
        assert len(real.told.taken) == count
        once = Counter(post.mark for post in real.told.taken)
        assert await stored(truth, show) == once
        await replayed(trial, world, senders, real.told.taken, lambda: stored(truth, show))
        forged_statuses = lures.told.statuses
        assert set(forged_statuses) <= {0, 401, 503}, forged_statuses
        trial.figure("genuine", count)
        trial.figure("tries of them", sum(real.told.statuses.values()) - count)
        trial.figure("forged", dict(forged_statuses))
        trial.lags("answered", real.told.seconds)
        calm = await answered_in_calm(trial, senders, world, truth)
        trial.lags("answered in calm", calm)
        trial.at_most("answers", calm, ANSWERED_S, share=0.99)


async def replayed(
    trial: Trial, world: World, senders: list[Table], taken: list[Post], stored_now: Callable[[], Stored]
) -> None:
    """What was recorded comes again, from anywhere, and what is too old comes: nothing happens."""
    before = await stored_now()
    async with line(world) as recorder:
        wanted = trial.scale.count(1000, 10_000)
        # By a key that is dead by now, or by one that is good: refused, or told that it is known.
        newest = taken[-2 * len(senders) :]
        await send_all(
            recorder, (trial.random.choice(trial.random.choice((taken, newest))) for _ in range(wanted))
        )
        statuses = recorder.told.statuses
        assert set(statuses) <= {200, 401, 429}, statuses
        assert statuses[200] > wanted // 10, statuses
        trial.figure("replayed", dict(statuses))
    async with line(world) as late:
        await send_all(
            late, (stale(trial.random, senders, number) for number in range(trial.scale.count(100, 1000)))
        )
        assert set(late.told.statuses) == {401}, late.told.statuses
        trial.figure("stale", dict(late.told.statuses))
    assert await stored_now() == before, "nothing of it had an effect"


async def answered_in_calm(
    trial: Trial, senders: list[Table], world: World, truth: asyncpg.Pool
) -> list[float]:
    """How fast genuine ones are answered when nothing breaks."""
    first = 1_000_000
    posts = (good(trial.random, senders, first + n) for n in range(trial.scale.count(100, 2000)))
    async with line(world) as calm:
        await bring_all_home(calm, posts, truth, trial.scale.size(20, 60))
        assert calm.told.too_early == []
        return list(calm.told.seconds)
