"""Points are given back or spent for good: decided once, in the campaign's turn.

The outbox tells the platform.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal
from uuid import UUID

from server.engine.room import Rooms
from server.engine.turn import Also, Turn
from server.rules import redemption
from server.rules.poll import Refused
from sql import outbox, redemptions
from sql.redemptions import Held


class NoRedemption(LookupError):
    """The campaign has no such redemption."""


async def decide(
    rooms: Rooms,
    campaign_id: UUID,
    redemption_id: UUID,
    decision: Literal["fulfil", "refund"],
    *,
    reason: str,
    also: Also | None = None,
) -> None:
    """Decide one; the same decision again changes nothing. Raises NoRedemption, Refused, heads.NoCampaign."""
    async with rooms.turn(campaign_id) as (_, turn):
        found = await redemptions.lock(turn.connection, campaign_id, (redemption_id,))
        if not found:
            raise NoRedemption(str(redemption_id))
        await _decide(turn, found[0], decision, reason)
        if also:
            await also(turn.connection, redemption_id)


async def decide_all(
    turn: Turn, ids: Collection[UUID], decision: Literal["fulfil", "refund"], *, reason: str
) -> int:
    """Decide many in a turn; answers how many are decided so now. Those that cannot be are left alone."""
    decided = 0
    for held in await redemptions.lock(turn.connection, turn.campaign_id, ids):
        try:
            await _decide(turn, held, decision, reason)
        except Refused:
            continue
        decided += 1
    return decided


async def _decide(turn: Turn, held: Held, decision: Literal["fulfil", "refund"], reason: str) -> None:
    decided = redemption.decide(held.redemption, decision)
    if decided is held.redemption:
        return
    item = None
    if decided.settlement == "asked":
        item = await outbox.add(
            turn.connection,
            turn.campaign_id,
            f"{held.platform}.redemption",
            key=f"redemption:{turn.campaign_id}:{held.platform}:{held.redemption_id}",
            payload={
                "channel_id": held.channel_id,
                "reward_id": held.reward_id,
                "redemption_id": held.redemption_id,
                "decision": decision,
                # What it is, for people:
                "title": held.reward_title,
                "name": held.user_name,
                "cost": held.cost,
            },
            order_key=f"redemptions:{held.platform}:{held.channel_id}",
        )
        if item is None:
            raise LookupError("an undecided redemption has an item in the outbox")
    await redemptions.decide(turn.connection, held.id, decided, reason, item)
