"""HTTP connections that nobody completes: dropped after ten seconds, and bounded in number (T28, T29).

uvicorn limits what a request may be, but not how long one may take to begin. A stranger who opens
connections and says nothing would hold every file descriptor of the process, PostgreSQL's included.
"""

from __future__ import annotations

import asyncio
import resource
from typing import Final

import h11
import structlog
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

log = structlog.get_logger(__name__)

#: From the connection, or from the last answer, to the end of a request's head.
HEAD_WITHIN_S: Final = 10.0
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
    """uvicorn's HTTP protocol with a deadline for request heads and a bound on connections."""

    #: Set once at start, before the server runs.
    most_connections = 10_000
    _waiting_since = 0.0
    _guard: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        if len(self.connections) >= self.most_connections:
            transport.abort()
            return
        super().connection_made(transport)
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

    def _look(self) -> None:
        if self.transport.is_closing():
            return
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is None or cycle.response_complete:
            left = self._waiting_since + HEAD_WITHIN_S - self.loop.time()
            if left <= 0:
                log.info("http_connection_without_request_closed")
                self.transport.close()
                return
        else:
            left = HEAD_WITHIN_S
        self._guard = self.loop.call_later(max(left, 0.1), self._look)
