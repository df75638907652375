"""Rewards that viewers buy with a platform's points: wanted here, made on the platform by the outbox."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import Field

from server.engine import redemption_acts
from server.web.endpoint import Call, endpoint
from server.web.models import Clean, Model, Page, PageQuery, absent, part
from server.web.problems import Problem, conflict, invalid, not_found
from sql import admin_log, channels, redemptions, rewards
from sql.pool import Connection
from sql.rewards import Listed, RewardExists, Terms

_MOST: Final = 1000
RewardState = Literal["live", "paused", "withdrawn", "sending", "deleting", "stuck"]
Title = Annotated[str, Clean(45)]
Prompt = Annotated[str, Clean(200, least=0)]
Cost = Annotated[int, Field(ge=1, le=1_000_000_000)]
Color = Annotated[str, Field(pattern=r"^(#[0-9A-Fa-f]{6})?$")]
Limit = Annotated[int, Field(ge=0, le=1_000_000, description="0: no limit")]
Cooldown = Annotated[int, Field(ge=0, le=604_800, description="Seconds between two redemptions; 0: none")]


class RewardIn(Model):
    channel_id: Annotated[UUID, Field(strict=False)] = Field(description="The channel, by its id here")
    title: Title
    cost: Cost
    prompt: Prompt = ""
    color: Color = ""
    asks_input: bool = Field(default=False, description="The viewer must write something")
    max_per_stream: Limit = 0
    max_per_viewer: Limit = 0
    cooldown_s: Cooldown = 0


class RewardPatch(Model):
    title: Title = absent()
    cost: Cost = absent()
    prompt: Prompt = absent()
    color: Color = absent()
    asks_input: bool = absent()
    max_per_stream: Limit = absent()
    max_per_viewer: Limit = absent()
    cooldown_s: Cooldown = absent()
    paused: bool = absent(description="Viewers see it and cannot buy it")


class RewardOut(Model):
    id: UUID
    platform: Literal["twitch", "kick", "custom"]
    channel_id: str = Field(description="The platform's id of the channel")
    platform_reward_id: str | None = Field(description="null: the platform has not had it yet")
    title: str
    cost: int
    prompt: str
    color: str
    asks_input: bool
    max_per_stream: int
    max_per_viewer: int
    cooldown_s: int
    state: RewardState = Field(
        description="sending: the platform does not have the latest of it yet; stuck: a person must look; "
        "withdrawn: the streamer's consent has ended, and the reward comes back with it"
    )
    why: str = Field(description="What keeps it; empty: nothing")
    outbox_id: UUID | None = Field(description="What brings the latest of it to the platform")
    open_redemptions: int
    simulated: bool


def shown(listed: Listed) -> RewardOut:
    reward = listed.reward
    is_there = reward.synced_revision >= reward.revision
    state: RewardState
    if not is_there and listed.delivery in ("dead", "needs_person"):
        state = "stuck"
    elif reward.wanted == "deleted":
        state = "deleting"
    elif not is_there:
        state = "sending"
    else:
        state = reward.wanted
    return RewardOut(
        id=reward.id,
        platform=platform_of(reward.platform),
        channel_id=reward.channel_id,
        platform_reward_id=reward.platform_reward_id,
        **asdict(reward.terms),
        state=state,
        why="" if is_there else listed.trouble,
        outbox_id=listed.outbox_id,
        open_redemptions=listed.open_redemptions,
        simulated=reward.simulated,
    )


def platform_of(name: str) -> Literal["twitch", "kick", "custom"]:
    """The name as the documents know it."""
    match name:
        case "twitch" | "kick" as platform:
            return platform
    return "custom"


@endpoint(
    "GET",
    "/campaigns/{campaign_id}/rewards",
    "List rewards",
    query=PageQuery,
    answer=Page[RewardOut],
    needs="read",
)
async def list_rewards(call: Call) -> Page[RewardOut]:
    """Oldest first; deleted ones until the platform has heard of it."""
    found = await rewards.list_of_campaign(call.connection, call.campaign_id())
    chosen, following = part(found, call.asked(PageQuery), lambda listed: listed.reward.id)
    return Page(items=[shown(listed) for listed in chosen], next=following)


@endpoint(
    "POST",
    "/campaigns/{campaign_id}/rewards",
    "Make a reward",
    body=RewardIn,
    answer=RewardOut,
    status=201,
    problems=(409,),
    needs="run",
)
async def create_reward(call: Call, body: RewardIn) -> RewardOut:
    """It is made on the channel as soon as the platform takes it; its redemptions wait for a decision."""
    campaign_id = call.campaign_id()
    channel = await channels.get(call.connection, body.channel_id)
    if channel is None or channel.campaign_id != campaign_id:
        raise invalid("/channel_id", "the campaign has no such channel")
    if channel.source != "simulated":
        if channel.platform == "custom":
            raise invalid("/channel_id", "only channels on Twitch and Kick have points")
        if not channel.has_platform_id:
            raise conflict("channel_unknown", "The platform has not told the id of this channel yet.")
    terms = Terms(**body.model_dump(exclude={"channel_id"}))
    _refuse_unknown(channel.platform, terms)
    try:
        made = await rewards.create(call.connection, campaign_id, channel.id, terms)
    except RewardExists:
        raise _exists() from None
    if made is None:
        raise invalid("/channel_id", "the campaign has no such channel")
    await _note(call.connection, call, "create", campaign_id, made)
    return await _read(call.connection, campaign_id, made)


@endpoint(
    "PATCH",
    "/rewards/{reward_id}",
    "Change or pause a reward",
    body=RewardPatch,
    answer=RewardOut,
    problems=(409,),
    needs="run",
)
async def update_reward(call: Call, body: RewardPatch) -> RewardOut:
    """Fields that are not given stay as they are."""
    reward = await rewards.lock(call.connection, call.id("reward_id", "reward"), call.scope)
    if reward is None:
        raise not_found("reward")
    if reward.wanted == "deleted":
        raise conflict("reward_deleted", "This reward is being deleted.")
    if reward.wanted == "withdrawn":
        raise conflict("no_consent", "The streamer's consent to rewards has ended: ask for it again first.")
    given: dict[str, Any] = body.model_dump(exclude_unset=True)
    paused = given.pop("paused", reward.wanted == "paused")
    terms = replace(reward.terms, **given)
    _refuse_unknown(reward.platform, terms)
    try:
        changed = await rewards.change(call.connection, reward, terms, "paused" if paused else "live")
    except RewardExists:
        raise _exists() from None
    if changed:
        await _note(call.connection, call, "update", reward.campaign_id, reward.id)
    return await _read(call.connection, reward.campaign_id, reward.id)


@endpoint(
    "DELETE", "/rewards/{reward_id}", "Delete a reward", answer=None, status=204, work="engine", needs="run"
)
async def delete_reward(call: Call) -> None:
    """Points that are still open are given back first; then the platform deletes it."""
    async with call.services.database.connection() as connection:
        reward = await rewards.find(connection, call.id("reward_id", "reward"))
    if reward is None or reward.campaign_id not in call.scope:
        raise not_found("reward")
    async with call.services.rooms.turn(reward.campaign_id) as (_, turn):
        held = await rewards.lock(turn.connection, reward.id, call.scope)
        if held is None:
            raise not_found("reward")
        refunded = 0
        while held.platform_reward_id is not None:
            ids = await redemptions.open_of_reward(
                turn.connection,
                held.campaign_id,
                held.platform,
                held.channel_id,
                reward_id=held.platform_reward_id,
                most=_MOST,
            )
            decided = await redemption_acts.decide_all(
                turn.connection, held.campaign_id, ids, "refund", reason="The reward was deleted."
            )
            if not decided:
                break
            refunded += decided
        await rewards.change(turn.connection, held, held.terms, "deleted")
        await _note(turn.connection, call, "delete", held.campaign_id, held.id, refunded=refunded)
        await call.keep(turn.connection, None)


def _refuse_unknown(platform: str, terms: Terms) -> None:
    """Kick has no limits of these kinds. Raises Problem 422."""
    if platform == "kick":
        for name in ("max_per_stream", "max_per_viewer", "cooldown_s"):
            if getattr(terms, name):
                raise invalid(f"/{name}", "Kick has no such limit: leave it at 0")


def _exists() -> Problem:
    return conflict(
        "reward_exists", "The channel has a reward of this name already: a platform takes each name once."
    )


async def _read(connection: Connection, campaign_id: UUID, reward_id: UUID) -> RewardOut:
    found = await rewards.list_of_campaign(connection, campaign_id, reward_id)
    if not found:
        raise not_found("reward")
    return shown(found[0])


async def _note(
    connection: Connection, call: Call, action: str, campaign_id: UUID, reward_id: UUID, **detail: int
) -> None:
    await admin_log.note(
        connection,
        actor=call.actor.label,
        action=f"reward.{action}",
        campaign_id=campaign_id,
        subject=reward_id,
        detail=detail,
    )


ENDPOINTS = (list_rewards, create_reward, update_reward, delete_reward)
