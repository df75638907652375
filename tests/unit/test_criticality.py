"""Criticality rules: the grammar, what formulas match, what fields look at, whose rule is asked first."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.rules.criticality import (
    Clause,
    CriticalityRule,
    ResultField,
    Verdict,
    applies,
    condition,
    formula_matches,
    judge,
    told,
)
from server.rules.dice import Actor, DiceRoll, Die, Group, Modifier, Outcome, Sides, Source


def dice(sides: Sides, *values: int, label: str = "") -> Group:
    return Group(sides, len(values), tuple(Die(value) for value in values), label=label)


def roll(*groups: Group, notation: str = "", **more: Any) -> DiceRoll:
    """A public roll of `groups`, which its notation names unless told otherwise."""
    notation = notation or "+".join(f"{group.count}d{group.sides}" for group in groups).lower() or "0"
    more = {"kind": "check", "visibility": "public"} | more
    return DiceRoll("r1", Source("manual", "panel"), Actor("Rook"), notation=notation, groups=groups, **more)


def rule(field: ResultField = "max_die", wanted: str = "== 20", **more: Any) -> CriticalityRule:
    more = {"rule_id": "mine", "critical_type": "success", "label": "Hit"} | more
    return CriticalityRule(result_field=field, result_condition=wanted, **more)


@pytest.mark.parametrize(
    ("text", "value", "holds"),
    [
        ("== 20", 20, True),
        ("==20", 20.0, True),
        ("  ==   20  ", 19, False),
        ("!= 1", 1, False),
        ("!=1", 2, True),
        ("<= 11", 11, True),
        ("<=11", 12, False),
        (">= 8", 8, True),
        (">= 8", 7, False),
        ("< -2.5", -3, True),
        ("< -2.5", -2.5, False),
        ("> 0.5", 0.5, False),
        (">0.5", 0.75, True),
        ("== -4", -4, True),
    ],
)
def test_the_grammar_reads_and_compares(text: str, value: float, holds: bool) -> None:
    assert condition(text).holds(value) is holds


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("= 5", "write == for equal"),
        ("=> 5", "write == for equal"),
        ("20", "begins with one of"),
        ("about 5", "begins with one of"),
        ("~= 5", "begins with one of"),
        (">=", "a number is missing"),
        ("== x", "one number"),
        ("== 5 or 6", "one number"),
        ("== 5.", "one number"),
        ("== .5", "one number"),
        ("== +5", "one number"),
        ("== - 5", "one number"),
        ("== 1e3", "one number"),
        ("== 1234567890", "at most 9 digits"),
        ("== 5٣", "one number"),
        ("=== 5", "one number"),
    ],
)
def test_errors_of_the_grammar_are_words(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        condition(text)


@settings(max_examples=200)
@given(st.text(max_size=60))
def test_any_text_is_a_condition_or_words(text: str) -> None:
    with suppress(ValueError):
        condition(text)


@pytest.mark.parametrize(
    ("formula", "notation", "matches"),
    [
        (None, "3d6", True),
        ("*", "3d6", True),
        ("  ", "3d6", True),
        ("d20", "1d20", True),
        ("1d20", "2d20kh1+7", True),
        ("1 D20", "1d20+5", True),
        ("2d20kh1", "2d20kh1+7", True),
        ("d10", "1d100", False),
        ("1d10", "1d100", False),
        ("d2", "1d20", False),
        ("d20", "1d2+10", False),
        ("d100", "1d10", False),
        ("d100", "1d%", True),
        ("d%", "1d100", True),
        ("4dF", "4df+2", True),
        ("dF", "4d6", False),
        ("d6", "1d20+2d6[fire]", True),
        ("d12", "1d20[2d12]", False),
        ("2d6", "12d8", False),
        ("20", "1d20", False),
        ("1d6+1", "11d8+1d10", False),
    ],
)
def test_formulas_match_whole_terms(formula: str | None, notation: str, matches: bool) -> None:
    assert formula_matches(formula, roll(notation=notation)) is matches


def test_a_formula_matches_the_dice_that_fell_when_the_notation_says_nothing() -> None:
    assert formula_matches("d20", roll(dice(20, 4), notation="attack"))
    assert not formula_matches("d2", roll(dice(20, 4), notation="attack"))


DROPPED = Group(20, 2, (Die(4), Die(20, "dropped")))
MIXED = roll(dice(20, 7), dice(4, 1), Group(6, 1, (Die(2),), sign=-1), total=9.0)


@pytest.mark.parametrize(
    ("field", "wanted", "of", "formula", "holds"),
    [
        ("max_die", "== 7", MIXED, None, True),
        ("min_die", "== 1", MIXED, None, True),
        # Blessing rolls a d4 along; its 1 is no natural 1.
        ("min_die", "== 1", MIXED, "d20", False),
        ("max_die", "== 20", roll(DROPPED), "d20", False),
        ("any_die", "== 20", roll(DROPPED), "d20", False),
        ("any_die", "== 1", roll(dice(6, 3, 1, 5)), "d6", True),
        ("any_die", "== 2", roll(dice(6, 3, 1, 5)), "d6", False),
        ("total", ">= 9", MIXED, None, True),
        ("total", "!= 9", roll(dice(6, 4)), None, False),  # withheld
        ("dice_sum", "== 6", MIXED, None, True),
        ("max_die", "!= 9", roll(), None, False),  # no dice
        ("count_max", "== 2", roll(dice(6, 6, 6, 1)), None, True),
        ("count_max", "== 2", roll(dice("F", 1, 1, -1)), None, True),
        ("count_max", "== 0", roll(dice("custom", 6)), None, True),
        ("count_min", "== 1", roll(dice(6, 6, 6, 1)), None, True),
        ("count_min", "== 0", roll(), None, False),
        ("share_ones", ">= 0.5", roll(dice(6, 1, 2)), None, True),
        ("first_die", "== 10", roll(Group(10, 1, (Die(10, exploded=True), Die(1, extra=True)))), "d10", True),
        ("first_die", "== 1", roll(Group(10, 1, (Die(10, exploded=True), Die(1, extra=True)))), "d10", False),
        ("first_die", "!= 1", roll(Group(10, 1, (Die(5, "dropped"), Die(1, extra=True)))), "d10", False),
        ("rerolls", "== 1", roll(Group(6, 1, (Die(1, "rerolled"), Die(4, replaces=0)))), None, True),
        ("successes", ">= 3", roll(successes=3), None, True),
        ("successes", ">= 0", roll(), None, False),
        ("target", "< 50", roll(outcome=Outcome(target=49)), None, True),
        ("target", "< 50", roll(), None, False),
        ("succeeded", "== 1", roll(outcome=Outcome(success=True)), None, True),
        ("succeeded", "== 1", roll(dice(100, 40), outcome=Outcome(target=40)), None, True),
        ("failed", "== 1", roll(dice(100, 41), outcome=Outcome(target=40)), None, True),
        ("failed", "== 1", roll(dice(20, 5), outcome=Outcome(target=40)), None, False),
        ("doubles", "== 1", roll(dice(100, 11)), None, True),
        ("doubles", "== 1", roll(dice(100, 99)), None, True),
        ("doubles", "== 0", roll(dice(100, 12)), None, True),
        ("doubles", "== 1", roll(dice(100, 100)), None, True),
        ("doubles", "== 0", roll(dice(100, 5)), None, True),
        ("doubles", "== 0", roll(dice(100, 5, 6)), None, False),
        ("natural", "== 20", roll(dice(20, 20)), None, True),
        ("natural", "== 20", roll(dice(20, 20, 20)), None, False),  # a pool
        ("natural", "== 20", roll(dice(20, 19), outcome=Outcome(critical=True)), None, True),
        ("natural", "== 20", roll(dice(20, 20), outcome=Outcome(critical=False)), None, False),
        ("natural", "== 1", roll(dice(20, 2), outcome=Outcome(fumble=True)), None, True),
        ("degree", "== 3", roll(dice(20, 20)), None, True),
        ("degree", "== 2", roll(dice(20, 20), total=22, outcome=Outcome(target=30)), None, True),
        ("degree", "== 3", roll(dice(20, 20), total=32, outcome=Outcome(target=30)), None, True),
        ("degree", "== 2", roll(dice(20, 1), total=41, outcome=Outcome(target=30)), None, True),
        ("degree", "== 0", roll(dice(20, 1), total=25, outcome=Outcome(target=30)), None, True),
        ("degree", "== 0", roll(dice(20, 4), total=20, outcome=Outcome(target=30)), None, True),
        ("degree", "== 1", roll(dice(20, 4), outcome=Outcome(False, False, False)), None, True),
        ("degree", "== 2", roll(dice(20, 20), outcome=Outcome(critical=False, success=True)), None, True),
        ("degree", "== 1", roll(dice(20, 1), outcome=Outcome(fumble=False, success=False)), None, True),
        ("degree", ">= 0", roll(dice(20, 20), outcome=Outcome(critical=False)), None, False),
        ("degree", "== 2", roll(dice(20, 9), total=17, outcome=Outcome(target=17)), None, True),
        ("degree", "== 1", roll(dice(20, 9), total=16, outcome=Outcome(target=17)), None, True),
        ("degree", "== 0", roll(dice(20, 4), outcome=Outcome(fumble=True)), None, True),
        ("degree", ">= 0", roll(dice(20, 4)), None, False),
        ("snake_eyes", "== 1", roll(dice(8, 1), dice(6, 1, label="Wild Die")), None, True),
        ("snake_eyes", "== 1", roll(dice(6, 1, 1)), None, False),  # damage, or a pool
    ],
)
def test_fields_look_at_kept_dice_of_the_formula(
    field: ResultField, wanted: str, of: DiceRoll, formula: str | None, holds: bool
) -> None:
    assert applies(rule(field, wanted, dice_formula=formula), of) is holds


def test_labels_and_symbols_narrow_by_whole_words() -> None:
    pool = roll(dice(10, 10, label="Hunger dice"), dice(10, 1))
    assert applies(rule("max_die", "== 10", group="hunger"), pool)
    assert not applies(rule("min_die", "== 1", group="hunger"), pool)
    assert not applies(rule("max_die", "== 10", group="hung"), pool)
    assert applies(rule("max_die", "== 10", group="stress|hunger"), pool)
    narrative = roll(Group("custom", 2, (Die(0, symbol="Triumph+Success"), Die(0, symbol="triumphant"))))
    assert applies(rule("count_symbol", "== 1", symbol="triumph"), narrative)


def test_kinds_and_further_clauses_must_hold_besides() -> None:
    both = rule("max_die", "== 6", also=(Clause("min_die", "== 1"),), kinds=frozenset({"damage"}))
    assert applies(both, roll(dice(6, 6, 1), kind="damage"))
    assert not applies(both, roll(dice(6, 6, 1)))
    assert not applies(both, roll(dice(6, 6, 2), kind="damage"))


def test_a_verdict_is_what_the_rule_says() -> None:
    one = rule(severity="extreme", description="As high as it goes", category="nat20")
    assert judge([one], roll(dice(20, 20))) == Verdict(
        "success", "extreme", "Hit", "As high as it goes", "mine", "nat20"
    )
    assert judge([one], roll(dice(20, 19))) is None
    assert judge([replace(one, is_enabled=False)], roll(dice(20, 20))) is None


def test_a_hidden_roll_is_judged_for_the_game_master() -> None:
    assert judge([rule()], roll(dice(20, 20), visibility="gm_only")) is not None


def test_the_highest_priority_is_asked_first_and_of_equals_the_older_one() -> None:
    rules = [rule(rule_id="a"), rule(rule_id="b", priority=3), rule(rule_id="c", priority=3)]
    found = judge(rules, roll(dice(20, 20)))
    assert found is not None
    assert found.rule_id == "b"


def test_own_rules_are_asked_before_presets_of_any_priority() -> None:
    preset = rule(rule_id="shipped", is_system_preset=True, preset_key="k", priority=1000)
    found = judge([preset, rule(priority=0)], roll(dice(20, 20)))
    assert found is not None
    assert found.rule_id == "mine"
    assert judge([preset, rule(wanted="== 19")], roll(dice(20, 20))) == Verdict(
        "success", "major", "Hit", "", "shipped"
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"dice_formula": "d" * 51}, "formula"),
        ({"label": ""}, "label"),
        ({"label": "x" * 256}, "label"),
        ({"description": "x" * 1001}, "description"),
        ({"priority": -1}, "priority"),
        ({"priority": 1001}, "priority"),
        ({"severity": "huge"}, "minor, major or extreme"),
        ({"critical_type": "maybe"}, "minor, major or extreme"),
        ({"result_condition": "twenty"}, "begins with"),
        ({"result_field": "median_die"}, "median_die"),
        ({"result_field": "count_symbol"}, "symbol"),
        ({"is_system_preset": True}, "key"),
        ({"also": (Clause("total", "> 1"),) * 8}, "conditions"),
    ],
)
def test_a_rule_beyond_its_limits_is_refused_in_words(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        replace(rule(), **change)


def test_a_rule_at_its_limits_is_taken() -> None:
    for change in (
        {"dice_formula": "d" * 50, "label": "x" * 255, "description": "x" * 1000, "priority": 1000},
        {"label": "x", "also": (Clause("total", "> 1"),) * 7},
    ):
        assert replace(rule(), **change).is_enabled


def test_what_the_tabletop_says_counts_when_no_rule_does() -> None:
    critical = told(roll(dice(20, 20), kind="attack"))
    fumble = told(roll(dice(100, 3), outcome=Outcome(fumble=True)))
    assert critical is not None
    assert fumble is not None
    assert (critical.type, critical.severity, critical.rule_id) == ("success", "major", "")
    assert fumble.type == "failure"
    assert told(roll(dice(20, 20), kind="damage")) is None


sides = st.one_of(st.integers(1, 200), st.just("F"), st.just("custom"))


@st.composite
def rolls(draw: st.DrawFn) -> DiceRoll:
    groups = draw(
        st.lists(
            st.builds(
                Group,
                sides,
                st.integers(0, 3),
                st.lists(
                    st.builds(Die, st.integers(-3, 100), st.sampled_from(["kept", "dropped", "rerolled"])),
                    max_size=4,
                ).map(tuple),
            ),
            max_size=3,
        )
    )
    return roll(
        *groups,
        notation=draw(st.text(max_size=20)),
        total=draw(st.none() | st.floats(-50, 50)),
        outcome=draw(
            st.builds(
                Outcome,
                st.none() | st.booleans(),
                st.none() | st.booleans(),
                st.none() | st.booleans(),
                st.none() | st.integers(0, 100),
            )
        ),
        modifiers=(Modifier(1),),
    )


@settings(max_examples=100)
@given(
    rolls(), st.sampled_from(["max_die", "any_die", "doubles", "degree", "natural", "snake_eyes", "dice_sum"])
)
def test_no_roll_breaks_a_rule(of: DiceRoll, field: ResultField) -> None:
    for formula in (None, "d20", "4dF", of.notation[:50]):
        asked = rule(field, ">= 1", dice_formula=formula)
        assert applies(asked, of) == (judge([asked], of) is not None)
