"""Which connector processes read which chats: two of them each, so that the death of one loses nothing (R2).

Nobody hands out anything: every process asks which processes live and works out the same answer, the
first two by a digest of (process, channel). A process that comes or goes therefore moves only its own
share. Whoever is not among the first any more goes on reading until the others are connected, and have
been for longer than the dead are taken for living (integrations/supervisor.py).

Two readers of a chat hear the same messages, and `(platform, message_id)` counts once (contract §5).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final
from uuid import UUID

from sql import load
from sql.channels import DETAIL_LENGTH, Channel, ChannelState, SourceKind, from_row
from sql.pool import Connection

_QUERIES = load("readers")

#: A process that has not been heard of for so long is dead; the others notice in their next round.
TTL: Final = timedelta(seconds=2)
READERS: Final = 2


@dataclass(frozen=True, slots=True)
class Stand:
    """What an assignment depends on: the processes that live, and the version of the last changed channel."""

    living: frozenset[UUID]
    version: int


@dataclass(frozen=True, slots=True)
class Reading:
    """What a process reads."""

    channels: list[Channel]
    stand: Stand
    #: Of these the database has just learnt; it knows no state of them yet.
    fresh: frozenset[UUID] = frozenset()
    #: These are not the process's own, it has them until others are connected.
    guests: frozenset[UUID] = frozenset()
    #: Guests that others read as well.
    spare: frozenset[UUID] = frozenset()


async def assign(
    connection: Connection,
    connector: UUID,
    ttl: timedelta = TTL,
    *,
    kinds: Sequence[SourceKind] = ("irc",),
    readers: int = READERS,
    earlier: Reading | None = None,
    keep: Collection[UUID] = (),
    trusts: bool = True,
) -> Reading:
    """Say that a process is alive, and which channels of these kinds it reads from now on.

    `connector` names a process for as long as it lives; `readers` ≥ 1 is how many read a chat at a time.
    `earlier` is what it read until now: while nobody comes or goes only channels that changed are looked at.
    Of its guests it goes on reading those in `keep`. A process that was away itself `trusts` no absence:
    whoever lived then is taken for living.
    """
    async with connection.transaction():
        await connection.execute(_QUERIES["need_not_last"])
        is_back = await connection.fetchval(_QUERIES["enter"], connector, list(kinds), ttl)
        await connection.execute(_QUERIES["sweep"])
        row = await connection.fetchrow(_QUERIES["stand"], list(kinds))
        assert row is not None  # noqa: S101  a SELECT without a FROM
        living = frozenset(row["living"])
        if earlier is not None and not trusts:
            living |= earlier.stand.living
        stand = Stand(living, row["version"])
        is_as_before = earlier is not None and not is_back
        if earlier is not None and is_as_before and stand == earlier.stand and not earlier.guests:
            return replace(earlier, fresh=frozenset())
        since, held = 0, list[UUID]()
        if earlier is not None:
            held = [channel.id for channel in earlier.channels]
            if is_as_before and living == earlier.stand.living:
                since = earlier.stand.version
        found = [
            row
            for row in await connection.fetch(
                _QUERIES["assigned"], connector, list(kinds), readers, since, held, list(living)
            )
            if row["is_needed"] or row["id"] in keep
        ]
        ids = [row["id"] for row in found]
        await connection.execute(_QUERIES["give"], connector, ids)
        fresh = await connection.fetch(_QUERIES["take"], connector, ids)
    return Reading(
        [from_row(row) for row in found],
        stand,
        fresh=frozenset(row["channel_id"] for row in fresh),
        guests=frozenset(row["id"] for row in found if not row["is_first"]),
        spare=frozenset(row["id"] for row in found if not row["is_needed"]),
    )


async def tell(
    connection: Connection, connector: UUID, states: Collection[tuple[UUID, ChannelState, str]]
) -> None:
    """Note how the reading of channels goes; the text is a sentence for the desk, cut at 300 characters."""
    if states:
        ids, words, details = zip(*states, strict=True)
        await connection.execute(
            _QUERIES["tell"], connector, list(ids), list(words), [text[:DETAIL_LENGTH] for text in details]
        )


async def leave(connection: Connection, connector: UUID) -> None:
    """A process ends: nobody has to wait until it is taken for dead."""
    await connection.execute(_QUERIES["leave"], connector)
