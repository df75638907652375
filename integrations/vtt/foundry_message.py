"""Foundry VTT: a stored chat message and the rolls in it (platforms/vtt.md §2.2, §2.3).

Who may see a roll is decided from `whisper` and `blind` alone; a message that lacks either is secret.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, NoReturn

from integrations.vtt.foundry_terms import notation_of, options_of, read_terms
from integrations.vtt.reading import (
    NotARoll,
    Reading,
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
from server.rules.dice import Actor, DiceRoll, Group, Kind, Mode, Outcome, Source, Visibility

_MOST_ROLLS: Final = 64  # in one message
_LONGEST_JSON: Final = 65_536


def read(message: object, received_at: datetime, world_id: str = "foundry") -> Reading:
    """The rolls of a ChatMessage.

    A message does not say which world it is from: `world_id` is that of who sent it, or the message's
    `worldId` where a bridge added one.
    """
    try:
        whole_message = mapping(message, "the message")
        world = identifier(whole_message.get("worldId", world_id), "worldId")
        message_id = identifier(whole_message.get("_id"), "_id")
        rolls = sequence(whole_message.get("rolls"), "rolls", _MOST_ROLLS)
    except NotARoll as reason:
        return Reading((), (str(reason),))
    if not rolls:
        return Reading((), ("the message holds no roll",))
    source = Source("foundry", world, ref=message_id)
    return each(lambda item: _roll(whole_message, source, received_at, *item), list(enumerate(rolls)))


def _roll(
    message: Mapping[str, Any], source: Source, received_at: datetime, index: int, entry: object
) -> DiceRoll:
    roll = _decoded(entry)
    if roll.get("evaluated") is False:
        raise NotARoll("the roll has not been thrown yet")
    formula = formula_of(roll.get("formula"))
    if not formula:
        raise NotARoll("formula is missing")
    terms = read_terms(roll.get("terms"))
    options = options_of(roll)
    label = plain(message.get("flavor"), 140)
    of_roll = plain(options.get("flavor"), 140)
    return DiceRoll(
        roll_id=joined_id(source.instance_id, source.ref, str(index)),
        source=source,
        actor=_actor(message),
        visibility=_visibility(message),
        notation=notation_of(formula),
        groups=terms.groups,
        modifiers=terms.modifiers,
        total=number(roll.get("total")),
        rolled_at=said_at(message.get("timestamp"), received_at),
        label=label or of_roll,
        kind=_kind(message, roll, f"{of_roll} {label}"),
        mode=_MODES.get(whole(options.get("advantageMode"), -1, 1) or 0, "normal"),
        notation_native=formula,
        successes=terms.successes,
        outcome=_outcome(message, options, terms.groups),
    )


_MODES: Final[Mapping[int, Mode]] = MappingProxyType({1: "advantage", -1: "disadvantage"})


def _decoded(entry: object) -> Mapping[str, Any]:
    """A roll, which the stored message holds as JSON text and the live one as an object."""
    if isinstance(entry, str):
        if len(entry) > _LONGEST_JSON:
            raise NotARoll(f"the roll is longer than {_LONGEST_JSON} characters")
        try:
            entry = json.loads(entry, parse_constant=_no_number)
        except (ValueError, RecursionError):
            raise NotARoll("the roll is not valid JSON") from None
    return mapping(entry, "the roll")


def _no_number(text: str) -> NoReturn:
    raise ValueError(text)


def _visibility(message: Mapping[str, Any]) -> Visibility:
    """From `whisper` and `blind`, never from the name of a mode; what is unclear is secret (fact 4)."""
    whisper, blind = message.get("whisper"), message.get("blind")
    if blind is True:
        return "blind"
    if blind is not False or not isinstance(whisper, list):
        return "gm_only"
    if not whisper:
        return "public"
    return "self" if whisper == [_author_id(message)] else "gm_only"


def _author_id(message: Mapping[str, Any]) -> str:
    author = message.get("author", message.get("user"))  # `user` before version 12
    return _id(author.get("_id", author.get("id")) if isinstance(author, dict) else author)


def _id(value: object) -> str:
    try:
        return identifier(value, "")
    except NotARoll:
        return ""


def _actor(message: Mapping[str, Any]) -> Actor:
    author = message.get("author", message.get("user"))
    speaker = message.get("speaker")
    speaker = speaker if isinstance(speaker, dict) else {}
    character = plain(speaker.get("alias"), 64)
    player = plain(author.get("name"), 64) if isinstance(author, dict) else ""
    author_id = _author_id(message)
    return Actor(
        # A stored message holds the id of its author only; the character's name says more to people.
        player_name=player or character or plain(author_id, 64) or "Foundry",
        player_id=author_id,
        character_name=character,
        character_id=_id(speaker.get("actor")),
    )


#: What systems call a roll, without what is no letter.
KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        **dict.fromkeys(("attack", "attackroll", "spellattackroll"), "attack"),
        **dict.fromkeys(("damage", "damageroll"), "damage"),
        **dict.fromkeys(("heal", "healing", "hitdie", "hitdice"), "healing"),
        **dict.fromkeys(
            ("ability", "abilitycheck", "check", "tool", "toolcheck", "perceptioncheck"), "check"
        ),
        **dict.fromkeys(("save", "savingthrow"), "save"),
        **dict.fromkeys(("skill", "skillcheck"), "skill"),
        "initiative": "initiative",
        **dict.fromkeys(("death", "deathsave", "deathsavingthrow"), "death_save"),
        "table": "table",
    }
)
_SPOKEN: Final[Sequence[tuple[str, Kind]]] = (
    ("death sav", "death_save"),
    ("saving throw", "save"),
    ("attack roll", "attack"),
    ("damage roll", "damage"),
    ("initiative", "initiative"),
    ("skill check", "skill"),
    ("ability check", "check"),
)


def kind_of(value: object) -> Kind | None:
    """A kind by the name that a system has for it; None for one that we do not know."""
    return KINDS.get(re.sub("[^a-z]", "", value[:64].lower())) if isinstance(value, str) else None


def _kind(message: Mapping[str, Any], roll: Mapping[str, Any], words: str) -> Kind:
    """By the flags of the systems that we know; else by the class of the roll; else by its English words."""
    found = kind_of(_flag(message, "dnd5e", "roll", "type")) or kind_of(
        _flag(message, "pf2e", "context", "type")
    )
    if found:
        return found
    if isinstance(name := roll.get("class"), str) and name.endswith("DamageRoll"):
        return "damage"
    spoken = words.lower()
    return next((kind for said, kind in _SPOKEN if said in spoken), "custom")


def _flag(message: Mapping[str, Any], *path: str) -> object:
    """One value of `flags`, which hold whatever modules like and are not looked at further."""
    value: object = message.get("flags")
    for part in path:
        value = value.get(part) if isinstance(value, dict) else None
    return value


_DEGREES: Final = (
    Outcome(False, True, False),
    Outcome(False, False, False),
    Outcome(False, False, True),
    Outcome(True, False, True),
)
_PF2E: Final = ("criticalFailure", "failure", "success", "criticalSuccess")


def _outcome(message: Mapping[str, Any], options: Mapping[str, Any], groups: Sequence[Group]) -> Outcome:
    """What the system says. `options.critical` is yes or no of damage, and a face of the d20 of a check."""
    degree = whole(options.get("degreeOfSuccess"), 0, 3)
    named = _flag(message, "pf2e", "context", "outcome")
    if degree is None and isinstance(named, str) and named in _PF2E:
        degree = _PF2E.index(named)
    if degree is not None:
        return _DEGREES[degree]
    critical, fumble = options.get("critical"), options.get("fumble")
    if isinstance(options.get("isCritical"), bool):
        critical = options["isCritical"]
    twenties = [die.value for group in groups if group.sides == 20 for die in group.kept]
    face = twenties[0] if len(twenties) == 1 else None
    return Outcome(
        critical=_reached(critical, face, 1),
        fumble=_reached(fumble, face, -1),
        target=number(options.get("target")),
    )


def _reached(limit: object, face: int | None, direction: int) -> bool | None:
    if isinstance(limit, bool):
        return limit
    found = number(limit)
    return None if found is None or face is None else face * direction >= found * direction
