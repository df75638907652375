"""R12: points are given back exactly once, or a person is told, though the platform carries out what it does
not answer, refuses at random, and the worker is killed in between.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import AsyncExitStack
from random import Random
from uuid import UUID

from server.vault import Vault
from sql import outbox
from sql.ids import uuid7
from sql.pool import Database
from tests.chaos.trial import Trial, bound
from tests.chaos.world import World, campaign
from tests.fakes import twitch
from tests.fakes.twitch_world import Fault, Redemption
from tests.integration.tokens_rig import Process, link, processes

SCOPES = "channel:manage:redemptions channel:read:redemptions"
CHANNEL, LOGIN = "700100200", "mossy_tavern"
SETTLE = "PATCH channel_points/custom_rewards/redemptions"
#: What is not clear is shown to a person after so long.
FLAGGED_S = 600.0


class Mishaps(dict[str, Fault]):
    """What Helix does to a call that settles, drawn anew for each: 43 in a hundred get what they ask for."""

    def __init__(self, random: Random) -> None:
        super().__init__()
        self._random = random
        self.drawn: Counter[str] = Counter()

    def get(self, name: str, default: object = None) -> Fault | None:  # type: ignore[override]
        if not name.startswith("PATCH"):
            return None
        draw = self._random.random()
        for share, what, fault in (
            (0.30, "done and no answer", Fault(after_work=True, cut=True, times=0)),
            (0.40, "429", Fault(429, headers={"Ratelimit-Reset": str(int(time.time()) + 1)}, times=0)),
            (0.50, "500", Fault(500, times=0)),
            (0.55, "404", Fault(404, times=0)),
            (0.57, "401", Fault(401, times=0)),
        ):
            if draw < share:
                self.drawn[what] += 1
                return fault
        self.drawn["as asked"] += 1
        return None


async def order(database: Database, show: UUID, one: Redemption) -> None:
    """A refund is decided, as `server.engine.redemption_acts` stores it."""
    async with database.transaction() as connection:
        item = await outbox.add(
            connection,
            show,
            "twitch.redemption",
            key=f"redemption:{show}:twitch:{one.id}",
            payload={
                "channel_id": CHANNEL,
                "reward_id": one.reward_id,
                "redemption_id": one.id,
                "decision": "refund",
            },
            order_key=f"redemptions:twitch:{CHANNEL}",
        )
        await connection.execute(
            """INSERT INTO redemptions (id, campaign_id, platform, channel_id, redemption_id, reward_id, cost,
                      user_id, status, decision, settlement, outbox_id, redeemed_at, decided_at)
               VALUES ($1, $2, 'twitch', $3, $4, $5, $6, $7, 'unfulfilled', 'refund', 'asked', $8, now(),
                       now())""",
            uuid7(), show, CHANNEL, one.id, one.reward_id, one.cost, one.user.id, item,
        )  # fmt: skip


async def order_all(database: Database, show: UUID, bought: list[Redemption]) -> None:
    """One after the other, slowly enough that not all of them leave with one call."""
    for one in bought:
        await order(database, show, one)
        await asyncio.sleep(0.02)


async def until_settled(world: World, show: UUID, wanted: int) -> None:
    """Wait until so many are settled; pauses between tries are cut short."""
    async with world.database() as connection:
        while True:
            await connection.execute(
                "UPDATE outbox SET next_at = now() WHERE campaign_id = $1 AND state = 'pending'", show
            )
            settled = await connection.fetchval(
                "SELECT count(*) FROM outbox WHERE campaign_id = $1 AND state IN ('done', 'needs_person')",
                show,
            )
            if settled >= wanted:
                return
            await asyncio.sleep(0.05)


async def lease_is_over(world: World) -> None:
    """What a worker that is dead held is free, half a minute before its time."""
    async with world.database() as connection:
        await connection.execute("UPDATE outbox SET lease_until = now() WHERE state = 'leased'")


async def home_of(world: World, stack: AsyncExitStack, fake: twitch.FakeTwitch) -> Database:
    """The streamer has signed in; answers a way to the database."""
    (home,) = await stack.enter_async_context(processes(world.database_url, fake.identity))
    vault = Vault([world._secret.encode()])
    home.tokens._vault = vault
    person = fake.world.person(CHANNEL, LOGIN)
    await link(Process(home.database, home.tokens, vault), fake.sign_in(person, SCOPES))
    return home.database


@bound(60, 2400)
async def test_r12_points_are_given_back_exactly_once(trial: Trial, world: World) -> None:
    count, kills = trial.scale.count(60, 2000), trial.scale.count(3, 50)
    async with AsyncExitStack() as stack:
        fake = await stack.enter_async_context(twitch.running())
        fake.world.bucket = 100_000
        (web,) = await world.start("web")
        database = await home_of(world, stack, fake)
        async with world.api(web.base_url) as api:
            shown, _ = await campaign(api, "Points", overlay=False, channel="")
        show = UUID(shown)
        async with world.database() as connection:
            await connection.execute(
                """INSERT INTO channels (id, campaign_id, platform, login, source, channel_id)
                   VALUES ($1, $2, 'twitch', $3, 'irc', $4)""",
                uuid7(), show, LOGIN, CHANNEL,
            )  # fmt: skip
            await connection.execute(
                "UPDATE campaigns SET owner_id = (SELECT user_id FROM auth_providers) WHERE id = $1", show
            )
        # One call settles what is of one reward: of many rewards, so that there are many calls.
        rewards = [
            fake.helix.add_reward(CHANNEL, f"Cursed d20, {number}", 500).fields["id"] for number in range(20)
        ]
        buyer = fake.world.person("700900001", "rookfeather")
        bought = [
            await fake.helix.redeem(CHANNEL, rewards[number % len(rewards)], buyer.id)
            for number in range(count)
        ]
        used = trial.random.sample(
            bought, count // 10
        )  # the streamer was quicker, on the platform's own page
        for one in used:
            one.status = "FULFILLED"
        mishaps = fake.world.faults = Mishaps(trial.random)
        (worker,) = await world.start("worker", **fake.settings)
        began = time.time()
        ordering = asyncio.create_task(order_all(database, show, bought))
        for number in range(kills):
            await until_settled(world, show, (number + 1) * count // (kills + 1))
            await asyncio.sleep(trial.random.uniform(0, 0.2))
            await world.kill9(worker)
            await lease_is_over(world)
            await asyncio.to_thread(worker.start)
            trial.progress(f"{number + 1} of {kills} kills")
        await until_settled(world, show, count)
        await ordering
        took = time.time() - began
        async with world.database() as connection:
            rows = await connection.fetch(
                """SELECT r.redemption_id, r.settlement, o.state, o.last_error FROM redemptions AS r
                     JOIN outbox AS o ON o.id = r.outbox_id WHERE r.campaign_id = $1""",
                show,
            )
    state = {row["redemption_id"]: row["state"] for row in rows}
    assert len(state) == count, "none is silent"
    assert {one.id for one in bought if one.changes > 1} == set(), "given back twice"
    assert {(one.status, one.changes) for one in used} == {("FULFILLED", 0)}, (
        "what was used is not given back"
    )
    for one in bought:
        if one in used:
            assert state[one.id] == "needs_person"
        else:
            assert (one.status, state[one.id]) == ("CANCELED", "done"), (one.id, one.status, state[one.id])
    assert {row["settlement"] for row in rows if row["state"] == "needs_person"} == {"needs_person"}
    assert took <= FLAGGED_S or trial.scale.is_long
    trial.figure("redemptions", count)
    trial.figure("kills", kills)
    trial.figure("told to a person", len(used))
    trial.figure("calls", dict(mishaps.drawn))
