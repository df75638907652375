"""Redemptions as they are told, inside the campaign's turn."""

from __future__ import annotations

from collections.abc import Sequence

from server.engine.admission import admit
from server.engine.bench import Bench
from server.engine.intake import ACCEPTED, Outcome, storable
from server.rules import redemption
from server.rules.platform_events import Redeemed
from sql import redemptions

_LONGEST_ID = 64
_MOST_POINTS = 10**15


async def take(bench: Bench, events: Sequence[Redeemed]) -> list[Outcome]:
    """Take redemptions in; one outcome an event. The same one may be told often and in any order."""
    outcomes, fresh = await admit(bench, events)
    merged: dict[tuple[str, str], Redeemed] = {}
    for place in fresh:
        event = events[place]
        outcomes[place] = _judged(event)
        if outcomes[place] is ACCEPTED:
            key = (event.platform, event.redemption_id)
            known = merged.get(key)
            merged[key] = (
                event if known is None else known._replace(status=redemption.told(known.status, event.status))
            )
    if merged:
        turn = bench.turn
        await redemptions.take_in(turn.connection, turn.campaign_id, list(merged.values()), turn.head.now)
    return outcomes


def _judged(event: Redeemed) -> Outcome:
    for name in ("redemption_id", "reward_id"):
        if not storable(getattr(event, name), _LONGEST_ID):
            return Outcome("rejected", f"bad_{name}")
    if not storable(event.user.id, _LONGEST_ID):
        return Outcome("rejected", "bad_user_id")
    if not 0 <= event.cost <= _MOST_POINTS:
        return Outcome("rejected", "bad_cost")
    texts = (event.reward_title, event.user_input, event.user.login, event.user.name)
    if any("\0" in text or _has_half_pair(text) for text in texts):
        return Outcome("rejected", "bad_text")
    return ACCEPTED


def _has_half_pair(text: str) -> bool:
    """Half a surrogate pair, which PostgreSQL stores as little as NUL."""
    return any("\ud800" <= character <= "\udfff" for character in text)
