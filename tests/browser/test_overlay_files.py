"""The overlay's files as they lie there: nothing that old OBS lacks, nothing that makes code of text."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.async_api import Page

from overlay import FOLDER
from tests.browser.overlay_harness import open_overlay, overlay_server, poll_board, shows

OURS = (
    FOLDER / "overlay.html",
    *sorted((FOLDER / "overlay").iterdir()),
    *sorted((FOLDER / "themes").iterdir()),
)
DOCS = Path(__file__).parents[2] / "docs" / "overlay-css.md"
#: Newer than Chrome 103, the engine of OBS 28 to 30 (platforms/obs.md §1).
TOO_NEW = (
    r":has\(|@container|color-mix\(|@starting-style|@layer|@property|view-transition|popover|calc-size|text-wrap|"
    r"startViewTransition|toSorted|toReversed|toSpliced|withResolvers|Object\.groupBy|findLast|structuredClone|"
    r"Array\.fromAsync|Iterator\.|/v[;,)]|^\s*&[^&]"
)
DANGEROUS = (
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|"
    r"\beval\(|new Function|srcdoc"
)
FOREIGN = r"https?://(?!www\.w3\.org/2000/svg)|url\((?![\"']?#|`?#)|@import|@font-face"


def test_nothing_is_newer_than_the_oldest_obs_we_promise() -> None:
    for path in OURS:
        assert not re.search(TOO_NEW, path.read_text(), re.MULTILINE), path.name


def test_no_text_becomes_markup_or_code_and_nothing_comes_from_elsewhere() -> None:
    for path in OURS:
        text = path.read_text()
        assert not re.search(DANGEROUS, text), path.name
        if path.suffix != ".js" or path.name == "shapes.js":
            assert not re.search(FOREIGN, text.replace("url(#${id})", "")), path.name


def test_modules_stay_short() -> None:
    for path in OURS:
        assert len(path.read_text().splitlines()) <= 400, path.name


def test_every_variable_and_class_of_the_manual_exists_and_every_variable_is_in_it() -> None:
    manual = DOCS.read_text()
    styles = "".join(path.read_text() for path in OURS)
    for name in re.findall(r"\.(hb-[a-z-]+[a-z])", manual):
        assert re.search(rf"{name}\b", styles), name
    night = (FOLDER / "themes" / "night.css").read_text()
    for variable in set(re.findall(r"(--hb-[a-z-]+[a-z0-9]*?)(?:\d+)?:", night)):
        assert variable in manual, variable
    for theme in ("paper", "arcade"):
        own = set(re.findall(r"(--hb-[\w-]+):", (FOLDER / "themes" / f"{theme}.css").read_text()))
        assert set(re.findall(r"(--hb-[\w-]+):", night)) <= own, theme


async def test_a_long_show_leaves_nothing_behind(page: Page) -> None:
    async with overlay_server() as server:
        await open_overlay(page, server)
        nodes = "document.querySelectorAll('*').length"
        empty = await page.evaluate(nodes)
        for n in range(20):
            name = f"b{n}"
            for step in range(10):
                await server.set(
                    **{name: poll_board(server, (n, step, 3), question=f"Question {n}?", poll_id=name)}
                )
            await shows(page, f"Question {n}?")
            await server.unset(name)
        await page.wait_for_selector("hb-poll", state="detached")
        assert await page.evaluate(nodes) == empty
