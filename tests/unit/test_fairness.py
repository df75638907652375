"""Dice statistics: counts, the chi-square test against closed forms, streaks, luck, and what stays hidden."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.rules.dice import Actor, DiceRoll, Die, Group, Sides, Source
from server.rules.fairness import (
    MOST_PLAYERS,
    DieStats,
    Fairness,
    add,
    chi_square_p,
    luckiest,
    player_key,
    upper_gamma,
)


def roll(sides: Sides, *values: int, player: str = "Rook", **more: Any) -> DiceRoll:
    group = Group(sides, len(values), tuple(Die(value) for value in values))
    more.setdefault("visibility", "public")
    more.setdefault("actor", Actor(player))
    return DiceRoll("r", Source("manual", "panel"), notation="x", groups=(group,), **more)


def of(stats: Fairness, sides: Sides, player: str = "Rook") -> DieStats:
    return stats.public[f"name:{player}"].dice[sides]


def tail(statistic: float, freedom: int) -> float:
    """The same tail from its two closed forms, erfc and exp, by Q(a + 1) = Q(a) + xᵃ e⁻ˣ / Γ(a + 1)."""
    x = statistic / 2
    if x == 0:
        return 1.0
    a = 1.0 if freedom % 2 == 0 else 0.5
    terms = [math.exp(-x) if freedom % 2 == 0 else math.erfc(math.sqrt(x))]
    while a < freedom / 2:
        terms.append(math.exp(a * math.log(x) - x - math.lgamma(a + 1)))
        a += 1
    return math.fsum(terms)


@pytest.mark.parametrize(
    ("statistic", "freedom", "p"),
    [
        # Quantiles as every table of the distribution has them.
        (3.841458820694124, 1, 0.05),
        (5.991464547107979, 2, 0.05),
        (7.814727903251179, 3, 0.05),
        (11.070497693516351, 5, 0.05),
        (6.634896601021213, 1, 0.01),
        (9.210340371976182, 2, 0.01),
        (0.0, 19, 1.0),
    ],
)
def test_known_tails(statistic: float, freedom: int, p: float) -> None:
    assert chi_square_p(statistic, freedom) == pytest.approx(p, abs=1e-9)


@settings(max_examples=200)
@given(st.integers(1, 999), st.floats(0, 4))
def test_the_tail_agrees_with_the_closed_forms(freedom: int, part: float) -> None:
    assert chi_square_p(part * freedom, freedom) == pytest.approx(tail(part * freedom, freedom), abs=1e-9)


@pytest.mark.parametrize(
    "call", [lambda: upper_gamma(0.5, 1e308), lambda: upper_gamma(500, 1e-300), lambda: upper_gamma(1, 0)]
)
def test_the_ends_are_probabilities(call: Callable[[], float]) -> None:
    assert 0 <= call() <= 1


def test_counts_mean_and_distribution() -> None:
    stats = of(add(add(Fairness(), roll(6, 1, 6, 6)), roll(6, 3)), 6)
    assert (stats.count, stats.mean) == (4, 4.0)
    assert stats.distribution == (1, 0, 1, 0, 0, 2)
    assert stats.chi_square == pytest.approx(6 * (1 + 1 + 4) / 4 - 4)
    assert not stats.is_enough


def test_an_even_die_is_fair_and_a_loaded_one_is_not() -> None:
    even = of(add(Fairness(), roll(6, *[*range(1, 7)] * 5)), 6)
    assert even.is_enough  # exactly 5 per face
    assert even.chi_square == 0
    assert even.p_value == 1
    loaded = of(add(Fairness(), roll(6, *[6] * 30)), 6)
    assert loaded.p_value < 1e-9
    assert not of(add(Fairness(), roll(6, *[6] * 29)), 6).is_enough


def test_before_the_first_die_there_is_nothing_to_say() -> None:
    empty = DieStats(20)
    assert (empty.count, empty.mean, empty.chi_square, empty.p_value) == (0, None, 0.0, 1.0)


def test_dropped_and_rerolled_dice_fell_too() -> None:
    thrown = roll(20)
    dice = (Die(17), Die(4, "dropped"), Die(1, "rerolled"), Die(9, replaces=2), Die(8, extra=True))
    stats = of(add(Fairness(), replace(thrown, groups=(Group(20, 2, dice),))), 20)
    assert stats.count == 5


def test_what_has_no_statistics() -> None:
    for thrown in (roll("custom", 3), roll(1, 1), roll(10_000, 5), roll(20)):
        assert add(Fairness(), thrown) == Fairness()
    assert of(add(Fairness(), roll(6, 7, 0, 3)), 6).count == 1


def test_fate_dice_have_three_faces() -> None:
    stats = of(add(Fairness(), roll("F", -1, 0, 1, 1)), "F")
    assert stats.distribution == (1, 1, 2)
    assert stats.mean == 0.25


@pytest.mark.parametrize("visibility", ["gm_only", "blind", "self", "whisper"])
def test_hidden_rolls_are_counted_apart(visibility: Any) -> None:
    seen = add(Fairness(), roll(6, 1))
    both = add(seen, roll(6, 6, 6, visibility=visibility))
    assert both.public == seen.public
    assert both.hidden["name:Rook"].dice[6].count == 2


@pytest.mark.parametrize("what", ["dice", "total", "character_name"])
def test_redacted_values_are_hidden(what: Any) -> None:
    stats = add(Fairness(), roll(6, 1, redact=frozenset({what})))
    assert not stats.public
    assert stats.hidden


def test_players_are_told_apart_by_id() -> None:
    assert player_key(Actor("Rook", "7")) != player_key(Actor("7"))
    stats = add(Fairness(), roll(6, 1, actor=Actor("Rook", "7")))
    stats = add(stats, roll(6, 2, actor=Actor("Rook the Second", "7")))
    assert {key: (one.name, one.count) for key, one in stats.public.items()} == {
        "id:7": ("Rook the Second", 2)
    }


def test_statistics_stay_bounded() -> None:
    stats = Fairness()
    for n in range(MOST_PLAYERS + 5):
        stats = add(stats, roll(6, 1, player=f"p{n}"))
    assert len(stats.public) == MOST_PLAYERS
    assert add(stats, roll(6, 1, player="p0")).public["name:p0"].count == 2


def longest(values: Sequence[object], wanted: Callable[[object], bool]) -> int:
    return max((len(list(run)) for key, run in groupby(values, wanted) if key), default=0)


@settings(max_examples=100)
@given(st.lists(st.lists(st.integers(1, 5), max_size=6), max_size=8))
def test_statistics_are_the_same_roll_by_roll_as_at_once(parts: list[list[int]]) -> None:
    stats = Fairness()
    for part in parts:
        stats = add(stats, roll(5, *part))
    values = [value for part in parts for value in part]
    if not values:
        assert stats == Fairness()
        return
    found = of(stats, 5)
    assert found == of(add(Fairness(), roll(5, *values)), 5)
    assert found.counts == Counter(values)
    assert found.mean == pytest.approx(sum(values) / len(values))
    expected = len(values) / 5
    assert found.chi_square == pytest.approx(
        sum((values.count(face) - expected) ** 2 / expected for face in range(1, 6)), abs=1e-9
    )
    assert found.streaks.longest_high == longest(values, lambda value: value in (4, 5))
    assert found.streaks.longest_low == longest(values, lambda value: value in (1, 2))
    assert found.streaks.longest_same == max(len(list(run)) for _, run in groupby(values))


def test_an_older_statistic_is_left_as_it_was() -> None:
    first = add(Fairness(), roll(6, 3))
    add(first, roll(6, 4))
    assert of(first, 6).distribution == (0, 0, 1, 0, 0, 0)


def test_the_luckiest_rolls_highest_by_deviations() -> None:
    stats = Fairness()
    stats = add(stats, roll(20, *[11, 10] * 20, player="Even"))
    stats = add(stats, roll(4, *[3, 4] * 20, player="Lucky"))
    stats = add(stats, roll(100, *[30, 40] * 20, player="Low"))
    found = luckiest(stats.public)
    assert found is not None
    assert found.name == "Lucky"
    # 40 dice, each one face above the mean of 2.5; a d4 deviates by √(15/12).
    assert found.z == pytest.approx(40 * 1.0 / math.sqrt(15 / 12) / math.sqrt(40))
    under = luckiest({"name:Low": stats.public["name:Low"]}, low_is_lucky=(100,))
    assert under is not None
    assert under.z > 0


def test_few_dice_say_nothing_about_luck() -> None:
    stats = add(Fairness(), roll(20, *[20] * 29))
    assert luckiest(stats.public) is None
    assert luckiest(add(stats, roll(20, 20)).public) is not None
    assert luckiest({}, least_dice=0) is None


def test_equal_luck_is_decided_by_more_dice_and_then_the_key() -> None:
    stats = Fairness()
    for name, pairs in (("b", 20), ("a", 20), ("c", 30)):
        stats = add(stats, roll(20, *[10, 11] * pairs, player=name))
    found = luckiest(stats.public)
    assert found is not None
    assert found.name == "c"
    rest = {key: one for key, one in stats.public.items() if one.name != "c"}
    second = luckiest(rest)
    assert second is not None
    assert second.name == "a"
