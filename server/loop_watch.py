"""Whether this process gets its turn: how much later than asked its event loop wakes up.

An event loop that is held up, by a long computation or by a machine that is too busy, delays everything at
once: frames, commits, deadlines. No other figure tells it from a slow network or database.
"""

from __future__ import annotations

import asyncio
from typing import Final

from server.telemetry import LOOP_SECONDS

EVERY_S: Final = 0.25


async def run() -> None:
    """Look four times a second until cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        asked = loop.time() + EVERY_S
        await asyncio.sleep(EVERY_S)
        LOOP_SECONDS.observe(max(0.0, loop.time() - asked))
