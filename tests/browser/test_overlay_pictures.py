"""Pictures of every state, to be looked at: build/pictures/overlay-*.png.

Each is also checked for what a machine can see: all text inside its box, the card inside the safe area.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Page

from tests.browser.overlay_harness import OverlayServer, open_overlay, overlay_server, shows
from tests.browser.overlay_scenes import SCENES, THEME_SCENES, Scene

FOLDER = Path(__file__).parents[2] / "build" / "pictures"
#: What a game looks like to a plate: the brightest, the darkest and the busiest frame.
BUSY = (
    "repeating-conic-gradient(from 20deg at 30% 60%, #7ec850 0 7deg, #214d1a 0 13deg, #ffd23f 0 17deg, "
    "#d7263d 0 22deg, #1b998b 0 29deg, #fff 0 31deg)"
)
BACKGROUNDS = {"white": "#ffffff", "black": "#000000", "busy": BUSY}


async def _show(page: Page, server: OverlayServer, scene: Scene) -> None:
    width, height = scene.size
    await page.set_viewport_size({"width": width, "height": height})
    server.layout = server.layout | {"theme": "night", "anchor": "bottom-left", "scale": 1.0} | scene.layout
    server.boards = {scene.name: scene.board(server)}
    await page.goto("about:blank")  # another query or fragment alone would not load the page anew
    await open_overlay(page, server)
    await shows(page, scene.says)


async def _background(page: Page, colours: str) -> None:
    # As OBS does with the streamer's own CSS: a style element at the end of <head>, after load.
    await page.add_style_tag(content=f"html {{ background: {colours} !important; }}")


@pytest.mark.parametrize(
    "scenes",
    [SCENES, THEME_SCENES],
    ids=["states", "themes"],
)
async def test_every_state_has_a_picture_and_stays_in_its_box(page: Page, scenes: tuple[Scene, ...]) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    wrong = {}
    async with overlay_server() as server:
        for scene in scenes:
            await _show(page, server, scene)
            await _background(page, BACKGROUNDS["busy"])
            await page.screenshot(path=FOLDER / f"overlay-{scene.name}.png")
            if found := await page.evaluate("probes.misplaced()"):
                wrong[scene.name] = found
    assert wrong == {}


async def test_the_plate_holds_over_any_game(page: Page) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    scene = next(scene for scene in SCENES if scene.name == "four-options")
    async with overlay_server() as server:
        for name, colours in BACKGROUNDS.items():
            await _show(page, server, scene)
            await _background(page, colours)
            for width, height in ((1920, 1080), (1280, 720), (640, 360)):
                await page.set_viewport_size({"width": width, "height": height})
                await page.screenshot(path=FOLDER / f"overlay-{name}-{width}.png")
                assert await page.evaluate("probes.misplaced()") == [], (name, width)
