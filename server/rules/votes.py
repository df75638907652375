"""From chat lines to counted votes, whatever the order in which they arrive (reliability §3.3).

A voter's vote is the latest by `(sent_at, message_id)` when it may be changed, the earliest when it
may not. So the result is a function of the set of votes, not of their order, their repeats, or the
process that took them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from server.rules.chat import choice
from server.rules.events import ChatMessage
from server.rules.poll import Poll, State
from server.rules.tally import Tally

#: A send time further than this after our receive time is not believed (reliability §3.7).
CLOCK_TRUST = timedelta(seconds=5)
#: Platforms cut send times below the millisecond; a line sent just after the opening must not look earlier.
RESOLUTION = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Vote:
    """A chat line that is a vote in a certain poll."""

    platform: str
    user_id: str
    slot: int
    choice: int  # 1…
    sent_at: datetime  # bounded by receive time
    received_at: datetime
    message_id: str


@dataclass(frozen=True, slots=True)
class Counted:
    """The vote that a ballot holds now."""

    slot: int
    choice: int
    sent_at: datetime
    message_id: str


#: `(platform, user id)`, or `(platform, message id)` under `every_message`.
BallotKey = tuple[str, str]

NotAVote = Literal["chatter", "shared_copy", "not_seated", "early", "late", "paused", "not_running"]


def ballot_key(poll: Poll, vote: Vote) -> BallotKey:
    """Whose place in the count a vote takes."""
    return (vote.platform, vote.user_id if poll.rules.rule == "one_vote" else vote.message_id)


def believed_time(sent_at: datetime, received_at: datetime) -> datetime:
    """The send time, unless it claims to be from the future."""
    return received_at if sent_at > received_at + CLOCK_TRUST else sent_at


def read(
    poll: Poll, event: ChatMessage, seats: Mapping[tuple[str, str], int], ballot: Mapping[str, int]
) -> Vote | NotAVote:
    """What a chat line is to the poll. `seats` maps `(platform, channel id)` to the slot of a seat.

    A shared-chat copy never counts: the original is read in its own channel, or that channel takes
    no part (platforms/twitch.md, acceptance fact 13).
    """
    if event.is_shared_copy:
        return "shared_copy"
    index = choice(event.text, len(poll.options), ballot, poll.rules.words)
    if index is None:
        return "chatter"
    slot = seats.get((event.platform, event.channel_id))
    if slot is None:
        return "not_seated"
    sent_at = believed_time(event.sent_at, event.received_at)
    if reason := _out_of_time(poll, sent_at, event.received_at):
        return reason
    return Vote(event.platform, event.user.id, slot, index, sent_at, event.received_at, event.message_id)


def _out_of_time(poll: Poll, sent_at: datetime, received_at: datetime) -> NotAVote | None:
    """Why a line does not fall into the poll's time: judged by send time, bounded by receive time.

    Without the bound a line stamped a little ahead would count or not depending on whether it is taken
    before or after the game master closes early.
    """
    if poll.opens_at is None or poll.closes_at is None or poll.phase_at is None:
        return "not_running"
    sent_at = min(sent_at, received_at)
    if poll.state == State.CANCELLED:
        # In case the cancel is undone: what was sent before it is kept.
        if poll.cancelled_from == State.CLOSED or sent_at > poll.phase_at:
            return "not_running"
    elif poll.state not in (State.OPEN, State.CLOSING):
        return "late"
    if sent_at < poll.opens_at - RESOLUTION:
        return "early"
    if sent_at > poll.closes_at or received_at > poll.closes_at + poll.grace:
        return "late"
    if any(start < sent_at <= end for start, end in poll.pauses):
        return "paused"
    return None


@dataclass(frozen=True, slots=True)
class Taken:
    """What a batch of votes does to a poll."""

    tally: Tally
    changed: Mapping[BallotKey, Vote]  # ballots that hold another vote now
    votes: tuple[Vote, ...]  # all of the batch, for the ledger


def take(poll: Poll, votes: Iterable[Vote], held: Mapping[BallotKey, Counted]) -> Taken:
    """Count a batch. `held` has the stored vote of every ballot in the batch that has one."""
    votes = tuple(votes)
    now_held: dict[BallotKey, Counted] = dict(held)
    changed: dict[BallotKey, Vote] = {}
    counts = [list(channel) for channel in poll.tally]
    for vote in votes:
        key = ballot_key(poll, vote)
        old = now_held.get(key)
        if old is not None:
            newer = (vote.sent_at, vote.message_id) > (old.sent_at, old.message_id)
            same = (vote.sent_at, vote.message_id) == (old.sent_at, old.message_id)
            if same or newer != poll.rules.changeable:
                continue
            counts[old.slot][old.choice - 1] -= 1
        counts[vote.slot][vote.choice - 1] += 1
        now_held[key] = Counted(vote.slot, vote.choice, vote.sent_at, vote.message_id)
        changed[key] = vote
    return Taken(tuple(tuple(channel) for channel in counts), changed, votes)


def seat_map(poll: Poll, channels: Mapping[tuple[str, str], UUID]) -> dict[tuple[str, str], int]:
    """`(platform, channel id)` → slot, for the channels of the campaign that have a seat.

    `channels` may hold several ids of one channel, such as the name it went by before its id was known.
    """
    slots = {seat.channel_id: seat.slot for seat in poll.seats}
    return {key: slots[channel] for key, channel in channels.items() if channel in slots}
