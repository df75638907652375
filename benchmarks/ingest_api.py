"""Votes through `POST …/events` into PostgreSQL, sent over plain sockets by requests made beforehand."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

import httpx2

from benchmarks.crowd import OPTIONS, Stage, counted, prepare, watching
from benchmarks.results import percentile
from tests.servers import Hubbub

BATCH = 1_000
#: Requests that are under way at once when as much as possible is asked for.
AT_ONCE = 8
CHANNEL = {"platform": "custom", "login": "bench", "source": "api", "channel_id": "bench"}
_TEMPLATE = (
    '{{"type":"chat.message","platform":"custom","channel_id":"bench","message_id":"bench-{0}",'
    '"user":{{"id":"v{0}","login":"v{0}","name":"V{0}","roles":[]}},"text":"{1}","sent_at":"{2}"}}'
)


@dataclass(frozen=True, slots=True)
class Sustained:
    """As many votes as possible, for a while."""

    sent: int
    refused: int  # answered with 503: not taken
    counted: int
    per_second: float


@dataclass(frozen=True, slots=True)
class Delays:
    """At a fixed rate, milliseconds since each batch was due."""

    rate: float
    missing: int  # votes that no frame showed
    commit: Sequence[float]
    frame: Sequence[float]


class Sender:
    """Keeps connections open and writes finished requests."""

    def __init__(self, server: Hubbub, stage: Stage) -> None:
        parts = urlsplit(server.base_url)
        self._address = (parts.hostname or "", parts.port or 0)
        self._head = (
            f"POST /api/v1/campaigns/{stage.campaign}/events HTTP/1.1\r\nHost: {parts.netloc}\r\n"
            f"Authorization: Bearer {server.api_key}\r\nContent-Type: application/json\r\nContent-Length: "
        )
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    def requests(self, first: int, batches: int) -> Iterator[bytes]:
        """One request for each batch; every voter votes once."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        for batch in range(batches):
            start = first + batch * BATCH
            votes = ",".join(
                _TEMPLATE.format(number, number % len(OPTIONS) + 1, now)
                for number in range(start, start + BATCH)
            )
            yield f"{self._head}{len(votes) + 2}\r\n\r\n[{votes}]".encode()

    async def post(self, request: bytes) -> int:
        """Send one; how many were accepted, 0 when all were refused for lack of room."""
        reader, writer = self._idle.pop() if self._idle else await asyncio.open_connection(*self._address)
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        size = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        body = await reader.readexactly(size)
        self._idle.append((reader, writer))
        status = int(head.split(b" ", 2)[1])
        if status == 503:
            return 0
        if status >= 300:
            raise AssertionError(f"{status}: {body[:200]!r}")
        receipt = json.loads(body)
        if receipt["rejected"]:
            raise AssertionError(f"votes were rejected: {receipt['rejected'][0]}")
        return int(receipt["accepted"])

    async def close(self) -> None:
        for _, writer in self._idle:
            writer.close()
            await writer.wait_closed()


async def sustained(api: httpx2.AsyncClient, server: Hubbub, seconds: float, most: int) -> Sustained:
    """A poll for `seconds`, or until `most` votes are sent."""
    stage = await prepare(api, CHANNEL, round(seconds) + 120)
    sender = Sender(server, stage)
    waiting = list(sender.requests(0, most // BATCH))
    waiting.reverse()
    sent = refused = accepted = 0
    began = time.monotonic()

    async def work() -> None:
        nonlocal sent, refused, accepted
        while waiting and time.monotonic() - began < seconds:
            request = waiting.pop()
            sent += BATCH
            taken = await sender.post(request)
            accepted += taken
            refused += 0 if taken else BATCH

    async with asyncio.TaskGroup() as tasks:
        for _ in range(AT_ONCE):
            tasks.create_task(work())
    took = time.monotonic() - began
    await sender.close()
    return Sustained(sent, refused, await counted(api, stage), accepted / took)


async def delays(api: httpx2.AsyncClient, server: Hubbub, rate: float, seconds: float) -> Delays:
    """A poll at `rate` votes a second on a fixed timetable, with an overlay open."""
    stage = await prepare(api, CHANNEL, round(seconds) + 120)
    sender = Sender(server, stage)
    requests = list(sender.requests(0, round(rate * seconds) // BATCH))
    due: list[tuple[float, int]] = []
    commit: list[float] = []

    async def post(moment: float, request: bytes) -> None:
        if await sender.post(request):
            commit.append((time.monotonic() - moment) * 1000)

    async with watching(server, stage) as watcher:
        began = time.monotonic() + 0.1
        async with asyncio.TaskGroup() as tasks:
            for number, request in enumerate(requests):
                moment = began + number * BATCH / rate
                await asyncio.sleep(max(0.0, moment - time.monotonic()))
                due.append((moment, (number + 1) * BATCH))
                tasks.create_task(post(moment, request))
        await watcher.until(len(requests) * BATCH, 5)
        frame = watcher.delays_ms(due)
    await sender.close()
    missing = len(requests) * BATCH - await counted(api, stage) + (len(due) - len(frame)) * BATCH
    return Delays(rate, missing, commit, frame)


def summary(values: Sequence[float]) -> str:
    """p50 and p99."""
    if not values:
        return "–"
    return f"{percentile(values, 50):.0f} / {percentile(values, 99):.0f} ms"
