"""Hit points and conditions in what a table sends of a character, whatever its game system calls them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from server.rules.character import Json
from server.rules.combat import HitPoints

#: Where systems keep them: the published module's own place first.
_PLACES = (
    ("hp",),
    ("attributes", "hp"),
    ("health",),
    ("wounds",),
    ("status", "wounds"),
    ("hitpoints",),
)
_CURRENT, _MAXIMUM, _TEMPORARY = ("current", "value"), ("max", "maximum"), ("temp", "temporary")
MOST_CONDITIONS = 12
_LONGEST = 32


def points(stats: Json) -> HitPoints | None:
    """What a character has left; None where the system tells none, or in words that are not known."""
    for place in _PLACES:
        found: Any = stats
        for key in place:
            found = found.get(key) if isinstance(found, Mapping) else None
        if isinstance(found, Mapping):
            current, maximum = _number(found, _CURRENT), _number(found, _MAXIMUM)
            if current is not None and maximum is not None:
                return HitPoints(current, maximum, _number(found, _TEMPORARY) or 0)
    return None


def _number(of: Mapping[str, Any], names: tuple[str, ...]) -> float | None:
    for name in names:
        value = of.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            return value
    return None


def conditions(stats: Json) -> tuple[str, ...] | None:
    """The names of what a character suffers from; None where the system does not tell."""
    found = stats.get("conditions") if isinstance(stats, Mapping) else None
    if not isinstance(found, list | tuple):
        return None
    names = (one.get("name") if isinstance(one, Mapping) else one for one in found)
    clean = (" ".join(name.split())[:_LONGEST].strip() for name in names if isinstance(name, str))
    return tuple(dict.fromkeys(name for name in clean if name))[:MOST_CONDITIONS]


def to_json(of: HitPoints | None) -> list[float] | None:
    return None if of is None else [of.current, of.maximum, of.temporary]


def from_json(found: list[float] | None) -> HitPoints | None:
    return None if found is None else HitPoints(*found)
