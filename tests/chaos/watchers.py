"""Viewers that only look at when their frames came: cheap, so that there may be many; some are stuck.

What the server has of them is read from outside, as the kernel tells it of a process.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import time
from array import array
from bisect import bisect_right
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from tests.chaos.world import backend
from tests.frames import PONG, TEXT, client_frame
from tests.servers import Hubbub

#: Where a delta says from which step it leads on.
_FROM = re.compile(rb'"from":(\d+)')
_PONG_EVERY_S = 1.0
_WAKE_EVERY_S = 0.02


class Arrivals:
    """When frames came, by the step that they lead on from; times are seconds since 1970."""

    def __init__(self) -> None:
        self._at: defaultdict[int, array[float]] = defaultdict(lambda: array("d"))

    def note(self, seq: int) -> None:
        self._at[seq].append(time.time())

    def late(self, seqs: Sequence[int], times: Sequence[float], since: float, until: float) -> list[float]:
        """How long after the oldest step in it was committed each frame came; steps are `seqs` at `times`."""
        found = []
        for seq, came in self._at.items():
            step = bisect_right(seqs, seq)
            if step < len(seqs):
                found += [at - times[step] for at in came if since <= at < until]
        return found


class Wakes:
    """How late this process itself wakes up: what a frame may have waited for us, and not for the server."""

    def __init__(self) -> None:
        self._late: list[tuple[float, float]] = []  # (seconds since 1970, by how much)

    @classmethod
    @asynccontextmanager
    async def watched(cls) -> AsyncIterator[Wakes]:
        wakes = cls()
        watching = asyncio.create_task(wakes._run())
        try:
            yield wakes
        finally:
            watching.cancel()
            await asyncio.wait([watching])

    async def _run(self) -> None:
        while True:
            asked = time.monotonic() + _WAKE_EVERY_S
            await asyncio.sleep(_WAKE_EVERY_S)
            self._late.append((time.time(), time.monotonic() - asked))

    def late(self, since: float, until: float) -> list[float]:
        return [late for at, late in self._late if since <= at < until]


class Watcher(asyncio.Protocol):
    """One connection. `pace`: how many bytes it takes a second; None as fast as they come, 0 none at all."""

    def __init__(self, hello: bytes, arrivals: Arrivals, pace: int | None) -> None:
        self._hello, self._arrivals, self._pace = hello, arrivals, pace
        self._transport: asyncio.Transport | None = None
        self._rest = b""
        self._in = False
        self.since = 0.0  # when the handshake was answered
        self.is_open = True

    @property
    def port(self) -> int:
        """Of its own end."""
        assert self._transport is not None
        return int(self._transport.get_extra_info("sockname")[1])

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        host, port = transport.get_extra_info("peername")
        transport.write(
            f"GET /live HTTP/1.1\r\nHost: {host}:{port}\r\n".encode()
            + b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        self._rest += data
        if not self._in:
            head, found, rest = self._rest.partition(b"\r\n\r\n")
            if not found:
                return
            assert head.startswith(b"HTTP/1.1 101 "), head
            self._in, self._rest, self.since = True, rest, time.monotonic()
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
        if step := _FROM.search(rest, start, start + min(size, 200)):
            self._arrivals.note(int(step[1]))
        return start + size

    async def drip(self) -> None:
        """Read so many bytes a second, and say all the time that somebody is there."""
        assert self._pace
        assert self._transport is not None
        end = self._transport.get_extra_info("socket")
        pong_at = time.monotonic() + _PONG_EVERY_S
        while self.is_open:
            await asyncio.sleep(0.25)
            if time.monotonic() >= pong_at:
                pong_at += _PONG_EVERY_S
                self._transport.write(client_frame(PONG))
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


def hello_of(key: str) -> bytes:
    return json.dumps({"op": "hello", "proto": 1, "key": key, "client": {"kind": "overlay"}}).encode()


async def dial(
    program: Hubbub, hello: bytes, arrivals: Arrivals | None = None, *, pace: int | None = None
) -> Watcher:
    """A viewer on its way in."""
    loop = asyncio.get_running_loop()
    end = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    end.setblocking(False)
    if pace is not None:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    await loop.sock_connect(end, backend(program))
    _, watcher = await loop.create_connection(lambda: Watcher(hello, arrivals or Arrivals(), pace), sock=end)
    return watcher


@dataclass(slots=True)
class Pest:
    """A viewer that takes too little, is cut, and comes back at once, until cancelled.

    Who does not read does not hear of the end either: `gone` comes from a look at the server's sockets.
    """

    program: Hubbub
    hello: bytes
    pace: int  # bytes a second
    after_s: float  # it comes for the first time: not all are cut in the same moment
    port: int = 0  # 0: it is on its way
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    cuts: list[float] = field(default_factory=list)  # after how many seconds

    async def run(self) -> None:
        await asyncio.sleep(self.after_s)
        while True:
            self.port = 0
            self.gone.clear()
            watcher = await dial(self.program, self.hello, pace=self.pace)
            dripping: asyncio.Task[None] | None = None
            try:
                while not watcher.since:
                    assert watcher.is_open, "it is let in"
                    await asyncio.sleep(0.01)
                self.port = watcher.port
                dripping = asyncio.create_task(watcher.drip()) if self.pace else None
                await self.gone.wait()
                self.cuts.append(time.monotonic() - watcher.since)
            finally:
                watcher.close()
                if dripping is not None:
                    dripping.cancel()
                    await asyncio.wait([dripping])


class Seen(NamedTuple):
    """What the kernel says of a process at one moment."""

    peers: dict[int, int]  # the far end's port of each of its connections → bytes not taken yet
    memory: int  # bytes of it that are in memory
    files: int

    @classmethod
    def of(cls, program: Hubbub) -> Seen:
        here = f":{backend(program)[1]:04X}"
        peers = {}
        with Path("/proc/net/tcp").open() as table:
            for line in table:
                if here in line:
                    (
                        _,
                        near,
                        far,
                        state,
                        queues,
                        *_,
                    ) = line.split()[:6]
                    if near.endswith(here) and state == "01":
                        peers[int(far[-4:], 16)] = int(queues.partition(":")[0], 16)
        memory = int(Path(f"/proc/{program.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        return cls(peers, memory, len(os.listdir(f"/proc/{program.pid}/fd")))
