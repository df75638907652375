"""Fights at the table (vtt-wire-protocol §5 and addendum, vtt-and-dice §6 and edge case 9)."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.vtt.characters import Unreadable
from integrations.vtt.combat import EVENTS, read
from server.rules.combat import (
    Added,
    Combat,
    Combatant,
    CombatEvent,
    Defeated,
    Ended,
    HitPoints,
    Removed,
    RoundBegan,
    Started,
    Synced,
    TurnEnded,
    concealed,
    in_order,
    reduce,
)

SAMPLES = json.loads((Path(__file__).parents[1] / "data/vtt/combat.json").read_text())

GOBLIN = Combatant(
    "c1",
    "Goblin",
    "actGob0000000001",
    "tokens/goblin.webp",
    12,
    character_type="monster",
    hit_points=HitPoints(7, 7),
)
ROOK = Combatant(
    "c2",
    "Rook Feather",
    "actRook000000001",
    "https://img.example/rook.webp",
    18,
    character_type="pc",
    hit_points=HitPoints(21, 28, 3),
)
NOBODY = Combatant("c3", "")
OWL = Combatant("c4", "Owl", initiative=15.5, hidden=True)


def short(combatant_id: str, name: str, initiative: float, character_type: Any) -> Combatant:
    return Combatant(combatant_id, name, initiative=initiative, character_type=character_type)


EXPECTED: dict[str, CombatEvent] = {
    "combat:start": Started("cmb1", (GOBLIN, ROOK, NOBODY)),
    "combat:turn": TurnEnded("cmb1", 1, "c2", "c1"),
    "combat:round": RoundBegan(
        "cmb1", 2, (short("c1", "Goblin", 19, "monster"), short("c2", "Rook Feather", 18, "pc"))
    ),
    "combat:sync": Synced(
        "cmb1", 3, 1, (short("c1", "Goblin", 12, "monster"), short("c2", "Rook Feather", 18, "pc")), "c1"
    ),
    "combat:end": Ended("cmb1", 4),
    "combat:combatant-add": Added("cmb1", OWL),
    "combat:combatant-remove": Removed("cmb1", "c1"),
    "combat:combatant-defeated": Defeated("cmb1", short("c1", "Goblin", 12, "monster")),
}
STARTED = Combat("cmb1", 1, (ROOK, GOBLIN, NOBODY), "c2")


def after(combat: Combat | None, *events: CombatEvent) -> Combat | None:
    for event in events:
        combat = reduce(combat, event)
    return combat


# What the module says.


@pytest.mark.parametrize("event", EXPECTED)
def test_the_events_of_the_module(event: str) -> None:
    assert read(event, SAMPLES[event]) == EXPECTED[event]


def test_every_event_has_a_sample() -> None:
    assert set(EXPECTED) == set(SAMPLES) == set(EVENTS)


@pytest.mark.parametrize(
    ("event", "changes", "reason"),
    [
        ("combat:pause", {}, "there is no such event of combat"),
        ("combat:start", {"combatId": None}, "combatId is missing, or longer than 128 characters"),
        (
            "combat:start",
            {"combatants": [{"name": "x"}]},
            "the id of a combatant is missing, or longer than 128 characters",
        ),
        ("combat:start", {"combatants": [{"id": "x"}] * 201}, "combatants has more than 200 entries"),
        (
            "combat:turn",
            {"currentCombatant": None, "nextCombatant": None},
            "neither currentCombatant nor nextCombatant is there",
        ),
        ("combat:round", {"round": None, "previousRound": "2"}, "round is missing"),
        ("combat:combatant-add", {"combatant": None}, "a combatant is no object"),
        (
            "combat:combatant-remove",
            {"combatantId": ""},
            "combatantId is missing, or longer than 128 characters",
        ),
    ],
)
def test_what_cannot_be_read(event: str, changes: dict[str, Any], reason: str) -> None:
    assert read(event, SAMPLES.get(event, {}) | changes) == Unreadable(reason)


def test_swapped_rounds_and_rounds_in_their_place() -> None:
    for told in ({"round": 4, "previousRound": 5}, {"round": 5, "previousRound": 4}, {"round": 5}):
        event = read("combat:round", {"combatId": "cmb1", "combatants": [], **told})
        assert isinstance(event, RoundBegan)
        assert event.round == 5


def test_players_characters_and_others() -> None:
    for sent, expected in (
        ({"characterType": "pc"}, "pc"),
        ({"isNPC": False}, "pc"),
        ({"isNPC": True}, "npc"),
        ({"characterType": "god", "isNPC": False}, "npc"),
        ({"characterType": ["pc"]}, "npc"),
        ({}, "npc"),
    ):
        event = read("combat:combatant-add", {"combatId": "cmb1", "combatant": {"id": "x"} | sent})
        assert isinstance(event, Added)
        assert event.combatant.character_type == expected


# What follows from it.


def test_a_start_is_round_one_and_the_turn_of_the_first() -> None:
    assert after(None, EXPECTED["combat:start"]) == STARTED
    assert STARTED.current == ROOK
    assert STARTED.following == GOBLIN
    assert after(None, Started("x", ())) == Combat("x", 1, ())


def test_a_turn_goes_to_whom_the_tabletop_says_or_to_the_next_in_order() -> None:
    assert after(STARTED, EXPECTED["combat:turn"]) == replace(STARTED, current_id="c1")
    assert after(STARTED, TurnEnded("cmb1", 1, "c1")) == replace(STARTED, current_id="c3")
    assert after(STARTED, TurnEnded("cmb1", 1, "c3")) == replace(STARTED, current_id="c2")
    # The tabletop knows an initiative that we were not told.
    assert after(STARTED, TurnEnded("cmb1", 1, "c2", "c3")) == replace(STARTED, current_id="c3")
    assert after(STARTED, TurnEnded("cmb1", 1, "c2", "nobody")) == replace(STARTED, current_id="c1")
    assert after(STARTED, TurnEnded("cmb1", 0, "nobody", "nobody")) == STARTED


def test_a_round_brings_the_newest_state_and_starts_at_the_top() -> None:
    found = after(STARTED, EXPECTED["combat:turn"], EXPECTED["combat:round"])
    assert found == Combat(
        "cmb1", 2, (short("c1", "Goblin", 19, "monster"), short("c2", "Rook Feather", 18, "pc")), "c1"
    )
    assert after(None, EXPECTED["combat:round"]) == found


def test_a_sync_is_the_state_in_the_middle_of_a_fight() -> None:
    order = (short("c2", "Rook Feather", 18, "pc"), short("c1", "Goblin", 12, "monster"))
    assert after(None, EXPECTED["combat:sync"]) == Combat("cmb1", 3, order, "c1")
    by_turn = Synced("cmb1", 3, 0, (order[1], order[0]))
    assert after(STARTED, by_turn) == Combat("cmb1", 3, order, "c2")
    for unclear in (replace(by_turn, turn=None), replace(by_turn, turn=7), replace(by_turn, current_id="c9")):
        found = after(None, unclear)
        assert found == Combat("cmb1", 3, order)
        assert found is not None
        assert (found.current, found.following) == (None, None)
    assert after(None, replace(by_turn, round=0)) == Combat("cmb1", 0, order)


def test_combatants_come_and_go() -> None:
    assert after(STARTED, Added("cmb1", OWL)) == replace(STARTED, combatants=(ROOK, OWL, GOBLIN, NOBODY))
    assert after(STARTED, Removed("cmb1", "c1")) == replace(STARTED, combatants=(ROOK, NOBODY))
    assert after(STARTED, Removed("cmb1", "c2")) == Combat("cmb1", 1, (GOBLIN, NOBODY), "c1")
    gone = after(STARTED, Removed("cmb1", "c2"), Removed("cmb1", "c1"), Removed("cmb1", "c3"))
    assert gone == Combat("cmb1", 1, ())
    assert after(gone, Removed("cmb1", "c3"), Ended("cmb1")) is None


def test_somebody_falls() -> None:
    fallen = replace(GOBLIN, defeated=True)
    assert after(STARTED, Defeated("cmb1", GOBLIN)) == replace(STARTED, combatants=(ROOK, fallen, NOBODY))
    assert after(STARTED, Defeated("cmb1", GOBLIN), Defeated("cmb1", GOBLIN, False)) == STARTED
    # Somebody whom we never heard of is new.
    assert after(STARTED, Defeated("cmb1", OWL)) == replace(
        STARTED, combatants=(ROOK, replace(OWL, defeated=True), GOBLIN, NOBODY)
    )


def test_whom_the_audience_does_not_know() -> None:
    fight = Combat("cmb1", 1, (ROOK, GOBLIN, NOBODY, OWL))

    def hidden(conceals_monsters: bool, **said: bool) -> list[bool]:
        ids = concealed(fight, said, conceals_monsters=conceals_monsters)
        return [one.combatant_id in ids for one in fight.combatants]

    # Of a goblin that the table calls visible, as it does of everybody, nothing is told of its own accord.
    assert hidden(True) == [False, True, True, True]
    assert hidden(False) == [False, False, True, True]
    # The game master's word counts for either side; but of nobody without a name there is anything to show.
    everybody = dict.fromkeys([one.combatant_id for one in fight.combatants], False)
    assert hidden(True, **everybody) == [False, False, True, False]
    assert hidden(False, **dict.fromkeys(everybody, True)) == [True, True, True, True]


def test_another_fight_begins_only_with_its_whole_state() -> None:
    other = replace(STARTED, combat_id="other")
    assert after(other, EXPECTED["combat:start"]) == STARTED
    assert after(other, EXPECTED["combat:sync"]) == after(None, EXPECTED["combat:sync"])


def test_without_a_fight_there_is_nothing_to_change() -> None:
    for name in ("turn", "end", "combatant-add", "combatant-remove", "combatant-defeated"):
        assert after(None, EXPECTED[f"combat:{name}"]) is None


# For any fight.

COMBATANTS = st.lists(
    st.builds(
        Combatant,
        st.sampled_from("abcdef"),
        st.text(max_size=3),
        initiative=st.none() | st.integers(-2, 3) | st.floats(-3, 3),
    ),
    max_size=8,
).map(tuple)
IDS = st.sampled_from(["one", "two"])
PEOPLE = st.sampled_from(["", *"abcdefx"])
ONE = COMBATANTS.filter(bool).map(lambda found: found[0])
STEPS = st.one_of(
    st.builds(TurnEnded, IDS, st.integers(0, 5), PEOPLE, PEOPLE),
    st.builds(RoundBegan, IDS, st.integers(1, 5), COMBATANTS),
    st.builds(Ended, IDS),
    st.builds(Added, IDS, ONE),
    st.builds(Removed, IDS, PEOPLE),
    st.builds(Defeated, IDS, ONE, st.booleans()),
)
WHOLE = st.one_of(
    st.builds(Started, IDS, COMBATANTS),
    st.builds(Synced, IDS, st.integers(0, 5), st.none() | st.integers(0, 9), COMBATANTS, PEOPLE),
)


@settings(max_examples=100)
@given(WHOLE, st.lists(STEPS, max_size=8))
def test_events_of_another_fight_change_nothing(start: Started | Synced, steps: list[CombatEvent]) -> None:
    own = [step for step in steps if step.combat_id == start.combat_id]
    combat = after(None, start)
    for step in steps:
        if combat is None:
            break
        if step.combat_id != combat.combat_id:
            assert reduce(combat, step) is combat
        combat = reduce(combat, step)
    if not any(isinstance(step, Ended) for step in own):
        assert combat == after(None, start, *own)


@settings(max_examples=100)
@given(WHOLE, st.lists(WHOLE | STEPS, max_size=8))
def test_an_event_that_comes_twice_counts_once(start: CombatEvent, steps: list[CombatEvent]) -> None:
    once = twice = after(None, start)
    for step in steps:
        once = reduce(once, step)
        twice = reduce(reduce(twice, step), step)
        assert once == twice


@settings(max_examples=100)
@given(WHOLE, st.lists(WHOLE | STEPS, max_size=8))
def test_the_order_holds_whatever_happens(start: CombatEvent, steps: list[CombatEvent]) -> None:
    combat = after(None, start, *steps)
    if combat is not None:
        ids = [c.combatant_id for c in combat.combatants]
        assert len(set(ids)) == len(ids)
        assert in_order(combat.combatants) == combat.combatants
        assert combat.current_id in ["", *ids]


@settings(max_examples=100)
@given(COMBATANTS)
def test_equals_stay_as_they_were_told(combatants: tuple[Combatant, ...]) -> None:
    order = in_order(combatants)
    told: dict[str, int] = {}
    for at, combatant in enumerate(combatants):
        told.setdefault(combatant.combatant_id, at)
    for first, second in pairwise(order):
        if first.initiative is None or second.initiative is None:
            assert second.initiative is None
        else:
            assert first.initiative >= second.initiative
        if first.initiative == second.initiative:
            assert told[first.combatant_id] < told[second.combatant_id]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = [
    "combatId",
    "round",
    "previousRound",
    "turn",
    "combatants",
    "currentCombatant",
    "combatant",
    "combatantId",
]


@settings(max_examples=100)
@given(st.sampled_from(sorted(EVENTS)), st.sampled_from(KEYS), JSON)
def test_nothing_a_stranger_sends_is_a_fault(event: str, key: str, value: object) -> None:
    found = read(event, SAMPLES[event] | {key: value})
    if not isinstance(found, Unreadable):
        reduce(STARTED, found)
        reduce(None, found)
    inside = read(
        "combat:combatant-add", {"combatId": "cmb1", "combatant": {"id": "x", "name": value, key: value}}
    )
    assert isinstance(inside, Added | Unreadable)
    assert isinstance(read(event, value), Unreadable)
