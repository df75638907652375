"""What must hold on every screen of the desk, as questions to the page; and where the pictures go."""

from __future__ import annotations

import os
from pathlib import Path

from playwright.async_api import Page

PICTURES = Path(__file__).parents[2] / "build" / "pictures"
#: Whether every face is seen on every screen (`make looks`). By default each is seen on some of them.
ALL_LOOKS = bool(os.environ.get("LOOKS"))

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
