"""Dice by webhook: from the request to the first painted frame of the die, and 1,000 rolls a second.

A roll's way begins when its request is due and ends with the first frame in which the overlay draws its die
(it then tumbles for 900 ms). Rolls leave on a fixed timetable, slow enough that each finds a place on stage.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from playwright.async_api import Browser, Page

from benchmarks import votes
from benchmarks.browsers import chromium
from benchmarks.results import Aim, Section, aims, percentile, table
from tests.acceptance import dice_tables
from tests.acceptance.dice_tables import Table
from tests.acceptance.show import database_url
from tests.servers import Hubbub

#: Rolls of each of the two measurements, and the seconds between them: a card, three rows and four seconds.
ROLLS, EVERY_S = 100, 1.3
VOTES_A_SECOND = 1000
FLOOD_RATE, FLOOD_TABLES, FLOOD_S = 1000, 50, 30.0
_P50_AIM_MS, _P99_AIM_MS, _FRAMES_AIM = 60, 150, 59.0

# Notes (time of the painted frame, label) when the widget first draws a roll. A callback that
# requestAnimationFrame runs inside the next frame comes after the one in which the change was painted.
_WATCH = """
() => customElements.whenDefined("hb-dice").then(() => {
  window.__painted = {};
  const kind = customElements.get("hb-dice").prototype, render = kind.render;
  kind.render = function (board, ...rest) {
    const answer = render.call(this, board, ...rest);
    const fresh = board.showings.map((one) => one.roll.label).filter((label) => !(label in window.__painted));
    for (const label of fresh) window.__painted[label] = null;
    if (fresh.length > 0) {
      requestAnimationFrame(() => setTimeout(() => {
        for (const label of fresh) window.__painted[label] = Date.now();
      }));
    }
    return answer;
  };
})
"""
# Frames that the page was given, a second at a time.
_COUNT_FRAMES = """
() => {
  const seconds = (window.__frames = []);
  let began = performance.now(), frames = 0;
  const count = (now) => {
    frames += 1;
    if (now - began >= 1000) {
      seconds.push((frames * 1000) / (now - began));
      began = now;
      frames = 0;
    }
    requestAnimationFrame(count);
  };
  requestAnimationFrame(count);
}
"""


@dataclass(frozen=True, slots=True)
class Flood:
    sent: dice_tables.Sent
    frames: Sequence[float]  # a second, by second
    most_more: int  # the largest "+n more" that stood on stage


async def _post(api: httpx2.AsyncClient, path: str, body: Any) -> Any:
    answer = await api.post(f"/api/v1{path}", json=body)
    answer.raise_for_status()
    return answer.json()


async def _roll(http: httpx2.AsyncClient, sender: Table, label: str, value: int) -> None:
    answer = await http.post(sender.path, json=dice_tables.roll(label, value, "Ana"), headers=sender.headers)
    answer.raise_for_status()


async def _delays(http: httpx2.AsyncClient, page: Page, sender: Table, name: str) -> list[float]:
    """Milliseconds from the moment a roll was due to the first frame of its die."""
    due: dict[str, float] = {}
    began = time.monotonic()
    async with asyncio.TaskGroup() as tasks:
        for number in range(ROLLS):
            await asyncio.sleep(max(0.0, began + number * EVERY_S - time.monotonic()))
            label = f"{name} {number}"
            due[label] = (time.time() + began + number * EVERY_S - time.monotonic()) * 1000
            tasks.create_task(_roll(http, sender, label, 2 + number % 18))
    await asyncio.sleep(1)
    painted = await page.evaluate("window.__painted")
    missing = [label for label in due if not painted.get(label)]
    if missing:
        raise AssertionError(f"never painted: {missing[:5]} of {len(missing)}")
    return [painted[label] - moment for label, moment in due.items()]


async def _ways(server: Hubbub, browser: Browser) -> tuple[list[float], list[float]]:
    """While nothing else happens, and during a poll."""
    async with httpx2.AsyncClient(base_url=server.base_url, headers=server.headers, timeout=30) as api:
        campaign, link, _ = await votes.prepare(api, 3600)
        (sender,) = await dice_tables.make(api, campaign, 1)
        page = await browser.new_page(viewport={"width": 1920, "height": 1080})
        await page.goto(link)
        await page.evaluate(_WATCH)
        await page.wait_for_selector("hb-poll")
        async with httpx2.AsyncClient(base_url=server.base_url, timeout=30) as http:
            idle = await _delays(http, page, sender, "idle")
            voting = asyncio.create_task(votes.send(api, campaign, VOTES_A_SECOND, ROLLS * EVERY_S + 4))
            await asyncio.sleep(2)
            busy = await _delays(http, page, sender, "busy")
            sent, accepted = await voting
        assert sent == accepted, f"{accepted} of {sent} votes"
        await page.close()
    return idle, busy


async def _flood(server: Hubbub, browser: Browser) -> Flood:
    """1,000 rolls a second, and what the page does meanwhile."""
    async with httpx2.AsyncClient(base_url=server.base_url, headers=server.headers, timeout=30) as api:
        campaign = (await _post(api, "/campaigns", {"name": "Flood"}))["id"]
        link = (await _post(api, f"/campaigns/{campaign}/overlays", {"name": "Bench"}))["url"]
        senders = await dice_tables.make(api, campaign, FLOOD_TABLES)
        page = await browser.new_page(viewport={"width": 1920, "height": 1080})
        await page.goto(link)
        await page.wait_for_selector("hb-stage")
        await page.evaluate(_COUNT_FRAMES)
        most_more = 0
        async with httpx2.AsyncClient(base_url=server.base_url, timeout=30) as http:
            flooding = asyncio.create_task(dice_tables.flood(http, senders, FLOOD_RATE, FLOOD_S))
            while not flooding.done():
                await asyncio.sleep(1)
                text = await page.evaluate("document.querySelector('.hb-more-count')?.textContent ?? ''")
                most_more = max(most_more, int("0" + "".join(sign for sign in text if sign.isdigit())))
            sent = await flooding
        frames = await page.evaluate("window.__frames")
        await page.close()
    await dice_tables.check_stored(database_url(server), campaign, sent)
    return Flood(sent, [float(one) for one in frames], most_more)


async def measure() -> Section:
    """The whole run, on a server of its own."""
    with tempfile.TemporaryDirectory(prefix="hubbub-bench-") as folder:
        server = Hubbub(Path(folder), {})
        server.start()
        try:
            async with chromium() as browser:
                idle, busy = await _ways(server, browser)
                flood = await _flood(server, browser)
        finally:
            server.stop()
    return _section(idle, busy, flood)


def _section(idle: Sequence[float], busy: Sequence[float], flood: Flood) -> Section:
    judged = []
    for what, delays in (("alone", idle), (f"during {VOTES_A_SECOND} votes/s", busy)):
        for percent, aim in ((50, _P50_AIM_MS), (99, _P99_AIM_MS)):
            ms = percentile(delays, percent)
            name = f"webhook → painted die, {what}, p{percent}"
            judged.append(Aim(name, f"{ms:.0f} ms", f"≤ {aim} ms", ms <= aim))
    sent, frames = flood.sent, flood.frames
    refused = sum(sent.refused.values())
    slow = percentile(frames, 5)
    judged += [
        Aim(f"deliveries refused of {sum(sent.answers.values())}", str(refused), "0", refused == 0),
        Aim("overlay's frames a second, p5", f"{slow:.1f}", f"≥ {_FRAMES_AIM:.0f}", slow >= _FRAMES_AIM),
    ]
    late = [f"{percentile(sent.late_s, percent) * 1000:.0f} ms" for percent in (50, 99)]
    rows = [
        ("rolls asked for", f"{FLOOD_RATE}/s for {FLOOD_S:.0f} s over {FLOOD_TABLES} tables"),
        ("rolls reached", f"{sent.number / sent.seconds:.0f}/s; {sent.number} stored once each and in order"),
        ("delivery answered, p50 / p99", " / ".join(late)),
        ("overlay's frames a second, median / worst", f"{percentile(frames, 50):.1f} / {min(frames):.1f}"),
        ("most rolls that stood as “+n more”", str(flood.most_more)),
    ]
    text = f"{aims(judged)}\n\n{table(('1,000 rolls a second', 'figure'), rows)}"
    return Section(text, all(aim.met for aim in judged))
