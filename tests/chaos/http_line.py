"""An HTTP/1.1 connection of bytes, kept open: cheap enough for thousands of requests in one process."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Self
from urllib.parse import urlsplit


class HttpLine:
    """One connection; one request after the other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str) -> None:
        self._reader, self._writer, self._host = reader, writer, host

    @classmethod
    async def dial(cls, base_url: str) -> Self:
        """To `http://host:port`. Raises OSError."""
        parts = urlsplit(base_url)
        return cls(*await asyncio.open_connection(parts.hostname, parts.port), parts.netloc)

    async def ask(self, method: str, path: str, key: str, body: Any = None) -> tuple[int, str]:
        """Status and text of the answer; `key` stands behind Bearer. Raises OSError, IncompleteReadError."""
        text = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {path} HTTP/1.1\r\nHost: {self._host}\r\nAuthorization: Bearer {key}\r\n"
        if method not in ("GET", "DELETE"):
            head += f"Content-Type: application/json\r\nContent-Length: {len(text)}\r\n"
        self._writer.write(head.encode() + b"\r\n" + text)
        told = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        size = told.partition("\r\ncontent-length: ")[2].partition("\r\n")[0]
        assert size or told.startswith("http/1.1 204"), f"an answer that says its length: {told}"
        return int(told[9:12]), (await self._reader.readexactly(int(size or 0))).decode()

    def close(self) -> None:
        self._writer.close()
