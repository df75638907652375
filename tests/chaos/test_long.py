"""R1, R3, R5 and R8 in their long forms; tests/acceptance and tests/integration have the short ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.acceptance.test_kills import survive
from tests.acceptance.test_redis_outage import end, hang
from tests.acceptance.test_reloads import reload_again_and_again
from tests.chaos.trial import Trial, bound
from tests.integration.test_engine_votes import seeds_agree
from tests.servers import Hubbub, StartHubbub


@bound(120, 600)
@pytest.mark.parametrize("turn", range(3))
async def test_r1_kills_at_2000_votes_a_second(
    hubbub: Hubbub, trial: Trial, tmp_path: Path, turn: int
) -> None:
    told = await survive(hubbub, tmp_path, kills=trial.scale.count(5, 30), rate=2000, seed=trial.seed + turn)
    trial.figure("", told)


@bound(120, 1200)
async def test_r5_reloads_in_a_browser(hubbub: Hubbub, trial: Trial, browser: Browser) -> None:
    reloads = trial.scale.count(50, 1000)
    await reload_again_and_again(hubbub, browser, reloads)
    trial.figure("reloads", reloads)


@bound(120, 900)
async def test_r8_a_redis_that_hangs(hubbub: Hubbub, trial: Trial, browser: Browser, short_dir: Path) -> None:
    seconds = trial.scale.amount(15, 600)
    told = await hang(hubbub, browser, short_dir, seconds)
    trial.figure(f"hung for {seconds:.0f} s", " ".join(told.split()))


@bound(120, 900)
async def test_r8_a_redis_that_is_gone(
    start_hubbub: StartHubbub, trial: Trial, browser: Browser, short_dir: Path
) -> None:
    seconds = trial.scale.amount(15, 600)
    told = await end(start_hubbub, browser, short_dir, seconds)
    trial.figure(f"gone for {seconds:.0f} s", " ".join(told.split()))


@bound(120, 1800)
async def test_r3_seeds_through_three_engines(trial: Trial, database_url: str) -> None:
    first = trial.seed % 1_000_000 * 10_000
    for start in range(0, seeds := trial.scale.count(50, 1000), 50):
        await seeds_agree(database_url, range(first + start, first + start + 50))
        trial.progress(f"{start + 50} of {seeds} seeds")
    trial.figure("seeds", seeds)
