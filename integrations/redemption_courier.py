"""Tells a platform that points are given back or spent for good: each redemption once (R12).

The first try tells it right away. Any later one looks first, because the one before may have been heard: what
is carried out is done, what is open is told again, and what stands otherwise, or is gone, is left to a person
(reliability §3.8). A refusal ("not found") means the same as an earlier try: it is looked up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final, Literal
from uuid import UUID

from integrations.points import CAPABILITY, NO_CONSENT, Consent, RedemptionClient
from integrations.rest import Denied, Limited, NotFound, PlatformError, Refused, Unclear
from integrations.tokens import NoToken, TokensAway
from server.rules.delivery import Again, Dead, Done, Item, NeedsPerson, Verdict
from server.rules.redemption import looked_up
from sql.pool import Database

Decision = Literal["fulfil", "refund"]

#: Of the 15 s that a courier has: no call is begun after this.
_BEGIN_WITHIN_S: Final = 7.0


def verdict_of(error: PlatformError | NoToken) -> Verdict:
    """What a call that did not succeed means for what it should have done."""
    match error:
        case Limited() | TokensAway():
            return Again(str(error), error.after_s, counts=False)
        case Unclear() | NotFound():
            return Again(str(error))
        case Denied() | Refused() | NoToken():
            return NeedsPerson(str(error))
    return Again(str(error))


class RedemptionCourier:
    """Delivers `{platform}.redemption`."""

    def __init__(
        self,
        platform: Literal["twitch", "kick"],
        client: RedemptionClient,
        database: Database,
        consent: Consent,
    ) -> None:
        self._platform = platform
        self._client = client
        self._database = database
        self._consent = consent
        self.kinds = (f"{platform}.redemption",)
        self.together = client.together

    async def deliver(self, item: Item) -> Verdict:
        """Tell one."""
        return (await self.deliver_all([item]))[0]

    async def deliver_all(self, items: Sequence[Item]) -> Sequence[Verdict]:
        """Tell all, those of one reward and one decision with one call; they are of one channel."""
        until = asyncio.get_running_loop().time() + _BEGIN_WITHIN_S
        verdicts: dict[UUID, Verdict] = {}
        groups: dict[tuple[UUID, str, str, Decision], list[Item]] = {}
        for item in items:
            try:
                payload = item.payload
                key = (item.campaign_id, payload["channel_id"], payload["reward_id"], payload["decision"])
                _ = payload["redemption_id"]
            except KeyError as error:
                verdicts[item.id] = Dead(f"It lacks {error}.")
            else:
                groups.setdefault(key, []).append(item)
        for (campaign_id, channel_id, reward_id, decision), group in groups.items():
            if not await self._may(campaign_id, channel_id):
                verdicts |= dict.fromkeys((item.id for item in group), NeedsPerson(NO_CONSENT))
                continue
            for part in _parts(group, self.together):
                if asyncio.get_running_loop().time() > until:
                    verdicts |= dict.fromkeys((item.id for item in part), Again("", 0.0, counts=False))
                else:
                    verdicts |= await self._tell(channel_id, reward_id, decision, part)
        return [verdicts[item.id] for item in items]

    async def _may(self, campaign_id: UUID, channel_id: str) -> bool:
        async with self._database.connection() as connection:
            return await self._consent(connection, campaign_id, self._platform, channel_id, CAPABILITY)

    async def _tell(
        self, channel_id: str, reward_id: str, decision: Decision, items: Sequence[Item]
    ) -> Mapping[UUID, Verdict]:
        verdicts: dict[UUID, Verdict] = {}
        try:
            tried_before = [item for item in items if item.attempts]
            if tried_before:
                verdicts |= await self._look(channel_id, reward_id, decision, tried_before)
            to_tell = [item for item in items if item.id not in verdicts]
            if to_tell:
                ids = [item.payload["redemption_id"] for item in to_tell]
                left = set(await self._client.settle(channel_id, reward_id, ids, decision))
                for item in to_tell:
                    if item.payload["redemption_id"] not in left:
                        verdicts[item.id] = Done()
                if refused := [item for item in to_tell if item.id not in verdicts]:
                    verdicts |= await self._look(channel_id, reward_id, decision, refused)
                    for item in refused:
                        verdicts.setdefault(item.id, Again("The platform refused it, and shows it as open."))
        except (PlatformError, NoToken) as error:
            verdict = verdict_of(error)
            for item in items:
                verdicts.setdefault(item.id, verdict)
        return verdicts

    async def _look(
        self, channel_id: str, reward_id: str, decision: Decision, items: Sequence[Item]
    ) -> Mapping[UUID, Verdict]:
        """What is known of these; one that may be told has no verdict."""
        ids = [item.payload["redemption_id"] for item in items]
        try:
            found = await self._client.statuses(channel_id, reward_id, ids)
        except NotFound:
            found = {}
        verdicts: dict[UUID, Verdict] = {}
        for item in items:
            known = found.get(item.payload["redemption_id"])
            verdict = looked_up(decision, known, item.attempts)
            if verdict is not None:
                verdicts[item.id] = verdict
        return verdicts


def _parts(items: Sequence[Item], most: int) -> Sequence[Sequence[Item]]:
    return [items[start : start + most] for start in range(0, len(items), most)]
