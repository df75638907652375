"""From the command to the first vote on the overlay, in a real browser: the demo, first and second start."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from playwright.async_api import Browser

_LINK = re.compile(r"http://\S+/o/\S+#k=\S+")

# Some option has a vote, and the frame with it has been painted.
_FIRST_VOTE = """
() => [...document.querySelectorAll(".hb-count")].some((count) => /[1-9]/.test(count.textContent))
"""


@dataclass(frozen=True, slots=True)
class Start:
    """Seconds since the command."""

    link_s: float
    first_vote_s: float


async def start(browser: Browser, folder: Path) -> Start:
    """Start the program with its demo, open the link it prints, wait for the first painted vote, stop it."""
    log = folder / "start.log"
    environment = {**os.environ, "HUBBUB_PORT": "0", "HUBBUB_DATA_DIR": str(folder / "demo")}
    page = await browser.new_page(viewport={"width": 1920, "height": 1080})
    began = time.monotonic()
    with log.open("wb") as output:
        program = subprocess.Popen(  # noqa: ASYNC220  a start of some milliseconds, and nothing else runs
            [sys.executable, "-u", "-m", "server", "up"], env=environment, stdout=output, stderr=output
        )
        try:
            while (found := _LINK.search(log.read_text("utf-8"))) is None:
                if program.poll() is not None:
                    raise RuntimeError(log.read_text("utf-8"))
                await asyncio.sleep(0.01)
            link_s = time.monotonic() - began
            await page.goto(found[0])
            await page.wait_for_function(_FIRST_VOTE, polling="raf", timeout=60_000)
            return Start(link_s, time.monotonic() - began)
        finally:
            await page.close()
            program.send_signal(signal.SIGTERM)
            program.wait(15)
