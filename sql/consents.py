"""What streamers let Hubbub do on their channels, and until when.

`allowed` is asked at the moment of the call, not at the launch: no poll, reward, message or change of scene
ever reaches a channel whose streamer has not accepted the show and agreed to it for this evening.

The rule for who runs Hubbub for themself: a channel needs no consent when it is the show's owner's own, or
when it belongs to no account that has signed in here and to nobody who was invited (`server.rules.consent`
has it in full).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from server.rules.consent import LIFE, NOT_IN_SHOW, Capability, Standing, why_not
from sql import load
from sql.pool import Connection, Row

_Q = load("consents")


@dataclass(frozen=True, slots=True)
class Consent:
    """`is_good`: not past its end, by the database clock, when it was read."""

    capability: Capability
    granted_at: datetime
    expires_at: datetime
    is_good: bool


async def allowed(
    connection: Connection, campaign_id: UUID, platform: str, channel_id: str, capability: Capability
) -> bool:
    """Whether this show may do that on the channel now. `channel_id` is the platform's id.

    The owner's own channels, and those of no account and nobody invited, need no consent.
    """
    return await refusal(connection, campaign_id, platform, channel_id, capability) is None


async def refusal(
    connection: Connection, campaign_id: UUID, platform: str, channel_id: str, capability: Capability
) -> str | None:
    """Why this show may not do that on the channel now, in a sentence; None when it may."""
    row = await connection.fetchrow(_Q["standing"], campaign_id, platform, channel_id, capability)
    if row is None:
        return NOT_IN_SHOW
    return _why_not(row, capability)


async def refusals(connection: Connection, campaign_id: UUID, capability: Capability) -> dict[UUID, str]:
    """The show's channels (by the id of their row) on which it may not do that now, and why not."""
    rows = await connection.fetch(_Q["standings"], campaign_id, capability)
    return {row["channel_id"]: why for row in rows if (why := _why_not(row, capability)) is not None}


def _why_not(row: Row, capability: Capability) -> str | None:
    account = row["account_user_id"]
    standing = Standing(
        has_account=account is not None,
        is_owners=account is not None and account == row["owner_id"],
        membership=row["status"] or "none",
        expires_at=row["expires_at"],
    )
    return why_not(standing, capability, row["login"], row["now"])


async def grant(
    connection: Connection, membership_id: UUID, capabilities: Collection[Capability], life: timedelta = LIFE
) -> None:
    """A member agrees from now on, for `life`; granting again restarts it. The campaign is locked.

    ForeignKeyViolation: it is not the membership of somebody who has accepted.
    """
    await connection.execute(_Q["grant"], membership_id, sorted(set(capabilities)), life.total_seconds())


async def revoke(
    connection: Connection, membership_id: UUID, capabilities: Collection[Capability]
) -> frozenset[Capability]:
    """A member takes it back; answers what had not ended before. `engine.departures` is the way to do
    that."""
    rows = await connection.fetch(_Q["revoke"], membership_id, sorted(capabilities))
    return frozenset(row["capability"] for row in rows if row["was_good"])


async def of_member(connection: Connection, membership_id: UUID) -> list[Consent]:
    """What a member has agreed to; what has ended is there until it is granted again."""
    return [Consent(**dict(row)) for row in await connection.fetch(_Q["of_member"], membership_id)]


async def of_campaign(connection: Connection, campaign_id: UUID) -> dict[UUID, list[Consent]]:
    """The same of all members, by membership."""
    found: dict[UUID, list[Consent]] = defaultdict(list)
    for row in await connection.fetch(_Q["of_campaign"], campaign_id):
        values = dict(row)
        found[values.pop("membership_id")].append(Consent(**values))
    return found


async def due(connection: Connection, limit: int = 100) -> list[UUID]:
    """Shows in which a consent has run out and nothing was done about it yet."""
    return [row["campaign_id"] for row in await connection.fetch(_Q["due"], limit)]


async def end(connection: Connection, campaign_id: UUID) -> dict[UUID, frozenset[Capability]]:
    """Take what has run out, by membership; every end is answered once. The campaign is locked."""
    found: dict[UUID, set[Capability]] = defaultdict(set)
    for row in await connection.fetch(_Q["end"], campaign_id):
        found[row["membership_id"]].add(row["capability"])
    return {membership_id: frozenset(ended) for membership_id, ended in found.items()}
