"""A roll as plain JSON and back: how it is kept. What is as usual is left out, so that rows stay small."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any

from server.rules.dice import Actor, DiceRoll, Die, Group, Modifier, Outcome, Source

#: By name, what a die is when nothing is said.
_USUAL_DIE = {field.name: field.default for field in fields(Die) if field.name != "value"}
_PLAIN = (
    *("label", "kind", "damage_type", "parent_roll_id", "mode", "notation_native", "successes", "verified"),
    *("total", "revision"),
)
_USUAL = {field.name: field.default for field in fields(DiceRoll) if field.name in _PLAIN}


def to_json(roll: DiceRoll) -> dict[str, Any]:
    """All of a roll but the moment it was made, which its row has."""
    source, actor, outcome = roll.source, roll.actor, roll.outcome
    found: dict[str, Any] = {
        "roll_id": roll.roll_id,
        "source": [source.system, source.instance_id, source.adapter, source.ref],
        "actor": [
            *(actor.player_name, actor.player_id, actor.character_name, actor.character_id),
            *(actor.avatar_url, actor.is_gm),
        ],
        "visibility": roll.visibility,
        "notation": roll.notation,
        "groups": [_group(group) for group in roll.groups],
    }
    for name in _PLAIN:
        value = getattr(roll, name)
        if value != _USUAL[name]:
            found[name] = value
    if roll.modifiers:
        found["modifiers"] = [[one.value, one.label] for one in roll.modifiers]
    if roll.redact:
        found["redact"] = sorted(roll.redact)
    if roll.whisper_to:
        found["whisper_to"] = list(roll.whisper_to)
    if outcome != Outcome():
        found["outcome"] = [outcome.critical, outcome.fumble, outcome.success, outcome.target]
    return found


def _group(group: Group) -> dict[str, Any]:
    found: dict[str, Any] = {
        "sides": group.sides,
        "count": group.count,
        "dice": [_die(die) for die in group.dice],
    }
    if group.sign != 1:
        found["sign"] = group.sign
    if group.label:
        found["label"] = group.label
    return found


def _die(die: Die) -> int | dict[str, Any]:
    """A kept die without more is its face alone."""
    more = {name: value for name, usual in _USUAL_DIE.items() if (value := getattr(die, name)) != usual}
    return {"value": die.value, **more} if more else die.value


def from_json(found: Mapping[str, Any], rolled_at: datetime | None = None) -> DiceRoll:
    """The roll that `to_json` was given."""
    return DiceRoll(
        roll_id=found["roll_id"],
        source=Source(*found["source"]),
        actor=Actor(*found["actor"]),
        visibility=found["visibility"],
        notation=found["notation"],
        groups=tuple(
            Group(
                group["sides"],
                group["count"],
                tuple(Die(die) if isinstance(die, int) else Die(**die) for die in group["dice"]),
                group.get("sign", 1),
                group.get("label", ""),
            )
            for group in found["groups"]
        ),
        modifiers=tuple(Modifier(*one) for one in found.get("modifiers", ())),
        rolled_at=rolled_at,
        redact=frozenset(found.get("redact", ())),
        whisper_to=tuple(found.get("whisper_to", ())),
        outcome=Outcome(*found.get("outcome", ())),
        **{name: found[name] for name in _PLAIN if name in found},
    )
