"""Invitations: what you were asked to take part in."""

from __future__ import annotations

from uuid import UUID

from pydantic import Field

from server.engine import member_acts
from server.engine.member_acts import NoMember
from server.rules.roles import Role
from server.web.api.members import note
from server.web.endpoint import Call, endpoint
from server.web.models import Empty, Model, Moment, Page, PageQuery, part
from sql import admin_log, members
from sql.pool import Connection


class InvitationOut(Model):
    id: UUID
    campaign_id: UUID
    campaign_name: str
    role: Role
    platform: str = Field(description="The account that was invited")
    login: str
    invited_by: str
    invited_at: Moment


class AcceptIn(Model):
    character_id: UUID | None = Field(default=None, description="The player character that you take")


class AcceptedOut(Model):
    member_id: UUID
    campaign_id: UUID
    role: Role


@endpoint(
    "GET",
    "/invitations",
    "List your invitations",
    query=PageQuery,
    answer=Page[InvitationOut],
    needs="account",
)
async def list_invitations(call: Call) -> Page[InvitationOut]:
    """Newest first; by person, and by every account that you have signed in with."""
    found = await members.invitations(call.connection, call.actor.user_id)
    chosen, following = part(found, call.asked(PageQuery), lambda invitation: invitation.id)
    return Page(
        items=[
            InvitationOut(
                id=one.id,
                campaign_id=one.campaign_id,
                campaign_name=one.campaign_name,
                role=one.role,
                platform=one.platform,
                login=one.login,
                invited_by=one.invited_by,
                invited_at=one.invited_at,
            )
            for one in chosen
        ],
        next=following,
    )


@endpoint(
    "POST",
    "/invitations/{invitation_id}/accept",
    "Accept an invitation",
    body=AcceptIn,
    answer=AcceptedOut,
    work="engine",
    problems=(409,),
    needs="account",
)
async def accept_invitation(call: Call, body: AcceptIn) -> AcceptedOut:
    """A streamer's channel joins the show. Nothing is done on it before you agree to it."""
    services = call.services
    accepted: list[AcceptedOut] = []

    async def keep(connection: Connection, membership_id: UUID) -> None:
        member = await members.get(connection, membership_id)
        if member is None:
            raise NoMember(str(membership_id))
        await note(call, connection, member, "accept")
        accepted.append(AcceptedOut(member_id=member.id, campaign_id=member.campaign_id, role=member.role))
        await call.keep(connection, accepted[0])

    await member_acts.accept(
        services.rooms,
        services.database,
        call.id("invitation_id", "invitation"),
        call.actor.user_id,
        character_id=body.character_id,
        also=keep,
    )
    return accepted[0]


@endpoint(
    "POST",
    "/invitations/{invitation_id}/decline",
    "Decline an invitation",
    answer=Empty,
    work="engine",
    problems=(409,),
    needs="account",
)
async def decline_invitation(call: Call) -> Empty:
    """Only one that you have not accepted yet."""

    async def keep(connection: Connection, campaign_id: UUID) -> None:
        await admin_log.note(
            connection, actor=call.actor.label, action="member.decline", campaign_id=campaign_id
        )
        await call.keep(connection, Empty())

    await member_acts.decline(
        call.services.database,
        call.id("invitation_id", "invitation"),
        call.actor.user_id,
        also=keep,
    )
    return Empty()


ENDPOINTS = (list_invitations, accept_invitation, decline_invitation)
