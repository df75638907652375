"""R16: a deploy is invisible: web processes behind a balancer are replaced one by one, under load."""

from __future__ import annotations

import asyncio
import itertools
import signal
import time

from tests.acceptance.voters import Crowd
from tests.chaos.balancer import Balancer
from tests.chaos.checker import lags, lies, popup_faults, went_back
from tests.chaos.crowds import Door, Voted, counted, sent, voting
from tests.chaos.overlays import RESTARTING, ending, open_overlays
from tests.chaos.settling import settled, truth_of
from tests.chaos.trial import Trial, bound
from tests.chaos.world import World, backend, campaign, launch
from tests.servers import Hubbub

GONE_S = 10.0
#: From a commit to the screen of who was told to go, with the wait that the server's `bye` asks for.
FROZEN_S = 1.0


@bound(90, 900)
async def test_r16_a_rolling_restart_loses_nothing(trial: Trial, world: World) -> None:
    number = trial.scale.size(2, 3)
    rounds = trial.scale.count(1, 20)
    webs = await world.start(*["web"] * number)
    ends: list[float] = []
    async with Balancer.over([backend(web) for web in webs]) as balancer, world.api(balancer.url) as api:
        show, link = await campaign(api, "Deploy")
        poll = await launch(api, show)
        overlays = [world.overlay(f"o{n}", balancer.url, link) for n in range(trial.scale.size(10, 100))]
        door = Door(balancer.url, webs[0].headers)
        rate = trial.scale.size(100, 2000)
        crowd = Crowd(
            Voted(door, show),
            trial.seed,
            rate,
            size=max(10, rate // 40),
            give_up=0,
            note=trial.record.note,
        )
        async with open_overlays(overlays):
            began = time.monotonic()
            async with voting(crowd):
                for turn in range(rounds):
                    for web in webs:
                        await asyncio.sleep(trial.random.uniform(0.2, 0.6))
                        with ending(overlays, RESTARTING):
                            ends.append(await replace(trial, web))
                    trial.progress(f"round {turn + 1} of {rounds}")
                await asyncio.sleep(0.5)
            took = time.monotonic() - began
            await settled(world, show, overlays, 2 * FROZEN_S)
        async with world.database() as connection:
            votes = sum(await counted(connection, crowd, poll["id"]))
    truth = await truth_of(world, show)
    assert [fault for overlay in overlays for fault in overlay.faults] == []
    assert [lie for overlay in overlays for lie in lies(overlay, truth)] == []
    assert [fault for overlay in overlays for fault in went_back(overlay)] == []
    assert [fault for overlay in overlays for fault in popup_faults(overlay, truth)] == []
    moved = [visit.code for overlay in overlays for visit in overlay.visits if visit.closed]
    assert moved.count(RESTARTING) >= len(overlays)
    assert [o.name for o in overlays if RESTARTING not in o.refused] == [], "told when to be back"
    stood = [lags(overlay, truth, away=True) for overlay in overlays]
    frozen = [max(lags) for lags in stood]
    trial.at_most("frozen", itertools.chain.from_iterable(stood), FROZEN_S)
    trial.rate("votes", sent(crowd), took, rate)
    trial.figure("restarts", len(ends))
    trial.figure("votes", votes)
    trial.figure("answers missed", crowd.failures)
    trial.figure("gone after", f"{max(ends):.2f} s")
    trial.lags("frozen", frozen)


async def replace(trial: Trial, web: Hubbub) -> float:
    """SIGTERM, wait for the end, start anew on the same port; answers how long the end took."""
    trial.record.note("SIGTERM", pid=web.pid)
    began = time.monotonic()
    status = await asyncio.to_thread(web.stop, signal.SIGTERM)
    took = time.monotonic() - began
    assert status == 0, web.log
    assert took <= GONE_S, f"gone after {took:.1f} s"
    await asyncio.to_thread(web.start)
    return took
