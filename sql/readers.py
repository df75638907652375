"""Which connector processes read which chats: two of them each, so that the death of one loses nothing (R2).

Nobody hands out anything: every process asks which processes live and works out the same answer, the
first two by a digest of (process, channel). A process that comes or goes therefore moves only its own
share. Whoever is not among the first any more goes on reading until the others are connected, and have
been for longer than the dead are taken for living (integrations/supervisor.py).

Two readers of a chat hear the same messages, and `(platform, message_id)` counts once (contract §5).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from sql import load
from sql.channels import DETAIL_LENGTH, Channel, ChannelState, SourceKind, from_row
from sql.pool import Connection

_QUERIES = load("readers")

#: A process that has not been heard of for so long is dead; the others notice in their next round.
TTL: Final = timedelta(seconds=6)
READERS: Final = 2


@dataclass(frozen=True, slots=True)
class Reading:
    """What a process reads; of `fresh` the database knows nothing yet, `spare` others read as well."""

    channels: list[Channel]
    fresh: frozenset[UUID]
    spare: frozenset[UUID]


async def assign(
    connection: Connection,
    connector: UUID,
    ttl: timedelta = TTL,
    *,
    kinds: Sequence[SourceKind] = ("irc",),
    readers: int = READERS,
    keep: Collection[UUID] = (),
) -> Reading:
    """Say that a process is alive, and which channels of these kinds it reads from now on.

    `connector` names a process for as long as it lives; `readers` ≥ 1 is how many read a chat at a time.
    Of the channels that it has and that are not its own any more it goes on reading those in `keep`.
    """
    async with connection.transaction():
        await connection.execute(_QUERIES["enter"], connector, list(kinds), ttl)
        await connection.execute(_QUERIES["sweep"])
        found = [
            row
            for row in await connection.fetch(_QUERIES["assigned"], connector, list(kinds), readers)
            if row["is_needed"] or row["id"] in keep
        ]
        ids = [row["id"] for row in found]
        await connection.execute(_QUERIES["give"], connector, ids)
        fresh = await connection.fetch(_QUERIES["take"], connector, ids)
    return Reading(
        [from_row(row) for row in found],
        frozenset(row["channel_id"] for row in fresh),
        frozenset(row["id"] for row in found if not row["is_needed"]),
    )


async def tell(
    connection: Connection, connector: UUID, channel: UUID, state: ChannelState, detail: str = ""
) -> None:
    """Note how the reading of a channel goes; `detail` is a sentence for the desk, cut at 300 characters."""
    await connection.execute(_QUERIES["tell"], connector, channel, state, detail[:DETAIL_LENGTH])


async def leave(connection: Connection, connector: UUID) -> None:
    """A process ends: nobody has to wait until it is taken for dead."""
    await connection.execute(_QUERIES["leave"], connector)
