"""What a notation says: dice, numbers, and how they are added and multiplied.

Read by `notation`, thrown by `notation_dice`, written out here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

Sign: TypeAlias = Literal[1, -1]
#: 1…10,000 sides, or Fate's −1, 0, 1.
Faces: TypeAlias = int | Literal["F"]
Comparison: TypeAlias = Literal["=", "<", "<=", ">", ">="]
Operator: TypeAlias = Literal["*", "/"]
#: Every time, into one die, each further die one less, only once.
Mark: TypeAlias = Literal["!", "!!", "!p", "!o"]
Pick: TypeAlias = Literal["kh", "kl", "dh", "dl"]


@dataclass(frozen=True, slots=True)
class Condition:
    """Which numbers are meant. The number may be negative, for Fate dice."""

    comparison: Comparison
    number: int

    def holds(self, value: int) -> bool:
        match self.comparison:
            case "=":
                return value == self.number
            case "<":
                return value < self.number
            case "<=":
                return value <= self.number
            case ">":
                return value > self.number
            case ">=":
                return value >= self.number


@dataclass(frozen=True, slots=True)
class Reroll:
    """Throw again what shows this: once (`ro`), or until it does not (`r`)."""

    condition: Condition
    once: bool


@dataclass(frozen=True, slots=True)
class Explosion:
    """Throw another die for each that shows this, which is the highest face when nothing is written."""

    mark: Mark
    condition: Condition


@dataclass(frozen=True, slots=True)
class Keep:
    """Which dice count: so many of the highest or lowest are kept (k) or dropped (d)."""

    which: Pick
    number: int


@dataclass(frozen=True, slots=True)
class Dice:
    """Dice of one kind, thrown together."""

    count: int  # 0…1,000
    sides: Faces
    rerolls: tuple[Reroll, ...] = ()
    explosion: Explosion | None = None
    least: int | None = None  # `min`: what shows less counts as this
    most: int | None = None  # `max`, done after `min`
    keeps: tuple[Keep, ...] = ()  # each picks from what the one before left
    success: Condition | None = None  # then the group is worth its number of successes
    failure: Condition | None = None  # only marks dice
    label: str = ""


@dataclass(frozen=True, slots=True)
class Number:
    """A flat number, not negative; its sign is its term's."""

    value: int
    label: str = ""


@dataclass(frozen=True, slots=True)
class Product:
    """Multiplied and divided from left to right. A factor that is a product itself stands behind a `/`."""

    first: Factor
    rest: tuple[tuple[Operator, Factor], ...]  # never empty


@dataclass(frozen=True, slots=True)
class Term:
    """What is added or taken away."""

    sign: Sign
    of: Factor  # no Expression, whose terms would be terms of their own


@dataclass(frozen=True, slots=True)
class Expression:
    """A whole notation: its terms added. Sums in parentheses that are only added are dissolved in it."""

    terms: tuple[Term, ...]  # never empty; at least two inside a product


Factor: TypeAlias = Dice | Number | Product | Expression


def canonical(expression: Expression) -> str:
    """The one way to write an expression: `parse` of it is the expression again.

    Lower case but for the F of Fate, without spaces, every number written out. A label stays as it is.
    """
    return _written(expression)


def operators_in(part: Factor) -> Iterator[Operator]:
    """What multiplies and divides in it."""
    match part:
        case Product(first, rest):
            yield from operators_in(first)
            for operator, factor in rest:
                yield operator
                yield from operators_in(factor)
        case Expression(terms):
            for term in terms:
                yield from operators_in(term.of)


def dice_in(part: Factor, sign: Sign = 1) -> Iterator[tuple[Sign, Dice]]:
    """The dice in the order in which they are written, each with the sign with which it goes into the sum."""
    match part:
        case Dice():
            yield sign, part
        case Product(first, rest):
            yield from dice_in(first, sign)
            for _, factor in rest:
                yield from dice_in(factor, sign)
        case Expression(terms):
            for term in terms:
                yield from dice_in(term.of, times(sign, term.sign))


def times(one: Sign, other: Sign) -> Sign:
    """Two signs multiplied."""
    return 1 if one == other else -1


def highest(sides: Faces) -> int:
    """The highest face of a die."""
    return 1 if sides == "F" else sides


def lowest(sides: Faces) -> int:
    """The lowest face of a die."""
    return -1 if sides == "F" else 1


def labelled(part: Factor, label: str) -> Factor:
    """The same with a label on everything that has none."""
    match part:
        case Dice() | Number():
            return part if part.label else replace(part, label=label)
        case Product(first, rest):
            return Product(labelled(first, label), tuple((o, labelled(f, label)) for o, f in rest))
        case Expression(terms):
            return Expression(tuple(Term(term.sign, labelled(term.of, label)) for term in terms))


def _written(part: Factor) -> str:
    match part:
        case Number(value, label):
            return f"{value}{_label(label)}"
        case Dice():
            return _dice(part)
        case Product(first, rest):
            return _factor(first) + "".join(operator + _factor(factor) for operator, factor in rest)
        case Expression(terms):
            signed = "".join(("-" if term.sign < 0 else "+") + _written(term.of) for term in terms)
            return signed.removeprefix("+")


def _factor(factor: Factor) -> str:
    text = _written(factor)
    return f"({text})" if isinstance(factor, Product | Expression) else text


def _dice(dice: Dice) -> str:
    after = "" if dice.least is None else f"min{dice.least}"
    after += "" if dice.most is None else f"max{dice.most}"
    after += "".join(f"{keep.which}{keep.number}" for keep in dice.keeps)
    after += "" if dice.success is None else f"{dice.success.comparison}{dice.success.number}"
    after += "" if dice.failure is None else f"f{dice.failure.comparison}{dice.failure.number}"
    before = "".join(("ro" if r.once else "r") + _condition(r.condition) for r in dice.rerolls)
    if explosion := dice.explosion:
        before += explosion.mark
        # Behind the bare mark a comparison would be the explosion's.
        if explosion.condition != Condition("=", highest(dice.sides)) or after.startswith(("<", "=", ">")):
            before += _condition(explosion.condition)
    return f"{dice.count}d{dice.sides}{before}{after}{_label(dice.label)}"


def _condition(condition: Condition) -> str:
    bare = condition.comparison == "=" and condition.number >= 0
    return f"{'' if bare else condition.comparison}{condition.number}"


def _label(label: str) -> str:
    return f"[{label}]" if label else ""
