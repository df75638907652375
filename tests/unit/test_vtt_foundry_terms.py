"""Dice and numbers in terms of Foundry and of the published module (platforms/vtt.md §2.3)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from integrations.vtt.foundry_terms import Terms, read_terms
from integrations.vtt.reading import NotARoll, formula_of, joined_id
from server.rules.dice import Die, Group, Modifier

EXPLODING = json.loads((Path(__file__).parents[1] / "data/vtt/foundry-exploding-term.json").read_text())


def die(number: int, faces: int, *results: int | dict[str, Any], **more: Any) -> dict[str, Any]:
    shown = [r if isinstance(r, dict) else {"result": r, "active": True} for r in results]
    return {"class": "Die", "number": number, "faces": faces, "modifiers": [], "results": shown} | more


def number(value: float) -> dict[str, Any]:
    return {"class": "NumericTerm", "number": value}


def sign(operator: str) -> dict[str, Any]:
    return {"class": "OperatorTerm", "operator": operator}


def test_the_sample_of_rerolled_and_exploding_dice() -> None:
    assert read_terms([EXPLODING]).groups == (
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
            label="wild",
        ),
    )


def test_who_was_caused_by_whom_is_not_guessed() -> None:
    boom = {"result": 6, "active": True, "exploded": True}
    group = read_terms([die(3, 6, boom, boom, 3, 5, 2, modifiers=["x"])]).groups[0]
    assert [(d.extra, d.parent) for d in group.dice] == [(False, None)] * 3 + [(True, None)] * 2
    again = {"result": 1, "active": False, "rerolled": True}
    group = read_terms([die(1, 6, again, again, 4, modifiers=["rr1"])]).groups[0]
    assert group.dice == (Die(1, "rerolled"), Die(1, "rerolled"), Die(4))


def test_explosions_before_rerolls() -> None:
    boom = {"result": 6, "active": True, "exploded": True}
    again = {"result": 1, "active": False, "rerolled": True}
    group = read_terms([die(2, 6, boom, 2, again, 5, modifiers=["x", "r1"])]).groups[0]
    assert group.dice == (
        Die(6, exploded=True),
        Die(2),
        Die(1, "rerolled", extra=True, parent=0),
        Die(5, replaces=2),
    )


def test_signs_and_numbers() -> None:
    terms = [
        sign("-"),
        die(1, 6, 3),
        sign("+"),
        sign("-"),
        number(2),
        sign("+"),
        number(4) | {"options": {"flavor": "bless"}},
    ]
    assert read_terms(terms) == Terms((Group(6, 1, (Die(3),), -1),), (Modifier(-2), Modifier(4, "bless")))


def test_what_is_multiplied_is_no_modifier() -> None:
    found = read_terms(
        [
            die(2, 6, 3, 4),
            sign("*"),
            number(2),
            sign("+"),
            number(3),
            sign("+"),
            number(1),
            sign("/"),
            number(5),
        ]
    )
    assert found.modifiers == (Modifier(3),)
    assert len(found.groups) == 1


def test_parentheses_and_functions() -> None:
    inner = {"class": "Roll", "terms": [die(1, 6, 4), sign("+"), number(2)]}
    parenthesis = {"class": "ParentheticalTerm", "term": "1d6 + 2", "roll": inner}
    assert read_terms([number(1), sign("-"), parenthesis]) == Terms(
        (Group(6, 1, (Die(4),), -1),), (Modifier(1), Modifier(-2))
    )
    half = {"class": "FunctionTerm", "fn": "floor", "terms": ["(1d6 + 2) / 2"], "rolls": [inner], "result": 3}
    assert read_terms([half]) == Terms((Group(6, 1, (Die(4),)),), ())


def test_a_pool_that_keeps_its_highest_roll() -> None:
    pool = {
        "class": "PoolTerm",
        "terms": ["1d8", "1d6 + 1"],
        "rolls": [{"terms": [die(1, 8, 7)]}, {"terms": [die(1, 6, 2), sign("+"), number(1)]}],
        "results": [{"result": 7, "active": True}, {"result": 3, "active": False, "discarded": True}],
        "modifiers": ["kh"],
    }
    assert read_terms([pool]) == Terms((Group(8, 1, (Die(7),)), Group(6, 1, (Die(2, "dropped"),))), ())


def test_a_pool_that_counts() -> None:
    pool = {
        "class": "PoolTerm",
        "rolls": [{"terms": [die(1, 6, 5)]}, {"terms": [die(1, 6, 2)]}],
        "results": [{"result": 5, "active": True, "count": 1}, {"result": 2, "active": True, "count": 0}],
        "modifiers": ["cs>=4"],
    }
    assert read_terms([pool]) == Terms(
        (Group(6, 1, (Die(5, counts_as=1),)), Group(6, 1, (Die(2, counts_as=0),))), (), 1
    )


def test_successes() -> None:
    hit = {"result": 9, "active": True, "success": True, "count": 1}
    miss = {"result": 2, "active": True, "success": False, "count": 0}
    found = read_terms([die(3, 10, hit, miss, hit, modifiers=["cs>=8"])])
    assert found.successes == 2
    assert found.groups[0].dice == (
        Die(9, counts_as=1, success=True),
        Die(2, counts_as=0),
        Die(9, counts_as=1, success=True),
    )


@pytest.mark.parametrize(
    ("result", "modifiers", "worth"),
    [
        ({"value": 3}, ["min10"], 10),
        ({"value": 15}, ["max10"], 10),
        ({"value": 15}, ["min10"], 15),
        ({"value": 9, "success": True}, ["cs>=8"], 1),
        ({"value": 2, "success": False}, ["cs>=8"], 0),
        ({"value": 1, "failure": True}, ["cs>=8", "df=1"], -1),
        ({"value": 1, "failure": True}, ["sf"], -1),
        ({"value": 4, "success": True}, ["even"], 1),
        ({"value": 1, "failure": True}, ["cf"], 1),
        ({"value": 3, "count": 8}, ["min10"], 8),
        ({"value": 3}, ["kh"], None),
    ],
)
def test_what_a_die_is_worth_where_the_sender_leaves_it_out(result: Any, modifiers: Any, worth: Any) -> None:
    term = {"type": "die", "faces": 20, "count": 1, "results": [result], "modifiers": modifiers}
    assert read_terms([term]).groups[0].dice[0].counts_as == worth


def test_fate_dice_coins_and_dice_of_systems() -> None:
    fate = die(2, 3, -1, 1) | {"class": "FateDie"}
    coin = die(2, 2, 1, 0) | {"class": "Coin"}
    story = {"class": "AbilityDie", "number": 1, "results": [{"result": 4, "active": True}]}
    minified = die(2, 3, -1, 1) | {"class": "a", "denomination": "f"}
    assert read_terms([fate, sign("+"), coin, sign("+"), story, sign("+"), minified]).groups == (
        Group("F", 2, (Die(-1), Die(1))),
        Group("custom", 2, (Die(1, symbol="heads"), Die(0, symbol="tails"))),
        Group("custom", 1, (Die(4),)),
        Group("F", 2, (Die(-1), Die(1))),
    )


def test_terms_have_limits() -> None:
    with pytest.raises(NotARoll, match="dice"):
        read_terms([die(600, 6, *[1] * 600), sign("+"), die(600, 6, *[1] * 600)])
    with pytest.raises(NotARoll, match="groups"):
        read_terms([die(1, 6, 1)] * 65)
    deep: dict[str, Any] = {"roll": {"terms": [number(1)]}}
    for _ in range(9):
        deep = {"roll": {"terms": [deep]}}
    with pytest.raises(NotARoll, match="nested"):
        read_terms([deep])
    assert len(read_terms([number(1), sign("+")] * 100).modifiers) == 32


def test_formulas_keep_their_signs() -> None:
    assert formula_of(" 2d6r<3\n+ 1d6cs>4\u200b ") == "2d6r<3 + 1d6cs>4"
    assert formula_of(7) == ""
    assert len(formula_of("1" * 600)) == 512


def test_long_ids_become_a_digest() -> None:
    assert joined_id("w", "m", "0") == "w:m:0"
    assert len(joined_id("w" * 128, "m" * 128, "0")) == 64
    assert joined_id("w" * 128, "m", "0") != joined_id("w" * 128, "m", "1")


def test_pools_and_parentheses_of_the_module() -> None:
    dice = {
        "type": "die",
        "class": "Die",
        "faces": 6,
        "count": 1,
        "modifiers": [],
        "results": [{"value": 2, "active": True}],
    }
    flat = [{"type": "operator", "operator": "+"}, {"type": "number", "value": 1}]
    pool = {
        "type": "pool",
        "rolls": [[dice], [dice, *flat]],
        "results": [{"value": 2, "active": False}, {"value": 3, "active": True}],
    }
    inner = {"type": "parenthetical", "rolls": [[dice, *flat]], "expression": "(1d6 + 1)"}
    assert read_terms([pool, {"type": "operator", "operator": "-"}, inner]) == Terms(
        (Group(6, 1, (Die(2, "dropped"),)), Group(6, 1, (Die(2),)), Group(6, 1, (Die(2),), -1)),
        (Modifier(1), Modifier(-1)),
    )
