"""Every face of the table on the desk, on every screen: nothing overflows, texts can be read and targets hit.

By default each face is seen on two of the four screens, in one scheme each; `make looks` sees everything.

The pictures go to build/pictures/table-*.png.
"""

from __future__ import annotations

from typing import Literal

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.desk_harness import FakeHubbub, serve
from tests.browser.desk_probes import ALL_LOOKS, CONTRAST, PICTURES, SIDEWAYS, SMALL, settle
from tests.browser.desk_table_scenes import TABLE_SCENES, full

SIZES = {"1280": (1280, 800), "800": (800, 900), "390": (390, 844), "360": (360, 740)}
_SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
#: Wide enough that the text in it is not cut: names of buttons and tabs.
CUT = """() => [...document.querySelectorAll(":is(.table, .views, dialog) :is(.button, [role=tab])")]
  .filter((node) => node.checkVisibility() && !node.classList.contains("chip"))
  .filter((node) => node.scrollWidth > node.clientWidth + 1)
  .map((node) => [node.textContent, node.scrollWidth, node.clientWidth])"""
#: Controls that a screen reader could not name.
NAMELESS = """(nodes) => nodes.filter((node) => node.checkVisibility()).filter((node) => {
  const name = node.getAttribute("aria-label") || node.textContent.trim();
  return !name && ![...(node.labels ?? [])].some((label) => label.textContent.trim());
}).map((node) => node.outerHTML)"""


@pytest.mark.parametrize("group", TABLE_SCENES)
async def test_every_face_of_the_table_fits_every_screen(browser: Browser, group: str) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    found: list[tuple[str, object]] = []
    for scene in TABLE_SCENES[group]:
        fake = FakeHubbub()
        page = await browser.new_page(viewport={"width": 1280, "height": 800})
        async with serve(fake):
            await scene(fake, page)
            found += [(scene.__name__, trouble) for trouble in await troubles_of(page, scene.__name__)]
            await page.close()
    assert found == []


async def troubles_of(page: Page, name: str) -> list[object]:
    """Takes the pictures of one face, and tells what is wrong on which screen."""
    found: list[object] = []
    for turn, (size, (width, height)) in enumerate(SIZES.items()):
        if not ALL_LOOKS and turn % 2 == len(name) % 2:
            continue  # seen of the faces whose names are a letter longer
        await page.set_viewport_size({"width": width, "height": height})
        for scheme in _SCHEMES if ALL_LOOKS else _SCHEMES[turn // 2 :][:1]:
            await page.emulate_media(color_scheme=scheme)
            await settle(page)
            found += [(size, scheme, trouble) for trouble in await page.evaluate(CONTRAST)]
        await page.screenshot(path=PICTURES / f"table-{name.replace('_', '-')}-{size}.png")
        for probe in (SIDEWAYS, CUT, *([SMALL] if width < 400 else [])):
            found += [(size, trouble) for trouble in await page.evaluate(probe)]
    return found


async def test_everything_on_the_table_has_a_name_and_focus_is_visible(page: Page) -> None:
    fake = FakeHubbub()
    async with serve(fake):
        full(fake)
        await page.goto(f"{fake.origin}/desk")
        await page.keyboard.press("t")
        for tab in await page.locator(".table-tabs [role=tab]").all():
            await tab.click()
            panel = page.locator(f"#{await tab.get_attribute('aria-controls')}")
            await expect(panel).to_be_visible()
            for more in await panel.locator(".square[aria-expanded]").all():
                await more.click()
            nameless = await page.locator(".table :is(button, a, input, select)").evaluate_all(NAMELESS)
            assert nameless == [], await tab.text_content()
            await tab.focus()
            for _ in range(12):
                await page.keyboard.press("Tab")
                width = await page.evaluate(
                    """() => {
                      const node = document.activeElement;
                      const inside = node.matches(".switch input, .choices input");
                      const shown = inside ? node.nextElementSibling : node;
                      return node === document.body ? "3px" : getComputedStyle(shown).outlineWidth;
                    }"""
                )
                assert width == "3px", await page.evaluate("document.activeElement.outerHTML")
