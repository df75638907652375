"""Browsers that read slowly or not at all harm nobody, cost little, and are gone in time (R14)."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest

from server.live import caretaker
from server.live.socket_line import SocketLine
from sql.ids import uuid7
from sql.pool import Database
from tests.integration.live_rig import Engine, House, Viewer, house, make_campaign, poll_board, until

_BIG = "x" * 20_000


def narrow(live: House) -> socket.socket:
    """A connection whose receiving side holds little, as over a bad line."""
    parts = urlsplit(live.url)
    end = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    end.connect((parts.hostname, parts.port))
    end.setblocking(False)
    return end


async def watching(live: House, engine: Engine, *, slowly: bool = False) -> Viewer:
    viewer = live.program(engine.campaign_id)
    await viewer.dial(**({"sock": narrow(live)} if slowly else {}))
    await viewer.say(viewer._hello)
    await until(lambda: viewer.seq is not None, "the snapshot")
    return viewer


def waiting_bytes(live: House) -> int:
    """The most that any connection holds in this process."""
    lines = [line for line in live.server.server_state.connections if isinstance(line, SocketLine)]
    assert lines
    return max(line.waiting for line in lines)


@asynccontextmanager
async def show(live: House, engine: Engine, every_s: float = 0.03) -> AsyncIterator[None]:
    """A change of 20 KB, thirty times a second."""
    board = str(uuid7())

    async def run() -> None:
        votes = 0
        while True:
            votes += 1
            live.hub.publish(await engine.commit({board: poll_board(votes, question=_BIG)}))
            await asyncio.sleep(every_s)

    running = asyncio.create_task(run())
    yield
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_who_does_not_read_is_cut_and_nobody_else_notices(database: Database) -> None:
    engine = await make_campaign(database)
    async with house(database) as live:
        good = [await watching(live, engine) for _ in range(3)]
        descriptors = len(os.listdir("/proc/self/fd"))
        stuck = [await watching(live, engine, slowly=True) for _ in range(5)]
        for viewer in stuck:
            viewer.stop_reading()
        start = time.monotonic()
        most = 0
        async with show(live, engine):
            while live.hub.figures.cut < 5:
                most = max(most, waiting_bytes(live))
                assert time.monotonic() - start < 15, "cut in time"
                await asyncio.sleep(0.02)
            took = time.monotonic() - start
            assert 5 < took < 10
            await until(lambda: live.hub.sizes()["clients"] == 3, "forgotten")
            await until(lambda: len(live.server.server_state.connections) == 3, "sockets freed", 4)
        assert most < 2 * len(_BIG), "one frame in flight"
        for viewer in good:
            pauses = [b - a for a, b in zip(viewer.arrived, viewer.arrived[1:], strict=False)]
            assert max(pauses) < 1, "no hole"
            assert viewer.ops().count("delta") > 5 * took
            assert viewer.gaps == 0
        for viewer in stuck:
            viewer.read_again()
            await viewer.ended()
            await viewer.close()
        assert len(os.listdir("/proc/self/fd")) <= descriptors + 1
        for viewer in good:
            await viewer.close()


async def test_who_reads_slowly_gets_less_but_gets_there(database: Database) -> None:
    engine = await make_campaign(database)
    async with house(database) as live:
        good, slow = await watching(live, engine), await watching(live, engine, slowly=True)
        async with show(live, engine):
            for _ in range(3):  # the kernels hold about a second of it
                slow.stop_reading()
                await asyncio.sleep(2.5)
                slow.read_again()
                await asyncio.sleep(0.02)
        slow.read_again()
        await until(lambda: slow.seq == good.seq and slow.boards == good.boards, "the same in the end")
        assert slow.code is None, "slow is not stuck"
        assert slow.gaps == 0
        assert slow.ops().count("delta") < 0.7 * good.ops().count("delta")
        assert live.hub.figures.cut == 0
        await slow.close()
        await good.close()


async def test_a_peer_that_vanishes_without_a_word_is_noticed(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half open: no FIN, no RST, no pong. Our pings find out, and the socket goes too."""
    monkeypatch.setattr(caretaker, "PING_EVERY_S", 0.6)
    engine = await make_campaign(database)
    async with house(database) as live:
        good, gone = await watching(live, engine), await watching(live, engine, slowly=True)
        gone.stop_reading()
        took = await until(lambda: live.hub.sizes()["clients"] == 1, "noticed", 5)
        assert took > 0.6, "a ping has to be unanswered first"
        await until(lambda: len(live.server.server_state.connections) == 1, "freed", 5)
        assert good.code is None
        assert good.ops().count("ping") >= 1
        gone.read_again()
        assert await gone.ended() == 4408
        await gone.close()
        await good.close()
