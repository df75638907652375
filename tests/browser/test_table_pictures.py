"""Pictures of dice, party, initiative and cards, to be looked at: build/pictures/table-*.png.

Each is also checked for what a machine can see: plates in the safe area and apart, letters of 24 px or more.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from playwright.async_api import Page

from tests.browser.overlay_harness import OverlayServer, open_overlay, overlay_server, shows
from tests.browser.table_scenes import ASKED, OTHERS, THEMED, Scene, held
from tests.browser.test_overlay_pictures import BACKGROUNDS, FOLDER

_GROUND = "html { background: var(--ground, transparent) !important; }"
_STILL = "() => document.querySelector('.hb-card') && document.getAnimations().length === 0"

_STRANGE = (
    "img, iframe, script:not([src]), .hb-roll-name *, .hb-roll-label *, .hb-line-name *, .hb-turn-name *, "
    ".hb-hero-name *, .hb-hero-news *, .hb-word-text *"
)


async def _show(page: Page, server: OverlayServer, scene: Scene) -> None:
    """The scene with all its motions over, held there."""
    width, height = scene.size
    await page.set_viewport_size({"width": width, "height": height})
    layout = {"theme": "night", "anchor": "bottom-left", "scale": 1.0} | scene.layout
    stage = "document.querySelector('hb-stage')"
    await page.evaluate(f"(l) => Object.assign({stage}, {{asleep: false, overrides: l}})", layout)
    await server.unset(*server.boards)
    boards = scene.boards(server)
    if "dice" in boards:
        boards["dice"] = held(server, boards["dice"])
    await server.set(**boards)
    await shows(page, scene.says)
    await page.wait_for_function(_STILL)
    await page.evaluate(f"{stage}.asleep = true")


async def _take(page: Page, name: str, sizes: Iterable[tuple[int, int]], grounds: dict[str, str]) -> None:
    for width, height in sizes:
        await page.set_viewport_size({"width": width, "height": height})
        for ground, colours in grounds.items():
            await page.evaluate("(c) => document.documentElement.style.setProperty('--ground', c)", colours)
            await page.screenshot(path=FOLDER / f"table-{name}-{ground}-{width}.png")


@pytest.mark.parametrize("scenes", [ASKED, OTHERS, THEMED], ids=["asked", "others", "themes"])
async def test_the_table_has_pictures_and_nothing_covers_anything(
    page: Page, scenes: tuple[Scene, ...]
) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    wrong: dict[str, Any] = {}
    async with overlay_server() as server:
        await open_overlay(page, server)
        await page.add_style_tag(content=_GROUND)
        for scene in scenes:
            await _show(page, server, scene)
            if found := await page.evaluate("probes.crowded()"):
                wrong[scene.name] = found
            # Names that want to be more than names.
            assert await page.evaluate("() => window.pwned ?? null") is None
            assert await page.locator(_STRANGE).count() == 0
            if scene in ASKED:
                await _take(page, scene.name, ((1920, 1080), (640, 360)), BACKGROUNDS)
            else:
                await _take(page, scene.name, (scene.size,), {"busy": BACKGROUNDS["busy"]})
    assert wrong == {}
