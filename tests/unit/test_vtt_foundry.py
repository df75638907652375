"""Rolls of stored messages of Foundry, and what no reader of Foundry stumbles over (platforms/vtt.md §2)."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.vtt import event_hooker, foundry_message, foundry_roll
from integrations.vtt.foundry_roll import fallen, simple, verdict
from integrations.vtt.reading import Reading
from server.rules.dice import Actor, DiceRoll, Die, Group, Modifier, Outcome, Source, inconsistencies, natural

NOW = datetime(2026, 11, 20, 18, 30, 30, tzinfo=UTC)
SENT = datetime(2026, 11, 20, 18, 30, 5, 123_000, tzinfo=UTC)
DATA = Path(__file__).parents[1] / "data/vtt"
MESSAGE = json.loads((DATA / "foundry-message.json").read_text())
HOOKED = json.loads((DATA / "event-hooker.json").read_text())
MODULE = json.loads((DATA / "module-roll.json").read_text())

LONGBOW = DiceRoll(
    roll_id="mossy-world:Qm7rT2hubbub0001:0",
    source=Source("foundry", "mossy-world", ref="Qm7rT2hubbub0001"),
    actor=Actor("Rook Feather", "usrRook000000001", "Rook Feather", "actRook000000001"),
    visibility="public",
    notation="2d20kh1+7",
    groups=(Group(20, 2, (Die(17), Die(4, "dropped"))),),
    modifiers=(Modifier(7),),
    total=24,
    rolled_at=SENT,
    label="Longbow - Attack Roll",
    kind="attack",
    mode="advantage",
    notation_native="2d20kh + 7",
)


def stored(**changes: Any) -> dict[str, Any]:
    return dict(copy.deepcopy(MESSAGE), **changes)


def message_roll(message: object) -> DiceRoll:
    found = foundry_message.read(message, NOW, "mossy-world")
    assert found.reasons == ()
    return found.rolls[0]


def die(number: int, faces: int, *results: int | dict[str, Any], **more: Any) -> dict[str, Any]:
    shown = [r if isinstance(r, dict) else {"result": r, "active": True} for r in results]
    return {"class": "Die", "number": number, "faces": faces, "modifiers": [], "results": shown} | more


def test_the_sample_message() -> None:
    assert foundry_message.read(MESSAGE, NOW, "mossy-world") == Reading((LONGBOW,))
    assert inconsistencies(LONGBOW) == []
    assert natural(LONGBOW) == Outcome(critical=False, fumble=False)


def test_rolls_are_json_texts_in_the_stored_source() -> None:
    assert message_roll(stored(rolls=[json.dumps(MESSAGE["rolls"][0])])) == LONGBOW


def test_several_rolls_of_a_message_each_have_their_index_and_are_judged_alone() -> None:
    rolls = [
        MESSAGE["rolls"][0],
        "{",
        {"formula": "1d6", "evaluated": False},
        json.dumps(MESSAGE["rolls"][0]),
    ]
    found = foundry_message.read(stored(rolls=rolls), NOW, "mossy-world")
    assert [roll.roll_id for roll in found.rolls] == [
        "mossy-world:Qm7rT2hubbub0001:0",
        "mossy-world:Qm7rT2hubbub0001:3",
    ]
    assert found.reasons == ("1: the roll is not valid JSON", "2: the roll has not been thrown yet")


@pytest.mark.parametrize(
    ("whisper", "blind", "visibility"),
    [
        ([], False, "public"),
        (["usrGM00000000001"], False, "gm_only"),
        (["usrGM00000000001"], True, "blind"),
        ([], True, "blind"),
        (["usrRook000000001"], False, "self"),
        (["usrRook000000001", "usrGM00000000001"], False, "gm_only"),
        (None, False, "gm_only"),
        ("", False, "gm_only"),
        ([], None, "gm_only"),
        ([], 0, "gm_only"),
        ([None], False, "gm_only"),
    ],
)
def test_secrecy_is_decided_from_whisper_and_blind(whisper: object, blind: object, visibility: str) -> None:
    assert message_roll(stored(whisper=whisper, blind=blind)).visibility == visibility


@pytest.mark.parametrize("key", ["whisper", "blind"])
def test_a_message_without_the_signs_of_secrecy_is_secret(key: str) -> None:
    message = stored()
    del message[key]
    assert message_roll(message).visibility == "gm_only"


def test_the_author_of_version_11_and_of_a_live_document() -> None:
    message = stored(user="usrRook000000001")
    del message["author"]
    assert message_roll(message) == LONGBOW
    live = message_roll(stored(author={"_id": "u1", "name": "Rook's player"}))
    assert live.actor == Actor("Rook's player", "u1", "Rook Feather", "actRook000000001")
    assert message_roll(stored(speaker=None)).actor == Actor("usrRook000000001", "usrRook000000001")


def test_the_world_of_a_message() -> None:
    assert message_roll(stored(worldId="other")).source.instance_id == "other"
    assert foundry_message.read(MESSAGE, NOW).rolls[0].roll_id == "foundry:Qm7rT2hubbub0001:0"


def test_a_clock_that_is_ahead_is_not_believed() -> None:
    assert message_roll(stored(timestamp=1795199405123 + 120_000)).rolled_at is None
    assert message_roll(stored(timestamp="soon")).rolled_at is None


@pytest.mark.parametrize(
    ("flags", "flavor", "kind"),
    [
        ({"dnd5e": {"roll": {"type": "skill"}}}, "Attack Roll", "skill"),
        ({"dnd5e": {"roll": {"type": "death"}}}, "", "death_save"),
        ({"pf2e": {"context": {"type": "attack-roll"}}}, "", "attack"),
        ({"pf2e": {"context": {"type": "saving-throw"}}}, "", "save"),
        ({"pf2e": 7, "dnd5e": {"roll": []}}, "Dexterity Saving Throw", "save"),
        ({}, "Death Saving Throw", "death_save"),
        ({}, "Longbow - Damage Roll", "damage"),
        ({}, "Rook rolls for Initiative!", "initiative"),
        ({}, "Jet d'attaque", "custom"),
        (None, "Stealth Skill Check", "skill"),
    ],
)
def test_kinds(flags: object, flavor: str, kind: str) -> None:
    rolls = [MESSAGE["rolls"][0] | {"options": {}}]
    assert message_roll(stored(flags=flags, flavor=flavor, rolls=rolls)).kind == kind


def test_a_damage_roll_is_known_by_its_class() -> None:
    roll = {
        "class": "DamageRoll",
        "formula": "1d8",
        "total": 3,
        "terms": [die(1, 8, 3)],
        "options": {"critical": True},
    }
    found = message_roll(stored(flavor="", rolls=[roll]))
    assert (found.kind, found.outcome) == ("damage", Outcome(critical=True))


@pytest.mark.parametrize(
    ("options", "flags", "outcome"),
    [
        ({"critical": 17, "fumble": 1}, {}, Outcome(True, False)),
        ({"critical": 20, "fumble": 17, "target": 15}, {}, Outcome(False, True, None, 15)),
        ({"critical": "20"}, {}, Outcome()),
        ({"degreeOfSuccess": 3}, {}, Outcome(True, False, True)),
        ({}, {"pf2e": {"context": {"outcome": "criticalFailure"}}}, Outcome(False, True, False)),
        ({}, {"pf2e": {"context": {"outcome": "failure"}}}, Outcome(False, False, False)),
        ({}, {"pf2e": {"context": {"outcome": ["failure"]}}}, Outcome()),
    ],
)
def test_what_the_system_says_of_the_result(options: Any, flags: Any, outcome: Outcome) -> None:
    rolls = [MESSAGE["rolls"][0] | {"options": options}]
    assert message_roll(stored(flags=flags, rolls=rolls)).outcome == outcome


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"_id": None}, "_id is missing, or longer than 128 characters"),
        ({"rolls": []}, "the message holds no roll"),
        ({"rolls": "x"}, "rolls is no list"),
        ({"rolls": [{}] * 65}, "rolls has more than 64 entries"),
        ({"rolls": [{"terms": []}]}, "0: formula is missing"),
        ({"rolls": ['{"formula": "1d6", "total": NaN}']}, "0: the roll is not valid JSON"),
        ({"rolls": ["[" * 60_000]}, "0: the roll is not valid JSON"),
        ({"rolls": [" " * 65_537]}, "0: the roll is longer than 65536 characters"),
        (
            {"rolls": [{"formula": "1d6", "terms": [die(1, 6, {"result": 2.5})]}]},
            "0: a die shows no whole number",
        ),
    ],
)
def test_messages_that_hold_no_roll(changes: dict[str, Any], reason: str) -> None:
    assert foundry_message.read(stored(**changes), NOW) == Reading((), (reason,))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def places(value: object, way: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Every place of a sample but its root."""
    entries: Any = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    return [place for key, inner in entries for place in [(*way, key), *places(inner, (*way, key))]]


def changed(sample: object, way: tuple[str | int, ...], value: object) -> object:
    made: Any = copy.deepcopy(sample)
    inner = made
    for part in way[:-1]:
        inner = inner[part]
    inner[way[-1]] = value
    return made


@settings(max_examples=150)
@given(st.data())
def test_nothing_a_stranger_sends_is_a_fault(data: st.DataObject) -> None:
    sample, read = data.draw(
        st.sampled_from(
            [(MESSAGE, foundry_message.read), (MODULE, foundry_roll.read), (HOOKED, event_hooker.read)]
        )
    )
    way = data.draw(st.sampled_from(places(sample)))
    message = changed(sample, way, data.draw(JSON))
    found = read(message, NOW)
    assert found.rolls or found.reasons
    for roll in found.rolls:
        assert 1 <= len(roll.roll_id) <= 128
        assert len(roll.notation) <= 256
        assert len(roll.actor.player_name) <= 64
        inconsistencies(roll)
        if way[-1] in ("whisper", "blind", "isHidden"):
            assert roll.is_secret or message[way[-1]] in ([], False)  # type: ignore[index]
    verdict(message)


@settings(max_examples=50)
@given(JSON)
def test_nor_is_anything_else(message: object) -> None:
    for read in (foundry_message.read, foundry_roll.read, event_hooker.read):
        found = read(message, NOW)
        assert found.rolls or found.reasons
    verdict(message)


@settings(max_examples=100)
@given(
    st.text(st.sampled_from("0123456789dDkhlfF%+-*()[] .x"), max_size=40),
    st.lists(st.integers(-9, 99), max_size=6),
)
def test_any_formula_and_any_dice(formula: str, values: list[int]) -> None:
    parts = simple(formula)
    for asked in parts.dice if parts else ():
        assert [die.value for die in fallen(asked, values).dice] == values
    terms = foundry_roll.from_values(formula, values)
    assert [die.value for group in terms.groups for die in group.dice] == values
