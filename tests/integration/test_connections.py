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
from tests.integration.live_rig import until

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def hello(request: Request) -> Response:
    return PlainTextResponse("hello")


async def slow(request: Request) -> Response:
    await asyncio.sleep(0.9)
    return PlainTextResponse("slow")


async def big(request: Request) -> Response:
    return PlainTextResponse("b" * 1_000_000)


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[uvicorn.Server]:
    """A server that waits 0.4 s for a request or a reader and holds five connections."""
    monkeypatch.setattr(connections, "HEAD_WITHIN_S", 0.4)
    monkeypatch.setattr(connections, "TAKEN_WITHIN_S", 0.4)
    monkeypatch.setattr(connections, "_LOOK_EVERY_S", 0.2)
    monkeypatch.setattr(GuardedProtocol, "most_connections", 5)
    app = Starlette(routes=[Route("/", hello), Route("/slow", slow), Route("/big", big)])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(app, http=GuardedProtocol, lifespan="off", log_config=None)
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve([listener]))
        await until(lambda: server.started, "uvicorn listens")
        yield server
        server.should_exit = True
        await task


@pytest.fixture
def port(server: uvicorn.Server) -> int:
    number: int = server.servers[0].sockets[0].getsockname()[1]
    return number


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


async def asking(port: int, path: str, times: int = 1, room: int = 2_048) -> socket.socket:
    """A peer that has asked and does not read yet, with little room in its kernel."""
    end = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
    end.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(end, ("127.0.0.1", port))
    await loop.sock_sendall(end, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode() * times)
    return end


def is_waiting(server: uvicorn.Server) -> bool:
    """Whether an answer does not fit into what its peer takes."""
    guarded = (one for one in server.server_state.connections if isinstance(one, GuardedProtocol))
    return any(one.flow.write_paused for one in guarded)


@pytest.mark.parametrize("times", [1, 100])
async def test_who_asks_and_does_not_read_is_cut(server: uvicorn.Server, port: int, times: int) -> None:
    with await asking(port, "/big", times):
        state = server.server_state
        await until(lambda: is_waiting(server), "an answer waits")
        await until(lambda: not state.connections and not state.tasks, "nothing is left of it")


async def test_who_reads_slowly_is_not_cut(server: uvicorn.Server, port: int) -> None:
    with await asking(port, "/big", room=32_768) as end:
        loop, got, started = asyncio.get_running_loop(), b"", asyncio.get_running_loop().time()
        while len(got) < 1_000_000:
            some = await loop.sock_recv(end, 60_000)
            assert some, f"cut after {len(got)} bytes"
            got += some
            await asyncio.sleep(0.06)
        assert loop.time() - started > 0.8, "longer than a peer may take nothing"


async def test_who_does_not_read_holds_no_stop_up(
    server: uvicorn.Server, port: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(connections, "TAKEN_WITHIN_S", 60.0)
    monkeypatch.setattr(connections, "LAST_WORDS_S", 0.3)
    with await asking(port, "/big", 100):
        state = server.server_state
        await until(lambda: is_waiting(server), "an answer waits")
        server.should_exit = True
        await until(lambda: not state.connections and not state.tasks, "nothing is left of it")
    assert [record for record in caplog.records if record.levelname in ("ERROR", "CRITICAL")] == []


def test_the_limit_of_files_is_raised_with_a_reserve() -> None:
    assert allow_many_files() >= 16
