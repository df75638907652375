"""R1, R5 and R8 of reliability §2 at the size that is aimed at there, as far as one machine can."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.acceptance.test_kills import survive
from tests.acceptance.test_redis_outage import end, hang
from tests.acceptance.test_reloads import reload_again_and_again
from tests.servers import Hubbub, StartHubbub


@pytest.mark.parametrize("seed", range(3))
async def test_thirty_kills_at_2000_votes_a_second(hubbub: Hubbub, tmp_path: Path, seed: int) -> None:
    await survive(hubbub, tmp_path, kills=30, rate=2000, seed=seed)


async def test_a_thousand_reloads(hubbub: Hubbub, browser: Browser) -> None:
    await reload_again_and_again(hubbub, browser, 1000)


async def test_ten_minutes_with_a_redis_that_hangs(hubbub: Hubbub, browser: Browser, short_dir: Path) -> None:
    await hang(hubbub, browser, short_dir, 600)


async def test_ten_minutes_without_redis(
    start_hubbub: StartHubbub, browser: Browser, short_dir: Path
) -> None:
    await end(start_hubbub, browser, short_dir, 600)
