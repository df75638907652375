"""Streamer-safe mode: no name of a channel or an overlay, and no link, can be read anywhere on the desk."""

from __future__ import annotations

import inspect
import re
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Page, expect

from server.web.checks import installation, show
from tests.browser.desk_harness import FakeHubbub, serve
from tests.browser.desk_routes import STATIC

LOGIN, SCENE, SOURCE = "zzlogin_77", "Zzscene 77", "Zzsource 77"

#: What can be read and holds a planted name or a link: texts, values of fields, tooltips, lists.
READABLE = """() => {
  const planted = /zz(login|scene|source)|ovl_/i;
  const found = [];
  const see = (node, text) => {
    if (!planted.test(text) || !node.checkVisibility({checkOpacity: true})) return;
    for (let up = node; up; up = up.parentElement ?? up.getRootNode().host) {
      if (getComputedStyle(up).filter.includes("blur")) return;
    }
    found.push(text);
  };
  const walk = (root) => {
    for (const node of root.querySelectorAll("*")) {
      for (const child of node.childNodes) if (child.nodeType === 3) see(node, child.data);
      if (node.matches("option")) see(node.closest("select"), node.textContent);
      if (node.matches("input, textarea")) see(node, node.value);
      for (const name of ["title", "placeholder"]) see(node, node.getAttribute(name) ?? "");
      if (node.shadowRoot) walk(node.shadowRoot);
    }
  };
  walk(document);
  see(document.body, document.title);
  return found;
}"""


@pytest.fixture
async def fake() -> AsyncIterator[FakeHubbub]:
    """The stand-in API, listening."""
    hubbub = FakeHubbub()
    async with serve(hubbub):
        yield hubbub


def planted(fake: FakeHubbub) -> str:
    """A show where everything that can have a name has a planted one."""
    campaign = fake.add_campaign()
    fake.add_channel(campaign, LOGIN)
    trouble = f"Twitch did not let us into #{LOGIN}_b within 10 s."
    fake.add_channel(campaign, f"{LOGIN}_b", status="failing", status_detail=trouble)
    fake.add_overlay(campaign, SCENE)["sources"][0].update(obs="", name=SOURCE)
    fake.add_overlay(campaign, f"{SCENE} b", live=False)
    past = fake.add_poll(campaign, "Who leads?", "Aya", "Bruno")
    past.logins = [LOGIN, f"{LOGIN}_b"]
    fake.done(past, [10, 31])
    fake.checks = [
        {"name": f"Channel {LOGIN}_b", "status": "fail", "detail": trouble, "fix": f"Look at {LOGIN}_b."},
        {"name": f"Channel {LOGIN}", "status": "pass", "detail": "Connected.", "fix": ""},
        {"name": f"Overlay {SCENE}", "status": "warn", "detail": "Is not open.", "fix": "Paste its link."},
    ]
    return campaign


async def test_no_name_can_be_read_in_any_part_of_the_desk(page: Page, fake: FakeHubbub) -> None:
    campaign = planted(fake)
    fake.launch(fake.add_poll(campaign), simulated=False)
    await page.goto(f"{fake.origin}/desk")
    await expect(page.locator(".link-word")).to_have_text("live")
    await expect(page.locator("[aria-label=Overlays] .lamp")).to_have_count(2)
    assert len(set(await page.evaluate(READABLE))) > 5  # the probe sees what there is to see
    await page.keyboard.press("b")

    async def check(where: str) -> None:
        await page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        assert await page.evaluate(READABLE) == [], where

    await check("a poll runs")
    await page.get_by_role("button", name="Check everything").click()
    await expect(page.locator(".checks .lamp")).to_have_count(5)
    await check("checks")
    assert await page.locator(".checks").get_by_text("Paste the overlay's link into OBS").is_visible()
    for name in (SCENE, f"{SCENE} b"):
        await page.get_by_role("button", name=f"Send a test picture to {name}", exact=True).click()
    await expect(page.locator(".toast")).to_have_count(2)
    await check("messages")
    await page.locator("#tab-history").click()
    await page.locator(".past-item summary").click()
    await expect(page.locator(".past-details .by-channel")).to_contain_text(LOGIN)
    await check("past polls")
    await page.get_by_role("button", name=f"More for {SCENE}:").click()
    await page.get_by_role("button", name="Look…").click()
    await expect(page.locator("dialog[open] h2")).to_have_text(f"Look of “{SCENE}”")
    await check("look")
    await page.keyboard.press("Escape")
    await page.locator("[aria-label=Channels]").get_by_role("button", name="Add a channel").last.click()
    await page.keyboard.type(f"{LOGIN}!")
    await page.keyboard.press("Enter")
    await expect(page.locator("dialog[open]")).to_contain_text("letters, digits and _ only")
    await check("a channel is typed")
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name=f"Remove {LOGIN}_b from the show").click()
    await expect(page.locator(".toast.undo")).to_be_visible()
    await check("a channel was removed")
    await page.locator("[aria-label=Overlays]").get_by_role("button", name="Add an overlay").last.click()
    await page.keyboard.type(f"{SCENE} c")
    await check("an overlay is typed")
    await page.keyboard.press("Enter")
    await page.locator(".link-once:visible .secret").click()
    await expect(page.locator(".link-once:visible .secret")).to_contain_text("ovl_")
    await check("a link is shown")
    await page.get_by_role("button", name=f"More for {SCENE} b:").click()
    delete = page.locator(".lamp-tools:visible .hold.danger").last
    await delete.click()
    await page.wait_for_timeout(600)  # longer than a double click
    await delete.click()
    await expect(page.locator(".toast").last).to_have_text(f"“{SCENE} b” is deletedIts link no longer works.")
    await check("an overlay was deleted")
    for key in ("n", "?"):
        await page.keyboard.press(key)
        await page.locator("dialog[open]").wait_for()
        await check(f"the dialog of {key}")
        await page.keyboard.press("Escape")
    for button in (".show-button", ".rundown-button"):
        await page.locator("#tab-rundown").click()
        await page.locator(button).click()
        await page.locator("dialog[open]").wait_for()
        await check(button)
        await page.keyboard.press("Escape")


async def test_only_checks_without_a_name_stay_readable(page: Page, fake: FakeHubbub) -> None:
    """A check that the desk does not know is blurred: better one too many."""
    fake.checks = [
        {"name": name, "status": "warn", "detail": "It is so.", "fix": "Do this."}
        for name in ("Chat clock", "Redis", "Something new")
    ]
    fake.add_campaign()
    await page.goto(f"{fake.origin}/desk")
    await page.get_by_role("button", name="Check everything").click()
    await page.keyboard.press("b")
    await expect(page.locator(".checks .lamp .name")).to_have_count(3)
    await expect(page.locator(".checks .lamp", has=page.locator(".name"))).to_contain_text("Something new")


def test_the_desk_knows_which_checks_of_the_server_have_no_name() -> None:
    """The names as they stand in the server's own source."""
    source = inspect.getsource(installation) + inspect.getsource(show)
    named = set(re.findall(r'(?:passed|warned|failed)\(\s*"([^"]+)"', source))
    named.remove("Data directory")  # what `hubbub doctor` calls the disk
    known = re.search(r"NAMELESS = \[(.*?)\]", (STATIC / "desk" / "health.js").read_text("utf-8"))
    assert known is not None
    assert set(re.findall(r'"([^"]+)"', known[1])) == named
