"""Commands in the module's words: nothing of a name is markup, and what is not wanted is not there."""

from __future__ import annotations

import json
from typing import Any

import pytest

from server.rules import table_commands as wire
from server.rules.table_commands import TableCommand, same_formula

HOSTILE = "<img src=x onerror=\"alert('1')\">&"


def texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for inner in value.values() for text in texts(inner)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize(
    "command",
    [
        wire.roll_dice("1d20", flavor=HOSTILE),
        wire.chat_message(HOSTILE, alias=HOSTILE),
        wire.spell_effect("a", "s", HOSTILE, "disable", triggered_by=HOSTILE),
        wire.monster_effect("a", HOSTILE, "debuff", triggered_by=HOSTILE),
    ],
)
def test_names_are_text(command: TableCommand) -> None:
    assert any("&lt;img" in text for text in texts(dict(command.data)))
    for text in texts(dict(command.data)):
        assert not set(text) & set("<>\"'")


def test_what_is_not_wanted_is_left_out() -> None:
    """`null` would force a die to nothing, and 0 is taken for the default."""
    assert wire.roll_dice("1d20").data == {"formula": "1d20"}
    assert wire.roll_dice("1d20", forced_result=1, actor_id="a").data == {
        "formula": "1d20", "forcedResult": 1, "speaker": {"actorId": "a"},
    }  # fmt: skip
    assert wire.chat_message("hi").data == {"content": "hi"}
    assert wire.request_sync().data == {}
    assert wire.spell_effect("a", "s", "Bane", "buff").data["effect"] == {"type": "buff"}
    every: list[TableCommand] = [
        wire.roll_dice("1d20"), wire.chat_message("x"), wire.delete_message("m"),
        wire.modify_actor("a", {"x": 1}),
        wire.spell_effect("a", "s", "n", "disable", duration_s=600), wire.remove_spell_effect("a", "s"),
        wire.monster_effect("a", "n", "buff"), wire.remove_monster_effect("a"), wire.cleanup_all_effects(),
        wire.request_sync("a"),
    ]  # fmt: skip
    for command in every:
        assert "null" not in json.dumps(command.data)
    assert len({command.kind for command in every}) == 10


def test_effects_in_the_modules_words() -> None:
    cursed = wire.spell_effect("a", "s", "Bane", "debuff", penalty_type="penalty", penalty=3)
    assert cursed.data["effect"] == {"type": "debuff", "debuffType": "penalty", "penaltyValue": 3}
    assert wire.monster_effect("a", "Orc", "buff", armor_class=2, hit_points=10).data["effect"] == {
        "type": "buff", "acBonus": 2, "tempHp": 10,
    }  # fmt: skip
    assert wire.monster_effect("a", "Orc", "debuff", armor_class=2, hit_points=10).data["effect"] == {
        "type": "debuff", "acPenalty": 2, "maxHpReduction": 10,
    }  # fmt: skip


def test_formulas_are_compared_as_tables_write_them() -> None:
    assert same_formula("1d20+5", "1d20 + 5")
    assert same_formula("2D6kh1", "2d6kh1")
    assert same_formula("1d20+5", "d20 + 5")
    assert same_formula("2d20kh + 3", "2D20kh1+3")
    assert same_formula("d% ", "1d100")
    assert same_formula("{1d6, 1d8}kh", "{1d6,1d8}KH")
    assert not same_formula("2d20kh1", "2d20kl1")
    assert not same_formula("1d20-5", "1d20+5")
    assert not same_formula("1d20", "2d20")
    assert not same_formula("1d20+5", "1d20+15")
