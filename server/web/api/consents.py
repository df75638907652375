"""Consents: what Hubbub may do on your channels in a show, and until when."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from pydantic import Field

from server.engine import member_acts
from server.rules import readiness as rules
from server.rules.consent import CAPABILITIES, IN_WORDS, LIFE, LONGEST, Capability
from server.web.endpoint import Call, endpoint
from server.web.models import Model, Moment
from server.web.own_part import own_membership
from server.web.problems import conflict
from sql import admin_log, consents, members, readiness
from sql.members import Member

Chosen = Annotated[list[Capability], Field(min_length=1, max_length=len(CAPABILITIES))]


class AgreeIn(Model):
    capabilities: Chosen
    hours: Annotated[int, Field(ge=1, le=int(LONGEST.total_seconds() // 3600))] = Field(
        default=int(LIFE.total_seconds() // 3600), description="From now on; agreeing again starts it anew"
    )


class TakeBackIn(Model):
    capabilities: Chosen


class ConsentOut(Model):
    capability: Capability
    words: str = Field(description="Hubbub may …")
    is_good: bool
    granted_at: Moment | None
    expires_at: Moment | None


class ConsentsOut(Model):
    member_id: UUID
    needed: bool = Field(description="false: they are the owner's own channels")
    items: list[ConsentOut]


async def _shown(call: Call, member: Member) -> ConsentsOut:
    given = {one.capability: one for one in await consents.of_member(call.connection, member.id)}
    items = []
    for capability in CAPABILITIES:
        one = given.get(capability)
        items.append(
            ConsentOut(
                capability=capability,
                words=IN_WORDS[capability],
                is_good=one is not None and one.is_good,
                granted_at=one.granted_at if one else None,
                expires_at=one.expires_at if one else None,
            )
        )
    return ConsentsOut(member_id=member.id, needed=member.role != "owner", items=items)


@endpoint(
    "GET",
    "/campaigns/{campaign_id}/consents",
    "Read your consents",
    answer=ConsentsOut,
    needs="take_part",
)
async def list_consents(call: Call) -> ConsentsOut:
    """Your own; nobody agrees for somebody else."""
    return await _shown(call, await own_membership(call, call.connection, call.campaign_id()))


@endpoint(
    "POST",
    "/campaigns/{campaign_id}/consents",
    "Agree for this evening",
    body=AgreeIn,
    answer=ConsentsOut,
    problems=(409,),
    needs="take_part",
)
async def agree(call: Call, body: AgreeIn) -> ConsentsOut:
    """For your own channels, from now on. What needs your platform's permission is refused while that is
    dead."""
    campaign_id = call.campaign_id()
    member = await own_membership(call, call.connection, campaign_id)
    for one in await readiness.participants(call.connection, campaign_id):
        if one.member.id == member.id:
            _refuse_dead_tokens(rules.of_accounts(one.facts), body.capabilities)
    await member_acts.agree(call.connection, member, body.capabilities, timedelta(hours=body.hours))
    await _note(call, member, "grant", body.capabilities, hours=body.hours)
    return await _shown(call, member)


def _refuse_dead_tokens(found: list[rules.Issue], capabilities: list[Capability]) -> None:
    for issue in found:
        if issue.act == "link" and issue.stops.intersection(capabilities):
            raise conflict("link_again", f"{issue.words} {issue.fix}")


@endpoint(
    "POST",
    "/campaigns/{campaign_id}/consents/take-back",
    "Take consents back",
    body=TakeBackIn,
    answer=ConsentsOut,
    needs="take_part",
)
async def take_back(call: Call, body: TakeBackIn) -> ConsentsOut:
    """At once: rewards are taken down, and your channel gives no more votes to a poll that runs."""
    member = await own_membership(call, call.connection, call.campaign_id())
    good = await member_acts.take_back(call.connection, call.services.departures, member, body.capabilities)
    if good:
        await _note(call, member, "revoke", sorted(good))
    return await _shown(call, member)


async def _note(call: Call, member: Member, act: str, capabilities: list[Capability], **detail: int) -> None:
    await members.forget_reminder(call.connection, member.id)
    await admin_log.note(
        call.connection,
        actor=call.actor.label,
        action=f"consent.{act}",
        campaign_id=member.campaign_id,
        subject=member.id,
        detail={"capabilities": sorted(capabilities), **detail},
    )


ENDPOINTS = (list_consents, agree, take_back)
