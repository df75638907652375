"""R24: the Autobahn suite against our line, with an echo that exists only here; where Python 2.7 is at hand.

Without it, and in every test run, there are the cases of our own in tests/integration/test_live_raw.py.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from server.live.close_codes import Ending
from server.live.socket_line import SocketLine
from server.live.transport import LiveProtocol, own_line
from server.live.wire import binary_frame, text_frame
from server.web.connections import GuardedProtocol
from tests.chaos.autobahn import NotHere, report, start, wstest
from tests.chaos.trial import Trial, bound
from tests.integration.live_rig import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class EchoLine(SocketLine):
    """Our line without the limits of `/live`: the suite sends up to 16 MiB, and a lot."""

    __slots__ = ()

    most_bytes = 2**24
    most_frames = 2**31

    def take_blob(self, data: bytes) -> None:
        self.write(binary_frame(data))


class EchoProtocol(LiveProtocol):
    line_class = EchoLine


class Echo:
    """Says what it hears."""

    line: SocketLine

    def heard(self, text: str) -> None:
        self.line.write(text_frame(text.encode()))

    def offended(self, ending: Ending) -> None:
        self.line.finish(ending.code, ending.reason)

    def filled(self) -> None:
        pass

    def drained(self, seconds: float) -> None:
        pass

    def left(self) -> None:
        pass


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    assert (await receive())["type"] == "websocket.connect"
    await send({"type": "websocket.accept"})
    ear = Echo()
    line = own_line(scope, ear)
    assert line is not None
    ear.line = line


@asynccontextmanager
async def echoing() -> AsyncIterator[str]:
    config = uvicorn.Config(
        echo, http=GuardedProtocol, ws=EchoProtocol, lifespan="off", log_config=None, ws_ping_interval=None
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = asyncio.create_task(server._serve([listener]))
        await until(lambda: server.started, "uvicorn listens")
        yield f"ws://127.0.0.1:{listener.getsockname()[1]}/live"
        server.should_exit = True
        await serving


@bound(60, 900)
async def test_r24_autobahn(trial: Trial, tmp_path: Path) -> None:
    if not trial.scale.is_long:
        pytest.skip("only in `make chaos`: it has to be downloaded, and is for Python 2.7")
    try:
        program = await asyncio.to_thread(wstest)
    except NotHere as reason:
        pytest.skip(f"the Autobahn suite is not here: {reason}")
    async with echoing() as url:
        suite = start(program, url, tmp_path)
        try:
            await until(lambda: suite.poll() is not None, "the suite ends", 600)
        finally:
            suite.kill()
            suite.wait()
    counts, failed = report(tmp_path)
    for name, n in sorted(counts.items()):
        trial.figure(name, n)
    assert {number: (case["behavior"], case["behaviorClose"]) for number, case in failed.items()} == {}
    assert sum(n for name, n in counts.items() if not name.startswith("close")) > 240
