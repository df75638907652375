"""Votes into the count of the running poll, inside the campaign's turn: held, sealed, shown."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from server.engine.memory import Room
from server.engine.turn import Turn
from server.rules import poll_board, vote_ledger
from server.rules.poll import Poll
from server.rules.votes import Vote, ballot_key, take
from sql import polls, votes

#: Rows of the ledger that are made without a pause: about a millisecond.
_SLICE = 500


async def count(room: Room, turn: Turn, poll: Poll, cast: Sequence[Vote]) -> Poll:
    """Take these votes into the poll; answers it with them. `poll` is as the room or the database has it."""
    held = await votes.held(turn.connection, poll.id, {ballot_key(poll, vote) for vote in cast})
    taken = take(poll, cast, held)
    storing = asyncio.ensure_future(votes.hold(turn.connection, poll.id, taken.changed, held))
    try:
        rows = await _seal(poll, taken.votes)
    finally:
        await storing
    counted = replace(poll, tally=taken.tally, ledger_rows=rows[-1].n, ledger_head=rows[-1].hash)
    await votes.append_ledger(turn.connection, poll.id, rows)
    await votes.save_results(turn.connection, poll.id, poll.tally, taken.tally)
    await polls.save_ledger_position(turn.connection, counted)
    if room.poll is not None and room.poll.id == poll.id:
        room.poll = counted  # its times and rules are as they were, and so is the reader
    await turn.show(poll.id, poll_board.board(counted))
    return counted


async def _seal(poll: Poll, cast: Sequence[Vote]) -> list[vote_ledger.Row]:
    """The ledger's next rows, a slice at a time: frames go out meanwhile, and PostgreSQL stores the votes."""
    rows: list[vote_ledger.Row] = []
    for start in range(0, len(cast), _SLICE):
        await asyncio.sleep(0)
        rows += vote_ledger.append(poll, cast[start : start + _SLICE])
        poll = replace(poll, ledger_rows=rows[-1].n, ledger_head=rows[-1].hash)
    return rows
