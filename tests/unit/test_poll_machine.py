"""Walks of a poll through commands and time, against a model of a word and a handful of instants."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from server.rules import poll_board
from server.rules.poll import (
    UNDO_WINDOW,
    Cancel,
    Close,
    Command,
    Dismiss,
    Extend,
    Launch,
    Lock,
    Outcome,
    PollRules,
    Refused,
    Resolve,
    Reveal,
    State,
    Tie,
    UndoCancel,
    apply,
    deadline,
)
from tests.unit.models import SEED, START, VOTER_KEY, draft, seats_of

TIED = Outcome(((2, 2, 0),), (1, 2), None)
WON = Outcome(((3, 1, 0),), (), 1)


class PollMachine(RuleBasedStateMachine):
    """Any commands at any moments. The model is a word for the state and a handful of instants."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START

    @initialize(
        duration=st.integers(10, 60),
        grace=st.sampled_from([None, 0, 3, 60]),
        hold=st.integers(3, 20),
        auto=st.sampled_from([None, 0, 5]),
        tie=st.sampled_from(["gm", "first", "random", "none"]),
        secret=st.booleans(),
    )
    def write(
        self, *, duration: int, grace: int | None, hold: int, auto: int | None, tie: Tie, secret: bool
    ) -> None:
        rules = PollRules(tie=tie, secret=secret, grace_s=grace, hold_s=hold, auto_reveal_s=auto)
        self.poll = draft(duration_s=duration, rules=rules)
        self.model = "draft"
        self.closes: datetime | None = None
        self.cancelled_at: datetime | None = None
        self.was = ""
        self.has_tie = False
        self.decided: int | None = None

    @rule(seconds=st.sampled_from([0.0, 0.001, 0.25, 3.0, 9.999, 10.0, 11.0, 60.0]))
    def time_passes(self, seconds: float) -> None:
        """Deadlines fire on the way, as a server would do, some of them late."""
        self.now += timedelta(seconds=seconds)
        for _ in range(4):
            due = deadline(self.poll)
            if due is None or due[1] > self.now:
                return
            self.fire(due[0])
        raise AssertionError("deadlines go round in a circle")

    def fire(self, kind: str) -> None:
        match kind:
            case "close":
                assert self.model == "open"
                self.do(Close(), "closing")
                assert self.poll.closes_at == self.closes
            case "lock":
                assert self.model == "closing"
                self.count(tied=bool(self.now.microsecond % 2))
            case "reveal":
                assert self.model == "closed"
                self.do(Reveal(), "revealed")
            case "leave":
                assert self.model == "revealed"
                self.do(Dismiss(), "revealed")
                assert not self.poll.on_screen

    def do(self, command: Command, state: str) -> None:
        """It works, and leads to `state`."""
        before = self.poll
        self.poll = apply(self.poll, command, self.now)
        self.model = state
        assert apply(before, command, self.now) == self.poll  # a pure function

    def refused(self, command: Command, reason: str) -> None:
        with pytest.raises(Refused) as refused:
            apply(self.poll, command, self.now)
        assert refused.value.reason == reason

    @rule()
    def launch(self) -> None:
        command = Launch(seats_of(["twitch"]), SEED, VOTER_KEY)
        if self.model != "draft":
            return self.refused(command, "wrong_state")
        self.do(command, "open")
        self.closes = self.now + timedelta(seconds=self.poll.duration_s)
        return None

    @rule()
    def close(self) -> None:
        if self.model == "open":
            assert self.closes is not None
            self.closes = min(self.now, self.closes)
            self.do(Close(), "closing")
        elif self.model in ("closing", "closed", "revealed"):
            assert apply(self.poll, Close(), self.now) == self.poll
        else:
            self.refused(Close(), "wrong_state")

    @rule(seconds=st.integers(5, 3600))
    def extend(self, seconds: int) -> None:
        if self.model != "open":
            return self.refused(Extend(seconds), "wrong_state")
        assert self.closes is not None
        assert self.poll.opens_at is not None
        closes = self.closes + timedelta(seconds=seconds)
        if closes > self.poll.opens_at + timedelta(hours=4):
            return self.refused(Extend(seconds), "too_long")
        self.closes = closes
        return self.do(Extend(seconds), "open")

    @rule(tied=st.booleans())
    def lock(self, tied: bool) -> None:
        if self.model == "closing":
            self.count(tied=tied)
        else:
            self.refused(Lock(WON), "wrong_state")

    def count(self, *, tied: bool) -> None:
        outcome = TIED if tied else WON
        if tied and self.poll.rules.tie in ("first", "random"):
            outcome = replace(TIED, winner=2)
        self.has_tie, self.decided = tied, outcome.winner
        self.do(Lock(outcome), "closed")

    @rule()
    def reveal(self) -> None:
        if self.model == "closed":
            self.do(Reveal(), "revealed")
            assert self.poll.on_screen
        elif self.model == "revealed":
            assert apply(self.poll, Reveal(), self.now) == self.poll
        else:
            self.refused(Reveal(), "counting" if self.model == "closing" else "wrong_state")

    @rule(winner=st.integers(0, 4))
    def resolve(self, winner: int) -> None:
        command = Resolve(winner)
        if self.model not in ("closed", "revealed"):
            return self.refused(command, "wrong_state")
        if self.poll.rules.secret and self.model == "closed":
            return self.refused(command, "secret")
        if not self.has_tie or self.poll.rules.tie != "gm":
            return self.refused(command, "no_tie")
        if winner not in (1, 2):
            return self.refused(command, "not_tied")
        if self.decided not in (None, winner):
            return self.refused(command, "resolved")
        self.decided = winner
        return self.do(command, self.model)

    @rule()
    def dismiss(self) -> None:
        if self.model not in ("closed", "revealed"):
            return self.refused(Dismiss(), "wrong_state")
        self.do(Dismiss(), self.model)
        assert deadline(self.poll) is None
        return None

    @rule()
    def cancel(self) -> None:
        if self.model == "cancelled":
            assert apply(self.poll, Cancel(), self.now) == self.poll
        elif self.model in ("open", "closing", "closed"):
            self.was, self.cancelled_at, self.decided, self.has_tie = self.model, self.now, None, False
            self.do(Cancel(), "cancelled")
        else:
            self.refused(Cancel(), "wrong_state")

    @precondition(lambda self: self.model != "draft")
    @rule()
    def undo(self) -> None:
        if self.model != "cancelled":
            return self.refused(UndoCancel(), "wrong_state")
        assert self.cancelled_at is not None
        if self.now - self.cancelled_at > UNDO_WINDOW:
            return self.refused(UndoCancel(), "too_late")
        if self.was == "open":
            assert self.closes is not None
            self.closes += self.now - self.cancelled_at
            return self.do(UndoCancel(), "open")
        return self.do(UndoCancel(), "closing")

    @invariant()
    def state_and_winner_are_the_models(self) -> None:
        assert self.poll.state == self.model
        if self.model in ("closed", "revealed"):
            assert self.poll.winner == self.decided
            assert bool(self.poll.tied) == self.has_tie
        else:
            assert (self.poll.winner, self.poll.tied) == (None, ())
        assert self.poll.tie_pending == (
            self.has_tie and self.decided is None and self.poll.rules.tie == "gm"
        )

    @invariant()
    def what_the_tables_check(self) -> None:
        """The CHECKs of poll_instances, so that no command can make a row that PostgreSQL refuses."""
        poll = self.poll
        times = (poll.opens_at, poll.closes_at, poll.phase_at, poll.seed, poll.voter_key)
        assert all((time is None) == (poll.state == State.DRAFT) for time in times)
        assert (poll.state == State.CANCELLED) == (poll.cancelled_from is not None)
        assert poll.state == State.DRAFT or poll.rules.grace_s is not None
        if poll.opens_at and poll.closes_at:
            assert poll.closes_at >= poll.opens_at
            assert poll.closes_at == self.closes

    @invariant()
    def time_is_in_order(self) -> None:
        when = deadline(self.poll)
        if when is not None:
            assert self.poll.phase_at is not None
            assert when[1] >= self.poll.phase_at
            expected = {"open": "close", "closing": "lock", "closed": "reveal", "revealed": "leave"}
            assert when[0] == expected[self.model]
        if self.model in ("open", "closing"):
            assert when is not None
        for start, end in self.poll.pauses:
            assert start <= end

    @invariant()
    def the_board_agrees(self) -> None:
        board = poll_board.board(self.poll)
        assert (board is not None) == self.poll.on_screen
        if board is not None:
            assert board["phase"] == self.model
            if not self.poll.rules.secret or self.model == "revealed":
                assert board["winner"] == self.decided


PollMachine.TestCase.settings = settings(max_examples=250, stateful_step_count=40, deadline=None)
TestPollMachine = PollMachine.TestCase
