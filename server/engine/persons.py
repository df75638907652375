"""One vote per person, inside a campaign's turn: whose votes are set aside, and what the ledger says of it.

Who is one person is asked anew for whoever votes, links or unlinks, and once more for everybody when the
count is locked: as of then, or of the poll's close when that was before. So nothing that was missed on the
way can alter a result.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final
from uuid import UUID

from server.engine.memory import Room
from server.engine.turn import Turn
from server.rules import persons, poll_board
from server.rules.poll import RUNNING, Poll
from server.rules.votes import BallotKey, Counted
from sql import people, poll_persons, polls, votes

_NOTHING: Final[Mapping[BallotKey, Counted]] = {}


async def settle(
    turn: Turn, poll: Poll, accounts: Collection[BallotKey], replaced: Mapping[BallotKey, Counted] = _NOTHING
) -> Poll:
    """Decide whose votes count among these accounts and all who are one with them; answers the poll after it.

    The votes are stored, and the poll's tally is that of before, plus what they changed (`rules.votes.take`).
    `replaced` are the votes that some of them held before. The caller saves tally and ledger position.
    """
    connection, at = turn.connection, _as_of(turn, poll)
    who: dict[BallotKey, UUID] = {}
    before: dict[BallotKey, persons.Stance] = {}
    known: set[BallotKey] = set()
    asked = {account for account in accounts if account[0] in people.PLATFORMS}
    while asked:  # the others of a person, and those who were one with any of them until now
        found = await people.kin(connection, turn.campaign_id, asked, at)
        stood = await poll_persons.stances(connection, poll.id, asked | found.keys())
        who |= found
        before |= stood
        known |= asked
        asked = (found.keys() | stood.keys()) - known
    if not who and not before:
        return poll
    standing = await votes.held(connection, poll.id, who.keys() | before.keys())
    now = persons.stances(poll, standing, who)
    tally = persons.corrected(
        poll.tally,
        aside_before=[replaced.get(one) or standing[one] for one in persons.aside(before)],
        aside_now=[standing[one] for one in persons.aside(now)],
    )
    entries = persons.entries(poll, before, now, turn.head.now)
    if not entries:
        return replace(poll, tally=tally)
    await poll_persons.put(connection, poll.id, before, now)
    await poll_persons.append_ledger(connection, poll.id, entries)
    return replace(poll, tally=tally, ledger_rows=entries[-1].n, ledger_head=entries[-1].hash)


async def settle_all(turn: Turn, poll: Poll) -> Poll:
    """The same for every voter of a poll that is about to be counted for good."""
    everybody = await poll_persons.linked_voters(turn.connection, poll.id, _as_of(turn, poll))
    return await settle(turn, poll, everybody)


async def recount(room: Room, turn: Turn, accounts: Collection[BallotKey]) -> None:
    """These accounts are other persons than before: count their votes anew, and show it."""
    poll = room.poll
    if poll is None or not persons.counts_persons(poll) or poll.state not in RUNNING:
        return
    settled = await settle(turn, poll, accounts)
    if settled == poll:
        return
    await votes.save_results(turn.connection, poll.id, poll.tally, settled.tally)
    await polls.save_ledger_position(turn.connection, settled)
    room.poll = settled  # its times and rules are as they were, and so is the reader
    await turn.show(poll.id, poll_board.board(settled))


def _as_of(turn: Turn, poll: Poll) -> datetime:
    """Links count as of now, and after the close as they were then."""
    return turn.head.now if poll.closes_at is None else min(turn.head.now, poll.closes_at)
