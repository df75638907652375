"""Notations thrown: the samples of platforms/vtt.md §9.4, each modifier, a plain model for the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from server.rules.dice import MOST_DICE, Actor, DiceRoll, Die, Group, Modifier, Source, inconsistencies
from server.rules.notation import LONGEST, canonical, parse
from server.rules.notation_dice import BY_ZERO, FULL, LARGEST_TOTAL, TOO_LARGE, Draw, Rolled, roll
from server.rules.notation_tree import Condition, Dice, Expression, Keep, Reroll, Term, dice_in
from tests.unit import test_notation as made


def falling(*faces: int) -> Draw:
    """Dice that show these faces, in this order, and no more; Fate's faces are 1, 2, 3."""
    left = iter(faces)

    def draw(sides: int) -> int:
        face = next(left)
        assert 1 <= face <= sides
        return face

    return draw


def thrown(text: str, *faces: int) -> Rolled:
    left = list(faces)
    rolled = roll(parse(text), lambda sides: left.pop(0))
    assert left == [], "dice were not thrown"
    return rolled


def shown(group: Group) -> list[str]:
    """Each die in a word: its face, what became of it, what it counts as."""
    return [
        f"{die.value}"
        + {"kept": "", "dropped": "d", "rerolled": "r"}[die.state]
        + ("!" if die.exploded else "")
        + (f"<{die.parent}" if die.extra else "")
        + (f"^{die.replaces}" if die.replaces is not None else "")
        + ("+" if die.success else "")
        + ("-" if die.failure else "")
        + (f"={die.counts_as:g}" if die.counts_as is not None else "")
        for die in group.dice
    ]


@pytest.mark.parametrize(
    ("text", "faces", "dice", "total", "successes"),
    [
        # §9.4
        ("2d20kh1+7", (17, 4), "17 4d", 24, None),
        ("3d6ro1!", (1, 6, 3, 5, 2), "1r 6! 3 5^0 2<1", 16, None),
        ("4d10>=8", (10, 8, 3, 1), "10+=1 8+=1 3=0 1=0", 2, 2),
        ("4dF+2", (3, 2, 1, 3), "1 0 -1 1", 3, None),
        # keep and drop, after rerolls and explosions
        ("2d20kl1", (17, 4), "17d 4", 4, None),
        ("4d6dl1", (3, 1, 6, 1), "3 1 6 1d", 10, None),
        ("4d6dh1", (3, 6, 6, 1), "3 6 6d 1", 10, None),
        ("4d6dh1dl1", (2, 1, 5, 6), "2 1d 5 6d", 7, None),
        ("4d6kh3kl2", (2, 1, 5, 6), "2 1d 5 6d", 7, None),
        ("2d6kh5", (2, 3), "2 3", 5, None),
        ("2d6dl5", (2, 3), "2d 3d", 0, None),
        ("2d6kh0", (2, 3), "2d 3d", 0, None),
        ("2d6!kh1", (6, 2, 3), "6! 2d 3d<0", 6, None),
        ("2d6ro1kl1", (1, 5, 6), "1r 5 6d^0", 5, None),
        ("0d6", (), "", 0, None),
        # rerolls
        ("2d6ro1", (1, 2, 1), "1r 2 1^0", 3, None),
        ("2d6r1", (1, 2, 1, 3), "1r 2 1r^0 3^2", 5, None),
        ("2d6ro<3", (2, 3, 1), "2r 3 1^0", 4, None),
        ("2d6r<=2", (2, 3, 1, 6), "2r 3 1r^0 6^2", 9, None),
        ("1d6r1r3", (1, 3, 1, 4), "1r 3r^0 1r^1 4^2", 4, None),
        ("1d6ro1r3", (1, 3, 1), "1r 3r^0 1^1", 1, None),
        ("1d6ro1r3", (3, 1, 1), "3r 1r^0 1^1", 1, None),
        ("1d6ro<3r1", (1, 2, 5), "1r 2r^0 5^1", 5, None),
        # explosions
        ("2d6!", (6, 1, 6, 2), "6! 1 6!<0 2<2", 15, None),
        ("2d6!o", (6, 1, 6), "6! 1 6<0", 13, None),
        ("2d6!>4", (5, 4, 6, 1), "5! 4 6!<0 1<2", 16, None),
        ("2d6!!", (6, 1, 6, 2), "6!=14 1", 15, None),
        ("2d6!!>4", (5, 4, 6, 1), "5!=12 4", 16, None),
        ("2d6!p", (6, 1, 6, 2), "6! 1 6!<0=5 2<2=1", 13, None),
        ("1d6!p", (6, 1), "6! 1<0=0", 6, None),
        ("2dF!", (3, 1, 3, 2), "1! -1 1!<0 0<2", 1, None),
        ("2d6r1!", (6, 1, 2, 1), "6! 1r 2^1 1<0", 9, None),  # what explosions add is not rerolled
        # min and max
        ("2d20min10", (3, 15), "3=10 15", 25, None),
        ("2d20max10", (3, 15), "3 15=10", 13, None),
        ("1d20min10max5", (3,), "3=5", 5, None),
        ("2d6!!min9", (6, 2, 1), "6!=9 2=9", 18, None),
        ("2d6!!max7", (6, 3, 2), "6!=7 3", 10, None),
        ("2d20min10kh1", (3, 8), "3=10 8d=10", 10, None),
        ("1d6ro1min4", (1, 2), "1r 2^0=4", 4, None),
        # successes and failures
        ("4d10>=8f=1", (10, 8, 3, 1), "10+=1 8+=1 3=0 1-=0", 2, 2),
        ("3d6f=1", (1, 2, 3), "1- 2 3", 6, None),
        ("2d6>=1f=1", (1, 2), "1+=1 2+=1", 2, 2),
        ("3d6=6", (6, 5, 6), "6+=1 5=0 6+=1", 2, 2),
        ("3d6<3", (1, 2, 3), "1+=1 2+=1 3=0", 2, 2),
        ("4d6kh2>=5", (6, 1, 5, 2), "6+=1 1d 5+=1 2d", 2, 2),
        ("2d6!6>=5", (6, 1, 5), "6!+=1 1=0 5<0+=1", 2, 2),
        ("1d6!!6>=8", (6, 3), "6!+=1", 1, 1),
        ("2d6>=5+3", (6, 1), "6+=1 1=0", 4, 1),
        ("2dF>=0", (1, 2), "-1=0 0+=1", 1, 1),
        # maths
        ("2*(1d6+3)", (4,), "4", 14, None),
        ("1d6/2", (3,), "3", 1.5, None),
        ("1d6/4*4", (3,), "3", 3, None),
        ("10-1d6", (3,), "3", 7, None),
        ("12/(2*1d6)", (3,), "3", 2, None),
    ],
)
def test_what_falls_and_what_it_makes(
    text: str, faces: Sequence[int], dice: str, total: float, successes: int | None
) -> None:
    rolled = thrown(text, *faces)
    assert shown(rolled.groups[0]) == dice.split()
    assert rolled.total == total
    assert isinstance(rolled.total, int) == (total == int(total))
    assert rolled.successes == successes
    assert rolled.troubles == ()


def test_the_samples_are_the_groups_of_the_reference() -> None:
    assert thrown("3d6ro1!", 1, 6, 3, 5, 2).groups == (
        Group(
            6,
            3,
            (
                Die(1, "rerolled"),
                Die(6, exploded=True),
                Die(3),
                Die(5, replaces=0),
                Die(2, extra=True, parent=1),
            ),
        ),
    )
    critical = thrown("1d8[piercing]+1d8[critical]+4", 6, 3)
    assert critical.groups == (
        Group(8, 1, (Die(6),), label="piercing"),
        Group(8, 1, (Die(3),), label="critical"),
    )
    assert critical.modifiers == (Modifier(4),)
    assert critical.total == 13


def test_groups_and_numbers_know_their_signs_and_labels() -> None:
    rolled = thrown("1d6[fire]-2d4-3[armour]+2", 6, 1, 2)
    assert [(g.sides, g.count, g.sign, g.label) for g in rolled.groups] == [(6, 1, 1, "fire"), (4, 2, -1, "")]
    assert rolled.modifiers == (Modifier(-3, "armour"), Modifier(2))
    assert rolled.total == 2


def test_factors_are_no_modifiers_and_groups_in_products_have_the_sign_of_the_sum() -> None:
    rolled = thrown("1-2*(3-1d6)", 4)
    assert rolled.modifiers == (Modifier(1),)
    assert [g.sign for g in rolled.groups] == [1]
    assert rolled.total == 3


def test_successes_that_are_taken_away_are_negative() -> None:
    rolled = thrown("2d6>=5-2d6>=5", 5, 1, 5, 6)
    assert (rolled.successes, rolled.total) == (-1, -1)


def test_dice_fall_group_after_group_as_they_are_written() -> None:
    asked: list[int] = []

    def draw(sides: int) -> int:
        asked.append(sides)
        return sides

    roll(parse("2d6!o-3*(1d8+1d4)/1dF+1d100"), draw)
    assert asked == [6, 6, 6, 6, 8, 4, 3, 100]


def test_a_division_by_zero_has_dice_and_no_total() -> None:
    rolled = thrown("1d6/(1d6-3)+1d4", 5, 3, 2)
    assert rolled.total is None
    assert rolled.troubles == (BY_ZERO,)
    assert [group.dice[0].value for group in rolled.groups] == [5, 3, 2]
    assert roll(parse("1/0"), falling()).total is None


def test_a_total_that_readers_of_json_cannot_hold_is_none() -> None:
    assert roll(parse("999999999*9007199"), falling()).total == 999999999 * 9007199
    too_large = roll(parse("*".join(["999999999"] * 25)), falling())
    assert (too_large.total, too_large.troubles) == (None, (TOO_LARGE,))
    assert roll(parse("-999999999*999999999"), falling()).troubles == (TOO_LARGE,)


@pytest.mark.parametrize(
    ("text", "fallen"),
    [
        *(("1d6!", 1000), ("1d6!!", 1), ("1d6!p", 1000), ("500d6!o", 1000), ("501d6!o", 1000)),
        *(("1d1r1", 1000), ("600d6ro6", 1000), ("1000d6!", 1000), ("1000d6r6", 1000)),
    ],
)
def test_dice_that_never_stop_are_stopped(text: str, fallen: int) -> None:
    asked = 0

    def draw(sides: int) -> int:
        nonlocal asked
        asked += 1
        return sides

    rolled = roll(parse(text), draw)
    assert asked == MOST_DICE
    assert len(rolled.groups[0].dice) == fallen
    assert rolled.troubles == (() if text == "500d6!o" else (FULL,))
    assert rolled.total is not None


def test_dice_that_never_stop_leave_those_that_were_asked_for() -> None:
    rolled = roll(parse("1d1!+20d6+1d4!"), lambda sides: sides)
    assert [len(group.dice) for group in rolled.groups] == [979, 20, 1]
    assert rolled.troubles == (FULL,)
    assert not rolled.groups[2].dice[0].exploded


# --- for whatever is thrown ---


def _repeating(numbers: Sequence[int]) -> Draw:
    at = -1

    def draw(sides: int) -> int:
        nonlocal at
        at += 1
        return numbers[at % len(numbers)] % sides + 1

    return draw


#: Chosen faces that repeat, only the highest, only the lowest.
draws: st.SearchStrategy[Draw] = st.one_of(
    st.lists(st.integers(0, 10**6), min_size=1, max_size=40).map(_repeating),
    st.just(lambda sides: sides),
    st.just(lambda sides: 1),
)


def as_roll(expression: Expression, rolled: Rolled) -> DiceRoll:
    return DiceRoll(
        "roll",
        Source("manual", "panel"),
        Actor("Lou"),
        "public",
        canonical(expression),
        rolled.groups,
        rolled.modifiers,
        rolled.total,
    )


@settings(max_examples=300)
@given(made.expressions(deep=0), draws)
def test_sums_are_consistent(expression: Expression, draw: Draw) -> None:
    rolled = roll(expression, draw)
    assert inconsistencies(as_roll(expression, rolled)) == []
    counting = any(dice.success for _, dice in dice_in(expression))
    assert (rolled.successes is not None) == counting


@settings(max_examples=300)
@given(made.expressions(), draws)
def test_every_die_is_possible_and_they_are_no_more_than_a_thousand(
    expression: Expression, draw: Draw
) -> None:
    asked = 0

    def counted(sides: int) -> int:
        nonlocal asked
        asked += 1
        return draw(sides)

    rolled = roll(expression, counted)
    assert asked <= MOST_DICE
    assert sum(len(group.dice) for group in rolled.groups) <= asked
    written = [dice for _, dice in dice_in(expression)]
    assert [(g.sides, g.count, g.label) for g in rolled.groups] == [
        (d.sides, d.count, d.label) for d in written
    ]
    for dice, group in zip(written, rolled.groups, strict=True):
        lowest, highest = (-1, 1) if dice.sides == "F" else (1, dice.sides)
        assert all(lowest <= die.value <= highest for die in group.dice)
        _origins_fit(dice, group, full=FULL in rolled.troubles)


def _origins_fit(dice: Dice, group: Group, full: bool) -> None:
    """Every die has its reason, and what should have become of it has."""
    once = [reroll.condition for reroll in dice.rerolls if reroll.once]
    until = [reroll.condition for reroll in dice.rerolls if not reroll.once]
    for index, die in enumerate(group.dice):
        first = index < dice.count
        assert first == (die.replaces is None and not die.extra)
        assert die.extra == (die.parent is not None)
        if die.replaces is not None:
            assert group.dice[die.replaces].state == "rerolled"
        if die.parent is not None:
            assert die.parent < index
            assert group.dice[die.parent].exploded
        matches = any(condition.holds(die.value) for condition in until)
        if die.state == "rerolled":
            assert matches or any(condition.holds(die.value) for condition in once)
        elif matches and not die.extra:
            assert full
        if die.state == "kept" and first and any(condition.holds(die.value) for condition in once):
            assert full
        if dice.explosion is None:
            assert not die.exploded
        elif die.state != "rerolled" and not (dice.explosion.mark == "!o" and die.extra):
            assert die.exploded == dice.explosion.condition.holds(die.value) or full
        if dice.success:
            assert die.state != "kept" or die.counts_as == die.success
        assert not (die.success and die.failure)


def plain_kept(values: Sequence[int], keeps: Sequence[Keep]) -> int:
    """What is left of values: the same as keeping and dropping, said with sorted lists."""
    left = sorted(values)
    for keep in keeps:
        number = min(keep.number, len(left))
        match keep.which:
            case "kh":
                left = left[len(left) - number :]
            case "kl":
                left = left[:number]
            case "dh":
                left = left[: len(left) - number]
            case "dl":
                left = left[number:]
    return sum(left)


@given(
    st.lists(st.integers(1, 20), max_size=12),
    st.lists(
        st.builds(Keep, st.sampled_from(("kh", "kl", "dh", "dl")), st.integers(0, 13)), min_size=1, max_size=3
    ),
    st.none() | st.integers(0, 20),
    st.none() | st.integers(0, 20),
)
def test_what_is_kept_makes_what_sorted_lists_make(
    values: list[int], keeps: list[Keep], least: int | None, most: int | None
) -> None:
    dice = Dice(len(values), 20, least=least, most=most, keeps=tuple(keeps))
    counted = [value if least is None else max(value, least) for value in values]
    counted = [value if most is None else min(value, most) for value in counted]
    rolled = roll(Expression((Term(1, dice),)), falling(*values))
    assert rolled.total == plain_kept(counted, keeps)
    assert [die.value for die in rolled.groups[0].dice] == values


@given(st.lists(st.integers(1, 6), min_size=1, max_size=30), st.sampled_from(("!", "!!", "!p")))
def test_each_way_to_explode_makes_the_sum_of_what_fell(faces: list[int], mark: str) -> None:
    chain = [*faces, *([1] * 30)]
    whole = roll(parse(f"1d6{mark}"), falling(*chain))
    fell = chain[: next(index for index, face in enumerate(chain) if face != 6) + 1]
    assert whole.total == sum(fell) - (len(fell) - 1 if mark == "!p" else 0)


@given(st.lists(st.integers(1, 6), min_size=1, max_size=8), st.integers(0, 6))
def test_a_reroll_once_takes_the_second_and_until_takes_the_first_that_stays(
    faces: list[int], below: int
) -> None:
    chain = [*faces, 6, 6]
    assume(below < 6)
    reroll = parse(f"1d6ro<={below}")
    assert reroll.terms[0].of == Dice(1, 6, (Reroll(Condition("<=", below), once=True),))
    assert roll(reroll, falling(*chain)).total == (chain[1] if chain[0] <= below else chain[0])
    stays = next(face for face in chain if face > below)
    assert roll(parse(f"1d6r<={below}"), falling(*chain)).total == stays


# A notation with parentheses everywhere, and beside it how its value comes from those of its dice.
Model = Callable[[Iterator[Fraction]], Fraction]
plain_dice: st.SearchStrategy[tuple[str, Model]] = st.sampled_from(
    ("d6", "2d4", "3d6!p", "2d20kh1", "4dF", "5d10>=8f1", "2d6ro1min3", "1d8!!", "2d6r<3")
).map(lambda text: (text, next))
plain_numbers: st.SearchStrategy[tuple[str, Model]] = st.integers(0, 99).map(
    lambda number: (str(number), lambda _: Fraction(number))
)


def _joined(parts: tuple[tuple[str, Model], str, tuple[str, Model]]) -> tuple[str, Model]:
    (left, left_model), operator, (right, right_model) = parts

    def model(dice: Iterator[Fraction]) -> Fraction:
        one, other = left_model(dice), right_model(dice)
        match operator:
            case "+":
                return one + other
            case "-":
                return one - other
            case "*":
                return one * other
            case _:
                return one / other

    return f"({left}){operator}({right})", model


def _negated(part: tuple[str, Model]) -> tuple[str, Model]:
    text, model = part
    return f"-({text})", lambda dice: -model(dice)


trees: st.SearchStrategy[tuple[str, Model]] = st.recursive(
    plain_dice | plain_numbers,
    lambda parts: st.tuples(parts, st.sampled_from("+-*/"), parts).map(_joined) | parts.map(_negated),
    max_leaves=8,
)


@settings(max_examples=400)
@given(trees, draws)
def test_totals_are_those_of_a_plain_model(tree: tuple[str, Model], draw: Draw) -> None:
    text, model = tree
    assume(len(text) <= LONGEST)
    rolled = roll(parse(text), draw)
    values = []
    for group in rolled.groups:
        kept = [die for die in group.dice if die.state == "kept"]
        worths = [die.value if die.counts_as is None else die.counts_as for die in kept]
        values.append(sum(map(Fraction, worths), Fraction()))
    try:
        exact = model(iter(values))
    except ZeroDivisionError:
        assert rolled.total is None
        assert BY_ZERO in rolled.troubles
        return
    if abs(exact) > LARGEST_TOTAL:
        assert (rolled.total, TOO_LARGE in rolled.troubles) == (None, True)
    else:
        assert rolled.total == (int(exact) if exact.denominator == 1 else float(exact))
