"""From chat lines to counted votes, whatever the order in which they arrive (reliability §3.3).

A voter's vote is the latest by `(sent_at, message_id)` when it may be changed, the earliest when it
may not. So the result is a function of the set of votes, not of their order, their repeats, or the
process that took them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple
from uuid import UUID

from server.rules.chat import choice, plain_ballot
from server.rules.events import ChatMessage
from server.rules.poll import Poll, State
from server.rules.tally import Tally

#: A send time further than this after our receive time is not believed (reliability §3.7).
CLOCK_TRUST = timedelta(seconds=5)
#: Platforms cut send times below the millisecond; a line sent just after the opening must not look earlier.
RESOLUTION = timedelta(milliseconds=1)
#: Kick cuts the times of lines to whole seconds (platforms/kick.md §4.6): the same, and longer.
_WHOLE_SECOND = timedelta(seconds=1)


class Vote(NamedTuple):
    """A chat line that is a vote in a certain poll."""

    platform: str
    user_id: str
    slot: int
    choice: int  # 1…
    sent_at: datetime  # bounded by receive time
    received_at: datetime
    message_id: str


class Counted(NamedTuple):
    """The vote that a ballot holds now."""

    slot: int
    choice: int
    sent_at: datetime
    message_id: str


#: `(platform, user id)`, or `(platform, message id)` under `every_message`.
BallotKey = tuple[str, str]

_NEVER = datetime.max.replace(tzinfo=UTC)

NotAVote = Literal["chatter", "shared_copy", "not_seated", "early", "late", "paused", "not_running"]


def ballot_key(poll: Poll, vote: Vote) -> BallotKey:
    """Whose place in the count a vote takes."""
    return (vote.platform, vote.user_id if poll.rules.rule == "one_vote" else vote.message_id)


def believed_time(sent_at: datetime, received_at: datetime) -> datetime:
    """The send time, unless it claims to be from the future."""
    return received_at if sent_at > received_at + CLOCK_TRUST else sent_at


class Reader:
    """Tells what chat lines are to one poll, as long as its times and rules stay as they are."""

    __slots__ = (
        "_ballot",
        "_closes_at",
        "_last_at",
        "_opens_at",
        "_options",
        "_plain",
        "_poll",
        "_seats",
        "_words",
    )

    def __init__(self, poll: Poll, seats: Mapping[tuple[str, str], int], ballot: Mapping[str, int]) -> None:
        """`seats` maps `(platform, channel id)` to the slot of a seat; `ballot` is `chat.word_ballot`'s."""
        self._poll = poll
        self._seats = seats
        self._ballot = ballot
        self._words = poll.rules.words
        self._options = len(poll.options)
        self._plain = plain_ballot(self._options, ballot, self._words)
        # A line received and sent within these times counts; for any other `_out_of_time` has the rules.
        self._opens_at = self._closes_at = self._last_at = _NEVER
        if poll.state in (State.OPEN, State.CLOSING) and not poll.pauses and poll.opens_at and poll.closes_at:
            self._opens_at, self._closes_at = poll.opens_at, poll.closes_at
            self._last_at = poll.closes_at + poll.grace

    def chosen(self, text: str) -> int | None:
        """The option (1…) that a line of these words would vote for."""
        return self._plain.get(text) or choice(text, self._options, self._ballot, self._words)

    def __call__(self, event: ChatMessage) -> Vote | NotAVote:
        """What a line is to the poll.

        A shared-chat copy never counts: the original is read in its own channel, or that channel takes
        no part (platforms/twitch.md, acceptance fact 13).
        """
        platform, channel_id, message_id, user, text, sent_at, received_at, source = event
        if source is not None and source != channel_id:
            return "shared_copy"
        index = self.chosen(text)
        if index is None:
            return "chatter"
        slot = self._seats.get((platform, channel_id))
        if slot is None:
            return "not_seated"
        if not (self._opens_at <= sent_at <= received_at <= self._last_at and sent_at <= self._closes_at):
            sent_at = believed_time(sent_at, received_at)
            is_cut = platform == "kick" and sent_at.microsecond == 0
            if reason := _out_of_time(
                self._poll, sent_at, received_at, _WHOLE_SECOND if is_cut else RESOLUTION
            ):
                return reason
        return Vote(platform, user[0], slot, index, sent_at, received_at, message_id)


def read(
    poll: Poll, event: ChatMessage, seats: Mapping[tuple[str, str], int], ballot: Mapping[str, int]
) -> Vote | NotAVote:
    """What a chat line is to the poll; a `Reader` for a single line."""
    return Reader(poll, seats, ballot)(event)


def _out_of_time(
    poll: Poll, sent_at: datetime, received_at: datetime, resolution: timedelta
) -> NotAVote | None:
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
    if sent_at < poll.opens_at - resolution:
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
    by_voter, changeable = poll.rules.rule == "one_vote", poll.rules.changeable
    changed: dict[BallotKey, Vote] = {}
    counts = [list(channel) for channel in poll.tally]
    for vote in votes:
        platform, user_id, slot, index, sent_at, _, message_id = vote
        key = (platform, user_id if by_voter else message_id)  # ballot_key, without the call
        old = changed.get(key) or held.get(key)
        if old is not None:
            newer = (sent_at, message_id) > (old.sent_at, old.message_id)
            same = sent_at == old.sent_at and message_id == old.message_id
            if same or newer != changeable:
                continue
            counts[old.slot][old.choice - 1] -= 1
        counts[slot][index - 1] += 1
        changed[key] = vote
    return Taken(tuple(tuple(channel) for channel in counts), changed, votes)


def seat_map(poll: Poll, channels: Mapping[tuple[str, str], UUID]) -> dict[tuple[str, str], int]:
    """`(platform, channel id)` → slot, for the channels of the campaign whose chat has a seat.

    `channels` may hold several ids of one channel, such as the name it went by before its id was known.
    """
    slots = {seat.channel_id: seat.slot for seat in poll.seats if seat.counts == "chat"}
    return {key: slots[channel] for key, channel in channels.items() if channel in slots}
