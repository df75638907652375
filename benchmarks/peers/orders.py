"""The orders that every fan-out program takes on stdin, and a Python program's half of them.

    → ready <port> <pid> <pid>…       it listens; the first pid is the root of the processes that serve, the
                                      others are helpers below it that do not
    publish <count> <per second> <bytes>
    → began <first due, ns>           at once; when all are published is for the clients to see
    figures
    → figures <JSON>                  what the program counted itself, if it did

A message is due on a fixed timetable and carries the time when it was due (CLOCK_MONOTONIC): a program
that is late with publishing is as late as one that is late with sending. 0 per second: all at once. The
end of stdin ends the program. PEER_PORT in the environment is the port to listen on, else any that is free.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

#: Publishes message number n with a text of so many bytes that holds the stamp.
Publish = Callable[[int, str, int], Awaitable[None]]
#: Does what has to be done before so many messages are published.
Prepare = Callable[[int], Awaitable[None]]
#: Under a quick timetable it is done when they are due: what is prepared and not published must be rare.
_PREPARE_NS = 2_000_000
_SLOW_PER_S = 50


def stamp(due_ns: int) -> str:
    """What benchmarks/clients look for."""
    return f"@T={due_ns:019d}"


def message(number: int, at: str, size: int) -> str:
    """A JSON object of `size` bytes."""
    head = f'{{"at":"{at}","number":{number},"padding":"'
    return f'{head}{"x" * (size - len(head) - 2)}"}}'


def say(*words: object) -> None:
    print(*words, flush=True)


async def obey(
    port: int,
    publish: Publish,
    *,
    pid: int | None = None,
    not_counted: Sequence[int] = (),
    prepare: Prepare | None = None,
    figures: Callable[[], Mapping[str, int]] = dict,
) -> None:
    """Take orders until stdin ends."""
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    say("ready", port, os.getpid() if pid is None else pid, *not_counted)
    while line := (await lines.readline()).decode().split():
        match line:
            case ["publish", count, per_second, size]:
                await _publish(publish, prepare, int(count), float(per_second), int(size))
            case ["figures"]:
                say("figures", json.dumps(dict(figures())))
            case _:
                raise ValueError(f"no such order: {line}")


async def _publish(
    publish: Publish, prepare: Prepare | None, count: int, per_second: float, size: int
) -> None:
    if prepare and not per_second:
        await prepare(count)
    began = time.monotonic_ns()
    say("began", began)
    for number in range(count):
        due = began + (round(number / per_second * 1e9) if per_second else 0)
        if prepare and per_second:
            await _sleep_until(due - _PREPARE_NS if per_second <= _SLOW_PER_S else due)
            await prepare(1)
        await _sleep_until(due)
        await publish(number, stamp(due), size)


async def _sleep_until(moment_ns: int) -> None:
    wait = moment_ns - time.monotonic_ns()
    if wait > 0:
        await asyncio.sleep(wait / 1e9)
