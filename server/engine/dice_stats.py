"""Dice fairness, counted from the stored rolls, and the card of who rolls luckiest."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import UUID

from server.engine.room import Rooms
from server.engine.table_boards import board_id
from server.engine.turn import Also
from server.rules import card_board, fairness
from server.rules.fairness import Fairness, Luck, Players
from server.rules.poll import Refused
from sql import deadlines, dice_rolls
from sql.dice_rolls import Fell
from sql.pool import Connection

#: A campaign of years has more; what is asked for is how the dice fall these weeks.
NEWEST = 20_000


async def read(connection: Connection, campaign_id: UUID) -> tuple[int, Fairness]:
    """How many of the newest rolls were counted, and their statistics."""
    counted, thrown = await dice_rolls.fell(connection, campaign_id, NEWEST)
    return counted, await asyncio.to_thread(_sorted, thrown)


def _sorted(thrown: Sequence[Fell]) -> Fairness:
    def of(*, hidden: bool) -> Players:
        return fairness.of_dice(
            (one.player_key, one.player_name, one.sides, one.faces)
            for one in thrown
            if one.is_hidden == hidden
        )

    return Fairness(public=of(hidden=False), hidden=of(hidden=True))


async def luckiest(connection: Connection, campaign_id: UUID) -> Luck:
    """Who rolls luckiest in public. Raises Refused while nobody threw enough."""
    _, stats = await read(connection, campaign_id)
    found = fairness.luckiest(stats.public)
    if found is None:
        raise Refused("too_few", f"Nobody threw {fairness.LEAST_DICE} dice in public yet.")
    return found


async def show_luckiest(rooms: Rooms, campaign_id: UUID, lucky: Luck, *, also: Also | None = None) -> None:
    """The card on stream, for as long as it takes to be read."""
    async with rooms.turn(campaign_id) as (_, turn):
        board, now = board_id(campaign_id, "card"), turn.head.now
        await turn.show(board, card_board.luck_card(lucky, now))
        await deadlines.arm(turn.connection, campaign_id, board, "leave", card_board.leaves_at(lucky, now))
        rooms.armed.set()
        if also:
            await also(turn.connection, campaign_id)
