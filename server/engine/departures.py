"""One way out, whatever way somebody goes: left, removed, erased, their show deleted, a consent taken back or
run out (domain/campaigns-and-auth.md, invariant 3).

What has to be undone on platforms is others' work: each of them gives a hook, which is called in the
transaction that ends the membership or the consent, with the campaign locked and all rows still there. A hook
writes what it owes to the outbox; it calls nobody.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias
from uuid import UUID

from server.rules.consent import CAPABILITIES, Capability
from sql import admin_log, channels, consents, heads, members
from sql.channels import Channel
from sql.members import Member
from sql.pool import Connection

Why = Literal["left", "removed", "erased", "deleted", "revoked", "expired"]


@dataclass(frozen=True, slots=True)
class Gone:
    """What Hubbub may not do any more, on which channels.

    `capabilities` are all of them unless `why` is `revoked` or `expired`. After `expired` a poll that is
    running finishes; everything else that needs the capability ends, as after the others.
    """

    member: Member
    channels: tuple[Channel, ...]
    capabilities: frozenset[Capability]
    why: Why


#: Undoes what its package has done on those channels. Runs in the transaction; raising takes everything back.
OnGone: TypeAlias = Callable[[Connection, Gone], Awaitable[None]]


class Departures:
    """Every method but `forget_person` is called in a transaction that holds the campaign's row
    (`heads.lock`)."""

    def __init__(self, hooks: Sequence[OnGone] = ()) -> None:
        self._hooks = tuple(hooks)

    async def go(self, connection: Connection, member: Member, why: Why) -> None:
        """A member takes no part any more: their channels leave the show, their consents end.

        An invitation that nobody has accepted is withdrawn; there is nothing to undo.
        """
        if member.is_active:
            taking_part = await self._tell(connection, member, frozenset(CAPABILITIES), why)
            for channel in taking_part:
                await channels.delete(connection, member.campaign_id, channel.id)
        await members.delete(connection, member.id)

    async def revoke(
        self, connection: Connection, member: Member, capabilities: Collection[Capability]
    ) -> frozenset[Capability]:
        """A member takes a consent back; answers what there was to take back.

        Of a running poll the votes that were given stay, and the channel gives no more.
        """
        good = await consents.revoke(connection, member.id, capabilities)
        if good:
            taking_part = await self._tell(connection, member, good, "revoked")
            if "polls" in good:
                for channel in taking_part:
                    await channels.give_up_seats(connection, member.campaign_id, channel.id)
        return good

    async def expire(self, connection: Connection, campaign_id: UUID) -> int:
        """What has run out in this show ends, once; answers how many members that concerns."""
        ended = await consents.end(connection, campaign_id)
        for membership_id, capabilities in ended.items():
            member = await members.get(connection, membership_id)
            if member is None:
                continue
            await self._tell(connection, member, capabilities, "expired")
            await admin_log.note(
                connection,
                actor="worker",
                action="consent.expire",
                campaign_id=campaign_id,
                subject=membership_id,
                detail={"capabilities": sorted(capabilities)},
            )
        return len(ended)

    async def forget_person(self, connection: Connection, user_id: UUID) -> None:
        """An account is erased: its person leaves every show but their own ones. Takes the locks by
        itself."""
        for member in await members.list_of_user(connection, user_id):
            if member.role == "owner":
                continue
            await heads.lock(connection, member.campaign_id)
            await self.go(connection, member, "erased")
            await admin_log.note(
                connection,
                actor=f"user:{user_id}",
                action="member.erase",
                campaign_id=member.campaign_id,
                subject=member.id,
            )

    async def _tell(
        self, connection: Connection, member: Member, capabilities: frozenset[Capability], why: Why
    ) -> tuple[Channel, ...]:
        own = set(await members.channels_of(connection, member.id))
        everyone = await channels.list_of_campaign(connection, member.campaign_id)
        taking_part = tuple(channel for channel in everyone if channel.id in own)
        for hook in self._hooks:
            await hook(connection, Gone(member, taking_part, capabilities, why))
        return taking_part
