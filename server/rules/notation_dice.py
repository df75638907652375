"""A notation thrown: which dice fell, what became of each, and what they make.

Chance is an argument. Where §9.2 of platforms/vtt.md leaves an order open it is Foundry's (§2.3):

1. All dice of a group fall, group after group as written; then rerolls, then explosions.
2. A reroll looks at the face. `ro` throws a die again once, `r` until nothing matches, and both together at
   most once plus until. Only what was asked for is rerolled, not what an explosion adds.
3. An explosion looks at the face. `!` adds a die, which may explode too, `!o` one that may not, `!p` one that
   counts one less than it shows; `!!` adds the faces to the die that explodes, which stays one die.
4. `min` and then `max` change what a die counts as, not its face.
5. Keeping and dropping look at what dice count as; of equal dice the one that fell first stays.
6. Successes look at what kept dice count as; then each counts as 1 or 0. `f` marks the kept dice that are no
   success as failures and takes nothing away: Foundry's `cs` and `cf` count, only its `sf` subtracts.

Nothing is rounded: `1d6/2` may make 1.5, as in Foundry.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, TypeAlias

from server.rules.dice import MOST_DICE, Die, DieState, Group, Modifier
from server.rules.notation_tree import (
    Dice,
    Explosion,
    Expression,
    Faces,
    Factor,
    Keep,
    Number,
    Product,
    dice_in,
)

#: The face that a die with so many sides shows, 1…sides.
Draw: TypeAlias = Callable[[int], int]

#: JavaScript's own; a total beyond it would be another number on the overlay.
LARGEST_TOTAL: Final = 2**53 - 1

FULL: Final = f"more than {MOST_DICE:,} dice: the further explosions and rerolls are left out"
BY_ZERO: Final = "it divides by zero"
TOO_LARGE: Final = "the total is too large to be shown"


@dataclass(frozen=True, slots=True)
class Rolled:
    """What was thrown, ready for a `DiceRoll`."""

    groups: tuple[Group, ...]  # also of dice in products, with the sign that they have in the sum
    modifiers: tuple[Modifier, ...]  # numbers that are added; factors are none
    total: float | None  # whole wherever it can be; None when `troubles` says why
    successes: int | None  # those of groups that are taken away are negative; None: nothing counts any
    troubles: tuple[str, ...] = ()  # FULL, BY_ZERO, TOO_LARGE


def roll(expression: Expression, draw: Draw) -> Rolled:
    """Throw an expression. No more than 1,000 dice fall, those that explosions swallow included.

    When that many have fallen, what should still explode or be rerolled stays as it is, and `troubles` has
    FULL. The dice that were asked for always fall. Chance is asked in the order of the module's head.
    """
    written = list(dice_in(expression))
    cup = _Cup(draw, MOST_DICE - sum(dice.count for _, dice in written))
    groups = [Group(dice.sides, dice.count, _thrown(dice, cup), sign, dice.label) for sign, dice in written]
    troubles = [FULL] if cup.ran_out else []
    total: float | None = None
    try:
        exact = _value(expression, iter(groups))
    except ZeroDivisionError:
        troubles.append(BY_ZERO)
    else:
        if abs(exact) > LARGEST_TOTAL:
            troubles.append(TOO_LARGE)
        else:
            total = int(exact) if exact.denominator == 1 else float(exact)
    return Rolled(
        tuple(groups),
        tuple(
            Modifier(term.sign * term.of.value, term.of.label)
            for term in expression.terms
            if isinstance(term.of, Number)
        ),
        total,
        _successes(expression, groups),
        tuple(troubles),
    )


def _value(part: Factor, groups: Iterator[Group]) -> Fraction:
    """What a part makes. `groups` are those of its dice, in the order in which they are written."""
    match part:
        case Number(value):
            return Fraction(value)
        case Dice():
            return Fraction(sum(int(die.worth) for die in next(groups).kept))
        case Product(first, rest):
            made = _value(first, groups)
            for operator, factor in rest:
                other = _value(factor, groups)
                made = made * other if operator == "*" else made / other
            return made
        case Expression(terms):
            return sum((term.sign * _value(term.of, groups) for term in terms), Fraction())


def _successes(expression: Expression, groups: list[Group]) -> int | None:
    counting = [
        group.sign * sum(die.success for die in group.dice)
        for (_, dice), group in zip(dice_in(expression), groups, strict=True)
        if dice.success
    ]
    return sum(counting) if counting else None


class _Cup:
    """Where dice come from: as many as were asked for, and a certain number more."""

    __slots__ = ("_draw", "_spare", "ran_out")

    def __init__(self, draw: Draw, spare: int) -> None:
        self._draw = draw
        self._spare = spare
        self.ran_out = False

    def throw(self, sides: Faces) -> int:
        return self._draw(3) - 2 if sides == "F" else self._draw(sides)

    def another(self, sides: Faces) -> int | None:
        """A die that nobody asked for; None when there is no more."""
        if not self._spare:
            self.ran_out = True
            return None
        self._spare -= 1
        return self.throw(sides)


@dataclass(slots=True)
class _Fallen:
    """A die that others still do things to."""

    value: int
    worth: int
    state: DieState = "kept"
    exploded: bool = False
    parent: int | None = None
    replaces: int | None = None
    spent: bool = False  # it was rerolled once
    counted: bool = False
    success: bool = False
    failure: bool = False

    def done(self) -> Die:
        return Die(
            value=self.value,
            state=self.state,
            counts_as=self.worth if self.counted or self.worth != self.value else None,
            exploded=self.exploded,
            extra=self.parent is not None,
            parent=self.parent,
            replaces=self.replaces,
            success=self.success,
            failure=self.failure,
        )


def _thrown(dice: Dice, cup: _Cup) -> tuple[Die, ...]:
    """One group, in the order of the module's head."""
    faces = [cup.throw(dice.sides) for _ in range(dice.count)]
    fallen = [_Fallen(face, face) for face in faces]
    if dice.rerolls:
        _reroll(dice, fallen, cup)
    if dice.explosion:
        _explode(dice.explosion, dice.sides, fallen, cup)
    _clamp(dice, fallen)
    for keep in dice.keeps:
        _keep(keep, fallen)
    _count(dice, fallen)
    return tuple(die.done() for die in fallen)


def _reroll(dice: Dice, fallen: list[_Fallen], cup: _Cup) -> None:
    once = [reroll.condition for reroll in dice.rerolls if reroll.once]
    until = [reroll.condition for reroll in dice.rerolls if not reroll.once]
    # The list grows while it is gone through: what replaces a die may be rerolled as well.
    for index, die in enumerate(fallen):
        again = any(condition.holds(die.value) for condition in until)
        spends = not again and not die.spent and any(condition.holds(die.value) for condition in once)
        if not (again or spends):
            continue
        face = cup.another(dice.sides)
        if face is None:
            return
        die.state = "rerolled"
        fallen.append(_Fallen(face, face, replaces=index, spent=die.spent or spends))


def _explode(explosion: Explosion, sides: Faces, fallen: list[_Fallen], cup: _Cup) -> None:
    # Here too the list grows: what an explosion adds may explode.
    for index, die in enumerate(fallen):
        if die.state != "kept" or (explosion.mark == "!o" and die.parent is not None):
            continue
        face = die.value
        while explosion.condition.holds(face):
            another = cup.another(sides)
            if another is None:
                return
            die.exploded = True
            if explosion.mark != "!!":
                worth = another - 1 if explosion.mark == "!p" else another
                fallen.append(_Fallen(another, worth, parent=index))
                break
            face = another
            die.worth += face


def _clamp(dice: Dice, fallen: list[_Fallen]) -> None:
    for die in fallen:
        if die.state == "kept" and dice.least is not None:
            die.worth = max(die.worth, dice.least)
        if die.state == "kept" and dice.most is not None:
            die.worth = min(die.worth, dice.most)


def _keep(keep: Keep, fallen: list[_Fallen]) -> None:
    there = [die for die in fallen if die.state == "kept"]
    number = keep.number if keep.which in ("kh", "kl") else max(len(there) - keep.number, 0)
    # Sorting is stable: of equal dice the first to fall stays.
    there.sort(key=lambda die: die.worth, reverse=keep.which in ("kh", "dl"))
    for die in there[number:]:
        die.state = "dropped"


def _count(dice: Dice, fallen: list[_Fallen]) -> None:
    for die in fallen:
        if die.state != "kept":
            continue
        die.success = dice.success is not None and dice.success.holds(die.worth)
        die.failure = not die.success and dice.failure is not None and dice.failure.holds(die.worth)
        if dice.success:
            die.worth, die.counted = int(die.success), True
