"""What may leave the server of a roll: the die on stream, or that a secret roll happened.

This is the only place that makes rolls into what pages get. Nothing of a roll that is not public passes
(platforms/vtt.md §11, facts 3 and 4), nothing that was redacted, and nothing from which either follows.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from server.rules.criticality import Verdict
from server.rules.dice import DiceRoll, Die, Group, inconsistencies
from server.rules.sealed import Seal

_LABEL = re.compile(r"\[[^\[\]]*\]")

#: More dice than this are told as a sum (platforms/vtt.md §11, fact 8).
MOST_DRAWN = 40


def public_view(roll: DiceRoll, verdict: Verdict | None, *, view_id: str = "") -> Mapping[str, Any] | None:
    """The roll for everybody, in plain JSON types; None for a secret roll.

    `view_id` names the roll on stream, for one that was shown as a secret and is revealed; without one its
    own id does. Left out on purpose: the number to reach (often the game master's secret), the picture of the
    character (a stranger's address), the id of the attack that damage belongs to (may be of a secret roll).
    """
    if roll.is_secret:
        return None
    hides_label = "label" in roll.redact or _names_character(roll, roll.label)
    hides_value = not roll.redact.isdisjoint({"dice", "total"})
    return {
        "type": "dice.roll",
        "id": view_id or roll.roll_id,
        "revision": roll.revision,
        # Tabletops that know no players send the character's name twice.
        "player_name": "" if _names_character(roll, roll.actor.player_name) else roll.actor.player_name,
        "character_name": "" if "character_name" in roll.redact else roll.actor.character_name,
        "is_gm": roll.actor.is_gm,
        # What was rolled for follows from the kind, and often from the names of groups and modifiers.
        "label": "" if hides_label else roll.label,
        "kind": "custom" if hides_label else roll.kind,
        "damage_type": "" if hides_label else roll.damage_type,
        "mode": "normal" if "dice" in roll.redact else roll.mode,
        # One of dice and total follows from the other, the notation and the modifiers.
        "notation": "" if hides_value else _without_labels(roll.notation) if hides_label else roll.notation,
        "groups": [] if "dice" in roll.redact else _groups(roll, hides_label, hides_value),
        "modifiers": []
        if hides_value
        else [
            {"value": _number(modifier.value), "label": "" if hides_label else modifier.label}
            for modifier in roll.modifiers
        ],
        "total": None if "total" in roll.redact else _number(roll.total),
        "successes": None if hides_value else roll.successes,
        "success": None if hides_value else roll.outcome.success,
        "critical": None if hides_value or verdict is None else _critical(verdict, hides_label),
        "verified": roll.verified,
        "inconsistent": not hides_value and bool(inconsistencies(roll)),
    }


def secret_notice(roll: DiceRoll, view_id: str, seal: Seal | None = None) -> Mapping[str, Any] | None:
    """That a secret roll happened, and no word of which; None for a public roll.

    `view_id` is random and says nothing: the tabletop's own id could be looked up there. With a seal, the
    first characters of its commitment, from which the value cannot be guessed.
    """
    if not roll.is_secret:
        return None
    notice = {"type": "dice.secret", "id": view_id}
    return notice if seal is None else {**notice, "seal": seal.shown}


def _names_character(roll: DiceRoll, text: str) -> bool:
    """Whether `text` tells the character's name that was to be left out."""
    name = roll.actor.character_name.casefold().strip()
    return "character_name" in roll.redact and bool(name) and name in text.casefold()


def _without_labels(notation: str) -> str:
    """`1d8[fire]+3` without what stands in brackets; nothing where brackets do not pair."""
    plain = _LABEL.sub("", notation)
    return "" if "[" in plain or "]" in plain else plain


def _groups(roll: DiceRoll, hides_label: bool, hides_value: bool) -> list[dict[str, Any]]:
    """The first 40 dice over all groups, and of each group how many more there are and what they add."""
    views = []
    room = MOST_DRAWN
    for group in roll.groups:
        drawn, rest = group.dice[:room], group.dice[room:]
        room -= len(drawn)
        added = group.sign * math.fsum(die.worth for die in rest if die.state == "kept")
        views.append(
            {
                "sides": group.sides,
                "sign": group.sign,
                "label": "" if hides_label else group.label,
                "dice": [_die(die, group, len(drawn), hides_value) for die in drawn],
                "more": {"count": len(rest), "sum": None if hides_value else _number(added)}
                if rest
                else None,
            }
        )
    return views


def _die(die: Die, group: Group, drawn: int, hides_value: bool) -> dict[str, Any]:
    """One die. Parents and replaced dice are indexes among the dice drawn, None for one that is not drawn."""
    return {
        "value": die.value,
        "state": die.state,
        "exploded": die.exploded,
        "extra": die.extra,
        "parent": die.parent if die.parent is not None and 0 <= die.parent < drawn else None,
        "replaces": die.replaces if die.replaces is not None and 0 <= die.replaces < drawn else None,
        "success": die.success and not hides_value,
        "failure": die.failure and not hides_value,
        "symbol": die.symbol,
        "highest": die.value == (1 if group.sides == "F" else group.sides),
    }


def _critical(verdict: Verdict, hides_label: bool) -> dict[str, str]:
    """A verdict without the rule that made it and its description, which are the game master's business.

    "Critical injury" would tell a damage roll whose label was to be left out.
    """
    return {
        "type": verdict.type,
        "severity": verdict.severity,
        "label": "" if hides_label else verdict.label,
        "category": "" if hides_label else verdict.category,
    }


def _number(value: float | None) -> float | None:
    """Whole numbers without a point; None for what JSON cannot say."""
    if value is None or not math.isfinite(value):
        return None
    return int(value) if value == int(value) else value
