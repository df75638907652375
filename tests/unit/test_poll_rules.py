"""A poll from launch to result: every command in every state, and walks through time against a model."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from server.rules import poll_board
from server.rules.poll import (
    GRACE_S,
    GRACE_WITH_KICK_S,
    LOCK_MARGIN,
    UNDO_WINDOW,
    Cancel,
    Close,
    Command,
    Dismiss,
    Extend,
    Launch,
    Lock,
    Outcome,
    Poll,
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
from tests.unit.models import SEED, START, VOTER_KEY, at, draft, launched, seats_of

TIED = Outcome(((2, 2, 0),), (1, 2), None)
WON = Outcome(((3, 1, 0),), (), 1)


def in_state(state: State, outcome: Outcome = WON, **rules: object) -> Poll:
    """A poll that came to `state` in the usual way: closed at 60 s, counted at 64, revealed at 70."""
    poll = draft(rules=replace(PollRules(), **rules))  # type: ignore[arg-type]
    if state == State.DRAFT:
        return poll
    poll = launched(poll)
    if state == State.CANCELLED:
        return apply(poll, Cancel(), at(30))
    steps: list[tuple[State, Command, float]] = [
        (State.CLOSING, Close(), 60),
        (State.CLOSED, Lock(outcome), 64),
        (State.REVEALED, Reveal(), 70),
    ]
    for reached, command, seconds in steps:
        if poll.state == state:
            break
        poll = apply(poll, command, at(seconds))
        assert poll.state == reached
    return poll


COMMANDS: dict[str, Command] = {
    "launch": Launch(seats_of(["twitch"]), SEED, VOTER_KEY),
    "close": Close(),
    "extend": Extend(30),
    "lock": Lock(WON),
    "reveal": Reveal(),
    "resolve": Resolve(1),
    "dismiss": Dismiss(),
    "cancel": Cancel(),
    "undo": UndoCancel(),
}

#: What a command does in a state: the state after it, "same" for nothing at all, or the reason it is refused.
TABLE: dict[State, dict[str, str]] = {
    State.DRAFT: {"launch": "open"},
    State.OPEN: {"close": "closing", "extend": "open", "cancel": "cancelled"},
    State.CLOSING: {"close": "same", "lock": "closed", "cancel": "cancelled", "reveal": "!counting"},
    State.CLOSED: {
        "close": "same",
        "reveal": "revealed",
        "resolve": "!no_tie",
        "dismiss": "closed",
        "cancel": "cancelled",
    },
    State.REVEALED: {"close": "same", "reveal": "same", "resolve": "!no_tie", "dismiss": "revealed"},
    State.CANCELLED: {"cancel": "same", "undo": "open"},
}


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_in_every_state(state: State, name: str) -> None:
    poll = in_state(state)
    expected = TABLE[state].get(name, "!wrong_state")
    if expected.startswith("!"):
        with pytest.raises(Refused) as refused:
            apply(poll, COMMANDS[name], at(35))
        assert refused.value.reason == expected[1:]
        if expected == "!wrong_state" and name != "undo":
            assert f"is {state}" in refused.value.detail  # names the present state
    elif expected == "same":
        assert apply(poll, COMMANDS[name], at(35)) == poll
    else:
        assert apply(poll, COMMANDS[name], at(35)).state == expected


def test_a_launch_fixes_everything() -> None:
    poll = launched(platforms=("twitch", "custom"))
    assert (poll.state, poll.opens_at, poll.closes_at, poll.phase_at) == ("open", START, at(60), START)
    assert poll.tally == ((0, 0, 0), (0, 0, 0))
    assert poll.on_screen
    assert deadline(poll) == ("close", at(60))


def test_grace_is_declared_or_follows_the_platforms() -> None:
    assert launched(platforms=("twitch",)).rules.grace_s == GRACE_S
    assert launched(platforms=("twitch", "kick")).rules.grace_s == GRACE_WITH_KICK_S
    assert launched(draft(rules=PollRules(grace_s=0)), ("kick",)).grace == timedelta(0)


def test_a_launch_without_channels_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        apply(draft(), Launch((), SEED, VOTER_KEY), START)
    assert refused.value.reason == "no_channel"


def test_closing_early_ends_the_vote_now_and_closing_late_in_time() -> None:
    early = apply(launched(), Close(), at(20))
    assert (early.closes_at, early.phase_at) == (at(20), at(20))
    assert deadline(early) == ("lock", at(20) + timedelta(seconds=GRACE_S) + LOCK_MARGIN)
    late = apply(launched(), Close(), at(5000))  # the server was down
    assert (late.closes_at, late.phase_at) == (at(60), at(60))
    assert deadline(late) == ("lock", at(60) + timedelta(seconds=GRACE_S) + LOCK_MARGIN)


def test_a_clock_that_was_set_back_ends_nothing_before_it_began() -> None:
    poll = apply(launched(), Close(), at(-100))
    assert poll.closes_at == START
    cancelled = apply(launched(), Cancel(), at(-100))
    assert cancelled.phase_at == START
    assert apply(cancelled, UndoCancel(), at(-200)).closes_at == at(60)


def test_extending_moves_the_close_up_to_four_hours() -> None:
    poll = apply(launched(), Extend(300), at(10))
    assert poll.closes_at == at(360)
    assert deadline(poll) == ("close", at(360))
    for _ in range(3):
        poll = apply(poll, Extend(3600), at(10))
    assert poll.closes_at == at(360 + 3 * 3600)
    poll = apply(poll, Extend(3240), at(10))
    assert poll.closes_at == at(4 * 3600)
    with pytest.raises(Refused) as refused:
        apply(poll, Extend(5), at(10))
    assert refused.value.reason == "too_long"


def test_the_lock_writes_the_count_anew() -> None:
    poll = in_state(State.CLOSED, TIED)
    assert (poll.tally, poll.tied, poll.winner, poll.phase_at) == (TIED.tally, (1, 2), None, at(64))
    assert poll.tie_pending
    assert deadline(poll) is None  # the game master reveals


def test_automatic_reveal_and_hold() -> None:
    closed = in_state(State.CLOSED, auto_reveal_s=0)
    assert deadline(closed) == ("reveal", at(64))
    revealed = in_state(State.REVEALED, hold_s=8)
    assert deadline(revealed) == ("leave", at(78))
    gone = apply(revealed, Dismiss(), at(78))
    assert not gone.on_screen
    assert deadline(gone) is None
    assert apply(gone, Reveal(), at(80)) == gone


def test_a_result_taken_off_the_screen_does_not_come_back_by_itself() -> None:
    closed = apply(in_state(State.CLOSED, auto_reveal_s=60), Dismiss(), at(66))
    assert deadline(closed) is None
    assert apply(closed, Reveal(), at(500)).on_screen  # by a person


def test_a_pending_tie_holds_the_result_and_its_decision_starts_the_hold() -> None:
    revealed = in_state(State.REVEALED, TIED)
    assert deadline(revealed) is None
    decided = apply(revealed, Resolve(2), at(500))
    assert (decided.winner, decided.phase_at) == (2, at(500))
    assert deadline(decided) == ("leave", at(508))
    assert apply(decided, Resolve(2), at(501)) == decided
    with pytest.raises(Refused) as refused:
        apply(decided, Resolve(1), at(501))
    assert refused.value.reason == "resolved"


def test_a_tie_decided_before_the_reveal_keeps_its_phase() -> None:
    decided = apply(in_state(State.CLOSED, TIED), Resolve(1), at(66))
    assert (decided.winner, decided.phase_at, decided.state) == (1, at(64), "closed")


@pytest.mark.parametrize(
    ("outcome", "tie", "secret", "winner", "reason"),
    [
        (TIED, "gm", False, 3, "not_tied"),
        (TIED, "gm", False, 0, "not_tied"),
        (WON, "gm", False, 1, "no_tie"),
        (TIED, "none", False, 1, "no_tie"),
        (Outcome(((2, 2, 0),), (1, 2), 2), "first", False, 1, "no_tie"),
        (Outcome(((2, 2, 0),), (1, 2), 2), "random", False, 1, "no_tie"),
        (TIED, "gm", True, 1, "secret"),
        (WON, "gm", True, 1, "secret"),  # says nothing about whether there is a tie
    ],
)
def test_only_a_tie_that_was_left_to_the_game_master_can_be_resolved(
    outcome: Outcome, tie: Tie, secret: bool, winner: int, reason: str
) -> None:
    with pytest.raises(Refused) as refused:
        apply(in_state(State.CLOSED, outcome, tie=tie, secret=secret), Resolve(winner), at(66))
    assert refused.value.reason == reason


def test_a_secret_tie_is_resolved_after_the_reveal() -> None:
    assert apply(in_state(State.REVEALED, TIED, secret=True), Resolve(1), at(80)).winner == 1


def test_undo_gives_the_time_back_and_counts_nothing_of_it() -> None:
    cancelled = apply(launched(), Cancel(), at(20))
    assert cancelled.undo_until == at(30)
    assert deadline(cancelled) is None
    back = apply(cancelled, UndoCancel(), at(30))
    assert (back.state, back.phase_at, back.closes_at) == ("open", START, at(70))
    assert back.pauses == ((at(20), at(30)),)
    assert back.on_screen
    twice = apply(apply(back, Cancel(), at(40)), UndoCancel(), at(45))
    assert (twice.closes_at, len(twice.pauses)) == (at(75), 2)


def test_undo_is_over_after_ten_seconds() -> None:
    cancelled = apply(launched(), Cancel(), at(20))
    with pytest.raises(Refused) as refused:
        apply(cancelled, UndoCancel(), at(30.000001))
    assert refused.value.reason == "too_late"


@pytest.mark.parametrize("state", [State.CLOSING, State.CLOSED])
def test_undo_after_the_close_counts_anew(state: State) -> None:
    cancelled = apply(in_state(state, TIED), Cancel(), at(66))
    assert (cancelled.cancelled_from, cancelled.tied, cancelled.tie_pending) == (state, (), False)
    back = apply(cancelled, UndoCancel(), at(70))
    assert (back.state, back.closes_at, back.phase_at) == ("closing", at(60), at(60))
    assert (back.tied, back.winner, back.cancelled_from) == ((), None, None)
    when = deadline(back)
    assert when is not None
    assert when[0] == "lock"
    assert when[1] <= at(70)  # at once


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
