"""What must leave: ordered in the transaction that decides it, delivered after it (reliability §3.8).

An item is held by one process at a time, for half a minute without a sign of life. Every try is counted
before it is made, so that whoever comes after a crash knows that there was one. Of items with the same order
key one leaves after the other; an item that waits for a person, or is dead, keeps nobody waiting.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple, TypeAlias
from uuid import UUID

import sql
from server.rules.delivery import Item
from server.rules.retry import Settled
from sql.ids import uuid7
from sql.pool import Connection, Row

_Q = sql.load("outbox")

#: Longer than any delivery takes between two signs of life.
LEASE_S: Final = 30.0
_LONGEST_WHY: Final = 500

State: TypeAlias = Literal["pending", "leased", "done", "dead", "needs_person"]
Decision: TypeAlias = Literal["by_hand", "give_up"]
#: What a person should look at, and what is on its way.
STUCK: Final[tuple[State, ...]] = ("dead", "needs_person")
WAITING: Final[tuple[State, ...]] = ("pending", "leased")
OVER: Final[tuple[State, ...]] = ("done", "dead")


class Claimed(NamedTuple):
    """An item that is this process's to deliver."""

    item: Item
    tries: int  # since a person last had a say, this one included
    order_key: str | None
    place: int


@dataclass(frozen=True, slots=True)
class Entry:
    """An item as the desk sees it."""

    id: UUID
    campaign_id: UUID
    kind: str
    payload: Mapping[str, Any]
    state: State
    attempts: int
    last_error: str
    created_at: datetime
    next_at: datetime
    expires_at: datetime | None
    decision: Decision | None
    decided_at: datetime | None


def _claimed(row: Row) -> Claimed:
    item = Item(row["id"], row["campaign_id"], row["kind"], row["payload"], row["tried"], row["created_at"])
    return Claimed(item, row["tries"], row["order_key"], row["place"])


async def add(
    connection: Connection,
    campaign_id: UUID,
    kind: str,
    *,
    key: str,
    payload: Mapping[str, Any],
    order_key: str | None = None,
    expires_in_s: float | None = None,
    wait_s: float = 0.0,
) -> UUID | None:
    """Order a delivery, in the caller's transaction; answers its id, None when `key` was used before.

    `key` is unique over the whole installation and says what is ordered, not when. `wait_s`: not before.
    """
    made: UUID | None = await connection.fetchval(
        _Q["add"], uuid7(), campaign_id, kind, key, dict(payload), order_key, expires_in_s, wait_s
    )
    return made


async def by_key(connection: Connection, key: str) -> UUID | None:
    """What was ordered under this key."""
    found: UUID | None = await connection.fetchval(_Q["by_key"], key)
    return found


async def claim(
    connection: Connection, kinds: Collection[str], holder: UUID, most: int, lease_s: float = LEASE_S
) -> list[Claimed]:
    """Take items of these kinds that may leave now, at most one of an order key; each is `settle`d later."""
    rows = await connection.fetch(_Q["claim"], list(kinds), holder, lease_s, most)
    return [_claimed(row) for row in rows]


async def claim_behind(
    connection: Connection, first: Claimed, holder: UUID, most: int, lease_s: float = LEASE_S
) -> list[Claimed]:
    """Take those right behind `first`, in their order, to be delivered together with it.

    In the transaction that took `first`: until its commit nobody else can have one of them.
    """
    if first.order_key is None or most < 1:
        return []
    rows = await connection.fetch(
        _Q["claim_behind"], first.order_key, first.item.kind, first.place, holder, lease_s, most
    )
    return sorted((_claimed(row) for row in rows), key=lambda claimed: claimed.place)


async def hold(
    connection: Connection, holder: UUID, ids: Collection[UUID], lease_s: float = LEASE_S
) -> set[UUID]:
    """A sign of life; answers those that are still the holder's."""
    rows = await connection.fetch(_Q["hold"], holder, list(ids), lease_s)
    return {row["id"] for row in rows}


async def settle(connection: Connection, item_id: UUID, holder: UUID, what: Settled) -> bool:
    """What became of a try. False: it is somebody else's by now, and nothing was changed."""
    done = await connection.execute(
        _Q["settle"],
        item_id,
        holder,
        what.state,
        what.why[:_LONGEST_WHY],
        what.wait_s,
        what.counts,
        what.steps_aside,
    )
    return done == "UPDATE 1"


async def expire(connection: Connection) -> None:
    """Give up what has come too late."""
    await connection.execute(_Q["expire"])


async def seconds_to_next(connection: Connection, kinds: Collection[str]) -> float | None:
    """How long until something of these kinds is due; negative when it is; None: nothing waits."""
    seconds: float | None = await connection.fetchval(_Q["seconds_to_next"], list(kinds))
    return seconds


async def list_page(
    connection: Connection,
    campaign_id: UUID,
    states: Sequence[State],
    after: UUID | None,
    limit: int,
    *,
    with_decided: bool = False,
) -> list[Entry]:
    """Items of a campaign in these states, newest first."""
    rows = await connection.fetch(_Q["list_page"], campaign_id, list(states), with_decided, after, limit)
    return [Entry(**row) for row in rows]


async def get(connection: Connection, item_id: UUID, within: Collection[UUID]) -> Entry | None:
    """One item of these campaigns."""
    row = await connection.fetchrow(_Q["get"], item_id, list(within))
    return None if row is None else Entry(**row)


async def retry(connection: Connection, item_id: UUID, expires_in_s: float) -> bool:
    """Try once more what is dead or waits for a person; False for any other."""
    return await connection.execute(_Q["retry"], item_id, expires_in_s) == "UPDATE 1"


async def decide(connection: Connection, item_id: UUID, decision: Decision, by: str) -> bool:
    """A person says what became of it. False when it is done, on its way, or decided already."""
    return await connection.execute(_Q["decide"], item_id, decision, by) == "UPDATE 1"


async def forget(connection: Connection, older_than_s: float, most: int = 1000) -> None:
    """Drop items that are over for so long."""
    await connection.execute(_Q["forget"], older_than_s, most)
