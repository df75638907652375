"""From `git clone` to the first vote in a browser: a newcomer's wait, and the next day's.

A clone of the last commit in a path with a space, `make run`, the overlay link it prints opened in a real
Chromium, and the first frame that shows a vote of the demo. First with an empty pip cache, then in another
clone with that cache warm, then once more in the same clone. As root also for an ordinary user.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from playwright.async_api import Browser

from benchmarks.browsers import chromium
from benchmarks.results import Section, table
from tests.clones import PROJECT, Make

# Some option has a vote, and the frame with it is about to be painted.
_FIRST_VOTE = """
() => [...document.querySelectorAll(".hb-count")].some((count) => /[1-9]/.test(count.textContent))
"""
_ORDINARY_USER = 65534  # nobody
_FIRST_AIM_S, _SECOND_AIM_S = 30, 3


@dataclass(frozen=True, slots=True)
class Start:
    """Seconds since the first command."""

    link_s: float
    first_vote_s: float


def _clone(folder: Path, user: int | None) -> Path:
    subprocess.run(["git", "clone", "--quiet", str(PROJECT), str(folder)], check=True)
    if user is not None:
        subprocess.run(["chown", "-R", f"{user}:{user}", str(folder.parent)], check=True)
    return folder


async def _start(browser: Browser, clone: Path, user: int | None, began: float) -> Start:
    cache = clone.parent.parent
    settings = {
        "PIP_CACHE_DIR": str(cache / "pip"),
        "HOME": str(cache),
        "XDG_DATA_HOME": str(cache / "share"),
    }
    page = await browser.new_page(viewport={"width": 1920, "height": 1080})
    program = Make(clone, settings, user)
    try:
        link = await asyncio.to_thread(program.wait_for, r"(http://\S+/o/\S+#k=\S+)", 300)
        link_s = time.monotonic() - began
        await page.goto(link)
        await page.wait_for_function(_FIRST_VOTE, polling="raf", timeout=60_000)
        return Start(link_s, time.monotonic() - began)
    finally:
        await page.close()
        await asyncio.to_thread(program.stop)


async def _newcomer(browser: Browser, folder: Path, user: int | None) -> list[Start]:
    """Cold, warm, and again."""
    found = []
    for name in ("cold", "warm"):
        (folder / name).mkdir()
        if user is not None:
            shutil.chown(folder, user, user)
        began = time.monotonic()
        clone = _clone(folder / name / "a clone", user)
        found.append(await _start(browser, clone, user, began))
    found.append(await _start(browser, clone, user, time.monotonic()))
    return found


async def measure() -> Section:
    """Everybody who can be here: whoever runs this, and as root also an ordinary user."""
    users: list[tuple[str, int | None]] = [("root" if os.geteuid() == 0 else "this user", None)]
    if os.geteuid() == 0:
        users.append(("an ordinary user", _ORDINARY_USER))
    rows, met = [], True
    async with chromium() as browser:
        for called, user in users:
            with tempfile.TemporaryDirectory(prefix="hubbub bench ") as folder:
                cold, warm, again = await _newcomer(browser, Path(folder), user)
            met = met and warm.first_vote_s <= _FIRST_AIM_S and again.first_vote_s <= _SECOND_AIM_S
            for what, start, aim in (
                ("`git clone` and `make run`, empty pip cache", cold, ""),
                ("`git clone` and `make run`, warm pip cache", warm, f"≤ {_FIRST_AIM_S} s"),
                ("`make run` again", again, f"≤ {_SECOND_AIM_S} s"),
            ):
                rows.append((what, called, f"{start.link_s:.2f} s", f"{start.first_vote_s:.2f} s", aim))
    return Section(table(("from", "as", "links printed", "first vote painted", "aim"), rows), met)
