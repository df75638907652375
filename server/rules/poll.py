"""A poll from launch to result: states, time, and what the game master may do (domain/polls.md).

Pure: `apply` takes a command, the time and chance as arguments and answers the next poll. What must
happen later and what browsers see are functions of the poll (`deadline` here, `poll_board.board`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal
from uuid import UUID

from server.rules.chat import Words
from server.rules.tally import Tally, Weighting, empty

Rule = Literal["one_vote", "every_message"]
Tie = Literal["gm", "first", "random", "none"]
#: Whether Twitch runs a poll of its own beside it, and what counts of that (rules/native_poll.py).
Native = Literal["off", "beside", "points"]
#: What a seat counts: votes in chat, or those that were paid with channel points in the platform's own poll.
Counts = Literal["chat", "points"]

#: A cancelled poll can be brought back for this long (widgets.md §9).
UNDO_WINDOW = timedelta(seconds=10)
#: Votes that arrived in time may still sit in a batch when the grace ends; the lock waits for them.
LOCK_MARGIN = timedelta(milliseconds=250)
#: Default time for late lines; Kick delivers late (contract §5).
GRACE_S, GRACE_WITH_KICK_S = 3, 15
LONGEST = timedelta(hours=4)


class State(StrEnum):
    DRAFT = "draft"
    OPEN = "open"
    CLOSING = "closing"  # no new votes, those sent in time may still arrive
    CLOSED = "closed"  # counted and locked, not yet revealed
    REVEALED = "revealed"
    CANCELLED = "cancelled"


#: The states of which a campaign may have one poll at most (a partial unique index says the same).
RUNNING = (State.OPEN, State.CLOSING)


class Refused(Exception):
    """A command does not fit the present state. `reason` is a word for programs, the text for people."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class PollRules:
    """What is decided before the launch and never changes after it."""

    rule: Rule = "one_vote"
    changeable: bool = True
    tie: Tie = "gm"
    secret: bool = False
    words: Words = "exact"
    weighting: Weighting = "sum"
    cap_percent: int = 50  # 1…100, read by weighting `capped`
    grace_s: int | None = None  # 0…60; None until launch
    hold_s: int = 8  # 3…600: how long the result stays on stream
    auto_reveal_s: int | None = None  # 0…600 after the count; None: the game master reveals
    native: Native = "off"
    points_per_vote: int = 100  # 1…1,000,000, read by native `points`


@dataclass(frozen=True, slots=True)
class Seat:
    """A channel's place in a poll. Votes refer to the slot, so a channel removed later keeps its votes."""

    slot: int
    channel_id: UUID | None
    platform: str
    login: str
    counts: Counts = "chat"


@dataclass(frozen=True, slots=True)
class Poll:
    """One launch of a poll, with everything that decides what happens next."""

    id: UUID
    campaign_id: UUID
    question: str
    options: tuple[str, ...]
    duration_s: int
    rules: PollRules = PollRules()
    state: State = State.DRAFT
    simulated: bool = False
    seats: tuple[Seat, ...] = ()
    opens_at: datetime | None = None
    closes_at: datetime | None = None
    phase_at: datetime | None = None
    pauses: tuple[tuple[datetime, datetime], ...] = ()
    cancelled_from: State | None = None
    on_screen: bool = False
    tally: Tally = ()
    tied: tuple[int, ...] = ()
    winner: int | None = None
    seed: bytes | None = None
    voter_key: bytes | None = None
    ledger_rows: int = 0
    ledger_head: bytes | None = None

    @property
    def tie_pending(self) -> bool:
        """Whether the game master still has to choose among the tied options."""
        return bool(self.tied) and self.winner is None and self.rules.tie == "gm"

    @property
    def grace(self) -> timedelta:
        return timedelta(seconds=self.rules.grace_s or 0)

    @property
    def hides_votes(self) -> bool:
        """Whether figures must not leave the server yet (secret ballot)."""
        return self.rules.secret and self.state != State.REVEALED

    @property
    def undo_until(self) -> datetime | None:
        """Until when a cancelled poll can be brought back."""
        return self.phase_at + UNDO_WINDOW if self.state == State.CANCELLED and self.phase_at else None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The count at the lock, made anew from the stored votes, and how a tie was decided."""

    tally: Tally
    tied: tuple[int, ...]
    winner: int | None


@dataclass(frozen=True, slots=True)
class Launch:
    seats: tuple[Seat, ...]
    seed: bytes  # 32 bytes of chance, decides a tie under `random`
    voter_key: bytes  # 32 bytes, keys the voter digests of the ledger
    simulated: bool = False


@dataclass(frozen=True, slots=True)
class Close:
    """No more votes; those sent before now may still arrive during the grace."""


@dataclass(frozen=True, slots=True)
class Extend:
    seconds: int  # 5…3600


@dataclass(frozen=True, slots=True)
class Lock:
    """The grace is over (a deadline, never a person)."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Reveal:
    """Show the result; only in the history when another poll has the stage."""

    on_screen: bool = True


@dataclass(frozen=True, slots=True)
class Resolve:
    winner: int


@dataclass(frozen=True, slots=True)
class Dismiss:
    """Take the result off the screen."""


@dataclass(frozen=True, slots=True)
class Cancel:
    pass


@dataclass(frozen=True, slots=True)
class UndoCancel:
    pass


Command = Launch | Close | Extend | Lock | Reveal | Resolve | Dismiss | Cancel | UndoCancel


def apply(poll: Poll, command: Command, now: datetime) -> Poll:
    """The poll after `command` at `now` (database clock).

    A command whose effect is already there answers the same poll, so that a repeated click is
    harmless. Raises Refused when the command does not fit.
    """
    if poll.phase_at is not None:
        now = max(now, poll.phase_at)  # a clock that was set back must not end a phase before it began
    match command:
        case Launch():
            return _launch(poll, command, now)
        case Close():
            return _close(poll, now)
        case Extend(seconds):
            return _extend(poll, seconds, now)
        case Lock(outcome):
            return _lock(poll, outcome, now)
        case Reveal(on_screen):
            return _reveal(poll, now, on_screen)
        case Resolve(winner):
            return _resolve(poll, winner, now)
        case Dismiss():
            return _dismiss(poll)
        case Cancel():
            return _cancel(poll, now)
        case UndoCancel():
            return _undo_cancel(poll, now)


def _wrong_state(poll: Poll, wanted: str) -> Refused:
    return Refused("wrong_state", f"The poll is {poll.state}; {wanted}.")


def _launch(poll: Poll, launch: Launch, now: datetime) -> Poll:
    if poll.state != State.DRAFT:
        raise _wrong_state(poll, "only a draft can be launched")
    if not launch.seats:
        raise Refused(
            "no_channel",
            "No channel takes part: add a channel to the campaign, or rehearse with simulated viewers.",
        )
    grace_s = poll.rules.grace_s
    if grace_s is None:
        with_kick = any(seat.platform == "kick" for seat in launch.seats)
        grace_s = GRACE_WITH_KICK_S if with_kick else GRACE_S
    return replace(
        poll,
        state=State.OPEN,
        rules=replace(poll.rules, grace_s=grace_s),
        simulated=launch.simulated,
        seats=launch.seats,
        opens_at=now,
        closes_at=now + timedelta(seconds=poll.duration_s),
        phase_at=now,
        on_screen=True,
        tally=empty(len(launch.seats), len(poll.options)),
        seed=launch.seed,
        voter_key=launch.voter_key,
    )


def _close(poll: Poll, now: datetime) -> Poll:
    if poll.state in (State.CLOSING, State.CLOSED, State.REVEALED):
        return poll
    if poll.state != State.OPEN or poll.closes_at is None:
        raise _wrong_state(poll, "only an open poll can be closed")
    # A deadline that fires late closes at its own time: results do not depend on "now" (reliability §3.7).
    closes_at = min(now, poll.closes_at)
    return replace(poll, state=State.CLOSING, closes_at=closes_at, phase_at=closes_at)


def _extend(poll: Poll, seconds: int, now: datetime) -> Poll:
    if poll.state != State.OPEN or poll.closes_at is None or poll.opens_at is None:
        raise _wrong_state(poll, "only an open poll can be extended")
    if now >= poll.closes_at:
        # Its deadline has not been carried out yet, but lines of this moment are already too late.
        raise Refused("closed", "The poll has just closed; launch it again for more votes.")
    closes_at = poll.closes_at + timedelta(seconds=seconds)
    if closes_at - poll.opens_at > LONGEST:
        raise Refused("too_long", "A poll runs for four hours at most; close this one and launch it again.")
    return replace(poll, closes_at=closes_at)


def _lock(poll: Poll, outcome: Outcome, now: datetime) -> Poll:
    if poll.state != State.CLOSING or poll.closes_at is None:
        raise _wrong_state(poll, "only a closing poll can be counted")
    return replace(
        poll,
        state=State.CLOSED,
        phase_at=now,
        tally=outcome.tally,
        tied=outcome.tied,
        winner=outcome.winner,
    )


def _reveal(poll: Poll, now: datetime, on_screen: bool) -> Poll:
    if poll.state == State.REVEALED:
        return poll
    if poll.state == State.CLOSING:
        raise Refused("counting", "The last votes are still arriving; reveal when the count is done.")
    if poll.state != State.CLOSED:
        raise _wrong_state(poll, "only a closed poll can be revealed")
    return replace(poll, state=State.REVEALED, phase_at=now, on_screen=on_screen)


def _resolve(poll: Poll, winner: int, now: datetime) -> Poll:
    if poll.state not in (State.CLOSED, State.REVEALED):
        raise _wrong_state(poll, "a tie can be decided once the poll is closed")
    if poll.hides_votes:
        raise Refused("secret", "This is a secret ballot: reveal it first, then decide the tie.")
    if poll.rules.tie != "gm" or not poll.tied:
        raise Refused("no_tie", "There is no tie for the game master to decide.")
    if winner not in poll.tied:
        tied = ", ".join(str(index) for index in poll.tied)
        raise Refused("not_tied", f"Option {winner} is not among the tied ones: {tied}.")
    if poll.winner == winner:
        return poll
    if poll.winner is not None:
        raise Refused("resolved", f"The tie was already decided for option {poll.winner}.")
    # On stream the decision starts the result anew, so that it is held for its full time.
    phase_at = now if poll.state == State.REVEALED else poll.phase_at
    return replace(poll, winner=winner, phase_at=phase_at)


def _dismiss(poll: Poll) -> Poll:
    if poll.state not in (State.REVEALED, State.CLOSED):
        raise _wrong_state(poll, "only a result can be taken off the screen")
    return replace(poll, on_screen=False)


def _cancel(poll: Poll, now: datetime) -> Poll:
    if poll.state == State.CANCELLED:
        return poll
    if poll.state not in (State.OPEN, State.CLOSING, State.CLOSED):
        raise _wrong_state(poll, "only a running poll can be cancelled")
    return replace(
        poll,
        state=State.CANCELLED,
        cancelled_from=poll.state,
        phase_at=now,
        on_screen=False,
        tied=(),
        winner=None,
    )


def _undo_cancel(poll: Poll, now: datetime) -> Poll:
    if poll.state != State.CANCELLED:
        raise _wrong_state(poll, "there is nothing to undo")
    if poll.undo_until is None or poll.phase_at is None or poll.closes_at is None or now > poll.undo_until:
        raise Refused("too_late", "A poll can be brought back for 10 seconds after it was cancelled.")
    away = now - poll.phase_at
    back = replace(poll, cancelled_from=None, on_screen=True, phase_at=now)
    if poll.cancelled_from == State.OPEN:
        # Viewers get the time back that the poll was away; what they sent meanwhile does not count.
        return replace(
            back,
            state=State.OPEN,
            phase_at=poll.opens_at,
            closes_at=poll.closes_at + away,
            pauses=(*poll.pauses, (poll.phase_at, now)),
        )
    # Cancelled while counting: count anew, from the votes that were sent in time.
    return replace(back, state=State.CLOSING, phase_at=poll.closes_at)


DeadlineKind = Literal["close", "lock", "reveal", "leave"]


def deadline(poll: Poll) -> tuple[DeadlineKind, datetime] | None:
    """What time does to the poll next, if nobody acts before. At most one thing at any moment."""
    if poll.phase_at is None or poll.closes_at is None:
        return None
    match poll.state:
        case State.OPEN:
            return "close", poll.closes_at
        case State.CLOSING:
            return "lock", poll.closes_at + poll.grace + LOCK_MARGIN
        case State.CLOSED if poll.on_screen and poll.rules.auto_reveal_s is not None:
            # What a person took off the screen comes back by a person only.
            return "reveal", poll.phase_at + timedelta(seconds=poll.rules.auto_reveal_s)
        case State.REVEALED if poll.on_screen and not poll.tie_pending:
            return "leave", poll.phase_at + timedelta(seconds=poll.rules.hold_s)
        case _:
            return None
