"""Owlbear Rodeo: who sees the rolls of Dice+ and JustDices (platforms/vtt.md §7)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from integrations.vtt import owlbear
from server.rules.dice import (
    Visibility,
)
from tests.unit.vtt_rolls import (
    JUST_DICES,
    NOW,
    only,
    why,
)
from tests.vtt_mutations import sample


@pytest.mark.parametrize(
    ("target", "visibility"),
    [
        ("everyone", "public"),
        ("self", "self"),
        ("dm", "gm_only"),
        ("gm_only", "gm_only"),
        ("all", "gm_only"),
        (["everyone"], "gm_only"),
        (None, "gm_only"),
    ],
)
def test_owlbear_roll_target(target: object, visibility: str) -> None:
    answer = sample("owlbear-roll-result") | {"rollTarget": target}
    assert only(owlbear.read(answer, NOW)).visibility == visibility


@pytest.mark.parametrize(
    ("changes", "visibility"),
    [
        ({"expressionIn": "/gr 2d6+3"}, "gm_only"),
        ({"expressionIn": "/2d6+3"}, "gm_only"),
        ({"expressionIn": "2d6+3"}, "gm_only"),
        ({"expressionIn": "2d6+3", "rollTarget": "everyone"}, "public"),
        ({"expressionIn": "/gr 2d6+3", "rollTarget": "everyone"}, "gm_only"),
        ({"data": {"total": 9, "hidden": True}}, "gm_only"),
        ({"rollTarget": "self"}, "self"),
    ],
)
def test_owlbear_who_sees_a_roll_of_just_dices(changes: dict[str, Any], visibility: Visibility) -> None:
    assert only(owlbear.read(sample("owlbear-justdices") | changes, NOW)) == replace(
        JUST_DICES, visibility=visibility
    )


def test_owlbear_a_refusal_of_just_dices_is_no_roll() -> None:
    refused = {"callId": "x", "requesterId": "y", "ok": False, "error": "PARSE_ERROR"}
    assert why(owlbear.read(refused, NOW)) == "JustDices refused the roll: PARSE_ERROR"
