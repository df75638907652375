"""Which events Kick delivers for which channels: what is wanted, and what we know of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import sql
from sql.channels import DETAIL_LENGTH, ChannelState
from sql.pool import Connection

_Q = sql.load("kick_subscriptions")

_ERROR_LENGTH = 200


class Wanted(NamedTuple):
    """A broadcaster whose deliveries some campaign takes. `is_linked`: the account has signed in here."""

    broadcaster_id: str
    is_linked: bool
    heard_at: datetime | None
    since: datetime


class Known(NamedTuple):
    """An event of a broadcaster: held by Kick under an id, or not, for a reason in words."""

    broadcaster_id: str
    event: str
    subscription_id: str | None
    error: str = ""
    lost_at: datetime | None = None


class Noted(NamedTuple):
    """What became of a subscription. `is_lost`: Kick held it when we last looked."""

    broadcaster_id: str
    event: str
    subscription_id: str  # empty: Kick does not hold it
    error: str
    is_lost: bool = False


async def wanted(connection: Connection) -> list[Wanted]:
    """Every broadcaster of whom the platform's id is known."""
    return [Wanted(**dict(row)) for row in await connection.fetch(_Q["wanted"])]


async def has_channels(connection: Connection) -> bool:
    """Whether Kick delivers for any channel here, or should."""
    return bool(await connection.fetchval(_Q["has_channels"]))


async def nameless(connection: Connection, *, again: bool) -> list[tuple[UUID, str]]:
    """Channels known by their login only, with it; `again`: also those that Kick did not know before."""
    return [(row["id"], row["login"]) for row in await connection.fetch(_Q["nameless"], again)]


async def is_fresh(connection: Connection, linked: int, others: int) -> bool:
    """Whether some channel was never asked for. `linked`, `others`: how many events are wanted of each."""
    return bool(await connection.fetchval(_Q["fresh"], linked, others))


async def known(connection: Connection) -> list[Known]:
    """All that we know."""
    return [Known(**dict(row)) for row in await connection.fetch(_Q["known"])]


async def of_broadcaster(connection: Connection, broadcaster_id: str) -> list[Known]:
    """All that we know of one."""
    return [Known(**dict(row)) for row in await connection.fetch(_Q["of_broadcaster"], broadcaster_id)]


async def note(connection: Connection, items: Sequence[Noted]) -> None:
    """Keep what became of them."""
    if items:
        ids, events, held, errors, lost = zip(*items, strict=True)
        errors = tuple(text[:_ERROR_LENGTH] for text in errors)
        await connection.execute(_Q["note"], list(ids), list(events), list(held), list(errors), list(lost))


async def forget(connection: Connection, items: Collection[tuple[str, str]]) -> None:
    """These `(broadcaster, event)` are not wanted any more, and Kick does not hold them."""
    if items:
        ids, events = zip(*items, strict=True)
        await connection.execute(_Q["forget"], list(ids), list(events))


async def tell(connection: Connection, states: Collection[tuple[str, ChannelState, str]]) -> None:
    """How deliveries for broadcasters go, a sentence for the desk with each."""
    if states:
        ids, words, details = zip(*states, strict=True)
        await connection.execute(
            _Q["tell"], list(ids), list(words), [text[:DETAIL_LENGTH] for text in details]
        )
