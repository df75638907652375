"""Polls of Twitch beside ours, against a plain model: whatever is told, however often, in whatever order."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.rules import vote_audit, vote_export, vote_ledger
from server.rules.native_poll import (
    LONGEST_CHOICE,
    LONGEST_TITLE,
    MOST_PAID,
    NativePoll,
    begun,
    duration_s,
    in_words,
    refused,
    told,
    uncounted,
    unfit,
)
from server.rules.platform_events import NativeChoice, NativePollTold
from server.rules.poll import Extend, Launch, Poll, PollRules, Seat, State, apply
from server.rules.votes import Vote, seat_map, take

NOW = datetime(2026, 11, 20, 18, tzinfo=UTC)
CHANNEL = UUID(int=7)
OPTIONS = ("Left", "Right", "Back")
IDS = ("c1", "c2", "c3")


def launched(rules: PollRules | None = None) -> Poll:
    seats = (Seat(0, CHANNEL, "twitch", "mossy"), Seat(1, CHANNEL, "twitch", "mossy", "points"))
    rules = rules or PollRules(native="points", points_per_vote=50)
    poll = Poll(UUID(int=1), UUID(int=2), "Which door?", OPTIONS, 60, rules)
    poll = apply(poll, Launch(seats, bytes(32), bytes(32)), NOW)
    return replace(poll, ledger_head=vote_ledger.genesis(vote_ledger.header(poll)))


def native(*, slot: int | None = 1) -> NativePoll:
    wanted = NativePoll(UUID(int=1), "700", CHANNEL, "mossy", slot)
    return begun(wanted, "poll-1", [NativeChoice(id_, id_, 0, 0) for id_ in IDS])


def news(
    figures: dict[str, tuple[int, int]], state: str = "running", poll_id: str = "poll-1"
) -> NativePollTold:
    choices = tuple(NativeChoice(id_, id_, votes, points) for id_, (votes, points) in figures.items())
    return NativePollTold("twitch", "700", "m", poll_id, choices, state, NOW, NOW)  # type: ignore[arg-type]


#: Growing figures, as Twitch has them one after the other: votes in all, and those by points among them.
steps = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 5), st.integers(0, 9)), min_size=1, max_size=12)


@st.composite
def tellings(draw: st.DrawFn) -> tuple[list[NativePollTold], dict[str, tuple[int, int]]]:
    """What is told of one poll until its end, in any order, some of it often; and how it ended."""
    at = dict.fromkeys(IDS, (0, 0))
    history = []
    for place, free, paid in draw(steps):
        votes, points = at[IDS[place]]
        at = at | {IDS[place]: (votes + free + paid, points + paid)}
        history.append(news(at))
    end = draw(st.sampled_from(["completed", "terminated"]))
    history += [news(at, end), news(at, "archived")]
    repeated = [*history, *draw(st.lists(st.sampled_from(history), max_size=10))]
    return draw(st.permutations(repeated)), at


@given(tellings(), st.sampled_from(["one_vote", "every_message"]))
def test_the_count_is_the_end_whatever_is_told_when(
    case: tuple[list[NativePollTold], dict[str, tuple[int, int]]], rule: str
) -> None:
    events, final = case
    poll = launched(PollRules(rule=rule, native="points"))  # type: ignore[arg-type]
    known, rows = native(), list[vote_ledger.Row]()
    held: dict[tuple[str, str], Vote] = {}
    for event in events:
        known = told(known, event)
        cast = list(uncounted(known, poll, event.sent_at, NOW + timedelta(seconds=1)))
        assert not {(vote.platform, vote.user_id) for vote in cast} & held.keys(), "nothing is counted twice"
        taken = take(poll, cast, {})
        held |= {(vote.platform, vote.user_id): vote for vote in cast}
        sealed = vote_ledger.append(poll, taken.votes)
        rows += sealed
        if sealed:
            poll = replace(poll, tally=taken.tally, ledger_rows=sealed[-1].n, ledger_head=sealed[-1].hash)
    assert known.state == "archived"
    assert known.votes == tuple(final[id_][0] for id_ in IDS)
    assert known.points == tuple(final[id_][1] for id_ in IDS)
    assert poll.tally == ((0, 0, 0), known.points)
    assert Counter(row.slot for row in rows)[0] == 0
    verdict = vote_audit.audit(vote_export.document(poll, rows))
    assert verdict.good, verdict.faults


@given(tellings())
def test_free_votes_never_count(case: tuple[list[NativePollTold], dict[str, tuple[int, int]]]) -> None:
    poll, known = launched(), native(slot=None)
    for event in case[0]:
        known = told(known, event)
        assert list(uncounted(known, poll, NOW, NOW)) == []


def test_votes_fall_into_the_time_of_the_poll() -> None:
    poll, known = launched(), told(native(), news({"c1": (1, 1)}))
    assert poll.opens_at is not None
    assert poll.closes_at is not None
    for told_at, at in (
        (NOW - timedelta(hours=1), poll.opens_at),
        (NOW + timedelta(seconds=9), NOW + timedelta(seconds=9)),
        (NOW + timedelta(hours=1), poll.closes_at),
    ):
        (vote,) = uncounted(known, poll, told_at, NOW + timedelta(hours=1))
        assert vote.sent_at == at
        assert vote.slot == 1
        assert vote.choice == 1


def test_a_ledger_has_an_end() -> None:
    known = told(native(), news({"c1": (10**9, 10**9)}))
    assert sum(1 for _ in uncounted(known, launched(), NOW, NOW)) == MOST_PAID


def test_other_polls_and_unknown_choices_change_nothing() -> None:
    known = native()
    assert told(known, news({"c1": (1, 1)}, poll_id="another")) == known
    assert told(known, news({"c9": (1, 1)})) == known


def test_who_is_running_is_not_refused() -> None:
    assert refused(native(), "No.") == native()
    wanted = NativePoll(UUID(int=1), "700", None, "mossy")
    assert (refused(wanted, "x" * 400).state, len(refused(wanted, "x" * 400).detail)) == ("refused", 300)


@given(
    st.text(min_size=1, max_size=120),
    st.lists(st.text(min_size=1, max_size=80), min_size=2, max_size=10),
    st.integers(10, 3600),
)
def test_what_does_not_fit_is_said(question: str, options: list[str], seconds: int) -> None:
    fits = (
        len(question) <= LONGEST_TITLE
        and len(options) <= 5
        and all(len(option) <= LONGEST_CHOICE for option in options)
        and 15 <= seconds <= 1800
    )
    said = unfit(question, options, seconds)
    assert (not said) == fits
    assert all(sentence.endswith(".") and sentence[0].isupper() for sentence in said)


@pytest.mark.parametrize(("after", "seconds"), [(0, 60), (0.3, 60), (30, 30), (55, 15), (70, 15)])
def test_twitch_runs_it_as_long_as_ours(after: float, seconds: int) -> None:
    assert duration_s(launched(), NOW + timedelta(seconds=after)) == seconds


def test_a_long_poll_ends_sooner_on_twitch() -> None:
    poll = apply(launched(), Extend(3600), NOW)
    assert duration_s(poll, NOW) == 1800


def test_chat_has_its_own_seat() -> None:
    assert seat_map(launched(), {("twitch", "700"): CHANNEL}) == {("twitch", "700"): 0}


def test_a_ledger_without_points_is_sealed_as_ever() -> None:
    poll = launched()
    head = vote_ledger.header(replace(poll, seats=poll.seats[:1]))
    assert head["channels"] == [{"platform": "twitch", "login": "mossy"}]
    points = {"platform": "twitch", "login": "mossy", "counts": "points", "points_per_vote": 50}
    assert vote_ledger.header(poll)["channels"] == [head["channels"][0], points]


def test_every_state_has_words() -> None:
    poll = launched()
    for state in ("wanted", "running", "completed", "terminated", "archived"):
        for ours in State:
            words = in_words(replace(native(), state=state), replace(poll, state=ours))
            assert words.endswith(".")
    assert in_words(refused(NativePoll(UUID(int=1), "700", None, "m"), "Not an affiliate."), poll) == (
        "Not an affiliate."
    )
