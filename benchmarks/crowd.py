"""The stage of a vote, made through the API, and the overlay that sees it move."""

from __future__ import annotations

import asyncio
import json
import time
from bisect import bisect_left
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.servers import Hubbub

#: Of the poll that everybody votes in.
OPTIONS = ("One", "Two", "Three", "Four")


@dataclass(frozen=True, slots=True)
class Stage:
    """A campaign with a channel, an open poll and an overlay."""

    campaign: str
    poll: str
    key: str


async def prepare(api: httpx2.AsyncClient, channel: dict[str, str], duration_s: int) -> Stage:
    """Through the API, as the desk would."""

    async def post(path: str, body: object) -> dict[str, Any]:
        answer = await api.post(path, json=body)
        answer.raise_for_status()
        made: dict[str, Any] = answer.json()
        return made

    campaign = (await post("/api/v1/campaigns", {"name": "Benchmark"}))["id"]
    await post(f"/api/v1/campaigns/{campaign}/channels", channel)
    overlay = await post(f"/api/v1/campaigns/{campaign}/overlays", {"name": "Bench"})
    poll = await post(
        f"/api/v1/campaigns/{campaign}/polls",
        {"question": "Which door?", "options": list(OPTIONS), "duration_s": duration_s},
    )
    await post(f"/api/v1/polls/{poll['id']}/launch", {})
    return Stage(campaign, poll["id"], overlay["url"].partition("#k=")[2])


async def counted(api: httpx2.AsyncClient, stage: Stage) -> int:
    """What the poll says in the end."""
    answer = await api.get(f"/api/v1/polls/{stage.poll}")
    answer.raise_for_status()
    return int(answer.json()["total_votes"])


@dataclass
class Watcher:
    """The total of the poll in every frame that reached an overlay, and when (time.monotonic)."""

    times: list[float] = field(default_factory=list)
    totals: list[int] = field(default_factory=list)
    _moved: asyncio.Event = field(default_factory=asyncio.Event)

    async def read(self, socket: ClientConnection) -> None:
        """Note every frame until the connection ends."""
        try:
            async for text in socket:
                now = time.monotonic()
                frame = json.loads(text)
                if frame["op"] == "ping":
                    await socket.send(json.dumps({"op": "ack", "seq": frame["seq"]}))
                for board in (frame.get("set") or frame.get("boards") or {}).values():
                    if board["kind"] == "poll":
                        self.times.append(now)
                        self.totals.append(board["total_votes"])
                        self._moved.set()
        except ConnectionClosed:
            return

    async def until(self, total: int, seconds: float) -> float | None:
        """When a frame showed at least so many; None when none does for `seconds` without any progress."""
        while not self.totals or self.totals[-1] < total:
            self._moved.clear()
            try:
                async with asyncio.timeout(seconds):
                    await self._moved.wait()
            except TimeoutError:
                return None
        return self.times[bisect_left(self.totals, total)]

    def delays_ms(self, due: Sequence[tuple[float, int]]) -> list[float]:
        """For each (time when votes were due, total with them), how long until a frame showed them."""
        found = []
        for moment, total in due:
            at = bisect_left(self.totals, total)
            if at < len(self.totals):
                found.append((self.times[at] - moment) * 1000)
        return found


@asynccontextmanager
async def watching(server: Hubbub, stage: Stage) -> AsyncIterator[Watcher]:
    """An overlay that is open for the block."""
    watcher = Watcher()
    url = server.base_url.replace("http", "ws", 1) + "/live"
    hello = {"op": "hello", "proto": 1, "key": stage.key, "client": {"kind": "overlay", "name": "Bench"}}
    async with connect(url, compression=None, proxy=None, max_size=2**22, origin=None) as socket:
        await socket.send(json.dumps(hello))
        reading = asyncio.create_task(watcher.read(socket))
        try:
            if await watcher.until(0, 10) is None:
                raise AssertionError("the overlay had no snapshot of the poll within 10 s")
            yield watcher
        finally:
            reading.cancel()
