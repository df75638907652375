"""What is a member's own in a show: what they may act on although they do not run it."""

from __future__ import annotations

from uuid import UUID

from server.web.endpoint import Call
from server.web.problems import not_found
from sql import members
from sql.members import Member
from sql.pool import Connection


async def own_membership(call: Call, connection: Connection, campaign_id: UUID) -> Member:
    """The actor's own membership. Raises Problem 404: who owns the installation may do everything in a show
    and still be no member of it."""
    found = await members.of_user(connection, campaign_id, call.actor.user_id)
    if found is None or not found.is_active:
        raise not_found("membership")
    return found


async def own_channels(call: Call, connection: Connection, campaign_id: UUID) -> frozenset[UUID]:
    """The rows of the actor's own channels in the show."""
    found = await members.of_user(connection, campaign_id, call.actor.user_id)
    if found is None or not found.is_active:
        return frozenset()
    return frozenset(await members.channels_of(connection, found.id))
