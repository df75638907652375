"""Which events that a platform told have an effect: those of a known channel, heard for the first time.

An intake asks this first; what comes back as fresh is noted, so that a repeat is a duplicate for 30 days.
The fact behind an event may still be known, told by another event or another source: the intake's own
table has the business identity for that (domain/supporters.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from server.engine.bench import Bench
from server.engine.intake import (
    ACCEPTED,
    DUPLICATE,
    LONGEST_MESSAGE_ID,
    NO_CHANNEL,
    Identity,
    Outcome,
    storable,
)
from server.rules.platform_events import PlatformEvent
from sql import inbox


async def admit(
    bench: Bench,
    events: Sequence[PlatformEvent],
    pages: Mapping[tuple[str, str], UUID] | None = None,
) -> tuple[list[Outcome], dict[int, UUID]]:
    """The outcome of every event as far as inbox and channels can tell, and the channel of every fresh one by
    its place. Whoever then finds that a fresh one cannot be taken writes that into its outcome.

    `pages`: what else may tell something, as the campaign's channels by platform and id.
    """
    known = {**bench.room.channels, **pages} if pages else bench.room.channels
    outcomes: list[Outcome] = []
    channels: dict[int, UUID] = {}
    wanted: dict[Identity, int] = {}
    for place, event in enumerate(events):
        key = (event.platform, event.message_id)
        channel = known.get((event.platform, event.channel_id))
        if not storable(event.message_id, LONGEST_MESSAGE_ID):
            outcomes.append(Outcome("rejected", "bad_message_id"))
        elif channel is None:
            outcomes.append(NO_CHANNEL)
        elif key in wanted:
            outcomes.append(DUPLICATE)
        else:
            wanted[key] = place
            channels[place] = channel
            outcomes.append(ACCEPTED)
    turn = bench.turn
    for key in await inbox.take_in(turn.connection, turn.campaign_id, wanted.keys(), turn.head.now):
        outcomes[wanted[key]] = DUPLICATE
        del channels[wanted[key]]
    return outcomes, channels
