"""Every face of the desk on every screen: nothing overflows, text can be read, fingers find their targets.

By default each face is seen on a phone and on one wide screen, light and dark in turn; `make looks` sees
every face on every screen in both. The pictures of the same faces go to build/pictures/desk-*.png.
"""

from __future__ import annotations

from typing import Literal

import pytest
from playwright.async_api import Browser, Page

from tests.browser.desk_harness import FakeHubbub, serve
from tests.browser.desk_probes import ALL_LOOKS, CONTRAST, PICTURES, SIDEWAYS, SMALL, settle
from tests.browser.desk_scenes import SCENES, Act, hostile_text

SIZES = {"1920": (1920, 1080), "1280": (1280, 720), "360": (360, 740)}
Scheme = Literal["dark", "light"]
_SCHEMES: tuple[Scheme, ...] = ("dark", "light")
_EVERY = tuple((size, scheme) for size in SIZES for scheme in _SCHEMES)


def screens(turn: int) -> tuple[tuple[str, Scheme], ...]:
    """On which screens a face is seen."""
    if ALL_LOOKS:
        return _EVERY
    wide = ("1280", "1920")[turn // 2 % 2]
    return (wide, _SCHEMES[turn % 2]), ("360", _SCHEMES[(turn + 1) % 2])


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
async def test_every_face_fits_every_screen(page: Page, scene: Act) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    fake = FakeHubbub()
    async with serve(fake):
        await page.set_viewport_size({"width": 1280, "height": 720})
        await scene(fake, page)
        for name, scheme in screens(SCENES.index(scene)):
            width, height = SIZES[name]
            await page.set_viewport_size({"width": width, "height": height})
            await page.emulate_media(color_scheme=scheme)
            await settle(page)
            label = f"{scene.__name__.replace('_', '-')}-{name}-{scheme}"
            await page.screenshot(path=PICTURES / f"desk-{label}.png")
            assert await page.evaluate(SIDEWAYS) == [], label
            assert await page.evaluate(CONTRAST) == [], label
            if name == "360":
                assert await page.evaluate(SMALL) == [], label


def test_every_screen_has_its_turn() -> None:
    """Whatever is left out of a face by default is seen of another one."""
    assert {screen for turn in range(len(SCENES)) for screen in screens(turn)} == set(_EVERY)


async def test_hostile_text_stays_text(page: Page) -> None:
    """Markup, bidi overrides, stacked marks in names and options: no script runs, nothing leaves its row."""
    fake = FakeHubbub()
    alarms: list[str] = []
    page.on("dialog", lambda dialog: alarms.append(dialog.message))
    page.on("console", lambda message: alarms.append(message.text) if message.type == "error" else None)
    async with serve(fake):
        await hostile_text(fake, page)
        await page.locator("#tab-history").click()
        await page.locator(".past-item summary").click()
        assert await page.locator("img, svg[onload], .bar script, .lamp script").count() == 0
        tall = await page.locator(".draft, .bar").evaluate_all(
            "(nodes) => nodes.filter((node) => node.scrollHeight > node.clientHeight + 2).length"
        )
        assert tall == 0
        await page.wait_for_timeout(300)  # a script would have had its chance
        assert alarms == []


@pytest.mark.parametrize(("width", "height"), [(640, 360), (800, 1100), (3840, 2160)])
async def test_zoom_tablets_and_big_screens(browser: Browser, width: int, height: int) -> None:
    """640×360 is a 1280×720 screen at 200 % zoom."""
    fake = FakeHubbub()
    context = await browser.new_context(viewport={"width": width, "height": height})
    page = await context.new_page()
    async with serve(fake):
        await SCENES[2](fake, page)
        await settle(page)
        await page.screenshot(path=PICTURES / f"desk-voting-{width}x{height}.png")
        assert await page.evaluate(SIDEWAYS) == []
        box = await page.locator("#next-action").bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= height, "the next action must be in sight"
    await context.close()


async def test_a_phone_reads_now_then_next_then_health(page: Page) -> None:
    fake = FakeHubbub()
    await page.set_viewport_size({"width": 360, "height": 740})
    async with serve(fake):
        await SCENES[2](fake, page)
        zones = page.locator(".now, .next, .health")
        tops: list[int] = await zones.evaluate_all("(all) => all.map((zone) => zone.offsetTop)")
        assert tops == sorted(tops)
        bar = await page.locator(".action-bar").bounding_box()
        assert bar is not None
        before = bar["y"]
        await page.mouse.wheel(0, 900)
        while await page.evaluate("scrollY") < 300:
            await page.wait_for_timeout(20)
        after = await page.locator(".action-bar").bounding_box()
        assert after is not None
        assert after["y"] == before, "the next action stays under the thumb"


async def test_everything_has_a_name_and_focus_is_visible(page: Page) -> None:
    fake = FakeHubbub()
    async with serve(fake):
        await SCENES[1](fake, page)
        nameless = await page.locator("button, a, input, select").evaluate_all(
            """(nodes) => nodes.filter((node) => node.checkVisibility()).filter((node) => {
                const name = node.getAttribute("aria-label") || node.textContent.trim();
                return !name && !node.labels?.length;
            }).length"""
        )
        assert nameless == 0
        seen = 0
        for _ in range(30):
            await page.keyboard.press("Tab")
            width = await page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
            tag = await page.evaluate("document.activeElement.tagName")
            if tag == "BODY":
                continue
            seen += 1
            assert width == "3px", tag
        assert seen > 20
