"""What leaves of a roll: nothing of secret ones, nothing redacted, no more dice than can be drawn."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.rules.criticality import Verdict
from server.rules.dice import Actor, DiceRoll, Die, Group, Modifier, Outcome, Source
from server.rules.dice_view import MOST_DRAWN, public_view, secret_notice
from server.rules.sealed import seal

VERDICT = Verdict("success", "major", "Natural 20", "Twenty!", "rule-7", "nat20")
ROLL = DiceRoll(
    "mossy-world:Qm7:0",
    Source("foundry", "mossy-world", "hubbub-foundry/1.0.0", "Qm7"),
    Actor("Rook", "usr1", "Rook Feather", "chr1", "https://example.org/rook.png"),
    "public",
    "2d20kh1+7",
    (Group(20, 2, (Die(20), Die(4, "dropped"))),),
    (Modifier(7, "Dexterity"),),
    27.0,
    label="Longbow",
    kind="attack",
    mode="advantage",
    parent_roll_id="mossy-world:Qm6:0",
    outcome=Outcome(success=True, target=15),
    verified=True,
)


def view(roll: DiceRoll, verdict: Verdict | None = None) -> dict[str, Any]:
    found = public_view(roll, verdict)
    assert found is not None
    return dict(found)


def test_a_public_roll() -> None:
    plain: dict[str, object] = {"exploded": False, "extra": False, "parent": None, "replaces": None}
    plain |= {"success": False, "failure": False, "symbol": ""}
    assert view(ROLL, VERDICT) == {
        "type": "dice.roll",
        "id": "mossy-world:Qm7:0",
        "revision": 1,
        "player_name": "Rook",
        "character_name": "Rook Feather",
        "is_gm": False,
        "label": "Longbow",
        "kind": "attack",
        "damage_type": "",
        "mode": "advantage",
        "notation": "2d20kh1+7",
        "groups": [
            {
                "sides": 20,
                "sign": 1,
                "label": "",
                "dice": [
                    {"value": 20, "state": "kept", "highest": True, **plain},
                    {"value": 4, "state": "dropped", "highest": False, **plain},
                ],
                "more": None,
            }
        ],
        "modifiers": [{"value": 7, "label": "Dexterity"}],
        "total": 27,
        "successes": None,
        "success": True,
        "critical": {"type": "success", "severity": "major", "label": "Natural 20", "category": "nat20"},
        "verified": True,
        "inconsistent": False,
    }


def test_what_pages_do_not_need_stays_here() -> None:
    text = json.dumps(view(ROLL, VERDICT))
    for secret in ("15", "example.org", "Qm6", "usr1", "chr1", "rule-7", "Twenty!", "hubbub-foundry"):
        assert secret not in text


def test_a_browser_s_roll_is_marked_and_so_is_one_that_does_not_add_up() -> None:
    assert view(replace(ROLL, verified=False))["verified"] is False
    wrong = view(replace(ROLL, total=30))
    assert (wrong["inconsistent"], wrong["total"]) == (True, 30)


def test_a_revealed_roll_keeps_the_name_it_had_on_stream() -> None:
    found = public_view(ROLL, None, view_id="9f3c")
    assert found is not None
    assert found["id"] == "9f3c"
    assert "Qm7" not in json.dumps(found)


@pytest.mark.parametrize("visibility", ["gm_only", "blind", "self", "whisper", "", "unheard-of"])
def test_a_secret_roll_is_a_notice_and_no_more(visibility: Any) -> None:
    secret = replace(ROLL, visibility=visibility)
    assert public_view(secret, VERDICT) is None
    assert secret_notice(secret, "9f3c") == {"type": "dice.secret", "id": "9f3c"}
    sealed = seal(secret, bytes(32))
    assert secret_notice(secret, "9f3c", sealed) == {
        "type": "dice.secret",
        "id": "9f3c",
        "seal": sealed.commitment[:8],
    }


def test_a_public_roll_is_no_secret() -> None:
    assert secret_notice(ROLL, "9f3c") is None


def test_a_thousand_dice_are_drawn_as_forty_and_a_sum() -> None:
    first = Group(6, 30, (Die(1),) * 30)
    second = Group(6, 970, (*(Die(2),) * 10, *(Die(3),) * 959, Die(6, "dropped")), sign=-1, label="fire")
    third = Group(8, 1, (Die(8),))
    groups = view(replace(ROLL, groups=(first, second, third)))["groups"]
    assert [len(group["dice"]) for group in groups] == [30, 10, 0]
    assert [group["more"] for group in groups] == [
        None,
        {"count": 960, "sum": -959 * 3},
        {"count": 1, "sum": 8},
    ]


def test_explosions_and_rerolls_can_be_told_apart() -> None:
    dice = (Die(1, "rerolled"), Die(6, exploded=True), Die(5, replaces=0), Die(2, extra=True, parent=1))
    (group,) = view(replace(ROLL, groups=(Group(6, 2, dice),)))["groups"]
    assert [die["state"] for die in group["dice"]] == ["rerolled", "kept", "kept", "kept"]
    assert [die["exploded"] for die in group["dice"]] == [False, True, False, False]
    assert group["dice"][2]["replaces"] == 0
    assert group["dice"][3]["parent"] == 1
    (first,) = view(replace(ROLL, groups=(Group(6, 1, (Die(6), Die(1, parent=0))),)))["groups"]
    assert first["dice"][1]["parent"] == 0
    late = (*dice[:1] * 41, Die(2, parent=40))
    many = view(replace(ROLL, groups=(Group(6, 2, (Die(3, parent=41), *late)),)))["groups"][0]
    assert many["dice"][0]["parent"] is None


def test_a_total_that_json_cannot_say_is_left_out() -> None:
    assert view(replace(ROLL, total=float("nan")))["total"] is None
    assert view(replace(ROLL, total=float("inf")))["total"] is None
    assert view(replace(ROLL, total=10.5))["total"] == 10.5


# Secrets are digits that no other part of a view has, and words of letters that none has.
words = st.text("qxz", min_size=6, max_size=10)
faces = st.integers(7_000_000, 7_999_999)
dice = st.builds(
    Die,
    faces,
    st.sampled_from(["kept", "dropped", "rerolled"]),
    st.none() | faces,
    st.booleans(),
    st.booleans(),
    st.none() | st.integers(0, 2),
    st.none() | st.integers(0, 2),
    st.booleans(),
    st.booleans(),
    words,
)
groups = st.lists(
    st.builds(
        Group,
        st.sampled_from([6, 20, "F", "custom"]),
        st.integers(0, 3),
        st.lists(dice, max_size=3).map(tuple),
        st.sampled_from([1, -1]),
        words,
    ),
    max_size=3,
).map(tuple)
verdicts = st.builds(
    Verdict,
    st.sampled_from(["success", "failure"]),
    st.sampled_from(["minor", "major", "extreme"]),
    words,
    words,
    words,
    words,
)
KINDS = ["attack", "damage", "check", "custom"]
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "groups": groups,
    "modifiers": st.lists(st.builds(Modifier, faces, words), max_size=3).map(tuple),
    "total": st.none() | faces,
    "notation": words,
    "successes": st.none() | faces,
    "outcome": st.builds(
        Outcome,
        st.none() | st.booleans(),
        st.none() | st.booleans(),
        st.none() | st.booleans(),
        st.none() | faces,
    ),
    "label": words,
    "kind": st.sampled_from(KINDS),
    "damage_type": words,
    "mode": st.sampled_from(["normal", "advantage"]),
    "roll_id": words,
    "parent_roll_id": words,
    "notation_native": words,
    "actor": st.builds(Actor, words, words, words, words, words),
    "source": st.builds(Source, st.sampled_from(["foundry", "manual"]), words, words, words),
}


def drawn(*names: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({name: VALUES[name] for name in names})


def leaves(value: object) -> list[str]:
    """Every text and every telling number of a roll."""
    if is_dataclass(value):
        return [leaf for one in fields(value) for leaf in leaves(getattr(value, one.name))]
    if isinstance(value, tuple):
        return [leaf for part in value for leaf in leaves(part)]
    if isinstance(value, str):
        return [value] if set(value) <= set("qxz") and value else []
    return [str(value)] if isinstance(value, int) and value > 1000 else []


@settings(max_examples=100)
@given(drawn(*VALUES), verdicts, st.sampled_from(["gm_only", "blind", "self", "whisper", "wrong"]))
def test_nothing_of_a_secret_roll_occurs_in_what_leaves(
    values: dict[str, Any], verdict: Verdict, visibility: Any
) -> None:
    roll = replace(ROLL, visibility=visibility, **values)
    notice = secret_notice(roll, "0123")
    assert public_view(roll, verdict) is None
    text = json.dumps(notice)
    assert leaves(roll)
    assert not [leaf for leaf in leaves(roll) + leaves(verdict) if leaf in text]
    assert notice == {"type": "dice.secret", "id": "0123"}


@settings(max_examples=100)
@given(drawn(*VALUES), verdicts | st.none(), st.booleans())
def test_a_view_is_plain_json_and_bounded(
    values: dict[str, Any], verdict: Verdict | None, redacted: bool
) -> None:
    roll = replace(ROLL, **values)
    if redacted:
        roll = replace(roll, redact=frozenset({"dice", "total", "label", "character_name"}))
    found = view(roll, verdict)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert sum(len(group["dice"]) for group in found["groups"]) <= MOST_DRAWN


#: What the view must not depend on, by what is redacted; for all else the roll stays the same.
HIDDEN_BY = {
    "dice": ("groups", "modifiers", "notation", "mode", "successes", "outcome"),
    "total": ("total", "modifiers", "notation", "successes", "outcome"),
    "label": ("label", "kind", "damage_type"),
}


@pytest.mark.parametrize("what", HIDDEN_BY)
@settings(max_examples=40)
@given(st.data())
def test_a_view_does_not_depend_on_what_is_redacted(what: Any, data: st.DataObject) -> None:
    """Two rolls that differ in nothing but what is redacted, and what tells it, look the same."""
    roll = replace(ROLL, redact=frozenset({what}))
    verdict = VERDICT if what == "label" else data.draw(verdicts)
    other = replace(roll, **data.draw(drawn(*HIDDEN_BY[what])))
    assert view(other, verdict) == view(roll, VERDICT)


def test_redacted_labels_hide_those_of_groups_modifiers_and_criticals() -> None:
    fire = replace(ROLL, groups=(replace(ROLL.groups[0], label="fire"),), redact=frozenset({"label"}))
    text = json.dumps(view(fire, VERDICT))
    for word in ("fire", "Dexterity", "Longbow", "Natural 20", "nat20", "attack"):
        assert word not in text
    assert view(fire, VERDICT)["critical"] == {
        "type": "success",
        "severity": "major",
        "label": "",
        "category": "",
    }


@pytest.mark.parametrize(
    ("notation", "shown"),
    [
        ("1d8[fire]+3", "1d8+3"),
        ("1d8[fire", ""),
        ("1d8fire]", ""),
        ("1d8[a[b]c]", ""),
        ("2d20kh1", "2d20kh1"),
    ],
)
def test_redacted_labels_leave_the_notation_without_them(notation: str, shown: str) -> None:
    assert view(replace(ROLL, notation=notation, redact=frozenset({"label"})))["notation"] == shown


def test_a_redacted_character_is_not_named_by_the_label_either() -> None:
    roll = replace(ROLL, label="ROOK FEATHER - Longbow", redact=frozenset({"character_name"}))
    assert "feather" not in json.dumps(view(roll)).lower()
    other = view(replace(roll, label="Longbow"))
    assert (other["label"], other["player_name"]) == ("Longbow", "Rook")
    twice = replace(roll, actor=Actor("Rook Feather", character_name="Rook Feather"))
    assert view(twice)["player_name"] == ""
    nameless = view(replace(roll, actor=Actor("Rook")))
    assert (nameless["label"], nameless["player_name"]) == ("ROOK FEATHER - Longbow", "Rook")


def test_redacted_dice_leave_the_total_and_redacted_totals_the_dice() -> None:
    no_dice = view(replace(ROLL, redact=frozenset({"dice"})), VERDICT)
    assert (no_dice["total"], no_dice["groups"], no_dice["critical"]) == (27, [], None)
    no_total = view(replace(ROLL, redact=frozenset({"total"})), VERDICT)
    assert (no_total["total"], no_total["modifiers"], no_total["notation"]) == (None, [], "")
    assert len(no_total["groups"][0]["dice"]) == 2
