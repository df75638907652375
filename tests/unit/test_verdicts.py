"""Who decides what a roll means: rules, then the sender, then the natural rule; and what counts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from server.rules.criticality import CriticalityRule, Verdict
from server.rules.criticality_presets import presets_for
from server.rules.dice import Actor, DiceRoll, Die, Group, Outcome, Source
from server.rules.verdicts import counts, verdict

TOLD = Verdict("success", "extreme", "Messy critical", "", "", "messy")


def d20(face: int, **more: Any) -> DiceRoll:
    more = {"kind": "attack"} | more
    return DiceRoll(
        "r",
        Source("other", "w"),
        Actor("Ana"),
        "public",
        "1d20",
        (Group(20, 1, (Die(face),)),),
        total=float(face),
        **more,
    )


PRESETS = presets_for("dnd5e")
OFF = tuple(replace(rule, is_enabled=False) for rule in PRESETS)
OWN = CriticalityRule("own", ">= 15", "total", "success", "Good enough")


def label(found: Verdict | None) -> str:
    return found.label if found else ""


def test_rules_speak_before_the_sender() -> None:
    assert label(verdict([OWN, *PRESETS], d20(20), TOLD)) == "Good enough"
    assert label(verdict(PRESETS, d20(20), TOLD)) == PRESETS[0].label


def test_where_no_rule_speaks_the_sender_does() -> None:
    assert verdict(PRESETS, d20(12), TOLD) == TOLD
    assert label(verdict(PRESETS, d20(19, kind="damage", outcome=Outcome(critical=True)), None)) == (
        "Critical success"
    )
    assert verdict(PRESETS, d20(12), None) is None


def test_the_natural_rule_holds_where_no_system_is_known() -> None:
    """One rule of one's own does not end it for all other rolls."""
    assert label(verdict([], d20(20), None)) == "Critical success"
    assert label(verdict([], d20(1), None)) == "Critical failure"
    assert verdict([], d20(20, kind="damage"), None) is None
    assert label(verdict([OWN], d20(1), None)) == "Critical failure"
    assert label(verdict([OWN], d20(20), None)) == "Good enough"
    assert verdict(presets_for("coc7"), d20(20), None) is None


def test_damage_of_a_critical_hit_has_no_effect_of_its_own() -> None:
    facts = {
        "is_consistent": True,
        "is_ordered": False,
        "is_simulated": False,
        "rewards_unverified": True,
    }
    hit, damage = d20(20), d20(6, kind="damage", outcome=Outcome(critical=True))
    assert counts(hit, verdict(PRESETS, hit, None), **facts)
    assert label(verdict(PRESETS, damage, None)) == "Critical success"
    assert not counts(damage, verdict(PRESETS, damage, None), **facts)
    own = CriticalityRule("own", ">= 6", "total", "success", "Ouch")
    assert counts(damage, verdict([own], damage, None), **facts)


def test_a_rule_that_is_switched_off_means_that_it_is_nothing_special() -> None:
    assert verdict(OFF, d20(20), None) is None
    assert verdict(OFF, d20(20, outcome=Outcome(critical=True)), TOLD) is None
    assert verdict(OFF, d20(12), TOLD) == TOLD


@pytest.mark.parametrize(
    ("changes", "verified", "counted"),
    [
        ({}, True, True),
        ({}, False, True),
        ({"rewards_unverified": False}, False, False),
        ({"rewards_unverified": False}, True, True),
        ({"is_consistent": False}, True, False),
        ({"is_ordered": True}, True, False),
        ({"is_simulated": True}, True, False),
    ],
)
def test_what_counts(changes: dict[str, bool], verified: bool, counted: bool) -> None:
    facts = {
        "is_consistent": True,
        "is_ordered": False,
        "is_simulated": False,
        "rewards_unverified": True,
    } | changes
    assert counts(d20(20, verified=verified), TOLD, **facts) is counted
    assert not counts(d20(20, verified=verified), None, **facts)
