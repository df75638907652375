"""A roll as JSON and back: nothing is lost, and what is as usual takes no room."""

from __future__ import annotations

import json
from typing import Any, get_args

from hypothesis import given, settings
from hypothesis import strategies as st

from server.rules.dice import (
    Actor,
    DiceRoll,
    Die,
    DieState,
    Group,
    Kind,
    Mode,
    Modifier,
    Outcome,
    Redaction,
    Source,
    System,
    Visibility,
)
from server.rules.dice_json import from_json, to_json

texts = st.text(max_size=10)
numbers = st.integers(-10_000, 10_000)
halves = numbers.map(lambda n: n / 2)
dice = st.builds(
    Die,
    numbers,
    st.sampled_from(get_args(DieState)),
    st.none() | halves,
    st.booleans(),
    st.booleans(),
    st.none() | st.integers(0, 5),
    st.none() | st.integers(0, 5),
    st.booleans(),
    st.booleans(),
    texts,
)
groups = st.builds(
    Group,
    st.sampled_from([6, 20, 100, "F", "custom"]),
    st.integers(0, 5),
    st.lists(dice, max_size=4).map(tuple),
    st.sampled_from([1, -1]),
    texts,
)
rolls = st.builds(
    DiceRoll,
    texts,
    st.builds(Source, st.sampled_from(get_args(System)), texts, texts, texts),
    st.builds(Actor, texts, texts, texts, texts, texts, st.booleans()),
    st.sampled_from(get_args(Visibility)),
    texts,
    st.lists(groups, max_size=3).map(tuple),
    st.lists(st.builds(Modifier, halves, texts), max_size=3).map(tuple),
    st.none() | halves,
    st.none(),
    st.integers(1, 9),
    texts,
    st.sampled_from(get_args(Kind)),
    texts,
    texts,
    st.sampled_from(get_args(Mode)),
    st.frozensets(st.sampled_from(get_args(Redaction))),
    st.lists(texts, max_size=2).map(tuple),
    texts,
    st.none() | st.integers(-3, 9),
    st.builds(
        Outcome,
        st.none() | st.booleans(),
        st.none() | st.booleans(),
        st.none() | st.booleans(),
        st.none() | halves,
    ),
    st.booleans(),
)


@settings(max_examples=300)
@given(rolls)
def test_a_roll_comes_back_as_it_was(roll: DiceRoll) -> None:
    found: dict[str, Any] = json.loads(json.dumps(to_json(roll)))
    assert from_json(found) == roll


def test_a_plain_roll_is_small() -> None:
    roll = DiceRoll(
        "r", Source("other", "w"), Actor("Ana"), "public", "8d6", (Group(6, 8, (Die(3),) * 8),), total=24.0
    )
    assert to_json(roll)["groups"] == [{"sides": 6, "count": 8, "dice": [3] * 8}]
    assert to_json(roll).keys() == {"roll_id", "source", "actor", "visibility", "notation", "groups", "total"}
