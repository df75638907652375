"""What stands on the overlay, read from the page as it is painted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from playwright.async_api import ConsoleMessage, Dialog, Page, WebSocket

from tests.acceptance.show import BACKDROP, PICTURES, Json, eventually

_COUNTS = "() => Array.from(document.querySelectorAll('hb-poll .hb-row .hb-count'), (e) => e.textContent)"
_PERCENTS = "() => Array.from(document.querySelectorAll('hb-poll .hb-number'), (e) => e.textContent)"
_GROUPS = str.maketrans("", "", "\u202f")


def probe(name: str) -> str:
    """A script of tests/acceptance/probes: a function to evaluate, or one for the page's first moment."""
    text = (Path(__file__).parent / "probes" / f"{name}.js").read_text("utf-8")
    return "\n".join(line for line in text.splitlines() if not line.startswith("//"))


async def counts(page: Page) -> list[int | None]:
    """The votes that each bar shows; None where there is no number."""
    return [int(text.translate(_GROUPS)) if text else None for text in await page.evaluate(_COUNTS)]


async def percents(page: Page) -> list[int]:
    """The shares that each bar shows."""
    return [int(text) for text in await page.evaluate(_PERCENTS)]


async def shows_counts(page: Page, wanted: list[int], seconds: float = 5) -> None:
    """Wait until the bars stand at these numbers."""
    seen: list[int | None] = []

    async def there() -> bool:
        seen[:] = await counts(page)
        return seen == wanted

    try:
        await eventually(there, "", seconds)
    except AssertionError:
        raise AssertionError(f"the bars show {seen} and not {wanted} within {seconds:g} s") from None


async def shows(page: Page, text: str, seconds: float = 5) -> None:
    """Wait until the stage shows a text."""
    await page.wait_for_function(
        "text => document.querySelector('hb-stage')?.textContent.includes(text)",
        arg=text,
        timeout=seconds * 1000,
    )


async def phase(page: Page, wanted: str, seconds: float = 5) -> None:
    """Wait until the poll on stage is in a phase."""
    await page.wait_for_selector(f'hb-poll[data-phase="{wanted}"]', timeout=seconds * 1000)


async def settled(page: Page) -> None:
    """Wait until nothing moves: bars have arrived, entrances are over (endless motions do not count)."""
    await page.wait_for_function(
        """() => document.getAnimations().every((a) =>
             a.playState !== 'running' || a.effect.getComputedTiming().iterations === Infinity)"""
    )


async def picture(page: Page, name: str) -> None:
    """Write build/pictures/`name`.png, over a backdrop instead of nothing."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    style = await page.add_style_tag(content=BACKDROP)
    await page.screenshot(path=PICTURES / f"{name}.png")
    await style.evaluate("(node) => node.remove()")


class Frames:
    """Every frame that the server sent to a page; create it before the page is opened."""

    def __init__(self, page: Page) -> None:
        self.received: list[Json] = []
        page.on("websocket", self._attach)

    def _attach(self, socket: WebSocket) -> None:
        socket.on("framereceived", self._note)

    def _note(self, payload: bytes | str) -> None:
        self.received.append(json.loads(payload))


class Complaints:
    """Everything that a page should never have a reason for: errors, dialogs, blocked requests."""

    def __init__(self, page: Page) -> None:
        self.heard: list[str] = []
        page.on("pageerror", lambda error: self.heard.append(f"uncaught: {error}"))
        page.on("console", self._console)
        page.on("dialog", self._dialog)

    def _console(self, message: ConsoleMessage) -> None:
        where = message.location.get("url", "")
        # Chromium asks for one by itself; OBS never does.
        if message.type in ("error", "warning") and not where.endswith("/favicon.ico"):
            self.heard.append(f"{message.type}: {message.text} ({where})")

    async def _dialog(self, dialog: Dialog) -> None:
        self.heard.append(f"dialog: {dialog.message}")
        await dialog.dismiss()

    async def of(self, page: Page) -> list[Any]:
        """All of them, with what probes/watch.js has seen in the page."""
        inside = await page.evaluate("[...(window.__violations ?? []), ...(window.__pwned ? ['pwned'] : [])]")
        return [*self.heard, *inside]
