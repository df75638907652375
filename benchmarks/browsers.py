"""The Chromium that the measurements look into."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, async_playwright

from tests.servers import BROWSER_FLAGS


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A headless one; it ends with the block."""
    path = os.environ.get("CHROME_BIN", "/usr/bin/chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=list(BROWSER_FLAGS))
        try:
            yield browser
        finally:
            await browser.close()
