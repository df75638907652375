"""Channels: whose chat plays along."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from server.web.endpoint import Call, endpoint
from server.web.models import Model, Moment, Page, PageQuery, part
from server.web.own_part import own_channels
from server.web.problems import conflict, invalid, not_found
from sql import admin_log, channels, members
from sql.channels import BadLogin, Channel, ChannelExists, normal_login

Platform = Literal["twitch", "kick", "custom"]
Source = Literal["irc", "eventsub", "webhook", "api", "simulated", "pusher"]

#: How the chat of each platform can reach us.
_SOURCES: dict[Platform, tuple[Source, ...]] = {
    "twitch": ("irc", "eventsub", "api", "simulated"),
    "kick": ("webhook", "api", "simulated"),
    "custom": ("api", "webhook", "simulated"),
}


class ChannelIn(Model):
    platform: Platform
    login: Annotated[
        str, Field(min_length=1, max_length=200, description="The name, or a link to the channel")
    ]
    source: Source = Field(description="irc reads Twitch chat without a login; api takes POSTed events")
    channel_id: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")] | None = Field(
        default=None, description="The platform's id; looked up or made up when not given"
    )


class ChannelOut(Model):
    id: UUID
    platform: Platform
    login: str
    channel_id: str = Field(description="The platform's id; `login:NAME` until the platform has told it")
    source: Source
    status: Literal["waiting", "connecting", "connected", "failing"]
    status_detail: str
    heard_at: Moment | None = Field(description="When the last line arrived")
    lag_ms: int | None = Field(description="How old that line was when it arrived")
    is_live: bool = Field(description="As the platform last told it; where nothing tells it, false")
    live_since: Moment | None
    title: str = Field(description="Of the stream; empty where the platform does not tell it")


def shown(channel: Channel) -> ChannelOut:
    return ChannelOut(
        id=channel.id,
        platform=channel.platform,
        login=channel.login,
        channel_id=channel.channel_id,
        source=channel.source,
        status=channel.state,
        status_detail=channel.state_detail,
        heard_at=channel.heard_at,
        lag_ms=channel.heard_lag_ms,
        is_live=channel.is_live,
        live_since=channel.live_since,
        title=channel.title,
    )


@endpoint(
    "GET",
    "/campaigns/{campaign_id}/channels",
    "List channels",
    query=PageQuery,
    answer=Page[ChannelOut],
    needs="read",
)
async def list_channels(call: Call) -> Page[ChannelOut]:
    """Oldest first, with how well each is heard."""
    found = await channels.list_of_campaign(call.connection, call.campaign_id())
    chosen, following = part(found, call.asked(PageQuery), lambda channel: channel.id)
    return Page(items=[shown(channel) for channel in chosen], next=following)


async def _own(call: Call, campaign_id: UUID, body: ChannelIn) -> ChannelIn:
    """The same channel with its platform's id, when the actor has signed in with it. Raises Problem 403."""
    try:
        login = normal_login(body.platform, body.login)
    except BadLogin as error:
        raise invalid("/login", str(error)) from None
    for account in await members.accounts(call.connection, call.actor.user_id):
        is_it = body.channel_id in (None, account.id) and account.login == login
        if account.provider == body.platform and is_it and body.source not in ("api", "simulated"):
            return body.model_copy(update={"channel_id": account.id})
    call.demand(campaign_id, "run")
    return body


@endpoint(
    "POST",
    "/campaigns/{campaign_id}/channels",
    "Add a channel",
    body=ChannelIn,
    answer=ChannelOut,
    status=201,
    problems=(409,),
    needs="take_part",
)
async def add_channel(call: Call, body: ChannelIn) -> ChannelOut:
    """Its chat is read within about two seconds. A poll that is open does not count it, the next one does;
    a channel that was removed during a poll and comes back is counted where it was. A streamer may add the
    channels of the accounts they have signed in with."""
    campaign_id = call.campaign_id()
    if not call.may(campaign_id, "run"):
        body = await _own(call, campaign_id, body)
    if body.source not in _SOURCES[body.platform]:
        known = ", ".join(_SOURCES[body.platform])
        raise invalid("/source", f"a {body.platform} channel is read by one of: {known}")
    try:
        added = await channels.create(
            call.connection,
            campaign_id=campaign_id,
            platform=body.platform,
            login=body.login,
            source=body.source,
            channel_id=body.channel_id,
        )
    except BadLogin as error:
        raise invalid("/login", str(error)) from None
    except ChannelExists:
        raise conflict("channel_exists", "This channel is part of the campaign already.") from None
    await admin_log.note(
        call.connection,
        actor=call.actor.label,
        action="channel.add",
        campaign_id=campaign_id,
        subject=added.id,
        detail={"platform": added.platform, "login": added.login},
    )
    return shown(added)


@endpoint("DELETE", "/channels/{channel_id}", "Remove a channel", answer=None, status=204, needs="take_part")
async def remove_channel(call: Call) -> None:
    """Votes that it has given stay. A streamer may remove their own."""
    channel_id = call.id("channel_id", "channel")
    found = await channels.get(call.connection, channel_id)
    if found is None or found.campaign_id not in call.scope:
        raise not_found("channel")
    if channel_id not in await own_channels(call, call.connection, found.campaign_id):
        call.demand(found.campaign_id, "run")
    if not await channels.delete(call.connection, found.campaign_id, channel_id):
        raise not_found("channel")
    await admin_log.note(
        call.connection,
        actor=call.actor.label,
        action="channel.remove",
        campaign_id=found.campaign_id,
        subject=channel_id,
        detail={"platform": found.platform, "login": found.login},
    )


ENDPOINTS = (list_channels, add_channel, remove_channel)
