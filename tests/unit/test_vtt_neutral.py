"""Rolls in our own form (platforms/vtt.md §9.1, §9.4, §11)."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.vtt.neutral import Neutral, Rejected, read
from integrations.vtt.neutral_fields import FieldError
from integrations.vtt.reading import Reading
from server.rules.dice import Actor, DiceRoll, Die, Group, Modifier, Outcome, Source, inconsistencies, natural

NOW = datetime(2026, 11, 20, 18, 30, 30, tzinfo=UTC)
DATA = Path(__file__).parents[1] / "data/vtt"
SAMPLES = {
    name: json.loads((DATA / f"neutral-{name}.json").read_text())
    for name in ("attack", "rerolled", "damage", "pool", "fate", "secret")
}

EXPECTED = {
    "attack": DiceRoll(
        roll_id="mossy-world:Qm7rT2hubbub0001:0",
        source=Source("foundry", "mossy-world", "hubbub-foundry/1.0.0", "Qm7rT2hubbub0001"),
        actor=Actor("Rook", "usrRook000000001", "Rook Feather"),
        visibility="public",
        notation="2d20kh1+7",
        groups=(Group(20, 2, (Die(17), Die(4, "dropped"))),),
        modifiers=(Modifier(7),),
        total=24,
        rolled_at=datetime(2026, 11, 20, 18, 30, 5, 123_000, tzinfo=UTC),
        label="Longbow - Attack Roll",
        kind="attack",
        mode="advantage",
        notation_native="2d20kh + 7",
        outcome=Outcome(critical=False, fumble=False),
    ),
    "rerolled": DiceRoll(
        roll_id="mossy-world:Qm7rT2hubbub0002:0",
        source=Source("foundry", "mossy-world"),
        actor=Actor("Tess", "", "Tinker Tess"),
        visibility="public",
        notation="3d6ro1!",
        groups=(
            Group(
                6,
                3,
                (
                    Die(1, "rerolled"),
                    Die(6, exploded=True),
                    Die(3),
                    Die(5, replaces=0),
                    Die(2, extra=True, parent=1),
                ),
            ),
        ),
        total=16,
    ),
    "damage": DiceRoll(
        roll_id="b20:900001:1795199406000:1",
        source=Source("beyond20", "dndbeyond:900001"),
        actor=Actor("Rook Feather", "", "Rook Feather"),
        visibility="public",
        notation="1d8+1d8+4",
        groups=(Group(8, 1, (Die(6),), label="piercing"), Group(8, 1, (Die(3),), label="critical")),
        modifiers=(Modifier(4),),
        total=13,
        label="Longbow",
        kind="damage",
        damage_type="piercing",
        parent_roll_id="b20:900001:1795199406000:0",
        outcome=Outcome(critical=True),
    ),
    "pool": DiceRoll(
        roll_id="r20:-HbCampaign:881",
        source=Source("roll20", "-HbCampaign"),
        actor=Actor("Quinn"),
        visibility="public",
        notation="4d10>=8",
        groups=(
            Group(
                10,
                4,
                (
                    Die(10, counts_as=1, success=True),
                    Die(8, counts_as=1, success=True),
                    Die(3, counts_as=0),
                    Die(1, counts_as=0, failure=True),
                ),
            ),
        ),
        total=2,
        successes=2,
    ),
    "fate": DiceRoll(
        roll_id="manual:1",
        source=Source("manual", "panel"),
        actor=Actor("Lou"),
        visibility="public",
        notation="4dF+2",
        groups=(Group("F", 4, (Die(1), Die(0), Die(-1), Die(1))),),
        modifiers=(Modifier(2),),
        total=3,
    ),
    "secret": DiceRoll(
        roll_id="mossy-world:Qm7rT2hubbub0003:0",
        source=Source("foundry", "mossy-world"),
        actor=Actor("GM", is_gm=True),
        visibility="blind",
        notation="1d20",
        redact=frozenset({"character_name", "label", "dice", "total"}),
    ),
}


def sample(name: str = "attack", **changes: Any) -> dict[str, Any]:
    return dict(copy.deepcopy(SAMPLES[name]), **changes)


def one(message: object) -> DiceRoll:
    found = read(message, NOW)
    assert found.reading.reasons == ()
    return found.reading.rolls[0]


def errors(message: object) -> list[tuple[str, str]]:
    found = read(message, NOW)
    assert found.reading.rolls == ()
    assert len(found.reading.reasons) == 1
    return [(error.path, error.message) for error in found.rejected[0].errors]


@pytest.mark.parametrize("name", EXPECTED)
def test_the_samples_of_the_reference(name: str) -> None:
    assert read(sample(name), NOW) == Neutral(Reading((EXPECTED[name],)))
    assert inconsistencies(EXPECTED[name]) == []


def test_a_batch_is_judged_roll_by_roll() -> None:
    found = read({"rolls": [sample(), sample(total="24"), 7, sample("fate", new_key=1)], "sent_by": "x"}, NOW)
    assert found.reading.rolls == (EXPECTED["attack"], EXPECTED["fate"])
    assert found.rejected == (
        Rejected(1, (FieldError("/rolls/1/total", "must be a number"),)),
        Rejected(2, found.rejected[1].errors),
    )
    assert found.reading.reasons[0] == "/rolls/1/total must be a number"
    assert found.rejected[1].errors[0] == FieldError("/rolls/2", "must be an object")
    assert found.unknown_keys == 2


@pytest.mark.parametrize("rolls", [[], [{}] * 21, None, {}, "x"])
def test_a_batch_of_no_rolls_or_too_many_is_refused_as_a_whole(rolls: object) -> None:
    found = read({"rolls": rolls}, NOW)
    assert found.errors == (FieldError("/rolls", "must be a list of 1 to 20 rolls"),)
    assert found.reading.rolls == ()
    assert len(found.reading.reasons) == 1
    assert len(read({"rolls": [sample()] * 20}, NOW).reading.rolls) == 20


def test_unknown_keys_at_the_top_are_counted_and_others_are_not() -> None:
    message = sample(one=1, two=2)
    message["actor"]["three"] = 3
    found = read(message, NOW)
    assert found.unknown_keys == 2
    assert found.reading.rolls == (EXPECTED["attack"],)


@pytest.mark.parametrize("visibility", [None, "everybody", "PUBLIC", "", 1, True, ["public"], {}])
def test_a_roll_that_does_not_say_who_may_see_it_is_secret(visibility: object) -> None:
    assert one(sample(visibility=visibility)).visibility == "gm_only"


def test_a_missing_visibility_is_secret() -> None:
    message = sample()
    del message["visibility"]
    assert one(message) == replace(EXPECTED["attack"], visibility="gm_only")


def test_listeners_go_with_a_whisper_only() -> None:
    assert one(sample(visibility="whisper", whisper_to=["a", "b"])).whisper_to == ("a", "b")
    assert one(sample(visibility="self", whisper_to=["a"])).whisper_to == ()
    assert one(sample(whisper_to=[])).visibility == "public"
    assert errors(sample(whisper_to=["a"])) == [("/whisper_to", "goes only with the visibility whisper")]
    assert errors(sample(visibility="whisper", whisper_to=["a"] * 33))[0][0] == "/whisper_to"
    assert errors(sample(visibility="whisper", whisper_to=[""]))[0][0] == "/whisper_to"


def test_what_verified_says_is_nothing_to_us() -> None:
    assert one(sample(verified=True)).verified is False


def test_text_for_people_is_cleaned_and_cut() -> None:
    message = sample(label="<b>Long</b>bow\u202e\n &amp; arrow " + "x" * 200)
    message["actor"]["player_name"] = "<i>R</i>ook\u200b" + "k" * 100
    roll = one(message)
    assert roll.label.startswith("Long bow & arrow xxx")
    assert len(roll.label) == 140
    assert roll.actor.player_name == ("R ook" + "k" * 100)[:64]


def test_a_notation_is_not_taken_for_tags() -> None:
    roll = one(sample(notation="2d6ro<3+1d6>4", notation_native="2d6r<3 + 1d6cs>4"))
    assert roll.notation == "2d6ro<3+1d6>4"
    assert roll.notation_native == "2d6r<3 + 1d6cs>4"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-20T19:30:05+01:00", datetime(2026, 11, 20, 18, 30, 5, tzinfo=UTC)),
        ("2026-11-20T18:31:30Z", datetime(2026, 11, 20, 18, 31, 30, tzinfo=UTC)),
        ("1999-01-01T00:00:00Z", datetime(1999, 1, 1, tzinfo=UTC)),
    ],
)
def test_times_with_an_offset(text: str, moment: datetime) -> None:
    assert one(sample(rolled_at=text)).rolled_at == moment


@pytest.mark.parametrize(
    "rolled_at",
    [
        "2026-11-20T18:30:05",
        "2026-11-20T18:31:30.001Z",
        "yesterday",
        1795199405123,
        "0001-01-01T00:00:00+12:00",
    ],
)
def test_times_without_an_offset_or_from_the_future_are_refused(rolled_at: object) -> None:
    assert [path for path, _ in errors(sample(rolled_at=rolled_at))] == ["/rolled_at"]


def _set(path: str, value: object) -> Callable[[dict[str, Any]], None]:
    def change(message: dict[str, Any]) -> None:
        *way, last = [int(part) if part.isdigit() else part for part in path.split("/")[1:]]
        inner: Any = message
        for part in way:
            inner = inner[part]
        inner[last] = value

    return change


ONE_GROUP = [{"sides": 6, "count": 1, "dice": []}]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("/schema", "hubbub.dice_roll/2"),
        ("/schema", None),
        ("/roll_id", ""),
        ("/roll_id", "x" * 129),
        ("/roll_id", 7),
        ("/roll_id", "a\nb"),
        ("/source", None),
        ("/source/system", "talespire"),
        ("/source/system", None),
        ("/source/instance_id", "x" * 129),
        ("/source/adapter", 1),
        ("/source/ref", "x" * 257),
        ("/actor", []),
        ("/actor/player_name", " <b></b> "),
        ("/actor/player_name", 5),
        ("/actor/character_name", 5),
        ("/actor/avatar_url", "http://img.example/rook.webp"),
        ("/actor/is_gm", 1),
        ("/label", 5),
        ("/kind", "melee"),
        ("/damage_type", 5),
        ("/parent_roll_id", "x" * 129),
        ("/revision", 0),
        ("/revision", 1.5),
        ("/revision", True),
        ("/redact", ["everything"]),
        ("/redact", "total"),
        ("/redact", [{}]),
        ("/mode", "lucky"),
        ("/notation", None),
        ("/notation", ""),
        ("/notation", "1" * 257),
        ("/notation_native", "1" * 513),
        ("/groups", None),
        ("/groups", ONE_GROUP * 65),
        ("/groups/0", 3),
        ("/groups/0/sides", 0),
        ("/groups/0/sides", 10_001),
        ("/groups/0/sides", "20"),
        ("/groups/0/sides", "f"),
        ("/groups/0/count", -1),
        ("/groups/0/count", 1_001),
        ("/groups/0/count", None),
        ("/groups/0/sign", 0),
        ("/groups/0/sign", True),
        ("/groups/0/label", 5),
        ("/groups/0/subtotal", "17"),
        ("/groups/0/dice", None),
        ("/groups/0/dice", [{"value": 1, "state": "kept"}] * 1_001),
        ("/groups/0/dice/1", "4"),
        ("/groups/0/dice/1/value", "4"),
        ("/groups/0/dice/1/value", 4.5),
        ("/groups/0/dice/1/value", None),
        ("/groups/0/dice/1/state", "lost"),
        ("/groups/0/dice/1/state", None),
        ("/groups/0/dice/1/counts_as", "1"),
        ("/groups/0/dice/1/exploded", "yes"),
        ("/groups/0/dice/1/parent", -1),
        ("/groups/0/dice/1/replaces", -1),
        ("/groups/0/dice/1/success", 1),
        ("/groups/0/dice/1/symbol", 1),
        ("/modifiers", [{"value": 1}] * 33),
        ("/modifiers/0/value", "7"),
        ("/modifiers/0/value", None),
        ("/modifiers/0/label", 7),
        ("/total", "24"),
        ("/total", True),
        ("/total", None),
        ("/total", float("inf")),
        ("/total", 2**53),
        ("/successes", 1.5),
        ("/outcome", True),
        ("/outcome/critical", 1),
        ("/outcome/target", "15"),
        ("/meta", []),
        ("/meta", {"text": "x" * 4_096}),
        ("/meta", {"text": "é" * 2_048}),
    ],
)
def test_a_rule_that_is_broken_is_named_with_its_place(path: str, value: object) -> None:
    message = sample()
    _set(path, value)(message)
    assert {found for found, _ in errors(message)} == {path}


@pytest.mark.parametrize("key", ["schema", "roll_id", "source", "actor", "notation", "groups", "total"])
def test_a_required_field_that_is_missing(key: str) -> None:
    message = sample()
    del message[key]
    assert f"/{key}" in {path for path, _ in errors(message)}


@pytest.mark.parametrize(
    "key",
    [
        *("rolled_at", "label", "kind", "damage_type", "parent_roll_id", "revision", "whisper_to", "redact"),
        *("mode", "notation_native", "modifiers", "successes", "outcome", "verified", "meta"),
    ],
)
def test_null_in_an_optional_field_is_the_same_as_none(key: str) -> None:
    message = sample()
    message.pop(key, None)
    assert one(message | {key: None}) == one(message)


def test_all_that_is_wrong_is_told_at_once_and_not_without_end() -> None:
    assert [path for path, _ in errors(sample(total="1", label=5, kind="x"))] == ["/total", "/label", "/kind"]
    message = sample(groups=[{"sides": 6, "count": 500, "dice": [{}] * 500}])
    assert len(errors(message)) == 32


def test_thousand_dice_over_all_groups_and_not_one_more() -> None:
    half = {"sides": 6, "count": 500, "dice": [{"value": 1, "state": "kept"}] * 500}
    assert len(list(one(sample(groups=[half, half])).dice)) == 1_000
    more = half | {"dice": half["dice"] + half["dice"][:1]}  # type: ignore[index]
    assert errors(sample(groups=[half, more])) == [
        ("/groups/1/dice", "makes more than 1000 dice in one roll")
    ]


@pytest.mark.parametrize("value", [-2, 2, 7])
def test_fate_dice_show_three_values(value: int) -> None:
    message = sample("fate")
    message["groups"][0]["dice"][1]["value"] = value
    assert errors(message) == [("/groups/0/dice/1/value", "must be a whole number from -1 to 1")]


def test_house_rules_are_flagged_and_not_refused() -> None:
    message = sample(total=99)
    message["groups"][0]["dice"][0]["value"] = 21
    assert len(inconsistencies(one(message))) == 2


def test_a_total_may_be_null_when_it_is_redacted_or_made_of_symbols() -> None:
    assert one(sample(total=None, redact=["total"])).total is None
    story = {"sides": "custom", "count": 1, "dice": [{"value": 0, "state": "kept", "symbol": "triumph"}]}
    assert one(sample(total=None, groups=[story])).groups[0].dice[0].symbol == "triumph"
    assert one(sample(total=None, visibility="gm_only")).total is None


def test_numbers_are_numbers_however_they_are_written() -> None:
    message = sample(total=24.5, revision=2.0)
    message["groups"][0]["sides"] = 20.0
    message["groups"][0]["sign"] = -1.0
    roll = one(message)
    assert (roll.total, roll.revision, roll.groups[0].sides, roll.groups[0].sign) == (24.5, 2, 20, -1)


def test_meta_is_measured_and_left_out() -> None:
    fits = {"text": "x" * (4_096 - len('{"text":""}'))}
    assert one(sample(meta=fits)) == EXPECTED["attack"]
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    assert errors(sample(meta={"deep": deep}))[0][0] == "/meta"


def test_the_natural_rule_waits_for_a_silent_system() -> None:
    message = sample()
    del message["outcome"]
    message["groups"][0]["dice"][0]["value"] = 20
    assert natural(one(message)).critical is True


@pytest.mark.parametrize("message", [None, 7, "x", [], [sample()], {}, True])
def test_what_is_no_roll_is_refused_with_reasons(message: object) -> None:
    found = read(message, NOW)
    assert found.reading.rolls == ()
    assert len(found.reading.reasons) == len(found.rejected) == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
PLACES = [
    *(f"/{key}" for key in SAMPLES["attack"]),
    *("/groups/0/dice", "/groups/0/dice/0", "/groups/0/dice/0/value", "/groups/0/sides", "/groups/0/sign"),
    *("/source/system", "/actor/player_name", "/modifiers/0", "/modifiers/0/value", "/outcome/critical"),
]


@settings(max_examples=100)
@given(st.sampled_from(PLACES), JSON)
def test_nothing_a_stranger_sends_is_a_fault(path: str, value: object) -> None:
    message = sample()
    _set(path, value)(message)
    found = read(message, NOW)
    assert len(found.reading.rolls) + len(found.rejected) + len(found.errors) >= 1
    if path != "/visibility":
        assert all(roll.visibility == "public" for roll in found.reading.rolls)
