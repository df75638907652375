"""R14: a viewer that is stuck or slow harms no other: their frames come as before, and it is gone in time.

Who is cut comes back at once, so that the bad ones are there for as long as the healthy are measured. The
slow ones answer pings all the time: only that they do not take their frames can give them away.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from statistics import quantiles

from tests.acceptance.show import eventually
from tests.acceptance.voters import Crowd
from tests.chaos.crowds import Voted, voting
from tests.chaos.overlays import key_of
from tests.chaos.settling import truth_of
from tests.chaos.trial import Trial, bound
from tests.chaos.watchers import Arrivals, Pest, Seen, Wakes, Watcher, dial, hello_of
from tests.chaos.world import World, campaign, launch, metrics
from tests.servers import Hubbub

#: What the promise allows, and a floor for a clock that ticks in milliseconds. On top of that comes how late
#: the harness itself woke up.
WORSE, FLOOR_S = 1.2, 0.005
BUFFERED = 256 * 1024
CUT_S = 10.0
#: How often the harness looks at the server's sockets, and so how late it may see that one is gone.
TICK_S = 0.25
#: Within so many seconds all of the bad have come.
COMING_S = 3.0
BACK_S = 60.0
#: Free memory that the C library and Python keep for the next frame: blocks of 1 MiB (an arena of Python's,
#: and what glibc leaves on top of its heap), however many viewers there were. A leak would be one a viewer.
KEPT = 2 * 2**20
#: A board of several KiB changes ten times a second: who takes nothing is full after a few seconds.
QUESTION, OPTION = "🐉" * 120, "🐉" * 78


@dataclass(slots=True)
class Looks:
    """What was seen of the server while the bad ones were there."""

    bad: list[Pest]
    start: Seen
    queue: int = 0  # the most bytes that the kernel held for one of them
    memory: int = 0
    there: list[int] = field(default_factory=list)

    def look(self, program: Hubbub) -> None:
        seen = Seen.of(program)
        ports = {pest.port for pest in self.bad if pest.port}
        for pest in self.bad:
            if pest.port and pest.port not in seen.peers:
                pest.gone.set()
        self.queue = max([self.queue, *(size for port, size in seen.peers.items() if port in ports)])
        self.memory = max(self.memory, seen.memory)
        self.there.append(len(ports & seen.peers.keys()))

    @property
    def most_held(self) -> int:
        """The most bytes held for one: by the kernel, and what the process grew by for each of them."""
        grown = max(0, self.memory - self.start.memory - KEPT)
        return self.queue + grown // len(self.bad)

    @property
    def cuts(self) -> list[float]:
        return [after for pest in self.bad for after in pest.cuts]


@asynccontextmanager
async def pests(
    trial: Trial, program: Hubbub, hello: bytes, start: Seen, *, stuck: int, slow: int
) -> AsyncIterator[Looks]:
    """So many that never read, and so many at 2 kB/s, there until the block ends."""
    paces = [0] * stuck + [2_000] * slow
    looks = Looks([Pest(program, hello, pace, trial.random.uniform(0, COMING_S)) for pace in paces], start)

    async def look() -> None:
        while True:
            looks.look(program)
            await asyncio.sleep(TICK_S)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(pest.run()) for pest in looks.bad]
        tasks.append(group.create_task(look()))
        yield looks
        for task in tasks:
            task.cancel()


@asynccontextmanager
async def watching(program: Hubbub, hello: bytes, arrivals: Arrivals, count: int) -> AsyncIterator[None]:
    """So many healthy viewers, in and never cut."""
    watchers: list[Watcher] = [await dial(program, hello, arrivals) for _ in range(count)]

    async def all_in() -> bool:
        return (await metrics(program))["hubbub_live_clients"] == count

    await eventually(all_in, "all are in", 30)
    yield
    assert all(watcher.is_open for watcher in watchers), "nobody healthy is cut"
    for watcher in watchers:
        watcher.close()


async def files_of(program: Hubbub) -> int:
    """Its descriptors without those of PostgreSQL, of which the pool takes more when it needs them."""
    pool = (await metrics(program))["hubbub_database_connections"]
    return Seen.of(program).files - int(pool)


def p99(late: list[float]) -> float:
    return quantiles(late, n=100)[98]


@bound(120, 1200)
async def test_r14_stuck_viewers_harm_nobody(trial: Trial, world: World) -> None:
    healthy, stuck, slow = (600, 200, 200) if trial.scale.is_long else (35, 10, 5)
    alone_s, beside_s = trial.scale.amount(4, 60), trial.scale.amount(4, 600)
    (web,) = await world.start("web", HUBBUB_OVERLAY_SOCKETS="4000")
    async with world.api(web.base_url) as api:
        show, link = await campaign(api, "Stuck")
        await launch(api, show, QUESTION, options=[f"{n:2}{OPTION}" for n in range(10)])
    crowd = Crowd(Voted(web, show), trial.seed, 60, size=4, note=trial.record.note)
    hello, arrivals = hello_of(key_of(link)), Arrivals()
    times: dict[str, tuple[float, float]] = {}
    async with Wakes.watched() as wakes, watching(web, hello, arrivals, healthy), voting(crowd):
        await asyncio.sleep(2)  # everything is warm
        began = time.time()
        await asyncio.sleep(alone_s)
        times["before"] = (began, time.time())
        files, start = await files_of(web), Seen.of(web)
        began = time.time()
        async with pests(trial, web, hello, start, stuck=stuck, slow=slow) as looks:
            while time.time() - began < beside_s or not all(pest.cuts for pest in looks.bad):
                late = time.time() - began - max(beside_s, trial.within(CUT_S + COMING_S + 5))
                assert late < 0, "they are cut in time"
                trial.progress(f"{len(looks.cuts)} cuts")
                await asyncio.sleep(0.05)
            times["beside"] = (began, time.time())
            cut = (await metrics(web))["hubbub_live_cut_total"]
        grown = await until_back(web, files, start)
        began = time.time()
        await asyncio.sleep(alone_s)
        times["after"] = (began, time.time())
    truth = await truth_of(world, show)
    lags = {name: p99(arrivals.late(truth.seqs, truth.times, *span)) for name, span in times.items()}
    stalled = p99(wakes.late(*times["beside"]))
    cuts = looks.cuts
    trial.figure("p99 of the healthy", " → ".join(f"{lag * 1000:.1f}" for lag in lags.values()) + " ms")
    trial.figure("harness p99", f"{stalled * 1000:.1f} ms")
    trial.figure("cuts", len(cuts))
    trial.figure("cut after", f"{min(cuts):.1f} to {max(cuts):.1f} s")
    trial.figure("of the bad there", f"{sum(looks.there) / len(looks.there):.0f} of {len(looks.bad)}")
    trial.figure("most held for one", f"{looks.most_held // 1024} KiB")
    trial.figure("memory", f"{grown[1] / 2**20:+.1f} MiB, {grown[0]:.0f} s after")
    assert cut >= len(cuts) >= len(looks.bad)
    assert max(cuts) <= trial.within(CUT_S) + TICK_S
    usual = max(lags["before"], lags["after"])
    assert lags["beside"] <= WORSE * usual + FLOOR_S + stalled + (0 if trial.scale.is_long else usual)
    assert looks.most_held <= BUFFERED


async def until_back(program: Hubbub, files: int, start: Seen) -> tuple[float, int]:
    """Wait until the process is as small as before; answers for how long, and by how much it has grown."""
    began, grown = time.monotonic(), 0

    async def is_back() -> str:
        nonlocal grown
        more = await files_of(program) - files
        grown = Seen.of(program).memory - start.memory
        return "" if more > 0 or grown > KEPT else "as before"

    try:
        await eventually(is_back, "", BACK_S)
    except AssertionError:
        more = await files_of(program) - files
        raise AssertionError(f"not back after {BACK_S:g} s: {more:+} files, {grown:+} bytes") from None
    return time.monotonic() - began, grown
