"""Votes through the events API with one overlay open: what is lost, how soon a bar moves, at what cost.

Batches leave on a fixed timetable and every voter votes once, so the n-th vote is the one that makes the
total n. A vote's way begins when its batch is due and ends with the frame in which the bar starts to
move (the figure beside it then walks to its value for 300 ms).
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
from playwright.async_api import Browser

from benchmarks import processes
from benchmarks.browsers import chromium
from benchmarks.results import Section, percentile, table
from tests.servers import Hubbub

BATCH = 100
RATE, SECONDS = 2000, 60.0
_P50_AIM_MS, _P99_AIM_MS = 120, 250

# Notes (time of the painted frame, total) each time the widget is drawn with a new total. A callback that
# requestAnimationFrame runs inside the next frame comes after the one in which the change was painted.
_WATCH = """
() => customElements.whenDefined("hb-poll").then(() => {
  window.__painted = [];
  const kind = customElements.get("hb-poll").prototype, render = kind.render;
  let last = -1;
  kind.render = function (board, ...rest) {
    const answer = render.call(this, board, ...rest);
    const total = board.total_votes;
    if (total !== last) {
      last = total;
      requestAnimationFrame(() => setTimeout(() => window.__painted.push([Date.now(), total])));
    }
    return answer;
  };
})
"""


@dataclass(frozen=True, slots=True)
class Result:
    sent: int
    accepted: int
    counted: int
    seconds: float
    delays_ms: Sequence[float]
    cpu_share: dict[str, float]  # of one core, by program


def event(number: int) -> dict[str, Any]:
    """One vote of a voter who votes once."""
    return {
        "type": "chat.message",
        "platform": "custom",
        "channel_id": "bench",
        "message_id": f"bench-{number}",
        "user": {"id": f"v{number}", "login": f"v{number}", "name": f"V{number}", "roles": []},
        "text": str(number % 4 + 1),
        "sent_at": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }


async def prepare(api: httpx2.AsyncClient, duration_s: int) -> tuple[str, str, str]:
    """A campaign with one channel, one overlay and an open poll: campaign id, overlay link, poll id."""

    async def post(path: str, body: object) -> dict[str, Any]:
        answer = await api.post(path, json=body)
        answer.raise_for_status()
        made: dict[str, Any] = answer.json()
        return made

    campaign = (await post("/api/v1/campaigns", {"name": "Benchmark"}))["id"]
    channel = {"platform": "custom", "login": "bench", "source": "api", "channel_id": "bench"}
    await post(f"/api/v1/campaigns/{campaign}/channels", channel)
    overlay = await post(f"/api/v1/campaigns/{campaign}/overlays", {"name": "Bench"})
    poll = await post(
        f"/api/v1/campaigns/{campaign}/polls",
        {"question": "Which door?", "options": ["One", "Two", "Three", "Four"], "duration_s": duration_s},
    )
    await post(f"/api/v1/polls/{poll['id']}/launch", {})
    return campaign, overlay["url"], poll["id"]


async def send(api: httpx2.AsyncClient, campaign: str, rate: int, seconds: float) -> tuple[int, int]:
    """Post `rate` votes a second on a fixed timetable; answers how many were sent and accepted.

    A batch leaves when it is due, whether or not earlier ones have been answered, so that a stall delays
    nothing but itself and shows in full.
    """
    began, sent, accepted = time.monotonic(), 0, 0

    async def post(first: int) -> int:
        body = [event(first + index) for index in range(BATCH)]
        answer = await api.post(f"/api/v1/campaigns/{campaign}/events", json=body)
        answer.raise_for_status()
        return int(answer.json()["accepted"])

    async with asyncio.TaskGroup() as tasks:
        under_way = []
        while sent < rate * seconds:
            await asyncio.sleep(max(0.0, began + sent / rate - time.monotonic()))
            under_way.append(tasks.create_task(post(sent)))
            sent += BATCH
    accepted = sum(task.result() for task in under_way)
    return sent, accepted


def delays(began_ms: float, rate: int, sent: int, painted: Sequence[tuple[float, int]]) -> list[float]:
    """For every vote, milliseconds from the moment its batch was due to the frame that showed it."""
    found, at = [], 0
    for number in range(1, sent + 1):
        while at < len(painted) and painted[at][1] < number:
            at += 1
        if at < len(painted):
            due_ms = began_ms + (number - 1) // BATCH * BATCH / rate * 1000
            found.append(painted[at][0] - due_ms)
    return found


async def run(server: Hubbub, browser: Browser, rate: int, seconds: float) -> Result:
    """Measure on a running server."""
    async with httpx2.AsyncClient(base_url=server.base_url, headers=server.headers, timeout=30) as api:
        campaign, link, poll = await prepare(api, round(seconds) + 60)
        page = await browser.new_page(viewport={"width": 1920, "height": 1080})
        await page.goto(link)
        await page.evaluate(_WATCH)
        await page.wait_for_selector("hb-poll")
        before, began = processes.table(), time.monotonic()
        began_ms = time.time() * 1000
        sent, accepted = await send(api, campaign, rate, seconds)
        took, after = time.monotonic() - began, processes.table()
        await page.wait_for_function(
            "total => (window.__painted.at(-1) ?? [0, 0])[1] >= total", arg=accepted, timeout=10_000
        )
        painted = [(float(at), int(total)) for at, total in await page.evaluate("window.__painted")]
        counted = (await api.get(f"/api/v1/polls/{poll}")).json()["total_votes"]
        await page.close()
    pids = processes.family(after, os.getpid())
    called = {server.pid: "hubbub (server)", os.getpid(): "this benchmark (sends the votes)"}
    earlier = processes.cpu_by_name(before, pids, called)
    shares = {
        name: (used - earlier.get(name, 0.0)) / took
        for name, used in processes.cpu_by_name(after, pids, called).items()
    }
    return Result(sent, accepted, counted, took, delays(began_ms, rate, sent, painted), shares)


async def measure() -> Section:
    """The whole run, on a server of its own."""
    with tempfile.TemporaryDirectory(prefix="hubbub-bench-") as folder:
        server = Hubbub(Path(folder), {})
        server.start()
        try:
            async with chromium() as browser:
                result = await run(server, browser, RATE, SECONDS)
        finally:
            server.stop()
    p50, p99 = percentile(result.delays_ms, 50), percentile(result.delays_ms, 99)
    lost = result.sent - result.counted
    rows = [
        ("votes asked for", f"{RATE}/s for {SECONDS:.0f} s", ""),
        ("votes reached", f"{result.sent / result.seconds:.0f}/s", ""),
        ("votes lost", str(lost), "0"),
        ("vote → painted bar, p50", f"{p50:.0f} ms", f"≤ {_P50_AIM_MS} ms"),
        ("vote → painted bar, p99", f"{p99:.0f} ms", f"≤ {_P99_AIM_MS} ms"),
    ]
    rows += [
        (f"CPU of {name}", f"{share:.0%} of a core", "")
        for name, share in sorted(result.cpu_share.items(), key=lambda item: -item[1])
        if share >= 0.005
    ]
    met = lost == 0 and p50 <= _P50_AIM_MS and p99 <= _P99_AIM_MS
    return Section(table(("what", "figure", "aim"), rows), met)
