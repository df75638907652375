"""A card that is shown for a while: so far, who rolls luckiest."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from server.rules.changes import Board
from server.rules.fairness import Luck
from server.rules.wiretime import to_wire

#: widgets.md §7: 6 seconds and 20 ms for each character to be read.
LEAST_SHOWN = timedelta(seconds=6)
PER_CHARACTER = timedelta(milliseconds=20)
#: What the page says besides the name, in characters.
_SENTENCE = 60


def luck_card(luck: Luck, now: datetime) -> Board:
    """The luckiest roller. `title` and `line` are left to the page, which knows the viewers' language.

    `luck` must come from public rolls alone.
    """
    return {
        "kind": "card",
        "phase": "shown",
        "style": "luck",
        "title": "",
        "name": luck.name,
        "line": "",
        "figures": {"dice": luck.count, "luckier_than": _percent(luck.z)},
        "starts_at": to_wire(now),
        "ends_at": to_wire(leaves_at(luck, now)),
    }


def leaves_at(luck: Luck, now: datetime) -> datetime:
    """When the card that is shown from `now` on leaves."""
    return now + LEAST_SHOWN + PER_CHARACTER * (len(luck.name) + _SENTENCE)


def _percent(deviations: float) -> int:
    """Of a hundred players with fair dice, how many are less lucky; never all of them."""
    return min(99, int(50 * (1 + math.erf(deviations / math.sqrt(2)))))
