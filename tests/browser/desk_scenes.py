"""Every face of the desk, as a state of the stand-in API and a few keys: for pictures and layout checks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from playwright.async_api import Page, expect

from tests.browser.desk_harness import FakeHubbub
from tests.browser.desk_poll import FakePoll, now, wire

Act = Callable[[FakeHubbub, Page], Awaitable[None]]


@dataclass(frozen=True)
class Show:
    """A show with channels, overlays, a past and a rundown."""

    campaign: str
    drafts: list[FakePoll]


def rich(hub: FakeHubbub) -> Show:
    campaign = hub.add_campaign()
    trouble = "Twitch did not let us into #brunos_table within 10 s. Check the spelling of the name."
    hub.add_channel(campaign)
    hub.add_channel(
        campaign, "brunos_table", status="failing", status_detail=trouble, heard_at=None, lag_ms=None
    )
    hub.add_overlay(campaign)
    hub.add_overlay(campaign, "Vertical clip", live=False, stage="vertical")
    hub.done(hub.add_poll(campaign, "Do they trust the ferryman?", "Yes", "No"), [120, 88])
    hub.done(hub.add_poll(campaign, "Who carries the lamp?", "Aya", "Bruno", "Cid"), [40, 90, 33])
    answers = [f"The name of number {number}" for number in range(1, 11)]
    drafts = [
        hub.add_poll(
            campaign, "Which door do they take?", "The iron one", "The one that hums", "Knock first"
        ),
        hub.add_poll(campaign, "Fight, flee, or talk?", "Fight", "Flee", "Talk", duration_s=30, secret=True),
        hub.add_poll(
            campaign, "What does the lich want for the traitor?", *answers, duration_s=300, tie="random"
        ),
        hub.add_poll(campaign, "Loot: who gets the ring?", "Aya", "Bruno", rule="every_message"),
    ]
    return Show(campaign, drafts)


async def running(hub: FakeHubbub, page: Page, state: str, votes: list[int], *, draft: int = 0) -> FakePoll:
    """Opens the desk while a poll is in `state`."""
    poll = rich(hub).drafts[draft]
    hub.launch(poll, simulated=state == "closed")
    poll.votes, hub.rate = votes, 11.4
    poll.body["hold_s"] = poll.body["grace_s"] = 60
    if state != "open":
        await hub.close(poll)
    if state in ("closed", "revealed"):
        await hub.lock(poll)
    if state == "revealed":
        hub.reveal(poll)
    await page.goto(f"{hub.origin}/desk")
    await page.locator(".bar").first.wait_for()
    return poll


async def at_rest(hub: FakeHubbub, page: Page) -> None:
    rich(hub)
    await page.goto(f"{hub.origin}/desk")
    await page.wait_for_selector("#next-action[data-kind=launch]:not([data-fresh])")


async def nothing_yet(hub: FakeHubbub, page: Page) -> None:
    hub.add_campaign()
    await page.goto(f"{hub.origin}/desk")
    await page.locator("[aria-label=Overlays] .teach").wait_for()


async def voting(hub: FakeHubbub, page: Page) -> None:
    await running(hub, page, "open", [212, 98, 61])


async def ten_options(hub: FakeHubbub, page: Page) -> None:
    await running(hub, page, "open", [1, 2, 3, 4, 55, 6, 7, 8, 9, 10], draft=2)


async def counting(hub: FakeHubbub, page: Page) -> None:
    await running(hub, page, "closing", [212, 98, 61])


async def votes_are_in(hub: FakeHubbub, page: Page) -> None:
    await running(hub, page, "closed", [212, 98, 61])


async def winner(hub: FakeHubbub, page: Page) -> None:
    await running(hub, page, "revealed", [212, 98, 61])


async def tie(hub: FakeHubbub, page: Page) -> None:
    await running(hub, page, "revealed", [80, 80, 12])


async def secret(hub: FakeHubbub, page: Page) -> None:
    await running(hub, page, "open", [212, 98, 61], draft=1)


async def cancelled(hub: FakeHubbub, page: Page) -> None:
    await running(hub, page, "open", [212, 98, 61])
    await page.keyboard.press("Escape")
    await page.locator(".toast.undo").wait_for()


async def composer(hub: FakeHubbub, page: Page) -> None:
    await at_rest(hub, page)
    await page.keyboard.press("n")
    await page.keyboard.type("Which door do they take?")
    for option in ("The iron one", "The one that hums", ""):
        await page.keyboard.press("Enter")
        await page.keyboard.type(option)


async def composer_more(hub: FakeHubbub, page: Page) -> None:
    await composer(hub, page)
    await page.locator("details.more > summary").click()
    await page.locator("details.more").evaluate("(node) => node.scrollIntoView()")


async def past_polls(hub: FakeHubbub, page: Page) -> None:
    await at_rest(hub, page)
    await page.locator("#tab-history").click()
    await page.locator(".past-item summary").first.click()


async def left_open(hub: FakeHubbub, page: Page) -> None:
    """A tie that was neither revealed nor decided before the next poll took the stage."""
    first, second, *_ = rich(hub).drafts
    hub.launch(first, simulated=False)
    first.votes = [12, 40, 40]
    await hub.close(first)
    await hub.lock(first)
    hub.launch(second, simulated=False)
    await page.goto(f"{hub.origin}/desk")
    await page.locator("#tab-history").click()
    await page.locator(".past-item summary").first.click()
    await page.locator(".open-ends:visible").wait_for()


async def more_of_everything(hub: FakeHubbub, page: Page) -> None:
    await at_rest(hub, page)
    await page.locator(".draft .square").nth(1).click()
    await page.get_by_role("button", name="More for Main scene").click()


async def channel_of_a_script(hub: FakeHubbub, page: Page) -> None:
    await at_rest(hub, page)
    hub.add_channel(
        next(iter(hub.campaigns)), "ben_rolls", platform="kick", source="api", status="waiting", heard_at=None
    )
    await page.reload()
    await page.locator("[aria-label=Channels]").get_by_role("button", name="Add a channel").last.click()
    await page.get_by_role("radio", name="My own script").check()
    await page.get_by_role("radio", name="Kick").last.check()


async def names_blurred(hub: FakeHubbub, page: Page) -> None:
    await at_rest(hub, page)
    trouble = "Twitch did not let us into #brunos_table within 10 s."
    hub.checks = [
        {"name": "Channel ana", "status": "pass", "detail": "Connected.", "fix": ""},
        {"name": "Channel brunos_table", "status": "fail", "detail": trouble, "fix": "Check the spelling."},
    ]
    await page.keyboard.press("b")
    await page.get_by_role("button", name="Send a test picture to Main scene").click()
    await page.get_by_role("button", name="Check everything").click()
    await page.locator(".checks .lamp").last.scroll_into_view_if_needed()


async def link_shown_once(hub: FakeHubbub, page: Page) -> None:
    await at_rest(hub, page)
    await page.locator("[aria-label=Overlays]").get_by_role("button", name="Add an overlay").first.click()
    await page.keyboard.type("Studio")
    await page.keyboard.press("Enter")
    await page.locator(".link-once:visible").scroll_into_view_if_needed()


async def keys(hub: FakeHubbub, page: Page) -> None:
    await at_rest(hub, page)
    await page.keyboard.press("?")


async def streamer_safe(hub: FakeHubbub, page: Page) -> None:
    await voting(hub, page)
    await page.keyboard.press("b")


async def refused_launch(hub: FakeHubbub, page: Page) -> None:
    hub.add_poll(hub.add_campaign())
    await page.goto(f"{hub.origin}/desk")
    await page.wait_for_selector("#next-action[data-kind=launch]:not([data-fresh])")
    await page.keyboard.press("Space")
    await page.locator(".toast.error").wait_for()


async def contact_lost(hub: FakeHubbub, page: Page) -> None:
    await voting(hub, page)
    await expect(page.locator(".link-word")).to_have_text("live")
    await hub.unplug()
    await page.locator(".banner:visible").wait_for()


async def degraded(hub: FakeHubbub, page: Page) -> None:
    """Everything at once that the strip can say of a server that still answers."""
    await voting(hub, page)
    since = wire(now() - timedelta(minutes=7))
    for channel in hub.channels.values():
        channel.update(status="connecting", status_detail="Twitch does not answer", status_since=since)
    hub.redis = "away"
    hub.trouble = {
        "dropped_last_minute": 1204,
        "corrected_last_minute": 3,
        "probe": {"state": "ok", "lag_ms": 2400, "failing_s": None},
    }
    await expect(page.locator(".trouble")).to_have_count(5)


async def one_trouble(hub: FakeHubbub, page: Page) -> None:
    await at_rest(hub, page)
    hub.redis = "away"
    await page.locator(".trouble").wait_for()


async def hostile_text(hub: FakeHubbub, page: Page) -> None:
    campaign = hub.add_campaign()
    hub.add_channel(campaign, "w" * 64)
    hub.add_overlay(campaign, "<script>alert(1)</script>" + "x" * 39)
    options = [
        "<img src=x onerror=alert(1)>" + "W" * 50,
        "\u202eevil" * 12,
        "Z\u0321\u0335\u0345\u031a" * 15,
        "😈" * 80,
    ]
    poll = hub.add_poll(campaign, "W" * 120, *options)
    for _ in range(2):
        hub.add_poll(campaign, "\u202e" + "M" * 119, *["W" * 80] * 10)
    hub.done(hub.add_poll(campaign, "</textarea><svg onload=alert(1)>", "W" * 80, "b"), [3, 2])
    hub.launch(poll, simulated=True)
    poll.votes = [999999, 12345, 7, 1]
    await page.goto(f"{hub.origin}/desk")
    await page.locator(".bar").first.wait_for()


async def used_link(hub: FakeHubbub, page: Page) -> None:
    hub.signed_in = False
    await page.goto(f"{hub.origin}/login#code=OLD")
    await expect(page.locator("h1")).to_have_text("This link no longer works")


async def no_link(hub: FakeHubbub, page: Page) -> None:
    hub.signed_in = False
    await page.goto(f"{hub.origin}/desk")


async def not_found(hub: FakeHubbub, page: Page) -> None:
    await page.goto(f"{hub.origin}/nowhere")


SCENES: tuple[Act, ...] = (
    nothing_yet, at_rest, voting, ten_options, counting, votes_are_in, winner, tie, secret, cancelled,
    composer, composer_more, past_polls, left_open, more_of_everything, channel_of_a_script,
    link_shown_once, keys, streamer_safe, names_blurred, refused_launch, contact_lost, degraded, one_trouble,
    hostile_text, used_link, no_link, not_found,
)  # fmt: skip
