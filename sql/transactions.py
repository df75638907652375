"""How long a transaction may keep others waiting (reliability §3.7, §3.10).

What every transaction begins with is in `pool`: PostgreSQL ends one whose process gives no sign for five
seconds. Here is what some need besides.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

import sql
from sql.pool import Connection

_Q = sql.load("transactions")
_SIGN_EVERY_S = 1.0

T = TypeVar("T")


async def wait_at_most(connection: Connection, seconds: float) -> None:
    """Wait no longer than this for each lock of this transaction; beyond it raises one of UNREACHABLE."""
    await connection.execute(_Q["wait_at_most"], f"{max(1, round(seconds * 1000))}ms")


async def while_working(connection: Connection, work: Awaitable[T]) -> T:
    """What `work` answers. PostgreSQL hears every second that the process of this transaction is there."""
    task = asyncio.ensure_future(work)
    try:
        while not (await asyncio.wait([task], timeout=_SIGN_EVERY_S))[0]:
            await connection.execute(_Q["still_here"])
    finally:
        task.cancel()
    return task.result()


async def end_abandoned(connection: Connection) -> int:
    """End transactions whose process stands still in the middle of a statement; answers how many.

    PostgreSQL's own bound is for those between two statements. A COPY whose rows do not come, or an answer
    that is not read, is none of them. No living process is: it gives each statement up after four seconds.
    """
    ended: int = await connection.fetchval(_Q["end_abandoned"])
    return ended
