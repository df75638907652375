"""Rolls on the real database: stored once, revised in place, attributed once, seen as they may be."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from server.engine import character_acts, roll_acts
from server.engine.batch import Batches
from server.engine.deadlines import Deadlines
from server.engine.intake import ACCEPTED, DUPLICATE, Outcome
from server.rules.dice import Actor, DiceRoll, Die, Group
from server.rules.poll import Refused
from sql import channels, characters, vtt_connections
from sql.ids import uuid7
from sql.pool import Database
from tests.integration.engine_rig import Process, age, make_campaign, processes
from tests.integration.table_rig import (
    GAME_MASTER,
    ROOK,
    announced,
    board,
    d20,
    fell,
    kinds,
    later,
    make_table,
    on_stage,
    only_roll,
    rolls_of,
    send,
    set_table,
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


async def character_of(database: Database, campaign_id: UUID, table: UUID, vtt_id: str = "actor-1") -> UUID:
    async with database.connection() as connection:
        return (await characters.roster(connection, campaign_id))[table, vtt_id].id


async def channel_of(database: Database, campaign_id: UUID) -> UUID:
    async with database.connection() as connection:
        (first, *_) = await channels.list_of_campaign(connection, campaign_id)
    return first.id


async def test_a_roll_is_stored_once_and_seen(
    process: Process, database: Database, campaign: UUID, table: UUID
) -> None:
    assert await kinds(process, campaign, fell(table, d20(17))) == ["accepted"]
    assert await kinds(process, campaign, fell(table, d20(3))) == ["duplicate"]
    row = await only_roll(database, campaign)
    assert replace(row.roll, rolled_at=None) == d20(17)
    assert row.shown_at is not None
    (seen,) = await on_stage(database, campaign)
    assert (seen["total"], seen["id"]) == (17, str(row.view_id))
    assert len(process.published) == 1


async def test_what_names_a_roll_is_table_instance_and_id(
    process: Process, database: Database, campaign: UUID, table: UUID
) -> None:
    other = await make_table(database, campaign, "Other")
    elsewhere = replace(d20(4), source=replace(d20(4).source, instance_id="world-2"))
    events = [fell(table, d20(1)), fell(other, d20(2)), fell(None, d20(3)), fell(table, elsewhere)]
    assert await kinds(process, campaign, *events) == ["accepted"] * 4
    assert await kinds(process, campaign, *events) == ["duplicate"] * 4
    assert [row.roll.total for row in await rolls_of(database, campaign)] == [1, 2, 3, 4]


async def test_several_rolls_of_one_message_are_all_stored_in_order(
    process: Process, database: Database, campaign: UUID, table: UUID
) -> None:
    events = [fell(table, d20(1 + n % 20, f"m1:{n}")) for n in range(500)]
    assert await kinds(process, campaign, *events) == ["accepted"] * 500
    assert [row.roll.roll_id for row in await rolls_of(database, campaign)] == [f"m1:{n}" for n in range(500)]


async def test_a_higher_revision_takes_the_place_of_a_lower_one(
    process: Process, database: Database, campaign: UUID, table: UUID
) -> None:
    await send(process, campaign, fell(table, d20(5)))
    first = await only_roll(database, campaign)
    assert await kinds(process, campaign, fell(table, d20(6, revision=3))) == ["accepted"]
    assert await kinds(process, campaign, fell(table, d20(7, revision=2))) == ["duplicate"]
    assert await kinds(process, campaign, fell(table, d20(8, revision=3))) == ["duplicate"]
    row = await only_roll(database, campaign)
    assert (row.id, row.view_id, row.roll.total, row.roll.revision) == (first.id, first.view_id, 6, 3)
    (seen,) = await on_stage(database, campaign)
    assert (seen["total"], seen["revision"]) == (6, 3)


async def test_revisions_in_one_batch_come_down_to_the_highest(
    process: Process, database: Database, campaign: UUID, table: UUID
) -> None:
    events = [fell(table, d20(face, revision=n)) for face, n in ((2, 1), (4, 3), (3, 2), (4, 3))]
    assert await kinds(process, campaign, *events) == ["accepted", "accepted", "duplicate", "duplicate"]
    assert (await only_roll(database, campaign)).roll.total == 4
    assert len(await on_stage(database, campaign)) == 1


async def test_a_revision_that_comes_late_is_not_shown_anew(
    process: Process, database: Database, campaign: UUID, table: UUID
) -> None:
    await send(process, campaign, fell(table, d20(5)))
    await later(database, campaign, 60)
    await Deadlines(database, process.rooms).fire_due()
    assert await board(database, campaign, "dice") is None
    await send(process, campaign, fell(table, d20(6, revision=2)))
    assert await on_stage(database, campaign) == []
    assert (await only_roll(database, campaign)).roll.total == 6


async def test_processes_at_once_store_every_roll_once(database_url: str, database: Database) -> None:
    campaign = await make_campaign(database)
    tables = [await make_table(database, campaign, f"T{n}") for n in range(4)]
    async with processes(database_url, 3) as several:
        found: Counter[str] = Counter()

        async def deliver(process: Process) -> None:
            for start in range(0, 60, 5):
                events = [
                    fell(table, d20(1 + n % 20, f"r{n}")) for table in tables for n in range(start, start + 5)
                ]
                found.update(await kinds(process, campaign, *events))

        await asyncio.gather(*(deliver(process) for process in several))
        assert found == {"accepted": 240, "duplicate": 480}
    rows = await rolls_of(database, campaign)
    assert len({row.key for row in rows}) == len(rows) == 240
    for table in tables:
        assert [row.roll.roll_id for row in rows if row.connection_id == table] == [
            f"r{n}" for n in range(60)
        ]


async def test_fifty_tables_at_once_are_few_transactions_and_each_in_order(
    process: Process, database: Database, campaign: UUID
) -> None:
    tables = [await make_table(database, campaign, f"T{n}") for n in range(50)]
    batches = Batches(process.rooms)
    running = asyncio.create_task(batches.run())
    await asyncio.sleep(0)

    async def play(table: UUID) -> None:
        for n in range(10):
            event = fell(table, d20(1 + n, f"r{n}"))
            assert await batches.deliver(campaign, [event, event]) == [ACCEPTED, DUPLICATE]

    await asyncio.gather(*map(play, tables))
    running.cancel()
    await asyncio.wait([running])
    rows = await rolls_of(database, campaign)
    for table in tables:
        told = [row.roll.roll_id for row in rows if row.connection_id == table]
        assert told == [f"r{n}" for n in range(10)]
    assert len(process.published) <= 50  # not 500


async def test_a_table_that_may_not_send_has_no_effect(
    process: Process, database: Database, campaign: UUID, table: UUID
) -> None:
    elsewhere = await make_table(database, await make_campaign(database, name="Other"))
    revoked = await make_table(database, campaign, "Revoked")
    async with database.transaction() as connection:
        await vtt_connections.revoke(connection, revoked, "lost")
    events = [fell(one, d20(20, f"r-{n}")) for n, one in enumerate((elsewhere, uuid4(), revoked, table))]
    outcomes = await send(process, campaign, *events)
    assert outcomes[:3] == [Outcome("rejected", "unknown_connection")] * 3
    assert outcomes[3].kind == "accepted"
    assert len(await rolls_of(database, campaign)) == 1


@pytest.mark.parametrize(
    ("roll", "reason"),
    [
        (d20(5, ""), "bad_roll_id"),
        (d20(5, "a\0b"), "bad_roll_id"),
        (d20(5, "x" * 129), "bad_roll_id"),
        (d20(5, revision=0), "bad_revision"),
        (d20(5, revision=2**31), "bad_revision"),
        (d20(5, label="a\0b"), "unstorable_text"),
        (d20(5, label="half \ud83c"), "unstorable_text"),
    ],
)
async def test_a_roll_that_no_database_holds_loses_no_other(
    process: Process, database: Database, campaign: UUID, table: UUID, *, roll: DiceRoll, reason: str
) -> None:
    events = [fell(table, d20(1, "before")), fell(table, roll), fell(table, d20(2, "after"))]
    outcomes = await send(process, campaign, *events)
    assert outcomes == [Outcome("accepted"), Outcome("rejected", reason), Outcome("accepted")]
    assert len(await rolls_of(database, campaign)) == 2


async def test_a_roll_from_the_future_is_refused(process: Process, campaign: UUID, table: UUID) -> None:
    event = fell(table, d20(5))
    late = replace(event.roll, rolled_at=event.received_at + timedelta(seconds=61))
    assert await send(process, campaign, event._replace(roll=late)) == [
        Outcome("rejected", "from_the_future")
    ]


# Whose it is


async def test_an_assigned_character_s_roll_is_its_channel_s(
    process: Process, database: Database, campaign: UUID, table: UUID
) -> None:
    await send(process, campaign, fell(table, d20(5)))
    assert (await only_roll(database, campaign)).attribution == "pending"
    rook, channel = await character_of(database, campaign, table), await channel_of(database, campaign)
    await character_acts.assign(process.rooms, campaign, rook, channel)
    await send(process, campaign, fell(table, d20(6, "r2")))
    _, second = await rolls_of(database, campaign)
    assert (second.attribution, second.character_id, second.channel_id) == ("attributed", rook, channel)


async def test_another_process_knows_of_the_assignment_at_once(
    database_url: str, database: Database, campaign: UUID, table: UUID
) -> None:
    async with processes(database_url, 2) as (one, other):
        await send(one, campaign, fell(table, d20(5)))
        await send(other, campaign, fell(table, d20(5, "r2")))
        rook, channel = await character_of(database, campaign, table), await channel_of(database, campaign)
        await character_acts.assign(one.rooms, campaign, rook, channel)
        await send(other, campaign, fell(table, d20(5, "r3")))
    assert (await rolls_of(database, campaign))[-1].channel_id == channel


async def test_the_game_master_s_character_takes_his_rolls_and_its_own_and_no_other(
    process: Process, database: Database, campaign: UUID, table: UUID
) -> None:
    nobody = Actor("Ben", "user-2", "Tinker Tess", "actor-2")
    await send(process, campaign, fell(table, d20(5, "a")), fell(table, d20(5, "b", actor=nobody)))
    rook = await character_of(database, campaign, table)
    await character_acts.assign(process.rooms, campaign, rook, "game_master")
    await send(
        process,
        campaign,
        fell(table, d20(5, "own")),
        fell(table, d20(5, "npc", actor=GAME_MASTER)),
        fell(table, d20(5, "other", actor=nobody)),
    )
    own, npc, other = (await rolls_of(database, campaign))[2:]
    assert (own.attribution, own.character_id) == ("attributed", rook)
    assert (npc.attribution, npc.character_id) == ("attributed", rook)
    assert npc.roll.actor.character_name == "Rook Feather"
    assert other.attribution == "pending"


async def test_the_game_master_plays_one_at_a_time(
    process: Process, database: Database, campaign: UUID, table: UUID
) -> None:
    await send(process, campaign, fell(table, d20(5)), fell(table, d20(5, "b", actor=GAME_MASTER)))
    rook = await character_of(database, campaign, table)
    goblin = await character_of(database, campaign, table, "actor-9")
    await asyncio.gather(
        *(
            character_acts.assign(process.rooms, campaign, one, "game_master")
            for one in (rook, goblin, rook, goblin)
        )
    )
    async with database.connection() as connection:
        roster = await characters.roster(connection, campaign)
    assert [known.id for known in roster.values() if known.is_game_masters] == [goblin]


async def test_unknown_characters_are_never_one(
    process: Process, database: Database, campaign: UUID, table: UUID
) -> None:
    ana, ben = Actor("Ana", character_id="unknown"), Actor("Ben", character_id="unknown")
    named = Actor("Cleo", character_name="Whisper")
    await send(
        process,
        campaign,
        *(fell(table, d20(5, f"r{n}", actor=actor)) for n, actor in enumerate((ana, ben, named, named))),
    )
    first, second, third, fourth = await rolls_of(database, campaign)
    assert first.character_id is second.character_id is None
    assert third.character_id == fourth.character_id is not None
    assert {row.attribution for row in (first, second, third)} == {"pending"}


async def test_a_character_made_by_hand_is_found_by_its_name(
    process: Process, database: Database, campaign: UUID, table: UUID
) -> None:
    await character_acts.create(process.rooms, campaign, character_acts.ByHand("Whisper"))
    async with database.connection() as connection:
        (by_hand,) = await characters.page(connection, campaign, None, 10)
    await send(process, campaign, fell(table, d20(5, actor=Actor("Cleo", character_name="whisper"))))
    assert (await only_roll(database, campaign)).character_id == by_hand.id


async def test_by_hand_is_settled(process: Process, database: Database, campaign: UUID) -> None:
    await send(process, campaign, fell(None, d20(20)))
    row = await only_roll(database, campaign)
    assert (row.attribution, row.effects_at is not None) == ("attributed", True)
    refused = await send(process, campaign, fell(None, d20(20, "r2"), character_id=uuid4()))
    assert refused == [Outcome("rejected", "unknown_character")]


async def pending_critical(process: Process, database: Database, campaign: UUID, table: UUID) -> UUID:
    await send(process, campaign, fell(table, d20(20)))
    return (await only_roll(database, campaign)).id


async def test_attribution_has_its_effects_exactly_once(
    database_url: str, database: Database, campaign: UUID, table: UUID
) -> None:
    async with processes(database_url, 3) as several:
        roll = await pending_critical(several[0], database, campaign, table)
        rook = await character_of(database, campaign, table)
        assert announced(several, "dice.critical") == []
        results = await asyncio.gather(
            *(
                roll_acts.attribute(process.rooms, campaign, roll, rook, effects=True)
                for process in (*several, *several)
            ),
            return_exceptions=True,
        )
        refused = [result for result in results if result is not None]
        assert len(refused) == 5
        assert all(isinstance(result, Refused) and result.reason == "settled" for result in refused)
        (told,) = announced(several, "dice.critical")
        assert told["critical"]["type"] == "success"
        await send(several[1], campaign, fell(table, d20(20, revision=2)))
        assert len(announced(several, "dice.critical")) == 1
    row = await only_roll(database, campaign)
    assert (row.attribution, row.character_id) == ("attributed", rook)


async def test_attribution_without_effects_has_none_ever(
    process: Process, database: Database, campaign: UUID, table: UUID
) -> None:
    roll = await pending_critical(process, database, campaign, table)
    rook = await character_of(database, campaign, table)
    await roll_acts.attribute(process.rooms, campaign, roll, rook, effects=False)
    await send(process, campaign, fell(table, d20(20, revision=2)))
    assert announced([process], "dice.critical") == []


async def test_dismissed_is_settled(
    process: Process, database: Database, campaign: UUID, table: UUID
) -> None:
    roll = await pending_critical(process, database, campaign, table)
    rook = await character_of(database, campaign, table)
    await roll_acts.dismiss(process.rooms, campaign, roll)
    for act in (
        roll_acts.dismiss(process.rooms, campaign, roll),
        roll_acts.attribute(process.rooms, campaign, roll, rook, effects=True),
    ):
        with pytest.raises(Refused):
            await act
    assert announced([process], "dice.critical") == []
    assert (await only_roll(database, campaign)).attribution == "dismissed"
    # Nor does it come back by a revision of its table.
    await send(process, campaign, fell(table, d20(20, revision=2)))
    assert (await only_roll(database, campaign)).attribution == "dismissed"
    with pytest.raises(roll_acts.NoRoll):
        await roll_acts.dismiss(process.rooms, campaign, uuid7())


@pytest.mark.parametrize("act", ["dismissed", "without_effects"])
async def test_what_was_kept_off_the_stream_stays_off(
    process: Process, database: Database, campaign: UUID, table: UUID, *, act: str
) -> None:
    """A revision of its table minutes later brings nothing up that the game master had put away."""
    await set_table(database, campaign, holds_pending=True)
    roll = await pending_critical(process, database, campaign, table)
    rook = await character_of(database, campaign, table)
    if act == "dismissed":
        await roll_acts.dismiss(process.rooms, campaign, roll)
    else:
        await roll_acts.attribute(process.rooms, campaign, roll, rook, effects=False)
    await send(process, campaign, fell(table, d20(20, revision=2)))
    assert await on_stage(database, campaign) == []


async def test_where_pending_rolls_are_held_attribution_brings_them_on_stream(
    process: Process, database: Database, campaign: UUID, table: UUID
) -> None:
    await set_table(database, campaign, holds_pending=True)
    roll = await pending_critical(process, database, campaign, table)
    assert await on_stage(database, campaign) == []
    rook = await character_of(database, campaign, table)
    await roll_acts.attribute(process.rooms, campaign, roll, rook, effects=True)
    assert len(await on_stage(database, campaign)) == 1
    assert len(announced([process], "dice.critical")) == 1


# What counts


async def test_what_is_ordered_wrong_or_a_test_is_no_player_s_critical(
    process: Process, database: Database, campaign: UUID, table: UUID
) -> None:
    await send(process, campaign, fell(table, d20(5, "first")))
    rook, channel = await character_of(database, campaign, table), await channel_of(database, campaign)
    await character_acts.assign(process.rooms, campaign, rook, channel)
    command = uuid7()
    async with database.transaction() as connection:
        outbox = uuid7()
        await connection.execute(
            "INSERT INTO outbox (id, campaign_id, kind, dedupe_key, payload)"
            " VALUES ($1, $2, 'vtt.command', 'k', '{}')",
            outbox,
            campaign,
        )
        await connection.execute(
            "INSERT INTO vtt_commands (outbox_id, connection_id, request_id, expires_at)"
            " VALUES ($1, $2, $3, now() + interval '1 hour')",
            outbox,
            table,
            command,
        )
    await send(
        process,
        campaign,
        fell(table, d20(20, "forced"), command_id=command),
        fell(table, d20(20, "wrong", total=25.0)),
        fell(table, d20(20, "test"), simulated=True),
    )
    assert announced([process], "dice.critical") == []
    forced, wrong, test = (await rolls_of(database, campaign))[1:]
    assert forced.command_id == command
    assert wrong.inconsistencies == ("the dice make 20 and the total says 25",)
    assert test.simulated
    assert all(row.verdict is not None and row.effects_at is None for row in (forced, wrong, test))
    assert [seen.get("simulated", False) for seen in await on_stage(database, campaign)].count(True) == 1
    await send(process, campaign, fell(table, d20(20, "real")))
    assert len(announced([process], "dice.critical")) == 1
    # Commands are forgotten some day, with their table or by age; that it was forced is not.
    async with database.transaction() as connection:
        await connection.execute("DELETE FROM vtt_commands")
    assert (await rolls_of(database, campaign))[1].command_id == command


async def test_a_browser_s_critical_counts_where_the_campaign_says_so(
    process: Process, database: Database, campaign: UUID
) -> None:
    await set_table(database, campaign, rewards_unverified=False)
    await send(process, campaign, fell(None, d20(20, "a")), fell(None, d20(20, "b", verified=True)))
    assert len(announced([process], "dice.critical")) == 1


async def test_dice_that_are_switched_off_are_kept_and_not_seen(
    process: Process, database: Database, campaign: UUID, table: UUID
) -> None:
    await set_table(database, campaign, shows_dice=False, shows_secret=True)
    await send(process, campaign, fell(table, d20(5)), fell(table, d20(6, "r2", visibility="gm_only")))
    assert await board(database, campaign, "dice") is None
    assert [row.shown_at for row in await rolls_of(database, campaign)] == [None, None]


async def test_time_takes_dice_off(process: Process, database: Database, campaign: UUID, table: UUID) -> None:
    await send(process, campaign, fell(table, d20(5)))
    deadlines = Deadlines(database, process.rooms)
    await deadlines.fire_due()
    assert await board(database, campaign, "dice") is not None
    await later(database, campaign, 10)
    await deadlines.fire_due()
    assert await board(database, campaign, "dice") is None
    assert deadlines.fired == 1


async def test_a_look_that_comes_too_early_leaves_dice_and_comes_again(
    process: Process, database: Database, campaign: UUID, table: UUID
) -> None:
    await send(process, campaign, fell(table, d20(5)))
    await age(database, campaign, 10)  # the deadline alone
    deadlines = Deadlines(database, process.rooms)
    await deadlines.fire_due()
    assert await board(database, campaign, "dice") is not None
    await later(database, campaign, 10)
    await deadlines.fire_due()
    assert await board(database, campaign, "dice") is None
    assert deadlines.fired == 2


async def test_many_dice_of_a_batch_are_one_step(
    process: Process, database: Database, campaign: UUID, table: UUID
) -> None:
    pool = Group(6, 1000, tuple(Die(1 + n % 6) for n in range(1000)))
    rolls = [replace(d20(5, f"r{n}"), notation="1000d6", groups=(pool,), total=None) for n in range(50)]
    await send(process, campaign, *(fell(table, roll) for roll in rolls))
    dice = await board(database, campaign, "dice")
    assert dice is not None
    assert len(dice["showings"]) == 4
    assert dice["more"]["count"] == 46
    assert len(process.published) == 1
    assert ROOK.character_name == dice["showings"][0]["roll"]["character_name"]
