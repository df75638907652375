"""Alerts on stream: pictures to be looked at (build/pictures/alert-*.png), the same picture after a reload,
stillness, hostile names, and who has the floor."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from playwright.async_api import Page

from server.rules.platform_events import Supported
from server.rules.support import KINDS
from server.rules.wiretime import from_wire
from tests.browser.alert_scenes import held, kindness, shown, together
from tests.browser.overlay_harness import Json, OverlayServer, ask, open_overlay, overlay_server, shows
from tests.browser.table_scenes import HOSTILE, NATURAL_20, played
from tests.browser.table_scenes import held as held_roll
from tests.browser.test_overlay_pictures import BACKGROUNDS, FOLDER

CROWD = [f"{name} {n}" for n in range(8) for name in ("Rook", "Tess", "Fern", "Lou", "Quinn")]


@dataclass(frozen=True, slots=True)
class Scene:
    """Alerts by name, and a text that proves that they are on screen."""

    name: str
    told: tuple[Supported, ...]
    says: str
    layout: Json = field(default_factory=dict)
    template: str = ""
    place: int = 0  # which alert of the queue


SCENES = (
    *(Scene(kind, (kindness(kind),), "Rook Feather") for kind in KINDS),
    Scene("anonymous", (kindness("gift", "", quantity=50),), "Somebody kind"),
    Scene("test", (kindness("raid", "Mossy Tavern", is_test=True),), "TEST"),
    Scene("crowd", tuple(together("follow", CROWD)), "+35 more", place=1),
    Scene("crowd-bits", tuple(together("bits", CROWD, message="")), "more", place=1),
    Scene("long", (kindness("bits", "W" * 40, quantity=1_000_000, message="Wow " * 60),), "WWW"),
    Scene("words", (kindness("bits", "Aya"),), "thank you", template="{name}, thank you for {amount}!"),
    Scene("german", (kindness("donation", "Jürgen"),), "Spende", {"lang": "de"}),
    Scene("paper", (kindness("raid", "Mossy Tavern"),), "Mossy", {"theme": "paper"}),
    Scene("arcade", (kindness("donation", "Mossy Tavern"),), "Mossy", {"theme": "arcade"}),
    Scene("vertical", (kindness("raid", "Mossy Tavern"),), "Mossy", {"stage": "vertical"}),
)
_STILL = "() => document.querySelector('.hb-alert-plate') && document.getAnimations().length === 0"
_GROUND = "html { background: var(--ground, transparent) !important; }"


async def _show(page: Page, server: OverlayServer, scene: Scene) -> None:
    size = {"width": 1080, "height": 1920} if "stage" in scene.layout else {"width": 1920, "height": 1080}
    await page.set_viewport_size(size)  # type: ignore[arg-type]
    layout = {"theme": "night", "anchor": "bottom-left", "scale": 1.0, "lang": "en"} | scene.layout
    stage = "document.querySelector('hb-stage')"
    await page.evaluate(f"(l) => Object.assign({stage}, {{asleep: false, overrides: l}})", layout)
    await server.unset(*server.boards)
    now = server.now()
    await server.set(alert=held(now, shown(now, scene.told, template=scene.template), scene.place))
    await shows(page, scene.says)
    await page.wait_for_function(_STILL)
    await page.evaluate(f"{stage}.asleep = true")


async def test_alerts_have_pictures_and_stay_in_their_frame(page: Page) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    wrong: dict[str, Any] = {}
    async with overlay_server() as server:
        await open_overlay(page, server)
        await page.add_style_tag(content=_GROUND)
        for scene in SCENES:
            await _show(page, server, scene)
            if found := await page.evaluate("probes.crowded()"):
                wrong[scene.name] = found
            asked = scene.name in KINDS or scene.name in ("crowd", "anonymous")
            sizes = ((1920, 1080), (640, 360)) if asked else ((1920, 1080),)
            grounds = BACKGROUNDS if asked else {"busy": BACKGROUNDS["busy"]}
            for width, height in sizes:
                if "stage" not in scene.layout:
                    await page.set_viewport_size({"width": width, "height": height})
                for ground, colours in grounds.items():
                    await page.evaluate(
                        "(c) => document.documentElement.style.setProperty('--ground', c)", colours
                    )
                    await page.screenshot(path=FOLDER / f"alert-{scene.name}-{ground}-{width}.png")
    assert wrong == {}


async def test_a_page_loaded_in_mid_alert_shows_the_same_picture(page: Page) -> None:
    """One page sees an alert come, the other is loaded into it; both are looked at in one instant."""
    async with overlay_server() as server:
        await open_overlay(page, server)
        left = [0.2, 0.45, 0.8]
        for n in range(5):  # a machine that sleeps through the moment does not see the motion from its start
            pairs = {seconds: await _pictures(page, server, f"Mossy {n}", seconds) for seconds in left}
            await page.goto(f"{server.origin}/blank")  # any page may be looked at from there
            blank = base64.b64encode(await page.screenshot()).decode()
            for seconds, pictures in pairs.items():
                assert await page.evaluate("probes.differing", [pictures[1], blank]) > 0.01
                if await page.evaluate("probes.differing", pictures) < 0.001:
                    left.remove(seconds)
            if not left:
                return
            await page.goto(server.url())
        pytest.fail(f"never the same: {left}")


async def _pictures(page: Page, server: OverlayServer, name: str, seconds: float) -> list[str]:
    """An alert so long after it came, by a page that saw it come and by one that was loaded then."""
    lasts = timedelta(seconds=30)
    await server.set(alert=shown(server.now(), [kindness("raid", name)], ago=0, lasts=lasts))
    starts = from_wire(server.boards["alert"]["alerts"][0]["starts_at"]).timestamp() * 1000
    pictures = []
    for before in (seconds * 1000 + 50, 0):
        await page.wait_for_selector("hb-alert", state="attached")
        assert await page.evaluate("probes.play", [starts + seconds * 1000, before]) > 1
        pictures.append(base64.b64encode(await page.screenshot()).decode())
        await page.reload()
    return pictures


_ALERTS = """
return a.map(([board, at]) => {
  const view = m.alertView(board, at, {lang: 'en'});
  return [view.card && !view.card.leaving ? view.card.key : null, view.nextChange];
});
"""
_BROKEN = """
return a.every((board) => {
  const first = JSON.stringify(m.alertView(board, 5e12, {lang: 'en'}));
  m.alertView(board, 0, {lang: 'de'});
  const again = JSON.stringify(m.alertView(board, 5e12, {lang: 'en'}));
  return first === again && Array.isArray(m.alertClaims(board));
});
"""


async def test_the_page_shows_whose_time_it_is_and_no_board_breaks_it(page: Page) -> None:
    async with overlay_server() as server:
        now = server.now()
        board = shown(now, together("bits", CROWD[:9]), ago=0)
        asked = []
        wanted = []
        for one in board["alerts"]:
            starts, ends = (from_wire(one[f"{when}s_at"]).timestamp() * 1000 for when in ("start", "end"))
            for at in (starts - 1, starts, ends - 1, ends):
                asked.append([board, at])
                wanted.append(one["id"] if starts <= at < ends else None)
        found = await ask(page, server, "alert_view", _ALERTS, asked)
        assert [key for key, _ in found] == wanted
        assert all(change is None or change > at for (_, at), (_, change) in zip(asked, found, strict=True))
        times = {"starts_at": now.isoformat(), "ends_at": "9999-01-01T00:00:00Z"}
        broken: list[Any] = [
            {},
            {"alerts": None},
            {"alerts": [None, 3, {}, {"type": "follow"}, {"type": "hug", **times}]},
            {"alerts": [{"type": "bits", "names": "x", "quantity": "many", "people": -4, **times}]},
            {"alerts": [{"type": "donation", "amount": "x", "currency": "€", "names": [{}], **times}]},
        ]
        assert await ask(page, server, "alert_view", _BROKEN, broken)


async def test_hostile_names_are_only_names(page: Page) -> None:
    async with overlay_server() as server:
        await open_overlay(page, server)
        for n, name in enumerate(HOSTILE):
            template = "{name} {message} {amount}" if n % 2 else ""
            told = [kindness("donation", name, message=name)]
            now = server.now()
            await server.set(alert=held(now, shown(now, told, template=template)))
            await page.wait_for_selector("hb-alert:not(.hb-gone)")
            assert await page.evaluate("() => window.pwned ?? null") is None
            assert await page.locator(".hb-alert-told :is(img, iframe, script, a)").count() == 0
            assert await page.evaluate("probes.crowded()") == [], name
            await server.unset("alert")
            await page.wait_for_selector("hb-alert", state="detached")


async def test_a_held_alert_draws_no_frames_and_leaves_in_time(page: Page) -> None:
    async with overlay_server() as server:
        server.ping_s = 60
        await open_overlay(page, server)
        told = [kindness("follow")]
        await server.set(alert=shown(server.now(), told, ago=1, lasts=timedelta(seconds=5)))
        await shows(page, "Rook Feather")
        await page.wait_for_function("() => document.getAnimations().length === 0")
        await page.evaluate("probes.forgetWakes()")
        await asyncio.sleep(1)  # the promise is about this time: nothing changes in it
        assert (await page.evaluate("probes.wakes"))["frames"] == 0
        await page.wait_for_selector("hb-alert.hb-gone", state="attached")
        assert await page.locator(".hb-alert-name").count() == 0


async def test_a_critical_has_the_floor_and_the_alert_comes_quietly(page: Page) -> None:
    async with overlay_server() as server:
        await open_overlay(page, server)
        await server.set(dice=held_roll(server, played(server.now(), (0.9, NATURAL_20))))
        await page.wait_for_selector(".hb-spark", state="attached")
        await server.set(alert=shown(server.now(), [kindness("raid")], ago=0, lasts=timedelta(seconds=20)))
        await page.wait_for_selector("hb-alert:not(.hb-gone)")
        await page.wait_for_timeout(50)
        assert await page.locator(".hb-alert-sparks").count() == 0
        await server.unset("dice", "alert")
        await page.wait_for_selector("hb-alert", state="detached")
        await server.set(alert=shown(server.now(), [kindness("raid")], ago=-0.1))
        await page.wait_for_selector(".hb-alert-sparks", state="attached")


async def test_reduced_motion_only_fades(page: Page) -> None:
    async with overlay_server() as server:
        await open_overlay(page, server, motion="reduced")
        await server.set(alert=shown(server.now(), [kindness("raid")], ago=-0.1, lasts=timedelta(seconds=2)))
        await page.wait_for_selector("hb-alert:not(.hb-gone)")
        assert await page.evaluate("probes.movingFrames()") == 0
        assert await page.locator(".hb-alert-sparks").count() == 0
        await page.wait_for_selector("hb-alert.hb-gone", state="attached")
