"""What people do with memberships and consents. Each in one turn, so that all of it happens, or nothing."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Final
from uuid import UUID

from server.engine import character_acts, table_state
from server.engine.departures import Departures, Why
from server.engine.room import Rooms
from server.engine.turn import Also, Turn
from server.rules.consent import Capability
from server.rules.poll import Refused
from server.rules.roles import IN_WORDS, OVER, Role, may
from sql import channels, consents, heads, members, table_settings
from sql.channels import Platform, SourceKind
from sql.members import InvitedBy, Member
from sql.pool import Connection, Database

#: How the chat of a streamer who has accepted reaches us.
_SOURCES: Final[dict[Platform, SourceKind]] = {"twitch": "irc", "kick": "webhook"}


class NoMember(LookupError):
    """There is no such membership, or it is not this person's."""


async def invite(
    connection: Connection,
    campaign_id: UUID,
    *,
    by: Role,
    inviting: UUID,
    role: Role,
    platform: InvitedBy,
    login: str,
    platform_user_id: str | None,
) -> Member:
    """Somebody is asked to take part. Raises Refused: they are there, or the role is not theirs to give."""
    _refuse_others(by, role)
    try:
        return await members.invite(
            connection,
            campaign_id,
            role=role,
            platform=platform,
            login=login,
            platform_user_id=platform_user_id,
            invited_by=inviting,
        )
    except members.AlreadyThere:
        raise Refused("already_there", f"{login} takes part or has been invited already.") from None


async def accept(
    rooms: Rooms,
    database: Database,
    membership_id: UUID,
    user_id: UUID,
    *,
    character_id: UUID | None = None,
    also: Also | None = None,
) -> None:
    """An invited person takes part; once more changes nothing.

    A streamer's channel joins the show with them, without a consent to anything, and may choose its
    character. Raises NoMember for what is not theirs, and Refused for a character that is not to be had.
    """
    async with database.transaction() as connection:  # locks several shows: not within a turn of one of them
        found = await _own(connection, membership_id, user_id)
    async with rooms.turn(found.campaign_id) as (_, turn):
        member = await members.accept(turn.connection, found.id, user_id)
        if member is None:
            raise NoMember(str(membership_id))
        if not found.is_active and member.role == "streamer":
            await _bring_channel(turn, member)
        if character_id is not None:
            own = await members.channels_of(turn.connection, member.id)
            if not own:
                raise Refused("no_channel", "You have no channel in this show: add it first.")
            await character_acts.assign_in(turn, character_id, own[0], of_own=own)
        if also:
            await also(turn.connection, found.id)


async def _own(connection: Connection, membership_id: UUID, user_id: UUID) -> Member:
    """A person's own membership, by its id or by that of the ghost that it was. Raises NoMember."""
    invited = await members.invitations(connection, user_id)
    campaign_id = next((one.campaign_id for one in invited if one.id == membership_id), None)
    await members.claim_all(connection, user_id)
    if campaign_id is not None:
        found = await members.of_user(connection, campaign_id, user_id)
    else:
        found = await members.get(connection, membership_id)
    if found is None or found.user_id != user_id:
        raise NoMember(str(membership_id))
    return found


async def _bring_channel(turn: Turn, member: Member) -> None:
    if member.platform is None or member.login is None:
        return
    for channel in await channels.list_of_campaign(turn.connection, turn.campaign_id):
        if channel.platform != member.platform:
            continue
        if member.platform_user_id is not None and channel.channel_id == member.platform_user_id:
            return
        if channel.login == member.login:
            if member.platform_user_id is not None and not channel.has_platform_id:
                await channels.set_platform_id(turn.connection, channel.id, member.platform_user_id)
            return
    await channels.create(
        turn.connection,
        campaign_id=turn.campaign_id,
        platform=member.platform,
        login=member.login,
        source=_SOURCES[member.platform],
        channel_id=member.platform_user_id,
    )


async def decline(
    database: Database, membership_id: UUID, user_id: UUID, *, also: Also | None = None
) -> None:
    """An invitation is turned down. Raises NoMember, and Refused when it was accepted already."""
    async with database.transaction() as connection:
        found = await _own(connection, membership_id, user_id)
    async with database.transaction() as connection:
        await heads.lock(connection, found.campaign_id)
        if not await members.decline(connection, found.id, user_id):
            raise Refused("accepted_already", "You take part in this show already; you can leave it.")
        if also:
            await also(connection, found.campaign_id)


async def go(
    rooms: Rooms,
    departures: Departures,
    member: Member,
    why: Why,
    *,
    by: Role | None = None,
    also: Also | None = None,
) -> None:
    """A member leaves, or (`by`: whose role) is sent away; an invitation is withdrawn.

    Raises NoMember when they are gone, Refused for the owner, and for who is not under that role.
    """
    async with rooms.turn(member.campaign_id) as (_, turn):
        held = await members.get(turn.connection, member.id)
        if held is None:
            raise NoMember(str(member.id))
        if held.role == "owner":
            raise Refused("owner", "The owner cannot leave the show; delete it instead.")
        if by is not None:
            _refuse_others(by, held.role)
        await departures.go(turn.connection, held, why)
        await _party_changed(turn)
        if also:
            await also(turn.connection, member.id)


async def set_role(
    connection: Connection, departures: Departures, membership_id: UUID, role: Role, by: Role
) -> Member:
    """A member is another thing from now on; who takes no part any more has no consents either.

    Raises NoMember, and Refused for the owner. The caller opens the transaction.
    """
    member = await members.lock(connection, membership_id)
    if member is None:
        raise NoMember(str(membership_id))
    if member.role == "owner":
        raise Refused("owner", "The owner's role cannot be changed.")
    _refuse_others(by, member.role)
    _refuse_others(by, role)
    if member.is_active and not may(role, "take_part"):
        given = {consent.capability for consent in await consents.of_member(connection, member.id)}
        await departures.revoke(connection, member, given)
    await members.set_role(connection, member.id, role)
    changed = await members.get(connection, member.id)
    if changed is None:
        raise NoMember(str(membership_id))
    return changed


async def agree(
    connection: Connection, member: Member, capabilities: Collection[Capability], life: timedelta
) -> None:
    """A member agrees for their own channels, from now on. Raises NoMember when they are gone."""
    held = await members.lock(connection, member.id)
    if held is None or not held.is_active:
        raise NoMember(str(member.id))
    await consents.grant(connection, held.id, capabilities, life)


async def take_back(
    connection: Connection, departures: Departures, member: Member, capabilities: Collection[Capability]
) -> frozenset[Capability]:
    """A member takes consents back; answers which were good. Raises NoMember when they are gone."""
    held = await members.lock(connection, member.id)
    if held is None:
        raise NoMember(str(member.id))
    return await departures.revoke(connection, held, capabilities)


def _refuse_others(by: Role, role: Role) -> None:
    if role not in OVER[by]:
        raise Refused("not_yours_to_give", f"It takes the owner to make or unmake {IN_WORDS[role]}.")


async def _party_changed(turn: Turn) -> None:
    await table_state.show_party(turn, await table_settings.get(turn.connection, turn.campaign_id))
