"""dddice: a roll of its REST interface, or of the events of a room (vtt.md §3).

Nothing here sets `verified`: dice with `is_user_value` came from the caller, and that the rest came from
dddice itself is known only to who fetched it there with the streamer's key.

A roll with a hidden die is the game master's until all are shown. The event that shows them is a higher
`revision`: how many milliseconds after `created_at` the roll was last changed, plus one; an update counts
one more, because the times are often whole seconds and a die may be shown within the first.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache, partial
from typing import Any, Final, NamedTuple

from integrations.vtt.reading import (
    NotARoll,
    Reading,
    bounded,
    formula_of,
    identifier,
    mapping,
    named,
    number,
    plain,
    reading,
    sequence,
    whole,
)
from server.rules.dice import (
    LARGEST_SIDES,
    MOST_DICE,
    MOST_GROUPS,
    MOST_MODIFIERS,
    Actor,
    DiceRoll,
    Die,
    DieState,
    Group,
    Mode,
    Modifier,
    Sides,
    Source,
    Visibility,
)
from server.rules.notation_native import best, from_dddice
from server.rules.wiretime import from_wire

_MOST_AHEAD: Final = timedelta(seconds=60)
_LONGEST_TEXT: Final = 65_536
#: Symbols are text for people and each is cleaned; narrative pools have tens of dice.
_MOST_SYMBOLS: Final = 100
_LARGEST_REVISION: Final = 2**31 - 1
_NUMBER = re.compile(r"[+-]?[0-9]{1,15}(?:\.[0-9]{1,6})?", re.ASCII)
_TENS = re.compile(r"[0-9]?0", re.ASCII)
_KEEP = re.compile(r"([hl])([0-9]{0,4})", re.ASCII)

# Dice are frozen and there are few different ones; making one costs seven times as much as finding it.
_die = lru_cache(maxsize=4096)(Die)


class _Value(NamedTuple):
    """One entry of `values`."""

    type: str
    value: int
    display: str  # "" where it is a picture
    dropped: bool
    hidden: bool
    label: str


def read(message: object, received_at: datetime) -> Reading:
    """The roll of `RollCreateEvent` or `RollUpdateEvent` (`{"event": …, "data": …}`, data also as JSON text),
    of a REST answer (`{"data": …}`), or as it is. Anything else is a reason."""
    return reading(lambda: bounded(iter([_roll(*_unwrapped(message), received_at)])))


def _unwrapped(message: object) -> tuple[str, Mapping[str, Any]]:
    """The name of the event, "" without one, and the roll. Raises NotARoll."""
    event, found = "", message
    for _ in range(4):  # the event, its data, the roll in it
        outer = mapping(_decoded(found), "the message")
        if isinstance(outer.get("event"), str):
            event = outer["event"][:128].rpartition("\\")[2]
        if event.endswith("RollDeleteEvent"):
            raise NotARoll("the roll was deleted")
        if "uuid" in outer and "values" in outer:
            return event, outer
        found = outer.get("data", outer.get("roll"))
        if found is None:
            break
    raise NotARoll("no roll of dddice")


def _decoded(value: object) -> object:
    """What JSON text holds; anything else as it is. Raises NotARoll."""
    if not isinstance(value, str):
        return value
    if len(value) > _LONGEST_TEXT:
        raise NotARoll("data is too long")
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        raise NotARoll("data is no JSON") from None


def _roll(event: str, raw: Mapping[str, Any], received_at: datetime) -> DiceRoll:
    uuid = identifier(raw.get("uuid"), "uuid")
    created, updated = _moment(raw, "created_at"), _moment(raw, "updated_at")
    values = _values(raw.get("values"))
    total = _total(raw.get("total_value"))
    operator = raw.get("operator")
    operator = operator if isinstance(operator, dict) else {}
    visibility, whispered = _visibility(raw, values)
    groups, modifiers = _dice(values, total, operator)
    native = formula_of(raw.get("equation"))
    return DiceRoll(
        roll_id=uuid,
        source=Source("dddice", _room(raw.get("room")), ref=plain(raw.get("external_id"), 256)),
        actor=_actor(raw),
        visibility=visibility,
        whisper_to=whispered,
        notation=best(native or _written(groups, modifiers), partial(from_dddice, operator=operator)),
        notation_native=native,
        groups=groups,
        modifiers=modifiers,
        total=total,
        # A clock that is ahead says nothing of when we heard of it.
        rolled_at=None if created is None or created > received_at + _MOST_AHEAD else created,
        revision=_revision(event, created, updated),
        label=plain(raw.get("label"), 140),
        mode=_mode(groups, operator),
    )


def _moment(raw: Mapping[str, Any], name: str) -> datetime | None:
    """A time with an offset, None without one. Raises NotARoll for anything else."""
    text = raw.get(name)
    if text is None:
        return None
    if not isinstance(text, str) or len(text) > 40:
        raise NotARoll(f"{name} is no time")
    try:
        return from_wire(text)
    except ValueError:
        raise NotARoll(f"{name} is no RFC 3339 time with an offset") from None


def _revision(event: str, created: datetime | None, updated: datetime | None) -> int:
    """1 for what was never changed; the module's words say why an update is one more."""
    changed = 0 if created is None or updated is None else round((updated - created).total_seconds() * 1000)
    return min(1 + max(0, changed) + event.endswith("RollUpdateEvent"), _LARGEST_REVISION)


def _values(value: object) -> list[_Value]:
    found: list[_Value] = []
    for raw in sequence(value, "values", MOST_DICE + MOST_MODIFIERS):
        entry = mapping(raw, "an entry of values")
        kind, face = entry.get("type"), entry.get("value")
        if type(face) is not int or not -LARGEST_SIDES <= face <= LARGEST_SIDES:
            face = whole(face, -LARGEST_SIDES, LARGEST_SIDES)
        if not isinstance(kind, str) or not 0 < len(kind) <= 64 or face is None:
            raise NotARoll("an entry of values has no type or shows no number")
        shown, label = entry.get("value_to_display"), entry.get("label")
        found.append(
            _Value(
                kind,
                face,
                shown[:32] if isinstance(shown, str) else "",
                entry.get("is_dropped") is True,
                # Hidden unless it says that it is not: unknown is secret.
                entry.get("is_hidden") is not False,
                label[:64] if label and isinstance(label, str) else "",
            )
        )
    return found


def _total(value: object) -> float | None:
    """A number, or one as text; None for the pictures of narrative dice and for what is not told."""
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return float(value) if "." in value else int(value)
    return number(value)


def _visibility(raw: Mapping[str, Any], values: Iterable[_Value]) -> tuple[Visibility, tuple[str, ...]]:
    """Public only with an empty `whisper` and no hidden die."""
    whisper = raw.get("whisper")
    if not isinstance(whisper, list) or any(value.hidden for value in values):
        return "gm_only", ()
    if not whisper:
        return "public", ()
    return "whisper", tuple(name for who in whisper[:32] if (name := _who(who)))


def _who(value: object) -> str:
    """The id of a participant, also inside of an object; "" for anything else."""
    if isinstance(value, dict):
        value = value.get("id", value.get("uuid"))
    try:
        return identifier(value, "whisper")
    except NotARoll:
        return ""


def _room(value: object) -> str:
    return identifier(value.get("slug") if isinstance(value, dict) else value, "room.slug")


def _actor(raw: Mapping[str, Any]) -> Actor:
    """The user under the name that he has in the room. Raises NotARoll without any."""
    user, room = raw.get("user"), raw.get("room")
    user = user if isinstance(user, dict) else {}
    uuid = user.get("uuid")
    people = room.get("participants") if isinstance(room, dict) else None
    shown: object = None
    for person in people if isinstance(people, list) and isinstance(uuid, str) else ():
        who = person.get("user") if isinstance(person, dict) else None
        if isinstance(who, dict) and who.get("uuid") == uuid:
            shown = person.get("username")
            break
    name = shown or user.get("name") or user.get("username")
    return Actor(player_name=named(name, 64, "the player's name"), player_id=_who(uuid))


def _dice(
    values: Sequence[_Value], total: float | None, operator: Mapping[str, Any]
) -> tuple[tuple[Group, ...], tuple[Modifier, ...]]:
    """The groups by type and label, and the flat numbers. Raises NotARoll."""
    modifiers = tuple(Modifier(v.value, plain(v.label, 32)) for v in values if v.type == "mod")
    if len(modifiers) > MOST_MODIFIERS:
        raise NotARoll(f"more than {MOST_MODIFIERS} numbers")
    # The nth d10x and the nth d10 are one d100, wherever they are in the list.
    pairs = list(
        zip((v for v in values if v.type == "d10x"), (v for v in values if v.type == "d10"), strict=False)
    )
    rest: list[tuple[str, Sides, _Value]] = []
    tens = ones = 0
    for value in values:
        if value.type == "d10x" and tens < len(pairs):
            rest.append(("d100", 100, _percent(*pairs[tens], 0)))
            tens += 1
        elif value.type == "d10" and ones < len(pairs):
            ones += 1
        elif value.type != "mod":
            rest.append((value.type, _sides(value.type), value))
    if pairs and total is not None and not _adds_up(rest, modifiers, total):
        again = iter([_percent(*pair, 10) for pair in pairs])
        other = [(kind, sides, next(again) if kind == "d100" else v) for kind, sides, v in rest]
        rest = other if _adds_up(other, modifiers, total) else rest
    return _grouped(rest, operator), modifiers


def _adds_up(dice: Iterable[tuple[str, Sides, _Value]], modifiers: Iterable[Modifier], total: float) -> bool:
    return total == sum(v.value for *_, v in dice if not v.dropped) + sum(m.value for m in modifiers)


def _percent(tens: _Value, ones: _Value, ten: int) -> _Value:
    """A d10x and a d10 as one d100."""
    return _Value(
        "d100",
        _of_hundred(tens.value, tens.display, ones.value, ten),
        "",
        tens.dropped or ones.dropped,
        tens.hidden or ones.hidden,
        tens.label or ones.label,
    )


@lru_cache(maxsize=1024)
def _of_hundred(tens: int, shown: str, ones: int, ten: int) -> int:
    """What the two dice show together; 00 and 0 are 100.

    A d10x shows its tens (00…90) where it shows anything; its value is the tens or a tenth of them, 10 being
    00. What a d10 of 10 adds is `ten`: 0 as on real dice, or 10 as in the bridges that make the two dice of
    a number (90 and 10 are 100 there). Which one is meant is seen by the total.
    """
    if _TENS.fullmatch(shown):
        tens = int(shown)
    elif 0 <= tens <= 10:
        tens = tens % 10 * 10
    return tens + (ones if ones % 10 else ten) or 100


@lru_cache(maxsize=256)
def _sides(kind: str) -> Sides:
    """`d20` is 20; what is no plain die has faces of its own."""
    digits = kind[1:]
    if kind[:1] in ("d", "D") and digits.isascii() and digits.isdigit() and len(digits) <= 5:
        return whole(int(digits), 1, LARGEST_SIDES) or "custom"
    return "F" if kind in ("dF", "df") else "custom"


def _grouped(dice: Iterable[tuple[str, Sides, _Value]], operator: Mapping[str, Any]) -> tuple[Group, ...]:
    found: dict[tuple[str, Sides, str], list[_Value]] = {}
    for kind, sides, value in dice:
        found.setdefault((kind, sides, value.label), []).append(value)
    symbols = sum(len(values) for (_, sides, _), values in found.items() if sides == "custom")
    if len(found) > MOST_GROUPS or symbols > _MOST_SYMBOLS:
        raise NotARoll("too many kinds of dice, or too many dice with symbols")
    told = any(value.dropped for values in found.values() for value in values)
    groups = []
    for (_, sides, label), values in found.items():
        lost = set() if told or len(found) > 1 else _lost([value.value for value in values], operator)
        states: list[DieState] = [
            "dropped" if value.dropped or index in lost else "kept" for index, value in enumerate(values)
        ]
        if sides == "custom":
            fallen = [
                Die(value.value, state, symbol=plain(value.display, 32))
                for value, state in zip(values, states, strict=True)
            ]
        else:
            fallen = [_die(value.value, state) for value, state in zip(values, states, strict=True)]
        groups.append(Group(sides, len(values), tuple(fallen), label=plain(label, 32)))
    return tuple(groups)


def _lost(values: Sequence[int], operator: Mapping[str, Any]) -> set[int]:
    """Which dice the operator drops; for senders that do not mark them."""
    keeps = _KEEP.fullmatch(text) if isinstance(text := operator.get("k"), str) else None
    drops = _KEEP.fullmatch(text) if isinstance(text := operator.get("d"), str) else None
    found = keeps or drops
    if found is None:
        return set()
    amount = int(found[2] or 1)
    gone = max(0, len(values) - amount) if keeps else min(amount, len(values))
    lowest_first = (found[1] == "h") == bool(keeps)
    order = sorted(range(len(values)), key=values.__getitem__, reverse=not lowest_first)
    return set(order[:gone])


def _mode(groups: Sequence[Group], operator: Mapping[str, Any]) -> Mode:
    """Two or three d20 of which the operator leaves one."""
    pools = [group for group in groups if group.sides == 20]
    if len(pools) != 1 or len(pools[0].dice) not in (2, 3) or len(pools[0].kept) != 1:
        return "normal"
    three = len(pools[0].dice) == 3
    if operator.get("k") in ("h1", "h") or (not three and operator.get("d") in ("l1", "l")):
        return "super_advantage" if three else "advantage"
    if operator.get("k") in ("l1", "l") or (not three and operator.get("d") in ("h1", "h")):
        return "super_disadvantage" if three else "disadvantage"
    return "normal"


def _written(groups: Iterable[Group], modifiers: Iterable[Modifier]) -> str:
    """The notation where the roll has no equation; dice without numbers have none."""
    terms = [f"{group.count}d{group.sides}" for group in groups if group.sides != "custom"]
    return ("+".join(terms) + "".join(f"{m.value:+g}" for m in modifiers)).removeprefix("+")
