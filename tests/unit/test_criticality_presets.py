"""The presets: for each rule a roll that fires and one that just does not; applying them keeps own work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.rules.criticality import CriticalityRule, applies, judge
from server.rules.criticality_presets import PRESETS, applied, presets_for
from server.rules.dice import Actor, DiceRoll, Die, Group, Modifier, Outcome, Sides, Source


def dice(sides: Sides, *values: int, label: str = "", state: Any = "kept") -> Group:
    return Group(sides, len(values), tuple(Die(value, state) for value in values), label=label)


def pushed(*values: int, label: str = "") -> Group:
    """Six-sided dice of which the last was rolled again."""
    *first, last = (Die(value) for value in values)
    again = replace(last, replaces=len(first))
    return Group(6, len(values), (*first, Die(2, "rerolled"), again), label=label)


def symbols(*names: str) -> Group:
    return Group("custom", len(names), tuple(Die(0, symbol=name) for name in names))


def roll(*groups: Group, total: float | None = None, modifier: int = 0, **more: Any) -> DiceRoll:
    """A test of these dice; the total is their sum unless told otherwise."""
    notation = "+".join(f"{group.count}d{group.sides}" for group in groups).lower()
    more = {"kind": "check"} | more
    return DiceRoll(
        "r1",
        Source("manual", "panel"),
        Actor("Rook"),
        "public",
        notation,
        groups,
        (Modifier(modifier),),
        sum(group.subtotal for group in groups) + modifier if total is None else total,
        **more,
    )


def against(target: float) -> Outcome:
    return Outcome(target=target)


FAILED, PASSED = Outcome(success=False), Outcome(success=True)


def hunger(*values: int) -> Group:
    return dice(10, *values, label="hunger")


#: By preset key: a game system, a roll that fires, and one that just does not.
CASES: dict[str, tuple[str, DiceRoll, DiceRoll]] = {
    "dnd5e.natural_20": ("dnd5e", roll(dice(20, 20)), roll(dice(20, 19))),
    "dnd5e.natural_1": ("dnd5e", roll(dice(20, 1)), roll(dice(20, 2))),
    "pf2e.critical_success": (
        "pf2e",
        roll(dice(20, 15), modifier=12, outcome=against(17)),
        roll(dice(20, 14), modifier=12, outcome=against(17)),
    ),
    "pf2e.critical_failure": (
        "pf2e",
        roll(dice(20, 5), modifier=2, outcome=against(17)),
        roll(dice(20, 6), modifier=2, outcome=against(17)),
    ),
    "CoC7.critical": ("CoC7", roll(dice(100, 1)), roll(dice(100, 2))),
    "CoC7.fumble": ("CoC7", roll(dice(100, 100)), roll(dice(100, 99), outcome=against(50))),
    "CoC7.fumble_low_skill": (
        "CoC7",
        roll(dice(100, 96), outcome=against(49)),
        roll(dice(100, 96), outcome=against(50)),
    ),
    "wfrp4e.high_double": (
        "wfrp4e",
        roll(dice(100, 99), outcome=against(120)),
        roll(dice(100, 98), outcome=against(20)),
    ),
    "wfrp4e.critical": (
        "wfrp4e",
        roll(dice(100, 33), outcome=against(33)),
        roll(dice(100, 33), outcome=against(32)),
    ),
    "wfrp4e.fumble": ("wfrp4e", roll(dice(100, 44), outcome=FAILED), roll(dice(100, 44), outcome=PASSED)),
    "swade.ace": (
        "swade",
        roll(dice(8, 8), dice(6, 3, state="dropped")),
        roll(dice(8, 7), dice(6, 6, state="dropped")),
    ),
    "swade.critical_failure": (
        "swade",
        roll(dice(8, 1), dice(6, 1, state="dropped")),
        roll(dice(8, 1, state="dropped"), dice(6, 2)),
    ),
    "cyberpunk-red.critical_success": ("cyberpunk-red-core", roll(dice(10, 10)), roll(dice(10, 9))),
    "cyberpunk-red.critical_failure": ("cyberpunk-red-core", roll(dice(10, 1)), roll(dice(10, 2))),
    "cyberpunk-red.critical_injury": (
        "cyberpunk-red-core",
        roll(dice(6, 6, 6, 1), kind="damage"),
        roll(dice(6, 6, 5, 1), kind="damage"),
    ),
    "alienrpg.panic": (
        "alienrpg",
        roll(dice(6, 6, 6), dice(6, 1, label="stress")),
        roll(dice(6, 1, 6), dice(6, 2, label="stress")),
    ),
    "alienrpg.sixes": ("alienrpg", roll(dice(6, 6, 6, 1)), roll(dice(6, 6, 5, 1))),
    "alienrpg.six": ("alienrpg", roll(dice(6, 6, 5, 1)), roll(dice(6, 5, 5, 1))),
    "forbidden-lands.sixes": ("forbidden-lands", roll(dice(6, 6, 6)), roll(dice(6, 6, 5))),
    "forbidden-lands.six": ("forbidden-lands", roll(dice(6, 6, 1)), roll(dice(6, 5, 1))),
    "forbidden-lands.banes": (
        "forbidden-lands",
        roll(pushed(1, 3, label="base"), dice(6, 1, label="gear")),
        roll(pushed(1, 3, label="base"), dice(6, 1, label="skill")),
    ),
    "forbidden-lands.bane": (
        "forbidden-lands",
        roll(pushed(1, 3, label="base")),
        roll(dice(6, 1, 3, label="base")),
    ),
    "vaesen.sixes": ("vaesen", roll(dice(6, 6, 6)), roll(dice(6, 6, 5))),
    "vaesen.six": ("vaesen", roll(dice(6, 6, 1)), roll(dice(6, 5, 1))),
    "vaesen.pushed_in_vain": ("vaesen", roll(pushed(5, 1)), roll(dice(6, 5, 1))),
    "blades.critical": ("blades-in-the-dark", roll(dice(6, 6, 6, 1)), roll(dice(6, 6, 5, 1))),
    "blades.bad_outcome": ("blades-in-the-dark", roll(dice(6, 3, 1)), roll(dice(6, 4, 1))),
    "v5.messy_critical": ("vtm5e", roll(dice(10, 10, 2), hunger(10)), roll(dice(10, 10, 10), hunger(9))),
    "v5.critical": ("vtm5e", roll(dice(10, 10, 10), hunger(1)), roll(dice(10, 10, 9), hunger(1))),
    "v5.bestial_failure": (
        "wod5e",
        roll(dice(10, 7, 3), hunger(1), outcome=FAILED),
        roll(dice(10, 7, 3), hunger(1)),
    ),
    "v5.bestial_total_failure": (
        "wod5e",
        roll(dice(10, 5, 3), hunger(1)),
        roll(dice(10, 6, 3), hunger(1)),
    ),
    "v5.total_failure": ("wod5e", roll(dice(10, 5, 1), hunger(2)), roll(dice(10, 6, 1), hunger(2))),
    "shadowrun.critical_glitch": ("shadowrun5e", roll(dice(6, 1, 1, 4)), roll(dice(6, 1, 1, 5))),
    "shadowrun.glitch": ("shadowrun6-eden", roll(dice(6, 1, 1, 5)), roll(dice(6, 1, 1, 5, 2))),
    "narrative.both_failed": (
        "starwarsffg",
        roll(symbols("triumph", "despair"), outcome=FAILED),
        roll(symbols("triumph", "despair")),
    ),
    "narrative.both": (
        "genesys",
        roll(symbols("triumph", "despair"), outcome=PASSED),
        roll(symbols("triumph", "threat")),
    ),
    "narrative.triumph": ("genesys", roll(symbols("triumph")), roll(symbols("success", "advantage"))),
    "narrative.despair": ("starwarsffg", roll(symbols("despair")), roll(symbols("failure", "threat"))),
    "fate.best": (
        "fate-core-official",
        roll(dice("F", 1, 1, 1, 1), modifier=2),
        roll(dice("F", 1, 1, 1, 0), modifier=1),
    ),
    "fate.worst": (
        "fate-core-official",
        roll(dice("F", -1, -1, -1, -1), modifier=2),
        roll(dice("F", -1, -1, -1, 0), modifier=-1),
    ),
    "kult.complete_success": ("k4lt", roll(dice(10, 9, 6)), roll(dice(10, 9, 5))),
    "kult.failure": ("k4lt", roll(dice(10, 3, 6)), roll(dice(10, 4, 6))),
    "mist.dynamite": ("city-of-mist", roll(dice(6, 6, 4), modifier=2), roll(dice(6, 6, 4), modifier=1)),
    "mist.strong_hit": ("city-of-mist", roll(dice(6, 5, 4), modifier=1), roll(dice(6, 5, 4))),
    "mist.miss": ("city-of-mist", roll(dice(6, 1, 4), modifier=1), roll(dice(6, 1, 4), modifier=2)),
}

ALL = {rule.preset_key or "": rule for rules in PRESETS.values() for rule in rules}


def test_every_rule_has_its_two_rolls() -> None:
    assert CASES.keys() == ALL.keys()


@pytest.mark.parametrize("key", CASES)
def test_the_rule_fires_and_just_does_not(key: str) -> None:
    system, fires, just_not = CASES[key]
    verdict = judge(presets_for(system), fires)
    assert verdict is not None
    assert verdict.rule_id == key
    assert (verdict.type, verdict.severity) == (ALL[key].critical_type, ALL[key].severity)
    other = judge(presets_for(system), just_not)
    assert other is None or other.rule_id != key
    assert not applies(ALL[key], just_not)


@pytest.mark.parametrize(
    ("system", "of"),
    [
        ("dnd5e", roll(dice(20, 20), kind="damage")),
        ("dnd5e", roll(dice(20, 20, 20), kind="attack")),
        ("dnd5e", roll(dice(20, 5), dice(4, 1), kind="attack")),  # a blessing
        ("dnd5e", roll(Group(20, 2, (Die(12), Die(1, "dropped"))), kind="attack")),
        ("dnd5e", roll(dice(20, 20), kind="initiative")),
        ("wfrp4e", roll(dice(100, 11))),  # whether it passed nobody told
        ("wfrp4e", roll(dice(100, 3), outcome=PASSED)),
        ("swade", roll(dice(8, 5), modifier=4)),  # total 9, no ace
        ("swade", roll(dice(6, 1, 3))),
        ("alienrpg", roll(dice(6, 1, 2))),
        ("vaesen", roll(dice(6, 1, 1))),
        ("shadowrun5e", roll(dice(6, 1, 2, 3))),
        ("blades-in-the-dark", roll(dice(6, 6, 4))),
        ("vtm5e", roll(dice(10, 10, 7))),
        ("genesys", roll(dice(12, 12))),
        ("fate-core-official", roll(dice("F", 1, 1, 0, 0), modifier=2)),
        ("cyberpunk-red-core", roll(dice(6, 6, 6))),
    ],
)
def test_what_is_no_critical_by_the_book(system: str, of: DiceRoll) -> None:
    """Most of these fired in the original."""
    assert judge(presets_for(system), of) is None


def test_an_explosion_in_cyberpunk_is_judged_by_the_first_die() -> None:
    presets = presets_for("cyberpunk-red-core")
    up = judge(presets, roll(Group(10, 1, (Die(10, exploded=True), Die(1, extra=True)))))
    down = judge(presets, roll(dice(10, 1), Group(10, 1, (Die(10),), sign=-1)))
    assert up is not None
    assert down is not None
    assert (up.type, down.type) == ("success", "failure")


@pytest.mark.parametrize(
    ("of", "key"),
    [
        (roll(pushed(6, 1, label="base"), dice(6, 6, label="gear")), "forbidden-lands.sixes"),
        (roll(pushed(6, 1, label="base"), dice(6, 1, label="gear")), "forbidden-lands.banes"),
        (roll(pushed(6, 1, label="base")), "forbidden-lands.six"),
    ],
)
def test_a_roll_of_sixes_and_banes_is_what_is_major(of: DiceRoll, key: str) -> None:
    verdict = judge(presets_for("forbidden-lands"), of)
    assert verdict is not None
    assert verdict.rule_id == key


def test_the_systems_of_the_table_are_there() -> None:
    families = {tuple(rules) for rules in PRESETS.values()}
    assert len(PRESETS) == 19
    assert len(families) == 16
    assert PRESETS["vtm5e"] == PRESETS["wod5e"]
    assert PRESETS["shadowrun5e"] == PRESETS["shadowrun6-eden"]
    assert PRESETS["starwarsffg"] == PRESETS["genesys"]
    assert presets_for("coc7") == presets_for("CoC7") != ()
    assert presets_for("my-homebrew") == ()


def test_presets_carry_what_a_stored_row_needs() -> None:
    for system, rules in PRESETS.items():
        keys = [rule.preset_key for rule in rules]
        assert len(set(keys)) == len(keys), system
        for rule in rules:
            assert rule.is_system_preset
            assert rule.is_enabled
            assert rule.preset_key
            assert rule.category
            assert rule.description
            assert 5 <= rule.priority <= 8


OWN = CriticalityRule("own-1", ">= 15", "total", "success", "Good enough", priority=2)


def test_applying_adds_what_is_missing() -> None:
    assert applied([], "dnd5e") == PRESETS["dnd5e"]
    assert applied([OWN], "dnd5e") == (OWN, *PRESETS["dnd5e"])
    assert applied([OWN], "my-homebrew") == (OWN,)


def test_a_system_change_replaces_presets_and_keeps_edited_work_switched_off() -> None:
    first, second = PRESETS["dnd5e"]
    edited = replace(second, rule_id="stored", label="Oh no", edited=True)
    kept, *rest = applied([first, edited], "pf2e")
    assert tuple(rest) == PRESETS["pf2e"]
    assert (kept.rule_id, kept.label) == ("stored", "Oh no")
    assert not kept.is_enabled
    assert not kept.is_system_preset


def test_a_shipped_correction_reaches_rows_that_nobody_edited() -> None:
    first, second = PRESETS["dnd5e"]
    old = replace(first, rule_id="stored", label="Misspelt", is_enabled=False)
    mine = replace(second, label="Oh no", edited=True)
    assert applied([old, mine], "dnd5e") == (replace(first, rule_id="stored", is_enabled=False), mine)


def test_an_alias_keeps_toggles() -> None:
    off = [replace(rule, is_enabled=False) for rule in applied([], "vtm5e")]
    assert not any(rule.is_enabled for rule in applied(off, "wod5e"))


def test_an_own_rule_that_holds_a_key_keeps_it() -> None:
    holder = replace(OWN, preset_key="dnd5e.natural_20")
    assert applied([holder], "dnd5e") == (holder, PRESETS["dnd5e"][1])


@st.composite
def rows(draw: st.DrawFn) -> list[CriticalityRule]:
    """A campaign's rows after a history: own rules, presets of several systems, toggled and edited."""
    chosen = draw(st.lists(st.sampled_from(sorted(ALL)), unique=True, max_size=12))
    found = []
    for number, key in enumerate(chosen):
        rule = replace(ALL[key], rule_id=f"row-{number}", is_enabled=draw(st.booleans()))
        if draw(st.booleans()):
            rule = replace(rule, label=f"Mine {number}", priority=draw(st.integers(0, 1000)), edited=True)
        elif draw(st.booleans()):
            rule = replace(rule, label="As an older version shipped it")
        found.append(rule)
    for number in range(draw(st.integers(0, 4))):
        found.append(replace(OWN, rule_id=f"own-{number}", is_enabled=draw(st.booleans())))
    return draw(st.permutations(found))


systems = st.sampled_from([*PRESETS, "my-homebrew"])


def own_rows(found: Sequence[CriticalityRule]) -> list[CriticalityRule]:
    return [row for row in found if not row.is_system_preset]


@settings(max_examples=100)
@given(rows(), systems)
def test_applying_again_changes_nothing_and_never_touches_own_work(
    before: list[CriticalityRule], system: str
) -> None:
    after = applied(before, system)
    assert applied(after, system) == after
    mine = own_rows(before)
    assert [row for row in own_rows(after) if row in mine] == mine
    old = {row.preset_key: row for row in before if row.is_system_preset}
    new = {row.preset_key: row for row in after if row.is_system_preset}
    assert len(new) == sum(row.is_system_preset for row in after)
    assert new.keys() == {rule.preset_key for rule in presets_for(system)}
    for key in old.keys() & new.keys():
        assert new[key].is_enabled == old[key].is_enabled
        assert new[key].rule_id == old[key].rule_id
        assert new[key] == (old[key] if old[key].edited else replace(new[key], label=ALL[key or ""].label))
    ids = {row.rule_id for row in after}
    assert all(row.rule_id in ids for row in before if row.edited)


@settings(max_examples=50)
@given(rows(), systems, systems)
def test_a_way_through_another_system_keeps_own_rules_in_order(
    before: list[CriticalityRule], one: str, other: str
) -> None:
    after = applied(applied(before, one), other)
    mine = own_rows(before)
    assert [row for row in own_rows(after) if row in mine] == mine
