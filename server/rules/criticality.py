"""When a roll is worth a shout: the campaign's rules for successes and failures that stand out.

The rule model is that of domain/vtt-and-dice.md §8. Where its four result fields cannot say what a rule
book says (doubles, hunger dice, a glitch, a triumph), the fields after them do; `also` adds what must
hold besides. Hidden rolls may be judged, for the game master; what leaves is decided in `dice_view`.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, get_args

from server.rules.dice import DiceRoll, Die, Group, Kind, Sides, natural

CriticalType = Literal["success", "failure"]
Severity = Literal["minor", "major", "extreme"]

#: Looked at are kept dice of the kind that the formula names, all kept dice where it names none.
#: A field without a value (no such dice, nothing told) meets no condition, not even `!=`.
ResultField = Literal[
    "max_die",  # the highest face
    "min_die",  # the lowest face
    "total",  # the sender's total
    "any_die",  # met when any one face meets the condition
    "first_die",  # the first face that no explosion caused
    "dice_sum",  # the dice without modifiers, signed
    "count_max",  # how many show the highest face they have
    "count_min",  # how many show 1
    "share_ones",  # the part that shows 1, 0…1
    "rerolls",  # how many dice were rolled again; a pushed roll has some
    "count_symbol",  # how many show `symbol`
    "natural",  # the only kept d20; 20 and 1 are what the tabletop calls critical and fumble
    "degree",  # degree of success, 0…3, as Pathfinder counts (see `_degree`)
    "doubles",  # 1 when the only kept d100 shows two equal digits, 00 among them; else 0
    "snake_eyes",  # 1 when trait die and wild die both show 1 (see `_snake_eyes`); else 0
    "successes",  # as the tabletop counted
    "target",  # the number to reach, where it is told
    "succeeded",  # 1 when it is known that the roll succeeded, else 0
    "failed",  # 1 when it is known that the roll failed, else 0
]
RESULT_FIELDS: tuple[str, ...] = get_args(ResultField)

LARGEST_PRIORITY = 1000
MOST_CLAUSES = 8

_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
_CONDITION = re.compile(r"(==|!=|<=|>=|<|>)\s*(-?\d{1,9}(?:\.\d{1,6})?)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Condition:
    """A comparison with a fixed number."""

    operator: str  # one of == != <= >= < >
    number: float

    def holds(self, value: float) -> bool:
        return _OPERATORS[self.operator](value, self.number)


@lru_cache(maxsize=1024)
def condition(text: str) -> Condition:
    """Read `>= 8`, `==1`, `< -2.5`. Raises ValueError that says in words what is wrong."""
    trimmed = text.strip()
    if not trimmed:
        raise ValueError("the condition is empty; write for example == 20")
    if found := _CONDITION.fullmatch(trimmed):
        return Condition(found[1], float(found[2]))
    sign = next((sign for sign in _OPERATORS if trimmed.startswith(sign)), None)
    if sign is None:
        if trimmed.startswith("="):
            raise ValueError("write == for equal, with two signs")
        raise ValueError("a condition begins with one of == != <= >= < >")
    if not trimmed.removeprefix(sign).strip():
        raise ValueError(f"after {sign} a number is missing")
    raise ValueError(
        f"after {sign} stands one number such as 20, -4 or 7.5, with at most 9 digits and 6 after the point"
    )


@dataclass(frozen=True, slots=True)
class Clause:
    """One thing that must hold."""

    result_field: ResultField
    condition: str
    group: str = ""  # only dice whose label has this word, or one of several as in `base|gear`
    symbol: str = ""  # for `count_symbol`

    def __post_init__(self) -> None:
        if self.result_field not in RESULT_FIELDS:
            raise ValueError(f"there is no result field {self.result_field}")
        if self.result_field == "count_symbol" and not self.symbol:
            raise ValueError("count_symbol needs the name of a symbol")
        condition(self.condition)


@dataclass(frozen=True, slots=True)
class CriticalityRule:
    """A rule of a campaign. Making one that breaks a limit raises ValueError in words for the desk."""

    rule_id: str
    result_condition: str  # grammar of `condition`
    result_field: ResultField
    critical_type: CriticalType
    label: str  # 1…255 characters
    dice_formula: str | None = None  # at most 50 characters; None or `*`: every roll
    severity: Severity = "major"
    description: str = ""  # at most 1000 characters
    priority: int = 0  # 0…1000, higher ones are asked first
    is_enabled: bool = True
    is_system_preset: bool = False
    preset_key: str | None = None  # unique in a campaign
    category: str = ""  # the kind of critical in the words of the system, such as `nat20`
    group: str = ""  # as in Clause
    symbol: str = ""
    also: tuple[Clause, ...] = ()  # all must hold besides
    kinds: frozenset[Kind] = frozenset()  # only rolls of these kinds; empty: all
    edited: bool = False  # a preset in which the game master changed more than the toggle

    def __post_init__(self) -> None:
        if self.dice_formula is not None and len(self.dice_formula) > 50:
            raise ValueError("the dice formula has more than 50 characters")
        if not 1 <= len(self.label) <= 255:
            raise ValueError("the label needs 1 to 255 characters")
        if len(self.description) > 1000:
            raise ValueError("the description has more than 1000 characters")
        if not 0 <= self.priority <= LARGEST_PRIORITY:
            raise ValueError(f"the priority lies between 0 and {LARGEST_PRIORITY}")
        if self.critical_type not in get_args(CriticalType) or self.severity not in get_args(Severity):
            raise ValueError("a rule makes a success or failure that is minor, major or extreme")
        if self.is_system_preset and not self.preset_key:
            raise ValueError("a preset needs its key")
        if len(self.also) >= MOST_CLAUSES:
            raise ValueError(f"a rule has at most {MOST_CLAUSES} conditions")
        _ = self.clauses  # each clause checks itself

    @property
    def clauses(self) -> tuple[Clause, ...]:
        """All that must hold."""
        return (Clause(self.result_field, self.result_condition, self.group, self.symbol), *self.also)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a roll is."""

    type: CriticalType
    severity: Severity
    label: str
    description: str
    rule_id: str  # empty: no rule of the campaign, but the tabletop said so
    category: str = ""


def judge(rules: Iterable[CriticalityRule], roll: DiceRoll) -> Verdict | None:
    """The first enabled rule that applies, or None.

    Own rules are asked before presets, whatever their priorities: what a game master wrote down is meant.
    (The original gave presets priority 5 and own rules 0 and thereby let presets win.) Within each of the
    two the highest priority comes first, and of equal ones the one that stands first in `rules`; callers
    give rules in the order in which they were made.
    """
    ranked = sorted(rules, key=lambda rule: (rule.is_system_preset, -rule.priority))
    rule = next((rule for rule in ranked if rule.is_enabled and applies(rule, roll)), None)
    if rule is None:
        return None
    return Verdict(
        rule.critical_type, rule.severity, rule.label, rule.description, rule.rule_id, rule.category
    )


def told(roll: DiceRoll) -> Verdict | None:
    """What the tabletop says, else the natural rule (platforms/vtt.md §9.3): for when no rule has spoken.

    A critical without more is major and has a general label (domain §4).
    """
    said = natural(roll)
    if said.critical:
        return Verdict("success", "major", "Critical success", "", "", "generic_success")
    if said.fumble:
        return Verdict("failure", "major", "Critical failure", "", "", "generic_failure")
    return None


def applies(rule: CriticalityRule, roll: DiceRoll) -> bool:
    """Whether everything that the rule asks for holds, enabled or not."""
    if rule.kinds and roll.kind not in rule.kinds:
        return False
    if not formula_matches(rule.dice_formula, roll):
        return False
    sizes = _sizes(_plain(rule.dice_formula or "*"))
    return all(_holds(clause, roll, sizes) for clause in rule.clauses)


_LABELS = re.compile(r"\[[^\]]*\]")
_TERM = re.compile(r"(?<![a-z])\d*d(\d+|%|f)", re.ASCII)


def formula_matches(formula: str | None, roll: DiceRoll) -> bool:
    """Whether the formula means the roll: always for None and `*`, else when they are equal, when the roll
    contains it, or when a kind of die that it names was rolled, in any number.

    Whole terms only: `d10` is not in `1d100`, nor `d2` in `1d20` (the original confused them).
    """
    wanted = _plain(formula or "*")
    if wanted in ("", "*"):
        return True
    rolled = _plain(roll.notation)
    if rolled == wanted or re.search(rf"(?<![a-z0-9.]){re.escape(wanted)}(?![a-z0-9.])", rolled):
        return True
    return bool(_sizes(wanted) & (_sizes(rolled) | {group.sides for group in roll.groups}))


def _plain(formula: str) -> str:
    return _LABELS.sub("", "".join(formula.split()).lower())


@lru_cache(maxsize=4096)
def _sizes(plain: str) -> frozenset[Sides]:
    """The kinds of dice that a formula names."""
    found: set[Sides] = set()
    for size in _TERM.findall(plain):
        # A number that long is no die, and `int` refuses thousands of digits.
        if size == "f":
            found.add("F")
        elif len(size) <= 9:
            found.add(100 if size == "%" else int(size))
    return frozenset(found)


def _holds(clause: Clause, roll: DiceRoll, sizes: frozenset[Sides]) -> bool:
    wanted = condition(clause.condition)
    meant = [group for group in roll.groups if _is_meant(group, clause.group, sizes)]
    dice = [(group, die) for group in meant for die in group.dice]
    if clause.result_field == "any_die":
        return any(wanted.holds(die.value) for _, die in dice if die.state == "kept")
    value = _value(clause, roll, dice)
    return value is not None and wanted.holds(value)


def _is_meant(group: Group, words: str, sizes: frozenset[Sides]) -> bool:
    if sizes and group.sides not in sizes:
        return False
    return not words or not _words(words).isdisjoint(_words(group.label))


def _words(text: str) -> set[str]:
    return set(re.findall(r"[^\W_]+", text.casefold()))


def _value(clause: Clause, roll: DiceRoll, dice: Sequence[tuple[Group, Die]]) -> float | None:
    match clause.result_field:
        case "total":
            return roll.total
        case "successes":
            return roll.successes
        case "target":
            return roll.outcome.target
        case "succeeded":
            return int(_succeeded(roll) is True)
        case "failed":
            return int(_succeeded(roll) is False)
        case "natural":
            return _natural_face(roll)
        case "degree":
            return _degree(roll)
        case "doubles":
            face = _only(roll, 100)
            return None if face is None else int(face == 100 or (face >= 11 and face % 11 == 0))
        case "snake_eyes":
            return _snake_eyes(dice)
        case "rerolls":
            return sum(die.state == "rerolled" for _, die in dice) if dice else None
        case _:
            kept = [pair for pair in dice if pair[1].state == "kept"]
            return _of_faces(clause, kept) if kept else None


def _of_faces(clause: Clause, kept: Sequence[tuple[Group, Die]]) -> float | None:
    faces = [die.value for _, die in kept]
    match clause.result_field:
        case "max_die":
            return max(faces)
        case "min_die":
            return min(faces)
        case "first_die":
            return next((die.value for _, die in kept if not die.extra), None)
        case "dice_sum":
            return math.fsum(group.sign * die.worth for group, die in kept)
        case "count_max":
            return sum(die.value == (1 if group.sides == "F" else group.sides) for group, die in kept)
        case "count_min":
            return faces.count(1)
        case "share_ones":
            return faces.count(1) / len(faces)
        case "count_symbol":
            wanted = _words(clause.symbol)
            return sum(wanted <= _words(die.symbol) for _, die in kept)
        case other:
            raise AssertionError(f"{other} is not made of faces")


def _only(roll: DiceRoll, sides: int) -> int | None:
    """The face of the one kept die of a size; None when there is none or there are several."""
    faces = [die.value for group, die in roll.dice if group.sides == sides and die.state == "kept"]
    return faces[0] if len(faces) == 1 else None


def _succeeded(roll: DiceRoll) -> bool | None:
    """What the tabletop says; else for a lone d100 against a known target, which all systems roll under."""
    if roll.outcome.success is not None or roll.outcome.target is None:
        return roll.outcome.success
    face = _only(roll, 100)
    return None if face is None else face <= roll.outcome.target


def _natural_face(roll: DiceRoll) -> int | None:
    """The face of the lone d20 where the tabletop is silent. Its own flags win: a fighter who strikes
    critically on 19 has a 20 here, and a 20 that is expressly no critical has no value."""
    said = roll.outcome
    if said.critical is None and said.fumble is None:
        return _only(roll, 20)
    return 20 if said.critical else 1 if said.fumble else None


def _degree(roll: DiceRoll) -> int | None:
    """3 critical success, 2 success, 1 failure, 0 critical failure.

    Pathfinder 2 (Player Core, degrees of success): critical at ten more or ten less than the DC, and a
    natural 20 or 1 moves by one step. Without a DC only a natural 20 or 1 says anything.
    """
    said, face = roll.outcome, _only(roll, 20)
    if said.critical:
        return 3
    if said.fumble:
        return 0
    if said.critical is not None or said.fumble is not None:
        return None if said.success is None else 1 + said.success
    if face is None:
        return None
    step = (face == 20) - (face == 1)
    if said.target is None or roll.total is None:
        return {1: 3, -1: 0}.get(step)
    above = roll.total - said.target
    degree = 3 if above >= 10 else 2 if above >= 0 else 1 if above > -10 else 0
    return max(0, min(3, degree + step))


def _snake_eyes(dice: Sequence[tuple[Group, Die]]) -> int | None:
    """A trait test throws trait die and wild die and keeps one, so the dropped die is looked at, too.

    A pool of which nothing was dropped and nothing is called wild is no trait test, damage for instance.
    """
    thrown = [(group, die) for group, die in dice if not die.extra and die.state != "rerolled"]
    is_test = any(die.state == "dropped" or "wild" in _words(group.label) for group, die in thrown)
    if len(thrown) < 2 or not is_test:
        return None
    return int(all(die.value == 1 for _, die in thrown))
