"""Alerts on stream, inside the campaign's turn: the queue is the board, and the board is the queue."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID, uuid5

from server.engine.turn import Turn
from server.rules import alerts_board
from server.rules.alerts import is_wanted
from server.rules.alerts_board import Queue
from server.rules.platform_events import Supported
from sql import alert_rules, boards, deadlines


class Shown(NamedTuple):
    """A kindness that may go on stream. `is_new`: it was not told before."""

    id: UUID
    event: Supported
    is_new: bool


def board_id(campaign_id: UUID) -> UUID:
    """The id of the campaign's one board of alerts."""
    return uuid5(campaign_id, "alert")


async def show(turn: Turn, kindnesses: Iterable[Shown], armed: asyncio.Event) -> None:
    """Put kindnesses into the queue, as the campaign wants them; the picture of a known one is mended."""
    rules = await alert_rules.of_campaign(turn.connection, turn.campaign_id)
    before = queue = await _queue(turn)
    for kindness in kindnesses:
        event = kindness.event
        is_there = any(alert.id == str(kindness.id) for alert in queue)
        if not is_wanted(rules, event) or not (kindness.is_new or is_there):
            continue
        rule = rules[event.kind]
        queue = alerts_board.add(
            queue,
            kindness.id,
            alerts_board.given_by(event),
            turn.head.now,
            template=rule.template,
            lasts=rule.lasts,
        )
    await _put(turn, before, queue, armed)


async def take_off(turn: Turn, alert_id: str | None, armed: asyncio.Event) -> None:
    """A person takes an alert off, or all of them with None."""
    before = await _queue(turn)
    queue = alerts_board.EMPTY if alert_id is None else alerts_board.without(before, alert_id, turn.head.now)
    await _put(turn, before, queue, armed)


async def fire(turn: Turn, armed: asyncio.Event) -> None:
    """Time takes the board off when all is over."""
    before = await _queue(turn)
    await _put(turn, before, alerts_board.tidy(before, turn.head.now), armed, anew=True)


async def _queue(turn: Turn) -> Queue:
    return alerts_board.from_board(
        await boards.get(turn.connection, turn.campaign_id, board_id(turn.campaign_id))
    )


async def _put(turn: Turn, before: Queue, queue: Queue, armed: asyncio.Event, *, anew: bool = False) -> None:
    board = board_id(turn.campaign_id)
    if queue != before:
        await turn.show(board, alerts_board.board(queue))
    due = alerts_board.deadline(queue)
    if due is None:
        await deadlines.disarm(turn.connection, board)
    elif anew or due != alerts_board.deadline(before):
        await deadlines.arm(turn.connection, turn.campaign_id, board, *due)
        armed.set()
