"""The party bar: the heroes' health and conditions, as the stream may know them (widgets.md §7).

Pictures of characters have addresses of strangers, so the board has none; the page draws initials.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from server.rules.changes import Board
from server.rules.combat import HitPoints
from server.rules.wiretime import to_wire

#: More cards do not fit beside each other.
MOST_MEMBERS = 6
MOST_CONDITIONS = 12

#: How somebody is, in a word: at half of the hit points or less one is bloodied.
Health = Literal["unhurt", "hurt", "bloodied", "down", "unknown"]


@dataclass(frozen=True, slots=True)
class Member:
    """A character of the party."""

    character_id: str
    name: str
    player: str = ""  # whose it is, where somebody is assigned
    hit_points: HitPoints | None = None  # None: the table does not tell
    hides_points: bool = False  # the stream gets the word and no number
    conditions: tuple[str, ...] = ()


def health(points: HitPoints | None) -> Health:
    """The word for a number of hit points."""
    if points is None or not math.isfinite(points.current) or not 0 < points.maximum < math.inf:
        return "unknown"
    if points.current <= 0:
        return "down"
    if points.current >= points.maximum:
        return "unhurt"
    return "bloodied" if points.current * 2 <= points.maximum else "hurt"


def board(
    members: Iterable[Member], now: datetime | None = None, before: Board | None = None
) -> Board | None:
    """The bar, or None for a party of nobody.

    With `now` and the board that was shown `before`, each member also tells which conditions came or went
    last and when, so that the page can name them for a moment.
    """
    everyone = list(members)
    if not everyone:
        return None
    old = {} if before is None else {member["id"]: member for member in before["members"]}
    return {
        "kind": "party",
        "phase": "live",
        "members": [_member(member, now, old.get(member.character_id)) for member in everyone[:MOST_MEMBERS]],
        "more": max(0, len(everyone) - MOST_MEMBERS),
    }


def _member(member: Member, now: datetime | None, old: Mapping[str, Any] | None) -> dict[str, Any]:
    state = health(member.hit_points)
    conditions = list(dict.fromkeys(member.conditions))[:MOST_CONDITIONS]
    return {
        "id": member.character_id,
        "name": member.name,
        "player": member.player,
        "health": state,
        # A share would tell the number to whoever measures the bar.
        "hit_points": None if member.hides_points or state == "unknown" else _points(member.hit_points),
        "conditions": conditions,
        "news": _news(conditions, now, old),
    }


def _points(points: HitPoints | None) -> dict[str, float] | None:
    if points is None:
        return None
    temporary = points.temporary if math.isfinite(points.temporary) else 0
    return {
        "current": _number(points.current),
        "maximum": _number(points.maximum),
        "temporary": _number(max(0, temporary)),
    }


def _news(
    conditions: list[str], now: datetime | None, old: Mapping[str, Any] | None
) -> dict[str, Any] | None:
    """What changed last among the conditions; None while nothing did."""
    if old is None or now is None:
        return None
    came = [name for name in conditions if name not in old["conditions"]]
    went = [name for name in old["conditions"] if name not in conditions]
    if not came and not went:
        last: dict[str, Any] | None = old["news"]
        return last
    return {"came": came, "went": went, "at": to_wire(now)}


def _number(value: float) -> float:
    return int(value) if value == int(value) else value
