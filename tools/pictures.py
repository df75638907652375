"""Takes the pictures of README.md and docs/ from the running program, into docs/pictures (`make pictures`).

Everything in them is real: the server is started with the demo in a folder that is thrown away, votes go
through the API, pages are drawn by Chromium. Two things are staged: the scene behind the overlay
(tools/scene.svg), and that the browser calls itself OBS, as the one in OBS does.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from playwright.async_api import APIRequestContext, Browser, BrowserContext, Page, async_playwright

from tests.servers import BROWSER_FLAGS, Hubbub
from tools import find_chromium

PROJECT = Path(__file__).parents[1]
PICTURES = PROJECT / "docs" / "pictures"
SCENE = (PROJECT / "tools" / "scene.svg").read_text("utf-8")
#: As the browser of OBS 32 introduces itself (platforms/obs.md §1).
OBS_AGENT = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/127.0.6533.120 OBS/32.2.2 Safari/537.36"
)
#: A GitHub page shows pictures about 800 pixels wide; OBS's canvas is scaled down to 1280×720 for them.
CANVAS = {"width": 1280, "height": 720}
DESK = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
THEMES = ("night", "paper", "arcade")


class Studio:
    """The running program, a browser, and a show of our own beside the demo."""

    def __init__(self, program: Hubbub, api: APIRequestContext, browser: Browser) -> None:
        self.program, self.api, self.browser = program, api, browser
        self._lines = 0

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        """One API call; raises when it is refused, because a picture of a failure is no use."""
        answer = await self.api.fetch(f"/api/v1{path}", method=method, data=body)
        if not answer.ok:
            raise RuntimeError(f"{method} {path}: {answer.status} {await answer.text()}")
        return await answer.json()

    async def page(self, url: str, size: dict[str, int], context: BrowserContext | None = None) -> Page:
        page = await (context or self.browser).new_page(**({} if context else {"viewport": size}))
        if context:
            await page.set_viewport_size(size)  # type: ignore[arg-type]
        await page.goto(url)
        return page

    async def overlay(self, url: str) -> Page:
        """The overlay as OBS shows it: over a picture."""
        obs = await self.browser.new_context(viewport=CANVAS, user_agent=OBS_AGENT)  # type: ignore[arg-type]
        page = await obs.new_page()
        await page.goto(url)
        await page.evaluate("scene => document.body.insertAdjacentHTML('afterbegin', scene)", SCENE)
        return page

    async def vote(self, channel: dict[str, Any], votes: Sequence[int]) -> None:
        """`votes[i]` viewers of this channel choose option i + 1."""
        lines = [str(option) for option, count in enumerate(votes, 1) for _ in range(count)]
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        events = []
        for text in lines:
            self._lines += 1
            events.append(
                {
                    "type": "chat.message",
                    "platform": channel["platform"],
                    "channel_id": channel["channel_id"],
                    "message_id": f"picture-{self._lines}",
                    "user": {"id": f"viewer-{self._lines}"},
                    "text": text,
                    "sent_at": now,
                }
            )
        receipt = await self.call("POST", f"/campaigns/{channel['campaign']}/events", events)
        if receipt["accepted"] != len(events):
            raise RuntimeError(f"not every vote was taken: {receipt}")

    async def channel(self, campaign: str, platform: str, login: str) -> dict[str, Any]:
        body = {"platform": platform, "login": login, "source": "api", "channel_id": login}
        made: dict[str, Any] = await self.call("POST", f"/campaigns/{campaign}/channels", body)
        return made | {"campaign": campaign}

    async def poll(self, campaign: str, question: str, options: list[str], **rules: Any) -> str:
        body = {"question": question, "options": options, "duration_s": 60, **rules}
        return str((await self.call("POST", f"/campaigns/{campaign}/polls", body))["id"])

    async def until(self, poll: str, state: str) -> None:
        while (await self.call("GET", f"/polls/{poll}"))["state"] != state:
            await asyncio.sleep(0.1)


async def take(page: Page, name: str, **options: Any) -> None:
    """One picture, after the page has stopped moving."""
    await page.evaluate("() => document.fonts.ready")
    await asyncio.sleep(0.8)  # bars grow for 0.3 s, cards come in for 0.5 s
    path = PICTURES / f"{name}.png"
    await page.screenshot(path=path, **options)
    print(f"{path.relative_to(PROJECT)}  {path.stat().st_size // 1024} KiB", flush=True)


async def sign_in(studio: Studio) -> BrowserContext:
    """A browser that is signed in to the desk by the link from the terminal."""
    link = re.search(r"http\S+/login#code=\S+", studio.program.log)
    assert link is not None, studio.program.log
    context = await studio.browser.new_context(color_scheme="dark", device_scale_factor=1)
    page = await context.new_page()
    await page.goto(link[0])
    await page.wait_for_url("**/desk")
    await page.close()
    return context


async def demo(studio: Studio, signed_in: BrowserContext) -> None:
    """What somebody sees after `make run`."""
    link = re.search(r"http\S+/o/\S+", studio.program.log)
    assert link is not None, studio.program.log
    overlay = await studio.overlay(link[0])
    desk = await studio.page(f"{studio.program.base_url}/desk", DESK, signed_in)
    # A plain question, half-way through: the vote of all chats is in, the countdown still white.
    half_way = desk.locator(".state-clock", has_text=re.compile(r"^\s*(2\d|1[5-9])\ss\s*$"))
    await half_way.wait_for(timeout=70_000)
    await take(desk, "desk")
    await take(overlay, "overlay")
    await desk.close()
    await overlay.context.close()


async def show(studio: Studio, signed_in: BrowserContext) -> None:
    """An evening of our own, with exact numbers: what the guides explain."""
    campaign = (await studio.call("POST", "/campaigns", {"name": "Friday dungeon"}))["id"]
    ana = await studio.channel(campaign, "twitch", "ana_plays")
    ben = await studio.channel(campaign, "kick", "ben_rolls")
    overlay = await studio.call("POST", f"/campaigns/{campaign}/overlays", {"name": "Main scene"})
    on_air = await studio.overlay(overlay["url"])

    tie = await studio.poll(campaign, "The bridge is out. Now what?", ["Swim", "Climb", "Turn back"], grace_s=0)
    later = {"weighting": "channel", "grace_s": 0, "hold_s": 600}
    door = await studio.poll(campaign, "Which door?", ["The red door", "The iron door", "The one that hums"], **later)
    await studio.poll(campaign, "Who is the traitor?", ["The captain", "The priest", "The bard"], secret=True)

    desk = await studio.page(f"{studio.program.base_url}/desk", DESK, signed_in)
    await desk.get_by_text("The bridge is out").first.wait_for()
    await take(desk, "desk-idle")
    await composer(desk)
    await desk.get_by_role("button", name="Add an overlay").click()
    await desk.get_by_role("textbox", name="Name").fill("Co-streamer")
    await desk.keyboard.press("Enter")
    await desk.get_by_role("button", name="Copy link").wait_for()
    await take(desk, "overlay-link")

    await studio.call("POST", f"/polls/{tie}/launch", {})
    await studio.vote(ana, [34, 51, 12])
    await studio.vote(ben, [29, 12, 9])
    phone = await studio.page(f"{studio.program.base_url}/desk", PHONE, signed_in)
    await phone.get_by_text("147 votes").first.wait_for()
    await take(phone, "phone")
    await phone.close()
    await studio.call("POST", f"/polls/{tie}/close", {})
    await studio.until(tie, "closed")
    await studio.call("POST", f"/polls/{tie}/reveal", {})
    await desk.get_by_text("Tie: you decide").wait_for()
    await take(desk, "desk-tie")
    await take(on_air, "overlay-tie")
    await studio.call("POST", f"/polls/{tie}/resolve", {"winner": 2})
    await studio.call("POST", f"/polls/{tie}/dismiss", {})

    await studio.call("POST", f"/polls/{door}/launch", {})
    await studio.vote(ana, [212, 95, 61])
    await studio.vote(ben, [4, 9, 21])
    await themes(studio, overlay)
    await desk.get_by_role("button", name="Streamer-safe").click()
    await take(desk, "desk-safe")
    await desk.get_by_role("button", name="Streamer-safe").click()
    await studio.call("POST", f"/polls/{door}/close", {})
    await studio.until(door, "closed")
    await studio.call("POST", f"/polls/{door}/reveal", {})
    await desk.get_by_role("tab", name="Past polls").click()
    await desk.locator(".past-item summary").first.click()
    await take(desk, "desk-history")


async def composer(desk: Page) -> None:
    """Writing a poll, with everything that is under "More"."""
    await desk.get_by_role("button", name="New poll").click()
    await desk.get_by_label("Question").fill("Which potion does Brom drink?")
    await desk.get_by_label("Option 1", exact=True).fill("The red one")
    await desk.get_by_label("Option 2", exact=True).fill("The one that whispers")
    await take(desk, "composer")
    await desk.set_viewport_size({"width": 1280, "height": 1500})
    await desk.get_by_text("More: rules, ties, timing").click()
    await take(desk, "composer-more")
    await desk.set_viewport_size(DESK)  # type: ignore[arg-type]
    await desk.keyboard.press("Escape")


async def themes(studio: Studio, overlay: dict[str, Any]) -> None:
    """The same moment in every theme."""
    for theme in THEMES:
        url, _, key = overlay["url"].partition("#")
        page = await studio.overlay(f"{url}?theme={theme}#{key}")
        await page.locator(".hb-row").first.wait_for()
        clip = {"x": 0, "y": 340, "width": 620, "height": 380}
        await take(page, f"theme-{theme}", clip=clip)
        await page.context.close()


async def run(program: Hubbub, chromium: str) -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=BROWSER_FLAGS)
        api = await playwright.request.new_context(base_url=program.base_url, extra_http_headers=program.headers)
        studio = Studio(program, api, browser)
        signed_in = await sign_in(studio)
        await demo(studio, signed_in)
        await show(studio, signed_in)
        await api.dispose()
        await browser.close()


def main() -> int:
    """Take them all; 1 when there is no browser."""
    chromium = find_chromium.find()
    if chromium is None:
        print("pictures: no Chromium here; install one, or set CHROME_BIN to one.", file=sys.stderr)
        return 1
    PICTURES.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="hubbub-pictures-", dir="/tmp"))
    program = Hubbub(folder, {"HUBBUB_DEMO": "1", "LANG": os.environ.get("LANG", "C.UTF-8")})
    try:
        program.start()
        asyncio.run(run(program, chromium))
    finally:
        program.stop()
        shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
