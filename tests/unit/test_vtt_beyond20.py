"""Beyond20: advantage, whispers and damage by its flags (platforms/vtt.md §4)."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from integrations.vtt import beyond20
from server.rules.dice import (
    Die,
    Group,
    Modifier,
    Outcome,
    inconsistencies,
)
from tests.unit.vtt_rolls import (
    ATTACK,
    DAMAGE,
    NOW,
    only,
    rolls,
    stamped,
)
from tests.vtt_mutations import sample


def test_beyond20_the_array_of_the_dom_event_is_the_same_roll_for_five_seconds() -> None:
    message = sample("beyond20-rendered-roll")
    attack, damage = rolls(beyond20.read([message], NOW))
    stem = re.fullmatch(r"(b20:900001:1795199405000-[0-9a-f]{16}):0", attack.roll_id)
    assert stem
    assert attack == replace(ATTACK, roll_id=f"{stem[1]}:0", rolled_at=None)
    assert damage == replace(DAMAGE, roll_id=f"{stem[1]}:1", parent_roll_id=f"{stem[1]}:0", rolled_at=None)
    again = beyond20.read([message, {"more": "arguments"}], NOW + timedelta(seconds=3.5))
    assert again == beyond20.read(message, NOW)
    later = beyond20.read(message, NOW + timedelta(seconds=3.6))
    assert later.rolls[0].roll_id != attack.roll_id
    message["attack_rolls"][1]["parts"][0]["rolls"][0]["roll"] = 8
    assert beyond20.read(message, NOW).rolls[0].roll_id != attack.roll_id


@pytest.mark.parametrize(
    ("whisper", "visibility", "redact"),
    [
        (0, "public", set()),
        (1, "gm_only", set()),
        (2, "gm_only", set()),
        (3, "public", {"character_name", "label"}),
        (4, "gm_only", set()),
        (None, "gm_only", set()),
        (False, "gm_only", set()),
        ("0", "gm_only", set()),
    ],
)
def test_beyond20_whisper(whisper: object, visibility: str, redact: set[str]) -> None:
    message = sample("beyond20-rendered-roll") | {"whisper": whisper}
    assert {(r.visibility, r.redact) for r in beyond20.read(message, NOW).rolls} == {
        (visibility, frozenset(redact))
    }


def test_beyond20_without_a_whisper_the_request_tells_and_without_both_it_is_secret() -> None:
    message = sample("beyond20-rendered-roll")
    del message["whisper"]
    assert beyond20.read(message, NOW).rolls[0].visibility == "public"
    del message["request"]["whisper"]
    assert beyond20.read(message, NOW).rolls[0].visibility == "gm_only"


def d20(value: int, lost: bool) -> dict[str, Any]:
    raw: dict[str, Any] = sample("beyond20-rendered-roll")["attack_rolls"][0]
    raw["parts"][0]["rolls"] = [{"roll": value}]
    return raw | {"total": value + 7, "discarded": lost, "critical-success": value == 20}


@pytest.mark.parametrize(
    ("advantage", "fell", "mode", "notation"),
    [
        (0, [(12, False)], "normal", "1d20+7"),
        (2, [(3, True), (12, False)], "normal", "2d20kh1+7"),
        (3, [(3, True), (12, False)], "advantage", "2d20kh1+7"),
        (4, [(3, False), (12, True)], "disadvantage", "2d20kl1+7"),
        (6, [(3, True), (12, False), (9, True)], "super_advantage", "3d20kh1+7"),
        (7, [(3, False), (12, True), (9, True)], "super_disadvantage", "3d20kl1+7"),
        (8, [(3, True), (12, False)], "advantage", "2d20kh1+7"),
        (9, [(3, False), (12, True)], "disadvantage", "2d20kl1+7"),
    ],
)
def test_beyond20_advantage(advantage: int, fell: list[tuple[int, bool]], mode: str, notation: str) -> None:
    message = sample("beyond20-rendered-roll") | {"damage_rolls": [], "attack_rolls": [d20(*f) for f in fell]}
    message["request"]["advantage"] = advantage
    roll = only(beyond20.read(message, NOW))
    assert (roll.mode, roll.notation) == (mode, notation)
    dice = tuple(Die(value, "dropped" if lost else "kept") for value, lost in fell)
    assert roll.groups == (Group(20, len(fell), dice),)
    assert roll.total == next(value + 7 for value, lost in fell if not lost)
    assert inconsistencies(roll) == []


def test_beyond20_rolls_that_are_all_shown_are_several() -> None:
    message = sample("beyond20-rendered-roll") | {
        "attack_rolls": [d20(3, False), d20(20, False), d20(9, False)]
    }
    message["request"]["advantage"] = 5
    *shown, damage = rolls(beyond20.read(stamped(message), NOW))
    assert [(r.roll_id[-1], r.total, r.mode, r.notation) for r in shown] == [
        ("0", 10, "normal", "1d20+7"),
        ("1", 27, "normal", "1d20+7"),
        ("2", 16, "normal", "1d20+7"),
    ]
    assert (damage.roll_id[-1], damage.parent_roll_id) == ("3", shown[0].roll_id)


def test_beyond20_damage_by_its_flags() -> None:
    message = sample("beyond20-rendered-roll")
    regular, critical = (entry[1] for entry in message["damage_rolls"])
    message["damage_rolls"] = [
        ["Leaps to another creature", regular, 0],
        ["Piercing Damage", regular, 1],
        ["Piercing(Two-Handed) Damage", critical, 2],
        ["Fire Damage", critical, 4],
        ["Healing", critical, 8],
        ["Healing", "Twice the Necrotic damage", 8],
        ["Fire Critical Damage", critical, 20],
        ["Radiant Damage", critical, 32],
    ]
    attack, damage, versatile, healing, conditional = rolls(beyond20.read(message, NOW))
    assert [(g.label, g.sides) for g in damage.groups] == [("piercing", 8), ("fire", 8), ("critical fire", 8)]
    assert (damage.total, damage.damage_type, damage.kind) == (16, "", "damage")
    assert damage.modifiers == (Modifier(4, "piercing"),)
    assert (versatile.total, versatile.damage_type) == (3, "piercing(two-handed)")
    assert versatile.outcome == Outcome()
    assert (healing.kind, healing.total, healing.damage_type) == ("healing", 3, "")
    assert (conditional.kind, conditional.damage_type) == ("damage", "radiant")
    assert {r.parent_roll_id for r in (damage, versatile, healing, conditional)} == {attack.roll_id}
    assert [inconsistencies(r) for r in (damage, versatile, healing, conditional)] == [[], [], [], []]


def test_beyond20_damage_that_cannot_be_read_does_not_lose_the_attack() -> None:
    message = sample("beyond20-rendered-roll")
    message["damage_rolls"][0] = ["Piercing", 10, 1]
    reading = beyond20.read(stamped(message), NOW)
    [roll] = reading.rolls
    assert replace(roll, roll_id=ATTACK.roll_id) == ATTACK
    assert reading.reasons == ("damage_rolls: a roll is no object",)


def test_beyond20_rerolled_and_clamped_dice() -> None:
    message = sample("beyond20-rendered-roll") | {"damage_rolls": []}
    part = message["attack_rolls"][0]["parts"][0]
    part |= {"formula": "2d6ro<=2", "amount": 2, "faces": 6, "modifiers": "ro<=2"}
    part["rolls"] = [{"roll": 1, "discarded": True}, {"roll": 5}, {"roll": 4}]
    message["attack_rolls"] = [message["attack_rolls"][0] | {"formula": "2d6ro<=2 + 7", "total": 16}]
    roll = only(beyond20.read(message, NOW))
    assert roll.groups == (Group(6, 2, (Die(1, "rerolled"), Die(5), Die(4))),)
    assert roll.outcome == Outcome()
    part |= {"formula": "1d20min10", "amount": 1, "faces": 20, "modifiers": "min10", "rolls": [{"roll": 4}]}
    message["attack_rolls"][0] |= {"formula": "1d20min10 + 7", "total": 17, "type": "skill-check"}
    roll = only(beyond20.read(message, NOW))
    assert (roll.groups, roll.kind) == ((Group(20, 1, (Die(4, counts_as=10),)),), "skill")
    assert roll.notation == "1d20min10+7"


def test_beyond20_a_clock_that_is_ahead_names_a_roll_as_well_as_another() -> None:
    """The page's retries carry the same stamp; they must not depend on when they arrive."""
    message = {"request": sample("beyond20-rendered-roll"), "timestamp": 1_795_199_406_000 + 600_000}
    attack, damage = rolls(beyond20.read(message, NOW))
    again = rolls(beyond20.read(message, NOW + timedelta(seconds=30)))
    assert [roll.roll_id for roll in again] == [attack.roll_id, damage.roll_id]
    assert "1795200006000-" in attack.roll_id
    assert attack.rolled_at is None  # when it came: nothing falls in the future


def test_beyond20_two_rolls_of_one_millisecond_are_two() -> None:
    first, second = sample("beyond20-rendered-roll"), sample("beyond20-rendered-roll")
    second["attack_rolls"][1]["parts"][0]["rolls"][0]["roll"] = 8
    third = sample("beyond20-rendered-roll") | {"title": "Shortbow"}
    ids = [roll.roll_id for one in (first, second, third) for roll in rolls(beyond20.read(stamped(one), NOW))]
    assert len(set(ids)) == 6
