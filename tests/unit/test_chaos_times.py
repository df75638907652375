"""What a trial of tests/chaos says about time: what the harness missed excuses what it explains, no more."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.scale import Scale
from tests.chaos.stalls import Sample, Stalls
from tests.chaos.trial import BLIND_S, FULL_FLOOR, SHORT_FLOOR, Trial, bound

SHORT, FULL = Scale.of({}), Scale.of({"CHAOS": "1"})


@pytest.fixture(params=[SHORT, FULL], ids=["short", "full"])
def trial(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Trial]:
    made = Trial("test_r99_nothing", tmp_path, request.param, Stalls())
    yield made
    made.record.close()


def test_a_stall_counts_where_it_was() -> None:
    stalls = Stalls()
    stalls.add(100, 101)
    stalls.add(103, 103.5)
    assert stalls.worst_s == 1
    assert [stalls.taken(*span) for span in ((0, 99), (100.5, 102), (99, 110), (103.25, float("inf")))] == [
        *(0, 0.5, 1.5, 0.25)
    ]


async def test_a_stall_of_now_counts_before_the_watcher_has_seen_it() -> None:
    async with Stalls.watched() as stalls:
        await asyncio.sleep(0.05)
        began = time.time()
        time.sleep(0.2)  # noqa: ASYNC251 - it is the stall
        assert stalls.taken(began, time.time()) >= 0.1


def test_a_stall_excuses_only_what_it_overlaps(trial: Trial) -> None:
    trial.stalls.add(100, 100.4)
    late = trial.allowed(1.5) + 0.3
    trial.at_most("overlapped", [Sample(late, 99)], 1.5)
    with pytest.raises(AssertionError, match="elsewhere"):
        trial.at_most("elsewhere", [Sample(late, 200)], 1.5)
    with pytest.raises(AssertionError, match="too much"):
        trial.at_most("too much", [Sample(late + 0.2, 99)], 1.5)
    with pytest.raises(AssertionError, match="no time"):
        trial.at_most("no time", [late], 1.5)
    with pytest.raises(AssertionError, match="never"):
        trial.at_most("never", [Sample(float("inf"), 99)], 1.5)


def test_a_median_is_not_excused(trial: Trial) -> None:
    trial.stalls.add(100, 100.4)
    late = [Sample(trial.allowed(0.12) + 0.2, 100)] * 3
    trial.at_most("the slowest", late, 0.12, 0.99)
    with pytest.raises(AssertionError, match="half"):
        trial.at_most("half", late, 0.12, 0.5)
    trial.at_most("half", [*[0.1] * 3, 9.0], 0.12, 0.5)


def test_a_long_stall_makes_a_trial_inconclusive(trial: Trial) -> None:
    trial.stalls.add(100, 102)
    late = [Sample(trial.allowed(1.5) + 1.5, 99.5)]
    if trial.scale.is_long:
        with pytest.raises(AssertionError, match="inconclusive: late"):
            trial.at_most("late", late, 1.5)
    else:
        trial.at_most("late", late, 1.5)
    assert "late inconclusive" in trial.summary


def test_waiting_may_take_what_was_missed_since_it_began(trial: Trial) -> None:
    trial.stalls.add(100, 102)
    two = trial.allowed(2)
    assert trial.within(2, since=101.9) == pytest.approx(two + 0.1)
    assert trial.within(2, since=102) == two
    assert trial.within(2, since=100) == two + (BLIND_S if trial.scale.is_long else 2)
    assert trial.within(2) == two + (BLIND_S if trial.scale.is_long else 2)


def test_a_short_form_holds_times_in_the_rough_only(trial: Trial) -> None:
    assert trial.allowed(2) == (2 if trial.scale.is_long else 6)


async def test_a_rate_must_come_about(trial: Trial) -> None:
    """Told at the end, so that what was kept under less load is examined, too."""

    @bound()
    async def with_rate(trial: Trial, votes: int) -> None:
        trial.rate("votes", votes, 10, 100)

    await with_rate(trial=trial, votes=950)
    floor = FULL_FLOOR if trial.scale.is_long else SHORT_FLOOR
    await with_rate(trial=trial, votes=int(floor * 1000))
    with pytest.raises(AssertionError, match="40 of 100 a second"):
        await with_rate(trial=trial, votes=400)
