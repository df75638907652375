"""What a game master does with a roll: whose it is, whether the stream sees it. Each in one turn."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import UUID

from server.engine import table_state
from server.engine.roll_stage import OnStage, is_public
from server.engine.room import Rooms
from server.engine.table_state import Table
from server.engine.turn import Also, Turn
from server.rules import sealed
from server.rules.attribution import named
from server.rules.poll import Refused
from sql import characters, dice_rolls
from sql.dice_rolls import Roll

#: A proof that everybody is told has no more dice than this.
_MOST_PROVED = 100
_PROOF_TTL_MS = 60_000


class NoRoll(LookupError):
    """The campaign has no such roll."""


async def attribute(
    rooms: Rooms,
    campaign_id: UUID,
    roll_id: UUID,
    character_id: UUID,
    *,
    effects: bool,
    also: Also | None = None,
) -> None:
    """A pending roll is this character's. With effects, what would have happened at once happens now.

    Without, it never will. Raises NoRoll, and Refused for a roll that does not wait or an unknown character.
    """
    async with _acting(rooms, campaign_id, roll_id) as (turn, table, found):
        if found.attribution != "pending":
            raise _settled(found)
        character = await characters.get(turn.connection, character_id)
        if character is None or character.campaign_id != campaign_id:
            raise Refused("unknown_character", "The campaign has no such character any more.")
        row = replace(
            found,
            attribution="attributed",
            character_id=character.id,
            channel_id=character.channel_id,
            roll=named(found.roll, character.name),
        )
        await dice_rolls.settle(
            turn.connection,
            row,
            "attributed",
            character_id=row.character_id,
            channel_id=row.channel_id,
        )
        stage = OnStage(turn, table)
        if effects:
            if is_public(row) and (row.shown_at is None or stage.holds(row)) and table.settings.shows_dice:
                row = stage.show(row)
            row = await stage.effects(row)
        else:
            row = replace(row, effects_at=turn.head.now)  # decided: none, not even with a later revision
        await dice_rolls.mark(turn.connection, row)
        await table_state.show_stage(turn, table, stage.stage, rooms.armed)
        if also:
            await also(turn.connection, roll_id)


async def dismiss(rooms: Rooms, campaign_id: UUID, roll_id: UUID, *, also: Also | None = None) -> None:
    """A pending roll is nobody's. Raises NoRoll, and Refused when it does not wait."""
    async with _acting(rooms, campaign_id, roll_id) as (turn, _, row):
        if row.attribution != "pending":
            raise _settled(row)
        await dice_rolls.settle(turn.connection, row, "dismissed")
        if also:
            await also(turn.connection, roll_id)


async def reveal(rooms: Rooms, campaign_id: UUID, roll_id: UUID, *, also: Also | None = None) -> None:
    """A secret roll comes on stream, once, with its proof when it was sealed.

    Raises NoRoll, and Refused for a roll that is no secret, or whose value nobody told us.
    """
    async with _acting(rooms, campaign_id, roll_id) as (turn, table, found):
        if not found.roll.is_secret:
            raise Refused("not_secret", "This roll is public already.")
        if found.revealed_at is not None:
            raise Refused("revealed", "This roll is revealed already; show it again if you like.")
        if found.roll.total is None and not any(group.dice for group in found.roll.groups):
            raise Refused("withheld", "The tabletop kept the value to itself: there is nothing to reveal.")
        row = replace(found, revealed_at=turn.head.now)
        stage = OnStage(turn, table)
        row = await stage.effects(stage.show(row))
        await dice_rolls.mark(turn.connection, row)
        await table_state.show_stage(turn, table, stage.stage, rooms.armed)
        if row.seal is not None and sum(1 for _ in row.roll.dice) <= _MOST_PROVED:
            proof = sealed.reveal(row.roll, row.seal)
            # A proof tells the dice; of a roll with redacted ones it stays with the game master.
            if row.roll.redact.isdisjoint({"dice", "total"}):
                await turn.announce("dice.proof", {"id": str(row.view_id), "proof": proof}, _PROOF_TTL_MS)
        if also:
            await also(turn.connection, roll_id)


async def show_again(rooms: Rooms, campaign_id: UUID, roll_id: UUID, *, also: Also | None = None) -> None:
    """On stream as if it had just fallen. Raises NoRoll, and Refused for a secret roll."""
    async with _acting(rooms, campaign_id, roll_id) as (turn, table, found):
        if not is_public(found):
            raise Refused("secret", "This roll is secret: reveal it instead.")
        stage = OnStage(turn, table)
        row = stage.again(found)
        await dice_rolls.mark(turn.connection, row)
        await table_state.show_stage(turn, table, stage.stage, rooms.armed)
        if also:
            await also(turn.connection, roll_id)


@asynccontextmanager
async def _acting(rooms: Rooms, campaign_id: UUID, roll_id: UUID) -> AsyncIterator[tuple[Turn, Table, Roll]]:
    async with rooms.turn(campaign_id) as (room, turn):
        row = await dice_rolls.get(turn.connection, roll_id)
        if row is None or row.campaign_id != campaign_id:
            raise NoRoll(str(roll_id))
        yield turn, await room.table_of(turn), row


def _settled(row: Roll) -> Refused:
    return Refused("settled", f"The roll is {row.attribution} already; that happens once.")
