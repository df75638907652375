"""Hubbub's own fan-out program: the whole `hubbub web`, told by orders what to show next.

Everything is the real program's: database, bus, keys, middleware, hub and uvicorn. Only the limit of
overlays a room and the pause between two frames are set by the caller, and the engine is reduced to the
move of the campaign's head in the database (without it the position check would rightly object), made by
another process (head_mover.py) when, or a moment before, a message is due.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Literal
from uuid import UUID

import aiohttp
from pydantic import SecretStr

from benchmarks.machine import pinned
from benchmarks.peers.orders import obey
from server.app import Process
from server.config import load
from server.http_server import listening
from server.live.frames import Delta, Event, encode
from server.live.hub import Hub
from server.roles import Roles, Urls
from server.rules.changes import Change, OnceEvent
from server.telemetry import configure_logging
from sql import users
from sql.pool import Database

Kind = Literal["boards", "events"]


class Stage:
    """One campaign whose board (or whose events) the orders move."""

    def __init__(self, process: Process, campaign_id: UUID, board_id: UUID, kind: Kind) -> None:
        self._process = process
        self._campaign_id = campaign_id
        self._board_id = str(board_id)
        self._kind = kind

    async def open(self) -> int:
        """Start the program that moves the head; answers its process id."""
        self._mover = await asyncio.create_subprocess_exec(
            *(*pinned("clients"), sys.executable, "-m", "benchmarks.head_mover", str(self._campaign_id)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        epoch, seq = (await self._answer()).split()
        self._epoch, self._seq = UUID(epoch), int(seq)
        return self._mover.pid

    async def close(self) -> None:
        """End it."""
        assert self._mover.stdin is not None
        self._mover.stdin.close()
        await self._mover.wait()

    async def prepare(self, count: int) -> None:
        """Have the head moved, as the commits of so many changes would move it."""
        assert self._mover.stdin is not None
        self._mover.stdin.write(b"%d\n" % count)
        await self._answer()

    async def _answer(self) -> str:
        assert self._mover.stdout is not None
        return (await self._mover.stdout.readline()).decode()

    async def publish(self, number: int, at: str, size: int) -> None:
        """One change, whose frame has `size` bytes."""
        now = self._process.clock.now()
        step = (self._campaign_id, self._epoch, self._seq, self._seq + 1, now)
        self._seq += 1
        if self._kind == "boards":
            board = {"kind": "poll", "phase": "open", "at": at, "number": number, "padding": ""}
            empty = len(
                encode(Delta(self._epoch, self._seq - 1, self._seq, now, {self._board_id: board}, ()))
            )
            board["padding"] = "x" * (size - empty)
            self._process.hub.publish(Change(*step, {self._board_id: board}))
        else:
            data = {"at": at, "number": number, "padding": ""}
            once = OnceEvent(self._seq, f"{self._seq}", "dice.rolled", data, 8000)
            frame = Event(self._epoch, once.seq, once.id, once.kind, once.data, once.ttl_ms)
            data["padding"] = "x" * (size - len(encode(frame)))
            self._process.hub.publish(Change(*step, {}, (), (once,)))

    def figures(self) -> Mapping[str, int]:
        """What the hub counted."""
        counted = self._process.hub.figures
        return {
            "snapshot_queries": counted.loads,
            "catch_ups": counted.catch_ups,
            "snapshots": counted.snapshots,
            "frames": counted.frames,
            "cut": counted.cut,
            **self._process.hub.sizes(),
        }


async def _serve(given: argparse.Namespace) -> None:
    urls = Urls(os.environ["BENCH_DATABASE_URL"], os.environ["BENCH_REDIS_URL"])
    settings = load(
        _env_file=None,
        data_dir=given.data,
        demo=False,
        probe=False,  # it would watch a room of its own
        overlay_sockets=given.most_overlays,
        secret_key=SecretStr(os.environ["BENCH_SECRET_KEY"]),
        database_url=SecretStr(urls.database),
        redis_url=SecretStr(urls.redis),
    )
    stopping = asyncio.Event()
    database = await Database.open(urls.database)
    http = aiohttp.ClientSession()
    try:
        async with database.connection() as connection:
            owner = await users.ensure_owner(connection)
        with listening("127.0.0.1", given.port) as listener:
            process = Process(
                settings,
                Roles(web=True),
                urls,
                database=database,
                owner=owner,
                embedded=None,
                listener=listener,
                http=http,
            )
            process.hub = Hub(
                database,
                process.bus,
                clock=process.clock,
                build=process.services.assets.build,
                most_overlays=given.most_overlays,
                desks=process.door,
                frame_every_s=given.frame_every,
            )
            running = asyncio.create_task(process.run(stopping))
            stage = Stage(process, given.campaign, given.board, given.kind)
            mover = await stage.open()
            await obey(
                listener.getsockname()[1],
                stage.publish,
                prepare=stage.prepare,
                figures=stage.figures,
                not_counted=(mover,),
            )
            await stage.close()
            stopping.set()
            await running
    finally:
        await http.close()
        await database.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--campaign", type=UUID, required=True)
    parser.add_argument("--board", type=UUID, required=True)
    parser.add_argument("--kind", choices=("boards", "events"), default="boards")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--most-overlays", type=int, required=True)
    parser.add_argument("--frame-every", type=float, required=True, help="seconds")
    configure_logging("json", stream=sys.stderr)
    asyncio.run(_serve(parser.parse_args()))


if __name__ == "__main__":
    main()
