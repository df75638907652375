"""What happened on a channel while nobody was told: read over Helix, in the words of an event.

Twitch sends nothing again (twitch.md §2.1). What can be read afterwards is who waits for an answer to points
that they spent, and whether the streamer is live; the rest is gone, and the gap says so.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from datetime import datetime
from typing import Any, Final

from integrations.twitch import eventsub_events
from integrations.twitch.helix import Helix, HelixRefused
from integrations.twitch.irc_events import PLATFORM
from integrations.twitch.reading import identifier, items, moment, text
from server.rules.platform_events import PlatformEvent, Redeemed, StreamChanged
from sql.ids import uuid7

_REWARDS: Final = "channel_points/custom_rewards"
_POINTS: Final = frozenset(("channel:manage:redemptions", "channel:read:redemptions"))
_A_PAGE: Final = 50
#: Nobody has so many people waiting; an answer that never ends does.
_MOST_PAGES: Final = 100


async def missed(
    helix: Helix, account_id: str, scopes: Collection[str], now: datetime
) -> list[PlatformEvent]:
    """The stream as it is, and every redemption that is open. Raises what a call of Helix raises."""
    found: list[PlatformEvent] = [await _stream(helix, account_id, now)]
    if _POINTS & set(scopes):
        found += [event async for event in _redemptions(helix, account_id, now)]
    return found


async def _stream(helix: Helix, account_id: str, now: datetime) -> StreamChanged:
    answer = await helix.call("GET", "streams", account_id, query=[("user_id", account_id)])
    live = [item for item in items(answer.get("data")) if item.get("type", "live") == "live"]
    message_id = f"helix:{uuid7()}"
    if not live:
        return StreamChanged(PLATFORM, account_id, message_id, False, None, "", now, now)
    since, title = moment(live[0].get("started_at")), text(live[0].get("title"), 200)
    return StreamChanged(PLATFORM, account_id, message_id, True, since, title, now, now)


async def _redemptions(helix: Helix, account_id: str, now: datetime) -> AsyncIterator[Redeemed]:
    """Of rewards that our own client id has made: Twitch shows no others."""
    query = [("broadcaster_id", account_id), ("only_manageable_rewards", "true")]
    try:
        answer = await helix.call("GET", _REWARDS, account_id, query=query)
    except HelixRefused as refused:
        if refused.status in (403, 404):  # no affiliate has no rewards
            return
        raise
    for reward in items(answer.get("data")):
        if reward_id := identifier(reward.get("id")):
            async for row in _open(helix, account_id, reward_id):
                id_ = identifier(row.get("id"))
                meaning = eventsub_events.redemption(
                    row, account_id, id=f"helix:{id_}:unfulfilled", received_at=now
                )
                if isinstance(meaning, Redeemed):
                    yield meaning


async def _open(helix: Helix, account_id: str, reward_id: str) -> AsyncIterator[Mapping[str, Any]]:
    after = ""
    for _ in range(_MOST_PAGES):
        query = [
            ("broadcaster_id", account_id),
            ("reward_id", reward_id),
            ("status", "UNFULFILLED"),
            ("first", str(_A_PAGE)),
            *((("after", after),) if after else ()),
        ]
        answer = await helix.call("GET", f"{_REWARDS}/redemptions", account_id, query=query)
        rows = items(answer.get("data"))
        for row in rows:
            yield row
        cursor = answer.get("pagination")
        after = text(cursor.get("cursor"), 500) if isinstance(cursor, dict) else ""
        if not after or not rows:
            return
