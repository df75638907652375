"""R20: a link that was rotated is dead on every process within two seconds, with Redis and without."""

from __future__ import annotations

import asyncio
import json
import time

from tests.chaos.overlays import Overlay, open_overlays
from tests.chaos.trial import Trial, bound
from tests.chaos.wire import Gone, Wire
from tests.chaos.world import World, campaign, launch

DEAD_S = 2.0
REFUSED = 4401


async def refusal(overlay: Overlay) -> int:
    """The close code for somebody who comes with its key now."""
    wire = await Wire.dial(overlay.url)
    hello = {"op": "hello", "proto": 1, "key": overlay.key, "client": {"kind": "overlay"}}
    wire.say(json.dumps(hello).encode())
    try:
        while True:
            assert b'"boards"' not in await wire.receive(), "let in with a dead key"
    except Gone as gone:
        return gone.code


@bound(60, 300)
async def test_r20_a_rotated_link_is_dead_everywhere(trial: Trial, world: World) -> None:
    processes = trial.scale.size(2, 3)
    link, url = await world.redis_link()
    webs = await world.start(*["web"] * processes, REDIS_URL=url)
    rounds = trial.scale.count(1, 20)
    died: list[float] = []
    async with world.api(webs[0].base_url) as api:
        show, first_link = await campaign(api, "Two links")
        other_link = (await api.post(f"/campaigns/{show}/overlays", {"name": "Stays"}))["url"]
        (main,) = [o for o in (await api.get(f"/campaigns/{show}/overlays"))["items"] if o["name"] == "Main"]
        await launch(api, show)
        stays = [world.overlay(f"stays{n}", web.base_url, other_link) for n, web in enumerate(webs)]
        async with open_overlays(stays):
            key_link = first_link
            for number in range(2 * rounds):
                link.is_down = number % 2 == 1
                if link.is_down:
                    link.cut()
                doomed = [
                    world.overlay(f"doomed{number}.{n}", web.base_url, key_link)
                    for web in webs
                    for n in range(trial.scale.size(2, 10))
                ]
                async with open_overlays(doomed):
                    key_link = (await api.post(f"/overlays/{main['id']}/rotate"))["url"]
                    began = time.time()
                    died += await until_dead(trial, doomed, began)
                for overlay in doomed[:: len(doomed) // processes]:
                    assert await refusal(overlay) == REFUSED
                trial.progress(f"{number + 1} of {2 * rounds} rotations")
    for overlay in stays:
        assert (overlay.ended, len(overlay.visits), overlay.faults) == (0, 1, []), "the other link lives"
    trial.figure("rotations", 2 * rounds)
    trial.lags("dead after", died)


async def until_dead(trial: Trial, doomed: list[Overlay], began: float) -> list[float]:
    """Wait until all were told 4401; answers how long each took."""
    bound_s = trial.within(DEAD_S)
    while any(overlay.ended == 0 for overlay in doomed):
        assert time.time() - began < bound_s + 1, "a dead link is still served"
        await asyncio.sleep(0.01)
    assert {overlay.ended for overlay in doomed} == {REFUSED}
    late = [overlay.visits[-1].closed - began for overlay in doomed]
    assert max(late) <= trial.within(DEAD_S), f"dead after {max(late):.2f} s"
    return late
