"""How a connection comes from the ASGI server to us: as a socket from uvicorn, as messages from any other.

ASGI's `send` can only wait. A browser that stopped reading would hold it, its task and its socket for
ever (reliability M2), a close frame included. And a connection that is only watched would cost a task, a
queue, two timers and a protocol machine: ten times what it has to (issue 3). So a thin subclass of
uvicorn's protocol does the handshake and then hands the socket over. Run uvicorn with `ws=LiveProtocol`.
"""

from __future__ import annotations

import asyncio
from asyncio.transports import BaseTransport
from typing import Any, ClassVar, Final

from starlette.types import Scope
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

from server.live.line import Ear
from server.live.socket_line import LAST_WORDS_S, SocketLine, prepare

EXTENSION: Final = "hubbub.line"
#: From the request to the line over its socket, or to the end of the socket (threat T28).
ACCEPTED_WITHIN_S: Final = 10.0
#: What may arrive between the request and our answer to it.
_MOST_EARLY: Final = 64 * 1024
_BAD_REQUEST: Final = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class _HandedOver(asyncio.Transport):
    """What uvicorn's protocol holds when the socket is not its own any more."""

    def is_closing(self) -> bool:
        return True

    def close(self) -> None:
        """Nothing: uvicorn closes when the application's task ends, which is when ours begins."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Nothing: what uvicorn still has to say is not for the line's peer."""


_HANDED_OVER: Final = _HandedOver()


class LiveProtocol(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket protocol for the handshake, with a way out of it in `scope["extensions"]`.

    A client may send frames before it has our answer. They are kept until it is known who reads them.
    Whatever the request is, its socket has a line in ACCEPTED_WITHIN_S or is gone, whether its peer reads
    or not; an application that stays with ASGI has the socket for as long as it wants.
    """

    line_class: ClassVar[type[SocketLine]] = SocketLine
    _early = b""
    _is_read = False
    _overdue: asyncio.TimerHandle | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)
        prepare(self.transport)
        self.close_timeout = LAST_WORDS_S
        self._overdue = self.loop.call_later(ACCEPTED_WITHIN_S, self._take_too_long)

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_in_time()
        super().connection_lost(exc)

    def _is_in_time(self) -> None:
        if self._overdue is not None:
            self._overdue.cancel()
            self._overdue = None

    def _take_too_long(self) -> None:
        self._overdue = None
        if not self.handshake_complete or self.transport.is_closing():  # closing waits for the peer to read
            self.transport.abort()

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if self.response.status_code == 101:  # the application starts in the loop's next turn
            extensions: dict[str, Any] = self.scope["extensions"]
            extensions[EXTENSION] = self

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        if self.handshake_initiated and not self._is_read:
            self._early += data
            if len(self._early) > _MOST_EARLY:
                self.transport.abort()
        else:
            super().data_received(data)
            if not self.handshake_initiated and self.conn.handshake_exc is not None:
                self._refuse()

    def handle_ping(self) -> None:
        """As uvicorn's, but for who asks on and on and takes no answer: it would fill our memory."""
        if self.transport.get_write_buffer_size() > _MOST_EARLY:
            self.transport.abort()
        else:
            super().handle_ping()

    def _refuse(self) -> None:
        """The request is HTTP, and not one that a WebSocket begins with (RFC 6455 §4.1): it has a body, or is
        longer than the parser takes. uvicorn would wait for ever for the parser to say so."""
        self.close_sent = self.handshake_complete = True
        self.transport.write(b"".join(self.conn.data_to_send()) or _BAD_REQUEST)
        self.transport.close()

    def send_500_response(self) -> None:
        if not self.transport.is_closing():
            super().send_500_response()

    async def send(self, message: Any) -> None:
        """As uvicorn's, but nobody is told of a connection that it was accepted when it is already gone."""
        await super().send(message)
        if message["type"] == "websocket.accept" and not self.handshake_complete:
            raise ClientDisconnected

    async def receive(self) -> Any:
        """For applications that stay with ASGI."""
        if self.handshake_complete and not self._is_read:
            self._is_read = True
            early, self._early = self._early, b""
            if early:
                super().data_received(early)
        return await super().receive()

    def take_over(self, ear: Ear) -> SocketLine:
        """Our own line over the socket, once the connection has been accepted; uvicorn forgets it."""
        self.stop_keepalive()
        self._is_in_time()
        # Two circles would keep this object until the collector comes, and thousands of them under a storm.
        del self.scope["extensions"][EXTENSION]
        self.conn.parser.close()
        transport, self.transport = self.transport, _HANDED_OVER
        self.connections.discard(self)
        line = self.line_class(transport, self.connections, ear)
        transport.set_protocol(line)
        if self._early:
            # In the next turn: who takes over has to have the line first. Nothing is read until then, for
            # what came after these bytes may have its turn already.
            transport.pause_reading()
            asyncio.get_running_loop().call_soon(_go_on, transport, line, self._early)
        return line


def _go_on(transport: asyncio.Transport, line: SocketLine, early: bytes) -> None:
    line.receive(early)
    transport.resume_reading()


def abort(scope: Scope) -> None:
    """End the socket of a connection that stayed with ASGI, which has no word for it (see above); under any
    other server nothing happens."""
    protocol = scope.get("extensions", {}).get(EXTENSION)
    if isinstance(protocol, LiveProtocol):
        protocol.transport.abort()


def own_line(scope: Scope, ear: Ear) -> SocketLine | None:
    """Our line over the socket of a connection that was just accepted; None under any other server."""
    protocol = scope.get("extensions", {}).get(EXTENSION)
    return protocol.take_over(ear) if isinstance(protocol, LiveProtocol) else None
