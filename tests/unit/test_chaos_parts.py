"""The harness of tests/chaos is only worth its own correctness: its splitter of replies, and its checker."""

from __future__ import annotations

import json
import time
from pathlib import Path
from random import Random

import pytest

from tests.chaos.checker import Truth, first_frames, lags, lies, popup_faults, unanswered, went_back
from tests.chaos.overlays import Overlay, Popup, Shown, Visit, digest_of
from tests.chaos.record import Record
from tests.chaos.resp import MessageFaults, Odds, is_message, reply_end
from tests.chaos.scale import ALL_MINUTES, Scale
from tests.chaos.test_r01_kills import Promised, oldest_loss
from tests.chaos.test_r23_churn import slope_of
from tests.chaos.watchers import Arrivals

MESSAGE = b">3\r\n$7\r\nmessage\r\n$5\r\nshow1\r\n$4\r\na\r\nb\r\n"
REPLIES = (
    b"+PONG\r\n",
    b":1\r\n",
    b"_\r\n",
    b"$-1\r\n",
    b"$0\r\n\r\n",
    b"%1\r\n+server\r\n$5\r\nredis\r\n",
    b"*2\r\n*1\r\n:1\r\n$2\r\nhi\r\n",
    b">3\r\n$9\r\nsubscribe\r\n$5\r\nshow1\r\n:1\r\n",
    MESSAGE,
)


def test_replies_are_found_however_they_arrive() -> None:
    stream = b"".join(REPLIES)
    for step in (1, 2, 7, len(stream)):
        odds = Odds(Random(1))  # noqa: S311
        faults = MessageFaults(odds)
        out = [piece for at in range(0, len(stream), step) for piece in faults.take(stream[at : at + step])]
        assert out == [(0.0, reply) for reply in REPLIES]
        assert odds.counted["whole"] == 1


def test_what_is_no_reply_is_told() -> None:
    with pytest.raises(ValueError, match="no reply"):
        reply_end(b"?1\r\n")


def test_messages_meet_their_fate_and_answers_do_not() -> None:
    assert [is_message(reply) for reply in REPLIES] == [*[False] * (len(REPLIES) - 1), True]
    for odds, wanted in (
        (Odds(Random(1), lost=1.0), []),  # noqa: S311
        (Odds(Random(1), twice=1.0), [MESSAGE, MESSAGE]),  # noqa: S311
        (Odds(Random(1), late=1.0), [MESSAGE]),  # noqa: S311
    ):
        out = MessageFaults(odds).take(b"+OK\r\n" + MESSAGE)
        assert [piece for _, piece in out] == [b"+OK\r\n", *wanted]
        assert (out[-1][0] > 0) == (odds.late > 0)


# --- the checker -------------------------------------------------------------------------------------

EMPTY, ONE, TWO = (digest_of(boards) for boards in ({}, {"b": 1}, {"b": 2}))
#: Steps 1 and 3 change the screen at 10 s and 12 s, step 2 is a pop-up.
TRUTH = Truth("e", 3, (1, 2, 3), (10, 11, 12), (ONE, ONE, TWO), (True, False, True), {2: "pop"}, TWO)


def overlay(*shown: Shown, visits: tuple[Visit, ...] = ()) -> Overlay:
    made = Overlay("o", "", "", Random(1))  # noqa: S311
    made.shown += shown
    made.visits += visits or (Visit(None, 0, opened=0, gone_since=0),)
    return made


def test_a_state_that_never_was_is_a_lie() -> None:
    good = overlay(Shown(9, "e", 0, EMPTY), Shown(11, "e", 2, ONE), Shown(13, "e", 3, TWO))
    assert lies(good, TRUTH) == []
    assert len(lies(overlay(Shown(9, "e", 1, TWO)), TRUTH)) == 1
    assert len(lies(overlay(Shown(9, "e", 3, ONE)), TRUTH)) == 1


def test_lags_count_from_the_step_or_from_the_return() -> None:
    steady = overlay(Shown(9, "e", 0, EMPTY), Shown(10.5, "e", 1, ONE), Shown(14, "e", 3, TWO))
    assert lags(steady, TRUTH) == [0.5, 2.0]
    assert lags(steady, TRUTH, since=11) == [2.0]
    visits = (Visit(None, 0, opened=0, gone_since=0, closed=11), Visit("e", 1, opened=13.5, gone_since=11))
    cut = overlay(*steady.shown, visits=visits)
    assert lags(cut, TRUTH) == [0.5, 0.5]
    assert lags(cut, TRUTH, away=True) == [0.5, 2.0]
    assert lags(overlay(*steady.shown[:2]), TRUTH)[-1] == float("inf"), "never shown"


def test_what_an_open_line_withheld_until_its_end_is_late() -> None:
    visits = (
        Visit(None, 0, opened=0, gone_since=0, closed=21),
        Visit("e", 1, opened=21.5, gone_since=21, closed=21.8),
        Visit("e", 1, opened=22.0, gone_since=21.8),
    )
    late = lags(
        overlay(Shown(9, "e", 0, EMPTY), Shown(10, "e", 1, ONE), Shown(22.1, "e", 3, TWO), visits=visits),
        TRUTH,
    )
    assert late == [0.0, 9.0]
    assert [lag.began for lag in late] == [10, 12]


def test_a_step_that_came_before_the_first_frame_is_owed_to_an_open_line() -> None:
    slow = overlay(Shown(19, "e", 3, TWO), visits=(Visit(None, 0, opened=11.5, gone_since=0),))
    assert lags(slow, TRUTH) == [7.0], "but what was there before it was"


def test_a_hello_without_an_answer_is_no_first_frame() -> None:
    visits = (
        Visit(None, 0, opened=10, gone_since=0, first_frame=10.25, closed=20),
        Visit("e", 1, opened=20, gone_since=20, closed=29),
        Visit("e", 1, opened=30, gone_since=29, closed=30.25),
    )
    one = overlay(visits=visits)
    assert (first_frames([one]), unanswered([one])) == ([0.25], [9, 0.25])


def test_older_numbers_after_newer_ones_are_noticed() -> None:
    assert went_back(overlay(Shown(1, "e", 1, ONE), Shown(2, "e", 3, TWO), Shown(3, "f", 1, ONE))) == []
    assert len(went_back(overlay(Shown(1, "e", 3, TWO), Shown(2, "e", 1, ONE)))) == 1


def visit(**facts: object) -> Visit:
    made = Visit("e", 1, opened=12, gone_since=11, first_frame=12, closed=20)
    for name, value in facts.items():
        setattr(made, name, value)
    return made


def test_pop_ups_that_were_owed_are_missed() -> None:
    back = visit(reached=("e", 3), left=("e", 3))
    assert len(popup_faults(overlay(visits=(back,)), TRUTH)) == 1
    got = overlay(visits=(back,))
    got.popups.append(Popup("pop", 2, 0, ("e", 1)))
    assert popup_faults(got, TRUTH) == []
    new = visit(epoch=None, seq=0, reached=("e", 3), left=("e", 3))
    assert popup_faults(overlay(visits=(new,)), TRUTH) == [], "before its time"
    told = visit(reached=("e", 3), left=("e", 3), skipped=2)
    assert "short absence" in popup_faults(overlay(visits=(told,)), TRUTH)[0]
    told.gone_since = -200
    assert popup_faults(overlay(visits=(told,)), TRUTH) == [], "two minutes are over, and it was told"


def test_how_large_a_trial_is() -> None:
    short, full = Scale.of({}), Scale.of({"CHAOS": "1"})
    half = Scale.of({"CHAOS": "1", "CHAOS_MINUTES": str(ALL_MINUTES / 2)})
    assert [scale.count(5, 30) for scale in (short, half, full)] == [5, 15, 30]
    assert [scale.size(20, 200) for scale in (short, half, full)] == [20, 200, 200]
    for minutes in ("0", "-1", "nan", "soon"):
        with pytest.raises(ValueError, match=r"CHAOS_MINUTES|could not convert"):
            Scale.of({"CHAOS": "1", "CHAOS_MINUTES": minutes})


# --- what single trials compute ----------------------------------------------------------------------


def test_a_line_is_lost_with_the_next_death_or_without_an_excuse() -> None:
    deaths = [(10.0, 10.2), (20.0, 20.2)]

    def lost(*said: float) -> float:
        return oldest_loss([{"sent_at": round(at * 1000)} for at in said], deaths)

    assert lost() == 0
    assert lost(10.1, 20.1) == 0, "nobody was there to hear it"
    assert lost(9.95, 19.98) == pytest.approx(0.05)
    assert lost(15.0) == 5
    assert lost(21.0) == float("inf")


def test_the_record_says_what_was_promised(tmp_path: Path) -> None:
    record = Record(tmp_path / "record.jsonl")
    events = [{"message_id": f"m{number}"} for number in range(4)]
    taken = json.dumps({"accepted": 1, "duplicates": 0, "rejected": []})
    record.note("vote", batch=1, events=events[:1])
    record.note("vote_answered", batch=1, status=200, text=taken)
    record.note("vote", batch=2, events=events[1:2])
    record.note("vote_unanswered", batch=2)
    record.note("vote", batch=3, events=events[2:3])
    record.note("vote_answered", batch=3, status=503, text="")
    record.note("vote", batch=1, events=events[3:])  # another batch at the same place in memory
    record.note("vote_answered", batch=1, status=200, text=taken)
    record.close()
    promised = Promised.read(record.path)
    assert set(promised.sent) == {"m0", "m1", "m2", "m3"}
    assert set(promised.acknowledged) == {"m0", "m3"}
    assert promised.unanswered == 1


def test_a_frame_is_as_late_as_the_oldest_step_in_it() -> None:
    arrivals = Arrivals()
    before = time.time()
    arrivals.note(0)
    arrivals.note(1)
    arrivals.note(2)  # leads on from the last step: nothing new
    after = time.time() + 0.001
    found = arrivals.late((1, 2), (before - 2, before - 1), before, after)
    assert found == [pytest.approx(2, abs=0.5), pytest.approx(1, abs=0.5)]
    assert arrivals.late((1, 2), (before - 2, before - 1), after, after + 1) == []


def test_a_slope_is_that_of_the_line_between_the_points() -> None:
    assert slope_of([(0, 10), (1, 12), (2, 14)]) == pytest.approx(2)
    assert slope_of([(0, 10), (1, 11), (2, 10)]) == pytest.approx(0)
    assert slope_of([(0, 10)]) == 0
