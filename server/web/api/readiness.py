"""Readiness: who could play now, and what stands in the way of the others."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from server.rules import readiness as rules
from server.rules.consent import CAPABILITIES, Capability
from server.rules.readiness import Act, Code
from server.web.checks.found import ButtonOut
from server.web.checks.people import button_for, judged
from server.web.endpoint import Call, endpoint
from server.web.models import Empty, Model, Moment
from server.web.problems import not_found
from sql import admin_log, kick_rounds, readiness
from sql.readiness import Participant

#: Kick is compared at most so often because somebody presses a button.
_KICK_REST_S = 3.0


class IssueOut(Model):
    code: Code
    serious: bool = Field(description="A poll that is launched now would not reach their viewers")
    words: str
    fix: str = Field(description="What the streamer does about it")
    act: Act = Field(description="The button for it")
    stops: list[Capability]
    platform: str
    channel_id: str = Field(description="The platform's id; empty: it concerns all of their channels")
    button: ButtonOut | None = Field(description="What you can press about it; none where only they can")


class ChannelOfOut(Model):
    platform: str
    login: str


class StreamerOut(Model):
    member_id: UUID
    name: str
    is_you: bool
    is_active: bool = Field(description="false: has not accepted yet")
    ready: bool
    issues: list[IssueOut]
    channels: list[ChannelOfOut]
    good_until: dict[Capability, Moment] = Field(description="What was agreed to and has not run out")
    reminded_at: Moment | None


class ReadinessOut(Model):
    all_ready: bool = Field(description="And there is at least one streamer")
    ready_count: int
    total_count: int
    streamers: list[StreamerOut]
    at: Moment


class CheckAgainIn(Model):
    platform: Literal["twitch", "kick"]
    channel_id: Annotated[str, Field(min_length=1, max_length=64)]
    code: Code


def _shown(call: Call, one: Participant, found: list[rules.Issue], now: datetime) -> StreamerOut:
    return StreamerOut(
        member_id=one.member.id,
        name=one.member.name,
        is_you=one.member.user_id == call.actor.user_id,
        is_active=one.member.is_active,
        ready=rules.is_ready(found),
        issues=[
            IssueOut(
                code=issue.code,
                serious=issue.is_serious,
                words=issue.words,
                fix=issue.fix,
                act=issue.act,
                stops=[capability for capability in CAPABILITIES if capability in issue.stops],
                platform=issue.platform,
                channel_id=issue.channel_id,
                button=_may_press(call, one, issue),
            )
            for issue in found
        ],
        channels=[
            ChannelOfOut(platform=channel.platform, login=channel.login) for channel in one.facts.channels
        ],
        good_until={capability: until for capability, until in one.facts.until.items() if until > now},
        reminded_at=one.member.reminded_at,
    )


def _may_press(call: Call, one: Participant, issue: rules.Issue) -> ButtonOut | None:
    """The button, unless it takes more than the person who asks may do."""
    button = button_for(one.member, issue, call.actor.user_id)
    if button.do == "remind" and not call.may(one.member.campaign_id, "moderate"):
        return None
    return None if button.do == "open" else button


@endpoint(
    "GET",
    "/campaigns/{campaign_id}/readiness",
    "Who is ready",
    answer=ReadinessOut,
    needs="read",
)
async def read_readiness(call: Call) -> ReadinessOut:
    """All streamers for who may remind them, yourself for everybody else; the counts are of all."""
    campaign_id = call.campaign_id()
    now, found = await judged(call.connection, campaign_id)
    ready = sum(rules.is_ready(issues) for _, issues in found)
    sees_all = call.may(campaign_id, "moderate")
    return ReadinessOut(
        all_ready=bool(found) and ready == len(found),
        ready_count=ready,
        total_count=len(found),
        streamers=[
            _shown(call, one, issues, now)
            for one, issues in found
            if sees_all or one.member.user_id == call.actor.user_id
        ],
        at=now,
    )


@endpoint(
    "POST",
    "/campaigns/{campaign_id}/readiness/check-again",
    "Have it looked at again",
    body=CheckAgainIn,
    answer=Empty,
    status=202,
    needs="take_part",
)
async def check_again(call: Call, body: CheckAgainIn) -> Empty:
    """For an issue whose `act` is `check_again`: Hubbub asks the platform again within a minute."""
    campaign_id = call.campaign_id()
    _, found = await judged(call.connection, campaign_id)
    for one, issues in found:
        if one.member.user_id != call.actor.user_id and not call.may(campaign_id, "moderate"):
            continue
        wanted = (body.code, body.platform, body.channel_id, "check_again")
        if wanted in {(issue.code, issue.platform, issue.channel_id, issue.act) for issue in issues}:
            await readiness.ask(call.connection, body.platform, body.channel_id, body.code)
            if body.code == "webhook_off":
                await kick_rounds.hasten(call.connection, "all", _KICK_REST_S)
            await admin_log.note(
                call.connection,
                actor=call.actor.label,
                action="readiness.check_again",
                campaign_id=campaign_id,
                subject=one.member.id,
                detail={"code": body.code},
            )
            return Empty()
    raise not_found("issue")


ENDPOINTS = (read_readiness, check_again)
