"""Votes through the events API with one overlay open: what is lost, how soon a bar moves, at what cost.

The sender posts batches one after the other, every voter votes once, so the n-th vote is the one that
makes the total n. A vote's way begins when its POST begins and ends with the frame in which the bar
starts to move; the figure below it walks on for 300 ms, which is reported too.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx2
from playwright.async_api import async_playwright

from benchmarks.processes import cpu_by_name, family, table
from tests.servers import BROWSER_FLAGS, Hubbub

BATCH = 100

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


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least `percent` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(percent / 100 * len(ordered)))]


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


async def send(
    api: httpx2.AsyncClient, campaign: str, rate: int, seconds: float
) -> tuple[list[tuple[float, int]], int]:
    """Post `rate` votes a second; answers (start of the POST, votes before it) and how many were accepted."""
    began, sent, accepted = time.monotonic(), 0, 0
    starts = []
    while time.monotonic() - began < seconds:
        due = began + sent / rate
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        starts.append((time.time() * 1000, sent))
        body = [event(sent + index) for index in range(BATCH)]
        answer = await api.post(f"/api/v1/campaigns/{campaign}/events", json=body)
        answer.raise_for_status()
        accepted += answer.json()["accepted"]
        sent += BATCH
    return starts, accepted


def delays(starts: Sequence[tuple[float, int]], painted: Sequence[tuple[float, int]]) -> list[float]:
    """For every vote, milliseconds from the start of its POST to the frame that showed it."""
    found, at = [], 0
    for begun_ms, before in starts:
        for number in range(before + 1, before + BATCH + 1):
            while at < len(painted) and painted[at][1] < number:
                at += 1
            if at < len(painted):
                found.append(painted[at][0] - begun_ms)
    return found


async def run(server: Hubbub, rate: int, seconds: float) -> Result:
    """Measure on a running server."""
    async with (
        httpx2.AsyncClient(base_url=server.base_url, headers=server.headers, timeout=30) as api,
        async_playwright() as playwright,
    ):
        campaign, link, poll = await prepare(api, round(seconds) + 60)
        browser = await playwright.chromium.launch(
            executable_path=os.environ.get("CHROME_BIN", "/usr/bin/chromium"), args=list(BROWSER_FLAGS)
        )
        page = await browser.new_page(viewport={"width": 1920, "height": 1080})
        await page.goto(link)
        await page.evaluate(_WATCH)
        await page.wait_for_selector("hb-poll")
        before, began = table(), time.monotonic()
        starts, accepted = await send(api, campaign, rate, seconds)
        took, after = time.monotonic() - began, table()
        await page.wait_for_function(
            "total => (window.__painted.at(-1) ?? [0, 0])[1] >= total", arg=accepted, timeout=10_000
        )
        painted = [(float(at), int(total)) for at, total in await page.evaluate("window.__painted")]
        counted = (await api.get(f"/api/v1/polls/{poll}")).json()["total_votes"]
        await browser.close()
    pids = family(after, os.getpid())
    earlier = cpu_by_name(before, pids)
    shares = {name: (used - earlier.get(name, 0.0)) / took for name, used in cpu_by_name(after, pids).items()}
    return Result(starts[-1][1] + BATCH, accepted, counted, took, delays(starts, painted), shares)
