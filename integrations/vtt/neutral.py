"""`hubbub.dice_roll/1`: rolls in our own form, from senders that were written for us (platforms/vtt.md §9.1).

The one strict reader: its senders can be mended, so whatever breaks a rule of a field is refused, with the
place of the field, and numbers must be numbers. Text for people is cleaned and cut instead, and fields that
we do not know are ignored and counted. Optional fields may be null, which is the same as absent.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, get_args

from integrations.vtt.neutral_fields import FieldError, Fields
from integrations.vtt.reading import (
    LARGEST_NUMBER,
    NotARoll,
    Reading,
    https,
    identifier,
    number,
    plain,
    whole,
)
from server.rules import dice
from server.rules.dice import Actor, DiceRoll, Die, Group, Modifier, Outcome, Sides, Source
from server.rules.wiretime import from_wire

SCHEMA: Final = "hubbub.dice_roll/1"
MOST_ROLLS: Final = 20
_HIGHEST_REVISION: Final = 2**31 - 1
_MOST_META: Final = 4_096  # bytes of its compact JSON
_MOST_AHEAD: Final = timedelta(seconds=60)

_TOP = frozenset(
    {
        *("schema", "roll_id", "source", "rolled_at", "actor", "label", "kind", "damage_type"),
        *("parent_roll_id", "revision", "visibility", "whisper_to", "redact", "mode", "notation"),
        *("notation_native", "groups", "modifiers", "total", "successes", "outcome", "verified", "meta"),
    }
)


@dataclass(frozen=True, slots=True)
class Rejected:
    """A roll that was refused; `index` is its place in the batch, 0 for a single one."""

    index: int
    errors: tuple[FieldError, ...]


@dataclass(frozen=True, slots=True)
class Neutral:
    """What a message holds: the rolls, those that were refused, and how many keys nobody knows.

    `errors` is about the message as a whole: no rolls could be looked for in it.
    """

    reading: Reading
    rejected: tuple[Rejected, ...] = ()
    errors: tuple[FieldError, ...] = ()
    unknown_keys: int = 0


def read(message: object, received_at: datetime) -> Neutral:
    """One roll, or `{"rolls": [1…20]}`, each judged by itself (acceptance fact 14)."""
    if not (isinstance(message, dict) and "rolls" in message):
        return _read([message], "", received_at, 0)
    rolls = message["rolls"]
    if not isinstance(rolls, list) or not 1 <= len(rolls) <= MOST_ROLLS:
        wrong = FieldError("/rolls", f"must be a list of 1 to {MOST_ROLLS} rolls")
        return Neutral(Reading((), (_sentence([wrong]),)), errors=(wrong,))
    return _read(rolls, "/rolls/", received_at, len(message) - 1)


def _read(items: Sequence[object], prefix: str, received_at: datetime, unknown: int) -> Neutral:
    rolls, reasons, rejected = [], [], []
    for index, item in enumerate(items):
        errors: list[FieldError] = []
        roll = _roll(Fields(item, f"{prefix}{index}" if prefix else "", errors), received_at)
        if errors:
            reasons.append(_sentence(errors))
            rejected.append(Rejected(index, tuple(errors)))
        else:
            rolls.append(roll)
        if isinstance(item, dict):
            unknown += sum(key not in _TOP for key in item)
    return Neutral(Reading(tuple(rolls), tuple(reasons)), tuple(rejected), (), unknown)


def _sentence(errors: Sequence[FieldError]) -> str:
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{errors[0].path or '/'} {errors[0].message}{more}"


def _roll(fields: Fields, received_at: datetime) -> DiceRoll:
    fields.choice("schema", (SCHEMA,))
    _check_meta(fields)
    visibility = _visibility(fields.raw("visibility"))
    whisper_to = _whisper_to(fields)
    if whisper_to and visibility == "public":
        # Who names listeners does not mean everybody.
        fields.wrong("whisper_to", "goes only with the visibility whisper")
    redact = frozenset(_redactions(fields))
    groups = _groups(fields)
    symbolic = any(group.sides == "custom" or any(die.symbol for die in group.dice) for group in groups)
    total = fields.number("total")
    if not fields.has("total"):
        fields.wrong("total", "is missing")
    elif fields.raw("total") is None and visibility == "public" and not symbolic and "total" not in redact:
        fields.wrong("total", "must be a number unless it is redacted or the dice are symbols")
    return DiceRoll(
        roll_id=fields.code("roll_id", 128, required=True),
        source=_source(fields.inner("source", required=True)),
        actor=_actor(fields.inner("actor", required=True)),
        visibility=visibility,
        notation=fields.code("notation", 256, required=True),
        groups=groups,
        modifiers=tuple(
            Modifier(item.number("value", required=True) or 0, item.text("label", 32))
            for item in fields.each("modifiers", dice.MOST_MODIFIERS)
        ),
        total=total,
        rolled_at=_rolled_at(fields, received_at),
        revision=fields.whole("revision", 1, _HIGHEST_REVISION) or 1,
        label=fields.text("label", 140),
        kind=fields.choice("kind", get_args(dice.Kind), "custom"),
        damage_type=fields.text("damage_type", 32),
        parent_roll_id=fields.code("parent_roll_id", 128),
        mode=fields.choice("mode", get_args(dice.Mode), "normal"),
        redact=redact,
        whisper_to=whisper_to if visibility == "whisper" else (),
        notation_native=fields.code("notation_native", 512),
        successes=fields.whole("successes", -LARGEST_NUMBER, LARGEST_NUMBER),
        outcome=_outcome(fields.inner("outcome")),
    )


def _visibility(value: object) -> dice.Visibility:
    """Missing or unknown is secret (acceptance fact 4)."""
    known: tuple[dice.Visibility, ...] = get_args(dice.Visibility)
    return next((one for one in known if one == value), "gm_only")


def _source(fields: Fields) -> Source:
    return Source(
        system=fields.choice("system", get_args(dice.System)),
        instance_id=fields.code("instance_id", 128, required=True),
        adapter=fields.text("adapter", 64),
        ref=fields.code("ref", 256),
    )


def _actor(fields: Fields) -> Actor:
    avatar = fields.code("avatar_url", 512)
    if avatar and not https(avatar):
        fields.wrong("avatar_url", "must be an https address")
    return Actor(
        player_name=fields.text("player_name", 64, required=True),
        player_id=fields.code("player_id", 128),
        character_name=fields.text("character_name", 64),
        # Beyond §9.1: without it a roll could be given to a character by its name only.
        character_id=fields.code("character_id", 128),
        avatar_url=avatar,
        is_gm=fields.flag("is_gm") or False,
    )


def _groups(fields: Fields) -> tuple[Group, ...]:
    found, left = [], dice.MOST_DICE
    for group in fields.each("groups", dice.MOST_GROUPS, required=True):
        sides = _sides(group)
        fallen = group.items("dice", dice.MOST_DICE, required=True)
        left -= len(fallen)
        if left < 0:
            group.wrong("dice", f"makes more than {dice.MOST_DICE} dice in one roll")
            break
        group.number("subtotal")  # ours is the sum of what is kept
        found.append(
            Group(
                sides=sides,
                count=group.whole("count", 0, 1_000, required=True) or 0,
                dice=tuple(_die(group, at, die, sides) for at, die in enumerate(fallen)),
                sign=group.choice("sign", (1, -1), 1),
                label=group.text("label", 32),
            )
        )
    return tuple(found)


def _sides(group: Fields) -> Sides:
    value = group.raw("sides")
    if value == "F":
        return "F"
    if value == "custom":
        return "custom"
    sides = whole(value, 1, dice.LARGEST_SIDES)
    if sides is None:
        group.wrong("sides", f'must be a whole number from 1 to {dice.LARGEST_SIDES}, "F" or "custom"')
    return sides or 1


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _index(value: object) -> int | None:
    return whole(value, 0, LARGEST_NUMBER)


def _symbol(value: object) -> str | None:
    return plain(value, 32) if isinstance(value, str) else None


def _state(value: object) -> str | None:
    return value if isinstance(value, str) and value in ("kept", "dropped", "rerolled") else None


def _face(value: object) -> int | None:
    if type(value) is int and -LARGEST_NUMBER <= value <= LARGEST_NUMBER:
        return value
    return whole(value, -LARGEST_NUMBER, LARGEST_NUMBER)


#: How the fields of a die are taken, None for wrong, and what is said then. There may be a thousand dice,
#: and most of their fields are absent: only what is there is looked at.
_DIE: Final[Mapping[str, tuple[Callable[[object], Any], str]]] = {
    "value": (_face, "must be a whole number"),
    "state": (_state, "must be one of kept, dropped, rerolled"),
    "counts_as": (number, "must be a number"),
    **dict.fromkeys(("exploded", "extra", "success", "failure"), (_flag, "must be true or false")),
    **dict.fromkeys(("parent", "replaces"), (_index, "must be a whole number from 0")),
    "symbol": (_symbol, "must be text"),
}


def _die(group: Fields, at: int, value: object, sides: Sides) -> Die:
    if not isinstance(value, dict):
        group.wrong(f"dice/{at}", "must be an object")
        return Die(0)
    taken: dict[str, Any] = {}
    for key, sent in value.items():
        rule = _DIE.get(key)
        if rule is not None and sent is not None:
            found = taken[key] = rule[0](sent)
            if found is None:
                group.wrong(f"dice/{at}/{key}", rule[1])
    for key in ("value", "state"):
        if key not in taken:
            group.wrong(f"dice/{at}/{key}", "is missing")
            taken[key] = None
    if sides == "F" and taken["value"] not in (-1, 0, 1, None):
        group.wrong(f"dice/{at}/value", "must be a whole number from -1 to 1")
    return Die(**taken)


def _outcome(fields: Fields) -> Outcome:
    return Outcome(
        critical=fields.flag("critical"),
        fumble=fields.flag("fumble"),
        success=fields.flag("success"),
        target=fields.number("target"),
    )


def _whisper_to(fields: Fields) -> tuple[str, ...]:
    try:
        return tuple(identifier(who, "a listener") for who in fields.items("whisper_to", 32))
    except NotARoll as reason:
        fields.wrong("whisper_to", str(reason))
        return ()


def _redactions(fields: Fields) -> list[Any]:
    allowed = get_args(dice.Redaction)
    found = list(fields.items("redact", 16))
    if any(what not in allowed for what in found):
        # To ignore one that we do not know could show what somebody wanted to hide.
        fields.wrong("redact", "must only hold " + ", ".join(allowed))
        return []
    return found


def _rolled_at(fields: Fields, received_at: datetime) -> datetime | None:
    text = fields.code("rolled_at", 40)
    if not text:
        return None
    try:
        moment = from_wire(text)
    except ValueError as error:
        fields.wrong("rolled_at", f"is {error}")
        return None
    if moment > received_at + _MOST_AHEAD:
        fields.wrong("rolled_at", "is more than 60 s in the future")
    return moment


def _check_meta(fields: Fields) -> None:
    """Never shown and never kept; only its size is looked at."""
    meta = fields.raw("meta")
    if meta is None:
        return
    if not isinstance(meta, dict):
        fields.wrong("meta", "must be an object")
        return
    try:
        text = json.dumps(meta, ensure_ascii=False, separators=(",", ":"))
        fits = len(text.encode("utf-8", "surrogatepass")) <= _MOST_META
    except (RecursionError, ValueError, TypeError):  # deeper than can be written, or no JSON at all
        fits = False
    if not fits:
        fields.wrong("meta", f"must be at most {_MOST_META} bytes")
