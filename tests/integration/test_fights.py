"""Fights on the real database: one at a time, a day long, and what the stream sees of them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from integrations.vtt import combat
from integrations.vtt.characters import Unreadable
from server.engine import fight_acts, table_setup
from server.engine.deadlines import Deadlines
from server.engine.intake import Outcome
from server.rules.character import CharacterUpdate
from server.rules.combat import (
    Added,
    Combatant,
    CombatEvent,
    Defeated,
    Ended,
    HitPoints,
    RoundBegan,
    Started,
    Synced,
    TurnEnded,
)
from server.rules.table_events import CharacterUpdated, CombatHappened
from sql import combats
from sql.combats import Standing
from sql.pool import Database
from tests.integration.engine_rig import Process, age, make_campaign, processes
from tests.integration.table_rig import board, kinds, make_table, send

ROOK = Combatant("c1", "Rook", "actor-1", initiative=18, character_type="pc", hit_points=HitPoints(9, 20))
GOBLIN = Combatant(
    "c2", "Goblin", "actor-2", initiative=12, character_type="monster", hit_points=HitPoints(7_654, 7_655)
)
LURKER = Combatant("c3", "Qxzqxz", "actor-3", initiative=15, character_type="monster", hidden=True)
STARTED = Started("fight-1", (GOBLIN, ROOK, LURKER))


@pytest.fixture
def process(database: Database) -> Process:
    return Process(database)


@pytest.fixture
async def campaign(database: Database) -> UUID:
    return await make_campaign(database)


@pytest.fixture
async def table(database: Database, campaign: UUID) -> UUID:
    return await make_table(database, campaign)


def happened(table: UUID, event: CombatEvent) -> CombatHappened:
    return CombatHappened(table, event, datetime.now(UTC))


async def standing(database: Database, campaign: UUID) -> Standing | None:
    async with database.connection() as connection:
        return await combats.get(connection, campaign)


async def test_a_fight_is_stored_and_seen(
    process: Process, database: Database, campaign: UUID, table: UUID
) -> None:
    assert await kinds(process, campaign, happened(table, STARTED)) == ["accepted"]
    found = await standing(database, campaign)
    assert found is not None
    assert found.combat.combatants == (ROOK, LURKER, GOBLIN)
    assert found.combat.current_id == "c1"
    seen = await board(database, campaign, "initiative")
    assert seen is not None
    assert [row["name"] for row in seen["rows"]] == ["Rook", None, None]
    text = json.dumps(seen)
    assert "7654" not in text
    assert "Goblin" not in text
    assert "Qxzqxz" not in text


async def names(database: Database, campaign: UUID) -> list[str | None]:
    """What the audience reads in the order of turns."""
    seen = await board(database, campaign, "initiative")
    assert seen is not None
    return [row["name"] for row in seen["rows"]]


async def test_monsters_are_unknown_until_the_game_master_shows_them(
    process: Process, database: Database, campaign: UUID, table: UUID
) -> None:
    """The published module says of everybody that the players see it."""
    told = [
        {"id": "c1", "name": "Rook", "initiative": 18, "isVisible": True, "characterType": "pc"},
        {"id": "c2", "name": "Strahd", "initiative": 12, "isVisible": True, "characterType": "npc"},
        {"id": "c3", "name": "Bat", "initiative": 9, "isVisible": True, "characterType": "monster"},
    ]
    started = combat.read("combat:start", {"combatId": "fight-1", "round": 0, "combatants": told})
    synced = combat.read("combat:sync", {"combatId": "fight-1", "round": 2, "combatants": told})
    assert not isinstance(started, Unreadable)
    assert not isinstance(synced, Unreadable)
    await send(process, campaign, happened(table, started))
    assert await names(database, campaign) == ["Rook", None, None]
    for who, is_concealed in (("c3", False), ("c1", True)):
        await fight_acts.conceal(process.rooms, campaign, who, concealed=is_concealed)
    assert await names(database, campaign) == [None, None, "Bat"]
    # What he said holds for the fight, whatever its table sends, and for no other.
    assert isinstance(synced, Synced)
    await send(process, campaign, happened(table, synced))
    await send(process, campaign, happened(table, RoundBegan("fight-1", 3, synced.combatants)))
    assert await names(database, campaign) == [None, None, "Bat"]
    await send(process, campaign, happened(table, replace(started, combat_id="fight-2")))
    assert await names(database, campaign) == ["Rook", None, None]
    await table_setup.change_settings(process.rooms, campaign, {"conceals_monsters": False})
    assert await names(database, campaign) == ["Rook", "Strahd", "Bat"]
    with pytest.raises(fight_acts.NoCombatant):
        await fight_acts.conceal(process.rooms, campaign, "c9", concealed=True)


async def test_two_browsers_of_a_table_change_nothing_twice(
    database_url: str, database: Database, campaign: UUID, table: UUID
) -> None:
    steps: list[CombatEvent] = [STARTED, TurnEnded("fight-1", 1, "c1"), TurnEnded("fight-1", 1, "c3")]
    async with processes(database_url, 2) as (one, other):
        for step in steps:
            assert await kinds(one, campaign, happened(table, step)) == ["accepted"]
            assert await kinds(other, campaign, happened(table, step)) == ["duplicate"]
    found = await standing(database, campaign)
    assert found is not None
    assert found.combat.current_id == "c2"


async def test_events_of_another_fight_are_ignored(
    process: Process, database: Database, campaign: UUID, table: UUID
) -> None:
    await send(process, campaign, happened(table, STARTED))
    before = await standing(database, campaign)
    events: list[CombatEvent] = [
        TurnEnded("fight-2", 7, "c1"),
        Ended("fight-2"),
        Added("fight-2", replace(GOBLIN, combatant_id="c9")),
        Defeated("fight-2", GOBLIN),
        RoundBegan("fight-2", 4, (GOBLIN,)),
    ]
    for event in events:
        assert await kinds(process, campaign, happened(table, event)) == ["duplicate"], event
    assert await standing(database, campaign) == before


async def test_another_table_brings_a_whole_fight_or_nothing(
    process: Process, database: Database, campaign: UUID, table: UUID
) -> None:
    other = await make_table(database, campaign, "Other")
    await send(process, campaign, happened(table, STARTED))
    assert await kinds(process, campaign, happened(other, Ended("fight-1"))) == ["duplicate"]
    assert await kinds(process, campaign, happened(other, Synced("fight-1", 3, 0, (GOBLIN,)))) == ["accepted"]
    found = await standing(database, campaign)
    assert found is not None
    assert (found.connection_id, found.combat.round) == (other, 3)


async def test_the_end_takes_it_off(
    process: Process, database: Database, campaign: UUID, table: UUID
) -> None:
    events = [happened(table, event) for event in (STARTED, Ended("fight-1", 2))]
    assert await kinds(process, campaign, *events) == ["accepted", "accepted"]
    assert await standing(database, campaign) is None
    await send(process, campaign, happened(table, STARTED))
    await send(process, campaign, happened(table, Ended("fight-1")))
    assert await board(database, campaign, "initiative") is None


async def test_a_day_after_its_last_event_a_fight_is_over(
    process: Process, database: Database, campaign: UUID, table: UUID
) -> None:
    await send(process, campaign, happened(table, STARTED))
    deadlines = Deadlines(database, process.rooms)
    await _pass(database, campaign, hours=23)
    await deadlines.fire_due()
    assert await board(database, campaign, "initiative") is not None
    await send(process, campaign, happened(table, TurnEnded("fight-1", 1, "c1")))
    await _pass(database, campaign, hours=23)
    await deadlines.fire_due()
    assert await standing(database, campaign) is not None
    await _pass(database, campaign, hours=2)
    assert await standing(database, campaign) is None
    await deadlines.fire_due()
    assert await board(database, campaign, "initiative") is None
    late = await kinds(process, campaign, happened(table, TurnEnded("fight-1", 1, "c3")))
    assert late == ["duplicate"]


async def _pass(database: Database, campaign: UUID, *, hours: float) -> None:
    await age(database, campaign, hours * 3600)
    async with database.transaction() as connection:
        await connection.execute(
            "UPDATE combats SET updated_at = updated_at - $1::interval", timedelta(hours=hours)
        )


async def test_initiative_can_be_switched_off_and_on_in_mid_fight(
    process: Process, database: Database, campaign: UUID, table: UUID
) -> None:
    await send(process, campaign, happened(table, STARTED))
    await table_setup.change_settings(process.rooms, campaign, {"shows_initiative": False})
    assert await board(database, campaign, "initiative") is None
    await send(process, campaign, happened(table, TurnEnded("fight-1", 1, "c1")))
    assert await board(database, campaign, "initiative") is None
    await table_setup.change_settings(process.rooms, campaign, {"shows_initiative": True})
    seen = await board(database, campaign, "initiative")
    assert seen is not None
    assert [row["current"] for row in seen["rows"]] == [False, True, False]


async def test_what_a_fight_tells_of_heroes_is_on_the_party_bar(
    process: Process, database: Database, campaign: UUID, table: UUID
) -> None:
    rook = CharacterUpdate("world", "actor-1", "Rook", "pc", stats={"hp": {"current": 20, "max": 20}})
    goblin = CharacterUpdate("world", "actor-2", "Goblin", "monster")
    await send(
        process, campaign, *(CharacterUpdated(table, one, datetime.now(UTC)) for one in (rook, goblin))
    )
    await send(process, campaign, happened(table, STARTED))
    seen = await board(database, campaign, "party")
    assert seen is not None
    (member,) = seen["members"]
    assert (member["health"], member["hit_points"]["current"]) == ("bloodied", 9)


async def test_what_no_database_holds_is_refused(process: Process, campaign: UUID, table: UUID) -> None:
    bad = [
        Started("", (ROOK,)),
        Started("x" * 129, (ROOK,)),
        Started("fight", (replace(ROOK, name="a\0b"),)),
        Started("fight", (replace(ROOK, name="\ud83c"),)),
    ]
    outcomes = await send(process, campaign, *(happened(table, event) for event in bad))
    assert outcomes == [Outcome("rejected", "unstorable_text")] * 4
