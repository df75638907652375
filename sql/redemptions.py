"""What viewers bought with a platform's points."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, NamedTuple, TypeAlias
from uuid import UUID

import sql
from server.rules.platform_events import Redeemed, RedemptionStatus
from server.rules.redemption import Decision, Redemption, Settlement
from sql.ids import in_order
from sql.pool import Connection

_Q = sql.load("redemptions")

#: How long what is settled is kept.
KEEP_S: Final = 180 * 24 * 3600.0

#: open: nobody has decided. stuck: a person must look. all: those, and everything else.
Which: TypeAlias = Literal["all", "open", "stuck"]


class Held(NamedTuple):
    """A redemption that is about to be decided; its row is locked."""

    id: UUID
    platform: str
    channel_id: str
    redemption_id: str
    reward_id: str
    reward_title: str
    cost: int
    user_name: str
    redemption: Redemption


@dataclass(frozen=True, slots=True)
class Stored:
    """A redemption as the desk sees it."""

    id: UUID
    campaign_id: UUID
    platform: str
    channel_id: str
    redemption_id: str
    reward_id: str
    reward_title: str
    cost: int
    user_id: str
    user_name: str
    user_input: str
    status: RedemptionStatus
    decision: Decision
    settlement: Settlement
    reason: str
    outbox_id: UUID | None
    simulated: bool
    redeemed_at: datetime
    decided_at: datetime | None
    trouble: str  # what the last try to tell the platform came to
    is_ours: bool


async def take_in(
    connection: Connection, campaign_id: UUID, events: Sequence[Redeemed], now: datetime
) -> None:
    """Take in what is told, in any order and however often. The caller holds the campaign's lock."""
    await connection.executemany(
        _Q["take_in"],
        [
            (
                id_,
                campaign_id,
                event.platform,
                event.channel_id,
                event.redemption_id,
                event.reward_id,
                event.reward_title[:100],
                event.cost,
                event.user.id,
                event.user.login[:64],
                event.user.name[:64],
                event.user_input[:500],
                event.status,
                event.redeemed_at,
            )
            for id_, event in zip(in_order(len(events), now), events, strict=True)
        ],
    )


async def lock(connection: Connection, campaign_id: UUID, ids: Collection[UUID]) -> list[Held]:
    """Take these redemptions of a campaign until the end of the transaction; unknown ones are missing."""
    return [
        Held(
            row["id"],
            row["platform"],
            row["channel_id"],
            row["redemption_id"],
            row["reward_id"],
            row["reward_title"],
            row["cost"],
            row["user_name"],
            Redemption(row["status"], row["decision"], row["settlement"], row["is_ours"], row["simulated"]),
        )
        for row in await connection.fetch(_Q["lock"], campaign_id, list(ids))
    ]


async def decide(
    connection: Connection, id_: UUID, decided: Redemption, reason: str, outbox_id: UUID | None
) -> None:
    """Store a decision."""
    await connection.execute(
        _Q["decide"], id_, decided.decision, decided.settlement, decided.status, reason[:200], outbox_id
    )


async def open_of_reward(
    connection: Connection, campaign_id: UUID, platform: str, channel_id: str, *, reward_id: str, most: int
) -> list[UUID]:
    """Redemptions of a reward that nobody has decided, oldest first."""
    rows = await connection.fetch(_Q["open_of_reward"], campaign_id, platform, channel_id, reward_id, most)
    return [row["id"] for row in rows]


async def is_asked(connection: Connection, platform: str, channel_id: str, reward_id: str) -> bool:
    """Whether the platform still has to hear of a decision about this reward."""
    found: bool = await connection.fetchval(_Q["asked_of_reward"], platform, channel_id, reward_id)
    return found


async def list_page(
    connection: Connection, campaign_id: UUID, which: Which, after: UUID | None, limit: int
) -> list[Stored]:
    """Redemptions of a campaign, newest first."""
    rows = await connection.fetch(_Q["list_page"], campaign_id, which, after, limit)
    return [Stored(**row) for row in rows]


async def get(connection: Connection, id_: UUID, within: Collection[UUID]) -> Stored | None:
    """One redemption of these campaigns."""
    row = await connection.fetchrow(_Q["get"], id_, list(within))
    return None if row is None else Stored(**row)


async def forget(connection: Connection, older_than_s: float = KEEP_S, most: int = 1000) -> None:
    """Drop what was settled long ago."""
    await connection.execute(_Q["forget"], older_than_s, most)
