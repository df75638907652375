"""Polls that Twitch runs beside ours (rules/native_poll.py). Whoever writes holds the campaign's lock."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

import sql
from server.rules.native_poll import NativePoll
from sql.pool import Connection, Row

_Q = sql.load("native_polls")


def _native(row: Row) -> NativePoll:
    return NativePoll(
        row["poll_instance_id"],
        row["broadcaster_id"],
        row["channel_id"],
        row["login"],
        row["slot"],
        row["native_id"],
        tuple(row["choice_ids"]),
        row["state"],
        row["detail"],
        tuple(row["votes"]),
        tuple(row["points"]),
    )


async def want(connection: Connection, native: NativePoll) -> None:
    """Write down that one is to be made."""
    await connection.execute(
        _Q["want"], native.poll_id, native.broadcaster_id, native.channel_id, native.login, native.slot
    )


async def of_poll(connection: Connection, poll_id: UUID) -> list[NativePoll]:
    """Those beside a poll, in the order of their channels' names."""
    return (await of_polls(connection, [poll_id]))[poll_id]


async def of_polls(connection: Connection, poll_ids: Collection[UUID]) -> dict[UUID, list[NativePoll]]:
    """The same of several polls."""
    found: dict[UUID, list[NativePoll]] = {poll_id: [] for poll_id in poll_ids}
    for row in await connection.fetch(_Q["of_polls"], list(poll_ids)):
        found[row["poll_instance_id"]].append(_native(row))
    return found


async def find(connection: Connection, poll_id: UUID, broadcaster_id: str) -> NativePoll | None:
    """The one that a poll has on a channel."""
    row = await connection.fetchrow(_Q["find"], poll_id, broadcaster_id)
    return None if row is None else _native(row)


async def by_native(
    connection: Connection, campaign_id: UUID, broadcaster_id: str, native_id: str
) -> NativePoll | None:
    """The one of this campaign that Twitch calls by this id."""
    row = await connection.fetchrow(_Q["by_native"], broadcaster_id, native_id, campaign_id)
    return None if row is None else _native(row)


async def known(connection: Connection, broadcaster_id: str) -> set[str]:
    """Which polls of Twitch on a channel are known as ours."""
    return {row["native_id"] for row in await connection.fetch(_Q["known"], broadcaster_id)}


async def running_on(connection: Connection, campaign_id: UUID, broadcaster_id: str) -> list[NativePoll]:
    """Those of a campaign that Twitch runs, or may be starting, on one of its channels."""
    return [_native(row) for row in await connection.fetch(_Q["running_on"], campaign_id, broadcaster_id)]


async def save(connection: Connection, native: NativePoll) -> None:
    """Write what became of one."""
    await connection.execute(
        _Q["save"],
        native.poll_id,
        native.broadcaster_id,
        native.native_id,
        list(native.choice_ids),
        native.state,
        native.detail,
        list(native.votes),
        list(native.points),
    )
