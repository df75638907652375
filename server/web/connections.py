"""HTTP connections that nobody completes: dropped after ten seconds, and bounded in number (T28, T29).

uvicorn limits what a request may be, but not how long one may take to begin, nor how long an answer may
wait for somebody to read it. A stranger who opens connections and says nothing, or asks and does not
listen, would hold every file descriptor of the process, PostgreSQL's included.
"""

from __future__ import annotations

import asyncio
import resource
from typing import Final

import h11
import structlog
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from server.live.socket_line import LAST_WORDS_S, prepare

log = structlog.get_logger(__name__)

#: From the connection, or from the last answer, to the end of a request's head.
HEAD_WITHIN_S: Final = 10.0
#: A peer that has an answer to take, and has not taken a byte of it for so long, is dropped.
TAKEN_WITHIN_S: Final = 10.0
#: How often the bytes that wait are looked at; added to the time above at most once.
_LOOK_EVERY_S: Final = 5.0
#: File descriptors kept for PostgreSQL, Redis, chat and files.
_RESERVE: Final = 100
_MOST_FILES: Final = 65_536


def allow_many_files() -> int:
    """Raise this process's limit of open files as far as it may; answers how many connections fit into it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if wanted > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    return max(16, soft - _RESERVE)


class GuardedProtocol(H11Protocol):
    """uvicorn's HTTP protocol with a deadline for request heads, one for whoever has to read, and a bound on
    connections.

    The transport's high-water mark is 0: as long as bytes wait for the peer the application writes none, so
    that what waits shrinks if and only if the peer takes something.
    """

    #: Set once at start, before the server runs.
    most_connections = 10_000
    _waiting_since = 0.0
    _guard: asyncio.TimerHandle | None = None
    _taken_within_s = 0.0
    _untaken = 0
    _untaken_since = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        if len(self.connections) >= self.most_connections:
            transport.abort()
            return
        super().connection_made(transport)
        prepare(transport)
        self._taken_within_s = TAKEN_WITHIN_S
        self._waiting_since = self.loop.time()
        self._guard = self.loop.call_later(HEAD_WITHIN_S, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._guard is None:  # refused in connection_made
            return
        self._guard.cancel()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Nothing of this object stays, and what the client has sent after its request is not lost."""
        if self._guard is not None:
            self._guard.cancel()
        super().handle_websocket_upgrade(event)
        early, _ = self.conn.trailing_data
        protocol = self.transport.get_protocol()
        if early and isinstance(protocol, asyncio.Protocol) and protocol is not self:
            protocol.data_received(early)

    def on_response_complete(self) -> None:
        self._waiting_since = self.loop.time()
        super().on_response_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._untaken, self._untaken_since = self.transport.get_write_buffer_size(), self.loop.time()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._untaken = 0

    def shutdown(self) -> None:
        """uvicorn stops: it waits for answers to be taken, and we for peers that take them."""
        if not self.transport.is_closing():
            super().shutdown()
        self._taken_within_s = min(LAST_WORDS_S, self._taken_within_s)
        self._look()

    def _look(self) -> None:
        if self._guard is not None:
            self._guard.cancel()
        now = self.loop.time()
        left = HEAD_WITHIN_S
        cycle: RequestResponseCycle | None = self.cycle
        if self._untaken:  # also when it is closing: that waits for the peer too
            waiting = self.transport.get_write_buffer_size()
            if waiting < self._untaken:
                self._untaken, self._untaken_since = waiting, now
            left = min(self._untaken_since + self._taken_within_s - now, _LOOK_EVERY_S)
            if left <= 0:
                log.info("http_connection_without_reader_cut", bytes=waiting)
                self.transport.abort()
                return
        elif (cycle is None or cycle.response_complete) and not self.transport.is_closing():
            left = self._waiting_since + HEAD_WITHIN_S - now
            if left <= 0:
                log.info("http_connection_without_request_closed")
                self.transport.close()
                return
        self._guard = self.loop.call_later(max(left, 0.1), self._look)
