"""What tests of the desk do and ask again and again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from playwright.async_api import Locator, Page

from tests.browser.desk_harness import FakeHubbub
from tests.browser.desk_table import FakeTable

HOLD_MS = 1000  # a little longer than what the desk takes for meant


def empty(fake: FakeHubbub) -> FakeTable:
    """The table of a new campaign."""
    return fake.table(fake.add_campaign())


def sent(fake: FakeHubbub, ending: str, method: str = "POST") -> list[Any]:
    """The bodies of writes to paths that end so."""
    return [body for how, path, body in fake.calls if how == method and path.endswith(ending)]


async def hold(page: Page, button: Locator) -> None:
    """Presses for as long as what cannot be undone wants it."""
    await button.hover()
    await page.mouse.down()
    await page.wait_for_timeout(HOLD_MS)
    await page.mouse.up()


async def becomes(read: Callable[[], Any], wanted: Any) -> None:
    """Waits until the server knows it, too."""
    for _ in range(250):
        if read() == wanted:
            return
        await asyncio.sleep(0.02)
    assert read() == wanted
