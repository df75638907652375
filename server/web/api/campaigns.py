"""Campaigns: the shows that a game master runs."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import Field

from server.engine.endings import delete_campaign as delete_show
from server.rules.roles import MAY, PERMISSIONS, Permission, Role
from server.web.endpoint import Call, endpoint
from server.web.models import Clean, Model, Moment, Page, PageQuery, absent
from server.web.problems import conflict, not_found
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
    role: Role = Field(description="What you are in this show")
    may: list[Permission] = Field(description="What that allows")


class DeleteIn(Model):
    name: Annotated[str, Field(min_length=1, max_length=200, description="The show's name, typed once more")]


def shown(campaign: Campaign, role: Role) -> CampaignOut:
    return CampaignOut(
        id=campaign.id,
        name=campaign.name,
        description=campaign.description,
        is_demo=campaign.is_demo,
        created_at=campaign.created_at,
        role=role,
        may=[permission for permission in PERMISSIONS if permission in MAY[role]],
    )


@endpoint("GET", "/campaigns", "List campaigns", query=PageQuery, answer=Page[CampaignOut], needs="account")
async def list_campaigns(call: Call) -> Page[CampaignOut]:
    """Those in which you are somebody, newest first."""
    query = call.asked(PageQuery)
    found = await campaigns.list_page(call.connection, call.scope, query.cursor, query.limit + 1)
    chosen = found[: query.limit]
    return Page(
        items=[shown(campaign, call.roles[campaign.id]) for campaign in chosen],
        next=chosen[-1].id if len(found) > query.limit else None,
    )


@endpoint(
    "POST",
    "/campaigns",
    "Create a campaign",
    body=CampaignIn,
    answer=CampaignOut,
    status=201,
    needs="account",
)
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
    return shown(made, "owner")


@endpoint("GET", "/campaigns/{campaign_id}", "Read a campaign", answer=CampaignOut, needs="read")
async def read_campaign(call: Call) -> CampaignOut:
    """One campaign."""
    found = await campaigns.get(call.connection, call.campaign_id(), call.scope)
    if found is None:
        raise not_found("campaign")
    return shown(found, call.roles[found.id])


@endpoint(
    "PATCH",
    "/campaigns/{campaign_id}",
    "Rename or describe a campaign",
    body=CampaignPatch,
    answer=CampaignOut,
    needs="run",
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
    return shown(changed, call.roles[changed.id])


@endpoint(
    "POST",
    "/campaigns/{campaign_id}/delete",
    "Delete a campaign",
    body=DeleteIn,
    answer=None,
    status=204,
    problems=(409,),
    needs="own",
)
async def delete_campaign(call: Call, body: DeleteIn) -> None:
    """For good, with its polls and their ledgers. Everybody leaves it, its links are dead, its tables are
    told."""
    campaign_id = call.campaign_id()
    found = await campaigns.get(call.connection, campaign_id, call.scope)
    if found is not None and found.is_demo and call.services.demo:
        raise conflict(
            "demo",
            "The demo runs and would be made anew at the next start; start Hubbub with HUBBUB_DEMO=0 first.",
        )
    await delete_show(
        call.connection, call.services.departures, campaign_id, typed=body.name, actor=call.actor.label
    )


ENDPOINTS = (list_campaigns, create_campaign, read_campaign, update_campaign, delete_campaign)
