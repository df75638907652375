"""A WebSocket client of bytes: cheap enough for thousands in one process, and cut like a cable.

It takes what Hubbub sends and nothing else: unmasked frames, whole messages, no extension (RFC 6455). What
is not that, is a fault of the server and raises BadWire.
"""

from __future__ import annotations

import asyncio
import base64
import os
from typing import Self
from urllib.parse import urlsplit

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
#: Room for snapshots that wait to be looked at.
_LIMIT = 2**21


class BadWire(Exception):
    """The server said something that is no frame of ours."""


class Gone(Exception):
    """The connection is over; `code` is the close code, 1006 when there was none."""

    def __init__(self, code: int) -> None:
        super().__init__(f"closed with {code}")
        self.code = code


class Wire:
    """One open connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def dial(cls, url: str, *, within_s: float = 10, origin: str = "", source: str = "") -> Self:
        """Connect to `ws://host:port/path` and shake hands. Raises OSError, TimeoutError, BadWire.

        `source` is an address of this machine to come from, such as 127.1.2.3: the loopback has many.
        """
        parts = urlsplit(url)
        key = base64.b64encode(os.urandom(16)).decode()
        async with asyncio.timeout(within_s):
            reader, writer = await asyncio.open_connection(
                parts.hostname, parts.port, limit=_LIMIT, local_addr=(source, 0) if source else None
            )
            try:
                lines = (
                    f"GET {parts.path} HTTP/1.1",
                    f"Host: {parts.netloc}",
                    *("Upgrade: websocket", "Connection: Upgrade"),
                    *(f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13"),
                    *([f"Origin: {origin}"] if origin else []),
                    "\r\n",
                )
                writer.write("\r\n".join(lines).encode())
                head = await reader.readuntil(b"\r\n\r\n")
            except BaseException as error:
                writer.transport.abort()
                if isinstance(error, asyncio.IncompleteReadError):
                    raise ConnectionResetError("cut in the handshake") from None
                raise
        if not head.startswith(b"HTTP/1.1 101 "):
            writer.transport.abort()
            raise BadWire(head.partition(b"\r\n")[0].decode("latin-1"))
        return cls(reader, writer)

    async def receive(self) -> bytes:
        """The next text message; pings of the protocol are answered here. Raises Gone, BadWire."""
        try:
            while True:
                first, size = await self._reader.readexactly(2)
                if size == 126:
                    size = int.from_bytes(await self._reader.readexactly(2), "big")
                elif size == 127:
                    size = int.from_bytes(await self._reader.readexactly(8), "big")
                elif size > 127:
                    raise BadWire("a server's frame is masked")
                payload = await self._reader.readexactly(size)
                if first == 0x80 | TEXT:
                    return payload
                if first == 0x80 | PING:
                    self._send(PONG, payload)
                elif first == 0x80 | CLOSE:
                    self._send(CLOSE, payload[:2])
                    self._writer.close()
                    raise Gone(int.from_bytes(payload[:2], "big") if payload else 1005)
                elif first != 0x80 | PONG:
                    raise BadWire(f"first byte {first:#04x}")
        except (OSError, asyncio.IncompleteReadError):
            raise Gone(1006) from None

    def say(self, text: bytes) -> None:
        """Send a text message."""
        self._send(TEXT, text)

    def cut(self) -> None:
        """Gone without a goodbye."""
        self._writer.transport.abort()

    def _send(self, opcode: int, payload: bytes) -> None:
        mask = os.urandom(4)
        size = len(payload)
        head = bytes((0x80 | opcode, 0x80 | (size if size < 126 else 126)))
        if size >= 126:
            head += size.to_bytes(2, "big")
        masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
        self._writer.write(head + mask + masked)
