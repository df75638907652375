"""R4 R5 R6: overlays that are reloaded and cut off at any moment show what PostgreSQL holds, pop-ups too.

Model overlays note each state they ever show. Afterwards every one of them must be a state that was
committed at that very position, none may be older than one before it, and every pop-up that a connection
owed must have come over it.
"""

from __future__ import annotations

import asyncio
import math

from tests.acceptance.show import Api
from tests.acceptance.voters import Crowd
from tests.chaos.checker import (
    first_frames,
    lags,
    lies,
    long_absences,
    popup_faults,
    went_back,
)
from tests.chaos.crowds import Voted, counted, voting
from tests.chaos.overlays import Overlay, open_overlays
from tests.chaos.settling import settled, truth_of
from tests.chaos.trial import Trial, bound
from tests.chaos.world import World, campaign, launch

POPUPS_PER_S = 4


async def unrest(trial: Trial, overlays: list[Overlay], seconds: float) -> None:
    """Reloads and cuts at random moments; most cuts are short, a few are long."""
    scale, random = trial.scale, trial.random
    reloads, cuts = scale.count(30, 1000), scale.count(60, 5000)
    longest_s = min(scale.amount(2, 300), seconds / 3)
    for number in range(reloads + cuts):
        await asyncio.sleep(random.expovariate((reloads + cuts) / seconds))
        overlay = random.choice(overlays)
        if random.random() < reloads / (reloads + cuts):
            trial.record.note("reload", overlay=overlay.name)
            overlay.reload()
        else:
            away_s = math.exp(random.uniform(math.log(0.05), math.log(longest_s)))
            trial.record.note("cut", overlay=overlay.name, seconds=round(away_s, 3))
            overlay.cut(away_s)
        trial.progress(f"{number + 1} of {reloads + cuts} reloads and cuts")


async def popups(api: Api, overlay_id: str) -> None:
    """Until cancelled."""
    while True:
        await api.post(f"/overlays/{overlay_id}/test")
        await asyncio.sleep(1 / POPUPS_PER_S)


@bound(60, 2600)
async def test_r4_r5_r6_overlays_show_the_truth_whatever_happens_to_them(trial: Trial, world: World) -> None:
    seconds = trial.scale.amount(9, 1800)
    (web,) = await world.start("web")
    async with world.api(web.base_url) as api:
        show, link = await campaign(api, "Storm")
        overlay_id = (await api.get(f"/campaigns/{show}/overlays"))["items"][0]["id"]
        poll = await launch(api, show)
        number = trial.scale.size(20, 200)
        overlays = [world.overlay(f"o{n}", web.base_url, link) for n in range(number)]
        rate = trial.scale.size(200, 2000)
        crowd = Crowd(Voted(web, show), trial.seed, rate, size=max(10, rate // 40), give_up=0)
        async with open_overlays(overlays):
            async with voting(crowd):
                popping = asyncio.create_task(popups(api, overlay_id))
                await unrest(trial, overlays, seconds)
                popping.cancel()
                await asyncio.wait([popping])
            longest = trial.scale.amount(2, 300)
            quiet_s = await settled(world, show, overlays, 2 + longest)
        async with world.database() as connection:
            tally = await counted(connection, crowd, poll["id"])
    truth = await truth_of(world, show)

    assert [fault for overlay in overlays for fault in overlay.faults] == []
    assert [lie for overlay in overlays for lie in lies(overlay, truth)] == []
    assert [fault for overlay in overlays for fault in went_back(overlay)] == []
    assert [fault for overlay in overlays for fault in popup_faults(overlay, truth)] == []
    absences = long_absences(overlays, truth)
    assert all(absences), f"{absences.count(False)} long absences were not told"
    late = [lag for overlay in overlays for lag in lags(overlay, truth)]
    assert max(late) <= trial.within(1.5), f"commit to screen took {max(late):.2f} s"
    (board,) = overlays[0].boards.values()
    assert board["total_votes"] == sum(tally)
    first = sorted(first_frames(overlays))
    assert first[int(len(first) * 0.99)] <= trial.within(0.5), f"first frame after {first[-5:]} s"
    states = sum(len(overlay.shown) for overlay in overlays)
    assert len(truth.popups) > seconds * POPUPS_PER_S / 4
    trial.figure("overlays", number)
    trial.figure("visits", sum(len(overlay.visits) for overlay in overlays))
    trial.figure("states shown", states)
    trial.figure("pop-ups", len(truth.popups))
    trial.figure("long absences", len(absences))
    trial.figure("votes", sum(tally))
    trial.lags("commit to screen", late)
    trial.lags("first frame", first)
    trial.figure("quiet after", f"{quiet_s:.2f} s")
