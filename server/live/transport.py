"""The TCP end of one client: frames written straight to the socket, and a cut that really cuts.

ASGI's `send` can only wait. A browser that stopped reading would hold it, its task and its socket for
ever (reliability M2), a close frame included, and uvicorn's `transport.close()` waits for the same
buffer. So the endpoint asks uvicorn for the line itself: a thin subclass of its protocol that hands
itself over in the scope. Run uvicorn with `ws=LiveProtocol`.

What waits for one client is bounded by the kernel's send buffer plus the frame in flight: the
transport's own buffer has a high-water mark of 0, so `full_since` is set whenever a byte did not fit.
"""

from __future__ import annotations

import asyncio
import socket
from asyncio.transports import BaseTransport
from collections.abc import Callable
from typing import Any, Final, Protocol

from starlette.types import Scope
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request
from websockets.protocol import State

EXTENSION: Final = "hubbub.line"
#: Asked of the kernel for each client, which doubles it; frames are a few KiB, so this is many of them.
SEND_BUFFER: Final = 64 * 1024
#: From the end of the conversation to the end of the socket, whatever the peer does.
LAST_WORDS_S: Final = 2.0


class Line(Protocol):
    """What the hub needs of a connection."""

    @property
    def full_since(self) -> float | None:
        """Loop time since which bytes wait for the peer; None when all are with the kernel."""

    def write(self, data: bytes) -> None:
        """Hand over whole WebSocket frames. Never waits; does nothing on a closed line."""

    def on_drained(self, call: Callable[[float], None]) -> None:
        """Have `call` told, each time the line stops being full, for how many seconds it was."""

    def finish(self, code: int, reason: str) -> None:
        """Close politely; the endpoint's `receive` answers with a disconnect."""

    def cut(self, code: int, reason: str) -> None:
        """Close a line that does not take bytes: the close frame is tried, then the socket dies."""


def text_frame(payload: bytes) -> bytes:
    """A whole unmasked WebSocket text frame (RFC 6455 §5.2): the same bytes for every client."""
    size = len(payload)
    if size < 126:
        return b"\x81" + size.to_bytes(1, "big") + payload
    if size < 65_536:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload


class LiveProtocol(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket protocol with a `Line` in `scope["extensions"]`."""

    full_since: float | None = None
    _told: Callable[[float], None] | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)
        self.transport.set_write_buffer_limits(high=0)
        self.close_timeout = LAST_WORDS_S
        peer = transport.get_extra_info("socket")
        if peer is not None:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if self.response.status_code == 101:  # the application starts in the loop's next turn
            extensions: dict[str, Any] = self.scope["extensions"]
            extensions[EXTENSION] = self

    def pause_writing(self) -> None:
        super().pause_writing()
        self.full_since = self.loop.time()

    def resume_writing(self) -> None:
        super().resume_writing()
        since, self.full_since = self.full_since, None
        if self._told is not None and since is not None:
            self._told(self.loop.time() - since)

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()  # closes, which waits for a peer that by now has proved to be gone
        self.loop.call_later(LAST_WORDS_S, self.transport.abort)

    def shutdown(self) -> None:
        super().shutdown()
        self.loop.call_later(LAST_WORDS_S, self.transport.abort)

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        super().on_task_complete(task)
        self.loop.call_later(LAST_WORDS_S, self.transport.abort)

    def write(self, data: bytes) -> None:
        if not self.close_sent and not self.transport.is_closing():
            self.transport.write(data)

    def on_drained(self, call: Callable[[float], None]) -> None:
        self._told = call

    def finish(self, code: int, reason: str) -> None:
        if self.close_sent or self.transport.is_closing() or self.conn.state is not State.OPEN:
            return
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.conn.send_close(code, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        if self.read_paused:  # the peer's answer to the close has to be read
            self.read_paused = False
            self.transport.resume_reading()
        self.close_timer = self.loop.call_later(self.close_timeout, self.transport.close)

    def cut(self, code: int, reason: str) -> None:
        self.finish(code, reason)
        self.loop.call_later(1.0, self.transport.abort)


def line_of(scope: Scope) -> Line:
    """The line of a connection. Raises TypeError when uvicorn runs without LiveProtocol."""
    line = scope.get("extensions", {}).get(EXTENSION)
    if not isinstance(line, LiveProtocol):
        raise TypeError("run uvicorn with ws=server.live.transport.LiveProtocol")
    return line
