"""What the tests of tables stand on: tables that send, rolls, and what browsers would see of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from server.engine.intake import Outcome
from server.engine.table_boards import TableBoard, board_id
from server.rules import dice_stage
from server.rules.dice import Actor, DiceRoll, Die, Group, Source, Visibility
from server.rules.table_events import DiceRolled, TableEvent
from sql import dice_rolls, table_settings, vtt_connections
from sql.dice_rolls import Roll
from sql.ids import uuid7
from sql.pool import Database
from tests.integration.engine_rig import Process, age, boards_of

ROOK = Actor("Ana", "user-1", "Rook Feather", "actor-1")
GAME_MASTER = Actor("Master", "user-gm", "Goblin", "actor-9", is_gm=True)


async def make_table(database: Database, campaign_id: UUID, name: str = "Table") -> UUID:
    """A table that may send to the campaign."""
    connection_id = uuid7()
    async with database.transaction() as connection:
        await vtt_connections.create(
            connection,
            campaign_id,
            connection_id=connection_id,
            provider="neutral",
            name=name,
            signing_secret=b"sealed",
            ingest_hash=connection_id.bytes * 2,
        )
    return connection_id


def d20(
    face: int,
    roll_id: str = "r1",
    *,
    revision: int = 1,
    visibility: Visibility = "public",
    actor: Actor = ROOK,
    **more: Any,
) -> DiceRoll:
    """An attack roll."""
    fields: dict[str, Any] = {"total": float(face), "kind": "attack", **more}
    return DiceRoll(
        roll_id,
        Source("other", "world-1"),
        actor,
        visibility,
        "1d20",
        (Group(20, 1, (Die(face),)),),
        revision=revision,
        **fields,
    )


def fell(table: UUID | None, roll: DiceRoll, **more: Any) -> DiceRolled:
    """It has just been received."""
    return DiceRolled(table, roll, datetime.now(UTC), **more)


async def send(process: Process, campaign_id: UUID, *events: TableEvent) -> list[Outcome]:
    """As from a table."""
    return await process.rooms.ingest(campaign_id, events, receipts=[True] * len(events))


async def kinds(process: Process, campaign_id: UUID, *events: TableEvent) -> list[str]:
    """The outcomes in words."""
    return [outcome.kind for outcome in await send(process, campaign_id, *events)]


async def rolls_of(database: Database, campaign_id: UUID, *, pending: bool = False) -> list[Roll]:
    """The newest hundred thousand, oldest first."""
    async with database.connection() as connection:
        found = await dice_rolls.page(
            connection, campaign_id, pending=pending, without_secret=False, before=None, most=100_000
        )
    return found[::-1]


async def only_roll(database: Database, campaign_id: UUID) -> Roll:
    (roll,) = await rolls_of(database, campaign_id)
    return roll


async def board(database: Database, campaign_id: UUID, kind: TableBoard) -> dict[str, Any] | None:
    """What a browser that connects now sees."""
    found: dict[str, Any] | None = (await boards_of(database, campaign_id)).get(
        str(board_id(campaign_id, kind))
    )
    return found


async def on_stage(database: Database, campaign_id: UUID) -> list[dict[str, Any]]:
    """The rolls and notices on stream."""
    dice = await board(database, campaign_id, "dice")
    return [] if dice is None else [showing["roll"] for showing in dice["showings"]]


async def later(database: Database, campaign_id: UUID, seconds: float) -> None:
    """Let time pass for a campaign whose dice are on stream."""
    dice = await board(database, campaign_id, "dice")
    if dice is not None:
        past = timedelta(seconds=seconds)
        stage = dice_stage.from_board(dice)
        showings = [
            replace(
                one,
                starts_at=one.starts_at - past,
                settles_at=one.settles_at - past,
                ends_at=one.ends_at - past,
                row_at=None if one.row_at is None else one.row_at - past,
            )
            for one in stage.showings
        ]
        aged = dice_stage.board(replace(stage, showings=tuple(showings)))
        async with database.connection() as connection:
            await connection.execute(
                "UPDATE boards SET data = $2 WHERE board_id = $1", board_id(campaign_id, "dice"), aged
            )
    await age(database, campaign_id, seconds)


async def set_table(database: Database, campaign_id: UUID, **settings: Any) -> None:
    """Settings as if they had been there from the start."""
    async with database.transaction() as connection:
        await table_settings.save(connection, campaign_id, table_settings.TableSettings(**settings))


def announced(processes: Sequence[Process], kind: str) -> list[dict[str, Any]]:
    """What all browsers were told once."""
    return [
        dict(event.data)
        for process in processes
        for change in process.published
        for event in change.events
        if event.kind == kind
    ]
