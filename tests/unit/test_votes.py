"""From lines to a count: what is a vote, and that no order, batching or repeat changes the result."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from server.rules import outcome, vote_ledger
from server.rules.chat import Words, word_ballot
from server.rules.events import ChatMessage, User
from server.rules.poll import Cancel, Close, Extend, Lock, Poll, PollRules, UndoCancel, apply
from server.rules.poll import Outcome as PollOutcome
from server.rules.tally import Weighting
from server.rules.vote_export import count
from server.rules.votes import (
    RESOLUTION,
    BallotKey,
    Counted,
    NotAVote,
    Vote,
    ballot_key,
    believed_time,
    read,
    seat_map,
    take,
)
from tests.unit.models import Window, at, crowd, draft, launched, plain_count, plain_sent, seeded, vote

SEATS = {("twitch", "100"): 0, ("kick", "200"): 1}


def line(text: str = "2", sent: float = 10, received: float | None = None, **more: str) -> ChatMessage:
    """A line of chat `sent` seconds after the poll opened."""
    user = User(more.get("user", "ana"), "ana", "Ana")
    return ChatMessage(
        more.get("platform", "twitch"),
        more.get("channel", "100"),
        "m1",
        user,
        text,
        at(sent),
        at(sent if received is None else received),
        more.get("source"),
    )


def read_by(poll: Poll, message: ChatMessage) -> Vote | NotAVote:
    return read(poll, message, SEATS, word_ballot(poll.options, poll.rules.words))


OPEN = launched(platforms=("twitch", "kick"))  # 60 s, 15 s of grace because of Kick


def test_a_line_becomes_a_vote() -> None:
    assert read_by(OPEN, line("Right", 10, 11)) == Vote("twitch", "ana", 0, 3, at(10), at(11), "m1")
    assert read_by(OPEN, line("!1", platform="kick", channel="200")) == vote(
        "ana", 1, 10, slot=1, platform="kick"
    )._replace(message_id="m1")


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (line("hello"), "chatter"),
        (line("4"), "chatter"),
        (line(channel="101"), "not_seated"),
        (line(platform="kick"), "not_seated"),  # channel 100 of another platform
        (line(platform="custom", channel="200"), "not_seated"),
        (line(source="999"), "shared_copy"),
        (line(source="200"), "shared_copy"),
        (line("hello", source="999"), "shared_copy"),
        (line(sent=-RESOLUTION.total_seconds() - 0.000001), "early"),
        (line(sent=60.000001), "late"),
        (line(sent=60, received=75.000001), "late"),  # sent in time, arrived after the grace
        (line(sent=80, received=74.9), "late"),  # a clock that is fast, by more than is believed
        (line(sent=80, received=30), None),  # replaced by the time of receipt
        (line(sent=35, received=30), None),  # 5 s are believed
        (line(sent=60, received=75), None),
        (line(sent=60), None),
        (line(sent=-RESOLUTION.total_seconds()), None),
        (line(sent=0), None),
        (line(source="100"), None),  # written where it was read
        # Kick cuts its times to seconds: this one may have been sent just after the opening.
        (line(platform="kick", channel="200", sent=-0.123456), None),
        (line(platform="kick", channel="200", sent=-1.123456), "early"),
        (line(platform="kick", channel="200", sent=-0.5), "early"),
        (line(sent=-0.123456), "early"),
    ],
)
def test_lines_are_votes_or_not_for_a_stated_reason(message: ChatMessage, expected: NotAVote | None) -> None:
    found = read_by(OPEN, message)
    assert isinstance(found, Vote) if expected is None else found == expected


def test_only_the_past_is_believed() -> None:
    assert believed_time(at(15), at(10)) == at(15)
    assert believed_time(at(15.000001), at(10)) == at(10)
    assert believed_time(at(-1000), at(10)) == at(-1000)


def test_a_state_that_takes_no_votes_says_so() -> None:
    closing = apply(OPEN, Close(), at(30))
    assert isinstance(read_by(closing, line(sent=30, received=44)), Vote)
    assert read_by(closing, line(sent=30.000001)) == "late"
    closed = apply(closing, Lock(PollOutcome(closing.tally, (), None)), at(46))
    assert read_by(closed, line(sent=10)) == "late"
    assert read_by(draft(), line()) == "not_running"


def test_a_cancelled_poll_keeps_what_was_sent_before_in_case_of_an_undo() -> None:
    cancelled = apply(OPEN, Cancel(), at(20))
    assert isinstance(read_by(cancelled, line(sent=20, received=25)), Vote)
    assert read_by(cancelled, line(sent=20.000001)) == "not_running"
    back = apply(cancelled, UndoCancel(), at(29))
    assert read_by(back, line(sent=20.000001)) == "paused"
    assert read_by(back, line(sent=29)) == "paused"
    assert isinstance(read_by(back, line(sent=29.000001)), Vote)
    assert isinstance(read_by(back, line(sent=69)), Vote)  # closes 9 s later
    assert read_by(back, line(sent=69.000001)) == "late"


def test_a_poll_cancelled_after_the_count_takes_nothing_more() -> None:
    closed = apply(apply(OPEN, Close(), at(30)), Lock(PollOutcome(OPEN.tally, (), None)), at(46))
    assert read_by(apply(closed, Cancel(), at(50)), line(sent=10)) == "not_running"


def test_more_time_lets_later_lines_in() -> None:
    assert read_by(OPEN, line(sent=70)) == "late"
    assert isinstance(read_by(apply(OPEN, Extend(10), at(30)), line(sent=70)), Vote)


def test_seats_follow_the_platforms_ids_of_a_channel() -> None:
    first, second = (seat.channel_id for seat in OPEN.seats)
    assert first is not None
    assert second is not None
    known = {("twitch", "100"): first, ("kick", "200"): second, ("custom", "300"): UUID(int=99)}
    assert seat_map(OPEN, known) == SEATS
    # A channel may be known by two ids, before and after the platform told its own.
    assert seat_map(OPEN, {**known, ("twitch", "login:ana"): first}) == {**SEATS, ("twitch", "login:ana"): 0}
    del known["twitch", "100"]  # removed from the campaign
    assert seat_map(OPEN, known) == {("kick", "200"): 1}


@pytest.mark.parametrize(
    ("changeable", "expected"), [(True, ((0, 0, 1), (0, 0, 0))), (False, ((1, 0, 0), (0, 0, 0)))]
)
def test_one_vote_a_viewer(changeable: bool, expected: tuple[tuple[int, ...], ...]) -> None:
    poll = launched(draft(rules=PollRules(changeable=changeable)), ("twitch", "kick"))
    cast = [vote("ana", 1, 1), vote("ana", 2, 2), vote("ana", 3, 3)]
    assert take(poll, cast, {}).tally == expected
    assert take(poll, cast[::-1], {}).tally == expected


@pytest.mark.parametrize("changeable", [True, False])
def test_at_the_same_moment_the_message_id_decides(changeable: bool) -> None:
    poll = launched(draft(rules=PollRules(changeable=changeable)))
    cast = [vote("ana", 1, 1, message="b"), vote("ana", 2, 1, message="c"), vote("ana", 3, 1, message="a")]
    wanted = "c" if changeable else "a"
    for order in (cast, cast[::-1], [cast[1], cast[2], cast[0]]):
        taken = take(poll, order, {})
        assert [v.message_id for v in taken.changed.values()] == [wanted]
        assert len(taken.votes) == 3


def test_the_same_ids_on_two_platforms_are_two_viewers_and_two_messages() -> None:
    for rule in ("one_vote", "every_message"):
        poll = launched(draft(rules=PollRules(rule=rule)), ("twitch", "kick"))
        cast = [vote("1", 1, 1, message="m"), vote("1", 2, 1, message="m", platform="kick", slot=1)]
        assert take(poll, cast, {}).tally == ((1, 0, 0), (0, 1, 0))


def test_a_viewer_who_votes_again_in_another_channel_moves_the_vote_there() -> None:
    poll = launched(platforms=("twitch", "twitch"))
    assert take(poll, [vote("ana", 1, 1), vote("ana", 1, 2, slot=1)], {}).tally == ((0, 0, 0), (1, 0, 0))


def test_what_is_stored_already_is_moved_by_the_newer_and_kept_from_the_older() -> None:
    poll = replace(OPEN, tally=((0, 1, 0), (0, 0, 0)))
    held = {("twitch", "ana"): Counted(0, 2, at(10), "m5")}
    assert take(poll, [vote("ana", 3, 9)], held).changed == {}
    assert take(poll, [vote("ana", 3, 10, message="m4")], held).tally == poll.tally
    assert take(poll, [vote("ana", 3, 10, message="m5")], held).tally == poll.tally  # a repeat
    assert take(poll, [vote("ana", 3, 10, message="m6")], held).tally == ((0, 0, 1), (0, 0, 0))


class Store:
    """What the database is to the rules: polls, held votes and ledger rows of one poll."""

    def __init__(self, poll: Poll) -> None:
        self.poll = poll
        self.held: dict[BallotKey, Counted] = {}
        self.rows: list[vote_ledger.Row] = []

    def take(self, votes: Sequence[Vote]) -> None:
        """One transaction."""
        known = {ballot_key(self.poll, v) for v in votes}
        taken = take(self.poll, votes, {key: self.held[key] for key in known & self.held.keys()})
        for key, v in taken.changed.items():
            self.held[key] = Counted(v.slot, v.choice, v.sent_at, v.message_id)
        rows = vote_ledger.append(self.poll, taken.votes)
        self.rows += rows
        self.poll = replace(self.poll, tally=taken.tally, ledger_rows=rows[-1].n, ledger_head=rows[-1].hash)

    def recount(self) -> list[list[int]]:
        """The tally from the held votes alone."""
        counts = [[0] * len(self.poll.options) for _ in self.poll.seats]
        for held in self.held.values():
            counts[held.slot][held.choice - 1] += 1
        return counts


def batches_of(rng: random.Random, lines: Sequence[ChatMessage], processes: int) -> list[list[ChatMessage]]:
    """Every process sees every line, some twice; each cuts its own batches; the batches arrive anyhow."""
    batches = []
    for _ in range(processes):
        seen = [*lines, *rng.sample(lines, len(lines) // 5)]
        rng.shuffle(seen)
        while seen:
            size = rng.randint(1, 12)
            batches.append(seen[:size])
            del seen[:size]
    rng.shuffle(batches)
    return batches


LABELS = ("Left", "Middle", "Right", "Up")
CHANNELS = (("twitch", "100"), ("kick", "200"), ("twitch", "300"))
SLOTS = {key: slot for slot, key in enumerate(CHANNELS)}


def some_poll(rng: random.Random) -> Poll:
    """Rules drawn by the seed; sometimes cancelled and brought back, extended, or closed early."""
    words: Words = rng.choice(("off", "exact", "any_case"))
    weighting: Weighting = rng.choice(("sum", "channel", "capped", "per_head"))
    rules = PollRules(
        rule=rng.choice(("one_vote", "every_message")),
        changeable=rng.random() < 0.7,
        tie=rng.choice(("gm", "first", "random", "none")),
        words=words,
        weighting=weighting,
        cap_percent=rng.choice((20, 40, 50)),
        grace_s=rng.choice((0, 3, None)),
    )
    poll = launched(draft(LABELS[: rng.randint(2, 4)], 60, rules), [platform for platform, _ in CHANNELS])
    if rng.random() < 0.3:
        poll = apply(apply(poll, Cancel(), at(20)), UndoCancel(), at(27))
    if rng.random() < 0.3:
        poll = apply(poll, Extend(30), at(30))
    if rng.random() < 0.3:
        poll = apply(poll, Close(), at(50))
    return poll


def result_of(poll: Poll, batches: Sequence[Sequence[ChatMessage]]) -> Store:
    store = Store(poll)
    ballot: Mapping[str, int] = word_ballot(poll.options, poll.rules.words)
    for batch in batches:
        found = [read(poll, message, SLOTS, ballot) for message in batch]
        if votes := [v for v in found if isinstance(v, Vote)]:
            store.take(votes)
    return store


@pytest.mark.parametrize("block", range(10))
def test_any_order_any_batching_any_repeats_give_the_plain_models_result(block: int) -> None:
    """1,000 seeds here; 50 more through several engines on one real PostgreSQL (test_engine_votes)."""
    for seed in range(block * 100, block * 100 + 100):
        rng = seeded(seed)
        poll = some_poll(rng)
        lines = crowd(rng, Window.of(poll), CHANNELS, poll.options, rng.randint(1, 50))
        plain = plain_count(lines, Window.of(poll), slots=SLOTS, labels=poll.options, rules=poll.rules)
        results = []
        for processes in (1, rng.randint(1, 3)):
            store = result_of(poll, batches_of(rng, lines, processes))
            assert store.poll.tally == plain.tally, f"seed {seed}"
            assert store.recount() == [list(channel) for channel in plain.tally], f"seed {seed}"
            replay = count(store.poll, store.rows)
            assert replay.tally == plain.tally, f"seed {seed}"
            standing = {
                (poll.seats[row.slot].platform, row.message_id)
                for row in store.rows
                if row.n in replay.counted
            }
            assert standing == plain.standing, f"seed {seed}"
            # The draw reads the last hash of the ledger, which depends on the order of arrival by design.
            final = replace(store.poll, ledger_head=poll.ledger_head)
            results.append(outcome.decide(final, replay.tally, replay.steps))
        assert results[0] == results[1], f"seed {seed}"


def test_the_crowd_of_the_seeds_is_a_lively_one() -> None:
    """The seeds would prove little if hardly any line were a vote, or none had a fault."""
    reasons: dict[str, int] = {}
    ties = 0
    for seed in range(200):
        rng = seeded(seed)
        poll = some_poll(rng)
        lines = crowd(rng, Window.of(poll), CHANNELS, poll.options, rng.randint(1, 50))
        for message in lines:
            found = read(poll, message, SLOTS, word_ballot(poll.options, poll.rules.words))
            reason: str = "vote" if isinstance(found, Vote) else found
            reasons[reason] = reasons.get(reason, 0) + 1
            if plain_sent(message) != message.sent_at:
                reasons["future"] = reasons.get("future", 0) + 1
        store = result_of(poll, [lines])
        ties += bool(outcome.decide(store.poll, store.poll.tally, count(store.poll, store.rows).steps).tied)
    assert ties > 20
    for reason in ("vote", "chatter", "early", "late", "paused", "shared_copy", "future"):
        assert reasons[reason] > 15, reasons


def test_without_grace_a_line_must_arrive_before_the_close() -> None:
    poll = launched(draft(rules=PollRules(grace_s=0)))
    assert poll.grace == timedelta(0)
    assert isinstance(read_by(poll, line(sent=60)), Vote)
    assert read_by(poll, line(sent=60, received=60.000001)) == "late"
