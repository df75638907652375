"""Foundry VTT: the JSON of event-hooker modules, one event or a batch a minute (platforms/vtt.md §2.3).

Such an event says neither who may see the roll nor its id. Unless the sender's owner vouches for it (or a
mode is told), a roll is secret; and what names it is a digest of what fell, to whom and when, because one
client sends it once and a repeated delivery says the same.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from integrations.vtt.foundry_message import kind_of
from integrations.vtt.foundry_roll import Asked, fallen, simple
from integrations.vtt.foundry_terms import notation_of
from integrations.vtt.reading import (
    LARGEST_NUMBER,
    NotARoll,
    Reading,
    bounded,
    each,
    formula_of,
    identifier,
    joined_id,
    mapping,
    number,
    plain,
    said_at,
    sequence,
    whole,
)
from server.rules.dice import (
    LARGEST_SIDES,
    MOST_DICE,
    MOST_GROUPS,
    Actor,
    DiceRoll,
    Die,
    Group,
    Kind,
    Sides,
    Source,
    Visibility,
)

_MOST_EVENTS: Final = 100  # a minute of a busy table
_MODES: Final[Mapping[object, Visibility]] = MappingProxyType(
    {"publicroll": "public", "gmroll": "gm_only", "blindroll": "blind", "selfroll": "self"}
)
#: The end of an event's name where `kind_of` does not know it.
_KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {"AbilityTest": "check", "AbilitySave": "save", "Initiative": "initiative"}
)


def read(message: object, received_at: datetime, visibility: Visibility = "gm_only") -> Reading:
    """The rolls of one event, of a list of events, or of `{"events": [...]}`.

    `visibility` is that of rolls which do not tell theirs.
    """
    events = message.get("events", [message]) if isinstance(message, dict) else message
    try:
        found = sequence(events, "the batch", _MOST_EVENTS)
    except NotARoll as reason:
        return Reading((), (str(reason),))
    if not found:
        return Reading((), ("the batch holds no event",))
    read_all = each(lambda event: _roll(mapping(event, "the event"), received_at, visibility), found)
    # The same event twice in one batch is a repeated delivery.
    return Reading(tuple({roll.roll_id: roll for roll in read_all.rolls}.values()), read_all.reasons)


def _roll(event: Mapping[str, Any], received_at: datetime, otherwise: Visibility) -> DiceRoll:
    roll = mapping(event.get("roll"), "roll")
    world = identifier(mapping(event.get("world"), "world").get("id"), "world.id")
    formula = formula_of(roll.get("formula"))
    if not formula:
        raise NotARoll("roll.formula is missing")
    parts = simple(formula)
    groups = _groups(roll.get("dice"), () if parts is None else parts.dice)
    total = number(roll.get("total"))
    actor = _actor(event.get("actor"))
    made = DiceRoll(
        roll_id=joined_id(world, _digest(event, [actor.character_id, formula, total, *_fell(groups)])),
        source=Source("foundry", world, adapter="event-hooker"),
        actor=actor,
        visibility=_visibility(event.get("context"), otherwise),
        notation=notation_of(formula),
        groups=groups,
        modifiers=() if parts is None else parts.modifiers,
        total=total,
        rolled_at=said_at(event.get("timestamp"), received_at),
        kind=_kind(event.get("event")),
        notation_native=formula,
    )
    return bounded(iter([made]))[0]


def _groups(value: object, asked: Sequence[Asked]) -> tuple[Group, ...]:
    """Dice as they fell; the formula tells their sign and which of them were dropped, where it is simple."""
    found = []
    entries = [mapping(entry, "dice") for entry in sequence(value, "roll.dice", MOST_GROUPS)]
    for at, entry in enumerate(entries):
        sides: Sides = whole(entry.get("faces"), 1, LARGEST_SIDES) or "custom"
        values = [_face(result) for result in sequence(entry.get("results"), "results of dice", MOST_DICE)]
        if len(asked) == len(entries) and asked[at].sides in (sides, "F"):
            found.append(fallen(asked[at], values))
        else:
            found.append(Group(sides, len(values), tuple(Die(value) for value in values)))
    return tuple(found)


def _face(result: object) -> int:
    value = result.get("result") if isinstance(result, dict) else result
    face = whole(value, -LARGEST_NUMBER, LARGEST_NUMBER)
    if face is None:
        raise NotARoll("a die shows no whole number")
    return face


def _visibility(context: object, otherwise: Visibility) -> Visibility:
    mode = context.get("rollMode") if isinstance(context, dict) else None
    if mode is None:
        return otherwise
    return _MODES.get(mode, "gm_only") if isinstance(mode, str) else "gm_only"


def _kind(value: object) -> Kind:
    """`dnd5e.rollSkill` is a skill; versions of the system end the names with `V2`."""
    name = (
        value[:64].rpartition(".")[2].removeprefix("roll").removesuffix("V2")
        if isinstance(value, str)
        else ""
    )
    return kind_of(name) or _KINDS.get(name, "custom")


def _actor(value: object) -> Actor:
    actor = value if isinstance(value, dict) else {}
    name = plain(actor.get("name"), 64)
    given = actor.get("id")
    return Actor(
        player_name=name or "Foundry",
        character_name=name,
        character_id=identifier(given, "actor.id") if given else "",
    )


def _fell(groups: Sequence[Group]) -> list[object]:
    return [[group.sides, [die.value for die in group.dice]] for group in groups]


def _digest(event: Mapping[str, Any], what: Sequence[object]) -> str:
    name = event.get("event")
    text = json.dumps([name[:64] if isinstance(name, str) else "", number(event.get("timestamp")), *what])
    return hashlib.sha256(text.encode()).hexdigest()[:32]
