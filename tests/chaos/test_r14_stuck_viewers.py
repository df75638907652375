"""R14: a viewer that is stuck or slow harms no other: their frames come as before, and it is gone in time.

Who is cut comes back at once, so that the bad ones are there for as long as the healthy are measured.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import json
import os
import re
import socket
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles
from typing import Any
from urllib.parse import urlsplit

from server.live.socket_line import SEND_BUFFER, SocketLine
from sql.ids import uuid7
from sql.pool import Database
from tests.chaos.trial import Trial, bound
from tests.frames import PONG, TEXT, client_frame
from tests.integration.live_rig import Engine, House, house, make_campaign, poll_board, until

_FRAME = 20_000
_CHANGES_A_SECOND = 30
#: What the promise allows, and what a busy machine may add to a figure of some milliseconds.
_WORSE, _FLOOR_S = 1.2, 0.03
_BUFFERED = 256 * 1024
#: reliability R14: ten seconds, and what coming in takes beside a thousand others.
CUT_S = 11.0
#: Within so many seconds all of the bad have come.
COMING_S = 3.0
_SENT = re.compile(rb'"sent":([0-9.]+)')


class Watcher(asyncio.Protocol):
    """A viewer that looks at its frames only for when they were sent: cheap, so that there may be many.

    `pace` is how many bytes it takes a second: None as fast as they come, 0 none at all.
    """

    def __init__(self, hello: bytes, pace: int | None) -> None:
        self._hello, self._pace = hello, pace
        self._transport: asyncio.Transport | None = None
        self._rest = b""
        self._in = False
        self.late: list[float] = []
        self.is_open = True

    @property
    def address(self) -> tuple[str, int]:
        assert self._transport is not None
        address: tuple[str, int] = self._transport.get_extra_info("sockname")
        return address

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(
            b"GET /live HTTP/1.1\r\nHost: show\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        self._rest += data
        if not self._in:
            head, found, rest = self._rest.partition(b"\r\n\r\n")
            if not found:
                return
            assert head.startswith(b"HTTP/1.1 101 ")
            self._in, self._rest = True, rest
            self._transport.write(client_frame(TEXT, self._hello))
            if self._pace is not None:
                self._transport.pause_reading()
        while (end := self._frame()) > 0:
            self._rest = self._rest[end:]

    def _frame(self) -> int:
        rest = self._rest
        if len(rest) < 2:
            return 0
        size, start = rest[1], 2
        if size >= 126:
            start = 4 if size == 126 else 10
            if len(rest) < start:
                return 0
            size = int.from_bytes(rest[2:start], "big")
        if len(rest) < start + size:
            return 0
        if rest[0] == 0x89 and self._transport is not None:
            self._transport.write(client_frame(PONG))
        if sent := _SENT.search(rest, start, start + size):
            self.late.append(time.monotonic() - float(sent[1]))
        return start + size

    async def drip(self) -> None:
        """Read so many bytes a second."""
        assert self._pace
        assert self._transport is not None
        end = self._transport.get_extra_info("socket")
        while self.is_open:
            await asyncio.sleep(0.25)
            try:
                taken = os.read(end.fileno(), self._pace // 4)
            except BlockingIOError:
                continue
            except OSError:
                return
            if not taken:
                return

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_open = False

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()


def hello_to(engine: Engine) -> bytes:
    hello = {"op": "hello", "proto": 1, "key": "hb_test", "campaign": str(engine.campaign_id)}
    return json.dumps(hello | {"client": {"kind": "api"}}).encode()


async def dial(live: House, hello: bytes, pace: int | None) -> Watcher:
    """A viewer on its way in."""
    parts = urlsplit(live.url)
    loop = asyncio.get_running_loop()
    end = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    end.setblocking(False)
    if pace is not None:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    await loop.sock_connect(end, (parts.hostname, parts.port))
    _, watcher = await loop.create_connection(lambda: Watcher(hello, pace), sock=end)
    return watcher


async def watch(live: House, engine: Engine, count: int) -> list[Watcher]:
    """So many healthy viewers, in."""
    watchers = [await dial(live, hello_to(engine), None) for _ in range(count)]
    await until(lambda: live.hub.sizes()["clients"] == count, "all are in", 30)
    return watchers


@asynccontextmanager
async def show(live: House, engine: Engine) -> AsyncIterator[None]:
    """A board of 20 KB that changes all the time, and says when."""
    board, question = str(uuid7()), "x" * _FRAME

    async def run() -> None:
        votes = 0
        while True:
            votes += 1
            change = {board: poll_board(votes, question=question, sent=time.monotonic())}
            live.hub.publish(await engine.commit(change))
            await asyncio.sleep(1 / _CHANGES_A_SECOND)

    running = asyncio.create_task(run())
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def p99(watchers: Sequence[Watcher]) -> float:
    late = [seconds for watcher in watchers for seconds in watcher.late]
    assert len(late) > len(watchers) * 3, "frames come"
    for watcher in watchers:
        watcher.late.clear()
    return quantiles(late, n=100)[98]


def lines(live: House) -> list[SocketLine]:
    return [line for line in live.server.server_state.connections if isinstance(line, SocketLine)]


def waiting(live: House) -> int:
    """The most that this process holds for one peer, with what the kernel does for it."""
    return 2 * SEND_BUFFER + max(line.waiting for line in lines(live))


def rss() -> int:
    """Of this process, without what is free and the C library keeps for the next frame (glibc)."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@dataclass(slots=True)
class Pest:
    """A viewer that takes too little, is cut, and comes back at once, until cancelled.

    Who does not read does not hear of the end either: `gone` comes from a look at the server's lines.
    """

    live: House
    hello: bytes
    pace: int  # bytes a second
    after_s: float  # it comes for the first time: not all are cut in the same moment
    address: tuple[str, int] | None = None
    was_in: bool = False
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    cuts: list[float] = field(default_factory=list)  # after how many seconds

    async def run(self) -> None:
        await asyncio.sleep(self.after_s)
        while True:
            began = time.monotonic()
            self.address, self.was_in = None, False
            self.gone.clear()
            watcher = await dial(self.live, self.hello, self.pace)
            self.address = watcher.address
            dripping = asyncio.create_task(watcher.drip()) if self.pace else None
            try:
                await self.gone.wait()
                self.cuts.append(time.monotonic() - began)
            finally:
                watcher.close()
                if dripping is not None:
                    dripping.cancel()
                    await asyncio.wait([dripping])

    def look(self, there: set[Any]) -> None:
        """`there` are the addresses whose lines the server has."""
        if self.address in there:
            self.was_in = True
        elif self.was_in:
            self.gone.set()


@asynccontextmanager
async def pests(
    trial: Trial, live: House, engine: Engine, *, stuck: int, slow: int
) -> AsyncIterator[list[Pest]]:
    """So many that never read, and so many at 2 kB/s, there until the block ends."""
    paces = [0] * stuck + [2_000] * slow
    bad = [Pest(live, hello_to(engine), pace, trial.random.uniform(0, COMING_S)) for pace in paces]

    async def look() -> None:
        while True:
            there = {line._transport.get_extra_info("peername") for line in lines(live)}
            for pest in bad:
                pest.look(there)
            await asyncio.sleep(0.1)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(pest.run()) for pest in bad]
        tasks.append(group.create_task(look()))
        yield bad
        for task in tasks:
            task.cancel()


@bound(90, 900)
async def test_r14_stuck_viewers_harm_nobody(trial: Trial, database: Database) -> None:
    healthy, stuck, slow = (600, 200, 200) if trial.scale.is_long else (40, 5, 5)
    seconds = trial.scale.amount(2, 300)
    engine = await make_campaign(database)
    async with house(database) as live:
        good = await watch(live, engine, healthy)
        async with show(live, engine):
            await asyncio.sleep(1)
            p99(good)
            await asyncio.sleep(seconds)
            alone = p99(good)
            files, memory = len(os.listdir("/proc/self/fd")), rss()

            start, most = time.monotonic(), 0
            async with pests(trial, live, engine, stuck=stuck, slow=slow) as bad:
                while time.monotonic() - start < seconds or not all(pest.cuts for pest in bad):
                    most = max(most, waiting(live))
                    assert time.monotonic() - start < max(seconds, trial.within(15 + COMING_S)), (
                        "they are cut in time"
                    )
                    trial.progress(f"{sum(len(pest.cuts) for pest in bad)} cuts")
                    await asyncio.sleep(0.05)
                there = live.hub.sizes()["clients"] - healthy
                cuts = [after for pest in bad for after in pest.cuts]
                cut = live.hub.figures.cut
                beside = p99(good)
            await until(lambda: len(live.server.server_state.connections) == healthy, "freed", 5)
        await until(lambda: len(os.listdir("/proc/self/fd")) <= files + 2, "descriptors are back", 10)
        grown = rss() - memory
        assert all(watcher.is_open for watcher in good)
        for watcher in good:
            watcher.close()
        await until(lambda: live.hub.sizes()["clients"] == 0, "all have left", 10)
    trial.figure("p99 of the healthy", f"{alone * 1000:.1f} → {beside * 1000:.1f} ms")
    trial.figure("cuts", len(cuts))
    trial.figure("cut after", f"{max(cuts):.1f} s")
    trial.figure("of the bad there at the end", f"{there} of {len(bad)}")
    trial.figure("most held for one", f"{most // 1024} KiB")
    trial.figure("memory", f"{grown / 2**20:+.1f} MiB")
    assert cut >= len(cuts) >= len(bad)
    assert max(cuts) <= trial.within(CUT_S)
    assert beside <= _WORSE * alone + _FLOOR_S + 2 * trial.stalls.worst_s
    assert most <= _BUFFERED
    assert grown < 4 * 2**20 + len(bad) * 32 * 1024, "what the allocator keeps of the frames in flight"
