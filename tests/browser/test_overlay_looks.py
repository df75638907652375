"""What the stream sees: pure pictures, hostile text, stillness, contrast, size."""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.async_api import Browser, Page

from tests.browser.overlay_harness import (
    PROBES,
    Json,
    OverlayServer,
    closed,
    open_overlay,
    overlay_server,
    poll_board,
    shows,
    until,
)
from tests.browser.overlay_scenes import EMOJI, MONSTROUS, RTL, ZALGO

IDLE_CASES: dict[str, Callable[[OverlayServer], Json]] = {
    "nothing": lambda s: {},
    "counted": lambda s: {"b": closed(s, poll_board(s, age=70))},
    "tie": lambda s: {"b": closed(s, _tied(s), ago=20, phase="revealed") | {"ends_at": None}},
}


def _tied(server: OverlayServer) -> Json:
    tie = {"rule": "gm", "options": [1, 2], "pending": True, "commitment": None, "seed": None}
    return poll_board(server, (5, 5, 1), age=90, tie=tie)


async def test_a_page_loaded_in_mid_reveal_shows_the_same_picture(browser: Browser) -> None:
    async with overlay_server() as server:
        context = await browser.new_context(viewport={"width": 1920, "height": 1080})
        first, second = await context.new_page(), await context.new_page()
        await second.add_init_script(path=PROBES)
        faults = []
        # On a busy machine the second page may come too late for the confetti, or have heard the time late:
        # once more. A page that begins its motions when it is loaded is never the same.
        for _ in range(8):
            fault = await differs_in_mid_reveal(server, first, second)
            if fault is None:
                break
            faults.append(fault)
        else:
            pytest.fail("; ".join(faults))


async def differs_in_mid_reveal(server: OverlayServer, first: Page, second: Page) -> str | None:
    """One page sees a reveal from its beginning, another is loaded into it: what differs, or None."""
    server.boards = {"b": closed(server, poll_board(server, age=64))}
    await first.goto("about:blank")
    await open_overlay(first, server)
    await shows(first, "Votes are in")
    await server.set(b=closed(server, poll_board(server, age=64), ago=0, phase="revealed") | {"winner": 2})
    await second.goto("about:blank")
    await second.goto(server.url())
    await second.wait_for_selector(".hb-wins")
    frozen = [await page.evaluate("probes.freeze()") for page in (first, second)]
    at = max(page["now"] for page in frozen)
    starts = [{tuple(motion[:3]): motion[3] for motion in page["motions"]} for page in frozen]
    common = starts[0].keys() & starts[1].keys()
    running = sum(starts[0][motion] + motion[2] > at for motion in common)
    if running < 12:
        return f"only {running} motions were running"
    apart = max(abs(starts[0][motion] - starts[1][motion]) for motion in common)
    if apart > 20:
        return f"motions began {apart:.0f} ms apart"
    for page in (first, second):
        await page.evaluate("at => probes.turnTo(at)", at)
    pictures = [base64.b64encode(await page.screenshot()).decode() for page in (first, second)]
    await first.goto(f"{server.origin}/blank")
    differing = await first.evaluate("pictures => probes.differing(pictures)", pictures)
    return None if differing < 0.002 else f"{differing:.2%} of the picture differ"


async def test_a_page_loaded_in_mid_race_is_in_mid_race(page: Page) -> None:
    async with overlay_server() as server:
        board = closed(server, poll_board(server, secret=True), ago=-0.3, phase="revealed") | {"winner": 2}
        server.boards = {"b": board}
        await open_overlay(page, server)
        await page.wait_for_function("() => document.querySelector('.hb-fill')?.getAnimations().length > 0")
        # The compositor of a busy machine may be some frames behind: one look of several has to be exact.
        looks = []
        for _ in range(8):
            looks.append(seen := await page.evaluate("probes.race()"))
            if (
                abs(seen["bar"] - seen["wantedBar"]) <= 0.03
                and abs(seen["number"] - seen["wantedNumber"]) <= 3
            ):
                break
        else:
            pytest.fail(f"never where the race is: {looks}")
        await page.wait_for_selector(".hb-wins", timeout=4000)
        assert await page.inner_text(".hb-wins .hb-number") == "53"


async def test_the_first_paint_has_the_right_numbers_and_later_ones_walk(page: Page) -> None:
    async with overlay_server() as server:
        server.boards = {"b": poll_board(server, (10, 20, 30))}
        await open_overlay(page, server)
        await shows(page, "Which door?")
        assert await page.evaluate("probes.counts") == ["10,20,30"]
        await server.set(b=poll_board(server, (110, 20, 30)))
        await page.wait_for_function("() => probes.counts[probes.counts.length - 1] === '110,20,30'")
        walked = await page.evaluate("probes.counts.map((line) => Number(line.split(',')[0]))")
        assert walked == sorted(walked)
        assert len(walked) > 3


async def test_rows_never_change_places_while_the_poll_is_open(page: Page) -> None:
    async with overlay_server() as server:
        server.boards = {"b": poll_board(server, (10, 20, 30))}
        await open_overlay(page, server)
        await shows(page, "Which door?")
        before = await page.evaluate("probes.places()")
        await server.set(b=poll_board(server, (900, 20, 30)))
        await page.wait_for_selector('[data-option="1"].hb-leads')
        assert await page.evaluate("probes.places()") == before


async def test_a_result_leaves_after_its_hold_even_without_a_server(page: Page) -> None:
    async with overlay_server() as server:
        board = closed(server, poll_board(server, age=80), ago=6.5, phase="revealed") | {"winner": 2}
        server.boards = {"b": board}
        await open_overlay(page, server)
        await shows(page, "tie rule")
        await server.stop()
        await page.wait_for_selector("hb-poll.hb-gone", state="attached")
        assert not await page.locator(".hb-card").is_visible()


@pytest.mark.parametrize("case", IDLE_CASES)
async def test_nothing_moves_and_nothing_wakes_when_nothing_changes(page: Page, case: str) -> None:
    async with overlay_server() as server:
        server.ping_s = 60
        server.boards = IDLE_CASES[case](server)
        await open_overlay(page, server)
        if server.boards:
            await shows(page, "Which door?")
        # The page settles: sizes observed, worker registered.
        await page.evaluate("() => new Promise((done) => requestIdleCallback(done))")
        await page.evaluate("probes.forgetWakes()")
        assert await page.evaluate("document.getAnimations().length") == 0
        await asyncio.sleep(5)  # the promise is about this time: idle for five seconds
        assert await page.evaluate("probes.wakes") == {"timers": 0, "frames": 0}


async def test_an_open_poll_wakes_once_a_second_and_draws_no_frames(page: Page) -> None:
    async with overlay_server() as server:
        server.ping_s = 60
        server.boards = {"b": poll_board(server, age=20)}
        await open_overlay(page, server)
        await shows(page, "Which door?")
        await page.evaluate("probes.forgetWakes()")
        assert await page.evaluate("document.getAnimations().length") == 0
        await asyncio.sleep(3.2)  # as above
        wakes = await page.evaluate("probes.wakes")
        assert wakes["frames"] == 0
        assert 2 <= wakes["timers"] <= 4


async def test_reduced_motion_only_fades(page: Page) -> None:
    async with overlay_server() as server:
        server.boards = {"b": closed(server, poll_board(server, age=64))}
        await open_overlay(page, server, motion="reduced")
        await shows(page, "Votes are in")
        board = closed(server, poll_board(server, secret=True), ago=-0.2, phase="revealed") | {"winner": 2}
        await server.set(b=board)
        await page.wait_for_selector(".hb-wins")
        assert await page.evaluate("probes.movingFrames()") == 0
        assert await page.locator(".hb-piece").count() == 0
        assert await page.inner_text(".hb-wins .hb-number") == "53"


async def test_hostile_text_runs_nothing_and_leaves_its_box_nowhere(page: Page) -> None:
    async with overlay_server() as server:
        labels = (
            "<img src=x onerror=window.pwned=1>",
            "<script>window.pwned=1</script>",
            "javascript:window.pwned=1",
            "</div><style>*{display:none}</style>",
            MONSTROUS,
            RTL,
            ZALGO,
            EMOJI,
            "\u0000\u0007\u200b",
            "'\"><svg onload=window.pwned=1>",
        )
        board = poll_board(
            server, tuple(range(1, 11)), question="<iframe srcdoc='<script>parent.pwned=1</script>'>" * 3
        )
        for option, label in zip(board["options"], labels, strict=True):
            option["label"] = label
        board["channels"] = [{"platform": "<b>", "login": "<i>", "votes": 3}]
        server.boards = {"b": board, "<script>": poll_board(server, age=500)}
        await open_overlay(page, server)
        await shows(page, "onerror")
        assert await page.evaluate("() => window.pwned ?? null") is None
        assert (
            await page.evaluate(
                "() => document.querySelectorAll('img, iframe, script:not([src]), .hb-label *').length"
            )
            == 0
        )
        plain, texted = [await _outside(page, hidden) for hidden in (True, False)]
        assert plain == texted


async def _outside(page: Page, hidden: bool) -> bytes:
    """What is painted beside the card, with or without its texts."""
    await page.evaluate("hidden => probes.coverCard(hidden)", hidden)
    return await page.screenshot()


async def test_the_page_is_transparent_from_corner_to_corner(page: Page) -> None:
    async with overlay_server() as server:
        await open_overlay(page, server)
        await until(lambda: bool(server.visitors), "hello")
        picture = await page.screenshot(omit_background=True)
        await page.goto(f"{server.origin}/blank")
        encoded = base64.b64encode(picture).decode()
        assert await page.evaluate("png => probes.opaque(png)", encoded) == 0


def _luminance(rgb: tuple[float, float, float]) -> float:
    def linear(channel: float) -> float:
        c = channel / 255
        return c / 12.92 if c <= 0.03928 else float(((c + 0.055) / 1.055) ** 2.4)

    r, g, b = (linear(channel) for channel in rgb)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(a: tuple[float, float, float], b: tuple[float, float, float]) -> float:
    high, low = sorted((_luminance(a), _luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def colour(text: str) -> tuple[tuple[float, float, float], float]:
    """RGB and alpha of `#rrggbb` or `rgba(…)`."""
    if text.startswith("#"):
        return (int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)), 1.0
    parts = [float(part) for part in re.findall(r"[\d.]+", text)]
    return (parts[0], parts[1], parts[2]), parts[3] if len(parts) > 3 else 1.0


def over(
    top: str, below: tuple[float, float, float], alpha: float | None = None
) -> tuple[float, float, float]:
    rgb, own = colour(top)
    a = own if alpha is None else alpha
    return tuple(t * a + b * (1 - a) for t, b in zip(rgb, below, strict=True))  # type: ignore[return-value]


@pytest.mark.parametrize("theme", ["night", "paper", "arcade"])
async def test_every_theme_is_readable_over_the_worst_video(page: Page, theme: str) -> None:
    async with overlay_server() as server:
        server.boards = {"b": poll_board(server)}
        await open_overlay(page, server, theme=theme)
        await shows(page, "Which door?")
        asked = [
            *("plate", "track", "text", "text-2", "gold", "gold-ink", "gold-fill", "gold-text"),
            *("mark", "mark-stripe", "mark-ink", "sign-ink", "accent"),
            *(f"{kind}{n}" for kind in ("c", "on", "f", "e") for n in range(1, 11)),
        ]
        found: dict[str, str] = await page.evaluate(
            "(names) => { const s = getComputedStyle(document.querySelector('.hb-stage')); "
            "return Object.fromEntries(names.map((n) => [n, s.getPropertyValue('--hb-' + n).trim()])) }",
            asked,
        )
        assert all(found.values()), found
        assert colour(found["plate"])[1] >= 0.8
        text, second = colour(found["text"])[0], colour(found["text-2"])[0]
        weak: list[Any] = []

        def demand(what: str, value: float, least: float) -> None:
            if value < least:
                weak.append((what, round(value, 2)))

        for video in ((0.0, 0.0, 0.0), (255.0, 255.0, 255.0)):
            plate = over(found["plate"], video)
            row = over(found["track"], plate)
            demand(f"text over {video}", contrast(text, plate), 7)
            demand(f"secondary over {video}", contrast(second, plate), 4.5)
            demand(f"text on a row over {video}", contrast(text, row), 7)
            demand(f"secondary on a row over {video}", contrast(second, row), 4.5)
            demand(f"gold number over {video}", contrast(colour(found["gold-text"])[0], plate), 4.5)
            for n in range(1, 11):
                for strength in (0.3, 0.65, 1.0):
                    bar = over(found[f"f{n}"], row, strength)
                    demand(f"text on bar {n} at {strength} over {video}", contrast(text, bar), 4.5)
                    demand(f"secondary on bar {n} at {strength} over {video}", contrast(second, bar), 4.5)
                demand(f"edge {n} over {video}", contrast(colour(found[f"e{n}"])[0], row), 3)
        for n in range(1, 11):
            demand(f"badge {n}", contrast(colour(found[f"on{n}"])[0], colour(found[f"c{n}"])[0]), 4.5)
        demand("text on gold bar", contrast(text, colour(found["gold-fill"])[0]), 4.5)
        demand("tie banner", contrast(colour(found["gold-ink"])[0], colour(found["gold"])[0]), 4.5)
        demand("mark", contrast(colour(found["mark-ink"])[0], colour(found["mark"])[0]), 4.5)
        demand("mark stripe", contrast(colour(found["mark-ink"])[0], colour(found["mark-stripe"])[0]), 4.5)
        assert weak == []


async def test_late_custom_css_on_root_or_stage_wins_over_the_theme(page: Page) -> None:
    async with overlay_server() as server:
        server.boards = {"b": poll_board(server)}
        await open_overlay(page, server)
        await shows(page, "Which door?")
        await page.add_style_tag(
            content=":root { --hb-plate: rgb(1, 2, 3); } .hb-stage { --hb-text: rgb(4, 5, 6); }"
        )
        colours = await page.evaluate(
            "() => [getComputedStyle(document.querySelector('.hb-card')).backgroundColor, "
            "getComputedStyle(document.querySelector('.hb-question')).color]"
        )
        assert colours == ["rgb(1, 2, 3)", "rgb(4, 5, 6)"]


async def test_labels_survive_on_a_phone(page: Page) -> None:
    """640×360: a third of our pixels. Letters stay 10 px high and well apart from their ground."""
    async with overlay_server() as server:
        await page.set_viewport_size({"width": 640, "height": 360})
        server.boards = {"b": poll_board(server, (41, 38, 5, 12))}
        await open_overlay(page, server)
        await shows(page, "Which door?")
        await page.add_style_tag(content="html { background: #fff !important }")
        texts = await page.evaluate("probes.textBoxes()")
        picture = base64.b64encode(await page.screenshot()).decode()
        await page.goto(f"{server.origin}/blank")
        assert len(texts) == 9
        for text in texts:
            assert text["size"] >= 10, text
            contrast = await page.evaluate("asked => probes.contrast(asked)", [picture, text["box"]])
            assert contrast >= 3, text


async def test_options_are_told_apart_by_number_and_shape(page: Page) -> None:
    async with overlay_server() as server:
        server.boards = {"b": poll_board(server, tuple(range(10)))}
        await open_overlay(page, server)
        await shows(page, "Which door?")
        badges = await page.evaluate(
            "Array.from(document.querySelectorAll('.hb-badge'), (b) => [b.dataset.shape, b.textContent])"
        )
        assert len({shape for shape, _ in badges}) == 10
        assert [number for _, number in badges] == [str(n) for n in range(1, 11)]


async def test_the_running_poll_is_back_soon_after_a_reload(page: Page) -> None:
    async with overlay_server() as server:
        server.boards = {"b": poll_board(server)}
        await open_overlay(page, server)
        await shows(page, "Which door?")
        times = []
        for _ in range(10):
            await page.reload()
            await page.wait_for_function("() => probes.drawn() !== null")
            times.append(await page.evaluate("probes.drawn()"))
            if times[-1] <= 500:  # others may have the machine at that moment
                break
        assert min(times) <= 500, times
