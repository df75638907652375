"""Whether this process gets its turn: how much later than asked its event loop wakes up.

An event loop that is held up, by a long computation or by a machine that is too busy, delays everything at
once: frames, commits, deadlines. No other figure tells it from a slow network or database.
"""

from __future__ import annotations

import asyncio
import gc
from typing import Final

from server.telemetry import LOOP_SECONDS

EVERY_S: Final = 0.25
#: What only the collector can find is given back so often: what is left of hundreds that were cut.
COLLECT_EVERY_S: Final = 30.0


async def run() -> None:
    """Look four times a second until cancelled."""
    loop = asyncio.get_running_loop()
    collected_at = loop.time()
    while True:
        asked = loop.time() + EVERY_S
        await asyncio.sleep(EVERY_S)
        LOOP_SECONDS.observe(max(0.0, loop.time() - asked))
        if asked - collected_at >= COLLECT_EVERY_S:
            collected_at = asked
            gc.collect()


def collect_seldom() -> None:
    """What the start made stays, and is not looked through again and again for garbage.

    A thousand messages are thousands of objects without a cycle among them: with Python's own threshold
    of 700 the collector took a third of the time of a vote, and stopped the loop for longest when it was
    busiest. `run` collects twice a minute instead, which takes some milliseconds.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
