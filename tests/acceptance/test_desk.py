"""The desk of the running program, as its game master drives it: an evening by keyboard, and a poll by thumb.

The pictures of these tests are meant to be looked at: build/pictures/desk-program-*.png.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path

from playwright.async_api import Browser, Locator, Page, expect

from tests.acceptance.painted import Complaints, settled, shows, shows_counts
from tests.acceptance.show import PICTURES, Show, by_option, chat, eventually, now_ms
from tests.servers import Hubbub

#: As the browser of OBS 32 introduces itself.
OBS_AGENT = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/127.0.6533.120 OBS/32.2.2 Safari/537.36"
)
#: The big button has said the same thing for long enough to be pressed by keyboard.
SETTLED = ":not([data-fresh]):not([data-busy])"
#: How much of its bar each fill covers.
FILLS = """() => Array.from(document.querySelectorAll('.now .bar'), (bar) =>
  bar.querySelector('.fill').getBoundingClientRect().width / bar.getBoundingClientRect().width)"""


async def says(words: Locator, text: str | re.Pattern[str]) -> None:
    """Wait until these are the words, or a part of them."""
    await expect(words).to_contain_text(text, timeout=15_000)


async def open_desk(page: Page, program: Hubbub) -> None:
    """By the link from the terminal, which is then out of the address bar."""
    link = re.search(r"http://\S+/login#code=\S+", program.log)
    assert link is not None
    await page.goto(link[0])
    await says(page.locator(".link-word"), "live")
    assert page.url == f"{program.base_url}/desk"


async def big(page: Page, kind: str) -> None:
    """Wait until the one next action is of `kind` and may be pressed."""
    await page.wait_for_selector(f"#next-action[data-kind={kind}]{SETTLED}", timeout=15_000)


async def long_result(page: Page) -> None:
    """Under *More*: the result stays until it is sent off, however slow this machine is."""
    await page.locator("details.more > summary").press("Enter")
    await page.get_by_label("Show the result for").fill("60")


async def compose(page: Page, question: str, *options: str) -> None:
    """Write a poll by keyboard; it goes to the end of the rundown."""
    await page.keyboard.type(question)
    for option in options:
        await page.keyboard.press("Enter")
        await page.keyboard.type(option)
    await long_result(page)
    await page.keyboard.press("Control+Enter")
    await big(page, "launch")
    await says(page.locator("#next-action"), question)


async def cast(show: Show, *votes: int) -> None:
    """By option: how many new viewers of the custom channel vote for it."""
    texts = [str(option) for option, count in enumerate(votes, 1) for _ in range(count)]
    sent = [chat(f"{n}-{now_ms()}", f"v{n}-{now_ms()}", text, now_ms()) for n, text in enumerate(texts)]
    assert (await show.send(sent))["accepted"] == len(sent)


async def bars(page: Page, *wanted: tuple[int, int]) -> None:
    """Wait until the desk's bars say these votes and percents, and are as long as they say."""
    rows = page.locator(".now .bar")
    await expect(rows).to_have_count(len(wanted), timeout=15_000)
    for index, (votes, percent) in enumerate(wanted):
        await says(rows.nth(index).locator(".bar-votes"), re.compile(rf"^{votes} votes?$"))
        await says(rows.nth(index).locator(".bar-share"), re.compile(rf"^{percent}\s%$"))

    async def long_enough() -> bool:
        fills = await page.evaluate(FILLS)
        return all(abs(fill - percent / 100) < 0.02 for fill, (_, percent) in zip(fills, wanted, strict=True))

    await eventually(long_enough, "the bars are as long as their percents")


async def running(show: Show) -> str:
    """The poll that was launched last."""
    polls = (await show.api.get(f"/campaigns/{show.id}/polls"))["items"]
    return next(str(poll["id"]) for poll in polls if poll["state"] == "open")


async def exported(page: Page, question: str, folder: Path) -> list[dict[str, str]]:
    """The rows of the spreadsheet that a click on *Export CSV* brings."""
    await page.get_by_role("tab", name="Past polls").click()
    past = page.locator(".past-item", has_text=question)
    await past.locator("summary").click()
    async with page.expect_download() as download:
        await past.get_by_role("link", name="Export CSV").click()
    file = folder / "poll.csv"
    await (await download.value).save_as(file)
    return list(csv.DictReader(file.read_text("utf-8").splitlines()))


async def test_an_evening_by_keyboard(hubbub: Hubbub, browser: Browser, page: Page, tmp_path: Path) -> None:
    complaints = Complaints(page)
    obs = await browser.new_page(user_agent=OBS_AGENT, viewport={"width": 1920, "height": 1080})
    async with Show.on(hubbub, "Friday dungeon") as show:
        await show.channel("deck")
        await page.set_viewport_size({"width": 1280, "height": 860})
        await obs.goto(await show.overlay("Main scene"))
        await open_desk(page, hubbub)
        lamp = page.locator("[aria-label=Overlays] .lamp", has_text="Main scene")
        await says(lamp.locator(".lamp-word"), re.compile("^connected$"))
        await says(lamp.locator(".lamp-facts"), "OBS 32.2.2, 1920×1080, seen")

        # Written, launched, voted upon.
        await big(page, "write")
        await page.keyboard.press("Space")
        await compose(page, "Which door?", "Left", "Right", "Window")
        await page.keyboard.press("Space")
        await big(page, "close")
        poll = await running(show)
        await cast(show, 1, 3, 0)
        await bars(page, (1, 25), (3, 75), (0, 0))
        await cast(show, 2, 0, 1)
        await bars(page, (3, 43), (3, 43), (1, 14))
        await shows_counts(obs, [3, 3, 1])
        await settled(page)
        PICTURES.mkdir(parents=True, exist_ok=True)
        await page.screenshot(path=PICTURES / "desk-program-1280.png")

        # A tie, decided by the winner's number.
        await page.keyboard.press("Space")
        await says(page.locator("#next-action"), "Counting last votes")
        await big(page, "reveal")
        await page.keyboard.press("Space")
        await says(page.locator(".state-title"), "Tie: you decide")
        await shows(obs, "GM decides")
        await page.keyboard.press("3")  # not among the tied
        await page.keyboard.press("2")
        await big(page, "next")
        await says(page.locator(".state-title"), "“Right” wins")
        await obs.wait_for_selector('.hb-row.hb-wins[data-option="2"]')
        resolved = await show.poll(poll)
        assert (resolved["state"], resolved["winner"], resolved["tied"]) == ("revealed", 2, [1, 2])
        await page.keyboard.press("Space")
        await big(page, "write")
        await obs.wait_for_selector("hb-poll", state="detached")
        await says(page.locator("[aria-label=Channels] .lamp"), "fed by your script")

        # Another, cancelled and brought back with its votes.
        await page.keyboard.press("n")
        await compose(page, "Fight or flee?", "Fight", "Flee")
        await page.keyboard.press("Space")
        await big(page, "close")
        second = await running(show)
        await cast(show, 4, 1)
        await bars(page, (4, 80), (1, 20))
        await page.keyboard.press("Escape")
        await says(page.locator(".toast.undo"), "“Fight or flee?” is cancelled")
        await obs.wait_for_selector("hb-poll", state="detached")
        assert (await show.poll(second))["state"] == "cancelled"
        await page.keyboard.press("u")
        await big(page, "close")
        await page.locator(".toast.undo").wait_for(state="detached")
        await shows_counts(obs, [4, 1])
        await bars(page, (4, 80), (1, 20))
        assert (await show.poll(second))["state"] == "open"

        rows = await exported(page, "Which door?", tmp_path)
        assert by_option((int(row["choice"]) for row in rows if row["counted"] == "1"), 3) == [3, 3, 1]
        assert await complaints.of(page) == []
    await obs.context.close()


async def test_a_poll_by_thumb(hubbub: Hubbub, browser: Browser) -> None:
    phone = await browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, device_scale_factor=2
    )
    page = await phone.new_page()
    complaints = Complaints(page)
    async with Show.on(hubbub, "Friday dungeon") as show:
        await show.channel("deck")
        await open_desk(page, hubbub)
        await big(page, "write")
        await page.locator("#next-action").tap()
        dialog = page.locator("dialog[open]")
        await dialog.get_by_label("Question", exact=True).fill("Which door?")
        await dialog.get_by_label("Option 1", exact=True).fill("Left")
        await dialog.get_by_label("Option 2", exact=True).fill("Right")
        await long_result(page)
        await dialog.get_by_role("button", name="Launch now").tap()
        await big(page, "close")
        poll = await running(show)
        await cast(show, 1, 4)
        await bars(page, (1, 20), (4, 80))
        await settled(page)
        PICTURES.mkdir(parents=True, exist_ok=True)
        await page.screenshot(path=PICTURES / "desk-program-390.png")
        await page.locator("#next-action").tap()
        await big(page, "reveal")
        await page.locator("#next-action").tap()
        await big(page, "next")
        await says(page.locator(".state-title"), "“Right” wins")
        await page.locator("#next-action").tap()
        await big(page, "write")
        revealed = await show.poll(poll)
        assert (revealed["winner"], [option["votes"] for option in revealed["options"]]) == (2, [1, 4])
        assert await complaints.of(page) == []
    await phone.close()
