"""Characters on the real database: written when something differs, and what a game master said survives."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from server.engine import character_acts, item_setup, table_setup
from server.engine.intake import Outcome
from server.rules.character import CharacterUpdate
from server.rules.combat import HitPoints
from server.rules.item_categories import ItemCategoryRule
from server.rules.poll import Refused
from server.rules.table_events import CharacterUpdated
from sql import characters, criticality_rules, table_settings
from sql.characters import Character
from sql.ids import uuid7
from sql.pool import Database
from tests.integration.engine_rig import Process, make_campaign, processes
from tests.integration.table_rig import board, kinds, make_table, send

ROOK = CharacterUpdate(
    "world-1",
    "actor-1",
    "Rook Feather",
    "pc",
    avatar="https://example.org/rook.webp",
    stats={"hp": {"current": 21, "max": 28, "temp": 0}, "level": 4},
    inventory=({"id": "i1", "name": "Longbow", "type": "weapon", "quantity": 1},),
    spells=({"id": "s1", "name": "Fireball", "type": "spell", "level": 3, "school": "evo"},),
    features=(),
    vtt_data={"system": "dnd5e", "type": "character"},
)


@pytest.fixture
def process(database: Database) -> Process:
    return Process(database)


@pytest.fixture
async def campaign(database: Database) -> UUID:
    return await make_campaign(database)


@pytest.fixture
async def table(database: Database, campaign: UUID) -> UUID:
    return await make_table(database, campaign)


def sent(table: UUID, update: CharacterUpdate, **changes: Any) -> CharacterUpdated:
    return CharacterUpdated(table, replace(update, **changes), datetime.now(UTC))


async def all_of(database: Database, campaign: UUID) -> list[Character]:
    async with database.connection() as connection:
        return (await characters.page(connection, campaign, None, 1000))[::-1]


async def writes_of(database: Database) -> int:
    """How often a row of `characters` was written in this database."""
    async with database.connection() as connection:
        await connection.execute("SELECT pg_stat_force_next_flush()")
        await connection.execute("SELECT pg_stat_clear_snapshot()")
        number: int = await connection.fetchval(
            "SELECT n_tup_ins + n_tup_upd FROM pg_stat_user_tables WHERE relname = 'characters'"
        )
    return number


async def xmin(database: Database, character: UUID) -> object:
    """The transaction that last wrote the row."""
    async with database.connection() as connection:
        return await connection.fetchval("SELECT xmin::text FROM characters WHERE id = $1", character)


async def test_only_what_differs_is_written(
    process: Process, database: Database, campaign: UUID, table: UUID
) -> None:
    assert await kinds(process, campaign, sent(table, ROOK)) == ["accepted"]
    (rook,) = await all_of(database, campaign)
    assert (rook.name, rook.kind, rook.hit_points) == ("Rook Feather", "pc", HitPoints(21, 28, 0))
    written = await xmin(database, rook.id)
    reordered = replace(ROOK, stats={"level": 4, "hp": {"temp": 0, "max": 28, "current": 21}})
    for same in (ROOK, reordered, replace(ROOK, stats=None, spells=None, avatar=None)):
        assert await kinds(process, campaign, sent(table, same)) == ["duplicate"]
    assert await xmin(database, rook.id) == written
    assert await kinds(process, campaign, sent(table, ROOK, name="Rook the Bold")) == ["accepted"]
    (rook,) = await all_of(database, campaign)
    assert (rook.name, rook.hit_points) == ("Rook the Bold", HitPoints(21, 28, 0))


async def test_what_comes_together_is_written_once(
    process: Process, database: Database, campaign: UUID, table: UUID
) -> None:
    """A fireball's worth of updates in one batch, the last of which counts."""
    await send(process, campaign, sent(table, ROOK))
    (rook,) = await all_of(database, campaign)
    steps = [sent(table, ROOK, stats={"hp": {"current": n, "max": 28}}) for n in range(20, 0, -1)]
    process.published.clear()
    assert await kinds(process, campaign, *steps) == ["accepted"] * 20
    (rook,) = await all_of(database, campaign)
    assert rook.hit_points == HitPoints(1, 28)
    assert len(process.published) == 1
    written = await xmin(database, rook.id)
    there = sent(table, ROOK, stats={"hp": {"current": 9, "max": 28}})
    back = sent(table, ROOK, stats={"hp": {"current": 1, "max": 28}})
    assert await kinds(process, campaign, there, back) == ["accepted", "accepted"]
    assert await xmin(database, rook.id) == written


async def test_a_part_that_was_not_sent_keeps_its_value(
    process: Process, database: Database, campaign: UUID, table: UUID
) -> None:
    await send(process, campaign, sent(table, ROOK))
    bare = CharacterUpdate("world-1", "actor-1", "Rook", "pc", spells=())
    await send(process, campaign, sent(table, bare))
    async with database.connection() as connection:
        (sheet,) = await characters.all_sheets(connection, campaign)
    assert sheet.update == replace(ROOK, name="Rook", spells=(), inventory=ROOK.inventory)


async def test_several_processes_write_a_character_once(
    database_url: str, database: Database, campaign: UUID, table: UUID
) -> None:
    async with processes(database_url, 3) as several:
        found = await asyncio.gather(
            *(kinds(process, campaign, sent(table, ROOK)) for process in several for _ in range(5))
        )
    assert Counter(kind for (kind,) in found) == {"accepted": 1, "duplicate": 14}
    assert len(await all_of(database, campaign)) == 1


async def test_an_override_survives_every_sync_and_never_touches_a_player_character(
    process: Process, database: Database, campaign: UUID, table: UUID
) -> None:
    goblin = replace(ROOK, character_id="actor-2", name="Goblin", character_type="npc")
    await send(process, campaign, sent(table, ROOK), sent(table, goblin))
    rook, npc = await all_of(database, campaign)
    await character_acts.change(process.rooms, campaign, npc.id, {"kind_override": "monster"})
    with pytest.raises(Refused):
        await character_acts.change(process.rooms, campaign, rook.id, {"kind_override": "npc"})
    await send(process, campaign, sent(table, goblin, name="Goblin boss"))
    _, npc = await all_of(database, campaign)
    assert (npc.name, npc.kind, npc.character_type) == ("Goblin boss", "npc", "monster")
    await send(process, campaign, sent(table, goblin, character_type="pc"))
    _, hero = await all_of(database, campaign)
    assert (hero.character_type, hero.kind_override) == ("pc", None)


async def test_switches_and_assignment_survive_a_sync(
    process: Process, database: Database, campaign: UUID, table: UUID
) -> None:
    await send(process, campaign, sent(table, ROOK))
    (rook,) = await all_of(database, campaign)
    await character_acts.assign(process.rooms, campaign, rook.id, "game_master")
    await character_acts.change(process.rooms, campaign, rook.id, {"in_party": False, "hides_points": True})
    await send(process, campaign, sent(table, ROOK, stats={"hp": {"current": 3, "max": 28}}))
    (rook,) = await all_of(database, campaign)
    assert (rook.in_party, rook.hides_points, rook.is_game_masters) == (False, True, True)


async def test_the_party_bar_follows(
    process: Process, database: Database, campaign: UUID, table: UUID
) -> None:
    await send(process, campaign, sent(table, ROOK))
    seen = await board(database, campaign, "party")
    assert seen is not None
    assert [member["name"] for member in seen["members"]] == ["Rook Feather"]
    (rook,) = await all_of(database, campaign)
    await character_acts.change(process.rooms, campaign, rook.id, {"hides_points": True})
    seen = await board(database, campaign, "party")
    assert seen is not None
    assert seen["members"][0]["hit_points"] is None
    await character_acts.change(process.rooms, campaign, rook.id, {"in_party": False})
    assert await board(database, campaign, "party") is None
    await character_acts.create(process.rooms, campaign, character_acts.ByHand("Tess"))
    await table_setup.change_settings(process.rooms, campaign, {"shows_party": False})
    assert await board(database, campaign, "party") is None
    with pytest.raises(Refused, match="by hand"):
        await character_acts.create(process.rooms, campaign, character_acts.ByHand(" tess"))
    tess = (await all_of(database, campaign))[-1]
    await character_acts.delete(process.rooms, campaign, tess.id)
    with pytest.raises(character_acts.NoCharacter):
        await character_acts.delete(process.rooms, campaign, tess.id)


async def test_items_are_counted_and_counted_anew_when_rules_change(
    process: Process, database: Database, campaign: UUID, table: UUID
) -> None:
    await send(process, campaign, sent(table, ROOK))
    await send(process, campaign, sent(table, ROOK, name="Rook"))
    (rook,) = await all_of(database, campaign)
    assert rook.item_summary == {"spell": {"evocation": 1}, "inventory": {"weapon": 1}}
    rule = ItemCategoryRule(
        str(uuid7()), "inventory", "bow", "weapon", "Bows", "name", "Longbow", priority=1000
    )
    await item_setup.add(process.rooms, campaign, rule)
    (rook,) = await all_of(database, campaign)
    assert rook.item_summary == {"spell": {"evocation": 1}, "inventory": {"bow": 1}}
    await item_setup.delete(process.rooms, campaign, UUID(rule.rule_id))
    (rook,) = await all_of(database, campaign)
    assert rook.item_summary == {"spell": {"evocation": 1}, "inventory": {"weapon": 1}}
    async with database.connection() as connection:
        found = await characters.items_found(connection, campaign)
    assert found["spell"].fields["school"] == {"evo": 1}


async def test_the_first_character_tells_the_game_system(
    process: Process, database: Database, campaign: UUID, table: UUID
) -> None:
    await send(process, campaign, sent(table, ROOK))
    async with database.connection() as connection:
        settings = await table_settings.get(connection, campaign)
        rules = await criticality_rules.list_of_campaign(connection, campaign)
    assert settings.game_system == "dnd5e"
    assert {rule.preset_key for rule in rules} == {"dnd5e.natural_20", "dnd5e.natural_1"}
    await send(process, campaign, sent(table, ROOK, vtt_data={"system": "pf2e", "type": "x"}))
    async with database.connection() as connection:
        assert (await table_settings.get(connection, campaign)).game_system == "dnd5e"


@pytest.mark.parametrize(
    "bad",
    [{"name": ""}, {"name": "a\0b"}, {"stats": {"a": "\0"}}, {"avatar": "x" * 513}, {"name": "x" * 129}],
)
async def test_what_no_database_holds_is_refused(
    process: Process, campaign: UUID, table: UUID, bad: dict[str, Any]
) -> None:
    outcomes = await send(process, campaign, sent(table, ROOK, **bad), sent(table, ROOK))
    assert outcomes == [Outcome("rejected", "unstorable_text"), Outcome("accepted")]
