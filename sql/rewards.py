"""Rewards that a campaign has on a channel, and those that no campaign knows any more.

A row says what is wanted; every change of it is a revision, and an item of the outbox makes the platform
equal to the latest one. So it does not matter how often, or by whom, a revision is brought there.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple, TypeAlias
from uuid import UUID

import sql
from sql import outbox
from sql.ids import uuid7
from sql.pool import Connection, Row, UniqueViolation

_Q = sql.load("rewards")

#: How often a channel's rewards are compared with what we know (domain/operations.md §4).
CHECK_EVERY_S: Final = 300.0

Wanted: TypeAlias = Literal["live", "paused", "deleted"]


class RewardExists(Exception):
    """The channel has a reward of this name, in this campaign or another one."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a reward is to viewers. Zero and empty stand for "not set"."""

    title: str
    cost: int
    prompt: str = ""
    color: str = ""
    asks_input: bool = False
    max_per_stream: int = 0
    max_per_viewer: int = 0
    cooldown_s: int = 0


class Reward(NamedTuple):
    """A reward as it is wanted."""

    id: UUID
    campaign_id: UUID
    platform: str
    channel_id: str
    platform_reward_id: str | None  # None: the platform has not had it yet, or has lost it
    terms: Terms
    wanted: Wanted
    revision: int
    synced_revision: int
    simulated: bool


class Listed(NamedTuple):
    """A reward as the desk sees it."""

    reward: Reward
    delivery: outbox.State | Literal[""]  # of the latest revision; empty: nothing was ordered, or long ago
    outbox_id: UUID | None
    trouble: str
    open_redemptions: int


class Orphan(NamedTuple):
    """A reward of ours without a campaign."""

    platform: str
    channel_id: str
    platform_reward_id: str
    title: str
    cost: int
    found_at: datetime
    login: str


def _reward(row: Row) -> Reward:
    terms = Terms(
        row["title"],
        row["cost"],
        row["prompt"],
        row["color"],
        row["asks_input"],
        row["max_per_stream"] or 0,
        row["max_per_viewer"] or 0,
        row["cooldown_s"] or 0,
    )
    return Reward(
        row["id"],
        row["campaign_id"],
        row["platform"],
        row["channel_id"],
        row["platform_reward_id"],
        terms,
        row["wanted"],
        row["revision"],
        row["synced_revision"],
        row["simulated"],
    )


def _values(terms: Terms) -> tuple[Any, ...]:
    values = asdict(terms)
    for name in ("max_per_stream", "max_per_viewer", "cooldown_s"):
        values[name] = values[name] or None
    return tuple(values.values())


async def create(connection: Connection, campaign_id: UUID, channel: UUID, terms: Terms) -> UUID | None:
    """Want a reward on a channel; None when the campaign has no such channel. Raises RewardExists."""
    try:
        async with connection.transaction():
            made: UUID | None = await connection.fetchval(
                _Q["create"], uuid7(), campaign_id, channel, *_values(terms)
            )
    except UniqueViolation:
        raise RewardExists(terms.title) from None
    if made is not None:
        await send(connection, made)
    return made


async def change(connection: Connection, reward: Reward, terms: Terms, wanted: Wanted) -> bool:
    """Want it otherwise; False when it is wanted so already. Raises RewardExists."""
    try:
        async with connection.transaction():
            revision = await connection.fetchval(_Q["change"], reward.id, *_values(terms), wanted)
    except UniqueViolation:
        raise RewardExists(terms.title) from None
    if revision is not None:
        await send(connection, reward.id)
    return revision is not None


async def send(connection: Connection, reward_id: UUID) -> None:
    """Order that the platform is made equal to the latest revision."""
    reward = await find(connection, reward_id)
    if reward is None or reward.simulated or reward.platform not in ("twitch", "kick"):
        return
    item = await outbox.add(
        connection,
        reward.campaign_id,
        f"{reward.platform}.reward",
        key=f"reward:{reward.id}:{reward.revision}",
        payload={"reward": str(reward.id), "channel_id": reward.channel_id, "title": reward.terms.title},
        order_key=f"rewards:{reward.platform}:{reward.channel_id}",
    )
    if item is not None:
        await connection.execute(_Q["sent_by"], reward.id, item)


async def adopt(
    connection: Connection, campaign_id: UUID, platform: str, channel_id: str, platform_reward_id: str
) -> UUID | None:
    """A reward without a campaign becomes this one's. None: there is no such orphan. Raises RewardExists."""
    try:
        async with connection.transaction():
            made: UUID | None = await connection.fetchval(
                _Q["adopt"], uuid7(), campaign_id, platform, channel_id, platform_reward_id
            )
    except UniqueViolation:
        raise RewardExists(platform_reward_id) from None
    if made is not None:
        await send(connection, made)
    return made


async def delete_orphan(
    connection: Connection, campaign_id: UUID, platform: str, channel_id: str, platform_reward_id: str
) -> UUID | None:
    """Order that an orphan is taken off its channel; answers the item, None when it was ordered before."""
    return await outbox.add(
        connection,
        campaign_id,
        f"{platform}.reward",
        key=f"orphan:{campaign_id}:{platform}:{platform_reward_id}",
        payload={"orphan": platform_reward_id, "channel_id": channel_id},
        order_key=f"rewards:{platform}:{channel_id}",
    )


async def forget_orphan(
    connection: Connection, platform: str, channel_id: str, platform_reward_id: str
) -> None:
    """It was taken off its channel."""
    await connection.execute(_Q["forget_orphan"], platform, channel_id, platform_reward_id)


async def retire(connection: Connection, campaign_id: UUID, platform: str, channel_id: str) -> int:
    """A channel leaves the campaign: its rewards are taken off it. Answers how many there are."""
    rows = await connection.fetch(_Q["on_channel"], campaign_id, platform, channel_id)
    for row in rows:
        reward = await lock(connection, row["id"], (campaign_id,))
        if reward is not None:
            await change(connection, reward, reward.terms, "deleted")
    return len(rows)


async def find(connection: Connection, reward_id: UUID) -> Reward | None:
    """A reward, whatever campaign has it."""
    row = await connection.fetchrow(_Q["find"], reward_id)
    return None if row is None else _reward(row)


async def lock(connection: Connection, reward_id: UUID, within: Collection[UUID]) -> Reward | None:
    """A reward of these campaigns, ours until the end of the transaction."""
    row = await connection.fetchrow(_Q["lock"], reward_id, list(within))
    return None if row is None else _reward(row)


async def list_of_campaign(
    connection: Connection, campaign_id: UUID, only: UUID | None = None
) -> list[Listed]:
    """The rewards of a campaign, oldest first."""
    return [
        Listed(_reward(row), row["delivery"], row["outbox_id"], row["trouble"], row["open_redemptions"])
        for row in await connection.fetch(_Q["list_of_campaign"], campaign_id, only)
    ]


async def known(connection: Connection, platform: str, channel_id: str) -> set[str]:
    """The platform's ids of the rewards on a channel that some campaign has."""
    return {row["platform_reward_id"] for row in await connection.fetch(_Q["known"], platform, channel_id)}


async def synced(
    connection: Connection, reward_id: UUID, revision: int, platform_reward_id: str | None
) -> None:
    """The platform has this revision; None: it has the reward no more, as was wanted."""
    await connection.execute(_Q["synced"], reward_id, platform_reward_id, revision)


async def lost(connection: Connection, reward_id: UUID, platform_reward_id: str) -> None:
    """The platform has it no more, although nobody here deleted it; the next try makes it anew."""
    await connection.execute(_Q["lost"], reward_id, platform_reward_id)


async def to_check(
    connection: Connection, platforms: Collection[str], most: int, older_than_s: float = CHECK_EVERY_S
) -> list[tuple[str, str]]:
    """Take channels whose rewards are to be compared, `(platform, channel id)`; nobody else does it now."""
    rows = await connection.fetch(_Q["to_check"], older_than_s, most, list(platforms))
    return [(row["platform"], row["channel_id"]) for row in rows]


async def checked(
    connection: Connection, platform: str, channel_id: str, found: Mapping[str, tuple[str, int]]
) -> list[UUID]:
    """What a channel has of ours: title and cost by the platform's id. Notes orphans; answers rewards that
    the platform should have and does not."""
    ids = list(found)
    await connection.execute(_Q["keep_orphans"], platform, channel_id, ids)
    for id_ in set(found) - await known(connection, platform, channel_id):
        title, cost = found[id_]
        await connection.execute(_Q["put_orphan"], platform, channel_id, id_, title[:100], cost)
    missing = await connection.fetch(_Q["missing"], platform, channel_id, ids)
    for row in missing:
        await lost(connection, row["id"], row["platform_reward_id"])
    return [row["id"] for row in missing]


async def orphans(connection: Connection, campaign_id: UUID) -> list[Orphan]:
    """Rewards without a campaign on the channels of one, the oldest first."""
    return [Orphan(*row) for row in await connection.fetch(_Q["orphans"], campaign_id)]
