"""The initiative list: who is at turn, who follows, and never how healthy a monster is (widgets.md §7)."""

from __future__ import annotations

import math
from collections.abc import Collection
from datetime import datetime
from typing import Any

from server.rules.changes import Board
from server.rules.combat import Combat, Combatant
from server.rules.wiretime import to_wire

MOST_ROWS = 7


def board(
    combat: Combat | None,
    now: datetime | None = None,
    before: Board | None = None,
    *,
    concealed: Collection[str],
) -> Board | None:
    """The list around the one at turn; None without a fight or in an empty one.

    Of those whose ids are `concealed` only the place in the order is told. With `now` and the board that was
    shown `before`, it also tells since when this turn goes on.
    """
    if combat is None or not combat.combatants:
        return None
    shown, first = _window(combat)
    rows = [
        _row(one, at, combat.current_id, concealed=one.combatant_id in concealed)
        for at, one in enumerate(shown, first)
    ]
    return {
        "kind": "initiative",
        "phase": "live" if combat.round else "waiting",
        "combat_id": combat.combat_id,
        "round": combat.round,
        "rows": rows,
        "above": first,
        "below": len(combat.combatants) - first - len(shown),
        "turn_at": _since(rows, combat, now, before),
    }


def _window(combat: Combat) -> tuple[tuple[Combatant, ...], int]:
    """At most seven rows in the order of turns, and how many stand before them.

    One who has just acted is still seen above the one at turn.
    """
    order = combat.combatants
    current = combat.current
    if len(order) <= MOST_ROWS:
        return order, 0
    at = order.index(current) if current is not None else 0
    first = min(max(0, at - 1), len(order) - MOST_ROWS)
    return order[first : first + MOST_ROWS], first


def _row(combatant: Combatant, at: int, current_id: str, *, concealed: bool) -> dict[str, Any]:
    return {
        # The table's id would tell who of those that were seen before it is.
        "id": f"concealed:{at}" if concealed else combatant.combatant_id,
        "name": None if concealed else combatant.name,
        "character_type": None if concealed else combatant.character_type,
        "initiative": None if concealed else _number(combatant.initiative),
        "current": combatant.combatant_id == current_id,
        "defeated": combatant.defeated and not concealed,
    }


def _since(
    rows: list[dict[str, Any]], combat: Combat, now: datetime | None, before: Board | None
) -> str | None:
    """When this turn began, as far as boards tell."""
    turn = (combat.combat_id, combat.round, [row["id"] for row in rows if row["current"]])
    if before is not None:
        was = (before["combat_id"], before["round"], [row["id"] for row in before["rows"] if row["current"]])
        if was == turn:
            last: str | None = before["turn_at"]
            return last
    return None if now is None else to_wire(now)


def _number(value: float | None) -> float | None:
    """Initiative as it is said at the table: 17, or 17.5 where a tie was broken by a half."""
    if value is None or not math.isfinite(value):
        return None
    return int(value) if value == int(value) else round(value, 2)
