"""Connections that say nothing are dropped, and never take the last place."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from server.web import connections
from server.web.connections import GuardedProtocol, allow_many_files

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def hello(request: Request) -> Response:
    return PlainTextResponse("hello")


async def slow(request: Request) -> Response:
    await asyncio.sleep(0.9)
    return PlainTextResponse("slow")


@pytest.fixture
async def port(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    """A server that waits 0.4 s for a request and holds five connections."""
    monkeypatch.setattr(connections, "HEAD_WITHIN_S", 0.4)
    monkeypatch.setattr(GuardedProtocol, "most_connections", 5)
    app = Starlette(routes=[Route("/", hello), Route("/slow", slow)])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(app, http=GuardedProtocol, lifespan="off", log_config=None)
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve([listener]))
        yield listener.getsockname()[1]
        server.should_exit = True
        await task


async def ended(streams: Streams, within: float) -> bool:
    """Whether the server ends the connection in time; ours is closed in any case."""
    reader, writer = streams
    try:
        async with asyncio.timeout(within):
            return await reader.read() == b""
    except ConnectionError:
        return True
    except TimeoutError:
        return False
    finally:
        await close(writer)


async def close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


async def ask(port: int, path: str) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    await close(writer)
    return answer


async def test_a_silent_and_a_half_said_request_are_dropped(port: int) -> None:
    silent = await asyncio.open_connection("127.0.0.1", port)
    half = await asyncio.open_connection("127.0.0.1", port)
    half[1].write(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow")
    assert await ended(silent, 3)
    assert await ended(half, 3)
    assert b"hello" in await ask(port, "/")


async def test_a_request_that_is_worked_on_is_not_dropped(port: int) -> None:
    assert (await ask(port, "/slow")).endswith(b"slow")


async def test_a_kept_alive_connection_has_the_time_again(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(3):
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"hello" in await reader.readuntil(b"hello")
        await asyncio.sleep(0.25)
    assert await ended((reader, writer), 3)


async def test_the_sixth_connection_is_refused_and_a_freed_place_is_taken(port: int) -> None:
    held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(5)]
    assert await ended(await asyncio.open_connection("127.0.0.1", port), 0.3)
    for _, writer in held:
        await close(writer)
    async with asyncio.timeout(3):
        while b"hello" not in await ask(port, "/"):  # noqa: ASYNC110  the server's state, not ours
            await asyncio.sleep(0.02)


def test_the_limit_of_files_is_raised_with_a_reserve() -> None:
    assert allow_many_files() >= 16
