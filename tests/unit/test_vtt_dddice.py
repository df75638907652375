"""dddice: totals, hidden dice, whispers and d100 of two dice (platforms/vtt.md §3)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from integrations.vtt import dddice
from server.rules.dice import (
    Die,
    Group,
    inconsistencies,
)
from tests.unit.vtt_rolls import (
    DDDICE,
    NOW,
    only,
    why,
)
from tests.vtt_mutations import sample


@pytest.mark.parametrize(
    ("value", "total"),
    [("24", 24), ("-1.5", -1.5), (24, 24), ([{"src": "x"}], None), (None, None), ("✦", None)],
)
def test_dddice_total_value(value: object, total: float | None) -> None:
    assert only(dddice.read(sample("dddice-roll") | {"total_value": value}, NOW)).total == total


def test_dddice_a_hidden_die_is_the_game_masters_until_an_update_shows_it() -> None:
    roll = sample("dddice-roll")
    roll["values"][0]["is_hidden"] = True
    hidden = only(dddice.read({"event": "RollCreateEvent", "data": roll}, NOW))
    assert hidden == replace(DDDICE, visibility="gm_only")
    roll["values"][0]["is_hidden"] = False
    shown = only(dddice.read({"event": "RollUpdateEvent", "data": roll}, NOW))
    assert shown == replace(DDDICE, revision=2)
    roll["updated_at"] = "2026-11-20T18:30:07.5Z"
    later = only(dddice.read({"event": "RollUpdateEvent", "data": roll}, NOW))
    assert later == replace(DDDICE, revision=2_502)


def test_dddice_whispers_and_what_does_not_say_are_secret() -> None:
    roll = sample("dddice-roll")
    whispered = only(dddice.read(roll | {"whisper": [7, {"id": 9}, "abc", None]}, NOW))
    assert (whispered.visibility, whispered.whisper_to) == ("whisper", ("7", "9", "abc"))
    del roll["values"][1]["is_hidden"]
    assert only(dddice.read(roll, NOW)).visibility == "gm_only"
    roll = sample("dddice-roll")
    del roll["whisper"]
    assert only(dddice.read(roll, NOW)).visibility == "gm_only"


def test_dddice_values_of_the_caller_are_read_and_nothing_is_verified() -> None:
    roll = sample("dddice-roll")
    roll["values"][0]["is_user_value"] = True
    assert only(dddice.read(roll, NOW)) == DDDICE
    assert not DDDICE.verified


def percentile(*faces: tuple[int, str, int], total: int) -> dict[str, Any]:
    """A roll of d10x and d10: value and face of the tens, value of the ones."""
    roll: dict[str, Any] = sample("dddice-roll")
    die = roll["values"][0]
    values = [die | {"type": "d10x", "value": v, "value_to_display": shown} for v, shown, _ in faces]
    values += [die | {"type": "d10", "value": v, "value_to_display": str(v % 10)} for *_, v in faces]
    roll |= {"values": values, "operator": {}, "equation": f"{len(faces)}d100", "total_value": str(total)}
    return roll


@pytest.mark.parametrize(
    ("faces", "total", "values"),
    [
        ([(40, "40", 7)], 47, [47]),
        ([(4, "40", 7)], 47, [47]),
        ([(10, "00", 10)], 100, [100]),
        ([(10, "0", 3)], 3, [3]),
        ([(0, "00", 10)], 100, [100]),
        ([(30, "30", 10)], 30, [30]),
        ([(40, "40", 7), (90, "90", 1)], 138, [47, 91]),
        # The bridges that make two dice of a number write 100 as 90 and 10, and 10 as 00 and 10.
        ([(9, "90", 10)], 100, [100]),
        ([(10, "0", 10)], 10, [10]),
    ],
)
def test_dddice_d10x_and_d10_are_one_d100(
    faces: list[tuple[int, str, int]], total: int, values: list[int]
) -> None:
    roll = only(dddice.read(percentile(*faces, total=total), NOW))
    assert roll.groups == (Group(100, len(values), tuple(Die(value) for value in values)),)
    assert inconsistencies(roll) == []


def test_dddice_the_operator_drops_what_is_not_marked() -> None:
    roll = sample("dddice-roll")
    for value in roll["values"]:
        del value["is_dropped"]
    assert only(dddice.read(roll, NOW)) == DDDICE


def test_dddice_times_without_an_offset_are_refused() -> None:
    roll = sample("dddice-roll") | {"created_at": "2026-11-20T18:30:05"}
    assert why(dddice.read(roll, NOW)) == "created_at is no RFC 3339 time with an offset"
