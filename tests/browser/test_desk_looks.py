"""Every face of the desk on every screen: nothing overflows, text can be read, fingers find their targets.

The pictures of the same faces go to build/pictures/desk-*.png.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser, Page

from tests.browser.desk_harness import FakeHubbub, serve
from tests.browser.desk_scenes import SCENES, Act, hostile_text

PICTURES = Path(__file__).parents[2] / "build" / "pictures"
SIZES = {"1920": (1920, 1080), "1280": (1280, 720), "360": (360, 740)}
#: Of these there is a picture to look at; to paint and to pack one costs more than all checks of a size.
PAINTED = {("1280", "dark"), ("1280", "light"), ("360", "dark")}

#: Elements with text of their own whose contrast is below WCAG 2.2 AA, as `[text, ratio]`.
CONTRAST = """() => {
  const parse = (text) => {
    const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number);
    return [r, g, b, a];
  };
  const over = ([r, g, b, a], under) => [r, g, b].map((c, i) => c * a + under[i] * (1 - a));
  const light = (rgb) => {
    const part = (c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    const [r, g, b] = rgb.map((c) => part(c / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const bad = [];
  for (const node of document.querySelectorAll("body *")) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
    const apart = "hb-stage, .preview, [aria-hidden=true], [data-waits], .unseen, noscript, kbd";
    if (!own || node.closest(apart)) continue;
    if (!node.checkVisibility({checkOpacity: true})) continue;
    const open = document.querySelector("dialog[open]");
    if (open && !open.contains(node)) continue;
    let opacity = 1;
    const layers = [];
    for (let up = node; up; up = up.parentElement) {
      const style = getComputedStyle(up);
      if (style.filter.includes("blur")) opacity = null;
      if (opacity === null) break;
      layers.push(parse(style.backgroundColor));
      opacity *= Number(style.opacity);
    }
    if (opacity === null) continue;
    let under = [255, 255, 255];
    for (const layer of layers.reverse()) under = over(layer, under);
    const style = getComputedStyle(node);
    const [r, g, b, a] = parse(style.color);
    const text = over([r, g, b, a * opacity], under);
    const [low, high] = [light(text), light(under)].sort((x, y) => x - y);
    const ratio = (high + 0.05) / (low + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) bad.push([node.textContent.slice(0, 40), Math.round(ratio * 100) / 100]);
  }
  return bad;
}"""

#: Controls smaller than a finger, as `[words, width, height]`; a control inside a label has the label's size.
SMALL = """() => [...document.querySelectorAll("button, a, select, summary, input, label.switch")]
  .filter((node) => node.checkVisibility() && !node.closest(".hint, p, .switch, .choices"))
  .map((node) => [node.getAttribute("aria-label") || node.textContent, node.getBoundingClientRect()])
  .filter(([, box]) => box.width > 0 && (box.height < 43.5 || box.width < 30))
  .map(([words, box]) => [words, box.width, box.height])"""

#: How far anything sticks out of the page or a control out of the window sideways.
SIDEWAYS = """() => {
  const out = [];
  const page = document.documentElement.scrollWidth;
  if (page > innerWidth) out.push(["page", page]);
  const watched = "button, a, input, select, textarea, .draft, .lamp, .bar, .toast, .state-clock";
  for (const node of document.querySelectorAll(watched)) {
    if (!node.checkVisibility()) continue;
    const box = node.getBoundingClientRect();
    const within = (left, right) => box.left > left - 0.5 && box.right < right + 0.5;
    if (box.width && !within(0, innerWidth)) out.push([node.className, box.left, box.right]);
    const zone = node.closest(".zone")?.getBoundingClientRect();
    const pinned = getComputedStyle(node.closest(".action-bar") ?? node).position === "fixed";
    if (zone && !pinned && !within(zone.left, zone.right)) out.push([node.className, "outside its zone"]);
  }
  return out;
}"""


async def settle(page: Page) -> None:
    """Two frames after a change of size or colours, and the end of short transitions."""
    await page.evaluate(
        """() => new Promise((done) => requestAnimationFrame(done))
            .then(() => new Promise((done) => requestAnimationFrame(done)))
            .then(() => Promise.allSettled(document.getAnimations()
                .filter((motion) => motion.effect.getComputedTiming().endTime < 1000)
                .map((motion) => motion.finished)))
            .then(() => null)"""
    )


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
async def test_every_face_fits_every_screen(page: Page, scene: Act) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    fake = FakeHubbub()
    async with serve(fake):
        await page.set_viewport_size({"width": 1280, "height": 720})
        await scene(fake, page)
        for name, (width, height) in SIZES.items():
            for scheme in ("dark", "light"):
                await page.set_viewport_size({"width": width, "height": height})
                await page.emulate_media(color_scheme=scheme)
                await settle(page)
                label = f"{scene.__name__.replace('_', '-')}-{name}-{scheme}"
                if (name, scheme) in PAINTED:
                    await page.screenshot(path=PICTURES / f"desk-{label}.png")
                assert await page.evaluate(SIDEWAYS) == [], label
                assert await page.evaluate(CONTRAST) == [], label
            if name == "360":
                assert await page.evaluate(SMALL) == [], scene.__name__


async def test_hostile_text_stays_text(page: Page) -> None:
    """Markup, bidi overrides, stacked marks in names and options: no script runs, nothing leaves its row."""
    fake = FakeHubbub()
    alarms: list[str] = []
    page.on("dialog", lambda dialog: alarms.append(dialog.message))
    page.on("console", lambda message: alarms.append(message.text) if message.type == "error" else None)
    async with serve(fake):
        await hostile_text(fake, page)
        await page.locator("#tab-history").click()
        await page.locator(".past-item summary").click()
        assert await page.locator("img, svg[onload], .bar script, .lamp script").count() == 0
        tall = await page.locator(".draft, .bar").evaluate_all(
            "(nodes) => nodes.filter((node) => node.scrollHeight > node.clientHeight + 2).length"
        )
        assert tall == 0
        await page.wait_for_timeout(300)  # a script would have had its chance
        assert alarms == []


@pytest.mark.parametrize(("width", "height"), [(640, 360), (800, 1100), (3840, 2160)])
async def test_zoom_tablets_and_big_screens(browser: Browser, width: int, height: int) -> None:
    """640×360 is a 1280×720 screen at 200 % zoom."""
    fake = FakeHubbub()
    context = await browser.new_context(viewport={"width": width, "height": height})
    page = await context.new_page()
    async with serve(fake):
        await SCENES[2](fake, page)
        await settle(page)
        await page.screenshot(path=PICTURES / f"desk-voting-{width}x{height}.png")
        assert await page.evaluate(SIDEWAYS) == []
        box = await page.locator("#next-action").bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= height, "the next action must be in sight"
    await context.close()


async def test_a_phone_reads_now_then_next_then_health(page: Page) -> None:
    fake = FakeHubbub()
    await page.set_viewport_size({"width": 360, "height": 740})
    async with serve(fake):
        await SCENES[2](fake, page)
        zones = page.locator(".now, .next, .health")
        tops: list[int] = await zones.evaluate_all("(all) => all.map((zone) => zone.offsetTop)")
        assert tops == sorted(tops)
        bar = await page.locator(".action-bar").bounding_box()
        assert bar is not None
        before = bar["y"]
        await page.mouse.wheel(0, 900)
        while await page.evaluate("scrollY") < 300:
            await page.wait_for_timeout(20)
        after = await page.locator(".action-bar").bounding_box()
        assert after is not None
        assert after["y"] == before, "the next action stays under the thumb"


async def test_everything_has_a_name_and_focus_is_visible(page: Page) -> None:
    fake = FakeHubbub()
    async with serve(fake):
        await SCENES[1](fake, page)
        nameless = await page.locator("button, a, input, select").evaluate_all(
            """(nodes) => nodes.filter((node) => node.checkVisibility()).filter((node) => {
                const name = node.getAttribute("aria-label") || node.textContent.trim();
                return !name && !node.labels?.length;
            }).length"""
        )
        assert nameless == 0
        seen = 0
        for _ in range(30):
            await page.keyboard.press("Tab")
            width = await page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
            tag = await page.evaluate("document.activeElement.tagName")
            if tag == "BODY":
                continue
            seen += 1
            assert width == "3px", tag
        assert seen > 20
