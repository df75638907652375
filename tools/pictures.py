"""Takes the pictures of README.md and docs/ from the running program, into docs/pictures (`make pictures`).

The server runs with the demo in a folder that is thrown away, votes are lines of chat, pages are drawn by
Chromium. Three things are staged: the scene behind the overlay (tools/scene.svg), Twitch (the stand-in of
the tests), and that the browser calls itself OBS, as the one in OBS does.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import shutil
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from playwright.async_api import (
    APIRequestContext,
    Browser,
    BrowserContext,
    FloatRect,
    Locator,
    Page,
    ViewportSize,
    async_playwright,
)

from server.rules.wiretime import to_wire
from tests.fakes.twitch_irc import FakeTwitch
from tests.servers import BROWSER_FLAGS, Hubbub
from tools import find_chromium

PROJECT = Path(__file__).parents[1]
PICTURES = PROJECT / "docs" / "pictures"
SCENE = (PROJECT / "tools" / "scene.svg").read_text("utf-8")
#: As the browser of OBS 32 introduces itself.
OBS_AGENT = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/127.0.6533.120 OBS/32.2.2 Safari/537.36"
)
CANVAS: ViewportSize = {"width": 1920, "height": 1080}
#: A README is shown about 800 pixels wide, so that 1280 of OBS's 1920 are plenty.
SHRINK = 2 / 3
DESK: ViewportSize = {"width": 1280, "height": 860}
TALL: ViewportSize = {"width": 1280, "height": 1200}
PHONE: ViewportSize = {"width": 390, "height": 844}
#: Where a poll stands on the canvas.
CARD: FloatRect = {"x": 0, "y": 560, "width": 800, "height": 520}
CHANNELS = ("ana_plays", "ben_rolls")
THEMES = ("night", "paper", "arcade")


class Studio:
    """The running program, a Twitch, and a browser that is signed in to the desk."""

    def __init__(self, program: Hubbub, twitch: FakeTwitch, api: APIRequestContext, browser: Browser) -> None:
        self.program, self.twitch, self.api, self.browser = program, twitch, api, browser
        self.signed_in: BrowserContext | None = None
        self._viewers = itertools.count(1000)

    def link(self, path: str) -> str:
        """A link that the program printed at its start."""
        found = re.search(rf"http\S+{path}\S+", self.program.log)
        if found is None:
            raise RuntimeError(f"no link to {path} in:\n{self.program.log}")
        return found[0]

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        """One API call; raises when it is refused, because a picture of a failure is no use."""
        answer = await self.api.fetch(f"/api/v1{path}", method=method, data=body)
        if not answer.ok:
            raise RuntimeError(f"{method} {path}: {answer.status} {await answer.text()}")
        return await answer.json()

    async def desk(self, size: ViewportSize) -> Page:
        """The desk; the first time by the link from the terminal, as a person would."""
        is_new = self.signed_in is None
        if self.signed_in is None:
            self.signed_in = await self.browser.new_context(color_scheme="dark")
        page = await self.signed_in.new_page()
        await page.set_viewport_size(size)
        await page.goto(self.link("/login#code=") if is_new else f"{self.program.base_url}/desk")
        await page.wait_for_url("**/desk")
        return page

    async def overlay(self, url: str) -> Page:
        """The overlay as OBS shows it: over a picture."""
        obs = await self.browser.new_context(
            viewport=CANVAS, device_scale_factor=SHRINK, user_agent=OBS_AGENT
        )
        page = await obs.new_page()
        await page.goto(url)
        await page.evaluate("scene => document.body.insertAdjacentHTML('afterbegin', scene)", SCENE)
        return page

    async def vote(self, poll: str, votes: dict[str, Sequence[int]]) -> None:
        """By channel: how many viewers write 1, 2, 3…; returns when all are counted."""
        for login, counts in votes.items():
            for option, count in enumerate(counts, 1):
                for _ in range(count):
                    await self.twitch.say(login, str(option), user_id=str(next(self._viewers)))
        await self.until(poll, total_votes=sum(sum(counts) for counts in votes.values()))

    async def poll(self, show: dict[str, str], question: str, options: list[str], **rules: Any) -> str:
        """A draft in the rundown, whose result stays until it is dismissed."""
        settings = {"duration_s": 60, "grace_s": 0, "hold_s": 600, "rundown_id": show["rundown"]}
        body = {"question": question, "options": options, **settings, **rules}
        return str((await self.call("POST", f"/campaigns/{show['id']}/polls", body))["id"])

    async def act(self, poll: str, *verbs: str) -> None:
        """Launch, close, reveal…; after a close it waits for the count."""
        for verb in verbs:
            await self.call("POST", f"/polls/{poll}/{verb}", {})
            if verb == "close":
                await self.until(poll, state="closed")

    async def until(self, poll: str, **wanted: Any) -> None:
        async with asyncio.timeout(20):
            while not wanted.items() <= (await self.call("GET", f"/polls/{poll}")).items():  # noqa: ASYNC110
                await asyncio.sleep(0.1)


async def take(page: Page, name: str, *, of: Locator | None = None, clip: FloatRect | None = None) -> None:
    """One picture, of the whole page or a part, after the page has stopped moving."""
    await asyncio.sleep(0.8)  # bars grow for 0.3 s, cards come in for 0.5 s
    path = PICTURES / f"{name}.png"
    if of is None:
        await page.screenshot(path=path, clip=clip)
    else:
        await of.screenshot(path=path)
    print(f"{path.relative_to(PROJECT)}  {path.stat().st_size // 1024} KiB", flush=True)


async def demo(studio: Studio) -> None:
    """What somebody sees after `make run`."""
    overlay = await studio.overlay(studio.link("/o/"))
    desk = await studio.desk(DESK)
    # Half-way through: most votes are in, the countdown is not gold yet.
    half_way = desk.locator(".state-clock", has_text=re.compile(r"^\s*(2\d|1[5-9])\ss\s*$"))
    await half_way.wait_for(timeout=70_000)
    await take(desk, "desk")
    await take(overlay, "overlay")
    await desk.close()
    await overlay.context.close()


async def show(studio: Studio) -> None:
    """An evening of our own, with exact numbers: what the guides explain."""
    campaign = (await studio.call("POST", "/campaigns", {"name": "Friday dungeon"}))["id"]
    rundown = (await studio.call("POST", f"/campaigns/{campaign}/rundowns", {"name": "Tonight"}))["id"]
    for login in CHANNELS:
        body = {"platform": "twitch", "login": login, "source": "irc"}
        await studio.call("POST", f"/campaigns/{campaign}/channels", body)
    await studio.twitch.joined(*CHANNELS)
    overlay = await studio.call("POST", f"/campaigns/{campaign}/overlays", {"name": "Main scene"})
    on_air = await studio.overlay(overlay["url"])
    planned = {"id": campaign, "rundown": rundown}
    bridge = await studio.poll(planned, "The bridge is out. Now what?", ["Swim", "Climb", "Turn back"])
    doors = ["The red door", "The iron door", "The one that hums"]
    door = await studio.poll(planned, "Which door?", doors, weighting="per_head")
    await studio.poll(planned, "Who is the traitor?", ["The captain", "The priest", "The bard"], secret=True)

    desk = await studio.desk(DESK)
    await desk.get_by_text("connected", exact=True).nth(2).wait_for()
    await take(desk, "desk-idle")
    await dialogs(desk)
    await tie(studio, desk, on_air, bridge)
    await weighted(studio, desk, on_air, door, overlay["url"])
    await studio.act(door, "dismiss")
    await table(studio, desk, on_air, campaign)
    await supporters(studio, desk, on_air, campaign)


async def dialogs(desk: Page) -> None:
    """Adding a channel, writing a poll with everything that is under "More", adding an overlay."""
    dialog = desk.locator("dialog[open]")
    await desk.get_by_role("button", name="Add a channel").click()
    await desk.get_by_role("textbox", name="Channel name").fill(CHANNELS[0])
    await take(desk, "add-channel", of=dialog)
    await desk.keyboard.press("Escape")

    await desk.get_by_role("button", name="New poll").click()
    written = {
        "Question": "Which potion does Brom drink?",
        "Option 1": "The red one",
        "Option 2": "The one that whispers",
    }
    for field, text in written.items():
        await desk.get_by_label(field, exact=True).fill(text)
    await take(desk, "composer", of=dialog)
    await desk.set_viewport_size(TALL)
    await desk.get_by_text("More: rules, ties, timing").click()
    await desk.get_by_label("Reveal by itself after").scroll_into_view_if_needed()
    await take(desk, "composer-more", of=dialog)
    await desk.set_viewport_size(DESK)
    for field in written:  # empty, it closes without asking to be kept
        await desk.get_by_label(field, exact=True).fill("")
    await desk.keyboard.press("Escape")

    await desk.get_by_role("button", name="Add an overlay").click()
    await desk.get_by_role("textbox", name="Name").fill("Co-streamer")
    await desk.keyboard.press("Enter")
    await desk.get_by_role("button", name="Copy link").wait_for()
    await take(desk, "overlay-link", of=desk.locator(".zone.health"))
    await desk.get_by_role("button", name="Done").click()


async def tie(studio: Studio, desk: Page, on_air: Page, poll: str) -> None:
    """Open, on a phone; then a tie that waits for the game master."""
    await studio.act(poll, "launch")
    await studio.vote(poll, {"ana_plays": [34, 51, 12], "ben_rolls": [29, 12, 9]})
    phone = await studio.desk(PHONE)
    await phone.get_by_text("147 votes").first.wait_for()
    await take(phone, "phone")
    await phone.close()
    await studio.act(poll, "close", "reveal")
    await desk.get_by_text("Tie: you decide", exact=True).wait_for()
    await take(desk, "desk-tie")
    await take(on_air, "overlay-tie")
    await studio.call("POST", f"/polls/{poll}/resolve", {"winner": 2})
    await studio.act(poll, "dismiss")


async def weighted(studio: Studio, desk: Page, on_air: Page, poll: str, url: str) -> None:
    """A big and a small channel that weigh the same, in every theme, blurred, and among the past polls."""
    await studio.act(poll, "launch")
    await studio.vote(poll, {"ana_plays": [212, 95, 61], "ben_rolls": [4, 9, 21]})
    for theme in THEMES:
        address, _, key = url.partition("#")
        page = await studio.overlay(f"{address}?theme={theme}#{key}")
        await page.locator(".hb-row").first.wait_for()
        await take(page, f"theme-{theme}", clip=CARD)
        await page.context.close()
    safe = desk.get_by_role("button", name="Streamer-safe")
    await safe.click()
    await take(desk, "desk-safe")
    await safe.click()
    await studio.act(poll, "close", "reveal")
    await on_air.locator(".hb-crown").filter(visible=True).wait_for()
    await asyncio.sleep(2)  # the confetti has fallen
    await take(on_air, "overlay-revealed", clip=CARD)
    await desk.get_by_role("tab", name="Past polls").click()
    await desk.locator(".past-item summary").first.click()
    await take(desk, "past-polls", of=desk.locator(".zone.next"))


def d20(number: int, who: str, label: str, faces: Sequence[int], bonus: int, **more: Any) -> dict[str, Any]:
    """A roll as a program would send it; of several dice the highest is kept."""
    kept = max(faces)
    dice = [{"value": face, "state": "kept" if face == kept else "dropped"} for face in faces]
    return {
        "schema": "hubbub.dice_roll/1",
        "roll_id": f"picture-{number}",
        "source": {"system": "other", "instance_id": "studio"},
        "actor": {"player_name": who, "character_name": who},
        "kind": "attack",
        "label": label,
        "visibility": "public",
        "mode": "advantage" if len(faces) > 1 else "normal",
        "notation": f"{len(faces)}d20{'kh1' if len(faces) > 1 else ''}+{bonus}",
        "groups": [{"sides": 20, "count": len(faces), "dice": dice}],
        "modifiers": [{"value": bonus}],
        "total": kept + bonus,
        **more,
    }


async def table(studio: Studio, desk: Page, on_air: Page, campaign: str) -> None:
    """Dice: a critical, a fumble, a sealed one, one whose owner is not known; then a critical on stream."""
    here = f"/campaigns/{campaign}"
    await studio.call(
        "PATCH", f"{here}/table", {"shows_secret": True, "seals_secret": True, "game_system": "dnd5e"}
    )
    channels = (await studio.call("GET", f"{here}/channels"))["items"]
    for name, channel in (("Rook Feather", channels[0]), ("Tinker Tess", channels[1])):
        points = {"current": 24, "maximum": 31}
        made = await studio.call("POST", f"{here}/characters", {"name": name, "hit_points": points})
        await studio.call("POST", f"/characters/{made['id']}/assign", {"channel_id": channel["id"]})
        await studio.call("PATCH", f"/characters/{made['id']}", {"in_party": True})
    sender = await studio.call("POST", f"{here}/vtt-connections", {"system": "other", "name": "Friday dice"})
    rolls = [
        d20(1, "Tinker Tess", "Perception", [1], 1),
        d20(2, "Rook Feather", "Stealth", [11], 7),
        d20(3, "Game master", "What the trap does", [14], 5, visibility="gm_only"),
        d20(4, "Rook Feather", "Longbow", [4, 20], 7),
        d20(5, "Goblin boss", "Scimitar", [13], 4),
    ]
    await send(studio, sender, rolls)
    await desk.get_by_role("button", name="Table").click()
    await desk.locator(".pending-roll").wait_for()
    await asyncio.sleep(4)  # the dice have fallen
    await take(desk, "desk-table")
    await on_air.locator(".hb-roll").first.wait_for(state="detached")
    await send(studio, sender, [d20(6, "Rook Feather", "Longbow", [17, 20], 7)])
    await on_air.locator(".hb-roll").first.wait_for()
    await asyncio.sleep(1.5)  # the dice lie, and the light has gone round
    await take(on_air, "overlay-dice")


async def supporters(studio: Studio, desk: Page, on_air: Page, campaign: str) -> None:
    """What viewers gave, on the desk, and the largest of it on stream."""
    here = f"/campaigns/{campaign}"
    channel = (await studio.call("GET", f"{here}/channels"))["items"][0]
    page = {"service": "kofi", "name": "Coffee for Ana", "verification_token": "of-nobody-at-all"}
    await studio.call("POST", f"{here}/donation-connections", page)
    await studio.call("PATCH", f"{here}/alert-rules/bits", {"minimum": 100})
    told: list[tuple[str, str, dict[str, Any]]] = [
        ("channel.follow", "Fern Fable", {}),
        ("support.subscription", "Odd Otter", {"months": 14, "tier": 1, "message": "Still no dragon!"}),
        ("support.bits", "Lantern Lou", {"quantity": 500, "message": "For luck on the next roll"}),
        ("support.donation", "Salt & Sage", {"amount_minor": 1250, "currency": "EUR"}),
        ("support.gift", "Map Muncher", {"quantity": 20, "tier": 1, "fact": "picture"}),
    ]
    for number, (kind, name, more) in enumerate(told):
        user = {"id": str(900 + number), "login": f"viewer_{number}", "name": name}
        event = {"type": kind, "platform": channel["platform"], "channel_id": channel["channel_id"]}
        event |= {
            "message_id": f"picture-{number}",
            "user": user,
            "sent_at": to_wire(datetime.now(UTC)),
            **more,
        }
        await studio.call("POST", f"{here}/events", [event])
        if kind != "support.gift":
            await studio.call("POST", f"{here}/alerts/dismiss", {})
    await on_air.locator(".hb-alert-plate").filter(visible=True).wait_for()
    await asyncio.sleep(1.5)  # the sparks have flown
    await take(on_air, "overlay-alert")
    await desk.get_by_role("button", name="Support", exact=True).click()
    await desk.locator(".support-entry").nth(len(told) - 1).wait_for()
    await take(desk, "supporters")


async def send(studio: Studio, sender: dict[str, Any], rolls: list[dict[str, Any]]) -> None:
    """Rolls through the webhook, as a table sends them."""
    answer = await studio.api.post(
        f"/webhooks/vtt/{sender['id']}",
        data={"rolls": rolls},
        headers={"Authorization": f"Bearer {sender['ingest_token']}"},
    )
    if not answer.ok:
        raise RuntimeError(f"the rolls: {answer.status} {await answer.text()}")


async def run(folder: Path, chromium: str) -> None:
    """Start what is needed, take all pictures, end it."""
    async with FakeTwitch.serving() as twitch, async_playwright() as playwright:
        program = Hubbub(folder, {"HUBBUB_DEMO": "1", "TWITCH_IRC_URL": twitch.url})
        try:
            await asyncio.to_thread(program.start)
            browser = await playwright.chromium.launch(executable_path=chromium, args=BROWSER_FLAGS)
            api = await playwright.request.new_context(
                base_url=program.base_url, extra_http_headers=program.headers
            )
            studio = Studio(program, twitch, api, browser)
            await demo(studio)
            await show(studio)
            await browser.close()
        finally:
            await asyncio.to_thread(program.stop)


def main() -> int:
    """Take them all; 1 when there is no browser."""
    chromium = find_chromium.find()
    if chromium is None:
        print("pictures: no Chromium here; install one, or set CHROME_BIN to one.", file=sys.stderr)
        return 1
    PICTURES.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="hubbub-pictures-", dir="/tmp"))
    try:
        asyncio.run(run(folder, chromium))
    finally:
        shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
