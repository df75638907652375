"""R4 R5 R6: overlays that are reloaded and cut off at any moment show what PostgreSQL holds, pop-ups too.

Model overlays note each state they ever show. Afterwards every one of them must be a state that was
committed at that very position, none may be older than one before it, and every pop-up that a connection
owed must have come over it.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field

from tests.acceptance.show import Api
from tests.acceptance.voters import Crowd
from tests.chaos.checker import Truth, first_frames, lags, lies, long_absences, popup_faults, went_back
from tests.chaos.crowds import Voted, counted, voting
from tests.chaos.overlays import Overlay, open_overlays
from tests.chaos.proxy import Link
from tests.chaos.settling import settled, truth_of
from tests.chaos.trial import Trial, bound
from tests.chaos.world import World, campaign, launch
from tests.servers import Hubbub

#: reliability R4, R5, in seconds. What an overlay that was away has to catch up counts from its return.
ON_SCREEN_S = 1.5
FIRST_FRAME_S = 0.5
#: The half and the slowest in a hundred of what PostgreSQL commits at the full rate, until it is on screen.
ON_SCREEN_P50_S, ON_SCREEN_P99_S = 0.12, 0.4
FULL_RATE = 2000


@dataclass(frozen=True, slots=True)
class Round:
    """One storm and the quiet after it."""

    seconds: float
    votes_per_s: int
    reloads_per_s: float
    cuts_per_s: float
    longest_s: float  # of a cut
    popups_per_s: float = 4


@dataclass(slots=True)
class Found:
    """Over all rounds."""

    visits: int = 0
    states: int = 0
    popups: int = 0
    absences: int = 0
    votes: int = 0
    resyncs: int = 0
    late: list[float] = field(default_factory=list)
    late_at_full_rate: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    quiet: list[float] = field(default_factory=list)


def rounds(trial: Trial) -> list[Round]:
    """Two minutes at full rate, then four times seven minutes with cuts beyond the window of recovery.

    Short: a minute that mostly waits."""
    if not trial.scale.is_long:
        return [Round(60, 80, 1, 3, 5, popups_per_s=2)]
    steady = trial.scale.amount(20, 420)
    return [Round(trial.scale.amount(20, 120), FULL_RATE, 0.6, 2.8, 20)] + [
        Round(steady, 300, 0.6, 2.8, min(300, steady / 1.4))
    ] * trial.scale.count(1, 4)


async def unrest(trial: Trial, overlays: list[Overlay], storm: Round) -> None:
    """Reloads and cuts at random moments; most cuts are short, a few are long."""
    random, spent, shares = trial.random, 0.0, storm.reloads_per_s + storm.cuts_per_s
    while spent < storm.seconds:
        pause = random.expovariate(shares)
        spent += pause
        await asyncio.sleep(pause)
        overlay = random.choice(overlays)
        if random.random() < storm.reloads_per_s / shares:
            trial.record.note("reload", overlay=overlay.name)
            overlay.reload()
        else:
            away_s = math.exp(random.uniform(math.log(0.05), math.log(storm.longest_s)))
            trial.record.note("cut", overlay=overlay.name, seconds=round(away_s, 3))
            overlay.cut(away_s)
        trial.progress(f"{spent:.0f} of {storm.seconds:.0f} s")


async def trouble(trial: Trial, link: Link) -> None:
    """On the line of half of the overlays, until cancelled: all are cut at once, or it is slow or thin."""
    while True:
        await asyncio.sleep(trial.random.uniform(0.5, 1.5))
        kind = trial.random.choice(("cut", "slow", "thin"))
        trial.record.note("line", fault=kind)
        match kind:
            case "cut":
                link.cut()
            case "slow":
                link.delay_s = trial.random.uniform(0.02, 0.1)
            case _:
                link.bytes_per_s = trial.random.uniform(50_000, 200_000)
        await asyncio.sleep(trial.random.uniform(0.2, 0.6))
        link.delay_s, link.bytes_per_s = 0.0, None


async def popups(api: Api, overlay_id: str, per_s: float) -> None:
    """Until cancelled."""
    while True:
        await api.post(f"/overlays/{overlay_id}/test")
        await asyncio.sleep(1 / per_s)


@bound(150, 4200)
async def test_r4_r5_r6_overlays_show_the_truth_whatever_happens_to_them(trial: Trial, world: World) -> None:
    (web,) = await world.start("web")
    found = Found()
    number = trial.scale.size(20, 200)
    for turn, storm in enumerate(rounds(trial)):
        await one_round(trial, world, web, found=found, name=f"Storm {turn}", number=number, storm=storm)
    found.first.sort()
    assert found.first[int(len(found.first) * 0.99)] <= trial.within(FIRST_FRAME_S), found.first[-5:]
    if at_full_rate := sorted(found.late_at_full_rate):
        half, slowest = (at_full_rate[int(len(at_full_rate) * share)] for share in (0.5, 0.99))
        trial.lags("commit to screen at full rate", at_full_rate)
        assert half <= trial.within(ON_SCREEN_P50_S), f"half of the steps took {half:.3f} s"
        assert slowest <= trial.within(ON_SCREEN_P99_S), f"one step in a hundred took {slowest:.3f} s"
    trial.figure("overlays", number)
    for name in ("visits", "states", "popups", "absences", "votes", "resyncs"):
        trial.figure(name, getattr(found, name))
    trial.lags("commit to screen", found.late)
    trial.lags("first frame", found.first)
    trial.figure("quiet after", f"{max(found.quiet):.2f} s")


async def one_round(
    trial: Trial, world: World, web: Hubbub, *, found: Found, name: str, number: int, storm: Round
) -> None:
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
        async with open_overlays(overlays):
            async with voting(crowd):
                meanwhile = [
                    asyncio.create_task(popups(api, overlay_id, storm.popups_per_s)),
                    asyncio.create_task(trouble(trial, line)),
                ]
                await unrest(trial, overlays, storm)
                for task in meanwhile:
                    assert not task.done(), task.exception()
                    task.cancel()
                await asyncio.wait(meanwhile)
            found.quiet.append(await settled(world, show, overlays, 2 + storm.longest_s))
        async with world.database() as connection:
            votes = sum(await counted(connection, crowd, poll["id"]))
    (board,) = overlays[0].boards.values()
    assert board["total_votes"] == votes
    truth = await truth_of(world, show)
    late = check(trial, overlays, truth, found)
    if rate == FULL_RATE:
        found.late_at_full_rate += late
    assert len(truth.popups) > storm.seconds * storm.popups_per_s / 4
    found.votes += votes
    found.popups += len(truth.popups)


def check(trial: Trial, overlays: list[Overlay], truth: Truth, found: Found) -> list[float]:
    """All that the overlays have shown, against all that was committed; answers how late they were."""
    assert [fault for overlay in overlays for fault in overlay.faults] == []
    assert [lie for overlay in overlays for lie in lies(overlay, truth)] == []
    assert [fault for overlay in overlays for fault in went_back(overlay)] == []
    assert [fault for overlay in overlays for fault in popup_faults(overlay, truth)] == []
    absences = long_absences(overlays, truth)
    assert all(absences), f"{absences.count(False)} long absences were not told"
    late = [lag for overlay in overlays for lag in lags(overlay, truth)]
    assert max(late) <= trial.within(ON_SCREEN_S), f"commit to screen took {max(late):.2f} s"
    found.late += late
    found.first += first_frames(overlays)
    found.absences += len(absences)
    found.visits += sum(len(overlay.visits) for overlay in overlays)
    found.states += sum(len(overlay.shown) for overlay in overlays)
    found.resyncs += sum(overlay.resyncs for overlay in overlays)
    return late
