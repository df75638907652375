"""T22: what could be made up is replayed, kept back and reordered, and the game master reads a note."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from server.engine import character_acts
from server.rules.dice import Actor, DiceRoll
from sql import characters
from sql.pool import Database
from tests.integration.engine_rig import Process, make_campaign
from tests.integration.table_rig import announced, d20, fell, kinds, make_table, rolls_of, send


@pytest.fixture
def process(database: Database) -> Process:
    return Process(database)


@pytest.fixture
async def campaign(database: Database) -> UUID:
    return await make_campaign(database)


@pytest.fixture
async def table(database: Database, campaign: UUID) -> UUID:
    return await make_table(database, campaign)


@pytest.fixture(autouse=True)
def a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """That of the test: the module may have been read minutes before, and a roll of then would be late."""
    monkeypatch.setitem(globals(), "NOW", datetime.now(UTC).replace(microsecond=0))


NOW = datetime.now(UTC)


def ago(seconds: float, roll_id: str, face: int = 5, **more: object) -> DiceRoll:
    return replace(d20(face, roll_id, rolled_at=NOW - timedelta(seconds=seconds)), **more)  # type: ignore[arg-type]


async def notes(database: Database, campaign: UUID) -> dict[str, list[str]]:
    return {row.roll.roll_id: list(row.anomalies) for row in await rolls_of(database, campaign)}


async def test_a_natural_twenty_that_is_sent_again_under_another_id(
    process: Process, database: Database, campaign: UUID, table: UUID
) -> None:
    await send(process, campaign, fell(table, ago(9, "first")))
    async with database.connection() as connection:
        (rook,) = await characters.page(connection, campaign, None, 10)
    await character_acts.assign(process.rooms, campaign, rook.id, "game_master")
    await send(process, campaign, fell(table, ago(5, "real", 20)))
    assert len(announced([process], "dice.critical")) == 1
    assert await kinds(process, campaign, fell(table, ago(5, "real", 20))) == ["duplicate"]
    assert await kinds(process, campaign, fell(table, ago(5, "fake", 20))) == ["accepted"]
    assert (await notes(database, campaign))["fake"] == ["repeated"]
    # It is seen, and has no effect a second time.
    assert len(announced([process], "dice.critical")) == 1


async def test_what_is_kept_back_and_comes_out_of_order(
    process: Process, database: Database, campaign: UUID, table: UUID
) -> None:
    other = await make_table(database, campaign, "Other")
    await send(process, campaign, fell(table, ago(30, "a")), fell(table, ago(1, "b")))
    await send(process, campaign, fell(table, ago(9, "near")), fell(table, ago(20, "before")))
    await send(process, campaign, fell(table, ago(130, "old")), fell(other, ago(100, "elsewhere")))
    await send(process, campaign, fell(table, d20(5, "says nothing")), fell(None, ago(500, "by hand")))
    await send(process, campaign, fell(table, ago(500, "signed", verified=True)))
    await send(process, campaign, fell(table, ago(500, "test"), simulated=True))
    assert await notes(database, campaign) == {
        "a": [],
        "b": [],
        "near": [],
        "before": ["out_of_order"],
        "old": ["late", "out_of_order"],
        "elsewhere": [],
        "says nothing": [],
        "by hand": [],
        "signed": [],
        "test": [],
    }


async def test_a_message_with_several_rolls_repeats_nothing(
    process: Process, database: Database, campaign: UUID, table: UUID
) -> None:
    """Rolls of one click have one time; so may equal dice of two players, or other dice of one."""
    ben = Actor("Ben", "user-2", "Tinker Tess", "actor-2")
    await send(process, campaign, fell(table, ago(5, "x:0", 20)), fell(table, ago(5, "x:1", 20)))
    await send(process, campaign, fell(table, ago(5, "ben", 20, actor=ben)), fell(table, ago(5, "x:2", 19)))
    assert set(map(tuple, (await notes(database, campaign)).values())) == {()}


async def test_a_value_that_changes(
    process: Process, database: Database, campaign: UUID, table: UUID
) -> None:
    await send(process, campaign, fell(table, d20(5, "a")), fell(table, d20(6, "b")))
    same = replace(d20(5, "a", revision=2), label="Stealth")
    await send(process, campaign, fell(table, same), fell(table, d20(20, "b", revision=2)))
    await send(process, campaign, fell(table, d20(20, "b", revision=3)))
    assert await notes(database, campaign) == {"a": [], "b": ["changed"]}
