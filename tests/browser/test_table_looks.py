"""The table on stream: pictures that depend on time alone, stillness, hostile names, contrast, speed."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import pytest
from playwright.async_api import Browser, Page

from server.rules import initiative_board
from tests.browser.overlay_harness import (
    PROBES,
    Json,
    OverlayServer,
    closed,
    open_overlay,
    overlay_server,
    poll_board,
    shows,
)
from tests.browser.table_scenes import (
    ASKED,
    EXPLODING,
    NATURAL_1,
    NATURAL_20,
    OPENED,
    OTHERS,
    dice,
    fight,
    played,
    roll,
    secret,
    view,
)
from tests.browser.test_overlay_looks import colour, contrast, over

#: Seconds after a roll fell: in its tumble, in the light that runs around a critical, in the breaking of a seal.
MOMENTS: dict[str, tuple[Json, float]] = {
    "tumble": (EXPLODING, 0.35),
    "sweep": (NATURAL_20, 1.2),
    "crack": (NATURAL_1, 1.2),
    "opening": (OPENED, 0.4),
}
TOTAL = "() => getComputedStyle(document.querySelector('.hb-total')).opacity"


async def test_a_page_loaded_in_mid_tumble_shows_the_same_picture(browser: Browser) -> None:
    async with overlay_server() as server:
        context = await browser.new_context(viewport={"width": 1920, "height": 1080})
        first, second = await context.new_page(), await context.new_page()
        await second.add_init_script(path=PROBES)
        await open_overlay(first, server)
        for name, (shown, seconds) in MOMENTS.items():
            faults = []
            # On a busy machine the second page may come too late for the motion: once more.
            for _ in range(6):
                fault = await _differs(
                    server, first, second, {**shown, "id": f"{name}{len(faults)}"}, seconds
                )
                if fault is None:
                    break
                faults.append(fault)
            else:
                pytest.fail(f"{name}: {'; '.join(faults)}")


async def _differs(
    server: OverlayServer, first: Page, second: Page, shown: Json, seconds: float
) -> str | None:
    """One page sees a roll from its beginning, another is loaded into it: what differs, or None."""
    await first.goto("about:blank")
    await first.goto(server.url())
    await first.wait_for_selector("hb-stage", state="attached")
    await server.unset(*server.boards)
    # The second page needs some time to load: the roll falls in its future.
    lead = 0.9
    await server.set(dice=played(server.now(), (-lead, shown)))
    await second.goto("about:blank")
    await second.goto(server.url())
    await second.wait_for_selector(".hb-roll", state="attached", timeout=4000)
    began = server.boards["dice"]["showings"][0]["starts_at"]
    wanted = f"() => Date.now() + document.querySelector('hb-stage').offset >= Date.parse('{began}') + {seconds * 1000}"
    for page in (first, second):
        await page.wait_for_function(wanted)
    frozen = [await page.evaluate("probes.freeze()") for page in (first, second)]
    at = max(page["now"] for page in frozen)
    starts = [{tuple(motion[:3]): motion[3] for motion in page["motions"]} for page in frozen]
    common = starts[0].keys() & starts[1].keys()
    if not any(starts[0][motion] + motion[2] > at for motion in common):
        return "no motion was running"
    apart = max(abs(starts[0][motion] - starts[1][motion]) for motion in common)
    if apart > 20:
        return f"motions began {apart:.0f} ms apart"
    for page in (first, second):
        await page.evaluate("at => probes.turnTo(at)", at)
    pictures = [base64.b64encode(await page.screenshot()).decode() for page in (first, second)]
    await first.goto(f"{server.origin}/blank")
    differing = await first.evaluate("pictures => probes.differing(pictures)", pictures)
    return None if differing < 0.001 else f"{differing:.2%} of the picture differ"


async def test_nothing_tells_the_value_before_the_dice_lie_still(page: Page) -> None:
    async with overlay_server() as server:
        await open_overlay(page, server)
        await server.set(dice=played(server.now(), (0, NATURAL_20)))
        await page.wait_for_selector(".hb-roll.hb-rolling")
        hidden = await page.evaluate(
            "() => Array.from(document.querySelectorAll('.hb-total, .hb-die-face, .hb-word, .hb-roll-verdict, "
            ".hb-roll-edge'), (e) => [e.className, getComputedStyle(e).opacity]).filter(([, o]) => Number(o) > 0.02)"
        )
        if await page.locator(".hb-rolling").count():  # else the machine was too slow to look in time
            assert hidden == []
        await page.wait_for_selector(".hb-roll.hb-told")
        await page.wait_for_function(f"{TOTAL.removeprefix('() => ')} === '1'")


async def test_a_roll_that_is_held_draws_no_frames_and_wakes_only_to_leave(page: Page) -> None:
    async with overlay_server() as server:
        server.ping_s = 60
        await open_overlay(page, server)
        await server.set(dice=played(server.now(), (0, view(roll("1d20", 12, dice(20, 12))))))
        await page.wait_for_selector(".hb-roll.hb-told")
        await page.wait_for_function("() => document.getAnimations().length === 0")
        await page.evaluate("probes.forgetWakes()")
        await asyncio.sleep(2.2)  # the promise is about this time: it is held for four seconds
        wakes = await page.evaluate("probes.wakes")
        assert wakes["frames"] == 0
        assert wakes["timers"] <= 1
        await page.wait_for_selector("hb-dice.hb-gone", state="attached")
        await page.evaluate("probes.forgetWakes()")
        await asyncio.sleep(2)  # and afterwards nothing at all
        assert await page.evaluate("probes.wakes") == {"timers": 0, "frames": 0}
        assert await page.locator(".hb-roll").count() == 0


async def test_a_revision_changes_the_number_in_place(page: Page) -> None:
    async with overlay_server() as server:
        await open_overlay(page, server)
        first = view(roll("1d20+7", 19, dice(20, 12), roll_id="r1"))
        begun = server.now()
        await server.set(dice=played(begun, (1.5, first)))
        await shows(page, "19")
        await page.evaluate("document.querySelector('.hb-roll').kept = true")
        await server.set(dice=played(begun, (1.5, first), (0.2, first | {"revision": 2, "total": 24})))
        await shows(page, "24")
        assert await page.evaluate("document.querySelector('.hb-roll').kept")
        assert await page.locator(".hb-roll").count() == 1


async def test_a_critical_takes_the_floor_from_a_reveal(page: Page) -> None:
    """Two loud things at once: the confetti of the poll goes, the sparks of the critical fly."""
    async with overlay_server() as server:
        server.boards = {"b": closed(server, poll_board(server, age=64))}
        await open_overlay(page, server)
        await shows(page, "Votes are in")
        seen = False
        for n in range(5):  # the confetti flies for 0.8 s only
            reveal = closed(server, poll_board(server, age=64), ago=-0.1, phase="revealed") | {"winner": 2}
            await server.set(b=reveal | {"poll_id": f"p{n}"})
            seen = await page.evaluate(
                "() => new Promise((done) => { const end = performance.now() + 1500; const look = () => "
                "document.querySelector('.hb-piece') ? done(true) : performance.now() > end ? done(false) "
                ": setTimeout(look, 20); look(); })"
            )
            await server.set(dice=played(server.now(), (0.9, {**NATURAL_20, "id": f"c{n}"})))
            await page.wait_for_selector(".hb-spark", state="attached")
            assert await page.locator(".hb-piece").count() == 0
            if seen:
                break
        assert seen


async def test_reduced_motion_only_fades(page: Page) -> None:
    async with overlay_server() as server:
        await open_overlay(page, server, motion="reduced")
        for n, shown in enumerate((NATURAL_20, NATURAL_1, secret(), OPENED)):
            await server.set(dice=played(server.now(), (0, {**shown, "id": f"q{n}"})))
            await page.wait_for_selector(".hb-roll.hb-rolling")
            assert await page.evaluate("probes.movingFrames()") == 0
            await page.wait_for_selector(".hb-roll.hb-told")
            assert await page.evaluate("probes.movingFrames()") == 0
            assert await page.locator(".hb-spark").count() == 0
            await server.unset("dice")
            await page.wait_for_selector(".hb-roll", state="detached")


async def test_hostile_names_run_nothing_and_stay_in_their_boxes(page: Page) -> None:
    async with overlay_server() as server:
        hostile = next(scene for scene in OTHERS if scene.name == "hostile")
        await open_overlay(page, server)
        await server.set(**hostile.boards(server))
        await shows(page, "onerror")
        assert await page.evaluate("() => window.pwned ?? null") is None
        strange = "img, iframe, script:not([src]), .hb-roll-name *, .hb-turn-name *, .hb-hero-name *, .hb-word-text *"
        assert await page.locator(strange).count() == 0
        assert await page.evaluate("probes.crowded()") == []


async def test_dice_are_told_apart_by_shape(page: Page) -> None:
    """Dropped, rerolled, extra and exploded dice differ in their drawing and not only in their colour."""
    async with overlay_server() as server:
        await open_overlay(page, server)
        await server.set(dice=played(server.now(), (2, EXPLODING)))
        await shows(page, "Krag")
        assert await page.locator(".hb-die-spikes").count() == 3
        assert await page.locator(".hb-die-mark.hb-die-extra").count() == 3
        for name in ("advantage", "hits"):
            scene = next(s for s in (*ASKED, *OTHERS) if s.name == name)
            await server.set(**scene.boards(server))
            await shows(page, scene.says)
        marks = "Array.from(document.querySelectorAll('.hb-die-mark'), (m) => m.getAttribute('class').split(' ')[1])"
        assert {"hb-die-rerolled", "hb-die-success", "hb-die-failure"} <= set(await page.evaluate(marks))
        shapes = await page.evaluate(
            """async (main) => {
              const m = await import(main.replace('main.js', 'dice_shapes.js'));
              return [2, 4, 6, 8, 10, 12, 20, 30, 'F', 'custom', 100, 'tens', 7].map((sides) => m.dieKind(sides));
            }""",
            await page.evaluate("document.querySelector('script[src]').src"),
        )
        assert shapes == ["coin", 4, 6, 8, 10, 12, 20, "other", "F", "custom", 10, "tens", "other"]


async def test_the_turn_goes_on_and_the_arrow_with_it(page: Page) -> None:
    async with overlay_server() as server:
        await open_overlay(page, server)
        board = initiative_board.board(fight("m1"), server.now())
        await server.set(fight=board)
        await page.wait_for_selector(".hb-current:has-text('Vampire')")
        await server.set(fight=initiative_board.board(fight("c3"), server.now(), board))
        await page.wait_for_selector(".hb-current:has-text('Tamsin Vale')")
        assert await page.locator(".hb-current").count() == 1
        assert await page.locator(".hb-turn").count() == 7


THEME_PAIRS = (
    # text, ground, least contrast
    ("die-ink", "die", 4.5),
    ("die-ink", "die-light", 4.5),
    ("die-ink", "die-dark", 4.5),
    ("dull-ink", "dull", 4.5),
    ("dull-ink", "dull-dark", 4.5),
    ("dull-plate-ink", "dull-plate", 7),
    ("condition-ink", "condition", 4.5),
    ("hp-ink", "hp", 4.5),
    ("wax-ink", "wax", 3),
    ("hp", "hp-track", 3),
    ("hp-low", "hp-track", 3),
    ("die-mark", "die-mark-ground", 7),
)
THEME_TEXTS = (("good", 4.5), ("bad", 4.5), ("condition", 4.5), ("accent", 3), ("die-edge", 1), ("hp", 3))


@pytest.mark.parametrize("theme", ["night", "paper", "arcade"])
async def test_every_theme_keeps_the_table_readable_over_the_worst_video(page: Page, theme: str) -> None:
    async with overlay_server() as server:
        await open_overlay(page, server, theme=theme)
        asked = (
            {name for pair in THEME_PAIRS for name in pair[:2]}
            | {name for name, _ in THEME_TEXTS}
            | {"plate"}
        )
        found: dict[str, str] = await page.evaluate(
            "(names) => { const s = getComputedStyle(document.querySelector('.hb-stage')); "
            "return Object.fromEntries(names.map((n) => [n, s.getPropertyValue('--hb-' + n).trim()])) }",
            sorted(asked),
        )
        assert all(found.values()), found
        weak: list[Any] = []
        for text, ground, least in THEME_PAIRS:
            if (value := contrast(colour(found[text])[0], colour(found[ground])[0])) < least:
                weak.append((text, ground, round(value, 2)))
        for video in ((0.0, 0.0, 0.0), (255.0, 255.0, 255.0)):
            plate = over(found["plate"], video)
            for text, least in THEME_TEXTS:
                if (value := contrast(colour(found[text])[0], plate)) < least:
                    weak.append((text, f"plate over {video}", round(value, 2)))
        assert weak == []


async def test_a_board_replaced_ten_times_a_second_costs_no_frames(page: Page) -> None:
    """By the page's own measurement, held against what this machine can do with nothing to draw."""
    async with overlay_server() as server:
        await open_overlay(page, server)
        best = 0.0
        for attempt in range(3):  # others may have the machine at that moment
            idle = await page.evaluate("probes.frames(1500)")
            measuring = asyncio.create_task(page.evaluate("probes.frames(3000)"))
            steps: list[tuple[float, Json]] = []
            begun = server.now()
            while not measuring.done():
                n = len(steps)
                age = (server.now() - begun).total_seconds()
                shown = (
                    NATURAL_20
                    if n % 9 == 4
                    else EXPLODING
                    if n % 4 == 0
                    else view(roll("1d20+2", n, dice(20, 12)))
                )
                steps.append((-age, {**shown, "id": f"s{attempt}:{n}"}))
                await server.set(dice=played(begun, *steps[-30:]))
                await asyncio.sleep(0.1)  # the rate that is to be held
            gaps = await measuring
            assert len(steps) > 20
            rate, could = (1000 * len(some) / sum(some) for some in (gaps, idle))
            best = max(best, rate / could)
            if best > 0.95:
                break
        assert best > 0.95, f"{rate:.0f} frames a second, and {could:.0f} with nothing to draw"
