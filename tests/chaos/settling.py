"""The quiet moment after the storm: everybody must come to show what PostgreSQL holds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from tests.chaos.checker import Truth, lasting
from tests.chaos.overlays import Overlay
from tests.chaos.world import World


async def settled(world: World, campaign_id: str, overlays: Sequence[Overlay], within_s: float) -> float:
    """Wait until no overlay differs; answers how long that took. Raises AssertionError, naming some."""
    began, since = time.monotonic(), time.time()
    async with world.database() as connection:
        while True:
            rows = await connection.fetch(
                "SELECT epoch, seq FROM campaign_heads WHERE campaign_id = $1", campaign_id
            )
            here = (str(rows[0]["epoch"]), rows[0]["seq"])
            if all((overlay.epoch, overlay.seq) == here and overlay.is_open for overlay in overlays):
                break
            if time.monotonic() - began > world.trial.within(within_s, since):
                truth = await Truth.read(connection, campaign_id)
                raise AssertionError(f"after {within_s:g} s of quiet: {lasting(overlays, truth)[:5]}")
            await asyncio.sleep(0.02)
        truth = await Truth.read(connection, campaign_id)
    assert lasting(overlays, truth) == []
    return time.monotonic() - began


async def truth_of(world: World, campaign_id: str) -> Truth:
    """The whole history of a campaign."""
    async with world.database() as connection:
        return await Truth.read(connection, campaign_id)
