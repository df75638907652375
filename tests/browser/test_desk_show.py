"""The desk runs a whole show: by keyboard alone, through ties, cancels, failures and lost connections."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from playwright.async_api import Page, Route, expect

from tests.browser.desk_harness import FakeHubbub, serve
from tests.browser.desk_poll import CSRF, STILL_RUNNING, FakePoll, Refusal

#: The big button has said the same thing for long enough to be pressed by keyboard.
SETTLED = ":not([data-fresh]):not([data-busy])"


@pytest.fixture
async def fake() -> AsyncIterator[FakeHubbub]:
    """The stand-in API, listening."""
    hubbub = FakeHubbub()
    async with serve(hubbub):
        yield hubbub


def ready(fake: FakeHubbub, *, channels: int = 1) -> str:
    campaign = fake.add_campaign()
    for number in range(channels):
        fake.add_channel(campaign, f"ana{number or ''}")
    fake.add_overlay(campaign)
    return campaign


async def big(page: Page, kind: str) -> None:
    """Waits until the one next action is of `kind` and may be pressed."""
    await page.wait_for_selector(f"#next-action[data-kind={kind}]{SETTLED}", timeout=8000)


async def open_desk(page: Page, fake: FakeHubbub) -> None:
    await page.goto(f"{fake.origin}/desk")
    await expect(page.locator(".link-word")).to_have_text("live")


async def launched(page: Page, fake: FakeHubbub, poll: FakePoll, votes: list[int]) -> None:
    fake.launch(poll, simulated=False)
    poll.votes = votes
    await open_desk(page, fake)
    await big(page, "close")


def posts(fake: FakeHubbub, ending: str) -> list[Any]:
    return [body for method, path, body in fake.calls if method == "POST" and path.endswith(ending)]


async def test_a_whole_show_by_keyboard_alone(page: Page, fake: FakeHubbub) -> None:
    ready(fake)
    await open_desk(page, fake)
    await big(page, "write")
    await page.keyboard.press("Space")
    await page.keyboard.type("Which door?")
    for option in ("Left", "Right", "Window"):
        await page.keyboard.press("Enter")
        await page.keyboard.type(option)
    await page.keyboard.press("Control+Enter")
    await big(page, "launch")
    await expect(page.locator("#next-action")).to_contain_text("Which door?")
    await page.keyboard.press("Space")
    await big(page, "close")
    poll = next(iter(fake.polls.values()))
    assert [option["label"] for option in poll.options()] == ["Left", "Right", "Window"]
    poll.votes = [5, 12, 3]
    await fake.push()
    await expect(page.locator(".bar").nth(1)).to_contain_text("60 %")
    await page.keyboard.press("e")
    await expect(page.locator(".state-clock")).to_have_text(re.compile(r"1:2\d\smin"))
    await page.keyboard.press("Space")
    await expect(page.locator("#next-action")).to_have_attribute("data-kind", "wait")
    await big(page, "reveal")
    await page.keyboard.press("Space")
    await big(page, "next")
    await expect(page.locator(".state-title")).to_have_text("“Right” wins")
    await page.keyboard.press("Space")
    await big(page, "write")
    await expect(page.locator(".state-title")).to_have_text("Nothing on stage")
    assert poll.state == "revealed"


async def test_writes_carry_the_csrf_token_and_an_idempotency_key(page: Page, fake: FakeHubbub) -> None:
    campaign = ready(fake)
    fake.add_poll(campaign)
    await open_desk(page, fake)
    await big(page, "launch")
    await page.locator("#next-action").click()
    await big(page, "close")
    assert all(headers["x-csrf-token"] == CSRF for headers in fake.headers)
    assert all(len(headers["idempotency-key"]) == 36 for headers in fake.headers)


async def test_a_press_aimed_at_the_old_meaning_does_nothing(page: Page, fake: FakeHubbub) -> None:
    """The poll closes by itself between the finger's way down and up."""
    poll = fake.add_poll(ready(fake), grace_s=0)
    await launched(page, fake, poll, [3, 1, 0])
    await page.locator("#next-action").hover()
    await page.mouse.down()
    await fake.close(poll)
    await expect(page.locator("#next-action")).to_have_attribute("data-kind", "reveal")
    await page.mouse.up()
    await expect(page.locator(".toast")).to_contain_text("Your press did nothing")
    assert not posts(fake, "/reveal")


async def test_a_tie_is_decided_by_its_number(page: Page, fake: FakeHubbub) -> None:
    poll = fake.add_poll(ready(fake), grace_s=0)
    await launched(page, fake, poll, [7, 2, 7])
    await page.keyboard.press("Space")
    await big(page, "reveal")
    await expect(page.locator(".tie")).to_have_count(2)
    await page.keyboard.press("Space")
    await expect(page.locator(".state-title")).to_have_text("Tie: you decide")
    await page.keyboard.press("2")  # not among the tied
    await page.keyboard.press("3")
    await big(page, "next")
    await expect(page.locator(".state-title")).to_have_text("“Through the wall” wins")
    assert posts(fake, "/resolve") == [{"winner": 3}]


async def test_a_cancelled_poll_comes_back_within_ten_seconds(page: Page, fake: FakeHubbub) -> None:
    poll = fake.add_poll(ready(fake))
    await launched(page, fake, poll, [3, 1, 0])
    await page.keyboard.press("Escape")
    undo = page.locator(".toast.undo")
    await expect(undo).to_contain_text("can be undone for")
    assert poll.state == "cancelled"
    await page.keyboard.press("u")
    await big(page, "close")
    await expect(undo).to_have_count(0)
    assert poll.state == "open"


async def test_the_undo_is_still_there_on_another_device(page: Page, fake: FakeHubbub) -> None:
    poll = fake.add_poll(ready(fake))
    fake.launch(poll, simulated=False)
    fake.cancel(poll, back=False)
    await open_desk(page, fake)
    await page.locator(".toast.undo button").click()
    await big(page, "close")
    assert poll.state == "open"


async def test_a_secret_poll_shows_how_many_and_nothing_else(page: Page, fake: FakeHubbub) -> None:
    poll = fake.add_poll(ready(fake, channels=2), secret=True, grace_s=0, hold_s=60)
    await launched(page, fake, poll, [300, 111, 1])
    await expect(page.locator(".total")).to_have_text("412 votes sealed")
    now = page.locator(".zone.now .count")
    assert not re.search(r"300|111|%|leads", await now.inner_text())
    await page.keyboard.press("Space")
    await big(page, "reveal")
    assert not re.search(r"300|111|%", await now.inner_text())
    await page.keyboard.press("Space")
    await expect(page.locator(".bar").first).to_contain_text("73 %")
    await expect(page.locator(".bar").first).to_contain_text("300 votes")


async def test_extend_and_close_early_by_pointer_answer_at_once(page: Page, fake: FakeHubbub) -> None:
    """A click has a visible answer within 100 ms, whatever the server takes."""
    poll = fake.add_poll(ready(fake))
    await launched(page, fake, poll, [3, 1, 0])
    await page.get_by_role("button", name="+60 s").click()
    await expect(page.locator(".state-clock")).to_have_text(re.compile(r"1:5\d\smin"))
    waited: float = await page.evaluate(
        """() => new Promise((done) => {
            const button = document.getElementById("next-action");
            const start = performance.now();
            new MutationObserver(() => done(performance.now() - start)).observe(button, {attributes: true});
            button.click();
        })"""
    )
    assert waited < 100


async def test_a_refused_launch_says_why_and_offers_the_rehearsal(page: Page, fake: FakeHubbub) -> None:
    campaign = fake.add_campaign()
    poll = fake.add_poll(campaign)
    await open_desk(page, fake)
    await big(page, "launch")
    await page.keyboard.press("Space")
    toast = page.locator(".toast.error")
    await expect(toast).to_contain_text("No channel takes part")
    await expect(toast).to_contain_text("Nothing was changed")
    await toast.get_by_role("button", name="Try it simulated").click()
    await big(page, "close")
    await expect(page.locator(".tag.sim").last).to_have_text("Simulated")
    # A rehearsal plays a copy: the draft is still there for the show.
    assert poll.state == "draft"
    assert [copy.simulated for copy in fake.polls.values() if copy.state == "open"] == [True]
    await expect(page.locator(".draft")).to_have_count(1)


async def test_a_show_with_only_a_simulated_crowd_launches_rehearsals(page: Page, fake: FakeHubbub) -> None:
    """A real poll would stay at zero votes for ever."""
    campaign = fake.add_campaign(demo=True)
    fake.add_channel(campaign, "mossy_tavern", source="simulated")
    poll = fake.add_poll(campaign)
    await open_desk(page, fake)
    await big(page, "launch")
    await expect(page.locator("#next-action")).to_contain_text("simulated crowd")
    await page.keyboard.press("Space")
    await big(page, "close")
    assert poll.simulated


async def test_a_server_error_keeps_the_desk_usable(page: Page, fake: FakeHubbub) -> None:
    poll = fake.add_poll(ready(fake))
    await launched(page, fake, poll, [3, 1, 0])
    fake.broken["/close"] = Refusal(500, "The database did not answer.")
    await page.keyboard.press("Space")
    await expect(page.locator(".toast.error")).to_contain_text("Votes already counted are safe")
    fake.broken.clear()
    await page.locator(".toast.error .square").click()
    await page.locator("#next-action").click()
    await big(page, "reveal")


async def test_contact_lost_turns_the_desk_red_and_comes_back(page: Page, fake: FakeHubbub) -> None:
    poll = fake.add_poll(ready(fake))
    await launched(page, fake, poll, [3, 1, 0])
    await fake.unplug()
    await expect(page.locator(".banner")).to_contain_text("No contact with Hubbub", timeout=15000)
    assert await page.evaluate("document.documentElement.dataset.link") == "lost"
    await expect(page.locator(".bar").first).to_contain_text("3 votes")
    poll.votes = [30, 1, 0]
    await fake.plug()
    await expect(page.locator(".bar").first).to_contain_text("30 votes", timeout=15000)
    await expect(page.locator(".banner")).to_be_hidden()


async def test_a_write_during_a_short_outage_is_sent_again_with_the_same_key(
    page: Page, fake: FakeHubbub
) -> None:
    poll = fake.add_poll(ready(fake))
    await launched(page, fake, poll, [3, 1, 0])
    sent: list[str] = []

    def remember(request: Any) -> None:
        if request.url.endswith("/close"):
            sent.append(request.headers["idempotency-key"])

    page.on("request", remember)
    await fake.unplug()
    await page.keyboard.press("Space")
    await expect(page.locator("#next-action")).to_contain_text("Closing…")
    await fake.plug()
    await big(page, "reveal")
    assert len(sent) > 1
    assert len(set(sent)) == 1


async def test_a_write_that_takes_long_is_waited_for_and_done_once(page: Page, fake: FakeHubbub) -> None:
    """The server has it but answers after the desk has stopped listening: the desk asks again and says so."""
    poll = fake.add_poll(ready(fake))
    await launched(page, fake, poll, [3, 1, 0])
    closes = poll.closes_at
    assert closes is not None
    gate = fake.held["/extend"] = asyncio.Event()
    await page.keyboard.press("e")
    note = page.locator(".toast")
    await expect(note).to_contain_text("Still being done", timeout=8000)
    await expect(page.get_by_role("button", name="Extending…")).to_be_visible()
    gate.set()
    await expect(page.get_by_role("button", name="+30 s")).to_be_visible(timeout=8000)
    await expect(note).to_have_count(0)
    assert poll.closes_at == closes + timedelta(seconds=30)


async def test_a_write_that_never_ends_is_given_up_with_true_words(page: Page, fake: FakeHubbub) -> None:
    poll = fake.add_poll(ready(fake))
    fake.launch(poll, simulated=False)
    await page.clock.install()
    await open_desk(page, fake)
    await big(page, "close")
    fake.broken["/extend"] = STILL_RUNNING
    await page.keyboard.press("e")
    await expect(page.locator(".toast")).to_contain_text("Still being done")
    await page.clock.fast_forward(40_000)
    said = page.locator(".toast.error")
    await expect(said).to_contain_text("No answer yet: extend the poll")
    await expect(said).to_contain_text("It may or may not have happened: look before you press again.")
    await expect(page.locator(".toast")).to_have_count(1)
    assert "Nothing was changed" not in await said.inner_text()


async def test_an_unanswered_write_is_never_called_harmless(page: Page, fake: FakeHubbub) -> None:
    """A second press is a second wish, with a key of its own."""
    poll = fake.add_poll(ready(fake))
    await page.route("**/extend", lambda route: route.abort())
    await launched(page, fake, poll, [3, 1, 0])
    await page.keyboard.press("e")
    said = page.locator(".toast.error")
    await expect(said).to_contain_text("Could not extend the poll: the server did not answer", timeout=8000)
    await expect(said).to_contain_text("It may or may not have happened: look before you press again.")
    assert "no harm" not in await said.inner_text()


async def test_what_a_later_refusal_leaves_open_is_said(page: Page, fake: FakeHubbub) -> None:
    """The first try is lost on its way; the second is refused for another reason than the wish itself.

    The route is there before the page: one that a living page is given does not catch its next request for
    certain, because Chromium hands it to the page on another way than the key that is pressed.
    """
    poll = fake.add_poll(ready(fake))
    tries = 0

    async def lose_the_first(route: Route) -> None:
        nonlocal tries
        tries += 1
        await (route.abort() if tries == 1 else route.continue_())

    await page.route("**/extend", lose_the_first)
    await launched(page, fake, poll, [3, 1, 0])
    fake.broken["/extend"] = Refusal(429, "Sixty writes a minute are the most.")
    await page.keyboard.press("e")
    said = page.locator(".toast.error")
    await expect(said).to_contain_text("But an earlier try got no answer.")
    assert "Nothing was changed" not in await said.inner_text()
    # An answer about the wish itself is the answer to the first try as well.
    tries = 0
    fake.broken["/extend"] = Refusal(409, "A poll runs for four hours at most.")
    await page.keyboard.press("e")
    await expect(said.last).to_contain_text("A poll runs for four hours at most. Nothing was changed.")


async def test_a_delete_that_got_through_unheard_is_no_failure(page: Page, fake: FakeHubbub) -> None:
    poll = fake.add_poll(ready(fake))
    lost = False

    async def lose_the_answer(route: Route) -> None:
        nonlocal lost
        if route.request.method != "DELETE" or lost:
            await route.continue_()
            return
        lost = True
        await route.fetch()
        await route.abort()

    await page.route(f"**/polls/{poll.id}", lose_the_answer)
    await open_desk(page, fake)
    await page.get_by_role("button", name="More for").first.click()
    await page.get_by_role("button", name="Delete", exact=True).click()
    await expect(page.locator(".toast.undo")).to_contain_text("is deleted")
    assert not fake.polls
    await expect(page.locator(".toast.error")).to_have_count(0)


async def test_a_key_right_behind_a_dialog_is_not_lost(page: Page, fake: FakeHubbub) -> None:
    """The field in it had the focus, and must not eat the key although nobody sees it any more."""
    ready(fake)
    await open_desk(page, fake)
    await page.keyboard.press("n")
    await expect(page.locator("#composer-question")).to_be_focused()
    await page.evaluate(
        """() => {
            document.querySelector("dialog[open] [aria-label=Close]").click();
            const key = new KeyboardEvent("keydown", {key: "?", bubbles: true, cancelable: true});
            document.activeElement.dispatchEvent(key);
        }"""
    )
    await expect(page.locator("dialog[open] h2")).to_have_text("Keys")
    await page.keyboard.press("Escape")
    await expect(page.locator("dialog")).to_have_count(0)


async def test_the_end_of_the_session_says_how_to_get_back_in(page: Page, fake: FakeHubbub) -> None:
    fake.add_poll(ready(fake))
    await open_desk(page, fake)
    fake.signed_in = False
    await expect(page.locator(".gate h1")).to_have_text("You are signed out", timeout=8000)
    await expect(page.locator(".gate")).to_contain_text("hubbub link")


async def test_numbers_of_two_desks_agree(page: Page, fake: FakeHubbub) -> None:
    """What another desk (or the deadline) does arrives here by itself."""
    poll = fake.add_poll(ready(fake), grace_s=0, hold_s=3)
    await launched(page, fake, poll, [1, 0, 0])
    await fake.close(poll)
    await big(page, "reveal")
    fake.reveal(poll)
    await fake.push()
    await expect(page.locator(".state-title")).to_have_text("“Left” wins")
    await asyncio.sleep(3)  # the hold itself: the result leaves without anybody's doing
    await big(page, "write")


async def test_the_live_region_speaks_at_most_once_in_five_seconds(page: Page, fake: FakeHubbub) -> None:
    poll = fake.add_poll(ready(fake))
    await launched(page, fake, poll, [1, 0, 0])
    await page.evaluate(
        """() => {
            window.spoken = [];
            const heard = new MutationObserver(() => window.spoken.push(performance.now()));
            heard.observe(document.getElementById("announcer"), {childList: true, characterData: true});
        }"""
    )
    for votes in range(2, 14):
        poll.votes = [votes, 1, 0]
        await fake.push()
        await asyncio.sleep(0.5)
    times: list[float] = await page.evaluate("window.spoken")
    assert times
    assert all(later - earlier > 4900 for earlier, later in pairwise(times))
