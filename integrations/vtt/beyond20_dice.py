"""What the dice of one roll of Beyond20 came to (platforms/vtt.md §4)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from integrations.vtt.reading import NotARoll, formula_of, mapping, number, sequence, whole
from server.rules.dice import (
    LARGEST_SIDES,
    MOST_DICE,
    MOST_MODIFIERS,
    Die,
    DieState,
    Group,
    Modifier,
    Outcome,
    Sides,
)

_MOST_PARTS: Final = 192
_LONGEST_FORMULA: Final = 256
_TERM = re.compile(r"[0-9a-zA-Z<>=!]{1,32}", re.ASCII)
_NUMBER = re.compile(r"[+-]? ?[0-9]{1,9}(?:\.[0-9]{1,6})?", re.ASCII)
_CLAMP = re.compile(r"(min|max)([0-9]{1,4})", re.ASCII)
_REROLLS = re.compile(r"ro?[<>=0-9]", re.ASCII)
_KEEPS = re.compile(r"[kd][hl]?[0-9]", re.ASCII)

# Dice are frozen and there are few different ones; making one costs seven times as much as finding it.
_die = lru_cache(maxsize=4096)(Die)


@dataclass(frozen=True, slots=True)
class Thrown:
    """One roll object of the extension."""

    type: str
    formula: str  # as the extension wrote it
    terms: tuple[str, ...]  # of its dice, signed
    groups: tuple[Group, ...]
    modifiers: tuple[Modifier, ...]
    is_sum: bool  # False: it multiplies or divides, and its numbers do not add up
    total: float
    lost: bool  # the other roll of an advantage counts
    outcome: Outcome


def read_thrown(value: object, left: int) -> Thrown:
    """A roll object with at most `left` dice. Raises NotARoll."""
    raw = mapping(value, "a roll")
    groups: list[Group] = []
    modifiers: list[Modifier] = []
    terms: list[str] = []
    negative, is_sum = False, True
    for part in sequence(raw.get("parts"), "parts", _MOST_PARTS):
        if isinstance(part, dict):
            group = _group(part, negative, left)
            left -= len(group.dice)
            groups.append(group)
            terms.append(("-" if negative else "+") + _term(part, group))
            negative = False
        elif isinstance(part, str) and part.strip() in ("+", "-", ""):
            negative = part.strip() == "-"
        elif isinstance(part, str) and not _NUMBER.fullmatch(part.strip()):
            is_sum = False
        else:
            amount = number(float(part.replace(" ", "")) if isinstance(part, str) else part)
            if amount is None:
                raise NotARoll("a part is neither dice nor a number")
            modifiers.append(Modifier(-amount if negative else amount))
            negative = False
    if len(modifiers) > MOST_MODIFIERS:
        raise NotARoll(f"more than {MOST_MODIFIERS} numbers")
    total = number(raw.get("total"))
    if total is None:
        raise NotARoll("total is no number")
    kind = raw.get("type")
    return Thrown(
        type=kind[:32] if isinstance(kind, str) else "",
        formula=_formula(raw),
        terms=tuple(terms),
        groups=tuple(groups),
        modifiers=tuple(modifiers) if is_sum else (),
        is_sum=is_sum,
        total=total,
        lost=raw.get("discarded") is True,
        outcome=_outcome(raw, groups),
    )


def _formula(raw: Mapping[str, Any]) -> str:
    """The formula of a roll, "" without one. Raises NotARoll."""
    formula = raw.get("formula")
    if isinstance(formula, str) and len(formula) > _LONGEST_FORMULA:
        raise NotARoll(f"formula is longer than {_LONGEST_FORMULA} characters")
    return formula_of(formula)


def _term(raw: Mapping[str, Any], group: Group) -> str:
    """Dice as the extension wrote them, where that is short and plain."""
    formula = raw.get("formula")
    if isinstance(formula, str) and _TERM.fullmatch(formula):
        return formula
    return f"{group.count}d{group.sides}"


def _outcome(raw: Mapping[str, Any], groups: Iterable[Group]) -> Outcome:
    """What the extension says of a roll with a d20; it calls the highest face of any die a success."""
    if not any(group.sides == 20 for group in groups):
        return Outcome()
    critical, fumble = raw.get("critical-success"), raw.get("critical-failure")
    return Outcome(
        critical if isinstance(critical, bool) else None, fumble if isinstance(fumble, bool) else None
    )


def _group(raw: Mapping[str, Any], negative: bool, left: int) -> Group:
    """A dice object. A die that is discarded was dropped, or rerolled when its modifiers only reroll."""
    sides: Sides | None = "F" if raw.get("faces") == "F" else whole(raw.get("faces"), 1, LARGEST_SIDES)
    count = whole(raw.get("amount"), 0, MOST_DICE)
    if sides is None or count is None:
        raise NotARoll("dice have no number or no faces")
    text = raw.get("modifiers")
    text = text[:64] if isinstance(text, str) else ""
    rerolls = bool(_REROLLS.search(text)) and not _KEEPS.search(text)
    clamp = _CLAMP.search(text)
    dice: list[Die] = []
    for fallen in sequence(raw.get("rolls"), "rolls", left):
        die = mapping(fallen, "a die")
        value = whole(die.get("roll"), -LARGEST_SIDES, LARGEST_SIDES)
        if value is None:
            raise NotARoll("a die shows no number")
        gone = die.get("discarded") is True
        state: DieState = "kept" if not gone else "rerolled" if rerolls else "dropped"
        dice.append(_die(value, state, _clamped(value, clamp)))
    return Group(sides, count, tuple(dice), -1 if negative else 1)


def _clamped(value: int, clamp: re.Match[str] | None) -> float | None:
    if clamp is None:
        return None
    limit = int(clamp[2])
    worth = max(value, limit) if clamp[1] == "min" else min(value, limit)
    return None if worth == value else worth
