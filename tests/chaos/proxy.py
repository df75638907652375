"""A link that breaks on request: TCP or a Unix socket in front of a real server, in this process's loop.

| fault | what either end sees |
|---|---|
| `delay_s` | every byte so much later, in order |
| `bytes_per_s` | a thin line |
| `cut()` | the connection is reset, now |
| `is_down` | new connections are reset before a byte |
| `is_silent` | half-open: connections are taken, bytes are swallowed, nothing answers |
| `mangle` | bytes from the server go through a filter of each connection: messages lost, twice, late |
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol, Self

#: Bytes that may wait for a slow end before the other one is not read any more.
_HIGH_WATER = 256 * 1024


class Mangler(Protocol):
    """What becomes of the bytes of one connection, from the server to the client."""

    def take(self, data: bytes) -> list[tuple[float, bytes]]:
        """Pieces to pass on, each with how much later than now, in seconds; they may overtake each other."""


class Link:
    """One listener; `address` is where clients connect. Faults apply to bytes that come from now on."""

    def __init__(self, upstream: tuple[str, int] | Path) -> None:
        self.upstream = upstream
        self.delay_s = 0.0
        self.bytes_per_s: float | None = None
        self.is_down = False
        self.mangle: Callable[[], Mangler] | None = None
        self.accepted = 0
        self._is_silent = False
        self._pairs: set[_Pair] = set()
        self._server: asyncio.Server | None = None

    @classmethod
    @asynccontextmanager
    async def to(cls, upstream: tuple[str, int] | Path) -> AsyncIterator[Self]:
        """Passes on until the block ends."""
        link = cls(upstream)
        async with link.listening():
            yield link

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """On a free port of the loopback until the block ends."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Pair(self).client, "127.0.0.1", 0)
        try:
            yield
        finally:
            self._server.close()
            self.cut()
            await self._server.wait_closed()

    @property
    def port(self) -> int:
        assert self._server is not None, "not listening"
        number: int = self._server.sockets[0].getsockname()[1]
        return number

    @property
    def connections(self) -> int:
        return len(self._pairs)

    @property
    def is_silent(self) -> bool:
        return self._is_silent

    @is_silent.setter
    def is_silent(self, silent: bool) -> None:
        """What was swallowed makes a connection useless: those of a silence end with it."""
        was, self._is_silent = self._is_silent, silent
        if was and not silent:
            self.cut()

    def cut(self) -> int:
        """Reset every connection; answers how many there were."""
        pairs = tuple(self._pairs)
        for pair in pairs:
            pair.cut()
        return len(pairs)

    async def connect(self, protocol: asyncio.Protocol) -> None:
        """To the real server. Raises OSError."""
        loop = asyncio.get_running_loop()
        if isinstance(self.upstream, Path):
            await loop.create_unix_connection(lambda: protocol, str(self.upstream))
        else:
            await loop.create_connection(lambda: protocol, *self.upstream)


class _Pair:
    """One connection and its counterpart at the real server."""

    def __init__(self, link: Link) -> None:
        self.link = link
        mangler = link.mangle() if link.mangle else None
        self.client, self.server = _End(self, None), _End(self, mangler)
        self.client.other, self.server.other = self.server, self.client
        self._dialling: asyncio.Task[None] | None = None

    def opened(self, end: _End) -> None:
        if end is not self.client:
            end.flush()
            return
        self.link.accepted += 1
        self.link._pairs.add(self)
        if self.link.is_down:
            self.cut()
        else:
            self._dialling = asyncio.create_task(self._dial())

    async def _dial(self) -> None:
        try:
            await self.link.connect(self.server)
        except OSError:
            self.cut()

    def ended(self, end: _End) -> None:
        """One side has left: what it said before still arrives, then the other side is told."""
        self.link._pairs.discard(self)
        if self._dialling is not None:
            self._dialling.cancel()
        end.other.last_words()

    def cut(self) -> None:
        self.link._pairs.discard(self)
        if self._dialling is not None:
            self._dialling.cancel()
        for end in (self.client, self.server):
            if end.transport is not None:
                end.transport.abort()


class _End(asyncio.Protocol):
    """One side: what it hears goes to the other."""

    other: _End

    def __init__(self, pair: _Pair, mangler: Mangler | None) -> None:
        self.transport: asyncio.Transport | None = None
        self._pair = pair
        self._mangler = mangler
        self._waiting: deque[tuple[float, bytes]] = deque()  # what the other end has for us, by when
        self._timer: asyncio.TimerHandle | None = None
        self._last = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.set_write_buffer_limits(high=_HIGH_WATER)
        self._pair.opened(self)

    def data_received(self, data: bytes) -> None:
        link = self._pair.link
        if link.is_silent:
            return
        if self._mangler is None:
            self.other.put(data, link.delay_s)
            return
        loop = asyncio.get_running_loop()
        for later_s, piece in self._mangler.take(data):
            if later_s <= 0:
                self.other.put(piece, link.delay_s)
            else:
                loop.call_later(later_s, self.other.put, piece, 0.0)

    def put(self, data: bytes, delay_s: float) -> None:
        """Pass on, when its time has come and what was before it is through."""
        now = asyncio.get_running_loop().time()
        rate = self._pair.link.bytes_per_s
        due = max(now + delay_s, self._last + (len(data) / rate if rate else 0.0))
        self._last = due
        if due <= now and not self._waiting and self.transport is not None:
            self.transport.write(data)
            return
        self._waiting.append((due, data))
        self.flush()

    def flush(self) -> None:
        """Write what is due, and come back for the rest."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.transport is None:
            return
        loop = asyncio.get_running_loop()
        while self._waiting and self._waiting[0][0] <= loop.time():
            self.transport.write(self._waiting.popleft()[1])
        if self._waiting:
            self._timer = loop.call_at(self._waiting[0][0], self.flush)

    def last_words(self) -> None:
        """Write all that waits and close."""
        if self.transport is not None:
            for _, data in self._waiting:
                self.transport.write(data)
            self._waiting.clear()
            self.transport.close()

    def pause_writing(self) -> None:
        if self.other.transport is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other.transport is not None:
            self.other.transport.resume_reading()

    def connection_lost(self, _error: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if not (self._pair.link.is_silent and self is self._pair.server):  # else: nobody tells the client
            self._pair.ended(self)
