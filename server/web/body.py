"""The body of a request, read with every limit in place before anything looks at it (§3.9, T28, T30)."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request

from server.web.problems import Problem
from server.web.strict_json import NotStrictJson, parse

#: Bytes of an ordinary body, and of a batch of events.
ORDINARY = 64 * 1024
BATCH = 1024 * 1024
#: Seconds in which the whole body must have come.
_PATIENCE_S = 10.0


def _too_large(most: int) -> Problem:
    size = f"{most // 1024} KiB" if most < BATCH else f"{most // 1024 // 1024} MiB"
    return Problem(413, "too_large", f"The body is larger than {size}; send less at a time.")


async def read(request: Request, most: int) -> bytes:
    """The raw body. Raises Problem 408, 413 or 415."""
    encoding = request.headers.get("content-encoding", "identity")
    if encoding.strip().lower() != "identity":
        raise Problem(415, "content_encoding", "Send the body as it is: no content encoding is taken.")
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > most:
        raise _too_large(most)
    parts = bytearray()
    try:
        async with asyncio.timeout(_PATIENCE_S):
            async for part in request.stream():
                parts += part
                if len(parts) > most:
                    raise _too_large(most)
    except TimeoutError:
        raise Problem(408, "too_slow", "The body did not come within 10 seconds.") from None
    return bytes(parts)


def refuse_other_media(request: Request) -> None:
    """Only JSON is read; it is also what a foreign form cannot send. Raises Problem 415."""
    media_type, _, parameters = request.headers.get("content-type", "").partition(";")
    charset = parameters.strip().lower().removeprefix("charset=").strip('"')
    if media_type.strip().lower() != "application/json" or charset not in ("", "utf-8"):
        raise Problem(415, "media_type", "Send JSON, with `Content-Type: application/json`.")


def parse_json(raw: bytes) -> Any:
    """The value of the body. Raises Problem 400."""
    try:
        return parse(raw)
    except NotStrictJson as error:
        raise Problem(400, "not_json", f"The body was not taken: {error}.") from None
