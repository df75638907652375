"""The strip below the desk's header: says in words what is degraded, and is not there when all is well."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.browser.desk_harness import FakeHubbub, serve
from tests.browser.desk_poll import Refusal, now, wire
from tests.browser.desk_scenes import at_rest

#: What the status says, what the strip says. Spaces in numbers are thin, those before units do not break.
SAID: list[tuple[dict[str, Any], list[str]]] = [
    ({}, []),
    ({"redis": "away"}, ["Redis away: overlays update once a second"]),
    (
        {"dropped_last_minute": 1204},
        ["1 204 chat lines were dropped in the last minute: votes among them are lost"],
    ),
    (
        {"dropped_last_minute": 1},
        ["1 chat line was dropped in the last minute: votes among them are lost"],
    ),
    (
        {"corrected_last_minute": 3},
        ["3 overlays showed something else than the server: they were corrected"],
    ),
    (
        {"corrected_last_minute": 1},
        ["1 overlay showed something else than the server: it was corrected"],
    ),
    ({"probe": {"state": "ok", "lag_ms": 1500, "failing_s": None}}, []),
    ({"probe": {"state": "ok", "lag_ms": 2400, "failing_s": None}}, ["Probe: 2.4 s from vote to overlay"]),
    (
        {"probe": {"state": "failing", "lag_ms": 80, "failing_s": 25}},
        ["Probe: no vote has reached an overlay for 25 s"],
    ),
    ({"probe": {"state": "off", "lag_ms": None, "failing_s": None}}, []),
]


@pytest.fixture
async def fake() -> FakeHubbub:
    return FakeHubbub()


async def said(page: Page) -> list[str]:
    """The lines of the strip, with plain spaces."""
    return [" ".join(line.split()) for line in await page.locator(".trouble").all_inner_texts()]


async def test_every_state_has_its_words(page: Page, fake: FakeHubbub) -> None:
    """The desk's own sentences, for statuses as the server gives them."""
    async with serve(fake):
        await at_rest(fake, page)
        await expect(page.locator(".strip")).to_be_hidden()
        module = await page.locator("script[type=module]").get_attribute("src")
        assert module is not None
        words = module.replace("main.js", "words.js")
        for status, lines in SAID:
            found = await page.evaluate(
                "async ([url, status]) => (await import(url)).troubles(status, false).map((t) => t.text)",
                [words, {"redis": "ok", "channels": [], **status}],
            )
            assert [" ".join(line.split()) for line in found] == lines, status


async def test_a_chat_that_is_away_is_told_with_its_time(page: Page, fake: FakeHubbub) -> None:
    async with serve(fake):
        await at_rest(fake, page)
        since = now() - timedelta(minutes=3)
        first = next(iter(fake.channels.values()))
        first.update(status="connecting", status_since=wire(since))
        await expect(page.locator(".trouble")).to_have_count(1)
        time = await page.evaluate(
            "(at) => new Date(at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })", wire(since)
        )
        assert await said(page) == [" ".join(f"1 of 2 Twitch chats away since {time}".split())]
        # The other has never worked: that is told beside its name. Once it had, it counts.
        for channel in fake.channels.values():
            channel.update(heard_at=wire(since), status_since=wire(since))
        await expect(page.locator(".trouble").first).to_contain_text("Twitch chat away since")
        # Just away: it may be back before anybody has read the line.
        for channel in fake.channels.values():
            channel.update(status="connecting", status_since=wire(now()))
        await expect(page.locator(".strip")).to_be_hidden()


async def test_the_database_away_is_told_and_taken_back(page: Page, fake: FakeHubbub) -> None:
    async with serve(fake):
        await at_rest(fake, page)
        fake.broken["/status"] = Refusal(503, "The database does not answer; nothing was saved.")
        await expect(page.locator(".trouble")).to_have_count(1)
        (line,) = await said(page)
        assert line.startswith("Database away: votes are kept for 10 s, then counted as lost.")
        del fake.broken["/status"]
        await expect(page.locator(".strip")).to_be_hidden()


async def test_the_strip_moves_nothing_below_a_finger(page: Page, fake: FakeHubbub) -> None:
    """It appears when the button is up again."""
    async with serve(fake):
        await at_rest(fake, page)
        await page.locator(".zone.health h2").hover()
        await page.mouse.down()
        fake.redis = "away"
        await expect(page.locator("[aria-label=Server] .lamp", has_text="Redis")).to_be_attached()
        asked = len(fake.calls)
        await page.wait_for_function("true")
        while len([call for call in fake.calls[asked:] if call[1].endswith("/status")]) < 2:
            await page.wait_for_timeout(50)
        await expect(page.locator(".strip")).to_be_hidden()
        await page.mouse.up()
        await expect(page.locator(".strip")).to_be_visible()
