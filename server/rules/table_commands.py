"""What a table can be told to do, in the words of the published module (vtt-wire-protocol §6).

The module puts names and texts into Foundry's chat as HTML, so they leave here escaped (edge case 8). A
field that is not wanted is left out: `null` would be taken for a value.
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from server.rules.notation_native import best, from_foundry

Kind: TypeAlias = Literal[
    "roll_dice",
    "chat_message",
    "delete_message",
    "modify_actor",
    "apply_spell_effect",
    "remove_spell_effect",
    "apply_monster_effect",
    "remove_monster_effect",
    "cleanup_all_effects",
    "request_sync",
]
#: How long a command waits for a table that is not there.
EXPIRES_IN_S: Final = 3600.0


class TableCommand(NamedTuple):
    """`kind` and fields of `command:<kind>`, but for `requestId` and `timestamp`."""

    kind: Kind
    data: Mapping[str, Any]


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _text(value: str | None) -> str | None:
    return None if value is None else html.escape(value)


def roll_dice(
    formula: str, *, forced_result: int | None = None, flavor: str | None = None, actor_id: str | None = None
) -> TableCommand:
    """Rolls; `forced_result` is what the first die shows. Comes back as a roll of the table."""
    speaker = None if actor_id is None else {"actorId": actor_id}
    fields = _given(formula=formula, forcedResult=forced_result, flavor=_text(flavor), speaker=speaker)
    return TableCommand("roll_dice", fields)


def chat_message(content: str, *, alias: str | None = None, actor_id: str | None = None) -> TableCommand:
    """Says plain text in the table's chat."""
    speaker = _given(alias=_text(alias), actorId=actor_id)
    return TableCommand("chat_message", _given(content=_text(content), speaker=speaker or None))


def delete_message(message_id: str) -> TableCommand:
    """Deletes a message of the table's chat."""
    return TableCommand("delete_message", {"messageId": message_id})


def modify_actor(actor_id: str, updates: Mapping[str, Any]) -> TableCommand:
    """Changes an actor; `updates` is as its system has it, and a person's decision."""
    return TableCommand("modify_actor", {"actorId": actor_id, "updates": dict(updates)})


def spell_effect(
    actor_id: str,
    spell_id: str,
    spell_name: str,
    kind: Literal["disable", "buff", "debuff"],
    *,
    duration_s: int | None = None,
    bonus_type: str | None = None,
    bonus: int | None = None,
    penalty_type: str | None = None,
    penalty: int | None = None,
    highlight_color: str | None = None,
    triggered_by: str | None = None,
) -> TableCommand:
    """Replaces any earlier effect on the spell. `penalty` is a positive number."""
    effect = _given(
        type=kind,
        durationSeconds=duration_s,
        buffType=bonus_type,
        bonusValue=bonus,
        debuffType=penalty_type,
        penaltyValue=penalty,
        highlightColor=highlight_color,
        triggeredBy=_text(triggered_by),
    )
    fields = {"actorId": actor_id, "spellId": spell_id, "spellName": _text(spell_name), "effect": effect}
    return TableCommand("apply_spell_effect", fields)


def remove_spell_effect(actor_id: str, spell_id: str) -> TableCommand:
    """Takes the effect off a spell."""
    return TableCommand("remove_spell_effect", {"actorId": actor_id, "spellId": spell_id})


def monster_effect(
    actor_id: str,
    monster_name: str,
    kind: Literal["buff", "debuff"],
    *,
    armor_class: int | None = None,
    hit_points: int | None = None,
    highlight_color: str | None = None,
    triggered_by: str | None = None,
) -> TableCommand:
    """Makes a monster stronger or weaker by these positive numbers."""
    names = ("acBonus", "tempHp") if kind == "buff" else ("acPenalty", "maxHpReduction")
    effect = _given(
        type=kind,
        **dict(zip(names, (armor_class, hit_points), strict=True)),
        highlightColor=highlight_color,
        triggeredBy=_text(triggered_by),
    )
    fields = {"actorId": actor_id, "monsterName": _text(monster_name), "effect": effect}
    return TableCommand("apply_monster_effect", fields)


def remove_monster_effect(actor_id: str) -> TableCommand:
    """Takes the effect off a monster."""
    return TableCommand("remove_monster_effect", {"actorId": actor_id})


def cleanup_all_effects(*, clean_chat: bool = False) -> TableCommand:
    """Takes every effect off."""
    return TableCommand("cleanup_all_effects", {"cleanChat": clean_chat})


def request_sync(actor_id: str | None = None) -> TableCommand:
    """Has a character sent once more, or all of them."""
    return TableCommand("request_sync", _given(actorId=actor_id))


def same_formula(one: str, other: str) -> bool:
    """Whether two formulas say the same: tables write them in their own way ("d20 + 5" is "1d20+5").

    What the standard cannot say is the same but for blanks and case.
    """
    return _bare(one) == _bare(other) or best(one, from_foundry).lower() == best(other, from_foundry).lower()


def _bare(formula: str) -> str:
    return "".join(formula.split()).lower()
