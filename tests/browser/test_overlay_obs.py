"""The overlay page in OBS: shown, hidden, shut down and loaded again, as its browser source does it."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, BrowserContext, Page

from tests.browser.overlay_harness import (
    PROBES,
    OverlayServer,
    closed,
    counts,
    open_overlay,
    overlay_server,
    poll_board,
    shows,
    shows_counts,
    until,
)

IN_OBS = "window.obsstudio = {pluginVersion: '2.26.8'};"
SAYS = "Object.defineProperty(Document.prototype, 'visibilityState', {get: () => window.says ?? '%s'});"
VISIBLE = "(visible) => dispatchEvent(new CustomEvent('obsSourceVisibleChanged', {detail: {visible}}))"
TURNS = "(says) => { window.says = says; document.dispatchEvent(new Event('visibilitychange')); }"


class Source:
    """A browser source with its two check boxes, in an OBS whose `document` says "hidden" always."""

    def __init__(self, profile: BrowserContext, url: str, *, shutdown: bool, refresh: bool) -> None:
        self._profile, self._url = profile, url
        self.shutdown, self.refresh = shutdown, refresh
        self._page: Page | None = None

    @property
    def page(self) -> Page:
        assert self._page is not None, "shut down"
        return self._page

    async def start(self) -> None:
        """OBS starts with another scene: a source that is not shut down while hidden is loaded even so."""
        if not self.shutdown:
            await self._load()

    async def _load(self) -> None:
        self._page = await self._profile.new_page()
        await self._page.add_init_script(IN_OBS + SAYS % "hidden")
        await self._page.add_init_script(path=PROBES)
        await self._page.goto(self._url, wait_until="commit")

    async def show(self) -> None:
        """The scene becomes active. With both boxes ticked the page is loaded, and at once loaded again."""
        if self._page is None:
            await self._load()
        else:
            await self.page.evaluate(VISIBLE, arg=True)
        if self.refresh:
            await self.reload()

    async def hide(self) -> None:
        if not self.shutdown:
            await self.page.evaluate(VISIBLE, arg=False)
            return
        await self.page.close()
        self._page = None

    async def reload(self) -> None:
        """*Refresh cache of current page*, too."""
        await self.page.reload(wait_until="commit")

    async def drawn(self) -> list[str]:
        """Every state that its page has drawn, in order."""
        states: list[str] = await self.page.evaluate("probes.counts")
        return states


async def _heard(server: OverlayServer) -> None:
    """Every page has taken in what was told so far."""
    asked = [visitor for visitor in server.visitors if visitor.open]
    before = [len(visitor.heard("ack")) for visitor in asked]
    await server.tell(server.ping())
    for visitor, acks in zip(asked, before, strict=True):
        await until(lambda v=visitor, n=acks: len(v.heard("ack")) > n, "an ack")  # type: ignore[misc]


async def test_obs_is_recognised_by_its_user_agent(browser: Browser) -> None:
    async with overlay_server() as server:
        agent = "Mozilla/5.0 AppleWebKit/537.36 Chrome/127.0.6533.120 OBS/32.2.2 Safari/537.36"
        page = await browser.new_page(user_agent=agent)
        await open_overlay(page, server)
        assert server.visitors[0].hello["client"]["obs"] == "32.2.2"
        assert server.visitors[0].hello["client"]["name"] == "OBS"


async def test_a_hidden_source_draws_nothing_and_wakes_with_the_present_state(page: Page) -> None:
    async with overlay_server() as server:
        server.boards = {"b": poll_board(server, (1, 2, 3))}
        await open_overlay(page, server)
        await shows_counts(page, "1", "2", "3")
        await page.evaluate(
            "dispatchEvent(new CustomEvent('obsSourceVisibleChanged', {detail: {visible: false}}))"
        )
        for n in range(20):
            await server.set(b=poll_board(server, (10 * n, 2, 3)))
        await server.set(
            b=closed(server, poll_board(server, (500, 2, 3)), ago=3, phase="revealed") | {"winner": 1}
        )
        await until(lambda: server.visitors[0].open, "still connected")
        await server.tell(server.ping())
        await until(lambda: bool(server.visitors[0].heard("ack")), "frames were read")
        assert server.visitors[0].heard("ack")[-1]["seq"] == server.seq
        assert await counts(page) == ["1", "2", "3"]
        running = await page.evaluate(
            """() => {
              dispatchEvent(new CustomEvent('obsSourceVisibleChanged', {detail: {visible: true}}));
              const counts = Array.from(document.querySelectorAll('.hb-count'), (e) => e.textContent);
              return [document.getAnimations().length, ...counts];
            }"""
        )
        assert running == [0, "500", "2", "3"]


@pytest.mark.parametrize("refresh", [False, True], ids=["kept", "refresh"])
@pytest.mark.parametrize("shutdown", [False, True], ids=["loaded", "shutdown"])
async def test_a_source_is_right_with_any_of_its_boxes_ticked(
    page: Page, shutdown: bool, refresh: bool
) -> None:
    async with overlay_server() as server:

        async def sockets(wanted: int) -> None:
            await until(lambda: sum(v.open for v in server.visitors) == wanted, f"{wanted} open sockets")

        server.boards = {"b": poll_board(server, (100, 2, 3))}
        source = Source(page.context, server.url(), shutdown=shutdown, refresh=refresh)
        await source.start()
        await source.show()
        await shows_counts(source.page, "100", "2", "3")
        assert await source.drawn() == ["100,2,3"]
        for votes in (200,) if shutdown else (200, 300, 400):
            await sockets(1)
            before = await source.drawn()
            await source.hide()
            await sockets(0 if shutdown else 1)
            while_hidden = votes == 300 and not shutdown
            if while_hidden:
                await source.reload()
                await shows_counts(source.page, "200", "2", "3")
                await sockets(1)
            await server.set(b=poll_board(server, (votes, 2, 3)))
            if not shutdown and not while_hidden:
                await _heard(server)
                assert await source.drawn() == before, "it sleeps"
            await source.show()
            await shows_counts(source.page, str(votes), "2", "3")
            drawn = await source.drawn()
            if shutdown or refresh:
                assert drawn == [f"{votes},2,3"], "a page that was loaded shows nothing older"
            elif while_hidden:
                assert drawn[0] == "200,2,3"
            else:
                assert drawn == [*before, f"{votes},2,3"], "it wakes without a number in between"
        await sockets(1)


async def test_a_page_that_obs_has_just_loaded_is_shown_until_obs_says_otherwise(page: Page) -> None:
    async with overlay_server() as server:
        server.boards = {"b": poll_board(server, (1, 2, 3))}
        await page.add_init_script(IN_OBS + SAYS % "hidden")
        await open_overlay(page, server)
        await shows_counts(page, "1", "2", "3")
        await page.evaluate(TURNS, arg="hidden")
        await server.set(b=poll_board(server, (4, 2, 3)))
        await shows_counts(page, "4", "2", "3")
        await page.evaluate(VISIBLE, arg=False)
        await page.evaluate(TURNS, arg="visible")
        await server.set(b=poll_board(server, (5, 2, 3)))
        await _heard(server)
        assert await counts(page) == ["4", "2", "3"], "what OBS said stands"
        await page.evaluate(VISIBLE, arg=True)
        assert await counts(page) == ["5", "2", "3"]


async def test_outside_obs_a_page_in_a_hidden_tab_sleeps(page: Page) -> None:
    async with overlay_server() as server:
        server.boards = {"b": poll_board(server, (1, 2, 3))}
        await page.add_init_script(SAYS % "hidden")
        await open_overlay(page, server)
        await _heard(server)
        assert await counts(page) == []
        await page.evaluate(TURNS, arg="visible")
        assert await counts(page) == ["1", "2", "3"]


async def test_a_page_opened_while_the_server_is_down_comes_up_and_keeps_trying(page: Page) -> None:
    async with overlay_server() as server:
        await open_overlay(page, server)

        async def kept() -> bool:
            ready: bool = await page.evaluate(
                "async () => navigator.serviceWorker.controller !== null && !!(await caches.match('/o/'))"
            )
            return ready

        await until(kept, "the page is kept")
        await server.stop()
        await page.reload()
        await page.wait_for_selector("hb-stage", state="attached")
        server.boards = {"b": poll_board(server)}
        await server.start()
        await shows(page, "Which door?", 15)
