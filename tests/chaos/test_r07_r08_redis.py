"""R7 R8: what happens to Redis is never seen for longer than a moment, and Redis is not needed.

Two web processes: votes go to one, half of the overlays hang on the other and hear of them through Redis.
Redis loses, doubles and delays messages, throws subscribers out, forgets everything, is killed, hangs and
stays away. Every step that was committed must be on every screen within a second and a half all the same.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from tests.acceptance.show import eventually
from tests.acceptance.voters import Crowd
from tests.chaos.checker import Truth, lags, lies, popup_faults, went_back
from tests.chaos.crowds import Voted, counted, voting
from tests.chaos.overlays import Overlay, open_overlays
from tests.chaos.proxy import Link
from tests.chaos.resp import MessageFaults, Odds
from tests.chaos.settling import settled, truth_of
from tests.chaos.trial import Trial, bound
from tests.chaos.world import World, campaign, launch, metrics
from tests.own_servers import OwnValkey
from tests.servers import Hubbub

#: reliability R7: healed within 1.5 s.
HEALED_S = 1.5
OUTAGES = ("killed", "hanging", "away")


@pytest.fixture
def valkey(short_dir: Path) -> Iterator[OwnValkey]:
    own = OwnValkey(short_dir)
    own.start()
    yield own
    own.stop()


class Faults:
    """All of them, one after the other, each for `seconds`."""

    def __init__(self, trial: Trial, links: list[Link], valkey: OwnValkey, seconds: float) -> None:
        self._trial, self._links, self._valkey, self._seconds = trial, links, valkey, seconds
        self.odds = Odds(trial.random)
        self.kicked = 0

    async def run(self) -> AsyncIterator[str]:
        """Yields the name of each when it has begun; comes back when the caller has waited."""
        self.odds.lost, self.odds.twice, self.odds.late = 0.1, 0.1, 0.1
        yield "messages lost, twice, late"
        self.odds.lost = self.odds.twice = self.odds.late = 0.0
        async with self._kicking():
            yield "subscribers thrown out"
        async with Redis.from_url(self._valkey.url) as client:
            await client.flushall()
        yield "flushed"
        await asyncio.to_thread(self._valkey.kill9)
        yield "killed"
        await asyncio.to_thread(self._valkey.start)  # empty
        for link in self._links:
            link.is_silent = True
        yield "hanging"
        for link in self._links:
            link.is_silent = False
            link.is_down = True
            link.cut()
        yield "away"
        for link in self._links:
            link.is_down = False

    @asynccontextmanager
    async def _kicking(self) -> AsyncIterator[None]:
        async def kick() -> None:
            async with Redis.from_url(self._valkey.url) as client:
                while True:
                    try:
                        self.kicked += await client.client_kill_filter(_type="pubsub")
                    except RedisError as error:
                        self._trial.record.note("kick_failed", error=str(error))
                    await asyncio.sleep(0.1)

        kicking = asyncio.create_task(kick())
        yield
        kicking.cancel()
        await asyncio.wait([kicking])


@bound(90, 2400)
async def test_r7_r8_redis_may_lie_hang_and_die(valkey: OwnValkey, trial: Trial, world: World) -> None:
    world.redis_url = valkey.url
    seconds = trial.scale.amount(1.2, 100)  # of each fault
    (one, one_url), (other, other_url) = await world.redis_link(), await world.redis_link()
    faults = Faults(trial, [one, other], valkey, seconds)
    one.mangle = other.mangle = lambda: MessageFaults(faults.odds)
    webs = [
        web
        for started in await asyncio.gather(
            world.start("web", REDIS_URL=one_url), world.start("web", REDIS_URL=other_url)
        )
        for web in started
    ]
    first, second = webs
    async with world.api(first.base_url) as api:
        show, overlay_link = await campaign(api, "Megaphone")
        poll = await launch(api, show)
        each = trial.scale.size(4, 50)
        overlays = [
            world.overlay(f"{place}{n}", web.base_url, overlay_link)
            for place, web in (("near", first), ("far", second))
            for n in range(each)
        ]
        crowd = Crowd(
            Voted(first, show),
            trial.seed,
            trial.scale.size(80, 500),
            clients=2,
            size=4,
            give_up=0,
            note=trial.record.note,
        )
        phases: list[tuple[str, float]] = []
        async with open_overlays(overlays):
            await until_redis_is(webs, 1, 15)
            async with voting(crowd):
                async for fault in faults.run():
                    trial.record.note("fault", name=fault)
                    phases.append((fault, time.time()))
                    if fault in OUTAGES:
                        await timer(world, second, f"While {fault}?")
                    await asyncio.sleep(seconds)
                    trial.progress(fault)
                returned = time.monotonic()
                await until_redis_is(webs, 1, 15)
                back_s = time.monotonic() - returned
            await settled(world, show, overlays, 1.5)
        async with world.database() as connection:
            votes = sum(await counted(connection, crowd, poll["id"]))
            due = await connection.fetch(
                "SELECT state, extract(epoch FROM fired_at - due_at)::float8 AS late "
                "FROM deadlines WHERE state <> 'disarmed' AND due_at < clock_timestamp() - interval '2 s'"
            )
    truth = await truth_of(world, show)
    check(trial, overlays, truth, phases)
    befell = {name: count for name, count in faults.odds.counted.items() if name != "whole"}
    assert sum(befell.values()) > 0, "messages were mangled at all"
    assert faults.kicked > 2
    assert len(due) >= len(OUTAGES) - 1
    assert [row["late"] for row in due if row["late"] is None or row["late"] > 1] == [], "timers go on"
    trial.figure("votes", votes)
    trial.figure("messages", faults.odds.counted)
    trial.figure("subscribers thrown out", faults.kicked)
    trial.figure("Redis used again after", f"{back_s:.1f} s")


def check(trial: Trial, overlays: list[Overlay], truth: Truth, phases: list[tuple[str, float]]) -> None:
    assert [fault for overlay in overlays for fault in overlay.faults] == []
    assert [lie for overlay in overlays for lie in lies(overlay, truth)] == []
    assert [fault for overlay in overlays for fault in went_back(overlay)] == []
    assert [fault for overlay in overlays for fault in popup_faults(overlay, truth)] == []
    assert [overlay.name for overlay in overlays if len(overlay.visits) != 1] == [], "no overlay was cut off"
    far = [overlay for overlay in overlays if overlay.name.startswith("far")]
    for number, (fault, began) in enumerate(phases):
        ended = phases[number + 1][1] if number + 1 < len(phases) else float("inf")
        late = [lag for overlay in far for lag in lags(overlay, truth, since=began, until=ended)]
        assert late, f"nothing was committed: {fault}"
        trial.lags(fault, late)
        trial.at_most(fault, late, HEALED_S)


async def timer(world: World, web: Hubbub, question: str) -> None:
    """A poll of another show that time locks meanwhile."""
    async with world.api(web.base_url) as api:
        show, _ = await campaign(api, question, overlay=False)
        poll = await launch(api, show, question, grace_s=1, auto_reveal_s=0)
        await api.post(f"/polls/{poll['id']}/close")


async def until_redis_is(webs: list[Hubbub], state: int, within_s: float) -> None:
    """Both processes say so."""

    async def all_say_so() -> bool:
        return [(await metrics(web))["hubbub_redis_up"] for web in webs] == [state] * len(webs)

    await eventually(all_say_so, f"redis_up is {state}", within_s)
