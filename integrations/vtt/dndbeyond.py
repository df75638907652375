"""The game log of D&D Beyond, as an extension in the player's own browser reads it (vtt.md §6).

One message per click; `data.rolls` holds what was rolled, and each of them is a roll with its index in the
id. Only `dice/roll/fulfilled` has results. There is no public API, and no session cookie is ever asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from integrations.vtt.reading import (
    NotARoll,
    Reading,
    bounded,
    each,
    formula_of,
    https,
    identifier,
    mapping,
    named,
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
    Mode,
    Modifier,
    Outcome,
    Source,
    Visibility,
)
from server.rules.notation_native import best, from_beyond20

_MOST_ROLLS: Final = 20
#: Of all notations of a message, together: reading them is what costs time.
_LONGEST_WRITTEN: Final = 768
_FULFILLED: Final = "dice/roll/fulfilled"
#: Why an event has no result; any other is no event of dice.
_WITHOUT_RESULT: Final[Mapping[str, str]] = {
    "dice/roll/pending": "the dice are still rolling",
    "dice/roll/deferred": "the result is held back; it comes as fulfilled",
}
_KINDS: Final[Mapping[str, Kind]] = {
    "to hit": "attack",
    "damage": "damage",
    "heal": "healing",
    "save": "save",
    "check": "check",
    "roll": "custom",
    "initiative": "initiative",
}
#: A `rollType` that is one of these is damage of that type; any other unknown one is custom.
_DAMAGE_TYPES: Final = frozenset(
    (
        *("acid", "bludgeoning", "cold", "fire", "force", "lightning", "necrotic", "piercing", "poison"),
        *("psychic", "radiant", "slashing", "thunder"),
    )
)
_SUM, _LOWEST, _HIGHEST = 0, 1, 2

# Dice are frozen and there are few different ones; making one costs seven times as much as finding it.
_die = lru_cache(maxsize=4096)(Die)


def read(message: object, received_at: datetime) -> Reading:
    """The rolls of a fulfilled event; one that is bad does not lose the others. Anything else is a reason."""
    try:
        event = _fulfilled(message)
        data = mapping(event.get("data"), "data")
        common = _common(event, data, received_at)
        raws = _few_enough(sequence(data.get("rolls"), "data.rolls", _MOST_ROLLS))
    except NotARoll as reason:
        return Reading((), (str(reason),))
    # An id that holds its index: the first stays the first when another cannot be read.
    return each(lambda numbered: _roll(common, *numbered), list(enumerate(raws)))


def _fulfilled(message: object) -> Mapping[str, Any]:
    """The event, when it has results. Raises NotARoll."""
    event = mapping(message, "the message")
    kind = event.get("eventType")
    if kind != _FULFILLED:
        waiting = _WITHOUT_RESULT.get(kind) if isinstance(kind, str) else None
        raise NotARoll(waiting or "no roll of D&D Beyond")
    return event


def _few_enough(raws: Sequence[Any]) -> Sequence[Any]:
    """The rolls, which together are not more than one may be. Raises NotARoll, also without any."""
    lists = (part.get("dice") for raw in raws for part in _sets(raw))
    dice = sum(len(found) for found in lists if isinstance(found, list))
    written = (raw.get("diceNotationStr") for raw in raws if isinstance(raw, dict))
    if dice > MOST_DICE or sum(len(text) for text in written if isinstance(text, str)) > _LONGEST_WRITTEN:
        raise NotARoll(f"more than {MOST_DICE} dice, or notations that are too long")
    if not raws:
        raise NotARoll("data.rolls is empty")
    return raws


def _sets(raw: object) -> Iterator[Mapping[str, Any]]:
    notation = raw.get("diceNotation") if isinstance(raw, dict) else None
    sets = notation.get("set") if isinstance(notation, dict) else None
    for part in sets[:MOST_GROUPS] if isinstance(sets, list) else ():
        if isinstance(part, dict):
            yield part


def _common(event: Mapping[str, Any], data: Mapping[str, Any], received_at: datetime) -> DiceRoll:
    """What all rolls of the event have in common; `roll_id` still lacks the index. Raises NotARoll."""
    context = data.get("context")
    context = context if isinstance(context, dict) else {}
    name = named(context.get("name"), 64, "data.context.name")
    return DiceRoll(
        roll_id=identifier(data.get("rollId"), "data.rollId", 120),
        source=Source(
            "dndbeyond",
            identifier(event.get("gameId"), "gameId"),
            ref=_id_or_nothing(event.get("id"), 256),
        ),
        actor=Actor(
            player_name=name,
            player_id=_id_or_nothing(event.get("userId")),
            character_name=name,
            character_id=_character_id(event, context),
            avatar_url=https(context.get("avatarUrl")),
        ),
        visibility=_visibility(event, context),
        notation="",
        rolled_at=said_at(event.get("dateTime"), received_at),
        label=plain(data.get("action"), 140),
    )


def _id_or_nothing(value: object, most: int = 128) -> str:
    try:
        return identifier(value, "id", most)
    except NotARoll:
        return ""


def _character_id(event: Mapping[str, Any], context: Mapping[str, Any]) -> str:
    for place in (context, event):
        if place.get("entityType") == "character":
            return _id_or_nothing(place.get("entityId"))
    return ""


def _visibility(event: Mapping[str, Any], context: Mapping[str, Any]) -> Visibility:
    """Public when every scope that is told is the game; a message to one user is to oneself or to the DM.

    The message and its context each tell a scope; where they differ the more secret one holds.
    """
    scopes = [(place["messageScope"], place) for place in (event, context) if "messageScope" in place]
    if scopes and all(scope == "gameId" for scope, _ in scopes):
        return "public"
    user = event.get("userId")
    private = [place for scope, place in scopes if scope == "userId"]
    if user and private and all(place.get("messageTarget") == user for place in private):
        return "self"
    return "gm_only"


def _roll(common: DiceRoll, index: int, raw: object) -> DiceRoll:
    """One entry of `data.rolls`. Raises NotARoll."""
    entry = mapping(raw, "a roll")
    notation = mapping(entry.get("diceNotation"), "diceNotation")
    result = mapping(entry.get("result"), "result")
    total = number(result.get("total"))
    if total is None:
        raise NotARoll("result.total is no number")
    groups = tuple(_group(part) for part in sequence(notation.get("set"), "diceNotation.set", MOST_GROUPS))
    constant = number(notation.get("constant")) or 0
    native = formula_of(entry.get("diceNotationStr"))
    written = entry.get("rollType")
    written = written.strip().lower() if isinstance(written, str) and len(written) <= 64 else ""
    is_type = written in _DAMAGE_TYPES
    critical = entry.get("rollKind") == "critical hit"
    [roll] = bounded(
        iter(
            [
                DiceRoll(
                    roll_id=f"{common.roll_id}:{index}",
                    source=common.source,
                    actor=common.actor,
                    visibility=common.visibility,
                    notation=_notation(native or _written(groups, constant)),
                    groups=groups,
                    modifiers=(Modifier(constant),) if constant else (),
                    total=total,
                    rolled_at=common.rolled_at,
                    label=common.label,
                    kind="damage" if is_type else _KINDS.get(written, "custom"),
                    damage_type=written if is_type else "",
                    mode=_mode(entry.get("rollKind"), groups),
                    notation_native=native,
                    outcome=Outcome(critical=True if critical else None),
                )
            ]
        )
    )
    return roll


@lru_cache(maxsize=512)
def _notation(text: str) -> str:
    """What was typed, in the standard where it can be said in it; a table rolls the same few all evening."""
    return best(text, from_beyond20)


def _group(raw: object) -> Group:
    """One entry of `set`. `operation` 1 keeps the lowest die, 2 the highest. Raises NotARoll."""
    part = mapping(raw, "an entry of set")
    sides = _sides(part.get("dieType"))
    count = whole(part.get("count"), 0, MOST_DICE)
    if count is None:
        raise NotARoll("count is missing")
    values: list[int] = []
    for fallen in sequence(part.get("dice"), "dice", MOST_DICE):
        value = whole(mapping(fallen, "a die").get("dieValue"), -LARGEST_SIDES, LARGEST_SIDES)
        if value is None:
            raise NotARoll("dieValue is no number")
        values.append(value)
    operation = whole(part.get("operation", _SUM), _SUM, _HIGHEST)
    if operation is None:
        raise NotARoll("operation is none of 0, 1, 2")
    kept = None
    if operation != _SUM and values:
        kept = values.index(max(values) if operation == _HIGHEST else min(values))
    states = ("kept" if kept is None or index == kept else "dropped" for index in range(len(values)))
    return Group(sides, count, tuple(map(_die, values, states)))


def _sides(value: object) -> int:
    """`d20` is 20. Raises NotARoll."""
    digits = value[1:] if isinstance(value, str) and len(value) <= 6 and value[:1] in ("d", "D") else ""
    sides = whole(int(digits), 1, LARGEST_SIDES) if digits.isascii() and digits.isdigit() else None
    if sides is None:
        raise NotARoll("dieType is no die")
    return sides


def _mode(kind: object, groups: tuple[Group, ...]) -> Mode:
    """`rollKind`; three d20 of which one counts are the super kind."""
    three = any(group.sides == 20 and len(group.dice) == 3 and len(group.kept) == 1 for group in groups)
    match kind:
        case "advantage":
            return "super_advantage" if three else "advantage"
        case "disadvantage":
            return "super_disadvantage" if three else "disadvantage"
        case _:
            return "normal"


def _written(groups: tuple[Group, ...], constant: float) -> str:
    """The notation where the message has none."""
    terms = []
    for group in groups:
        dropped = [die.value for die in group.dice if die.state == "dropped"]
        end = "" if not dropped else "kh1" if group.kept[0].value >= max(dropped) else "kl1"
        terms.append(f"{group.count}d{group.sides}{end}")
    flat = f"{constant:+g}" if constant else ""
    return ("+".join(terms) + flat).removeprefix("+")
