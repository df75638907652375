"""Members: who takes part in a show, and as what."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from server.engine import member_acts
from server.rules.roles import OVER, PERMISSIONS, Permission, Role
from server.web.endpoint import Call, endpoint
from server.web.models import Empty, Model, Moment, PageQuery, part
from server.web.own_part import own_membership
from server.web.problems import conflict, invalid, not_allowed, not_found
from sql import admin_log, members
from sql.channels import BadLogin, normal_login
from sql.members import Member
from sql.pool import Connection

GivenRole = Literal["game_master", "moderator", "streamer", "read_only"]


class InviteIn(Model):
    platform: Literal["twitch", "kick"]
    login: Annotated[
        str, Field(min_length=1, max_length=200, description="The name, or a link to the channel")
    ]
    role: GivenRole = "streamer"
    platform_user_id: Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,64}$")] | None = Field(
        default=None, description="The platform's id; looked up when not given"
    )


class RoleIn(Model):
    role: GivenRole


class MemberOut(Model):
    id: UUID
    name: str
    role: Role
    status: Literal["pending", "active"]
    platform: str | None = Field(description="Where they were invited")
    login: str | None
    has_account: bool = Field(description="Has signed in here at least once")
    is_you: bool
    may_remove: bool = Field(description="Whether you may send them away")
    invited_at: Moment
    accepted_at: Moment | None
    reminded_at: Moment | None = Field(description="When they were last asked to get ready")


class MembersOut(Model):
    items: list[MemberOut]
    next: UUID | None = None
    may: list[Permission] = Field(description="What your role allows in this show")
    may_invite: list[Role] = Field(description="Roles that you may give")


def shown(call: Call, member: Member) -> MemberOut:
    role = call.roles[member.campaign_id]
    return MemberOut(
        id=member.id,
        name=member.name,
        role=member.role,
        status=member.status,
        platform=member.platform,
        login=member.login,
        has_account=member.user_id is not None,
        is_you=member.user_id == call.actor.user_id,
        may_remove=member.role in OVER[role] and member.user_id != call.actor.user_id,
        invited_at=member.invited_at,
        accepted_at=member.accepted_at,
        reminded_at=member.reminded_at,
    )


async def note(
    call: Call, connection: Connection, member: Member, act: str, detail: dict[str, str] | None = None
) -> None:
    """The entry in the log of who did what."""
    await admin_log.note(
        connection,
        actor=call.actor.label,
        action=f"member.{act}",
        campaign_id=member.campaign_id,
        subject=member.id,
        detail={"role": member.role, "login": member.login or "", **(detail or {})},
    )


async def _member(call: Call, connection: Connection) -> Member:
    found = await members.get(connection, call.id("member_id", "member"))
    if found is None or found.campaign_id not in call.scope:
        raise not_found("member")
    return found


@endpoint(
    "GET",
    "/campaigns/{campaign_id}/members",
    "List members",
    query=PageQuery,
    answer=MembersOut,
    needs="read",
)
async def list_members(call: Call) -> MembersOut:
    """In the order in which they came. Who was invited and has not accepted is told to who may remind
    them."""
    campaign_id = call.campaign_id()
    role = call.roles[campaign_id]
    found = [
        member
        for member in await members.list_of_campaign(call.connection, campaign_id)
        if member.is_active or call.may(campaign_id, "moderate")
    ]
    chosen, following = part(found, call.asked(PageQuery), lambda member: member.id)
    return MembersOut(
        items=[shown(call, member) for member in chosen],
        next=following,
        may=[permission for permission in PERMISSIONS if call.may(campaign_id, permission)],
        may_invite=list(OVER[role]),
    )


@endpoint(
    "POST",
    "/campaigns/{campaign_id}/members",
    "Invite somebody",
    body=InviteIn,
    answer=MemberOut,
    status=201,
    problems=(409,),
    needs="run",
)
async def invite(call: Call, body: InviteIn) -> MemberOut:
    """By the name of an account. Who has never signed in here finds the invitation when they do."""
    campaign_id = call.campaign_id()
    role = call.roles[campaign_id]
    if body.role not in OVER[role]:
        raise not_allowed(role, "own")
    try:
        login = normal_login(body.platform, body.login)
    except BadLogin as error:
        raise invalid("/login", str(error)) from None
    made = await member_acts.invite(
        call.connection,
        campaign_id,
        by=role,
        inviting=call.actor.user_id,
        role=body.role,
        platform=body.platform,
        login=login,
        platform_user_id=body.platform_user_id,
    )
    await note(call, call.connection, made, "invite", {"platform": body.platform})
    return shown(call, made)


@endpoint(
    "PATCH",
    "/members/{member_id}",
    "Change a role",
    body=RoleIn,
    answer=MemberOut,
    problems=(409,),
    needs="own",
)
async def change_role(call: Call, body: RoleIn) -> MemberOut:
    """Only the owner does. Whoever becomes a spectator allows nothing on their channels any more."""
    member = await _member(call, call.connection)
    changed = await member_acts.set_role(
        call.connection, call.services.departures, member.id, body.role, call.roles[member.campaign_id]
    )
    await note(call, call.connection, changed, "role", {"before": member.role})
    return shown(call, changed)


@endpoint(
    "DELETE",
    "/members/{member_id}",
    "Send somebody away",
    answer=None,
    status=204,
    work="engine",
    problems=(409,),
    needs="run",
)
async def remove_member(call: Call) -> None:
    """Or withdraw an invitation. Their channels leave the show, and what was made on them is taken down."""
    async with call.services.database.connection() as connection:
        member = await _member(call, connection)
    role = call.roles[member.campaign_id]
    if member.user_id == call.actor.user_id and member.role != "owner":
        raise conflict("yourself", "To go yourself, leave the show.")
    if member.role != "owner" and member.role not in OVER[role]:
        raise not_allowed(role, "own")

    async def keep(connection: Connection, _: UUID) -> None:
        await note(call, connection, member, "remove" if member.is_active else "withdraw")
        await call.keep(connection, None)

    await member_acts.go(call.services.rooms, call.services.departures, member, "removed", by=role, also=keep)


@endpoint(
    "POST",
    "/campaigns/{campaign_id}/leave",
    "Leave a show",
    answer=Empty,
    work="engine",
    problems=(404, 409),
    needs="read",
)
async def leave(call: Call) -> Empty:
    """Your channels leave it, too, and what was made on them is taken down. The owner cannot leave."""
    campaign_id = call.campaign_id()
    async with call.services.database.connection() as connection:
        member = await own_membership(call, connection, campaign_id)

    async def keep(connection: Connection, _: UUID) -> None:
        await note(call, connection, member, "leave")
        await call.keep(connection, Empty())

    await member_acts.go(call.services.rooms, call.services.departures, member, "left", also=keep)
    return Empty()


@endpoint(
    "POST",
    "/members/{member_id}/remind",
    "Remind a streamer",
    answer=MemberOut,
    problems=(409,),
    needs="moderate",
)
async def remind(call: Call) -> MemberOut:
    """Their desk says that the show waits for them. At most once a minute."""
    member = await _member(call, call.connection)
    if not await members.remind(call.connection, member.id):
        if not member.is_active:
            raise conflict("not_accepted", "They have not accepted yet, so there is no desk to tell it on.")
        raise conflict("just_reminded", "They were reminded less than a minute ago.")
    await note(call, call.connection, member, "remind")
    return shown(call, (await _member(call, call.connection)))


@endpoint(
    "POST",
    "/campaigns/{campaign_id}/reminder/seen",
    "Put a reminder away",
    answer=Empty,
    problems=(404,),
    needs="read",
)
async def reminder_seen(call: Call) -> Empty:
    """You have seen that the show waits for you."""
    member = await own_membership(call, call.connection, call.campaign_id())
    await members.forget_reminder(call.connection, member.id)
    return Empty()


ENDPOINTS = (list_members, invite, change_role, remove_member, leave, remind, reminder_seen)
