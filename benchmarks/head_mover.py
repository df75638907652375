"""The engine, reduced to its commit: moves the head of one campaign, in a process of its own.

A line on stdin is how many steps further the head has to be; it is answered with the head's position after
COMMIT. So the cost of the database stays out of the figures of the fan-out, as it does for other systems.
"""

from __future__ import annotations

import asyncio
import os
import sys
from uuid import UUID

from sql import heads, snapshots
from sql.pool import Database


async def _serve(campaign_id: UUID) -> None:
    database = await Database.open(os.environ["BENCH_DATABASE_URL"])
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(orders), sys.stdin
    )
    try:
        async with database.connection() as connection:
            [head] = await snapshots.heads(connection, [campaign_id])
            seq = head.seq
            print(head.epoch, seq, flush=True)
            while line := await orders.readline():
                seq += int(line)
                await heads.advance(connection, campaign_id, seq)
                print(seq, flush=True)
    finally:
        await database.close()


if __name__ == "__main__":
    asyncio.run(_serve(UUID(sys.argv[1])))
