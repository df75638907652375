"""What a poll shows: figures that may be seen now, and the board that browsers draw.

The one place that decides what is hidden: API, export and board all come through `figures`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from server.rules.poll import Counts, Poll, State
from server.rules.tally import leaders, totals, weights
from server.rules.vote_ledger import commitment
from server.rules.wiretime import to_wire


@dataclass(frozen=True, slots=True)
class OptionFigure:
    """An option and its figures; None while a secret ballot is not revealed."""

    index: int  # 1…
    label: str
    votes: int | None
    weight: float | None  # under the poll's weighting; equal to votes under `sum`
    share: float | None  # 0…1 of the total weight


@dataclass(frozen=True, slots=True)
class ChannelFigure:
    platform: str
    login: str
    votes: int | None
    counts: Counts  # "chat", or "points": paid with channel points in Twitch's own poll


@dataclass(frozen=True, slots=True)
class TieFigure:
    rule: str
    options: tuple[int, ...]  # the tied ones, once counted
    pending: bool  # the game master has to decide
    commitment: str | None  # SHA-256 of the seed, from the launch on, under tie rule `random`
    seed: str | None  # hex, once revealed


@dataclass(frozen=True, slots=True)
class PollBoard:
    """A poll on stream. Times are RFC 3339; the page computes what to draw from them and its server time."""

    kind: str
    phase: str
    poll_id: str
    simulated: bool
    question: str
    rule: str
    changeable: bool
    secret: bool
    words: str
    options: tuple[OptionFigure, ...]
    total_votes: int
    weighting: str
    cap_percent: int
    channels: tuple[ChannelFigure, ...]
    opens_at: str
    closes_at: str
    phase_started_at: str
    ends_at: str | None
    leaders: tuple[int, ...]
    tie: TieFigure
    winner: int | None


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything about a poll's count that may leave the server now."""

    options: tuple[OptionFigure, ...]
    total_votes: int
    channels: tuple[ChannelFigure, ...]
    leaders: tuple[int, ...]
    tied: tuple[int, ...]
    tie_pending: bool
    winner: int | None
    commitment: str | None
    seed: str | None


def figures(poll: Poll) -> Figures:
    """The public figures of a poll in its present state."""
    count = len(poll.options)
    votes = totals(poll.tally, count)
    exact = weights(poll.tally, count, poll.rules.weighting, poll.rules.cap_percent)
    whole = sum(exact)
    hidden = poll.hides_votes
    options = tuple(
        OptionFigure(index, label, None, None, None)
        if hidden
        else OptionFigure(
            index,
            label,
            votes[index - 1],
            round(float(exact[index - 1]), 6),
            round(float(exact[index - 1] / whole), 6) if whole else 0.0,
        )
        for index, label in enumerate(poll.options, 1)
    )
    channels = tuple(
        ChannelFigure(
            seat.platform,
            seat.login,
            None if hidden else sum(poll.tally[seat.slot]) if poll.tally else 0,
            seat.counts,
        )
        for seat in poll.seats
    )
    revealed = poll.state == State.REVEALED
    drawn_by_chance = poll.rules.tie == "random" and poll.seed is not None
    return Figures(
        options=options,
        total_votes=sum(votes),
        channels=channels,
        leaders=() if hidden else leaders(exact),
        tied=() if hidden else poll.tied,
        tie_pending=poll.tie_pending and not hidden,
        winner=None if hidden else poll.winner,
        commitment=commitment(poll.seed) if drawn_by_chance and poll.seed else None,
        seed=poll.seed.hex() if drawn_by_chance and revealed and poll.seed else None,
    )


def phase_end(poll: Poll) -> str | None:
    """When the present phase ends by itself, RFC 3339; None when a person ends it."""
    if poll.phase_at is None or poll.closes_at is None:
        return None
    match poll.state:
        case State.OPEN:
            return to_wire(poll.closes_at)
        case State.CLOSING:
            return to_wire(poll.closes_at + poll.grace)
        case State.CLOSED if poll.on_screen and poll.rules.auto_reveal_s is not None:
            return to_wire(poll.phase_at + timedelta(seconds=poll.rules.auto_reveal_s))
        case State.REVEALED if poll.on_screen and not poll.tie_pending:
            return to_wire(poll.phase_at + timedelta(seconds=poll.rules.hold_s))
        case _:
            return None


def board(poll: Poll) -> Mapping[str, Any] | None:
    """The poll as browsers may see it, or None when it is not on screen."""
    if not poll.on_screen or poll.opens_at is None or poll.closes_at is None or poll.phase_at is None:
        return None
    seen = figures(poll)
    return asdict(
        PollBoard(
            kind="poll",
            phase=poll.state.value,
            poll_id=str(poll.id),
            simulated=poll.simulated,
            question=poll.question,
            rule=poll.rules.rule,
            changeable=poll.rules.changeable,
            secret=poll.rules.secret,
            words=poll.rules.words,
            options=seen.options,
            total_votes=seen.total_votes,
            weighting=poll.rules.weighting,
            cap_percent=poll.rules.cap_percent,
            channels=seen.channels,
            opens_at=to_wire(poll.opens_at),
            closes_at=to_wire(poll.closes_at),
            phase_started_at=to_wire(poll.phase_at),
            ends_at=phase_end(poll),
            leaders=seen.leaders,
            tie=TieFigure(poll.rules.tie, seen.tied, seen.tie_pending, seen.commitment, seen.seed),
            winner=seen.winner,
        )
    )
