"""What platforms tell beside chat, inside the campaign's turn: once, and from a channel of ours.

Each kind of event has a module of its own that takes it (`redemption_intake`, …); this one knows deliveries.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from server.engine import redemption_intake
from server.engine.intake import ACCEPTED, DUPLICATE, Identity, Outcome, storable
from server.engine.turn import Turn
from server.rules.platform_events import NativePollTold, PlatformEvent, Redeemed, StreamChanged, Supported
from sql import inbox

#: All that is taken here.
KINDS: Final = (Redeemed, Supported, StreamChanged, NativePollTold)

_LONGEST_MESSAGE_ID = 128
_NO_CHANNEL = Outcome("rejected", "unknown_channel")
_BAD_ID = Outcome("rejected", "bad_message_id")


async def take(
    turn: Turn, channels: Mapping[tuple[str, str], UUID], events: Sequence[PlatformEvent]
) -> list[Outcome]:
    """Take events of platforms in; one outcome an event.

    `channels` are those of the campaign by platform and the platform's id.
    """
    outcomes = [ACCEPTED] * len(events)
    wanted: dict[Identity, int] = {}
    for index, event in enumerate(events):
        key = (event.platform, event.message_id)
        if not storable(event.message_id, _LONGEST_MESSAGE_ID):
            outcomes[index] = _BAD_ID
        elif (event.platform, event.channel_id) not in channels:
            outcomes[index] = _NO_CHANNEL
        elif key in wanted:
            outcomes[index] = DUPLICATE
        else:
            wanted[key] = index
    if not wanted:
        return outcomes
    for key in await inbox.take_in(turn.connection, turn.campaign_id, wanted, turn.head.now):
        outcomes[wanted.pop(key)] = DUPLICATE
    redeemed = {index: event for index in wanted.values() if isinstance(event := events[index], Redeemed)}
    if redeemed:
        taken = await redemption_intake.take(turn, list(redeemed.values()))
        for index, outcome in zip(redeemed, taken, strict=True):
            outcomes[index] = outcome
    return outcomes
