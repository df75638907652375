"""One character however many tables, and ids of one table, tell of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from server.engine import character_acts
from server.rules.character import CharacterUpdate
from server.rules.combat import HitPoints
from server.rules.dice import Actor
from server.rules.poll import Refused
from server.rules.table_events import CharacterUpdated
from sql import channels, characters, vtt_connections
from sql.characters import Character
from sql.pool import Database
from tests.integration.engine_rig import Process, make_campaign, processes
from tests.integration.table_rig import GAME_MASTER, board, d20, fell, kinds, make_table, rolls_of, send

ROOK = Actor("Ana", "user-1", "Rook Feather", "actor-1")
SHEET = CharacterUpdate(
    "world-1", "actor-1", "Rook Feather", "pc", stats={"hp": {"current": 21, "max": 28, "temp": 0}}
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


async def everybody(database: Database, campaign: UUID) -> list[Character]:
    async with database.connection() as connection:
        return (await characters.page(connection, campaign, None, 1000))[::-1]


async def bar(database: Database, campaign: UUID) -> list[str]:
    party = await board(database, campaign, "party")
    return [] if party is None else [member["name"] for member in party["members"]]


def sheet(table: UUID, update: CharacterUpdate = SHEET) -> CharacterUpdated:
    return CharacterUpdated(table, update, datetime.now(UTC))


async def gone(database: Database, campaign: UUID, table: UUID) -> None:
    async with database.transaction() as connection:
        await vtt_connections.delete(connection, campaign, table)


async def test_made_by_hand_after_its_first_roll_it_is_the_same_one(
    process: Process, database: Database, campaign: UUID, table: UUID
) -> None:
    await send(process, campaign, fell(table, d20(5, actor=Actor("Cleo", character_name="Whisper"))))
    (heard,) = await everybody(database, campaign)
    by_hand = character_acts.ByHand("whisper", hit_points=HitPoints(7, 9))
    await character_acts.create(process.rooms, campaign, by_hand)
    (whisper,) = await everybody(database, campaign)
    assert (whisper.id, whisper.name, whisper.hit_points) == (heard.id, "whisper", HitPoints(7, 9))
    await send(process, campaign, fell(table, d20(6, "r2", actor=Actor("Cleo", character_name="Whisper"))))
    assert {roll.character_id for roll in await rolls_of(database, campaign)} == {heard.id}


async def test_whom_a_table_sends_nobody_makes_by_hand(
    process: Process, database: Database, campaign: UUID, table: UUID
) -> None:
    await send(process, campaign, sheet(table))
    with pytest.raises(Refused):
        await character_acts.create(process.rooms, campaign, character_acts.ByHand("rook  feather"))


async def test_made_by_hand_it_is_the_one_that_a_table_sends_then(
    process: Process, database: Database, campaign: UUID, table: UUID
) -> None:
    await character_acts.create(process.rooms, campaign, character_acts.ByHand("Rook Feather"))
    (by_hand,) = await everybody(database, campaign)
    await character_acts.assign(process.rooms, campaign, by_hand.id, "game_master")
    await send(process, campaign, fell(table, d20(5)))
    assert await kinds(process, campaign, sheet(table), sheet(table)) == ["accepted", "duplicate"]
    (rook,) = await everybody(database, campaign)
    assert (rook.id, rook.connection_id, rook.vtt_id) == (by_hand.id, table, "actor-1")
    assert rook.is_game_masters
    await send(process, campaign, fell(table, d20(6, "r2")))
    assert {roll.character_id for roll in await rolls_of(database, campaign)} == {by_hand.id}


async def test_a_table_that_is_paired_anew_finds_its_characters(
    process: Process, database: Database, campaign: UUID, table: UUID
) -> None:
    goblin = replace(SHEET, character_id="actor-9", name="Goblin", character_type="npc")
    await send(process, campaign, sheet(table), sheet(table, goblin))
    before = await everybody(database, campaign)
    await gone(database, campaign, table)
    again = await make_table(database, campaign)
    # Renamed meanwhile: the id alone says who it is.
    renamed = replace(goblin, name="Goblin boss")
    await send(process, campaign, fell(again, d20(5)), fell(again, d20(5, "g", actor=GAME_MASTER)))
    await send(process, campaign, sheet(again), sheet(again, renamed))
    after = await everybody(database, campaign)
    assert [one.id for one in after] == [one.id for one in before]
    assert {one.connection_id for one in after} == {again}
    # And in a world that was made anew, with other ids, the hero goes by the name.
    await gone(database, campaign, again)
    third = await make_table(database, campaign)
    await send(process, campaign, sheet(third, replace(SHEET, character_id="actor-77")))
    assert [one.id for one in await everybody(database, campaign)] == [one.id for one in before]


async def test_a_hero_is_the_same_at_every_table_and_a_goblin_is_not(
    process: Process, database: Database, campaign: UUID, table: UUID
) -> None:
    other = await make_table(database, campaign, "Beyond20")
    await send(process, campaign, sheet(table))
    (rook,) = await everybody(database, campaign)
    await send(process, campaign, fell(other, d20(5, actor=replace(ROOK, character_id="ddb-4"))))
    assert (await rolls_of(database, campaign))[-1].character_id == rook.id
    assert [one.id for one in await everybody(database, campaign)] == [rook.id]
    # The same table's second actor of that name is somebody else, and so is every goblin.
    await send(process, campaign, sheet(table, replace(SHEET, character_id="actor-2")))
    goblins = [
        fell(at, d20(5, f"{at}{n}", actor=replace(GAME_MASTER, character_id=f"goblin-{n}")))
        for at in (table, other)
        for n in range(2)
    ]
    await send(process, campaign, *goblins)
    assert len(await everybody(database, campaign)) == 2 + 4


async def test_of_two_who_could_be_meant_it_is_nobody(
    process: Process, database: Database, campaign: UUID, table: UUID
) -> None:
    await send(process, campaign, sheet(table), sheet(table, replace(SHEET, character_id="actor-2")))
    other = await make_table(database, campaign, "Text")
    await send(process, campaign, fell(other, d20(5, actor=Actor("?", character_name="Rook Feather"))))
    assert len(await everybody(database, campaign)) == 3


async def test_another_process_knows_the_new_id_at_once(
    database_url: str, database: Database, campaign: UUID, table: UUID
) -> None:
    async with processes(database_url, 2) as (one, other):
        await character_acts.create(one.rooms, campaign, character_acts.ByHand("Rook Feather"))
        await send(other, campaign, fell(table, d20(5)))
        (rook,) = await everybody(database, campaign)
        # Under another name now: only who remembers the id knows who it is.
        await character_acts.change(one.rooms, campaign, rook.id, {"name": "Rook the Bold"})
        for n, process in enumerate((one, other)):
            await send(process, campaign, fell(table, d20(5, f"r{n}", actor=replace(ROOK, is_gm=True))))
    assert [who.name for who in await everybody(database, campaign)] == ["Rook the Bold"]
    assert {roll.character_id for roll in await rolls_of(database, campaign)} == {rook.id}


async def test_the_game_master_merges_two_that_are_one(
    process: Process, database: Database, campaign: UUID, table: UUID
) -> None:
    other = await make_table(database, campaign, "Beyond20")
    nick = replace(ROOK, character_id="ddb-4", character_name="Rook")
    await send(process, campaign, sheet(table), fell(table, d20(5)), fell(other, d20(6, "b", actor=nick)))
    rook, double = await everybody(database, campaign)
    async with database.connection() as connection:
        (channel, *_) = await channels.list_of_campaign(connection, campaign)
    await character_acts.assign(process.rooms, campaign, double.id, channel.id)
    await character_acts.merge(process.rooms, campaign, rook.id, double.id)
    (merged,) = await everybody(database, campaign)
    assert (merged.id, merged.channel_id, merged.hit_points) == (double.id, channel.id, HitPoints(21, 28))
    assert await bar(database, campaign) == ["Rook"]
    # Either table means it now, in rolls, whole characters and fights.
    await send(process, campaign, fell(table, d20(7, "c")), fell(other, d20(8, "d", actor=nick)))
    hurt = replace(SHEET, stats={"hp": {"current": 3, "max": 28, "temp": 0}})
    assert await kinds(process, campaign, sheet(table, hurt)) == ["accepted"]
    async with database.transaction() as connection:
        assert await characters.hurt(connection, campaign, other, {"ddb-4": HitPoints(2, 28)}) == 1
    (merged,) = await everybody(database, campaign)
    assert (merged.hit_points, merged.channel_id) == (HitPoints(2, 28), channel.id)
    rolls = await rolls_of(database, campaign)
    assert {roll.character_id for roll in rolls} == {double.id}
    assert [roll.channel_id for roll in rolls[-2:]] == [channel.id] * 2
    with pytest.raises(Refused):
        await character_acts.merge(process.rooms, campaign, double.id, double.id)
    with pytest.raises(Refused):
        await character_acts.merge(process.rooms, campaign, double.id, rook.id)


async def test_heroes_join_the_party_with_their_first_roll(
    process: Process, database: Database, campaign: UUID, table: UUID
) -> None:
    await send(process, campaign, fell(table, d20(5)), fell(table, d20(5, "g", actor=GAME_MASTER)))
    assert await bar(database, campaign) == ["Rook Feather"]
    rook, _ = await everybody(database, campaign)
    await character_acts.change(process.rooms, campaign, rook.id, {"in_party": False})
    await send(process, campaign, fell(table, d20(6, "r2")))
    assert await bar(database, campaign) == []


async def test_a_secret_roll_tells_the_party_bar_nothing(
    process: Process, database: Database, campaign: UUID, table: UUID
) -> None:
    await send(process, campaign, fell(table, d20(5, visibility="blind")))
    await send(process, campaign, fell(table, d20(5, "r", redact=frozenset({"character_name"}))))
    assert await bar(database, campaign) == []
    async with database.connection() as connection:
        assert await characters.page(connection, campaign, None, 10, only_known=True) == []
    await send(process, campaign, fell(table, d20(6, "r2")))
    assert await bar(database, campaign) == ["Rook Feather"]


async def test_made_up_ids_have_an_end(
    process: Process, database: Database, campaign: UUID, table: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.engine.acquaintances.MOST_KEYS", 3)
    await character_acts.create(process.rooms, campaign, character_acts.ByHand("Rook Feather"))
    for n in range(4):
        there = await make_table(database, campaign, f"Table {n}")
        await send(process, campaign, fell(there, d20(5, f"r{n}")))
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM character_aliases") == 2
