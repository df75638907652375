"""A poll from launch to result: every command in every state. `test_poll_machine` walks through time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from server.rules.poll import (
    GRACE_S,
    GRACE_WITH_KICK_S,
    LOCK_MARGIN,
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
