"""Supporters as a streamer sees them: the running program, its desk, and the overlay beside it.

Pictures go to build/pictures/supporters-*.png and supported-*.png.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest
from playwright.async_api import Browser, Locator, Page, expect

from server.rules.support import KINDS
from server.rules.wiretime import to_wire
from tests.browser.desk_acts import hold
from tests.browser.desk_probes import CONTRAST, PICTURES, SIDEWAYS, SMALL, settle
from tests.browser.test_overlay_pictures import BACKGROUNDS
from tests.browser.test_sign_in import KEY
from tests.servers import Hubbub, StartHubbub
from tests.unit.donation_samples import KOFI, STREAMLABS, form

WAIT = 15_000
TITLES = {
    "follow": "Follows",
    "subscription": "New subs",
    "resub": "Resubs",
    "gift": "Gifted subs",
    "bits": "Bits",
    "kicks": "Kicks",
    "donation": "Donations",
    "raid": "Raids",
}
SAYS = {
    "follow": "Rook Feather",
    "subscription": "New subscriber",
    "resub": "14",
    "gift": "5",
    "bits": "500",
    "kicks": "250",
    "donation": "€12.50",
    "raid": "128",
}
_TELL = """([listener, event]) =>
  dispatchEvent(new CustomEvent("onEventReceived", {detail: {listener, event}}))"""
_STILL = "() => document.querySelector('.hb-alert-plate') && document.getAnimations().length === 0"
_HIDDEN_NAMES = """() => [...document.querySelectorAll('.zone.support .name')]
  .filter((node) => node.checkVisibility() && !getComputedStyle(node).filter.includes('blur'))
  .map((node) => node.textContent)"""


@dataclass
class Show:
    """A running program with one show, its desk and its overlay."""

    hubbub: Hubbub
    http: httpx2.AsyncClient
    campaign: str
    desk: Page
    stream: Page

    @property
    def zone(self) -> Locator:
        return self.desk.locator(".zone.support")

    async def kindness(self, *events: dict[str, Any]) -> None:
        common = {"platform": "custom", "channel_id": "stage", "sent_at": to_wire(datetime.now(UTC))}
        answer = await self.http.post(
            f"/api/v1/campaigns/{self.campaign}/events", json=[{**common, **event} for event in events]
        )
        assert answer.status_code == 200, answer.text
        assert answer.json()["rejected"] == []

    async def clear(self) -> None:
        await self.zone.get_by_role("button", name="Clear the stream").click()
        await expect(self.stream.locator(".hb-alert-plate")).to_be_hidden(timeout=WAIT)


@pytest.fixture
async def show(browser: Browser, start_hubbub: StartHubbub, database_url: str) -> AsyncIterator[Show]:
    hubbub = start_hubbub(DATABASE_URL=database_url, HUBBUB_SECRET_KEY=KEY)
    link = re.search(r"http://\S+/login#code=\S+", hubbub.log)
    assert link is not None
    context = await browser.new_context(viewport={"width": 1920, "height": 1080})
    await context.grant_permissions(["clipboard-read", "clipboard-write"])
    async with httpx2.AsyncClient(base_url=hubbub.base_url, headers=hubbub.headers) as http:
        campaign = (await http.post("/api/v1/campaigns", json={"name": "Friday dungeon"})).json()["id"]
        overlay = await http.post(f"/api/v1/campaigns/{campaign}/overlays", json={"name": "Main"})
        stage = {"platform": "custom", "login": "stage", "source": "api", "channel_id": "stage"}
        assert (await http.post(f"/api/v1/campaigns/{campaign}/channels", json=stage)).is_success
        desk, stream = await context.new_page(), await context.new_page()
        await stream.goto(overlay.json()["url"])
        await stream.wait_for_selector("hb-stage", state="attached")
        await stream.add_style_tag(content="html { background: var(--ground, transparent) !important; }")
        await desk.goto(link.group())
        await desk.locator(".views").get_by_role("button", name="Support").click()
        await expect(desk.locator(".zone.support")).to_be_visible()
        yield Show(hubbub, http, campaign, desk, stream)
    await context.close()


async def pictured(page: Page, name: str) -> None:
    """Nothing overflows and everything can be read and pressed; pictures on a desk's screen and a phone's."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    for size, (width, height) in {"desk": (1920, 1080), "small": (1280, 720), "phone": (360, 740)}.items():
        await page.set_viewport_size({"width": width, "height": height})
        await page.emulate_media(color_scheme="light" if size == "phone" else "dark")
        await settle(page)
        await page.screenshot(path=PICTURES / f"supporters-{name}-{size}.png", full_page=size == "phone")
        assert await page.evaluate(SIDEWAYS) == [], (name, size)
        assert await page.evaluate(CONTRAST) == [], (name, size)
        if size == "phone":
            assert await page.evaluate(SMALL) == [], name
    await page.set_viewport_size({"width": 1920, "height": 1080})
    await page.emulate_media(color_scheme="dark")


async def test_kofi_is_connected_and_a_donation_reaches_stream_and_desk(show: Show) -> None:
    await expect(show.zone.get_by_text("Do viewers give money somewhere?")).to_be_visible()
    await expect(show.zone.get_by_text("Nothing yet.")).to_be_visible()
    await pictured(show.desk, "empty")
    await show.zone.get_by_role("button", name="Connect a page").first.click()
    dialog = show.desk.get_by_role("dialog")
    await pictured(show.desk, "connect")
    await dialog.get_by_role("button", name="Make its address").click()
    await expect(dialog.get_by_text("Paste the token from Ko-fi's page")).to_be_visible()
    await dialog.get_by_label("Ko-fi's verification token").fill("short")
    await dialog.get_by_role("button", name="Make its address").click()
    await expect(dialog.get_by_text("8 to 128 characters").first).to_be_visible()
    await dialog.get_by_label("Ko-fi's verification token").fill(KOFI["verification_token"])
    await dialog.get_by_label("Ko-fi's verification token").press("Enter")
    address = dialog.locator("code.copied")
    await expect(address).to_have_text(re.compile(r"/webhooks/donations/[0-9a-f-]{36}$"))
    await expect(dialog.get_by_text("has no https address")).to_be_visible()
    await pictured(show.desk, "kofi")
    url = await address.text_content()
    await dialog.get_by_role("button", name="Done").click()
    page = show.zone.locator('[aria-label="Donation pages"] .lamp', has_text="Ko-fi")
    await expect(page.get_by_text("nothing heard yet")).to_be_visible()
    told = {**KOFI, "timestamp": to_wire(datetime.now(UTC)), "from_name": "<img src=x onerror=alert(1)>"}
    form_type = {"content-type": "application/x-www-form-urlencoded"}
    async with httpx2.AsyncClient(headers=form_type) as kofi:
        assert (
            await kofi.post(url or "", content=form({**told, "verification_token": "0" * 36}))
        ).status_code == 401
        for _ in range(2):
            assert (await kofi.post(url or "", content=form(told))).status_code == 200
    await expect(show.stream.locator(".hb-alert-name")).to_have_text(re.compile("^<img src=x onerro"))
    await expect(show.stream.locator(".hb-alert-figure")).to_have_text("€3")
    entry = show.zone.locator(".support-entry")
    await expect(entry).to_have_count(1, timeout=WAIT)
    await expect(entry.locator("strong")).to_have_text("<img src=x onerror=alert(1)>")
    await expect(entry).to_contain_text("donates 3.00 EUR")
    await expect(show.zone.locator(".support-totals")).to_contain_text("3.00 EUR")
    await expect(page.get_by_text("last heard")).to_be_visible(timeout=WAIT)
    await page.get_by_role("button", name=re.compile("^Send a test donation")).click()
    tests = show.zone.locator(".support-entry .tag:visible")
    await expect(tests).to_have_text(["TEST"], timeout=WAIT)
    await pictured(show.desk, "kofi-heard")
    # Another token, then an end to it.
    await page.get_by_role("button", name=re.compile("^More for")).click()
    await page.get_by_role("button", name="Another token").click()
    await show.desk.get_by_role("dialog").get_by_label("Ko-fi's verification token").fill("another-token")
    await show.desk.get_by_role("dialog").get_by_role("button", name="Use this token").click()
    await expect(page.get_by_text("stays good until")).to_be_visible()
    await hold(show.desk, page.get_by_role("button", name="Revoke (hold)"))
    await expect(page.get_by_text("revoked: nothing is taken from it")).to_be_visible()
    await pictured(show.desk, "kofi-revoked")
    await page.get_by_role("button", name="Delete (hold)").scroll_into_view_if_needed()
    await hold(show.desk, page.get_by_role("button", name="Delete (hold)"))
    await expect(show.zone.get_by_text("Do viewers give money somewhere?")).to_be_visible()
    await expect(show.zone.locator(".support-entry")).to_have_count(2)


@pytest.mark.parametrize("service", ["StreamElements", "Streamlabs"])
async def test_secrets_are_shown_once_and_dots_until_they_are_pressed(show: Show, service: str) -> None:
    await show.zone.get_by_role("button", name="Connect a page").first.click()
    dialog = show.desk.get_by_role("dialog")
    await dialog.get_by_label("Where do viewers give?").select_option(label=service)
    await expect(dialog.get_by_label("Ko-fi's verification token")).to_be_hidden()
    await dialog.get_by_role("button", name="Make its address and secrets").click()
    await expect(dialog.get_by_text("The secrets are shown only now")).to_be_visible()
    assert "don_" not in await show.desk.content()
    assert "whsec_" not in await show.desk.content()
    await pictured(show.desk, service.lower())
    await dialog.get_by_role("button", name="Copy: To paste").click()
    pasted = await show.desk.evaluate("() => navigator.clipboard.readText()")
    assert re.search(r'fetch\("http\S+/webhooks/donations/\S+"[\s\S]+Bearer don_[\w-]{43}"', pasted)
    await dialog.get_by_role("button", name=re.compile("^Signing secret: hidden")).click()
    await expect(dialog.locator(".secret", has_text="whsec_")).to_be_visible()
    await dialog.get_by_role("button", name="Done").click()
    for secret in ("don_", "whsec_"):
        assert secret not in await show.desk.content()
    await show.zone.get_by_role("button", name=re.compile("^How .+ is connected")).click()
    await expect(dialog.get_by_text("Its secrets were shown when they were made.")).to_be_visible()
    await dialog.get_by_role("button", name="Done").click()
    # What was pasted is a program of theirs: it runs as it stands, on a page of another site.
    async with another_site() as address:
        widget = await show.desk.context.new_page()
        await widget.goto(address)
        async with widget.expect_response(lambda answer: answer.request.method == "POST") as answered:
            await (_streamelements if service == "StreamElements" else _streamlabs)(widget, pasted)
        assert (await answered.value).status == 200
        await widget.close()
    await expect(show.stream.locator(".hb-alert-name")).to_have_text("Mossy")
    await expect(show.zone.locator(".support-entry", has_text="Mossy")).to_be_visible(timeout=WAIT)


async def _streamelements(widget: Page, pasted: str) -> None:
    """A custom widget, which is told a tip twice, once in the form that has no currency."""
    tip = {
        "type": "tip",
        "_id": "5d967959cd89a10ce12818ad",
        "createdAt": to_wire(datetime.now(UTC)),
        "data": {"tipId": "67b5f39d07ecd4c594e60f73", "username": "Mossy", "amount": 4.2, "currency": "USD"},
    }
    await widget.evaluate(pasted)
    for listener in ("tip-latest", "event"):
        await widget.evaluate(_TELL, [listener, tip])


async def _streamlabs(widget: Page, pasted: str) -> None:
    """A page of theirs; socket.io, which it loads from elsewhere, is one that tells a donation."""
    library, own = re.findall(r"<script[^>]*>([^<]*)</script>", pasted)
    assert library == ""
    await widget.evaluate("() => { window.io = () => ({on: (name, hear) => { window.hear = hear; }}); }")
    await widget.evaluate(own)
    for told in ({"type": "follow", "message": []}, STREAMLABS):
        await widget.evaluate("(told) => window.hear(told)", told)


@asynccontextmanager
async def another_site() -> AsyncIterator[str]:
    """An empty page of another origin; its address."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


async def test_every_kind_is_tried_out_and_looked_at(show: Show) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    assert set(TITLES) == set(KINDS)
    for number, (kind, title) in enumerate(TITLES.items()):
        await show.zone.get_by_role("button", name=f"Test an alert: {title}", exact=True).click()
        await expect(show.stream.locator(".hb-alert-plate")).to_contain_text(SAYS[kind])
        await expect(show.stream.locator("hb-alert .hb-mark")).to_have_text("TEST")
        await expect(show.zone.locator(".support-entry")).to_have_count(number + 1, timeout=WAIT)
        await show.stream.wait_for_function(_STILL)
        for ground, colours in BACKGROUNDS.items():
            await show.stream.evaluate(
                "(c) => document.documentElement.style.setProperty('--ground', c)", colours
            )
            for width, height in ((1920, 1080), (640, 360)):
                await show.stream.set_viewport_size({"width": width, "height": height})
                await show.stream.screenshot(path=PICTURES / f"supported-{kind}-{ground}-{width}.png")
        await show.clear()
    await pictured(show.desk, "every-kind")
    totals = (await show.http.get(f"/api/v1/campaigns/{show.campaign}/support/totals")).json()
    assert (totals["kinds"], totals["money"]) == ([], []), "tests are counted nowhere"


async def test_what_a_streamer_decides_about_alerts(show: Show) -> None:
    rules = f"/api/v1/campaigns/{show.campaign}/alert-rules"

    async def stored(kind: str) -> Any:
        items = (await show.http.get(rules)).json()["items"]
        return next(rule for rule in items if rule["kind"] == kind)

    bits = show.zone.locator(".alert-rule", has_text="Bits")
    await bits.get_by_role("button", name="How bits are shown").click()
    least = bits.get_by_label("From so many bits")
    await least.fill("many")
    await least.press("Tab")
    await expect(bits.get_by_text("A whole number, or nothing.")).to_be_visible()
    await least.fill("100")
    await least.press("Tab")
    await expect(bits.locator(".lamp-facts")).to_contain_text("from 100 bits")
    await bits.get_by_label("Seconds on stream").fill("31")
    await bits.get_by_label("Seconds on stream").press("Tab")
    await expect(bits.get_by_text("Whole seconds from 2 to 30.")).to_be_visible()
    await bits.get_by_label("Seconds on stream").fill("12")
    await bits.get_by_label("Seconds on stream").press("Tab")
    await expect(bits.locator(".lamp-facts")).to_contain_text("12")
    await bits.get_by_label("Words of your own").fill("{nmae} throws {amount}")
    await bits.get_by_label("Words of your own").press("Tab")
    await expect(bits.get_by_text("braces stand around")).to_be_visible()
    await pictured(show.desk, "rule")
    await bits.get_by_label("Words of your own").fill("{name} throws {amount}")
    await bits.get_by_label("Words of your own").press("Tab")
    await expect(bits.locator(".lamp-facts")).to_contain_text("your own words")
    async with asyncio.timeout(10):  # the desk says it before the server has it
        while (rule := await stored("bits"))["template"] == "":  # noqa: ASYNC110  nobody tells
            await asyncio.sleep(0.05)
    assert (rule["minimum"], rule["lasts_ms"], rule["template"]) == (100, 12000, "{name} throws {amount}")
    ana = {"type": "support.bits", "user": {"id": "1", "login": "ana", "name": "Ana"}}
    await show.kindness(
        {**ana, "message_id": "a", "quantity": 99}, {**ana, "message_id": "b", "quantity": 100}
    )
    await expect(show.stream.locator(".hb-alert-text")).to_have_text(re.compile("Ana.? throws 100 bits"))
    await expect(show.zone.locator(".support-entry")).to_have_count(2, timeout=WAIT)
    await show.clear()
    await bits.get_by_role("switch").click()
    await expect(bits.get_by_text("in the list only")).to_be_visible()
    await expect(bits.get_by_role("button", name="Test an alert: Bits")).to_be_disabled()
    await show.kindness({**ana, "message_id": "c", "quantity": 5000})
    await expect(show.zone.locator(".support-entry")).to_have_count(3, timeout=WAIT)
    await expect(show.stream.locator(".hb-alert-plate")).to_be_hidden()
    assert (await stored("bits"))["is_shown"] is False


async def test_a_bomb_of_a_hundred_is_one_alert(show: Show) -> None:
    gift = {
        "type": "support.gift",
        "user": {"id": "1", "login": "map", "name": "Map Muncher"},
        "fact": "bomb",
        "tier": 1,
    }
    told = [{**gift, "message_id": f"g{n}"} for n in range(100)]
    await show.kindness(*told[:50], {**gift, "message_id": "notice", "quantity": 100}, *told[50:])
    await expect(show.stream.locator(".hb-alert-figure")).to_have_text("100")
    await expect(show.stream.locator(".hb-alert-name")).to_have_text("Map Muncher")
    await show.stream.wait_for_function(_STILL)
    await show.stream.screenshot(path=PICTURES / "supported-bomb.png")
    await expect(show.zone.locator(".support-entry")).to_have_count(1, timeout=WAIT)
    await expect(show.zone.locator(".support-entry")).to_contain_text("gifts 100 subs")
    feed = (await show.http.get(f"/api/v1/campaigns/{show.campaign}/support")).json()["items"]
    assert [(one["quantity"], one["tellings"]) for one in feed] == [(100, 101)]
    # Two hundred followers at once are a handful of alerts, all over within half a minute.
    crowd = []
    for n in range(200):
        follower = {"id": f"{n}", "login": f"v{n}", "name": f"Viewer {n}"}
        crowd.append({"type": "channel.follow", "message_id": f"f{n}", "user": follower})
    await show.kindness(*crowd)
    more = show.stream.locator(".hb-alert-more")
    await expect(more).to_have_text(re.compile(r"\+19\d more"), timeout=30_000)
    await show.stream.wait_for_function(_STILL)
    await show.stream.screenshot(path=PICTURES / "supported-crowd.png")
    await expect(show.stream.locator(".hb-alert-plate")).to_be_hidden(timeout=20_000)


async def test_names_are_blurred_when_the_desk_may_be_on_stream(show: Show) -> None:
    await show.kindness(
        {"type": "channel.follow", "message_id": "f", "user": {"id": "1", "login": "ana", "name": "Ana"}},
        {
            "type": "support.donation",
            "message_id": "d",
            "user": None,
            "amount_minor": 500,
            "currency": "JPY",
            "message": "My phone number is 555",
        },
    )
    await expect(show.zone.locator(".support-entry")).to_have_count(2, timeout=WAIT)
    await expect(show.zone).to_contain_text("500 JPY")
    await show.desk.keyboard.press("b")
    assert await show.desk.evaluate(_HIDDEN_NAMES) == []
    await pictured(show.desk, "safe")
