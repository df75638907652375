"""Somebody goes: their rewards leave their channel through the outbox, and nobody else's do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest

from server.engine import reward_departure
from server.engine.departures import Departures
from sql import consents, heads, members, rewards
from sql.pool import Database
from sql.rewards import Terms
from tests.integration.members_rig import Someone, joined, someone
from tests.integration.web_rig import Rig, rig_on


@pytest.fixture
async def rig(database: Database, tmp_path: Path) -> AsyncIterator[Rig]:
    async with rig_on(database, tmp_path, departures=Departures([reward_departure.on_gone])) as made:
        yield made


async def rewarded(rig: Rig) -> tuple[Someone, UUID, dict[str, UUID]]:
    """A show of Ana's that Ben streams in, with a reward on each channel; answers rewards by channel id."""
    ana = await someone(rig, "Ana", twitch=("70", "ana"))
    ben = await someone(rig, "Ben", twitch=("77", "ben_rolls"))
    show = UUID((await ana.post("/campaigns", {"name": "Friday"}, 201))["id"])
    await joined(ana, str(show), ben, "ben_rolls")
    made: dict[str, UUID] = {}
    async with rig.services.database.transaction() as connection:
        for channel in await connection.fetch(
            "SELECT id, channel_id FROM channels WHERE campaign_id = $1", show
        ):
            reward = await rewards.create(
                connection, show, channel["id"], Terms(f"Dice {channel['channel_id']}", 100)
            )
            assert reward is not None
            made[channel["channel_id"]] = reward
    assert "77" in made
    return ben, show, made


async def wanted(rig: Rig, made: dict[str, UUID]) -> dict[str, str]:
    async with rig.services.database.connection() as connection:
        found = {channel: await rewards.find(connection, id_) for channel, id_ in made.items()}
    return {channel: reward.wanted if reward else "" for channel, reward in found.items()}


async def orders(rig: Rig, reward: UUID) -> int:
    """Items of the outbox that bring the second revision, which is the end of the reward."""
    async with rig.services.database.connection() as connection:
        count: int = await connection.fetchval(
            "SELECT count(*) FROM outbox WHERE dedupe_key = $1 AND kind = 'twitch.reward'",
            f"reward:{reward}:2",
        )
    return count


@pytest.mark.parametrize("way", ["left", "erased"])
async def test_rewards_of_who_goes_are_deleted_through_the_outbox(rig: Rig, way: str) -> None:
    ben, show, made = await rewarded(rig)
    if way == "left":
        await ben.post(f"/campaigns/{show}/leave")
    else:
        async with rig.services.database.transaction() as connection:
            await rig.services.departures.forget_person(connection, ben.id)
    after = await wanted(rig, made)
    assert after.pop("77") == "deleted"
    assert set(after.values()) <= {"live"}, "nobody else's"
    assert await orders(rig, made["77"]) == 1


async def test_a_consent_taken_back_withdraws_them_until_it_is_given_again(rig: Rig) -> None:
    ben, show, made = await rewarded(rig)
    async with rig.services.database.transaction() as connection:
        await heads.lock(connection, show)
        held = await connection.fetchval(
            "SELECT id FROM campaign_memberships WHERE campaign_id = $1 AND user_id = $2", show, ben.id
        )
        member = await members.get(connection, held)
        assert member is not None
        await consents.grant(connection, held, {"rewards"})
        await rig.services.departures.revoke(connection, member, ["rewards"])
    assert (await wanted(rig, made))["77"] == "withdrawn"
    assert await orders(rig, made["77"]) == 1
