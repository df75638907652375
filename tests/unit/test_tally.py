"""Weights over several channels: what each rule promises, for any tally."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.rules.tally import Tally, Weighting, empty, leaders, totals, weights

RULES: tuple[Weighting, ...] = ("sum", "channel", "capped", "per_head")


@st.composite
def tallies(draw: st.DrawFn, most: int = 1000) -> Tally:
    """2…10 options, 1…6 channels, often empty ones, often equal ones."""
    options = draw(st.integers(2, 10))
    votes = st.one_of(st.integers(0, 3), st.integers(0, most))
    channel = st.one_of(
        st.just((0,) * options), st.lists(votes, min_size=options, max_size=options).map(tuple)
    )
    return tuple(draw(st.lists(channel, min_size=1, max_size=6)))


def weigh(tally: Tally, rule: Weighting, cap_percent: int = 50) -> tuple[Fraction, ...]:
    return weights(tally, len(tally[0]), rule, cap_percent)


def channel_weights(tally: Tally, cap_percent: int) -> list[Fraction]:
    """What each channel holds under `capped`: the weight that goes away when it stands alone in a column."""
    options = len(tally)
    apart = tuple(
        tuple(sum(channel) if option == slot else 0 for option in range(options))
        for slot, channel in enumerate(tally)
    )
    return list(weights(apart, options, "capped", cap_percent))


@given(tallies())
def test_sum_weighs_every_vote_one(tally: Tally) -> None:
    assert weigh(tally, "sum") == totals(tally, len(tally[0]))


@given(tallies())
def test_channel_gives_one_point_to_every_channel_with_votes(tally: Tally) -> None:
    voting = [channel for channel in tally if any(channel)]
    assert sum(weigh(tally, "channel")) == len(voting)
    for option, weight in enumerate(weigh(tally, "channel")):
        shares = [
            Fraction(1, channel.count(max(channel))) if channel[option] == max(channel) else Fraction(0)
            for channel in voting
        ]
        assert weight == sum(shares)


@given(tallies())
def test_per_head_weighs_every_channel_with_votes_the_same(tally: Tally) -> None:
    voting = [channel for channel in tally if any(channel)]
    assert sum(weigh(tally, "per_head")) == len(voting)
    for option, weight in enumerate(weigh(tally, "per_head")):
        assert weight == sum(Fraction(channel[option], sum(channel)) for channel in voting)


@given(tallies(), st.integers(1, 100))
def test_capped_lets_no_channel_hold_more_than_the_cap(tally: Tally, cap_percent: int) -> None:
    held = channel_weights(tally, cap_percent)
    whole = sum(held)
    voting = sum(1 for weight in held if weight)
    if not voting:
        return
    cap = max(Fraction(cap_percent, 100), Fraction(1, voting))  # a lower one nobody could satisfy
    assert all(weight <= cap * whole for weight in held)


@given(tallies(), st.integers(1, 100))
def test_capped_takes_from_nobody_who_is_below_the_cap(tally: Tally, cap_percent: int) -> None:
    held = channel_weights(tally, cap_percent)
    whole = sum(held)
    voting = sum(1 for weight in held if weight)
    for channel, weight in zip(tally, held, strict=True):
        assert 0 <= weight <= sum(channel)
        if weight < sum(channel):  # was cut: then exactly to the cap, not below it
            assert weight == max(Fraction(cap_percent, 100), Fraction(1, voting)) * whole


@given(tallies(), st.integers(1, 100))
def test_capped_splits_a_channel_as_its_viewers_voted(tally: Tally, cap_percent: int) -> None:
    held = channel_weights(tally, cap_percent)
    for option, weight in enumerate(weigh(tally, "capped", cap_percent)):
        parts = [
            weight_of_channel * Fraction(channel[option], sum(channel))
            for channel, weight_of_channel in zip(tally, held, strict=True)
            if any(channel)
        ]
        assert weight == sum(parts)


@given(tallies())
def test_a_cap_of_the_whole_is_a_plain_sum(tally: Tally) -> None:
    assert weigh(tally, "capped", 100) == weigh(tally, "sum")


@given(tallies(), st.integers(1, 100), st.randoms(use_true_random=False))
def test_no_rule_depends_on_the_order_of_channels_or_options(
    tally: Tally, cap_percent: int, rng: object
) -> None:
    slots = list(range(len(tally)))
    options = list(range(len(tally[0])))
    rng.shuffle(slots)  # type: ignore[attr-defined]
    rng.shuffle(options)  # type: ignore[attr-defined]
    moved = tuple(tuple(tally[slot][option] for option in options) for slot in slots)
    for rule in RULES:
        before = weigh(tally, rule, cap_percent)
        assert weigh(moved, rule, cap_percent) == tuple(before[option] for option in options)


@given(tallies(), st.sampled_from(RULES), st.integers(1, 100))
def test_weights_are_never_negative_and_nothing_only_without_votes(
    tally: Tally, rule: Weighting, cap_percent: int
) -> None:
    weight = weigh(tally, rule, cap_percent)
    assert len(weight) == len(tally[0])
    assert all(w >= 0 for w in weight)
    assert (sum(weight) == 0) == (not any(map(any, tally)))
    assert all(
        w > 0 or rule == "channel" for w, n in zip(weight, totals(tally, len(weight)), strict=True) if n
    )
    assert not any(w for w, n in zip(weight, totals(tally, len(weight)), strict=True) if not n)


@given(tallies(), st.sampled_from(RULES), st.integers(1, 100))
def test_leaders_are_exactly_those_with_most_weight(tally: Tally, rule: Weighting, cap_percent: int) -> None:
    weight = weigh(tally, rule, cap_percent)
    top = leaders(weight)
    assert (top == ()) == (not any(map(any, tally)))
    assert top == tuple(sorted(top))
    for index, w in enumerate(weight, 1):
        assert (index in top) == (w == max(weight) and w > 0)


def test_a_tie_of_thirds_is_a_tie() -> None:
    """In binary floating point 1/3 + 1/3 + 1/3 and 1/10 ten times are not what they are."""
    thirds = ((1, 1, 1),) * 3
    assert list(weigh(thirds, "channel")) == [1, 1, 1]
    assert leaders(weigh(((1, 2), (2, 1), (3, 3)), "per_head")) == (1, 2)
    tenths = ((1, 9, 0),) * 10
    assert weigh(tenths, "per_head")[0] == 1


@pytest.mark.parametrize(
    ("tally", "cap_percent", "expected"),
    [
        (((90, 10), (0, 20)), 50, (18, 22)),  # the big channel is cut to the small one's 20
        (((10, 0), (0, 6), (0, 0)), 50, (6, 6)),
        (((100, 0), (0, 50), (0, 50)), 50, (100, 100)),  # exactly at the cap: nothing is cut
        (((5, 3),), 10, (5, 3)),  # alone: there is nobody to weigh against
        (((100, 0, 0), (0, 10, 0), (0, 0, 1)), 1, (1, 1, 1)),  # a cap below an equal share is one
        (((0, 0), (0, 0)), 50, (0, 0)),
    ],
)
def test_capped_by_example(tally: Tally, cap_percent: int, expected: tuple[int, ...]) -> None:
    assert weigh(tally, "capped", cap_percent) == expected


def test_channel_by_example() -> None:
    tally = ((900, 899, 0), (0, 1, 0), (0, 3, 3), (0, 0, 0))
    assert list(weigh(tally, "channel")) == [1, Fraction(3, 2), Fraction(1, 2)]


def test_no_votes_no_leaders() -> None:
    assert leaders(weigh(empty(3, 4), "sum")) == ()
    assert leaders(()) == ()
    assert totals((), 3) == (0, 0, 0)
    assert not any(weights((), 3, "capped", 50))


@given(tallies(most=10**12))
def test_huge_counts_stay_exact(tally: Tally) -> None:
    assert sum(weigh(tally, "capped", 33)) <= sum(totals(tally, len(tally[0])))
