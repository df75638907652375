"""Campaigns: the shows that a game master runs."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from server.web.endpoint import Call, endpoint
from server.web.models import Clean, Model, Moment, Page, PageQuery, absent
from server.web.problems import not_found
from sql import admin_log, campaigns
from sql.campaigns import Campaign

Name = Annotated[str, Clean(100)]
Description = Annotated[str, Clean(500, least=0)]


class CampaignIn(Model):
    name: Name
    description: Description = ""


class CampaignPatch(Model):
    name: Name = absent()
    description: Description = absent()


class CampaignOut(Model):
    id: UUID
    name: str
    description: str
    is_demo: bool
    created_at: Moment


def shown(campaign: Campaign) -> CampaignOut:
    return CampaignOut(
        id=campaign.id,
        name=campaign.name,
        description=campaign.description,
        is_demo=campaign.is_demo,
        created_at=campaign.created_at,
    )


@endpoint("GET", "/campaigns", "List campaigns", query=PageQuery, answer=Page[CampaignOut])
async def list_campaigns(call: Call) -> Page[CampaignOut]:
    """Those you may run, newest first."""
    query = call.asked(PageQuery)
    found = await campaigns.list_page(call.connection, call.scope, query.cursor, query.limit + 1)
    chosen = found[: query.limit]
    return Page(
        items=[shown(campaign) for campaign in chosen],
        next=chosen[-1].id if len(found) > query.limit else None,
    )


@endpoint("POST", "/campaigns", "Create a campaign", body=CampaignIn, answer=CampaignOut, status=201)
async def create_campaign(call: Call, body: CampaignIn) -> CampaignOut:
    """You become its owner."""
    made = await campaigns.create(
        call.connection, call.actor.user_id, body.name, description=body.description
    )
    await admin_log.note(
        call.connection,
        actor=call.actor.label,
        action="campaign.create",
        campaign_id=made.id,
        subject=made.id,
    )
    return shown(made)


@endpoint("GET", "/campaigns/{campaign_id}", "Read a campaign", answer=CampaignOut)
async def read_campaign(call: Call) -> CampaignOut:
    """One campaign."""
    found = await campaigns.get(call.connection, call.campaign_id(), call.scope)
    if found is None:
        raise not_found("campaign")
    return shown(found)


@endpoint(
    "PATCH",
    "/campaigns/{campaign_id}",
    "Rename or describe a campaign",
    body=CampaignPatch,
    answer=CampaignOut,
)
async def update_campaign(call: Call, body: CampaignPatch) -> CampaignOut:
    """Fields that are not given stay as they are."""
    changed = await campaigns.update(
        call.connection,
        call.campaign_id(),
        call.scope,
        **body.model_dump(exclude_unset=True),
    )
    if changed is None:
        raise not_found("campaign")
    return shown(changed)


ENDPOINTS = (list_campaigns, create_campaign, read_campaign, update_campaign)
