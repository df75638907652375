"""Item categories: what matches, what viewers may touch, what the desk is told of synced items."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.rules.item_categories import (
    PRESETS,
    Item,
    ItemCategoryRule,
    applied,
    detected,
    pick,
    presets_for,
    rule_for,
    summary,
    targets,
)

FIREBALL: Item = {
    "id": "i1",
    "name": "Fireball",
    "type": "spell",
    "level": 3,
    "school": "evo",
    "prepared": True,
}
LIGHT: Item = {"id": "i2", "name": "Light", "type": "spell", "level": 0, "school": "evo"}
SHIELD: Item = {"id": "i3", "name": "Shield", "type": "spell", "system": {"level": 1, "school": "abj"}}
SWORD: Item = {"id": "i4", "name": "Sword", "type": "weapon", "quantity": 1, "equipped": True}
RAGE: Item = {"id": "i5", "name": "Rage", "type": "feat", "subtype": "class"}
DND5E = PRESETS["dnd5e"]


def rule(**more: Any) -> ItemCategoryRule:
    more = {"rule_id": "r", "category": "spell", "subcategory": "any", "item_type": "spell"} | more
    return ItemCategoryRule(label="Spells", **more)


@pytest.mark.parametrize(
    ("item", "field", "value", "meets"),
    [
        (FIREBALL, None, None, True),
        (FIREBALL, "school", "evo", True),
        (FIREBALL, "system.school", "evo", True),  # as Foundry calls it, as its module sends it
        (SHIELD, "system.school", "abj", True),
        (SHIELD, "system.level", "1", True),
        (FIREBALL, "system.school", "Evo", False),
        (FIREBALL, "level", "3", True),
        ({"type": "spell", "level": 3.0}, "level", "3", True),
        (FIREBALL, "prepared", "true", True),
        (FIREBALL, "prepared", "1", False),
        (FIREBALL, "school", None, True),  # half a match is none
        (FIREBALL, None, "evo", True),
        (FIREBALL, "missing.deeper", "evo", False),
        ({"type": "spell", "school": None}, "school", "None", False),
        ({"type": "spell", "traits": ["arcane", "occult"]}, "traits", "occult", True),
        ({"type": "spell", "school": {"evo": 1}}, "school", "evo", False),
        ({"type": "Spell"}, None, None, False),
        ({"type": None}, None, None, False),
        ({}, None, None, False),
    ],
)
def test_an_item_meets_a_rule(
    item: dict[str, object], field: str | None, value: str | None, meets: bool
) -> None:
    assert (rule_for(item, [rule(match_field=field, match_value=value)]) is not None) is meets


def test_the_highest_priority_is_asked_first_and_of_equals_the_older_one() -> None:
    rules = [
        rule(rule_id="a"),
        rule(rule_id="b", priority=2),
        rule(rule_id="c", priority=2),
        rule(rule_id="d", priority=9, is_enabled=False),
    ]
    found = rule_for(FIREBALL, rules)
    assert found is not None
    assert found.rule_id == "b"


def test_without_rules_everything_may_be_touched() -> None:
    for rules in ([], [rule(is_enabled=False)]):
        found = targets([FIREBALL, SWORD], rules)
        assert [(target.item, target.weight) for target in found] == [(FIREBALL, 1), (SWORD, 1)]


def test_dnd5e_as_described() -> None:
    found = targets([FIREBALL, LIGHT, SHIELD, SWORD, RAGE], DND5E)
    assert [(target.item["name"], target.weight) for target in found] == [
        ("Fireball", 2),
        ("Shield", 1),
        ("Rage", 1),
    ]
    schools = {rule.subcategory for rule in DND5E if rule.category == "spell"} - {"cantrip"}
    assert len(schools) == 8
    for subcategory in ("weapon", "equipment", "consumable", "tool", "loot", "container"):
        assert not any(rule.is_targetable for rule in DND5E if rule.subcategory == subcategory)


def test_what_meets_no_rule_is_not_touched() -> None:
    assert targets([{"type": "mystery"}], DND5E) == ()
    assert targets([FIREBALL], [rule(weight=0)]) == ()


def test_tickets_draw_by_weight() -> None:
    found = targets([FIREBALL, SHIELD], DND5E)
    drawn = [pick(found, ticket).item["name"] for ticket in range(3)]
    assert drawn == ["Fireball", "Fireball", "Shield"]
    for ticket in (-1, 3):
        with pytest.raises(ValueError, match="ticket"):
            pick(found, ticket)


def test_the_summary_counts_entries_and_its_hash_follows_the_counts() -> None:
    items: list[Item] = [FIREBALL, LIGHT, SHIELD, SWORD, RAGE, {"type": "mystery"}]
    one = summary(items, DND5E)
    assert one.counts == {
        "spell": {"evocation": 1, "cantrip": 1, "abjuration": 1},
        "inventory": {"weapon": 1},
        "feature": {"class_feature": 1},
    }
    assert summary(items[::-1], DND5E).hash == one.hash
    assert summary([*items, SWORD], DND5E).hash != one.hash
    assert len(one.hash) == 64
    assert summary([], DND5E).counts == {}


def test_a_changed_rule_changes_the_summary() -> None:
    cantrip, *others = DND5E
    off = [replace(cantrip, is_enabled=False), *others]
    assert summary([LIGHT], DND5E).counts == {"spell": {"cantrip": 1}}
    assert summary([LIGHT], off).counts == {"spell": {"evocation": 1}}


def test_the_desk_is_told_types_and_values() -> None:
    found = detected([FIREBALL, LIGHT, SHIELD, SWORD, {"type": 7}, {}])
    assert found.keys() == {"spell", "weapon"}
    assert found["spell"].count == 3
    assert found["spell"].fields["school"] == {"evo": 2}
    assert found["spell"].fields["level"] == {"3": 1, "0": 1}
    assert found["spell"].fields["system.school"] == {"abj": 1}
    assert found["weapon"].fields == {"equipped": {"true": 1}}


def test_the_desk_is_told_no_more_than_it_can_show() -> None:
    many = [{"type": "spell", "school": f"s{n}"} for n in range(500)]
    assert len(detected(many)["spell"].fields["school"]) == 50
    wide: Item = {"type": "spell"} | {f"f{n}": "x" for n in range(500)}
    assert len(detected([wide])["spell"].fields) == 100
    assert len(detected([{"type": f"t{n}"} for n in range(500)])) == 200


def test_what_is_detected_can_be_made_a_rule() -> None:
    items = [FIREBALL, LIGHT, SHIELD, SWORD, RAGE]
    for kind, facts in detected(items).items():
        for field, values in facts.fields.items():
            for value, count in values.items():
                made = rule(item_type=kind, match_field=field, match_value=value)
                assert sum(rule_for(item, [made]) is not None for item in items) >= count


@pytest.mark.parametrize(
    "change",
    [
        {"category": "pet"},
        {"subcategory": ""},
        {"subcategory": "x" * 101},
        {"item_type": ""},
        {"item_type": "x" * 51},
        {"match_field": "x" * 201},
        {"match_value": "x" * 201},
        {"weight": 101},
        {"weight": -1},
        {"priority": 1001},
    ],
)
def test_a_rule_beyond_its_limits_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        replace(rule(), **change)


def test_a_rule_at_its_limits_is_taken() -> None:
    for change in (
        {"subcategory": "x" * 100, "item_type": "x" * 50, "match_field": "x" * 200, "match_value": "x" * 200},
        {"subcategory": "x", "item_type": "x", "weight": 100, "priority": 1000},
    ):
        assert replace(rule(), **change).is_enabled


@pytest.mark.parametrize(
    ("system", "touched"),
    [
        (
            "dnd5e",
            "abjuration conjuration divination enchantment evocation illusion necromancy transmutation "
            "class_feature racial_trait feat",
        ),
        ("pf2e", "focus arcane divine occult primal spell action feat"),
        ("CoC7", "spell talent"),
        ("swade", "power edge ability"),
        ("my-homebrew", "spell power prayer discipline feat feature talent ability"),
    ],
)
def test_what_viewers_may_touch_in_each_system(system: str, touched: str) -> None:
    rules = presets_for(system)
    assert [rule.subcategory for rule in rules if rule.is_targetable] == touched.split()
    heavy = [(rule.subcategory, rule.weight) for rule in rules if rule.weight != 1]
    assert heavy == ([("evocation", 2)] if system == "dnd5e" else [])
    assert {rule.category for rule in rules if rule.is_targetable} == {"spell", "feature"}


def test_presets() -> None:
    assert presets_for("coc7") == PRESETS["CoC7"]
    generic = presets_for("my-homebrew")
    assert [target.item for target in targets([FIREBALL, SWORD], generic)] == [FIREBALL]
    for rules in (*PRESETS.values(), generic):
        assert len({rule.rule_id for rule in rules}) == len(rules)
        assert any(rule.is_targetable for rule in rules)


def test_pathfinder_asks_for_cantrips_first() -> None:
    def spell(*traits: str) -> dict[str, object]:
        return {"type": "spell", "system": {"traits": {"value": list(traits), "traditions": ["arcane"]}}}

    found = [rule_for(item, PRESETS["pf2e"]) for item in (spell("cantrip"), spell("focus"), spell())]
    assert [rule and rule.subcategory for rule in found] == ["cantrip", "focus", "arcane"]


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=100)
@given(
    st.lists(
        st.dictionaries(st.sampled_from(["type", "level", "school", "system"]) | st.text(max_size=5), values),
        max_size=4,
    )
)
def test_no_item_breaks_anything(items: list[dict[str, object]]) -> None:
    for rules in PRESETS.values():
        assert len(targets(items, rules)) <= len(items)
        summary(items, rules)
    detected(items)


@st.composite
def stored(draw: st.DrawFn) -> list[ItemCategoryRule]:
    """A campaign's rules after a history: own ones, and presets of several systems, switched and edited."""
    every = {rule.rule_id: rule for system in (*PRESETS, "") for rule in presets_for(system)}
    found = []
    for number, key in enumerate(draw(st.lists(st.sampled_from(sorted(every)), unique=True, max_size=12))):
        rule = replace(every[key], rule_id=f"row-{number}", is_enabled=draw(st.booleans()))
        if draw(st.booleans()):
            rule = replace(rule, weight=draw(st.integers(0, 100)), edited=True)
        found.append(rule)
    found += [
        ItemCategoryRule(f"own-{n}", "spell", "mine", "spell", "Mine") for n in range(draw(st.integers(0, 3)))
    ]
    return draw(st.permutations(found))


@given(stored(), st.sampled_from([*PRESETS, "my-homebrew"]))
def test_applying_presets_again_changes_nothing_and_never_touches_own_work(
    before: list[ItemCategoryRule], system: str
) -> None:
    after = applied(before, system)
    assert applied(after, system) == after
    assert [rule for rule in after if rule in before and rule.preset_key is None] == [
        rule for rule in before if rule.preset_key is None
    ]
    new = {rule.preset_key: rule for rule in after if rule.preset_key}
    assert new.keys() == {rule.preset_key for rule in presets_for(system)}
    ids = {rule.rule_id: rule for rule in after}
    for rule in before:
        if rule.edited and rule.preset_key in new:
            assert ids[rule.rule_id] == rule
        elif rule.edited:
            kept = ids[rule.rule_id]
            assert (kept.weight, kept.is_enabled, kept.preset_key) == (rule.weight, False, None)
        elif rule.preset_key in new:
            assert ids[rule.rule_id].is_enabled == rule.is_enabled
