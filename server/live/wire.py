"""WebSocket frames as bytes (RFC 6455 §5), without I/O: ours are built here, a client's are taken apart here.

A server's frames are not masked, so the same bytes serve every client. Of a connection that is silent a
`FrameReader` keeps nothing but four words of memory: there are many thousands of them.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, TypeAlias

_TEXT: Final = 0x1
_BINARY: Final = 0x2
_CLOSE: Final = 0x8
_PING: Final = 0x9
_PONG: Final = 0xA
_FIN: Final = 0x80
_MOST_CONTROL: Final = 125

PROTOCOL_ERROR: Final = 1002
BAD_TEXT: Final = 1007
TOO_BIG: Final = 1009
#: Codes a close frame may carry besides 3000–4999 (RFC 6455 §7.4, IANA registry).
_CLOSE_CODES: Final = frozenset({1000, 1001, 1002, 1003, *range(1007, 1015)})


# --- what we send --------------------------------------------------------------------------------------


def _frame(opcode: int, payload: bytes) -> bytes:
    size = len(payload)
    first = (_FIN | opcode).to_bytes(1, "big")
    if size < 126:
        return first + size.to_bytes(1, "big") + payload
    if size < 65_536:
        return first + b"\x7e" + size.to_bytes(2, "big") + payload
    return first + b"\x7f" + size.to_bytes(8, "big") + payload


def text_frame(payload: bytes) -> bytes:
    """A whole text frame of UTF-8."""
    return _frame(_TEXT, payload)


def binary_frame(payload: bytes) -> bytes:
    """A whole frame of bytes."""
    return _frame(_BINARY, payload)


def pong_frame(payload: bytes) -> bytes:
    """The answer to a ping, with the ping's payload."""
    return _frame(_PONG, payload)


def close_frame(code: int | None, reason: str = "") -> bytes:
    """The end of what we say; a reason that is too long is cut. None: no code."""
    if code is None:
        return _frame(_CLOSE, b"")
    words = reason.encode()[: _MOST_CONTROL - 2].decode(errors="ignore").encode()
    return _frame(_CLOSE, code.to_bytes(2, "big") + words)


#: A ping, which every WebSocket client answers by itself.
PING_FRAME: Final = _frame(_PING, b"")


def texts(frames: bytes) -> Iterator[str]:
    """The texts in whole frames of ours, for servers that want to frame them themselves."""
    at = 0
    while at < len(frames):
        opcode, size = frames[at] & 0x0F, frames[at + 1]
        wide = {126: 2, 127: 8}.get(size, 0)
        start = at + 2 + wide
        if wide:
            size = int.from_bytes(frames[at + 2 : start], "big")
        at = start + size
        if opcode == _TEXT:
            yield frames[start:at].decode()


# --- what we are sent ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Text:
    """A whole message, from one frame or several."""

    text: str


@dataclass(frozen=True, slots=True)
class Blob:
    """A whole message that is not text."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a message, and not the last one."""


@dataclass(frozen=True, slots=True)
class Pinged:
    """Wants a pong with this payload."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Ponged:
    """The peer lives."""


@dataclass(frozen=True, slots=True)
class Closed:
    """The peer has said its last word; nothing follows. `code` is None when it gave none."""

    code: int | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Broken:
    """The peer broke the protocol, as the close code says; nothing that follows is read."""

    code: int
    why: str


Heard: TypeAlias = Text | Blob | Piece | Pinged | Ponged | Closed | Broken


@dataclass(slots=True)
class _Message:
    """A message of which pieces have come."""

    opcode: int
    size: int = 0
    data: bytearray = field(default_factory=bytearray)
    words: list[str] = field(default_factory=list)
    decoder: codecs.IncrementalDecoder = field(default_factory=codecs.getincrementaldecoder("utf-8"))


class _Fault(Exception):
    def __init__(self, code: int, why: str) -> None:
        super().__init__(why)
        self.code, self.why = code, why


def _unmasked(payload: bytes, mask: bytes) -> bytes:
    size = len(payload)
    key = int.from_bytes((mask * (size // 4 + 1))[:size], "little")
    return (int.from_bytes(payload, "little") ^ key).to_bytes(size, "little")


class FrameReader:
    """A client's bytes in, in any portions; what they say out. `most` bytes a message, over all its pieces.

    What is too long, or breaks the protocol, is refused by its first bytes: no more than one message is
    ever kept.
    """

    __slots__ = ("_message", "_most", "_rest", "is_done")

    def __init__(self, most: int) -> None:
        self._most = most
        self._rest = b""
        self._message: _Message | None = None
        #: After Closed or Broken; what comes then is not looked at.
        self.is_done = False

    @property
    def is_within(self) -> bool:
        """Whether a frame or message has begun and not ended."""
        return bool(self._rest) or self._message is not None

    def receive(self, data: bytes) -> list[Heard]:
        """What these bytes, after those before them, say."""
        heard: list[Heard] = []
        if self.is_done:
            return heard
        if self._rest:
            data = self._rest + data
        at = 0
        try:
            while end := self._frame(data, at, heard):
                at = end
                if isinstance(heard[-1], Closed):
                    break
        except _Fault as fault:
            heard.append(Broken(fault.code, fault.why))
        self.is_done = bool(heard) and isinstance(heard[-1], Closed | Broken)
        if self.is_done:
            self._rest, self._message = b"", None
        else:
            self._rest = data[at:]
        return heard

    def _frame(self, data: bytes, at: int, heard: list[Heard]) -> int:
        """Read one frame; answers where it ends, 0 when it is not all here. Raises _Fault."""
        here = len(data) - at
        if not here:
            return 0
        opcode = self._opcode(data[at])
        if here < 2:
            return 0
        second = data[at + 1]
        if not second & 0x80:
            raise _Fault(PROTOCOL_ERROR, "frames of a client are masked")
        size = second & 0x7F
        start = at + 2
        if size >= 126:
            if opcode >= _CLOSE:
                raise _Fault(PROTOCOL_ERROR, "a control frame is longer than 125 bytes")
            start += 2 if size == 126 else 8
            if len(data) < start:
                return 0
            least = 126 if size == 126 else 65_536
            size = int.from_bytes(data[at + 2 : start], "big")
            if size < least:
                raise _Fault(PROTOCOL_ERROR, "the length is written too long")
            if size >> 63:
                raise _Fault(PROTOCOL_ERROR, "the length has 64 bits")
        if opcode < _CLOSE and size + (self._message.size if self._message else 0) > self._most:
            raise _Fault(TOO_BIG, "the message is too long")
        end = start + 4 + size
        if len(data) < end:
            return 0
        payload = _unmasked(data[start + 4 : end], data[start : start + 4])
        if opcode >= _CLOSE:
            heard.append(self._control(opcode, payload))
        else:
            heard.append(self._data(opcode, payload, is_last=bool(data[at] & _FIN)))
        return end

    def _opcode(self, first: int) -> int:
        opcode = first & 0x0F
        if first & 0x70:
            raise _Fault(PROTOCOL_ERROR, "a reserved bit is set")
        if opcode in (_CLOSE, _PING, _PONG):
            if not first & _FIN:
                raise _Fault(PROTOCOL_ERROR, "a control frame comes in pieces")
        elif opcode not in (0, _TEXT, _BINARY):
            raise _Fault(PROTOCOL_ERROR, "an opcode nobody has defined")
        elif (opcode == 0) != (self._message is not None):
            raise _Fault(
                PROTOCOL_ERROR, "nothing to go on with" if opcode == 0 else "the last one is not over"
            )
        return opcode

    def _data(self, opcode: int, payload: bytes, *, is_last: bool) -> Heard:
        try:
            if is_last and self._message is None:
                return Text(payload.decode()) if opcode == _TEXT else Blob(payload)
            message = self._message = self._message or _Message(opcode)
            message.size += len(payload)
            if message.opcode == _TEXT:
                message.words.append(message.decoder.decode(payload, is_last))
            else:
                message.data += payload
        except UnicodeDecodeError:
            raise _Fault(BAD_TEXT, "text is not UTF-8") from None
        if not is_last:
            return Piece()
        self._message = None
        return Text("".join(message.words)) if message.opcode == _TEXT else Blob(bytes(message.data))

    def _control(self, opcode: int, payload: bytes) -> Heard:
        if opcode == _PING:
            return Pinged(payload)
        if opcode == _PONG:
            return Ponged()
        if not payload:
            return Closed(None)
        code = int.from_bytes(payload[:2], "big")
        if len(payload) < 2 or not (code in _CLOSE_CODES or 3000 <= code <= 4999):
            raise _Fault(PROTOCOL_ERROR, "a close code that may not be sent")
        try:
            return Closed(code, payload[2:].decode())
        except UnicodeDecodeError:
            raise _Fault(BAD_TEXT, "the reason is not UTF-8") from None
