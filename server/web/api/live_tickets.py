"""The key with which a desk opens its live connection."""

from __future__ import annotations

from uuid import UUID

from pydantic import Field

from server.web import tickets
from server.web.endpoint import Call, endpoint
from server.web.models import Model, Moment


class TicketIn(Model):
    campaign_id: UUID


class TicketOut(Model):
    ticket: str = Field(description="`key` of the hello frame on `/live`")
    expires_at: Moment = Field(description="Say hello before; the connection may last longer")


@endpoint(
    "POST",
    "/live-tickets",
    "Get a live ticket",
    body=TicketIn,
    answer=TicketOut,
    status=201,
    work="engine",
    limit="tickets",
    needs="account",
)
async def issue_ticket(call: Call, body: TicketIn) -> TicketOut:
    """Good for 30 seconds, one campaign and this login."""
    call.check(body.campaign_id)
    services = call.services
    ticket, ends = tickets.issue(services.vault, call.actor, body.campaign_id, services.clock())
    return TicketOut(ticket=ticket, expires_at=ends)


ENDPOINTS = (issue_ticket,)
