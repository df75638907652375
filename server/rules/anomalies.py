"""What is odd about a roll, beside what does not add up: notes for the game master (reliability T22).

A browser's word is anybody's who sits there. None of these proves anything: clocks are wrong, lines break,
and old messages are passed on late. What repeats a roll under another id is rewarded with nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from server.rules.dice import DiceRoll
from server.rules.dice_json import to_json

Anomaly: TypeAlias = Literal["late", "out_of_order", "repeated", "changed"]

#: A roll that says it fell longer ago than this was kept back, or comes out of a log.
LATE: Final = timedelta(minutes=2)
#: Messages overtake each other by this much without anybody's doing.
REORDERED: Final = timedelta(seconds=10)


class Seen(NamedTuple):
    """A roll of the same table that came before."""

    instance_id: str
    roll_id: str
    player_name: str
    rolled_at: datetime
    groups: Sequence[Mapping[str, Any]]  # as `dice_json` writes them


def of_new(roll: DiceRoll, received_at: datetime, before: Iterable[Seen]) -> list[Anomaly]:
    """What is odd about a roll that comes for the first time, next to what its table told `before`.

    Only what its sender says about time can be held against it; who says nothing is heard when it comes.
    """
    if roll.rolled_at is None:
        return []
    found: list[Anomaly] = []
    same = [seen for seen in before if seen.instance_id == roll.source.instance_id]
    if received_at - roll.rolled_at > LATE:
        found.append("late")
    if any(seen.rolled_at - roll.rolled_at > REORDERED for seen in same):
        found.append("out_of_order")
    again = [
        seen
        for seen in same
        if seen.rolled_at == roll.rolled_at
        and seen.player_name == roll.actor.player_name
        and seen.roll_id != roll.roll_id
        and any(group["dice"] for group in seen.groups)
    ]
    if again:
        groups = to_json(roll)["groups"]
        if any(list(seen.groups) == groups for seen in again):
            found.append("repeated")
    return found


def of_revision(before: DiceRoll, after: DiceRoll) -> list[Anomaly]:
    """What is odd about a revision: that the dice, or what they come to, are others now."""
    is_other = (before.total, before.groups) != (after.total, after.groups)
    return ["changed"] if is_other and any(group.dice for group in before.groups) else []
