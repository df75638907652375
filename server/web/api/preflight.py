"""Check everything: what would not work, with the button that mends it, and what was known before."""

from __future__ import annotations

import time
from typing import Literal
from uuid import UUID

from pydantic import Field

from server.web.checks import registry
from server.web.checks.found import CheckOut
from server.web.checks.registry import Asked
from server.web.endpoint import Call, endpoint
from server.web.models import Empty, Model, Moment, Page, PageQuery, part
from server.web.problems import conflict, not_found
from sql import admin_log, channels, kick_rounds, preflight_reports

#: Kick is compared at most so often because somebody presses a button.
_KICK_REST_S = 3.0


class PreflightOut(Model):
    healthy: bool = Field(description="No check failed")
    checks: list[CheckOut]
    at: Moment


class ReportedOut(Model):
    name: str
    status: Literal["pass", "warn", "fail"]
    detail: str
    fix: str


class ReportOut(Model):
    id: UUID
    source: Literal["desk", "launch", "doctor"] = Field(
        description="Check everything on the desk, a launch, or `hubbub doctor`"
    )
    actor: str
    healthy: bool
    warnings: int
    checks: list[ReportedOut]
    took_ms: int
    at: Moment


def asked(call: Call, campaign_id: UUID) -> Asked:
    """Everything that this process knows."""
    services = call.services
    return Asked(
        connection=call.connection,
        clock=services.clock,
        campaign_id=campaign_id,
        asking=call.actor.user_id,
        redis=services.redis_state(),
        lost_lines=services.batches.dropped.get(campaign_id, 0),
        data_dir=services.data_dir,
    )


async def _checked(call: Call, campaign_id: UUID) -> PreflightOut:
    found = await registry.run(asked(call, campaign_id), "installation", "show")
    return PreflightOut(
        healthy=all(check.status != "fail" for check in found), checks=found, at=call.services.clock()
    )


@endpoint(
    "GET", "/campaigns/{campaign_id}/preflight", "Check everything", answer=PreflightOut, needs="moderate"
)
async def run_preflight(call: Call) -> PreflightOut:
    """Run it before a show. A warning lets the show go on, a failure means that something would not work."""
    return await _checked(call, call.campaign_id())


@endpoint(
    "POST",
    "/campaigns/{campaign_id}/preflight",
    "Check everything and keep the report",
    answer=PreflightOut,
    needs="moderate",
)
async def keep_preflight(call: Call) -> PreflightOut:
    """The same, kept among the last fifty of the show."""
    campaign_id, began = call.campaign_id(), time.monotonic()
    told = await _checked(call, campaign_id)
    await registry.keep(
        call.connection, campaign_id, told.checks, source="desk", actor=call.actor.label, began=began
    )
    return told


@endpoint(
    "GET",
    "/campaigns/{campaign_id}/preflight/reports",
    "List kept reports",
    query=PageQuery,
    answer=Page[ReportOut],
    needs="moderate",
)
async def list_preflight_reports(call: Call) -> Page[ReportOut]:
    """Newest first."""
    campaign_id, query = call.campaign_id(), call.asked(PageQuery)
    found = await preflight_reports.page(call.connection, campaign_id, None, preflight_reports.KEPT)
    chosen, following = part(found, query, lambda report: report.id)
    return Page(
        items=[
            ReportOut(
                id=one.id,
                source=one.source,
                actor=one.actor,
                healthy=one.healthy,
                warnings=one.warnings,
                checks=[ReportedOut.model_validate(dict(check)) for check in one.checks],
                took_ms=one.took_ms,
                at=one.at,
            )
            for one in chosen
        ],
        next=following,
    )


@endpoint(
    "POST",
    "/channels/{channel_id}/subscribe-again",
    "Ask Kick to deliver again",
    answer=Empty,
    status=202,
    problems=(409,),
    needs="take_part",
)
async def subscribe_again(call: Call) -> Empty:
    """Kick's subscriptions are compared within seconds, and made anew where Kick has dropped them."""
    found = await channels.get(call.connection, call.id("channel_id", "channel"))
    if found is None or found.campaign_id not in call.scope:
        raise not_found("channel")
    if (found.platform, found.source) != ("kick", "webhook"):
        raise conflict("not_kick", "Only Kick brings its chat here; this channel is read.")
    await kick_rounds.hasten(call.connection, "all", _KICK_REST_S)
    await admin_log.note(
        call.connection,
        actor=call.actor.label,
        action="channel.subscribe_again",
        campaign_id=found.campaign_id,
        subject=found.id,
    )
    return Empty()


ENDPOINTS = (run_preflight, keep_preflight, list_preflight_reports, subscribe_again)
