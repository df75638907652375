"""Who takes part in a show, and as what (domain/campaigns-and-auth.md §5).

A membership without a user is a *ghost*: somebody invited by the name of their account on a platform who
never signed in here. On their first sign-in `claim` makes it their invitation; a ghost is merged, never
doubled.

Whoever changes a membership holds its campaign's row (`heads.lock`): two changes follow each other, and a
membership that was read under the lock is as it was read.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

from server.rules.roles import Role, higher
from sql import admin_log, heads, load, probe
from sql.ids import uuid7
from sql.pool import Connection, Row

_Q = load("members")

#: Where people can be invited by name.
InvitedBy = Literal["twitch", "kick"]
Status = Literal["pending", "active"]
#: A streamer is not reminded more often than this.
REMIND_EVERY: Final = timedelta(seconds=60)


class AlreadyThere(Exception):
    """The show has this person, this account or an invitation for it already."""


@dataclass(frozen=True, slots=True)
class Member:
    """A row of `campaign_memberships`. `user_id` None: a ghost. `name` is the person's, else the login."""

    id: UUID
    campaign_id: UUID
    user_id: UUID | None
    role: Role
    status: Status
    platform: InvitedBy | None
    login: str | None
    platform_user_id: str | None
    name: str
    invited_by: UUID | None
    invited_at: datetime
    accepted_at: datetime | None
    reminded_at: datetime | None

    @property
    def is_active(self) -> bool:
        """Has accepted, and takes part."""
        return self.status == "active"


@dataclass(frozen=True, slots=True)
class Invitation:
    """What somebody who was invited is told. `invited_by` is a name, empty when that person is gone."""

    id: UUID
    campaign_id: UUID
    campaign_name: str
    role: Role
    platform: str
    login: str
    invited_by: str
    invited_at: datetime


@dataclass(frozen=True, slots=True)
class Account:
    """An account that a person has signed in with. `login` is empty when it was never told."""

    provider: str
    id: str
    login: str


async def accounts(connection: Connection, user_id: UUID) -> list[Account]:
    """A person's accounts, as shows may have invited or named them."""
    return [Account(*row) for row in await connection.fetch(_Q["accounts"], user_id)]


async def roles_of(connection: Connection, user_id: UUID) -> dict[UUID, Role]:
    """In which shows a person has which role: the WHERE of everything they see or do (T33, R25).

    Pending invitations give none. The built-in probe's show is nobody's.
    """
    rows = await connection.fetch(_Q["roles"], user_id, probe.CAMPAIGN)
    return {row["id"]: row["role"] for row in rows}


async def get(connection: Connection, membership_id: UUID) -> Member | None:
    """One membership."""
    return _member(await connection.fetchrow(_Q["get"], membership_id))


async def lock(connection: Connection, membership_id: UUID) -> Member | None:
    """One membership, with its campaign held until the end of the transaction."""
    campaign_id = await connection.fetchval(_Q["campaign_of"], membership_id)
    if campaign_id is None:
        return None
    await heads.lock(connection, campaign_id)
    return await get(connection, membership_id)


async def of_user(connection: Connection, campaign_id: UUID, user_id: UUID) -> Member | None:
    """A person's membership in a show, pending or active."""
    return _member(await connection.fetchrow(_Q["of_user"], campaign_id, user_id))


async def list_of_campaign(connection: Connection, campaign_id: UUID) -> list[Member]:
    """Everybody who takes part or was invited, in the order in which they came."""
    return [Member(**dict(row)) for row in await connection.fetch(_Q["list_of_campaign"], campaign_id)]


async def list_of_user(connection: Connection, user_id: UUID) -> list[Member]:
    """A person's memberships and invitations; ghosts are not among them."""
    return [Member(**dict(row)) for row in await connection.fetch(_Q["list_of_user"], user_id)]


async def invitations(connection: Connection, user_id: UUID) -> list[Invitation]:
    """What a person was invited to, newest first; as a ghost, too, when an account of theirs is behind it."""
    return [Invitation(**dict(row)) for row in await connection.fetch(_Q["invitations"], user_id)]


async def invite(
    connection: Connection,
    campaign_id: UUID,
    *,
    role: Role,
    platform: InvitedBy,
    login: str,
    platform_user_id: str | None = None,
    invited_by: UUID,
) -> Member:
    """Invite whoever has this account. `login` is as `channels.normal_login` writes it.

    The platform's id is taken from the account that is known here by that name, or from the show's channel of
    that name, when it is not given: names change hands, ids do not. Raises AlreadyThere, heads.NoCampaign.
    """
    await heads.lock(connection, campaign_id)
    if platform_user_id is None:
        platform_user_id = await connection.fetchval(_Q["channel_id"], campaign_id, platform, login)
    account = await connection.fetchrow(_Q["account"], platform, platform_user_id, login)
    user_id = account["user_id"] if account else None
    if account:
        platform_user_id = account["provider_user_id"]
    if await connection.fetchval(_Q["is_there"], campaign_id, user_id, platform, platform_user_id, login):
        raise AlreadyThere(login)
    membership_id = uuid7()
    await connection.execute(
        _Q["invite"], membership_id, campaign_id, user_id, role, platform, login, platform_user_id, invited_by
    )
    return await _read(connection, membership_id)


async def accept(connection: Connection, membership_id: UUID, user_id: UUID) -> Member | None:
    """Take part; once more changes nothing. None when it is not this person's invitation.

    The campaign is locked by the caller.
    """
    await connection.execute(_Q["accept"], membership_id, user_id)
    found = await get(connection, membership_id)
    return found if found is not None and found.user_id == user_id else None


async def decline(connection: Connection, membership_id: UUID, user_id: UUID) -> bool:
    """Turn an invitation down. False, and nothing changed, when it is not theirs or was accepted."""
    return await connection.fetchval(_Q["decline"], membership_id, user_id) is not None


async def delete(connection: Connection, membership_id: UUID) -> bool:
    """Remove a membership, and its consents with it. `engine.departures` is the way to do that.

    False for the owner's, which goes with the show only.
    """
    return await connection.fetchval(_Q["delete"], membership_id) is not None


async def set_role(connection: Connection, membership_id: UUID, role: Role) -> bool:
    """Another role for a member; False for the owner."""
    return await connection.fetchval(_Q["set_role"], membership_id, role) is not None


async def channels_of(connection: Connection, membership_id: UUID) -> list[UUID]:
    """The rows of a member's channels in the show; the owner has those that are nobody else's, too."""
    return [row["channel_id"] for row in await connection.fetch(_Q["channels"], membership_id)]


async def remind(connection: Connection, membership_id: UUID) -> bool:
    """Ask a streamer to get ready; False when that was done a moment ago, or nobody takes part so."""
    done = await connection.fetchval(_Q["remind"], membership_id, REMIND_EVERY.total_seconds())
    return done is not None


async def forget_reminder(connection: Connection, membership_id: UUID) -> None:
    """The streamer has seen it."""
    await connection.execute(_Q["forget_reminder"], membership_id)


async def claim(
    connection: Connection, user_id: UUID, provider: str, provider_user_id: str, login: str
) -> list[UUID]:
    """Make the ghosts of an account its person's invitations; answers the shows that invited them.

    To be called in the transaction of every sign-in and of every linking, once the account's row is there;
    more often does no harm. Where the person is a member or invited already, the ghost is taken away, and an
    invitation keeps the higher role of the two. Takes the locks of those shows, in the order of their ids.
    """
    name = login.lower()
    await connection.execute(_Q["rename"], user_id, provider, provider_user_id, name)
    behind = (provider, provider_user_id, name)
    if not await connection.fetch(_Q["campaigns_of_ghosts"], *behind):
        return []
    theirs: dict[UUID, tuple[UUID, Role, bool]] = {}  # show: membership, its role, whether it is pending
    for ghost in await connection.fetch(_Q["ghosts"], *behind, user_id):
        campaign_id: UUID = ghost["campaign_id"]
        if ghost["existing"] is not None:
            existing = ghost["existing"], ghost["existing_role"], ghost["existing_status"] == "pending"
            theirs.setdefault(campaign_id, existing)
        if campaign_id in theirs:
            kept, role, is_pending = theirs[campaign_id]
            await connection.execute(_Q["delete"], ghost["id"])
            if is_pending:
                theirs[campaign_id] = kept, higher(role, ghost["role"]), True
                await connection.execute(_Q["set_role"], kept, higher(role, ghost["role"]))
        else:
            await connection.execute(_Q["become"], ghost["id"], user_id, provider_user_id, name)
            theirs[campaign_id] = ghost["id"], ghost["role"], True
        await admin_log.note(
            connection,
            actor=f"user:{user_id}",
            action="member.claim",
            campaign_id=campaign_id,
            subject=theirs[campaign_id][0],
            detail={"platform": provider, "login": name},
        )
    return sorted(theirs)


async def claim_all(connection: Connection, user_id: UUID) -> None:
    """`claim` for every account of a person, for who was invited between a sign-in and now."""
    for account in await accounts(connection, user_id):
        await claim(connection, user_id, account.provider, account.id, account.login)


async def _read(connection: Connection, membership_id: UUID) -> Member:
    found = await get(connection, membership_id)
    assert found is not None  # noqa: S101  it was written in this transaction
    return found


def _member(row: Row | None) -> Member | None:
    return None if row is None else Member(**dict(row))
