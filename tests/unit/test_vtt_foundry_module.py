"""Rolls of the published module (vtt-wire-protocol §7) and of event hookers (platforms/vtt.md §2.3)."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from integrations.vtt import event_hooker, foundry_roll
from integrations.vtt.foundry_roll import Asked, ModuleVerdict, fallen, simple, verdict
from integrations.vtt.foundry_terms import Terms
from server.rules.dice import Actor, DiceRoll, Die, Group, Modifier, Outcome, Source, inconsistencies

NOW = datetime(2026, 11, 20, 18, 30, 30, tzinfo=UTC)
SENT = datetime(2026, 11, 20, 18, 30, 5, 123_000, tzinfo=UTC)
DATA = Path(__file__).parents[1] / "data/vtt"
HOOKED = json.loads((DATA / "event-hooker.json").read_text())
MODULE = json.loads((DATA / "module-roll.json").read_text())


def module(**changes: Any) -> dict[str, Any]:
    return dict(copy.deepcopy(MODULE), **changes)


def module_roll(message: object) -> DiceRoll:
    found = foundry_roll.read(message, NOW)
    assert found.reasons == ()
    return found.rolls[0]


#: What the id is made of; a change of it would let every roll in flight count twice.
NAT20_CONTENT = b'["2d20kh + 7", [[20, [[20, "kept"], [4, "dropped"]]]], 27.0]'
NAT20 = DiceRoll(
    roll_id=f"mossy-world:Qm7rT2hubbub0001:{sha256(NAT20_CONTENT).hexdigest()[:12]}",
    source=Source("foundry", "mossy-world", ref="Qm7rT2hubbub0001"),
    actor=Actor("Rook Feather", "", "Rook Feather", "actRook000000001"),
    visibility="public",
    notation="2d20kh1+7",
    groups=(Group(20, 2, (Die(20), Die(4, "dropped"))),),
    modifiers=(Modifier(7),),
    total=27,
    rolled_at=SENT,
    label="Longbow - Attack Roll",
    kind="attack",
    notation_native="2d20kh + 7",
    outcome=Outcome(critical=True, fumble=False),
)


def test_the_roll_of_the_module() -> None:
    found = module_roll(MODULE)
    assert found == NAT20
    assert verdict(MODULE) == ModuleVerdict(
        "success", "major", "Natural 20!", "nat20", "", "", "dexterity", "Dextérité"
    )


@pytest.mark.parametrize("hidden", [True, None, 0, "false"])
def test_all_that_is_not_plainly_open_is_secret(hidden: object) -> None:
    assert module_roll(module(isHidden=hidden)).visibility == "gm_only"


def test_two_browsers_send_one_roll_and_one_message_two() -> None:
    other_browser = module()
    other_browser["metadata"]["timestamp"] += 40
    other_browser["metadata"]["parsedFlavor"] = {}
    assert module_roll(other_browser).roll_id == module_roll(MODULE).roll_id
    other_dice = module()
    other_dice["terms"][0]["results"][1]["value"] = 5
    others = [
        module(rollFormula="1d8"),
        module(result=26),
        other_dice,
        module(worldId="x"),
        module(rollId="x"),
    ]
    ids = {module_roll(message).roll_id for message in others}
    assert len(ids) == len(others)
    assert module_roll(MODULE).roll_id not in ids


def test_nobody_is_not_a_character() -> None:
    actor = module_roll(module(characterId="unknown", characterName="")).actor
    assert actor == Actor("Foundry")


@pytest.mark.parametrize(
    ("sent", "total"),
    [
        (27, 27),
        (27.5, 27.5),
        ("27", 27),
        ("-2.5", -2.5),
        (None, None),
        ("27d", None),
        (True, None),
        ("٣", None),
    ],
)
def test_totals_are_coerced(sent: object, total: float | None) -> None:
    assert module_roll(module(result=sent)).total == total


def test_an_undefined_result_is_no_total() -> None:
    message = module()
    del message["result"]
    assert module_roll(message).total is None


@pytest.mark.parametrize(
    ("sent", "kind"),
    [
        *(
            ("attack", "attack"),
            ("damage", "damage"),
            ("save", "save"),
            ("skill", "skill"),
            ("heal", "healing"),
        ),
        *(("initiative", "initiative"), ("ability", "check"), ("death-save", "death_save")),
        *(("hit-dice", "healing"), ("generic", "custom"), ("", "custom"), (None, "custom"), (7, "custom")),
    ],
)
def test_types_of_rolls(sent: object, kind: str) -> None:
    assert module_roll(module(rollType=sent)).kind == kind


@pytest.mark.parametrize(
    ("changes", "outcome", "found"),
    [
        ({"isCritical": False, "criticalType": None}, Outcome(False, False), (None, "major", "Natural 20!")),
        ({"criticalType": "failure"}, Outcome(False, True), ("failure", "major", "Natural 20!")),
        ({"criticalType": None}, Outcome(), (None, "major", "Natural 20!")),
        ({"isCritical": None}, Outcome(), (None, "major", "Natural 20!")),
        (
            {"severity": None, "criticalLabel": None, "criticalCategory": None},
            Outcome(True, False),
            ("success", "major", "Critical success"),
        ),
        (
            {"severity": "minor", "criticalLabel": ""},
            Outcome(True, False),
            ("success", "minor", "Critical success"),
        ),
        ({"severity": ["minor"]}, Outcome(True, False), ("success", "major", "Natural 20!")),
    ],
)
def test_criticals(changes: dict[str, Any], outcome: Outcome, found: tuple[object, ...]) -> None:
    message = module(**changes)
    assert module_roll(message).outcome == outcome
    said = verdict(message)
    assert (said.critical, said.severity, said.label) == found


def test_a_critical_without_details_and_one_that_is_a_guess() -> None:
    assert verdict({"isCritical": True, "criticalType": "failure"}) == ModuleVerdict(
        "failure", "major", "Critical failure", "generic_failure"
    )
    guess = module(criticalCategory="raw_max")
    assert verdict(guess).is_guess
    assert module_roll(guess).outcome == Outcome(), "a guess is nobody's word"
    assert not verdict(MODULE).is_guess
    assert verdict(None) == ModuleVerdict()


def test_successes_of_a_pool() -> None:
    system = {"isPool": True, "poolSuccesses": 3, "raw": {}}
    assert module_roll(module(systemData=system)).successes == 3
    assert module_roll(module(systemData=system | {"isPool": False})).successes is None


@pytest.mark.parametrize(
    ("formula", "values", "terms"),
    [
        ("2d20kh + 7", [20], Terms((Group(20, 1, (Die(20),)),), (Modifier(7),))),
        ("1d8 + 1d6 + 4", [6, 3], Terms((Group(8, 1, (Die(6),)), Group(6, 1, (Die(3),))), (Modifier(4),))),
        ("1d8 - 1d6", [6, 3], Terms((Group(8, 1, (Die(6),)), Group(6, 1, (Die(3),), -1)))),
        ("4dF", [1, 0, -1, 0], Terms((Group("F", 4, (Die(1), Die(0), Die(-1), Die(0))),))),
        ("d%", [77], Terms((Group(100, 1, (Die(77),)),))),
        ("1d8 + 2d6x", [6, 3], Terms((Group("custom", 2, (Die(6), Die(3))),))),
        ("floor(1d6/2)", [5], Terms((Group("custom", 1, (Die(5),)),))),
    ],
)
def test_dice_without_terms(formula: str, values: list[int], terms: Terms) -> None:
    roll = module_roll(module(rollFormula=formula, diceResults=values, terms=None))
    assert (roll.groups, roll.modifiers) == (terms.groups, terms.modifiers)


def test_the_module_keeps_no_dice_of_a_function() -> None:
    terms = [{"type": "function", "class": "FunctionTerm", "expression": "floor(1d6/2)", "value": 2}]
    roll = module_roll(module(rollFormula="floor(1d6/2)", diceResults=[], terms=terms, result=2))
    assert (roll.groups, roll.modifiers, inconsistencies(roll)) == ((), (), [])


@pytest.mark.parametrize(
    ("formula", "parts"),
    [
        ("2d20kh + 7", ((Asked(1, 2, 20, "kh1"),), (Modifier(7),))),
        ("4d6d + 2.5[luck]", ((Asked(1, 4, 6, "dl1"),), (Modifier(2.5),))),
        ("d20", ((Asked(1, 1, 20, ""),), ())),
        ("- 1D6[cold] - 3", ((Asked(-1, 1, 6, ""),), (Modifier(-3),))),
        ("5", ((), (Modifier(5),))),
        *(
            (text, None)
            for text in ("", "1d6 1d6", "1d6x", "2*3", "1d0", "1d10001", "(1d6)", "1d6 +", "+".join("1" * 40))
        ),
    ],
)
def test_simple_formulas(formula: str, parts: object) -> None:
    assert simple(formula) == parts


@pytest.mark.parametrize(
    ("keep", "kept"),
    [
        ("kh1", [False, True, False]),
        ("kl1", [True, False, False]),
        ("dl1", [False, True, True]),
        ("dh2", [True, False, False]),
    ],
)
def test_dice_that_a_formula_drops(keep: str, kept: list[bool]) -> None:
    group = fallen(Asked(1, 3, 6, keep), [2, 6, 4])
    assert [die.state == "kept" for die in group.dice] == kept


# Event hookers.


def hooked(**changes: Any) -> dict[str, Any]:
    return dict(copy.deepcopy(HOOKED), **changes)


def test_the_sample_of_an_event_hooker() -> None:
    found = event_hooker.read(HOOKED, NOW)
    assert found.reasons == ()
    roll = found.rolls[0]
    assert roll == DiceRoll(
        roll_id=roll.roll_id,
        source=Source("foundry", "mossy-world", "event-hooker"),
        actor=Actor("Rook Feather", "", "Rook Feather", "actRook000000001"),
        visibility="gm_only",
        notation="1d20+7",
        groups=(Group(20, 1, (Die(11),)),),
        modifiers=(Modifier(7),),
        total=18,
        rolled_at=SENT,
        kind="skill",
        notation_native="1d20 + 7",
    )
    assert roll.roll_id.startswith("mossy-world:")
    assert inconsistencies(roll) == []


def test_a_batch_of_events() -> None:
    later = hooked(timestamp=1795199405124)
    found = event_hooker.read([HOOKED, {"event": "dnd5e.restCompleted"}, HOOKED, later], NOW, "public")
    assert [roll.visibility for roll in found.rolls] == ["public"] * 2
    assert found.reasons == ("1: roll is no object",)
    assert found.rolls[0].roll_id != found.rolls[1].roll_id
    assert event_hooker.read({"events": [HOOKED]}, NOW, "public").rolls == found.rolls[:1]


@pytest.mark.parametrize(
    ("mode", "visibility"),
    [
        ("publicroll", "public"),
        ("gmroll", "gm_only"),
        ("blindroll", "blind"),
        ("selfroll", "self"),
        ("x", "gm_only"),
        ([], "gm_only"),
    ],
)
def test_a_mode_that_is_told(mode: object, visibility: str) -> None:
    found = event_hooker.read(hooked(context={"rollMode": mode}), NOW, "public")
    assert found.rolls[0].visibility == visibility


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        *(
            ("dnd5e.rollAttackV2", "attack"),
            ("dnd5e.rollDamage", "damage"),
            ("dnd5e.rollDeathSave", "death_save"),
        ),
        *(
            ("dnd5e.rollAbilityTest", "check"),
            ("dnd5e.rollSavingThrow", "save"),
            ("dnd5e.rollHitDie", "healing"),
        ),
        *(("dnd5e.rollInitiative", "initiative"), ("", "custom"), (None, "custom")),
    ],
)
def test_kinds_of_events(event: object, kind: str) -> None:
    assert event_hooker.read(hooked(event=event), NOW).rolls[0].kind == kind


def test_advantage_of_an_event() -> None:
    roll = {"total": 24, "formula": "2d20kh + 7", "dice": [{"faces": 20, "results": [4, 17]}]}
    found = event_hooker.read(hooked(roll=roll), NOW).rolls[0]
    assert found.groups == (Group(20, 2, (Die(4, "dropped"), Die(17))),)
    assert inconsistencies(found) == []
