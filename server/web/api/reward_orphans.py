"""Rewards that Hubbub made on a channel and that no campaign knows any more."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from server.web.api.rewards import RewardOut
from server.web.api.rewards import shown as shown_reward
from server.web.endpoint import Call, endpoint
from server.web.models import Model, Moment, Page
from server.web.problems import conflict, not_found
from sql import admin_log, rewards
from sql.rewards import Orphan, RewardExists

Id = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")]


class OrphanIn(Model):
    platform: Literal["twitch", "kick"]
    channel_id: Id = Field(description="The platform's id of the channel")
    platform_reward_id: Id


class OrphanOut(Model):
    platform: Literal["twitch", "kick"]
    channel_id: str
    platform_reward_id: str
    login: str
    title: str
    cost: int
    found_at: Moment


def shown(orphan: Orphan) -> OrphanOut:
    return OrphanOut(
        platform="kick" if orphan.platform == "kick" else "twitch",
        channel_id=orphan.channel_id,
        platform_reward_id=orphan.platform_reward_id,
        login=orphan.login,
        title=orphan.title,
        cost=orphan.cost,
        found_at=orphan.found_at,
    )


@endpoint(
    "GET",
    "/campaigns/{campaign_id}/reward-orphans",
    "List forgotten rewards",
    answer=Page[OrphanOut],
    needs="run",
)
async def list_reward_orphans(call: Call) -> Page[OrphanOut]:
    """On the channels of this campaign; channels are compared every five minutes."""
    found = await rewards.orphans(call.connection, call.campaign_id())
    return Page(items=[shown(orphan) for orphan in found])


@endpoint(
    "POST",
    "/campaigns/{campaign_id}/reward-orphans/adopt",
    "Take a forgotten reward in",
    body=OrphanIn,
    answer=RewardOut,
    status=201,
    problems=(409,),
    needs="run",
)
async def adopt_reward(call: Call, body: OrphanIn) -> RewardOut:
    """It becomes a reward of this campaign."""
    campaign_id = call.campaign_id()
    try:
        made = await rewards.adopt(
            call.connection, campaign_id, body.platform, body.channel_id, body.platform_reward_id
        )
    except RewardExists:
        raise conflict("reward_exists", "A campaign has a reward of this name on the channel.") from None
    if made is None:
        raise not_found("reward")
    await _note(call, campaign_id, "adopt", body)
    (listed,) = await rewards.list_of_campaign(call.connection, campaign_id, made)
    return shown_reward(listed)


@endpoint(
    "POST",
    "/campaigns/{campaign_id}/reward-orphans/delete",
    "Delete a forgotten reward",
    body=OrphanIn,
    answer=None,
    status=204,
    needs="run",
)
async def delete_reward_orphan(call: Call, body: OrphanIn) -> None:
    """It is taken off the channel; redemptions that are open there count as done then."""
    campaign_id = call.campaign_id()
    named = (body.platform, body.channel_id, body.platform_reward_id)
    if not any(orphan[:3] == named for orphan in await rewards.orphans(call.connection, campaign_id)):
        raise not_found("reward")
    await rewards.delete_orphan(call.connection, campaign_id, *named)
    await _note(call, campaign_id, "delete_orphan", body)


async def _note(call: Call, campaign_id: UUID, action: str, body: OrphanIn) -> None:
    await admin_log.note(
        call.connection,
        actor=call.actor.label,
        action=f"reward.{action}",
        campaign_id=campaign_id,
        subject=body.platform_reward_id,
        detail={"platform": body.platform, "channel": body.channel_id},
    )


ENDPOINTS = (list_reward_orphans, adopt_reward, delete_reward_orphan)
