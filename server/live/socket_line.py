"""A connection whose socket is ours: an asyncio protocol of a few words, and nothing else per client.

After the handshake uvicorn's protocol, its queue, timers and the state machine under it are let go; what
is left is asyncio's transport and this. It writes straight to the socket while nothing waits (half of what
`transport.write` costs beyond the system call), and reads into one buffer that all connections share.

What waits for one client is bounded by the kernel's send buffer plus the frame in flight: the transport's
own buffer has a high-water mark of 0, so `full_since` is set whenever a byte did not fit.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import MutableSet
from typing import Any, ClassVar, Final, assert_never

from server.live import attempts, close_codes
from server.live.frames import MOST_CLIENT_FRAME
from server.live.line import Ear
from server.live.wire import (
    TOO_BIG,
    Blob,
    Broken,
    Closed,
    FrameReader,
    Heard,
    Piece,
    Pinged,
    Ponged,
    Text,
    close_frame,
    pong_frame,
)

#: Asked of the kernel for each client, which doubles it; frames are a few KiB, so this is many of them.
SEND_BUFFER: Final = 64 * 1024
#: From the end of the conversation to the end of the socket, whatever the peer does.
LAST_WORDS_S: Final = 2.0
#: A cut peer does not take bytes anyway.
CUT_AFTER_S: Final = 1.0
#: From a message's first byte to its last (threat T28).
MESSAGE_WITHIN_S: Final = 10.0

#: Bytes are taken out before the next connection's turn. Small: nobody gets a long turn by sending much.
_INBOX: Final = memoryview(bytearray(16 * 1024))


def prepare(transport: asyncio.Transport) -> None:
    """Set a connection up so that what waits for its peer is bounded and known."""
    # Anything that waits is too much. asyncio's TLS counts from the mark on, the plain socket from above it.
    transport.set_write_buffer_limits(high=0 if transport.get_extra_info("sslcontext") is None else 1, low=0)
    peer = transport.get_extra_info("socket")
    if peer is not None:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)


class SocketLine(asyncio.BufferedProtocol):
    """A `Line` over a transport that has been prepared, from after the handshake to the end of the socket.

    `connections` are all connections of the server: it is in there as long as the socket lives, and
    uvicorn calls `shutdown` when it stops.
    """

    __slots__ = (
        "_connections",
        "_ear",
        "_fd",
        "_is_gone",
        "_is_over",
        "_overdue",
        "_pongs",
        "_pongs_from",
        "_reader",
        "_times",
        "_transport",
        "full_since",
        "heard_at",
    )

    #: Limits of reliability §3.9.
    most_bytes: ClassVar[int] = MOST_CLIENT_FRAME
    most_frames: ClassVar[int] = attempts.MOST_FRAMES

    def __init__(self, transport: asyncio.Transport, connections: MutableSet[Any], ear: Ear) -> None:
        now = asyncio.get_running_loop().time()
        self._transport = transport
        self._connections = connections
        self._ear: Ear | None = ear
        #: None while nothing is under way: most of the time, and memory counts.
        self._reader: FrameReader | None = None
        self._times: attempts.Times = ()
        self._pongs = 0
        self._pongs_from = now
        self._overdue: asyncio.TimerHandle | None = None
        #: The last word has been said, by us or by the peer.
        self._is_over = False
        self._is_gone = False
        self.heard_at = now
        self.full_since: float | None = now if transport.get_write_buffer_size() else None
        #: Where to write directly; -1 while bytes wait, under TLS, and when all is said.
        self._fd = -1 if self.full_since else self._direct()
        connections.add(self)

    def _direct(self) -> int:
        if self._is_over or self._transport.get_extra_info("sslcontext") is not None:
            return -1
        peer = self._transport.get_extra_info("socket")
        return -1 if peer is None else peer.fileno()

    def listen(self, ear: Ear) -> None:
        if self._ear is not None:
            self._ear = ear

    # --- bytes go out --------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        if self._fd >= 0:
            try:
                sent = os.write(self._fd, data)
            except OSError:  # would block, or is broken: the transport finds out and does what is due
                sent = 0
            if sent == len(data):
                return
            self._transport.write(data[sent:])
        elif not self._is_over:
            self._transport.write(data)

    @property
    def waiting(self) -> int:
        """How many bytes this process holds for the peer."""
        return self._transport.get_write_buffer_size()

    def pause_writing(self) -> None:
        self._fd = -1
        self.full_since = asyncio.get_running_loop().time()
        if self._ear is not None:
            self._ear.filled()

    def resume_writing(self) -> None:
        since, self.full_since = self.full_since, None
        self._fd = self._direct()
        if self._ear is not None and since is not None:
            self._ear.drained(asyncio.get_running_loop().time() - since)

    # --- bytes come in -------------------------------------------------------------------------------

    def get_buffer(self, sizehint: int) -> memoryview:
        return _INBOX

    def buffer_updated(self, nbytes: int) -> None:
        self.receive(bytes(_INBOX[:nbytes]))

    def receive(self, data: bytes) -> None:
        """Bytes of the peer, in any portions."""
        self.heard_at = now = asyncio.get_running_loop().time()
        reader = self._reader = self._reader or FrameReader(self.most_bytes)
        is_new = False
        for heard in reader.receive(data):
            if not self._is_over:
                self._take(heard, now)
                is_new = is_new or isinstance(heard, Text | Blob)
            elif isinstance(heard, Closed):
                self._transport.close()
                return
        if is_new or not reader.is_within:
            self._is_in_time()
        if reader.is_within and self._overdue is None and not self._is_over:
            self._overdue = asyncio.get_running_loop().call_later(MESSAGE_WITHIN_S, self._take_too_long)
        if not (reader.is_within or reader.is_done):
            self._reader = None

    def _is_in_time(self) -> None:
        if self._overdue is not None:
            self._overdue.cancel()
            self._overdue = None

    def _take_too_long(self) -> None:
        self._overdue = None
        self._offended(close_codes.BAD_FRAME)

    def _take(self, heard: Heard, now: float) -> None:
        if not isinstance(heard, Ponged | Closed | Broken) and not self._is_counted(now):
            return
        match heard:
            case Text():
                if self._ear is not None:
                    self._ear.heard(heard.text)
            case Blob():
                self.take_blob(heard.data)
            case Piece():
                pass
            case Pinged():
                self.write(pong_frame(heard.payload))
            case Ponged():
                self._ponged(now)
            case Closed():
                self._end(heard.code, "")
                self._transport.close()  # waits for what has to be written; no longer than LAST_WORDS_S
            case Broken(code=code):
                if code == TOO_BIG:
                    self._offended(close_codes.BAD_FRAME)
                else:
                    self._end(code, heard.why)
                    self._hang_up()
            case _:
                assert_never(heard)

    def take_blob(self, data: bytes) -> None:
        """A message that is not text: nothing of ours."""
        self._offended(close_codes.BAD_FRAME)

    def _is_counted(self, now: float) -> bool:
        """Count a frame. False: it was one too many."""
        times = attempts.with_one_more(self._times, now, self.most_frames, attempts.FRAMES_WINDOW_S)
        if times is None:
            self._offended(close_codes.FLOOD)
            return False
        self._times = times
        return True

    def _ponged(self, now: float) -> None:
        """Answers to our pings are free, a stream of them is not."""
        if now - self._pongs_from >= attempts.FRAMES_WINDOW_S:
            self._pongs, self._pongs_from = 0, now
        self._pongs += 1
        if self._pongs > self.most_frames:
            self._offended(close_codes.FLOOD)

    def _offended(self, ending: close_codes.Ending) -> None:
        if self._ear is not None:
            self._ear.offended(ending)

    # --- the end -------------------------------------------------------------------------------------

    def finish(self, code: int, reason: str) -> None:
        if self._is_over or self._transport.is_closing():
            return
        self._end(code, reason)
        if self._reader is not None and self._reader.is_done:  # the peer's own close frame will not be seen
            self._hang_up()

    def cut(self, code: int, reason: str) -> None:
        self.finish(code, reason)
        asyncio.get_running_loop().call_later(CUT_AFTER_S, self._abort)

    def shutdown(self) -> None:
        """uvicorn stops: say so to whoever has not been told yet."""
        self.finish(close_codes.RESTART.code, close_codes.RESTART.reason)

    def _end(self, code: int | None, reason: str) -> None:
        """Our last word. The socket lives on until the peer has read it, or LAST_WORDS_S are over."""
        loop = asyncio.get_running_loop()
        self._is_over, self._fd = True, -1
        self._is_in_time()
        self._transport.write(close_frame(code, reason))
        loop.call_soon(self._leave)
        loop.call_later(LAST_WORDS_S, self._abort)

    def _hang_up(self) -> None:
        """Nothing more of the peer is understood. Its bytes are still read: unread ones would make the
        kernel throw our last word away."""
        if self._transport.can_write_eof():
            self._transport.write_eof()
        else:
            self._transport.close()

    def _abort(self) -> None:
        if not self._is_gone:  # asyncio cannot abort what it has closed
            self._transport.abort()

    def eof_received(self) -> None:
        if not self._is_over:  # asyncio closes when what waits is written; a peer may not take it
            asyncio.get_running_loop().call_later(LAST_WORDS_S, self._abort)

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_over, self._is_gone, self._fd = True, True, -1
        self._is_in_time()
        self._connections.discard(self)
        self._leave()

    def _leave(self) -> None:
        ear, self._ear = self._ear, None
        if ear is not None:
            ear.left()
