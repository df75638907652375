"""What may pass between a peer and the Socket.IO library: the words of the published module and no others.

The library speaks to friends. It keeps binary attachments until all have come, takes `connect` for an event
like any other, starts a task for every pong, and waits for ever for a peer that does not read. So everything
that arrives is looked at here first, in its encoded form: whatever the module would never send ends the
connection, and events that nobody knows are passed over.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, TypeAlias

import structlog

from integrations.vtt import combat
from server.live.transport import abort

_log = structlog.get_logger(__name__)

Message: TypeAlias = MutableMapping[str, Any]

#: Bytes of an event; those of a character are what a character may have, and some for its envelope.
LARGEST: Final = 64 * 1024
LARGEST_CHARACTER: Final = 128 * 1024
#: What the server below has to let through: sheets that modules have stuffed are passed over, because the
#: module would send them again after every reconnect, and drop what is rolled meanwhile.
LARGEST_MESSAGE: Final = 1024 * 1024
_LARGEST_HELLO: Final = 4 * 1024

#: Events of one connection: so many at once (a world of characters), and then so many a second. Whoever sends
#: more is read more slowly; nothing is lost.
BURST: Final = 400
A_SECOND: Final = 50.0
#: From the connection to the namespace, and from a refusal to the end.
HELLO_WITHIN_S: Final = 10.0
LEAVE_WITHIN_S: Final = 2.0
#: A peer that takes nothing of what is sent for so long is cut.
TAKEN_WITHIN_S: Final = 10.0

NAMESPACE: Final = "/vtt"
_HELLO: Final = re.compile(r"40/vtt(\?[^,]{0,256})?,")
_EVENT: Final = re.compile(r'42/vtt,[0-9]{0,9}\["([^"\\]{1,64})"[,\]]')
_GOODBYE: Final = ("41/vtt,", "41/vtt")
_CLOSE, _PING, _PONG = "1", "2", "3"
_DISCONNECT: Final = "websocket.disconnect"

#: Events that are answered with an `…:ack`.
ANSWERED: Final = frozenset({"dice:roll", "character:update", "campaign:sync", *combat.EVENTS})
EVENTS: Final = ANSWERED | {"pong", "spell:effect:consumed", "spell:effect:expired"}


class Line:
    """One connection, between the server's ASGI messages and the library's. Made within its task."""

    def __init__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        client = scope.get("client")
        self.host: str = client[0] if client else ""
        self._scope = scope
        self._receive = receive
        self._send = send
        self._said_hello = False
        self._pings = 0  # of Engine.IO, that wait for their pongs
        self._tokens = float(BURST)
        self._filled_at = self._now()
        self._is_over = False
        self._overdue: asyncio.TimerHandle | None = None
        self._cut = asyncio.get_running_loop().create_future()
        self.limit(HELLO_WITHIN_S)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()

    # The end of it.

    def limit(self, seconds: float) -> None:
        """It ends after so many seconds, unless `stay` is called before."""
        self.stay()
        self._overdue = asyncio.get_running_loop().call_later(seconds, self.cut)

    def stay(self) -> None:
        """It may go on."""
        if self._overdue is not None:
            self._overdue.cancel()
            self._overdue = None

    def cut(self, why: str = "") -> None:
        """End the socket, without a word: the module comes back by itself."""
        if why:
            _log.info("foundry_socket_cut", reason=why, host=self.host)
        self._is_over = True
        self.stay()
        if not self._cut.done():
            self._cut.set_result(None)
        abort(self._scope)

    def finish(self) -> None:
        """The application is through; what is still on its way to the peer may wait a moment for it."""
        self.limit(LEAVE_WITHIN_S)

    # What arrives.

    async def receive(self) -> Message:
        """The next message that the library may see."""
        while not self._is_over:
            message = await self._next()
            if message["type"] != "websocket.receive":
                return message
            text = message.get("text")
            if text == _CLOSE:
                break
            if not isinstance(text, str):
                self.cut("a binary message")
            elif wrong := self._wrong(text):
                self.cut(wrong)
            elif self._is_too_large(text):
                continue
            elif not text.startswith("42") or await self._is_known(text):
                return message
        return {"type": _DISCONNECT, "code": 1008}

    async def _next(self) -> Message:
        """The next message of the server below, or the end when the line is cut meanwhile."""
        arriving = asyncio.ensure_future(self._receive())
        try:
            await asyncio.wait([arriving, self._cut], return_when=asyncio.FIRST_COMPLETED)
            return arriving.result() if arriving.done() else {"type": _DISCONNECT, "code": 1006}
        finally:
            arriving.cancel()

    def _wrong(self, text: str) -> str:
        """Why the module would never send it; empty for what it may send."""
        if text == _PONG:
            self._pings -= 1
            return "a pong that nobody asked for" if self._pings < 0 else ""
        if text in _GOODBYE:
            return ""
        if _HELLO.match(text):
            if self._said_hello or len(text) > _LARGEST_HELLO:
                return "a second hello, or a long one"
            self._said_hello = True
            return ""
        event = _EVENT.match(text) if self._said_hello else None
        return "no message of the module" if event is None else ""

    def _is_too_large(self, text: str) -> bool:
        """Whether it is an event that is larger than it may be: passed over, and told in the log."""
        event = _EVENT.match(text)
        if event is None:
            return False
        most = LARGEST_CHARACTER if event[1] == "character:update" else LARGEST
        # A character has at most four bytes.
        if len(text) <= most and (len(text) * 4 <= most or len(text.encode()) <= most):
            return False
        _log.warning("foundry_event_too_large", name=event[1][:64], size=len(text), most=most, host=self.host)
        return True

    async def _is_known(self, text: str) -> bool:
        """Whether the event is one that is handled; waits until one more may be."""
        now = self._now()
        self._tokens = min(BURST, self._tokens + (now - self._filled_at) * A_SECOND)
        self._filled_at = now
        self._tokens -= 1
        if self._tokens < 0:
            await asyncio.sleep(-self._tokens / A_SECOND)
        event = _EVENT.match(text)
        return event is not None and event[1] in EVENTS

    # What leaves.

    async def send(self, message: Message) -> None:
        """Hand on what the library says; a peer that does not take it is cut."""
        if self._is_over:
            return
        if message.get("text") == _PING:
            self._pings += 1
        try:
            async with asyncio.timeout(TAKEN_WITHIN_S):
                await self._send(message)
        except TimeoutError:
            self.cut("it takes nothing")
