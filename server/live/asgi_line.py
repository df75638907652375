"""A connection over nothing but ASGI's `receive` and `send`: correct under any server, and slower.

ASGI can only wait for a peer, and it has no way to end a socket. So here one task a client writes, what
waits is the frame in flight, and a peer that does not read holds its socket for as long as the server
lets it; keepalive is the server's business too.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, TypeAlias

from server.live import attempts, close_codes
from server.live.line import Ear
from server.live.socket_line import CUT_AFTER_S, LAST_WORDS_S
from server.live.wire import texts

Message: TypeAlias = MutableMapping[str, Any]
_DISCONNECT: Final = "websocket.disconnect"


class AsgiLine:
    """A `Line`; `run` has to run as long as it is used."""

    heard_at = math.inf  # pongs are not ours to see

    def __init__(
        self, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]], ear: Ear
    ) -> None:
        self._receive = receive
        self._send = send
        self._ear = ear
        self._waiting: list[Message] = []
        self._something = asyncio.Event()
        self._times: attempts.Times = ()
        self._is_over = False
        self._writing: asyncio.Task[None] | None = None
        self._last_words_s = LAST_WORDS_S
        self.full_since: float | None = None

    def listen(self, ear: Ear) -> None:
        self._ear = ear

    def write(self, data: bytes) -> None:
        if not self._is_over:
            self._put(*({"type": "websocket.send", "text": text} for text in texts(data)))

    def finish(self, code: int, reason: str) -> None:
        self._end(code, reason, LAST_WORDS_S)

    def cut(self, code: int, reason: str) -> None:
        self._end(code, reason, CUT_AFTER_S)

    def _end(self, code: int, reason: str, within_s: float) -> None:
        if self._is_over:
            return
        self._put({"type": "websocket.close", "code": code, "reason": reason})
        self._is_over = True
        self._last_words_s = within_s
        if self._writing is not None:
            self._limit(self._writing)

    def _limit(self, writing: asyncio.Task[None]) -> None:
        asyncio.get_running_loop().call_later(self._last_words_s, writing.cancel)

    def _put(self, *messages: Message) -> None:
        if not messages:
            return
        self._waiting += messages
        self._something.set()
        if self.full_since is None:
            self.full_since = asyncio.get_running_loop().time()
            self._ear.filled()

    async def run(self) -> None:
        """Listen and speak until the conversation is over."""
        reading = asyncio.create_task(self._read())
        self._writing = asyncio.create_task(self._write())
        if self._is_over:  # it was refused before it could say a word
            self._limit(self._writing)
        try:
            await asyncio.wait((reading, self._writing), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._is_over = True
            for task in (reading, self._writing):
                task.cancel()
            ended = await asyncio.gather(reading, self._writing, return_exceptions=True)
            self._ear.left()
        for error in ended:
            if isinstance(error, Exception):
                raise error

    async def _read(self) -> None:
        while (message := await self._receive())["type"] != _DISCONNECT:
            if self._is_over:
                continue
            now = asyncio.get_running_loop().time()
            times = attempts.with_one_more(self._times, now, attempts.MOST_FRAMES, attempts.FRAMES_WINDOW_S)
            text = message.get("text")
            if times is None:
                self._ear.offended(close_codes.FLOOD)
                continue
            self._times = times
            if text is None:
                self._ear.offended(close_codes.BAD_FRAME)
            else:
                self._ear.heard(text)

    async def _write(self) -> None:
        while True:
            await self._something.wait()
            self._something.clear()
            messages, self._waiting = self._waiting, []
            try:
                for message in messages:
                    await self._send(message)
            except OSError:  # the peer is gone (ASGI §"send")
                return
            if self._is_over and not self._waiting:
                return
            if self.full_since is not None and not self._waiting:
                waited = asyncio.get_running_loop().time() - self.full_since
                self.full_since = None
                self._ear.drained(waited)
