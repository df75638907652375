"""Hostile names, questions and options go the real way into the real overlay and the real desk.

No script runs, nothing leaves its box, no pixel is painted outside the widget, nothing is fetched from
elsewhere (reliability R22, T23–T25).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from playwright.async_api import Browser, Page

from tests.acceptance import hostile_texts
from tests.acceptance.painted import Complaints, phase, picture, probe, settled, shows, shows_counts
from tests.acceptance.show import PICTURES, Json, Show, chat, eventually, now_ms
from tests.servers import Hubbub

OUTSIDE_OVERLAY, OUTSIDE_DESK = probe("outside_overlay"), probe("outside_desk")
PIXELS_OUTSIDE = probe("pixels_outside")
#: The crown of the winner and a shadow may stand over the edge by so much.
MARGIN = 30


def polls_of(texts: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """The corpus as polls: ten options each, and each question another of the texts."""
    for start in range(0, len(texts), 10):
        options = list(texts[start : start + 10])
        if len(options) < 2:
            options += texts[: 2 - len(options)]
        yield texts[(start * 7 + 3) % len(texts)], options


async def pixels_outside(page: Page, decoder: Page) -> int:
    """Painted pixels beside the widget, on the transparent page that OBS would see."""
    box = await page.locator("hb-poll").bounding_box()
    assert box is not None
    grown = {
        "x": box["x"] - MARGIN,
        "y": box["y"] - MARGIN,
        "width": box["width"] + 2 * MARGIN,
        "height": box["height"] + 2 * MARGIN,
    }
    png = await page.screenshot(omit_background=True)
    painted: int = await decoder.evaluate(
        PIXELS_OUTSIDE, {"png": base64.b64encode(png).decode(), "box": grown}
    )
    return painted


def strangers(requests: Sequence[str], program: Hubbub) -> list[str]:
    """Requests that went anywhere else than to the program."""
    own = urlsplit(program.base_url).netloc
    return [
        url
        for url in requests
        if urlsplit(url).scheme not in ("blob", "data") and urlsplit(url).netloc != own
    ]


def no_error_in(log: str) -> list[str]:
    return [line for line in log.splitlines() if '"level": "error"' in line or "Traceback" in line]


async def test_hostile_polls_stay_text_in_their_boxes_on_the_overlay(
    hubbub: Hubbub, browser: Browser
) -> None:
    async with Show.on(hubbub, "<script>window.__pwned=1</script>") as show:
        await show.channel("deck")
        context = await browser.new_context(viewport={"width": 1920, "height": 1080})
        decoder = await context.new_page()
        page = await context.new_page()
        complaints = Complaints(page)
        requests: list[str] = []
        page.on("request", lambda request: requests.append(request.url))
        await page.add_init_script(probe("watch"))
        await page.goto(await show.overlay("<img src=x onerror=window.__pwned=1>"))
        wrong: list[str] = []
        for number, (question, options) in enumerate(polls_of(hostile_texts.ALL)):
            poll = await show.launch(question, options, grace_s=0, hold_s=600, secret=number % 4 == 3)
            names = hostile_texts.ALL[number * 7 :]
            votes = [
                chat(
                    f"h{number}-{n}",
                    f"u{n}",
                    str(1 + n % len(options)),
                    now_ms(),
                    name=names[n % len(names)][:64],
                )
                for n in range(25)
            ]
            votes += [chat(f"w{number}-{n}", f"w{n}", text, now_ms()) for n, text in enumerate(options)]
            assert (await show.send(votes))["rejected"] == []
            expected = await show.api_votes(poll["id"])
            if not poll["secret"]:
                await shows_counts(page, expected)
            else:
                await shows(page, "votes sealed")
            await settled(page)
            wrong += [f"poll {number} open: {what}" for what in await page.evaluate(OUTSIDE_OVERLAY)]
            if painted := await pixels_outside(page, decoder):
                wrong.append(f"poll {number} open: {painted} pixels beside the widget")
            await picture(page, f"hostile-overlay-{number}")
            await show.act(poll["id"], "close")
            await show.until_state(poll["id"], "closed")
            await show.act(poll["id"], "reveal")
            await phase(page, "revealed")
            await shows_counts(page, await show.api_votes(poll["id"]))
            await settled(page)
            wrong += [f"poll {number} revealed: {what}" for what in await page.evaluate(OUTSIDE_OVERLAY)]
            if painted := await pixels_outside(page, decoder):
                wrong.append(f"poll {number} revealed: {painted} pixels beside the widget")
            await show.act(poll["id"], "dismiss")
            await page.wait_for_selector("hb-poll", state="detached")
        assert wrong == []
        assert await complaints.of(page) == []
        assert strangers(requests, hubbub) == []
        assert (
            await page.evaluate(
                "document.querySelectorAll('script, iframe, object, base, meta[http-equiv]').length"
            )
            == 1
        )
        await context.close()
    assert no_error_in(hubbub.log) == []


async def test_texts_without_anything_to_see_are_refused(hubbub: Hubbub) -> None:
    async with Show.on(hubbub) as show:
        for text in hostile_texts.REFUSED:
            wanted = (400,) if "\0" in text else (422,)  # strict JSON knows no NUL
            body: Json = {"question": "Which?", "options": ["Left", text], "duration_s": 60}
            assert await show.api.refusal(f"/campaigns/{show.id}/polls", body) in wanted, repr(text)
            body = {"question": text * 2, "options": ["Left", "Right"], "duration_s": 60}
            assert await show.api.refusal(f"/campaigns/{show.id}/polls", body) in wanted, repr(text)
        # What is taken is stored without what turns the writing direction.
        for text in hostile_texts.ALL:
            made = await show.api.post(
                f"/campaigns/{show.id}/polls", {"question": text, "options": [text, "x"], "duration_s": 60}
            )
            assert not re.search(
                "[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\x00-\x1f]", made["question"]
            ), text
            await show.api.http.delete(f"/polls/{made['id']}")
    assert no_error_in(hubbub.log) == []


async def fill_the_desk(show: Show) -> Json:
    """Everything that has a name gets a hostile one; answers the open poll."""
    texts = hostile_texts.ALL
    await show.channel("deck")
    for number, text in enumerate(texts):
        await show.api.http.post(  # most are no names of channels, and are refused
            f"/campaigns/{show.id}/channels", json={"platform": "custom", "login": text, "source": "api"}
        )
        if number % 6 == 0:
            await show.overlay(text[:64])
            await show.api.post(f"/campaigns/{show.id}/rundowns", {"name": text})
            body = {"label": text[:60], "question": text, "options": [text, "Fight"], "duration_s": 60}
            await show.api.post(f"/campaigns/{show.id}/poll-templates", body)
    past = await show.launch(texts[0], list(texts[1:11]), grace_s=0)
    await show.send([chat("p1", "p1", "1", now_ms())])
    await show.act(past["id"], "close")
    await show.until_state(past["id"], "closed")
    await show.act(past["id"], "reveal")
    await show.act(past["id"], "dismiss")
    for question, options in polls_of(texts):
        body = {"question": question, "options": options, "duration_s": 60}
        await show.api.post(f"/campaigns/{show.id}/polls", body)
    running = await show.launch(texts[32], list(texts[30:40]), duration_s=900)
    await show.send([chat(f"d{n}", f"d{n}", str(1 + n % 10), now_ms(), name=texts[n]) for n in range(40)])
    return running


async def test_the_desk_keeps_hostile_texts_in_their_boxes(hubbub: Hubbub, browser: Browser) -> None:
    async with Show.on(
        hubbub, hostile_texts.TALL_AND_WIDE[2] + "<img src=x onerror=window.__pwned=1>"[:20]
    ) as show:
        running = await fill_the_desk(show)
        link = re.search(r"http://\S+/login#code=\S+", hubbub.log)
        assert link is not None
        context = await browser.new_context(viewport={"width": 1280, "height": 900})
        page = await context.new_page()
        complaints = Complaints(page)
        requests: list[str] = []
        page.on("request", lambda request: requests.append(request.url))
        await page.add_init_script(probe("watch"))
        await page.goto(link[0])
        await page.wait_for_selector("main.zones")
        assert "code=" not in page.url
        total = (await show.poll(running["id"]))["total_votes"]

        async def counts_votes() -> bool:
            return str(total) in await page.locator(".now .total").inner_text()

        await eventually(counts_votes, "the desk shows the running poll")
        wrong: list[str] = []
        PICTURES.mkdir(parents=True, exist_ok=True)
        for width, height in ((1280, 900), (390, 844), (1920, 1080)):
            await page.set_viewport_size({"width": width, "height": height})
            await settled(page)
            wrong += [f"{width}: {what}" for what in await page.evaluate(OUTSIDE_DESK)]
            await page.screenshot(path=f"{PICTURES}/hostile-desk-{width}.png", full_page=True)
        for width, height in ((1280, 900), (390, 844)):
            await page.set_viewport_size({"width": width, "height": height})
            wrong += await open_everything(page, str(width))
        assert (await show.poll(running["id"]))["state"] == "open", "looking changed nothing"
        assert wrong == []
        assert await complaints.of(page) == []
        assert strangers(requests, hubbub) == []
        assert await page.evaluate("document.querySelectorAll('iframe, object, base, script').length") == 1
        await context.close()
    assert no_error_in(hubbub.log) == []


#: What opens a dialog on the desk and does nothing to the show.
OPENERS = (
    ".show-button",
    ".rundown-button",
    'button:has-text("New poll"):visible',
    'button:text-is("Add a channel"):visible',
    'button:text-is("Add an overlay"):visible',
)


async def open_everything(page: Page, where: str) -> list[str]:
    """Open each dialog of the desk in turn, and the past polls; answers what left its box."""
    wrong = []
    for opener in OPENERS:
        await page.locator(opener).first.click()
        dialog = page.locator("dialog[open]")
        await dialog.wait_for(state="visible")
        await settled(page)
        wrong += [f"{where} {opener}: {what}" for what in await page.evaluate(OUTSIDE_DESK)]
        await page.keyboard.press("Escape")
        await dialog.wait_for(state="hidden")
    for more in (await page.locator('button[aria-label^="More for"]').all())[:3]:
        await more.click()
    wrong += [f"{where} more: {what}" for what in await page.evaluate(OUTSIDE_DESK)]
    await page.get_by_role("tab", name="Past polls").click()
    await page.get_by_text(hostile_texts.SCRIPTS[0]).last.wait_for()
    await settled(page)
    wrong += [f"{where} past polls: {what}" for what in await page.evaluate(OUTSIDE_DESK)]
    await page.get_by_role("tab", name="Rundown").click()
    return wrong
