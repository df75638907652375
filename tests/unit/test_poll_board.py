"""What a poll shows: the board of every phase, and that a secret ballot tells nothing before its time."""

from __future__ import annotations

import json
import random
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from server.rules import poll_board
from server.rules.poll import (
    Cancel,
    Close,
    Dismiss,
    Lock,
    Outcome,
    Poll,
    PollRules,
    Resolve,
    Reveal,
    State,
    Tie,
    apply,
    deadline,
)
from server.rules.tally import Weighting
from server.rules.vote_ledger import commitment
from server.rules.wiretime import from_wire, to_wire
from tests.unit.models import POLL_ID, SEED, VOTER_KEY, at, draft, launched

TALLY = ((7, 3, 0), (0, 1, 1))


def board(poll: Poll) -> dict[str, Any]:
    """As a browser gets it."""
    shown = poll_board.board(poll)
    assert shown is not None
    loaded: dict[str, Any] = json.loads(json.dumps(shown))
    return loaded


def voted(tally: tuple[tuple[int, ...], ...] = TALLY, **rules: object) -> Poll:
    poll = draft(rules=replace(PollRules(), **rules))  # type: ignore[arg-type]
    return replace(launched(poll, ["twitch", "custom", "twitch"][: len(tally)]), tally=tally)


def counted(poll: Poll, tied: tuple[int, ...] = (), winner: int | None = 1) -> Poll:
    return apply(apply(poll, Close(), at(60)), Lock(Outcome(poll.tally, tied, winner)), at(64))


def test_an_open_poll() -> None:
    assert board(voted()) == {
        "kind": "poll",
        "phase": "open",
        "poll_id": str(POLL_ID),
        "simulated": False,
        "question": "Which door?",
        "rule": "one_vote",
        "changeable": True,
        "secret": False,
        "words": "exact",
        "options": [
            {"index": 1, "label": "Left", "votes": 7, "weight": 7.0, "share": 0.583333},
            {"index": 2, "label": "Middle", "votes": 4, "weight": 4.0, "share": 0.333333},
            {"index": 3, "label": "Right", "votes": 1, "weight": 1.0, "share": 0.083333},
        ],
        "total_votes": 12,
        "weighting": "sum",
        "cap_percent": 50,
        "channels": [
            {"platform": "twitch", "login": "login0", "votes": 10, "counts": "chat"},
            {"platform": "custom", "login": "login1", "votes": 2, "counts": "chat"},
        ],
        "opens_at": to_wire(at(0)),
        "closes_at": to_wire(at(60)),
        "phase_started_at": to_wire(at(0)),
        "ends_at": to_wire(at(60)),
        "leaders": [1],
        "tie": {"rule": "gm", "options": [], "pending": False, "commitment": None, "seed": None},
        "winner": None,
    }


def test_the_phases_and_when_they_end() -> None:
    poll = voted(auto_reveal_s=10, hold_s=5)
    closing = apply(poll, Close(), at(30))
    closed = apply(closing, Lock(Outcome(TALLY, (), 1)), at(34))
    revealed = apply(closed, Reveal(), at(44))
    times = [
        (b["phase"], b["phase_started_at"], b["ends_at"]) for b in map(board, (closing, closed, revealed))
    ]
    assert times == [
        ("closing", to_wire(at(30)), to_wire(at(33))),
        ("closed", to_wire(at(34)), to_wire(at(44))),
        ("revealed", to_wire(at(44)), to_wire(at(49))),
    ]
    assert board(counted(voted()))["ends_at"] is None  # the game master reveals


def test_without_votes_nobody_leads_and_nobody_wins() -> None:
    shown = board(apply(counted(voted(((0, 0, 0),)), (), None), Reveal(), at(70)))
    assert (shown["leaders"], shown["winner"], shown["total_votes"]) == ([], None, 0)
    assert [option["share"] for option in shown["options"]] == [0.0, 0.0, 0.0]


def test_several_leaders() -> None:
    assert board(voted(((2, 2, 0),)))["leaders"] == [1, 2]


@pytest.mark.parametrize(
    ("weighting", "weights"),
    [("channel", [1.0, 0.5, 0.5]), ("per_head", [0.7, 0.8, 0.5]), ("capped", [1.4, 1.6, 1.0])],
)
def test_weights_and_raw_votes_are_both_shown(weighting: Weighting, weights: list[float]) -> None:
    shown = board(voted(weighting=weighting))
    assert [option["weight"] for option in shown["options"]] == weights
    assert [option["votes"] for option in shown["options"]] == [7, 4, 1]
    assert sum(option["share"] for option in shown["options"]) == pytest.approx(1, abs=1e-5)


def test_a_tie_for_the_game_master() -> None:
    closed = counted(voted(((2, 2, 0),)), (1, 2), None)
    pending = {"rule": "gm", "options": [1, 2], "pending": True, "commitment": None, "seed": None}
    assert board(closed)["tie"] == pending
    revealed = apply(closed, Reveal(), at(70))
    assert board(revealed)["tie"] == pending
    assert board(revealed)["ends_at"] is None
    decided = board(apply(revealed, Resolve(2), at(90)))
    assert (decided["winner"], decided["tie"]["pending"], decided["tie"]["options"]) == (2, False, [1, 2])
    assert decided["ends_at"] == to_wire(at(98))


def test_chance_shows_its_promise_from_the_launch_on_and_its_seed_at_the_reveal() -> None:
    poll = voted(((2, 2, 0),), tie="random")
    closed = counted(poll, (1, 2), 2)
    for before in (poll, apply(poll, Close(), at(60)), closed):
        tie = board(before)["tie"]
        assert (tie["commitment"], tie["seed"]) == (commitment(SEED), None)
        assert SEED.hex() not in json.dumps(board(before))
    tie = board(apply(closed, Reveal(), at(70)))["tie"]
    assert (tie["commitment"], tie["seed"]) == (commitment(SEED), SEED.hex())


def test_what_is_off_screen_has_no_board() -> None:
    assert poll_board.board(draft()) is None
    assert poll_board.board(apply(voted(), Cancel(), at(10))) is None
    gone = apply(apply(counted(voted()), Reveal(), at(70)), Dismiss(), at(80))
    assert poll_board.board(gone) is None
    assert poll_board.phase_end(gone) is None


STATES = (State.OPEN, State.CLOSING, State.CLOSED, State.REVEALED, State.CANCELLED)


def in_state(poll: Poll, state: State, tied: tuple[int, ...], winner: int | None) -> Poll:
    """Put together by hand: hiding must not depend on how a poll came to be what it is."""
    shown = winner if state in (State.CLOSED, State.REVEALED) else None
    return replace(poll, state=state, phase_at=at(40), tied=tied, winner=shown)


@st.composite
def secret_polls(draw: st.DrawFn) -> tuple[Poll, Poll]:
    """Two secret ballots in the same state with equally many votes, differently cast, differently tied."""
    options = draw(st.integers(2, 5))
    slots = draw(st.integers(1, 3))
    state = draw(st.sampled_from(STATES[:3]))
    rules = PollRules(
        secret=True,
        tie=draw(st.sampled_from(["gm", "first", "random", "none"])),
        weighting=draw(st.sampled_from(["sum", "channel", "capped", "per_head"])),
        auto_reveal_s=draw(st.sampled_from([None, 5])),
    )
    base = launched(draft([f"option {n}" for n in range(options)], rules=rules), ["twitch"] * slots)
    total = draw(st.integers(0, 500))
    rng: random.Random = draw(st.randoms(use_true_random=False))
    polls = []
    for _ in range(2):
        counts = [[0] * options for _ in range(slots)]
        for _ in range(total):
            counts[rng.randrange(slots)][rng.randrange(options)] += 1
        tied = tuple(draw(st.sets(st.integers(1, options), max_size=3)))
        winner = draw(st.one_of(st.none(), st.integers(1, options)))
        poll = replace(base, tally=tuple(map(tuple, counts)))
        polls.append(in_state(poll, state, tied, winner))
    return polls[0], polls[1]


@given(secret_polls())
def test_a_secret_ballot_looks_the_same_whatever_was_voted(pair: tuple[Poll, Poll]) -> None:
    """Nothing can be read out of two things that are equal; the number of votes may be known."""
    first, second = pair
    assert poll_board.figures(first) == poll_board.figures(second)
    assert poll_board.board(first) == poll_board.board(second)
    assert poll_board.phase_end(first) == poll_board.phase_end(second)
    assert board(first)["total_votes"] == sum(map(sum, first.tally))


@given(st.sampled_from(STATES[:3]), st.integers(1, 10**6), st.integers(1, 10**6))
def test_no_figure_of_a_secret_ballot_is_in_the_json(state: State, few: int, many: int) -> None:
    poll = voted(((few * 1_000_003, 0, many * 1_000_033), (0, 7_000_000_007, 0)), secret=True)
    poll = in_state(poll, state, (1, 3), 3)
    text = json.dumps([board(poll), asdict(poll_board.figures(poll))])
    numbers = {n for channel in poll.tally for n in channel if n} | {sum(channel) for channel in poll.tally}
    total = sum(map(sum, poll.tally))
    assert str(total) in text
    for number in numbers:
        assume(str(number) not in str(total))
        assert str(number) not in text
    shown = board(poll)
    assert all(o["votes"] is o["weight"] is o["share"] is None for o in shown["options"])
    assert all(channel["votes"] is None for channel in shown["channels"])
    assert (shown["leaders"], shown["winner"], shown["tie"]["options"]) == ([], None, [])
    assert shown["tie"]["pending"] is False


def test_a_secret_ballot_is_told_whole_at_the_reveal() -> None:
    hidden = board(counted(voted(secret=True)))
    shown = board(apply(counted(voted(secret=True)), Reveal(), at(70)))
    open_ballot = board(apply(counted(voted()), Reveal(), at(70)))
    assert hidden["winner"] is None
    assert {**shown, "secret": False} == open_ballot


@given(
    st.sampled_from(STATES),
    st.sampled_from(["gm", "first", "random", "none"]),
    st.booleans(),
    st.lists(st.lists(st.integers(0, 99), min_size=3, max_size=3).map(tuple), min_size=1, max_size=3),
)
def test_what_never_leaves_the_server(
    state: State, tie: Tie, secret: bool, tally: list[tuple[int, ...]]
) -> None:
    poll = in_state(voted(tuple(tally), tie=tie, secret=secret), state, (1, 2), None)
    text = json.dumps([poll_board.board(poll), asdict(poll_board.figures(poll))])
    assert VOTER_KEY.hex() not in text
    assert (SEED.hex() in text) == (tie == "random" and state == State.REVEALED)


@given(st.sampled_from(STATES), st.sampled_from([None, 0, 30]), st.booleans(), st.integers(0, 60))
def test_a_phase_ends_no_later_than_its_deadline(
    state: State, auto: int | None, on_screen: bool, grace: int
) -> None:
    """The page shows the end of the grace; the lock waits a moment longer for what sits in a batch."""
    poll = in_state(voted(auto_reveal_s=auto, grace_s=grace), state, (), 1)
    poll = replace(poll, on_screen=on_screen)
    end, due = poll_board.phase_end(poll), deadline(poll)
    assert (end is None) == (due is None)
    if end is not None and due is not None:
        assert timedelta(0) <= due[1] - from_wire(end) <= timedelta(milliseconds=251)
