"""What viewers bought with points: listed, marked as done, or given back."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from server.engine import redemption_acts
from server.engine.redemption_acts import NoRedemption
from server.web.api.acting import Acting
from server.web.api.rewards import platform_of
from server.web.endpoint import Call, endpoint
from server.web.models import Clean, Model, Moment, Page, PageQuery
from server.web.problems import not_found
from sql import redemptions
from sql.pool import Connection
from sql.redemptions import Stored


class RedemptionQuery(PageQuery):
    which: Literal["all", "open", "stuck"] = Field(
        default="all", description="open: nobody has decided; stuck: a person must look"
    )


class DecisionIn(Model):
    reason: Annotated[str, Clean(200, least=0)] = Field(default="", description="For the log")


class RedemptionOut(Model):
    id: UUID
    platform: Literal["twitch", "kick", "custom"]
    channel_id: str
    redemption_id: str = Field(description="The platform's id")
    reward_id: str = Field(description="The platform's id")
    reward_title: str
    cost: int
    user_id: str
    user_name: str
    user_input: str
    status: Literal["unfulfilled", "fulfilled", "canceled"] = Field(description="As the platform last told")
    decision: Literal["none", "fulfil", "refund"]
    settlement: Literal["open", "asked", "done", "needs_person"] = Field(
        description="How far our decision has come"
    )
    reason: str
    why: str = Field(description="What keeps it; empty: nothing")
    can_decide: bool = Field(description="False: decided, final, or the reward is not one of Hubbub's")
    outbox_id: UUID | None
    simulated: bool
    redeemed_at: Moment
    decided_at: Moment | None


def shown(stored: Stored) -> RedemptionOut:
    return RedemptionOut(
        id=stored.id,
        platform=platform_of(stored.platform),
        channel_id=stored.channel_id,
        redemption_id=stored.redemption_id,
        reward_id=stored.reward_id,
        reward_title=stored.reward_title,
        cost=stored.cost,
        user_id=stored.user_id,
        user_name=stored.user_name,
        user_input=stored.user_input,
        status=stored.status,
        decision=stored.decision,
        settlement=stored.settlement,
        reason=stored.reason,
        why=stored.trouble if stored.settlement in ("asked", "needs_person") else "",
        can_decide=stored.decision == "none"
        and stored.status == "unfulfilled"
        and (stored.is_ours or stored.simulated),
        outbox_id=stored.outbox_id,
        simulated=stored.simulated,
        redeemed_at=stored.redeemed_at,
        decided_at=stored.decided_at,
    )


@endpoint(
    "GET",
    "/campaigns/{campaign_id}/redemptions",
    "List redemptions",
    query=RedemptionQuery,
    answer=Page[RedemptionOut],
    needs="moderate",
)
async def list_redemptions(call: Call) -> Page[RedemptionOut]:
    """Newest first."""
    query = call.asked(RedemptionQuery)
    found = await redemptions.list_page(
        call.connection, call.campaign_id(), query.which, query.cursor, query.limit + 1
    )
    chosen = found[: query.limit]
    return Page(
        items=[shown(stored) for stored in chosen],
        next=chosen[-1].id if len(found) > query.limit else None,
    )


@endpoint(
    "POST",
    "/redemptions/{redemption_id}/fulfil",
    "Mark a redemption as done",
    body=DecisionIn,
    answer=RedemptionOut,
    work="engine",
    problems=(409,),
    needs="moderate",
)
async def fulfil_redemption(call: Call, body: DecisionIn) -> RedemptionOut:
    """The points are spent for good. Decided once; the same again answers the same redemption."""
    return await _decide(call, "fulfil", body)


@endpoint(
    "POST",
    "/redemptions/{redemption_id}/refund",
    "Give the points back",
    body=DecisionIn,
    answer=RedemptionOut,
    work="engine",
    problems=(409,),
    needs="moderate",
)
async def refund_redemption(call: Call, body: DecisionIn) -> RedemptionOut:
    """The viewer has them again as soon as the platform has heard of it. Decided once."""
    return await _decide(call, "refund", body)


async def _decide(call: Call, decision: Literal["fulfil", "refund"], body: DecisionIn) -> RedemptionOut:
    async with call.services.database.connection() as connection:
        found = await redemptions.get(connection, call.id("redemption_id", "redemption"), call.scope)
    if found is None:
        raise not_found("redemption")
    acted = Acting(
        call,
        f"redemption.{decision}",
        lambda connection, id_: _read(connection, id_, found.campaign_id),
        campaign_id=found.campaign_id,
        detail={"reason": body.reason},
    )
    try:
        await redemption_acts.decide(
            call.services.rooms, found.campaign_id, found.id, decision, reason=body.reason, also=acted
        )
    except NoRedemption:
        raise not_found("redemption") from None
    return acted.answer


async def _read(connection: Connection, id_: UUID, campaign_id: UUID) -> RedemptionOut:
    found = await redemptions.get(connection, id_, (campaign_id,))
    if found is None:
        raise NoRedemption(str(id_))
    return shown(found)


ENDPOINTS = (list_redemptions, fulfil_redemption, refund_redemption)
