"""Makes the rewards on a channel equal to what campaigns want (reliability §3.8).

An item names a reward, not a change: whatever is the latest revision when it is delivered is brought there,
so it may be brought twice, late, or by two processes. A reward is looked for before it is made: an earlier
try may have been heard.
"""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from integrations.points import CAPABILITY, NO_CONSENT, Consent, Made, RewardClient
from integrations.redemption_courier import verdict_of
from integrations.rest import NotFound, PlatformError
from integrations.tokens import NoToken
from server.rules.delivery import Again, Dead, Done, Item, NeedsPerson, Verdict
from sql import redemptions, rewards
from sql.pool import Database
from sql.rewards import Reward

#: Points are given back before their reward goes: the platform counts as done what is open then.
_REFUNDS_FIRST_S = 2.0


class RewardCourier:
    """Delivers `{platform}.reward`."""

    def __init__(
        self,
        platform: Literal["twitch", "kick"],
        client: RewardClient,
        database: Database,
        consent: Consent,
    ) -> None:
        self._platform = platform
        self._client = client
        self._database = database
        self._consent = consent
        self.kinds = (f"{platform}.reward",)

    async def deliver(self, item: Item) -> Verdict:
        """Bring the latest revision to the platform, or take an orphan off it."""
        channel_id = str(item.payload.get("channel_id", ""))
        async with self._database.connection() as connection:
            if not await self._consent(connection, item.campaign_id, self._platform, channel_id, CAPABILITY):
                return NeedsPerson(NO_CONSENT)
        try:
            if "orphan" in item.payload:
                return await self._take_off_orphan(channel_id, str(item.payload["orphan"]))
            return await self._bring(UUID(item.payload["reward"]), item.attempts)
        except (PlatformError, NoToken) as error:
            return verdict_of(error)
        except (KeyError, ValueError):
            return Dead("It names no reward.")

    async def _bring(self, reward_id: UUID, attempts: int) -> Verdict:
        async with self._database.connection() as connection:
            reward = await rewards.find(connection, reward_id)
        if reward is None:
            return Done("It is gone from here.")
        if reward.synced_revision >= reward.revision:
            return Done("The platform has it.")
        if reward.wanted == "deleted":
            return await self._delete(reward, attempts)
        id_ = reward.platform_reward_id or await self._look_for(reward, attempts)
        paused = reward.wanted == "paused"
        if id_ is None:
            made = await self._client.create(reward.channel_id, reward.terms, paused=paused)
            await self._synced(reward, made.id)
            return Done("Made.")
        try:
            await self._client.update(reward.channel_id, id_, reward.terms, paused=paused)
        except NotFound:
            async with self._database.connection() as connection:
                await rewards.lost(connection, reward.id, id_)
            return NeedsPerson(
                "The platform has this reward no more: somebody deleted it there. Try again to make it anew, "
                "or delete it here."
            )
        await self._synced(reward, id_)
        return Done("Changed.")

    async def _look_for(self, reward: Reward, attempts: int) -> str | None:
        """The reward that an earlier try made without our hearing of it.

        Where the platform cannot tell ours from the streamer's, it must have been tried and cost the same.
        """
        is_certain = self._client.lists_ours_only
        if not is_certain and not attempts:
            return None
        title, cost = reward.terms.title.casefold(), reward.terms.cost
        same = [
            made
            for made in await self._client.ours(reward.channel_id)
            if made.title.casefold() == title and (is_certain or made.cost == cost)
        ]
        if not same:
            return None
        async with self._database.connection() as connection:
            known = await rewards.known(connection, reward.platform, reward.channel_id)
            unknown: list[Made] = [made for made in same if made.id not in known]
            if not unknown:
                return None
            await rewards.synced(connection, reward.id, 0, unknown[0].id)
        return unknown[0].id

    async def _delete(self, reward: Reward, attempts: int) -> Verdict:
        id_ = reward.platform_reward_id or await self._look_for(reward, attempts)
        if id_ is not None:
            verdict = await self._take_off(reward.channel_id, id_)
            if not isinstance(verdict, Done):
                return verdict
        await self._synced(reward, id_)
        return Done("Deleted.")

    async def _take_off(self, channel_id: str, reward_id: str) -> Verdict:
        async with self._database.connection() as connection:
            if await redemptions.is_asked(connection, self._platform, channel_id, reward_id):
                return Again("Points of it are being given back first.", _REFUNDS_FIRST_S, counts=False)
        try:
            await self._client.delete(channel_id, reward_id)
        except NotFound:
            return Done("It was gone before.")
        return Done("Deleted.")

    async def _take_off_orphan(self, channel_id: str, reward_id: str) -> Verdict:
        async with self._database.connection() as connection:
            if reward_id in await rewards.known(connection, self._platform, channel_id):
                return Done("A campaign has it again.")
        verdict = await self._take_off(channel_id, reward_id)
        if isinstance(verdict, Done):
            async with self._database.connection() as connection:
                await rewards.forget_orphan(connection, self._platform, channel_id, reward_id)
        return verdict

    async def _synced(self, reward: Reward, platform_reward_id: str | None) -> None:
        async with self._database.connection() as connection:
            await rewards.synced(connection, reward.id, reward.revision, platform_reward_id)
