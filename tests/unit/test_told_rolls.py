"""Rolls that we ordered are known when they come back: by formula, actor, forced die and time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from server.rules.dice import Actor, DiceRoll, Die, Group, Source
from server.web.foundry.told_rolls import recognised
from sql.vtt_commands import ToldRoll

NOW = datetime(2026, 11, 20, 18, 30, tzinfo=UTC)


def told(n: int = 1, **changes: Any) -> ToldRoll:
    return ToldRoll(UUID(int=9), UUID(int=n), "1d20+5", 20, "actor-1", NOW, "")._replace(**changes)


def rolled(ref: str = "m1", *, face: int = 20, formula: str = "d20 + 5", actor: str = "actor-1") -> DiceRoll:
    return DiceRoll(
        f"w:{ref}:0",
        Source("foundry", "w", ref=ref),
        Actor("Ana", character_id=actor),
        "public",
        "1d20+5",
        (Group(20, 1, (Die(face),)),),
        total=face + 5,
        notation_native=formula,
    )


@pytest.mark.parametrize("formula", ["1d20+5", "d20 + 5", "1D20 +5"])
def test_however_its_formula_is_spelled(formula: str) -> None:
    assert recognised(rolled(formula=formula), NOW, [told()]) == told()


@pytest.mark.parametrize(
    ("roll", "seconds"),
    [
        (rolled(face=19), 1.0),
        (rolled(formula="1d20+6"), 1.0),
        (rolled(actor="actor-2"), 1.0),
        (rolled(), 60.1),
        (rolled(), -1.1),
    ],
    ids=["other die", "other formula", "somebody else", "too late", "before it was told"],
)
def test_what_was_not_ordered(roll: DiceRoll, seconds: float) -> None:
    assert recognised(roll, NOW + timedelta(seconds=seconds), [told()]) is None


@pytest.mark.parametrize("actor", ["", "unknown", "actor-1"])
def test_a_roll_of_nobody_in_particular_may_be_the_one(actor: str) -> None:
    assert recognised(rolled(actor=actor), NOW + timedelta(seconds=59.9), [told()]) == told()
    assert recognised(rolled(actor="actor-2"), NOW, [told(actor_id="")]) == told(actor_id="")


def test_the_second_game_master_s_browser_sends_the_same_one() -> None:
    orders = [told(1), told(2)]
    assert recognised(rolled("m1"), NOW, orders) == told(1)
    assert recognised(rolled("m1"), NOW, orders) == told(1, report="m1")
    assert recognised(rolled("m2"), NOW, orders) == told(2)
    assert recognised(rolled("m3"), NOW, orders) is None
