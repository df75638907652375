"""Who is live, inside the campaign's turn: whatever comes in whatever order, the platform's clock decides."""

from __future__ import annotations

from collections.abc import Sequence

from server.engine.admission import admit
from server.engine.bench import Bench
from server.engine.intake import Outcome
from server.rules.platform_events import StreamChanged
from server.rules.support import cleaned
from server.rules.votes import believed_time
from sql import support

_LONGEST_TITLE = 200


async def take(bench: Bench, events: Sequence[StreamChanged]) -> list[Outcome]:
    """Take news of streams in; one outcome an event."""
    outcomes, channels = await admit(bench, events)
    for place, channel in channels.items():
        event = events[place]
        told_at = believed_time(event.sent_at, event.received_at)
        started_at = min(event.started_at or told_at, told_at)
        await support.stream_changed(
            bench.turn.connection,
            channel,
            live_since=started_at if event.is_live else None,
            title=cleaned(event.title, _LONGEST_TITLE),
            told_at=told_at,
        )
    return outcomes
