"""What trials of tests/chaos ask of themselves: that what they order comes about, and nothing else does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.chaos.checker import Truth
from tests.chaos.overlays import Overlay, Shown, Visit, digest_of
from tests.chaos.scale import Scale
from tests.chaos.stalls import Stalls
from tests.chaos.test_r04_r05_r06_overlays import CUTS, RELOADS, Found, Round, rounds, unrest
from tests.chaos.test_r07_r08_redis import check as check_redis
from tests.chaos.trial import Trial
from tests.chaos.world import World
from tests.servers import Hubbub


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[Trial]:
    made = Trial("test_r99_nothing", tmp_path, Scale.of({}), Stalls())
    yield made
    made.record.close()


class Browser(SimpleNamespace):
    """Open at every other look, and counts what befalls it."""

    name = "o"
    looked = cuts = reloads = 0
    away_s: tuple[float, ...] = ()

    @property
    def is_open(self) -> bool:
        self.looked += 1
        self.was_open = self.looked % 2 == 0
        return self.was_open

    def cut(self, seconds: float) -> None:
        assert self.was_open, "it was away already"
        self.cuts += 1
        self.away_s += (seconds,)

    def reload(self) -> None:
        assert self.was_open, "it was away already"
        self.reloads += 1


async def test_every_reload_and_cut_hits_an_open_overlay(trial: Trial) -> None:
    browser, found = Browser(), Found()
    storm = Round(seconds=0.2, votes_per_s=1, reloads=40, cuts=120, longest_s=300)
    for _ in range(4):
        await unrest(trial, [cast(Overlay, browser)], storm, found, 0.25)
    assert (browser.reloads, browser.cuts) == (found.reloads, found.cuts) == (40, 120)
    assert browser.away_s[0] == 300, "one is certainly long"


@pytest.mark.parametrize("minutes", ["", "10", "111"])
def test_long_forms_ask_for_all_they_promise(trial: Trial, minutes: str) -> None:
    trial.scale = scale = Scale.of({"CHAOS": "1", "CHAOS_MINUTES": minutes})
    storms = rounds(trial)
    assert sum(storm.reloads for storm in storms) >= RELOADS * scale.share
    assert sum(storm.cuts for storm in storms) >= CUTS * scale.share
    assert max(storm.longest_s for storm in storms) >= 150, "pop-ups are forgotten after 130 s"


def test_a_phase_in_which_nothing_was_committed_proves_nothing(trial: Trial) -> None:
    one = digest_of({"b": 1})
    truth = Truth("e", 1, (1,), (10,), (one,), (True,), {}, one)
    far = Overlay("far0", "", "", trial.random)
    far.visits.append(Visit(None, 0, opened=1, gone_since=0))
    far.shown += (Shown(2, "e", 0, digest_of({})), Shown(10.1, "e", 1, one))
    check_redis(trial, [far], truth, [("killed", 9)])
    with pytest.raises(AssertionError, match="nothing was committed: away"):
        check_redis(trial, [far], truth, [("killed", 9), ("away", 11)])


def program(**facts: Any) -> Hubbub:
    ordinary = {"command": "web", "died": None, "is_running": False, "log": "ready\n"}
    return cast(Hubbub, SimpleNamespace(**(ordinary | facts)))


async def test_what_nobody_ordered_fails_a_trial_at_its_end(trial: Trial, tmp_path: Path) -> None:
    async with World(trial, tmp_path, "") as world:
        world.programs.append(program())
    with pytest.raises(AssertionError, match="web 0 died with -11"):
        async with World(trial, tmp_path, "") as world:
            world.programs.append(program(died=-11))
    broken = program(log="Traceback (most recent call last):\nOSError: gone\n")
    with pytest.raises(AssertionError, match="web 0: Traceback"):
        async with World(trial, tmp_path, "") as world:
            world.programs.append(broken)
    async with World(trial, tmp_path, "") as world:
        world.programs.append(broken)
        world.may_say.add("OSError: gone")


async def test_an_error_of_the_trial_itself_is_told_first(trial: Trial, tmp_path: Path) -> None:
    async def fail() -> None:
        async with World(trial, tmp_path, "") as world:
            world.programs.append(program(died=1))
            raise KeyError

    with pytest.raises(KeyError) as told:
        await fail()
    assert told.value.__notes__ == ["web 0 died with 1"]
