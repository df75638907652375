"""Owlbear Rodeo: answers of the dice extensions Dice+ and JustDices (vtt.md §7).

Both answer what was asked of them, and their answers do not say who may see them. Our own extension sends
what it asked along (`{"request": …, …}`), or `rollTarget` in the answer; without either a roll is secret.
JustDices tells a total and its details as HTML, which is not read: such a roll has no groups.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

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
    said_at,
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
    Group,
    Mode,
    Modifier,
    Sides,
    Source,
    Visibility,
)
from server.rules.notation_native import best, from_roll20

_TARGETS: Final[Mapping[str, Visibility]] = {
    "everyone": "public",
    "self": "self",
    "dm": "gm_only",
    "gm_only": "gm_only",
}
#: Who sees a roll of JustDices by its command; without a command it is not told.
_COMMANDS: Final[Mapping[str, Visibility]] = {
    "r": "public",
    "roll": "public",
    "gr": "gm_only",
    "gmroll": "gm_only",
}
_COMMAND = re.compile(r"/([A-Za-z]*) *", re.ASCII)
#: `2d20kh1`, or `[17, 4]` of a summary: what is taken out before the numbers are read.
_DICE = re.compile(r"\[[^\[\]]*\]|[0-9]{0,4}d(?:[0-9]{1,5}|[fF%])[0-9a-zA-Z!<>=]*", re.ASCII)
_FLAT = re.compile(r"([+-])([0-9]{1,9}(?:\.[0-9]{1,6})?)", re.ASCII)
_ADVANTAGE = re.compile(r"(?<![0-9])([23])d20k(h|l)1(?![0-9])", re.ASCII)

# Dice are frozen and there are few different ones; making one costs seven times as much as finding it.
_die = lru_cache(maxsize=4096)(Die)


def read(message: object, received_at: datetime) -> Reading:
    """The roll of an answer, also as the event of a broadcast (`{"data": …}`). Anything else is a reason."""
    return reading(lambda: bounded(iter([_roll(message, received_at)])))


def _roll(message: object, received_at: datetime) -> DiceRoll:
    answer = mapping(message, "the message")
    data = answer.get("data")
    if isinstance(data, dict) and ("rollId" in data or "callId" in data):
        answer = data
    asked = answer.get("request")
    # What is in both was asked by our own extension; the answer knows better.
    told = {**asked, **answer} if isinstance(asked, dict) and len(asked) <= 64 else answer
    if "callId" in told:
        return _just_dices(told, received_at)
    if "rollId" in told:
        return _dice_plus(told, received_at)
    raise NotARoll("no answer of Dice+ or JustDices")


def _dice_plus(told: Mapping[str, Any], received_at: datetime) -> DiceRoll:
    if "result" not in told:
        raise NotARoll("not rolled yet: the result comes on <source>/roll-result")
    result = mapping(told["result"], "result")
    total = number(result.get("totalValue"))
    if total is None:
        raise NotARoll("result.totalValue is no number")
    notation, _, words = formula_of(told.get("diceNotation")).partition("#")
    notation = notation.strip()
    summary = formula_of(result.get("rollSummary")).partition("=")[0]
    groups = _groups(result.get("groups"))
    modifiers = _modifiers(notation or summary) if groups else ()
    text = notation or _written(groups, modifiers)
    roll_id = identifier(told["rollId"], "rollId")
    target = told.get("rollTarget")
    return DiceRoll(
        roll_id=roll_id,
        source=Source("owlbear", _room(told), ref=roll_id),
        actor=_actor(told),
        visibility=_TARGETS.get(target, "gm_only") if isinstance(target, str) else "gm_only",
        notation=_notation(text),
        notation_native=notation,
        groups=groups,
        modifiers=modifiers,
        total=total,
        rolled_at=said_at(told.get("timestamp"), received_at),
        label=plain(told.get("label"), 140) or plain(words, 140),
        mode=_mode(text),
    )


def _just_dices(told: Mapping[str, Any], received_at: datetime) -> DiceRoll:
    if told.get("ok") is False:
        raise NotARoll(f"JustDices refused the roll: {plain(_short(told.get('error'), 128), 64)}")
    data = told.get("data")
    total = number(data.get("total") if isinstance(data, dict) else told.get("total"))
    if total is None:
        raise NotARoll("no total: not rolled yet")
    typed = formula_of(told.get("expressionIn")) or formula_of(told.get("expression"))
    command = _COMMAND.match(typed)
    native = typed[command.end() :] if command else typed
    roll_id = identifier(told["callId"], "callId")
    return DiceRoll(
        roll_id=roll_id,
        source=Source("owlbear", _room(told), ref=roll_id),
        actor=_actor(told),
        visibility=_shown_to(told, data, command),
        notation=_notation(native),
        notation_native=native,
        total=total,
        rolled_at=said_at(told.get("timestamp"), received_at),
        label=plain(told.get("label"), 140),
        mode=_mode(native),
    )


@lru_cache(maxsize=512)
def _notation(text: str) -> str:
    """What was typed, in the standard where it can be said in it; a table rolls the same few all evening."""
    return best(text, from_roll20)


def _shown_to(told: Mapping[str, Any], data: object, command: re.Match[str] | None) -> Visibility:
    """The target our extension tells, else the command; anything that says hidden makes it secret.

    A lone "/" is how callers ask for a hidden roll.
    """
    hidden = data.get("hidden") if isinstance(data, dict) else None
    if told.get("hidden", False) is not False or hidden not in (None, False):
        return "gm_only"
    by_command = _COMMANDS.get(command[1].lower(), "gm_only") if command else None
    if by_command == "gm_only":
        return by_command
    target = told.get("rollTarget")
    if target is None:
        return by_command or "gm_only"
    return _TARGETS.get(target, "gm_only") if isinstance(target, str) else "gm_only"


def _short(value: object, most: int) -> object:
    """A text that is worth being cleaned."""
    return value[:most] if isinstance(value, str) else None


def _room(told: Mapping[str, Any]) -> str:
    """The room, where our extension tells it. Raises NotARoll for one that is no id."""
    room = told.get("roomId")
    return "owlbear" if room is None else identifier(room, "roomId")


def _actor(told: Mapping[str, Any]) -> Actor:
    """JustDices tells only an id of who asked; it stands for the name. Raises NotARoll without any."""
    player_id = told.get("playerId", told.get("requesterId"))
    name = told.get("playerName") or player_id
    return Actor(player_name=named(name, 64, "playerName"), player_id=_id_or_nothing(player_id))


def _id_or_nothing(value: object) -> str:
    try:
        return identifier(value, "id")
    except NotARoll:
        return ""


def _groups(value: object) -> tuple[Group, ...]:
    """`result.groups`, which not every version tells: missing is none."""
    groups: list[Group] = []
    left = MOST_DICE
    for raw in sequence(value, "result.groups", MOST_GROUPS):
        group = mapping(raw, "a group")
        dice: list[Die] = []
        for fallen in sequence(group.get("dice"), "dice", left):
            die = mapping(fallen, "a die")
            face = whole(die.get("value"), -LARGEST_SIDES, LARGEST_SIDES)
            if face is None:
                raise NotARoll("a die shows no number")
            dice.append(_die(face, "dropped" if die.get("kept") is False else "kept"))
        left -= len(dice)
        label = plain(_short(group.get("label"), 64), 32)
        groups.append(Group(_sides(group.get("dieType")), len(dice), tuple(dice), label=label))
    return tuple(groups)


def _sides(value: object) -> Sides:
    """`d20` is 20, `d%` is 100. Raises NotARoll."""
    text = value[1:].lower() if isinstance(value, str) and len(value) <= 8 and value[:1] in ("d", "D") else ""
    if text in ("f", "fate", "fudge"):
        return "F"
    digits = "100" if text == "%" else text
    sides = whole(int(digits), 1, LARGEST_SIDES) if digits.isascii() and digits.isdigit() else None
    if sides is None:
        raise NotARoll("dieType is no die")
    return sides


def _modifiers(text: str) -> tuple[Modifier, ...]:
    """The numbers beside the dice; none where they are more than added, because then they do not add up."""
    rest = _DICE.sub("", text.replace(" ", "")).lstrip("+")
    rest = rest if not rest or rest[0] == "-" else f"+{rest}"
    found = _FLAT.findall(rest)
    # Dice that were taken out leave their signs behind.
    if _FLAT.sub("", rest).strip("+") or len(found) > MOST_MODIFIERS:
        return ()
    return tuple(Modifier(_number(sign + digits)) for sign, digits in found)


def _number(text: str) -> float:
    return float(text) if "." in text else int(text)


def _mode(text: str) -> Mode:
    """`2d20kh1` is advantage, with three dice the super kind."""
    found = _ADVANTAGE.search(text.replace(" ", ""))
    if found is None:
        return "normal"
    if found[2] == "h":
        return "advantage" if found[1] == "2" else "super_advantage"
    return "disadvantage" if found[1] == "2" else "super_disadvantage"


def _written(groups: Sequence[Group], modifiers: Iterable[Modifier]) -> str:
    """The notation where the answer has none."""
    terms = []
    for group in groups:
        kept = sorted(die.value for die in group.kept)
        dropped = [die.value for die in group.dice if die.state == "dropped"]
        end = ""
        if kept and dropped:
            end = f"k{'h' if kept[0] >= max(dropped) else 'l'}{len(kept)}"
        terms.append(f"{group.count}d{group.sides}{end}")
    return ("+".join(terms) + "".join(f"{m.value:+g}" for m in modifiers)).removeprefix("+")
