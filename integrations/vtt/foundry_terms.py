"""Foundry VTT: the dice and numbers of a roll, in Foundry's own terms and in the module's.

Terms are read by what they hold and not by the name of their class, which systems and minifiers change
(platforms/vtt.md §2.3, vtt-wire-protocol §7).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final

from integrations.vtt.reading import (
    LARGEST_NUMBER,
    NotARoll,
    mapping,
    number,
    plain,
    sequence,
    whole,
)
from server.rules.dice import (
    LARGEST_SIDES,
    MOST_DICE,
    MOST_GROUPS,
    MOST_MODIFIERS,
    Die,
    DieState,
    Group,
    Modifier,
    Sides,
)
from server.rules.notation_native import best, from_foundry

_MOST_TERMS: Final = 256  # side by side
_DEEPEST: Final = 8  # terms inside of terms


@lru_cache(maxsize=512)
def notation_of(formula: str) -> str:
    """A formula in the standard, where it can be said in it; a table rolls the same few all evening."""
    return best(formula, from_foundry)


@dataclass(frozen=True, slots=True)
class Terms:
    """The dice and the flat numbers of a formula; `successes` where dice were counted instead of added."""

    groups: tuple[Group, ...] = ()
    modifiers: tuple[Modifier, ...] = ()
    successes: int | None = None


def read_terms(value: object) -> Terms:
    """Terms of a roll, Foundry's own or the module's. Raises NotARoll."""
    walk = _Walk()
    walk.through(value, sign=1, adds=True, kept=True, depth=0)
    counted = math.fsum(group.subtotal for group in walk.counting)
    return Terms(
        tuple(walk.groups),
        # More flat numbers than a roll may have are rare enough to be lost; the total stays the sender's.
        tuple(walk.modifiers[:MOST_MODIFIERS]),
        int(counted) if walk.counting and counted == int(counted) else None,
    )


class _Walk:
    """Gathers dice and numbers from terms, and never more than a roll may have."""

    def __init__(self) -> None:
        self.groups: list[Group] = []
        self.modifiers: list[Modifier] = []
        self.counting: list[Group] = []
        self._dice = 0

    def through(self, value: object, *, sign: int, adds: bool, kept: bool, depth: int) -> None:
        """Terms side by side. `adds`: a flat number among them goes into the total as it is.

        `kept` is false in a part of a pool that was dropped.
        """
        if depth > _DEEPEST:
            raise NotARoll(f"terms are nested deeper than {_DEEPEST} levels")
        terms = [mapping(term, "a term") for term in sequence(value, "terms", _MOST_TERMS)]
        here, before = sign, ""
        for at, term in enumerate(terms):
            operator = _operator(term)
            if operator:
                here = -here if operator == "-" else here
                before += operator
                continue
            after = _operator(terms[at + 1]) if at + 1 < len(terms) else ""
            # What is multiplied is no modifier: `2d6 * 2` has none.
            alone = not any(binding in before + after for binding in "*/%")
            self._term(term, sign=here, adds=adds and alone, kept=kept, depth=depth)
            here, before = sign, ""

    def _term(self, term: Mapping[str, Any], *, sign: int, adds: bool, kept: bool, depth: int) -> None:
        inner = term.get("rolls")
        if inner is None and term.get("roll") is not None:
            inner = [term["roll"]]
        if isinstance(inner, list):
            self._nested(term, inner, sign=sign, adds=adds, kept=kept, depth=depth)
        elif isinstance(term.get("results"), list):
            self._die(term, sign, kept)
        elif "faces" not in term and "fn" not in term and term.get("type") != "function":
            flat = number(term.get("number", term.get("value")))
            if flat is not None and adds and kept:
                self.modifiers.append(Modifier(sign * flat, plain(options_of(term).get("flavor"), 32)))

    def _nested(
        self, term: Mapping[str, Any], inner: list[Any], *, sign: int, adds: bool, kept: bool, depth: int
    ) -> None:
        """A pool, something in parentheses, or the arguments of a function."""
        outcomes = sequence(term.get("results"), "the results of a pool", MOST_DICE)
        counted = any(isinstance(outcome, dict) and "count" in outcome for outcome in outcomes)
        # The numbers inside of `floor(1d6 / 2 + 1)` or of a pool of successes do not add to the total.
        adds = adds and not counted and "fn" not in term
        for at, roll in enumerate(sequence(inner, "rolls inside of a roll", _MOST_TERMS)):
            terms = roll if isinstance(roll, list) else mapping(roll, "a roll inside of a roll").get("terms")
            outcome = outcomes[at] if at < len(outcomes) and isinstance(outcomes[at], dict) else {}
            stays = kept and outcome.get("active") is not False and outcome.get("discarded") is not True
            first = len(self.groups)
            self.through(terms, sign=sign, adds=adds, kept=stays, depth=depth + 1)
            count = number(outcome.get("count"))
            if count is not None and len(self.groups) == first + 1:
                self._count_one(count)

    def _count_one(self, count: float) -> None:
        """A roll of a pool that is a single die is worth what the pool counted for it."""
        group = self.groups[-1]
        if len(group.dice) == 1:
            self.groups[-1] = counted = replace(group, dice=(replace(group.dice[0], counts_as=count),))
            self.counting.append(counted)

    def _die(self, term: Mapping[str, Any], sign: int, kept: bool) -> None:
        results = sequence(term.get("results"), "the results of dice", MOST_DICE)
        self._dice += len(results)
        if self._dice > MOST_DICE or len(self.groups) == MOST_GROUPS:
            raise NotARoll(f"more than {MOST_DICE} dice, or than {MOST_GROUPS} groups of them")
        group, counting = _group(term, results, sign)
        if not kept:
            dice = tuple(replace(d, state="dropped") if d.state == "kept" else d for d in group.dice)
            group = replace(group, dice=dice)
        self.groups.append(group)
        if counting:
            self.counting.append(group)


def _operator(term: Mapping[str, Any]) -> str:
    operator = term.get("operator")
    return operator if isinstance(operator, str) and operator in ("+", "-", "*", "/", "%") else ""


def options_of(holder: Mapping[str, Any]) -> Mapping[str, Any]:
    """The options of a roll or a term; empty where there are none."""
    options = holder.get("options")
    return options if isinstance(options, dict) else {}


def _group(term: Mapping[str, Any], results: Sequence[Any], sign: int) -> tuple[Group, bool]:
    """Dice of one term, and whether they are counted instead of added."""
    given = term.get("modifiers")
    modifiers = [m[:32].lower() for m in given[:32] if isinstance(m, str)] if isinstance(given, list) else []
    coin = term.get("class") == "Coin" or term.get("denomination") == "c"
    dice = [_die(mapping(result, "a die"), modifiers, coin) for result in results]
    asked = whole(term.get("number", term.get("count")), 0, MOST_DICE)
    if asked is None:
        asked = max(0, len(dice) - sum(die.exploded or die.state == "rerolled" for die in dice))
    group = Group(
        sides="custom" if coin else _sides(term),
        count=asked,
        dice=tuple(_linked(dice, asked, modifiers)),
        sign=-1 if sign < 0 else 1,
        label=plain(options_of(term).get("flavor"), 32),
    )
    return group, any(m.startswith(("cs", "even", "odd")) for m in modifiers)


def _sides(term: Mapping[str, Any]) -> Sides:
    if term.get("class") == "FateDie" or term.get("denomination") == "f":
        return "F"
    return whole(term.get("faces"), 1, LARGEST_SIDES) or "custom"


def _die(result: Mapping[str, Any], modifiers: Sequence[str], coin: bool) -> Die:
    value = whole(result.get("result", result.get("value")), -LARGEST_NUMBER, LARGEST_NUMBER)
    if value is None:
        raise NotARoll("a die shows no whole number")
    state: DieState = "kept"
    if result.get("rerolled") is True:
        state = "rerolled"
    elif result.get("discarded") is True or result.get("active") is False:
        state = "dropped"
    success, failure = result.get("success") is True, result.get("failure") is True
    counts_as = number(result.get("count"))
    return Die(
        value=value,
        state=state,
        counts_as=_worth(value, success, failure, modifiers) if counts_as is None else counts_as,
        exploded=result.get("exploded") is True,
        success=success,
        failure=failure,
        symbol=("tails", "heads")[value] if coin and value in (0, 1) else "",
    )


_CLAMP = re.compile(r"(min|max)([0-9]{1,5})", re.ASCII)


def _worth(value: int, success: bool, failure: bool, modifiers: Sequence[str]) -> float | None:
    """What a die counts as where the sender leaves that out; the module does, Foundry does not (§2.3)."""
    worth: int | None = None
    for modifier in modifiers:
        clamp = _CLAMP.fullmatch(modifier)
        if clamp:
            limit = int(clamp[2])
            worth = max(value, limit) if clamp[1] == "min" else min(value, limit)
        elif modifier.startswith(("cs", "even", "odd")):
            worth = int(success)
        elif modifier.startswith("cf"):
            worth = int(failure)
        elif failure and modifier.startswith("df"):
            worth = -1
        elif failure and modifier.startswith("sf"):
            worth = -value
    return worth


def _linked(dice: list[Die], asked: int, modifiers: Sequence[str]) -> list[Die]:
    """The dice with those that were added marked.

    Foundry appends them and keeps no note of why; modifiers work one after the other, so what rerolls and
    what explosions added lie side by side, in the order of the modifiers. Which explosion caused which die
    is only known when there was one.
    """
    added = list(range(asked, len(dice)))
    rerolled = [at for at, die in enumerate(dice) if die.state == "rerolled"]
    exploded = [at for at, die in enumerate(dice) if die.exploded]
    if rerolled and exploded:
        if len(added) != len(rerolled) + len(exploded):
            return dice
        first = next((m[0] for m in modifiers if m[:1] in ("r", "x")), "r")
        edge = len(rerolled) if first == "r" else len(exploded)
        new, extra = (added[:edge], added[edge:]) if first == "r" else (added[edge:], added[:edge])
    else:
        new, extra = (added, []) if rerolled else ([], added if exploded else [])
    if len(new) == len(rerolled) == 1 and rerolled[0] < new[0]:
        dice[new[0]] = replace(dice[new[0]], replaces=rerolled[0])
    parent = exploded[0] if len(extra) == len(exploded) == 1 and exploded[0] < extra[0] else None
    for at in extra:
        dice[at] = replace(dice[at], extra=True, parent=parent)
    return dice
