"""Hit points and conditions, wherever a game system keeps them."""

from __future__ import annotations

from typing import Any

import pytest

from server.rules.combat import HitPoints
from server.rules.hit_points import conditions, from_json, points, to_json


@pytest.mark.parametrize(
    ("stats", "found"),
    [
        ({"hp": {"current": 21, "max": 28, "temp": 3}}, HitPoints(21, 28, 3)),
        ({"attributes": {"hp": {"value": -2, "max": 28}}}, HitPoints(-2, 28)),
        ({"health": {"value": 5.5, "maximum": 7, "temporary": None}}, HitPoints(5.5, 7)),
        ({"wounds": {"value": 1, "max": 3}}, HitPoints(1, 3)),
        ({"hp": 12}, None),
        ({"hp": {"current": True, "max": 3}}, None),
        ({"hp": {"current": "12", "max": 3}}, None),
        ({"hp": {"current": float("nan"), "max": 3}}, None),
        ({"hp": {"current": 3}}, None),
        ({}, None),
        (None, None),
        ([1], None),
    ],
)
def test_points(stats: Any, found: HitPoints | None) -> None:
    assert points(stats) == found
    assert from_json(to_json(found)) == found


@pytest.mark.parametrize(
    ("stats", "found"),
    [
        ({"conditions": ["Prone", {"name": " Poisoned "}, "", 7, None, "Prone"]}, ("Prone", "Poisoned")),
        ({"conditions": [f"c{n}" for n in range(20)]}, tuple(f"c{n}" for n in range(12))),
        ({"conditions": ["x" * 50]}, ("x" * 32,)),
        ({"conditions": []}, ()),
        ({"conditions": "Prone"}, None),
        ({}, None),
        (None, None),
    ],
)
def test_conditions(stats: Any, found: tuple[str, ...] | None) -> None:
    assert conditions(stats) == found
