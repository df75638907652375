"""R4 R5 R6: overlays that are reloaded and cut off at any moment show what PostgreSQL holds, pop-ups too.

Model overlays note each state they ever show. Afterwards every one of them must be a state that was
committed at that very position, none may be older than one before it, and every pop-up that a connection
owed must have come over it. Meanwhile the server loses Redis, and PostgreSQL, for a moment each, and is
started anew; after each of these, and at the end, all is quiet until every overlay shows what is there.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.acceptance.show import Api
from tests.acceptance.voters import AWAY, Crowd
from tests.chaos.checker import (
    Truth,
    first_frames,
    lags,
    lies,
    long_absences,
    popup_faults,
    unanswered,
    went_back,
)
from tests.chaos.crowds import Voted, counted, sent, voting
from tests.chaos.overlays import BROKEN, NO_DATABASE, RESTARTING, Overlay, ending, open_overlays
from tests.chaos.proxy import Link
from tests.chaos.settling import settled, truth_of
from tests.chaos.stalls import Sample
from tests.chaos.trial import Trial, bound
from tests.chaos.world import World, campaign, launch, metrics
from tests.servers import Hubbub

#: reliability R4, R5, in seconds. What an overlay that was away has to catch up counts from its return.
ON_SCREEN_S = 1.5
FIRST_FRAME_S = 0.5
#: The same for what began while the server was without PostgreSQL, or was started anew.
AFTER_OUTAGE_S = 2.0
#: The half and the slowest in a hundred of what PostgreSQL commits at the full rate, until it is on screen.
ON_SCREEN_P50_S, ON_SCREEN_P99_S = 0.12, 0.4
FULL_RATE = 2000
#: In the full form, over all rounds.
RELOADS, CUTS = 1000, 5000
#: After this a browser has come back: the longest that it waits between two tries, and some.
BACK_S = 12.0


#: What befalls the server, once.
Fault = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Round:
    """One storm and the quiet after it."""

    seconds: float
    votes_per_s: int
    reloads: int
    cuts: int
    longest_s: float  # of a cut
    popups_per_s: float = 4


@dataclass(slots=True)
class Found:
    """Over all rounds. Spans of time are from when to when, in seconds since 1970."""

    visits: int = 0
    states: int = 0
    popups: int = 0
    reloads: int = 0
    cuts: int = 0
    absences: int = 0
    remembered: int = 0
    votes: int = 0
    resyncs: int = 0
    diverged: float = 0
    outages: list[tuple[float, float]] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    late_at_full_rate: list[Sample] = field(default_factory=list)
    first: list[Sample] = field(default_factory=list)
    quiet: list[float] = field(default_factory=list)

    @contextmanager
    def outage(self) -> Iterator[None]:
        """What begins while this lasts, and within a second of its end, may take longer."""
        began = time.time()
        yield
        self.outages.append((began, time.time() + 1))

    def apart(self, samples: Iterable[Sample]) -> tuple[list[Sample], list[Sample]]:
        """Those that began while all was well, and those of outages."""
        parts: tuple[list[Sample], list[Sample]] = ([], [])
        for sample in samples:
            parts[any(since <= sample.began <= until for since, until in self.outages)].append(sample)
        return parts


def rounds(trial: Trial) -> list[Round]:
    """Two minutes at full rate, then four times seven minutes with cuts beyond the window of recovery; the
    shortest long form has one of these, too. Short: a minute that mostly waits."""
    if not trial.scale.is_long:
        return [Round(48, 80, 48, 144, 5, popups_per_s=2)]
    first, steady = trial.scale.amount(20, 120), trial.scale.amount(210, 420)
    times = trial.scale.count(1, 4)
    whole = first + steady * times
    reloads, cuts = trial.scale.amount(100, RELOADS) / whole, trial.scale.amount(400, CUTS) / whole

    def storm(seconds: float, rate: int, longest_s: float) -> Round:
        return Round(seconds, rate, math.ceil(reloads * seconds), math.ceil(cuts * seconds), longest_s)

    return [storm(first, FULL_RATE, 20), *[storm(steady, 300, steady / 1.4)] * times]


async def unrest(trial: Trial, overlays: list[Overlay], storm: Round, found: Found, share: float) -> None:
    """A part of the reloads and cuts of a storm, at random moments, each of an open overlay; most cuts
    are short, a few are long, and the first is the longest."""
    random = trial.random
    reloads, cuts = math.ceil(storm.reloads * share), math.ceil(storm.cuts * share)
    pauses_a_second = (reloads + cuts) / (storm.seconds * share)
    longest_s = storm.longest_s
    while reloads + cuts:
        await asyncio.sleep(random.expovariate(pauses_a_second))
        standing = [overlay for overlay in overlays if overlay.is_open]
        if not standing:
            continue
        overlay = random.choice(standing)
        if random.random() < reloads / (reloads + cuts):
            trial.record.note("reload", overlay=overlay.name)
            overlay.reload()
            reloads -= 1
            found.reloads += 1
        else:
            away_s = math.exp(random.uniform(math.log(0.05), math.log(storm.longest_s)))
            away_s, longest_s = max(away_s, longest_s), 0.0
            trial.record.note("cut", overlay=overlay.name, seconds=round(away_s, 3))
            overlay.cut(away_s)
            cuts -= 1
            found.cuts += 1
        trial.progress(f"{found.reloads} reloads, {found.cuts} cuts")


async def trouble(trial: Trial, link: Link, far: Sequence[Overlay]) -> None:
    """On the line of half of the overlays, until cancelled: all are cut at once, or it is slow or thin."""
    try:
        while True:
            await asyncio.sleep(trial.random.uniform(0.5, 1.5))
            kind = trial.random.choice(("cut", "slow", "thin"))
            trial.record.note("line", fault=kind)
            match kind:
                case "cut":
                    for overlay in far:
                        overlay.may_end(BROKEN)
                    link.cut()
                case "slow":
                    link.delay_s = trial.random.uniform(0.02, 0.1)
                case _:
                    link.bytes_per_s = trial.random.uniform(50_000, 200_000)
            await asyncio.sleep(trial.random.uniform(0.2, 0.6))
            link.delay_s, link.bytes_per_s = 0.0, None
    finally:
        link.delay_s, link.bytes_per_s = 0.0, None


@dataclass(slots=True)
class Server:
    """The process in the midst of it, with its links to Redis and to PostgreSQL, and what befalls them."""

    trial: Trial
    world: World
    web: Hubbub
    redis: Link
    postgres: Link

    async def loses(self, link: Link) -> None:
        """For a moment nothing is there."""
        link.is_down = True
        link.cut()
        await asyncio.sleep(self.trial.random.uniform(0.2, 0.5))
        link.is_down = False

    async def loses_redis(self) -> None:
        self.trial.record.note("Redis is cut off")
        await self.loses(self.redis)

    async def loses_postgres(self, overlays: Sequence[Overlay], found: Found) -> None:
        self.trial.record.note("PostgreSQL is cut off")
        with found.outage(), ending(overlays, NO_DATABASE):
            await self.loses(self.postgres)
            await asyncio.sleep(0.5)  # who came meanwhile is told

    async def restarts(self, overlays: Sequence[Overlay], found: Found) -> None:
        """Killed or stopped, and started at once."""
        await self.count_diverged(found)
        with found.outage():
            if self.trial.random.random() < 0.5:
                with ending(overlays, BROKEN):
                    await self.world.kill9(self.web)
                    await asyncio.to_thread(self.web.start)
            else:
                self.trial.record.note("SIGTERM", pid=self.web.pid)
                with ending(overlays, RESTARTING):
                    assert await asyncio.to_thread(self.web.stop) == 0
                    await asyncio.to_thread(self.web.start)

    async def count_diverged(self, found: Found) -> None:
        """What the server found to differ; it counts from its start."""
        found.diverged += (await metrics(self.web))["hubbub_overlay_divergence_total"]


async def popups(api: Api, overlay_id: str, per_s: float) -> None:
    """Until cancelled; none while the server or its database is away."""
    while True:
        try:
            answer = await api.http.post(f"/overlays/{overlay_id}/test", json={})
            assert answer.is_success or answer.status_code == 503, answer.text
        except AWAY:
            pass
        await asyncio.sleep(1 / per_s)


@bound(150, 4800)
async def test_r4_r5_r6_overlays_show_the_truth_whatever_happens_to_them(trial: Trial, world: World) -> None:
    (redis, redis_url), (postgres, database_url) = await world.redis_link(), await world.postgres_link()
    (web,) = await world.start("web", REDIS_URL=redis_url, DATABASE_URL=database_url)
    server = Server(trial, world, web, redis, postgres)
    found = Found()
    number = trial.scale.size(20, 200)
    storms = rounds(trial)
    for turn, storm in enumerate(storms):
        await one_round(server, found, name=f"Storm {turn}", number=number, storm=storm)
    await server.count_diverged(found)
    first, after_outages = found.apart(found.first)
    trial.at_most("first frame", first, FIRST_FRAME_S, 0.99)
    trial.at_most("first frame after an outage", after_outages, AFTER_OUTAGE_S)
    if found.late_at_full_rate:
        trial.lags("commit to screen at full rate", found.late_at_full_rate)
        trial.at_most("half of the steps", found.late_at_full_rate, ON_SCREEN_P50_S, 0.5)
        trial.at_most("99 in 100 steps", found.late_at_full_rate, ON_SCREEN_P99_S, 0.99)
    assert found.reloads >= sum(storm.reloads for storm in storms)
    assert found.cuts >= sum(storm.cuts for storm in storms)
    assert found.absences > 0 or not trial.scale.is_long, "some were away for longer than pop-ups are kept"
    assert found.diverged == 0, "overlays told the server that they show something else"
    trial.figure("overlays", number)
    for name in ("visits", "reloads", "cuts", "states", "popups", "absences", "votes", "resyncs"):
        trial.figure(name, getattr(found, name))
    trial.figure("pop-ups that came twice and were known", found.remembered)
    trial.lags("commit to screen", found.late)
    trial.lags("first frame", first)
    trial.lags("first frame after an outage", after_outages)
    trial.figure("quiet after", f"{max(found.quiet):.2f} s")


async def one_round(server: Server, found: Found, *, name: str, number: int, storm: Round) -> None:
    trial, world, web = server.trial, server.world, server.web
    async with world.api(web.base_url) as api:
        show, link = await campaign(api, name)
        overlay_id = (await api.get(f"/campaigns/{show}/overlays"))["items"][0]["id"]
        poll = await launch(api, show)
        line, far_url = await world.link_to(web)
        overlays = [
            world.overlay(f"{name}.{n}", far_url if n % 2 else web.base_url, link) for n in range(number)
        ]
        rate = storm.votes_per_s
        crowd = Crowd(
            Voted(web, show), trial.seed, rate, size=max(10, rate // 40), give_up=0, note=trial.record.note
        )
        faults: list[Fault | None] = [
            None,
            server.loses_redis,
            lambda: server.loses_postgres(overlays, found),
            lambda: server.restarts(overlays, found),
        ]
        voted, took = 0, 0.0
        async with open_overlays(overlays):
            for part, fault in enumerate(faults):
                began, before = time.monotonic(), sent(crowd)
                async with voting(crowd):
                    meanwhile = [
                        asyncio.create_task(popups(api, overlay_id, storm.popups_per_s)),
                        asyncio.create_task(trouble(trial, line, overlays[1::2])),
                    ]
                    async with asyncio.TaskGroup() as group:
                        group.create_task(unrest(trial, overlays, storm, found, 1 / len(faults)))
                        if fault is not None:
                            await asyncio.sleep(trial.random.uniform(0.2, 0.6) * storm.seconds / len(faults))
                            await fault()
                    for task in meanwhile:
                        assert not task.done(), task.exception()
                        task.cancel()
                    await asyncio.wait(meanwhile)
                # Where all is well; a long part can bear a moment's absence, too.
                if fault is None or (trial.scale.is_long and part < len(faults) - 1):
                    voted, took = voted + sent(crowd) - before, took + time.monotonic() - began
                here = [overlay for overlay in overlays if not overlay.is_away]
                found.quiet.append(await settled(world, show, here, BACK_S))
            found.quiet.append(await settled(world, show, overlays, BACK_S + storm.longest_s))
        trial.rate(f"votes of {name}", voted, took, rate)
        async with world.database() as connection:
            votes = sum(await counted(connection, crowd, poll["id"]))
    (board,) = overlays[0].boards.values()
    assert board["total_votes"] == votes
    truth = await truth_of(world, show)
    well = check(trial, overlays, truth, found)
    if rate == FULL_RATE:
        found.late_at_full_rate += well
    assert len(truth.popups) > storm.seconds * storm.popups_per_s / 4
    found.votes += votes
    found.popups += len(truth.popups)


def check(trial: Trial, overlays: list[Overlay], truth: Truth, found: Found) -> list[Sample]:
    """All that the overlays have shown, against all that was committed; answers how late they were while all
    was well."""
    assert [f"{overlay.name}: {fault}" for overlay in overlays for fault in overlay.faults] == []
    assert [lie for overlay in overlays for lie in lies(overlay, truth)] == []
    assert [fault for overlay in overlays for fault in went_back(overlay)] == []
    assert [fault for overlay in overlays for fault in popup_faults(overlay, truth)] == []
    absences = long_absences(overlays, truth)
    assert all(absences), f"{absences.count(False)} long absences were not told"
    late = [lag for overlay in overlays for lag in lags(overlay, truth)]
    well, after_outages = found.apart(late)
    trial.at_most("commit to screen", well, ON_SCREEN_S)
    trial.at_most("commit to screen after an outage", after_outages, AFTER_OUTAGE_S)
    silent, silent_after = found.apart(unanswered(overlays))
    trial.at_most("open without a first frame", silent, FIRST_FRAME_S)
    trial.at_most("open without a first frame after an outage", silent_after, AFTER_OUTAGE_S)
    found.late += map(float, late)
    found.first += first_frames(overlays)
    found.absences += len(absences)
    found.remembered += sum(overlay.remembered for overlay in overlays)
    found.visits += sum(len(overlay.visits) for overlay in overlays)
    found.states += sum(len(overlay.shown) for overlay in overlays)
    found.resyncs += sum(overlay.resyncs for overlay in overlays)
    return well
