"""What we want to be told of linked Twitch channels, and how far Twitch is with it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple, TypeAlias
from uuid import UUID

import sql
from sql.channels import DETAIL_LENGTH
from sql.pool import Connection, Row

_Q = sql.load("twitch_subscriptions")

Transport: TypeAlias = Literal["socket", "webhook", "conduit"]
#: pending: Twitch's challenge was not answered yet. refused, revoked: a person has to do something.
State: TypeAlias = Literal["wanted", "pending", "held", "refused", "revoked"]


@dataclass(frozen=True, slots=True)
class Account:
    """A linked account whose channel takes part in a show."""

    id: str  # Twitch's id of the account, which is that of its channel
    scopes: frozenset[str]
    token_version: int
    channels: tuple[UUID, ...]  # its rows in shows
    reads_chat: bool  # at least one of them is read over EventSub


class Wanted(NamedTuple):
    broadcaster_id: str
    type: str
    version: str
    transport: Transport


@dataclass(frozen=True, slots=True)
class Subscription:
    """A row: something that we want to be told."""

    broadcaster_id: str
    type: str
    version: str
    transport: Transport
    subscription_id: str | None
    state: State
    detail: str  # why not, in a sentence
    token_version: int | None
    state_at: datetime


class News(NamedTuple):
    """How far one is."""

    broadcaster_id: str
    type: str
    state: State
    subscription_id: str | None = None
    detail: str = ""
    token_version: int | None = None


def _subscription(row: Row) -> Subscription:
    return Subscription(**dict(row))


async def accounts(connection: Connection) -> list[Account]:
    """Everybody whose channel may tell us something."""
    return [
        Account(
            row["account_id"],
            frozenset(row["scopes"]),
            row["version"],
            tuple(row["channels"]),
            row["reads_chat"],
        )
        for row in await connection.fetch(_Q["accounts"])
    ]


async def want(connection: Connection, wanted: Collection[Wanted]) -> list[tuple[str, Transport]]:
    """Want exactly these; answers ids and transports of what Twitch may hold and nobody wants any more."""
    columns = [list(column) for column in zip(*wanted, strict=True)] if wanted else [[], [], [], []]
    async with connection.transaction():
        left = await connection.fetch(_Q["unwant"], columns[0], columns[1], columns[3])
        if wanted:
            await connection.execute(_Q["want"], *columns)
    return [(row["subscription_id"], row["transport"]) for row in left if row["subscription_id"]]


async def all_(connection: Connection) -> list[Subscription]:
    """Everything that is wanted."""
    return [_subscription(row) for row in await connection.fetch(_Q["all"])]


async def of_broadcasters(connection: Connection, ids: Collection[str]) -> dict[str, list[Subscription]]:
    """The same of some channels, by the id of the broadcaster."""
    found: dict[str, list[Subscription]] = defaultdict(list)
    for row in await connection.fetch(_Q["of_broadcasters"], list(ids)):
        found[row["broadcaster_id"]].append(_subscription(row))
    return dict(found)


async def tell(connection: Connection, news: Sequence[News]) -> None:
    """Note how far some are; of those that nobody wants any more nothing is noted."""
    if news:
        await connection.execute(
            _Q["tell"],
            [one.broadcaster_id for one in news],
            [one.type for one in news],
            [one.subscription_id for one in news],
            [one.state for one in news],
            [one.detail[:DETAIL_LENGTH] for one in news],
            [one.token_version for one in news],
        )


async def confirmed(connection: Connection, subscription_id: str, broadcaster_id: str, type_: str) -> None:
    """Twitch had its challenge answered: it delivers this from now on."""
    await connection.execute(_Q["confirmed"], subscription_id, broadcaster_id, type_)


async def revoked(connection: Connection, subscription_id: str, why: str) -> tuple[str, str] | None:
    """Twitch took one away, for this reason in words: whose and of which type; None: it is not known."""
    row = await connection.fetchrow(_Q["revoked"], subscription_id, why[:DETAIL_LENGTH])
    return None if row is None else (row["broadcaster_id"], row["type"])


async def channels_of(connection: Connection, accounts: Collection[str]) -> dict[str, list[UUID]]:
    """The rows in shows that the channels of accounts have."""
    found: dict[str, list[UUID]] = defaultdict(list)
    for row in await connection.fetch(_Q["channels_of"], list(accounts)):
        found[row["channel_id"]].append(row["id"])
    return dict(found)
