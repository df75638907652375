"""The desk's lists and forms: rundown, composer, channels, overlays, history, shows, signing in."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Page, expect

from tests.browser.desk_harness import FakeHubbub, serve
from tests.browser.desk_poll import FakePoll, Refusal


@pytest.fixture
async def fake() -> AsyncIterator[FakeHubbub]:
    """The stand-in API, listening."""
    hubbub = FakeHubbub()
    async with serve(hubbub):
        yield hubbub


async def open_desk(page: Page, fake: FakeHubbub) -> None:
    await page.goto(f"{fake.origin}/desk")
    await expect(page.locator(".link-word")).to_have_text("live")


async def order(page: Page) -> list[str]:
    return await page.locator(".draft .draft-question").all_inner_texts()


async def test_every_empty_list_teaches_and_offers_one_button(page: Page, fake: FakeHubbub) -> None:
    fake.add_campaign()
    await open_desk(page, fake)
    await expect(page.locator(".rundown .teach")).to_contain_text("Your questions wait here")
    await expect(page.locator("[aria-label=Channels] .teach")).to_contain_text(
        "Reading its chat needs no login"
    )
    await expect(page.locator("[aria-label=Overlays] .teach")).to_contain_text(
        "What viewers see comes from here"
    )
    await expect(page.locator(".health-summary")).to_have_text("not set up yet")
    assert await page.get_by_role("button", name="Try it simulated").count() >= 3
    await page.locator("#tab-history").click()
    await expect(page.locator(".history .teach")).to_contain_text("Results gather here")
    await page.locator(".history").get_by_role("button", name="Try it simulated").click()
    await expect(page.locator(".state-title")).to_have_text("Chat is voting")
    assert [poll.simulated for poll in fake.polls.values() if poll.state == "open"] == [True]


async def test_the_rundown_moves_by_keyboard_and_by_dragging(page: Page, fake: FakeHubbub) -> None:
    campaign = fake.add_campaign()
    for question in ("One", "Two", "Three"):
        fake.add_poll(campaign, question)
    await open_desk(page, fake)
    await expect(page.locator(".draft")).to_have_count(3)
    await page.get_by_role("button", name=re.compile("Move “One”")).focus()
    await page.keyboard.press("ArrowDown")
    await expect(page.locator(".draft-question").first).to_have_text("Two")
    await page.keyboard.press("ArrowDown")
    await expect(page.locator(".draft-question").last).to_have_text("One")
    handle = page.get_by_role("button", name=re.compile("Move “One”"))
    await handle.hover()
    await page.mouse.down()
    first = await page.locator(".draft").first.bounding_box()
    assert first is not None
    await page.mouse.move(first["x"] + 20, first["y"] + 2, steps=8)
    await page.mouse.up()
    await expect(page.locator(".draft-question").first).to_have_text("One")
    assert await order(page) == ["One", "Two", "Three"]
    await page.reload()
    await expect(page.locator(".draft-question").first).to_have_text("One")
    saved = [fake.polls[i].body["question"] for i in next(iter(fake.rundowns.values()))["order"]]
    assert saved == ["One", "Two", "Three"]


async def test_nothing_moves_while_a_finger_is_down(page: Page, fake: FakeHubbub) -> None:
    campaign = fake.add_campaign()
    fake.add_poll(campaign, "One")
    await open_desk(page, fake)
    await page.locator(".draft .square").hover()
    await page.mouse.down()
    first = fake.add_poll(campaign, "Zero")
    rundown = next(iter(fake.rundowns.values()))
    rundown["order"] = [first.id, *[i for i in rundown["order"] if i != first.id]]
    asked = len([1 for _, path, _ in fake.calls if path.endswith("/rundowns")])
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    while len([1 for _, path, _ in fake.calls if path.endswith("/rundowns")]) == asked:
        await page.wait_for_timeout(20)
    await page.wait_for_timeout(300)  # time enough to draw, were it not for the finger
    assert await order(page) == ["One"]
    await page.mouse.up()
    await expect(page.locator(".draft")).to_have_count(2)
    await expect(page.locator(".draft-tools").last).to_be_visible()  # the press landed on "One"


async def test_delete_duplicate_and_rehearse(page: Page, fake: FakeHubbub) -> None:
    campaign = fake.add_campaign()
    fake.add_poll(campaign, "One", "a", "b", secret=True)
    fake.add_poll(campaign, "Two")
    await open_desk(page, fake)
    await page.get_by_role("button", name="More for “One”").click()
    await page.get_by_role("button", name="Duplicate").click()
    await expect(page.locator(".draft-question").nth(1)).to_have_text("One")
    await page.locator(".draft").first.get_by_role("button", name="Delete").click()
    await expect(page.locator(".draft")).to_have_count(2)
    await page.locator(".toast.undo button").click()
    await expect(page.locator(".draft")).to_have_count(3)
    await expect(page.locator(".draft-question").first).to_have_text("One")
    assert sum(poll.body["secret"] for poll in fake.polls.values()) == 2
    await page.get_by_role("button", name="More for “Two”").click()
    await page.locator(".draft").last.get_by_role("button", name="Try it simulated").click()
    await expect(page.locator(".tag.sim").last).to_be_visible()
    await expect(page.locator(".state-question")).to_have_text("Two")
    await page.locator(".draft .launch").first.click()
    await expect(page.locator(".toast.error")).to_contain_text("One poll at a time")


async def test_the_composer_says_what_is_wrong_while_typing(page: Page, fake: FakeHubbub) -> None:
    campaign = fake.add_campaign()
    fake.add_channel(campaign, "ana")
    fake.add_channel(campaign, "bruno")
    await open_desk(page, fake)
    await page.keyboard.press("n")
    dialog = page.locator("dialog[open]")
    await dialog.get_by_role("button", name="Save", exact=True).click()
    await expect(dialog.get_by_role("alert")).to_have_text("Write the question.")
    await page.keyboard.type("🐉" * 121)
    await expect(page.locator("#composer-question-note")).to_have_text("1 characters too long.")
    await page.keyboard.press("Backspace")
    await expect(page.locator("#composer-question-note")).to_have_text("0 characters left")
    await page.keyboard.press("Enter")
    await page.keyboard.insert_text("Left")
    await page.keyboard.press("Enter")
    await page.keyboard.type("left")
    await expect(dialog).to_contain_text("Options 1 and 2 read the same")
    await page.keyboard.type(" side")
    for number in range(3, 11):
        await page.keyboard.press("Enter")
        await page.keyboard.type(f"option {number}")
    await expect(dialog.get_by_role("button", name="Ten options are the most")).to_be_disabled()
    await dialog.get_by_role("radio", name="Other").check()
    await dialog.get_by_label("Other length").fill("9")
    await expect(dialog).to_contain_text("A whole number from 10 to 3600.")
    await dialog.get_by_label("Other length").fill("45")
    await dialog.locator("details.more > summary").click()
    await expect(dialog.get_by_text("Several channels")).to_be_visible()
    await dialog.get_by_role("radio", name="Big channels are capped").check()
    await dialog.get_by_label("Cap for one channel").fill("30")
    await dialog.get_by_role("radio", name="Draw lots").check()
    await dialog.get_by_label("Wait for late votes").fill("0")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator(".draft")).to_have_count(1)
    body = next(body for method, path, body in fake.calls if method == "POST" and path.endswith("/polls"))
    assert body["question"] == "🐉" * 120
    assert len(body["options"]) == 10
    assert (body["duration_s"], body["weighting"], body["cap_percent"]) == (45, "capped", 30)
    assert (body["tie"], body["grace_s"], body["auto_reveal_s"]) == ("random", 0, None)


async def test_a_pasted_list_fills_the_options_and_a_closed_dialog_keeps_them(
    page: Page, fake: FakeHubbub
) -> None:
    fake.add_campaign()
    await open_desk(page, fake)
    await page.keyboard.press("n")
    await page.keyboard.type("Where to?")
    await page.keyboard.press("Enter")
    await page.evaluate(
        """() => {
            const data = new DataTransfer();
            data.setData("text", "North\\nEast\\nSouth\\n");
            const paste = new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true});
            document.activeElement.dispatchEvent(paste);
        }"""
    )
    fields = page.locator(".option-fields input")
    await expect(fields).to_have_count(3)
    await page.keyboard.press("Escape")
    await expect(page.locator(".toast")).to_contain_text("Not saved, but kept")
    await page.keyboard.press("n")
    await expect(page.locator("#composer-question")).to_have_value("Where to?")
    await expect(fields.nth(2)).to_have_value("South")


async def test_a_poll_that_cannot_be_saved_keeps_what_was_typed(page: Page, fake: FakeHubbub) -> None:
    fake.add_campaign()
    fake.broken["/polls"] = Refusal(503, "The database is restarting.")
    await page.goto(f"{fake.origin}/desk")
    await expect(page.locator(".rundown .teach.bad")).to_contain_text("Could not read the rundown")
    fake.broken.clear()
    await page.get_by_role("button", name="Try again").first.click()
    await expect(page.locator(".rundown .teach").last).to_be_visible()
    fake.broken["/polls"] = Refusal(422, "The question is not allowed.")
    await page.keyboard.press("n")
    await page.keyboard.type("Q")
    for option in ("a", "b"):
        await page.keyboard.press("Enter")
        await page.keyboard.type(option)
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("dialog[open]")).to_contain_text("What you typed is still here")
    await expect(page.locator("#composer-question")).to_have_value("Q")


async def test_templates_start_a_poll_and_are_saved(page: Page, fake: FakeHubbub) -> None:
    fake.add_campaign()
    await open_desk(page, fake)
    await page.locator(".rundown .starters").get_by_role("button", name="Which way").click()
    dialog = page.locator("dialog[open]")
    await expect(page.locator("#composer-question")).to_have_value("Which way do they go?")
    await dialog.get_by_role("button", name="Save as template").click()
    await expect(page.locator(".toast")).to_contain_text("Saved as a template")
    await dialog.locator("details.from > summary").click()
    own = dialog.get_by_role("button", name="Delete the template “Which way do they go?”")
    await own.click()
    assert not fake.templates
    await page.locator(".toast.undo button").click()
    await expect(own).to_be_visible()
    assert next(iter(fake.templates.values()))["options"] == ["Left", "Right", "Back"]


async def test_a_channel_is_added_by_name_or_link_and_removed_with_a_way_back(
    page: Page, fake: FakeHubbub
) -> None:
    fake.add_campaign()
    await open_desk(page, fake)
    await page.locator("[aria-label=Channels]").get_by_role("button", name="Add a channel").first.click()
    await page.keyboard.type("not a name!")
    await page.keyboard.press("Enter")
    await expect(page.locator("dialog[open]")).to_contain_text("letters, digits and _ only")
    await page.get_by_label("Channel name").fill("https://www.twitch.tv/Ana_Plays?x=1")
    await page.keyboard.press("Enter")
    row = page.locator("[aria-label=Channels] .lamp")
    await expect(row).to_contain_text("ana_plays")
    await expect(row).to_contain_text("connecting…")
    body = next(body for method, path, body in fake.calls if method == "POST" and path.endswith("/channels"))
    assert body == {"platform": "twitch", "login": "ana_plays", "source": "irc"}
    channel = next(iter(fake.channels.values()))
    channel.update(status="failing", status_detail="Twitch did not answer within 10 s.")
    await expect(row).to_contain_text("Twitch did not answer within 10 s.", timeout=6000)
    await expect(page.locator(".health-summary")).to_have_text("1 thing to look at")
    await page.get_by_role("button", name="Remove ana_plays").click()
    await expect(row).to_have_count(0)
    await page.locator(".toast.undo button").click()
    await expect(row).to_have_count(1)


async def test_a_channel_of_a_script_has_its_platform(page: Page, fake: FakeHubbub) -> None:
    """A Kick bridge needs Kick's rules: its late votes, its sign on stream."""
    fake.add_campaign()
    await open_desk(page, fake)
    dialog = page.locator("dialog[open]")

    async def add(platform: str, login: str, channel_id: str) -> None:
        await page.locator("[aria-label=Channels]").get_by_role("button", name="Add a channel").first.click()
        await dialog.get_by_role("radio", name="My own script").check()
        await dialog.get_by_role("radio", name=platform).last.check()
        await dialog.get_by_label("Channel name").fill(login)
        await dialog.get_by_label("Channel id").fill(channel_id)
        await dialog.get_by_role("button", name="Add", exact=True).click()

    await page.locator("[aria-label=Channels]").get_by_role("button", name="Add a channel").first.click()
    await expect(dialog.get_by_role("radio", name="Kick")).to_have_count(1)  # the place, not the platform
    await expect(dialog.get_by_label("Channel id")).to_be_hidden()
    await page.keyboard.press("Escape")
    await add("Kick", "https://kick.com/Ben_Rolls", "42 42")
    await expect(dialog).to_contain_text("A channel id has no spaces")
    await dialog.get_by_label("Channel id").fill("4242")
    await page.keyboard.press("Enter")
    row = page.locator("[aria-label=Channels] .lamp")
    await expect(row).to_contain_text("It sends platform “kick” and channel_id “4242”.")
    await expect(row.locator(".platform")).to_have_text("Kick")
    await add("Twitch", "ana", "")
    await expect(row).to_have_count(2)
    await add("Other", "button-box", "")
    await expect(row).to_have_count(3)
    made = [body for method, path, body in fake.calls if method == "POST" and path.endswith("/channels")]
    assert made == [
        {"platform": "kick", "login": "ben_rolls", "source": "api", "channel_id": "4242"},
        {"platform": "twitch", "login": "ana", "source": "api"},
        {"platform": "custom", "login": "button-box", "source": "api"},
    ]


async def test_a_channel_on_kick_is_added_by_its_name(page: Page, fake: FakeHubbub) -> None:
    """And, where somebody wants it, with the number of its chatroom, which is told to be unofficial."""
    fake.add_campaign()
    await open_desk(page, fake)
    dialog = page.locator("dialog[open]")

    async def add(login: str, room: str) -> None:
        await page.locator("[aria-label=Channels]").get_by_role("button", name="Add a channel").first.click()
        await dialog.get_by_role("radio", name="Kick").check()
        await dialog.get_by_label("Channel name").fill(login)
        await dialog.get_by_label("Chatroom").fill(room)
        await dialog.get_by_role("button", name="Add", exact=True).click()

    await page.locator("[aria-label=Channels]").get_by_role("button", name="Add a channel").first.click()
    await expect(dialog.get_by_label("Chatroom")).to_be_hidden()
    await page.keyboard.press("Escape")
    await add("https://kick.com/Mossy-Tavern", "")
    row = page.locator("[aria-label=Channels] .lamp")
    await expect(row.locator(".platform")).to_have_text("Kick")
    await add("fern", "room 7")
    await expect(dialog).to_contain_text("digits only")
    await expect(dialog).to_contain_text("Unofficial")
    await dialog.get_by_label("Chatroom").fill("880001")
    await page.keyboard.press("Enter")
    await expect(row).to_have_count(2)
    made = [body for method, path, body in fake.calls if method == "POST" and path.endswith("/channels")]
    assert made == [
        {"platform": "kick", "login": "mossy-tavern", "source": "webhook"},
        {"platform": "kick", "login": "fern", "source": "pusher", "chatroom_id": "880001"},
    ]
    kick = next(iter(fake.channels.values()))
    kick.update(status="waiting", status_detail="Nothing has come from Kick yet", heard_at=None, lag_ms=None)
    await expect(row.first).to_contain_text("waiting for Kick", timeout=6000)
    await expect(row.first).to_contain_text("Nothing has come from Kick yet")


async def test_an_overlay_link_is_in_the_page_only_after_a_click(page: Page, fake: FakeHubbub) -> None:
    fake.add_campaign()
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await open_desk(page, fake)
    await page.locator("[aria-label=Overlays]").get_by_role("button", name="Add an overlay").first.click()
    await page.keyboard.press("Enter")
    card = page.locator(".link-once:visible")
    await expect(card).to_contain_text("shown only now")
    assert "ovl_" not in await page.content()
    await card.get_by_role("button", name="Copy link").click()
    copied: str = await page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith(f"{fake.origin}/o/")
    assert "#k=ovl_" in copied
    assert "ovl_" not in await page.content()
    await card.locator(".secret").click()
    await expect(card.locator(".secret")).to_have_text(copied)
    await card.get_by_role("button", name="Done").click()
    await expect(card).to_have_count(0)
    assert "ovl_" not in await page.content()


async def test_a_new_link_needs_a_hold_or_a_second_press(page: Page, fake: FakeHubbub) -> None:
    campaign = fake.add_campaign()
    fake.add_overlay(campaign)
    await open_desk(page, fake)
    await expect(page.locator("[aria-label=Overlays] .lamp")).to_contain_text("OBS 31.0, 1920×1080, seen")
    await page.get_by_role("button", name="More for Main scene").click()
    rotate = page.get_by_role("button", name="New link (hold)")
    await rotate.click()
    assert not [path for _, path, _ in fake.calls if path.endswith("/rotate")]
    armed = page.get_by_role("button", name="Hold, or press again to confirm")
    await expect(armed).to_be_visible()
    await page.wait_for_timeout(600)  # longer than a double click
    await armed.click()
    await expect(page.locator(".link-once:visible")).to_be_visible()
    await rotate.hover()
    await page.mouse.down()
    async with page.expect_response("**/rotate", timeout=4000):
        pass
    await page.mouse.up()
    assert len([path for _, path, _ in fake.calls if path.endswith("/rotate")]) == 2
    await page.get_by_role("button", name="Send a test picture to Main scene").click()
    await expect(page.locator(".toast").last).to_contain_text("Test picture sent")


async def test_the_look_of_an_overlay_is_saved_and_previewed(page: Page, fake: FakeHubbub) -> None:
    campaign = fake.add_campaign()
    overlay = fake.add_overlay(campaign, custom="kept")
    await open_desk(page, fake)
    await page.get_by_role("button", name="More for Main scene").click()
    await page.get_by_role("button", name="Look…").click()
    await page.get_by_label("Stage").select_option("vertical")
    await page.get_by_label("Theme").select_option("paper")
    await page.locator("dialog[open]").get_by_role("button", name="Save").click()
    await expect(page.locator(".preview")).to_have_attribute("data-stage", "vertical")
    assert overlay["layout"]["theme"] == "paper"
    assert overlay["layout"]["custom"] == "kept"


async def test_past_polls_tell_the_result_and_can_be_asked_again(page: Page, fake: FakeHubbub) -> None:
    campaign = fake.add_campaign()
    poll = fake.done(fake.add_poll(campaign, "Who leads?", "Aya", "Bruno"), [10, 31])
    over = {"login": "ana", "state": "completed", "detail": "The Twitch poll is over."}
    poll.native_polls = [{**over, "votes": [7, 5], "points_votes": [0, 0]}]
    await open_desk(page, fake)
    await page.locator("#tab-history").click()
    item = page.locator(".past-item")
    await expect(item).to_contain_text("“Bruno” wins")
    await item.locator("summary").click()
    await expect(item).to_contain_text("76 %")
    await expect(item).to_contain_text("31 votes")
    await expect(item).to_contain_text("ana The Twitch poll is over. 12 votes there in all.")
    link = item.get_by_role("link", name="Export CSV")
    assert await link.get_attribute("href") == f"/api/v1/polls/{poll.id}/export?format=csv"
    await item.get_by_role("button", name="Again").click()
    await page.locator("#tab-rundown").click()
    await expect(page.locator(".draft")).to_contain_text("Who leads?")


async def off_stage(fake: FakeHubbub, votes: list[int]) -> tuple[FakePoll, FakePoll]:
    """A closed poll, and the one that took the stage from it."""
    campaign = fake.add_campaign()
    fake.add_channel(campaign)
    first, second = fake.add_poll(campaign, "Who leads?", hold_s=60), fake.add_poll(campaign, "Who follows?")
    fake.launch(first, simulated=False)
    first.votes = votes
    await fake.close(first)
    await fake.lock(first)
    fake.launch(second, simulated=False)
    return first, second


async def test_a_closed_poll_that_lost_the_stage_is_revealed_from_the_past_ones(
    page: Page, fake: FakeHubbub
) -> None:
    first, second = await off_stage(fake, [3, 8, 1])
    await open_desk(page, fake)
    await page.locator("#tab-history").click()
    item = page.locator(".past-item")
    await expect(item.locator(".past-outcome")).to_have_text("closed, not revealed")
    await item.locator("summary").click()
    await expect(item).to_contain_text("viewers do not see this result")
    await item.get_by_role("button", name="Reveal").click()
    await expect(item.locator(".past-outcome")).to_have_text("“Right” wins")
    await expect(item.get_by_role("button", name="Reveal")).to_be_hidden()
    assert (first.state, second.state) == ("revealed", "open")
    await expect(page.locator(".state-question")).to_have_text("Who follows?")


async def test_a_tie_that_lost_the_stage_is_decided_and_revealed_later(page: Page, fake: FakeHubbub) -> None:
    first, second = await off_stage(fake, [8, 3, 8])
    fake.cancel(second, back=False)
    await open_desk(page, fake)
    await page.locator("#tab-history").click()
    item = page.locator(".past-item", has_text="Who leads?")
    await expect(item.locator(".past-outcome")).to_have_text("closed: a tie, not decided and not revealed")
    await item.locator("summary").click()
    await expect(item.locator(".tie-words")).to_have_text("A tie between 1 and 3: who wins?")
    await item.get_by_role("button", name="Option 3 wins").click()
    await expect(item.locator(".ties")).to_be_hidden()
    await expect(item.locator("tr.winner")).to_contain_text("Through the wall")
    assert (first.winner, first.state) == (3, "closed")
    await expect(item).to_contain_text("Viewers see the result on stream.")
    await item.get_by_role("button", name="Reveal").click()
    await expect(page.locator(".state-title")).to_have_text("“Through the wall” wins")
    await expect(page.locator(".state-question")).to_have_text("Who leads?")


async def test_a_tie_revealed_off_stage_is_still_to_be_decided(page: Page, fake: FakeHubbub) -> None:
    """A secret ballot tells its tie only with the reveal."""
    first, _ = await off_stage(fake, [8, 3, 8])
    first.body["secret"] = True
    await open_desk(page, fake)
    await page.locator("#tab-history").click()
    item = page.locator(".past-item")
    await item.locator("summary").click()
    await expect(item.locator(".ties")).to_be_hidden()
    await item.get_by_role("button", name="Reveal").click()
    await expect(item.locator(".past-outcome")).to_have_text("A tie, not decided yet")
    await item.get_by_role("button", name="Option 1 wins").click()
    await expect(item.locator(".past-outcome")).to_have_text("“Left” wins")
    await expect(page.locator(".state-question")).to_have_text("Who follows?")


async def test_older_pages_stay_while_they_are_read(page: Page, fake: FakeHubbub) -> None:
    campaign = fake.add_campaign()
    for number in range(1, 126):
        fake.done(fake.add_poll(campaign, f"Number {number}"), [2, 1, 0])
    await open_desk(page, fake)
    await page.locator("#tab-history").click()
    items = page.locator(".past-item")
    for shown in (20, 40, 60, 80, 100, 120):
        await expect(items).to_have_count(shown)
        if shown < 120:
            await page.get_by_role("button", name="Older polls").click()
    last = items.last
    await last.locator("summary").click()
    await expect(last).to_contain_text("67 %")
    fake.done(fake.add_poll(campaign, "The newest"), [2, 1, 0])
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # reads all lists anew
    await expect(items.first).to_contain_text("The newest")
    await expect(items).to_have_count(121)
    await expect(last).to_contain_text("Number 6")
    await expect(last.locator("table")).to_be_visible()
    await page.get_by_role("button", name="Older polls").click()
    await expect(items).to_have_count(126)
    assert await items.locator(".draft-question").all_inner_texts() == [
        "The newest",
        *(f"Number {number}" for number in range(125, 0, -1)),
    ]


async def test_streamer_safe_mode_blurs_names_and_stays_on(page: Page, fake: FakeHubbub) -> None:
    campaign = fake.add_campaign()
    fake.add_channel(campaign, "ana")
    await open_desk(page, fake)
    name = page.locator("[aria-label=Channels] .name").first
    assert await name.evaluate("(node) => getComputedStyle(node).filter") == "none"
    await page.keyboard.press("b")
    await expect(page.locator(".safe-button")).to_have_attribute("aria-pressed", "true")
    assert "blur" in await name.evaluate("(node) => getComputedStyle(node).filter")
    await page.reload()
    await name.wait_for()
    assert "blur" in await name.evaluate("(node) => getComputedStyle(node).filter")


async def test_a_first_show_is_created_and_shows_are_switched(page: Page, fake: FakeHubbub) -> None:
    await page.goto(f"{fake.origin}/desk")
    await page.locator("dialog[open]").wait_for()
    await page.keyboard.type("Friday dungeon")
    await page.keyboard.press("Enter")
    await expect(page.locator(".show-name")).to_have_text("Friday dungeon")
    await page.locator(".show-button").click()
    await page.get_by_label("New show").fill("Sunday heist")
    await page.keyboard.press("Enter")
    await expect(page.locator(".show-name")).to_have_text("Sunday heist")
    await page.locator(".show-button").click()
    await page.locator("dialog[open]").get_by_role("button", name="Friday dungeon").click()
    await expect(page.locator(".show-name")).to_have_text("Friday dungeon")


async def test_trouble_behind_the_scenes_is_said_in_words(page: Page, fake: FakeHubbub) -> None:
    campaign = fake.add_campaign()
    fake.add_channel(campaign)
    fake.add_overlay(campaign, live=False)
    fake.redis, fake.dropped = "away", 12
    await open_desk(page, fake)
    server = page.locator(".part[aria-label=Server]")
    await expect(server).to_contain_text("Polls and votes go on")
    await expect(server).to_contain_text("12 lines")
    await expect(page.locator("[aria-label=Overlays] .lamp")).to_contain_text("not connected")
    await expect(page.locator(".health-summary")).to_have_text("3 things to look at")
    await server.get_by_role("button", name="Check everything").click()
    await expect(server.locator(".checks")).to_contain_text("Paste the overlay's link into OBS")


async def test_the_login_link_works_once_and_leaves_the_address_bar(page: Page, fake: FakeHubbub) -> None:
    fake.add_campaign()
    fake.signed_in = False
    await page.goto(f"{fake.origin}/login#code=OLD-CODE")
    await expect(page.locator("h1")).to_have_text("This link no longer works")
    await expect(page.locator("#text")).to_contain_text("hubbub link")
    assert "OLD-CODE" not in page.url
    await page.goto(f"{fake.origin}/desk")
    await expect(page.locator("h1")).to_have_text("You need the link from the terminal")
    await page.goto(f"{fake.origin}/login#code={fake.login_code}")
    await expect(page.locator(".show-name")).to_have_text("Friday dungeon")
    assert page.url == f"{fake.origin}/desk"


async def test_the_reference_shows_every_operation_and_finds_them(page: Page, fake: FakeHubbub) -> None:
    spec = {
        "openapi": "3.1.0",
        "info": {"title": "Hubbub", "version": "1", "description": "<b>not markup</b>"},
        "components": {
            "schemas": {
                "Poll": {
                    "type": "object",
                    "required": ["question"],
                    "properties": {
                        "question": {"type": "string", "maxLength": 120, "description": "What is asked."}
                    },
                }
            }
        },
        "paths": {
            "/api/v1/polls/{id}/launch": {
                "post": {
                    "tags": ["polls"],
                    "summary": "Launch a draft",
                    "requestBody": {
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Poll"}}}
                    },
                    "responses": {"200": {"description": "The poll"}, "409": {"description": "Wrong state"}},
                }
            },
            "/livez": {
                "get": {"tags": ["health"], "summary": "Alive?", "responses": {"200": {"description": "Yes"}}}
            },
        },
    }
    live = {"info": {"title": "Live"}, "components": {"messages": {"ping": {"payload": {"type": "object"}}}}}
    await page.route("**/openapi.json", lambda route: route.fulfill(body=json.dumps(spec)))
    await page.route("**/asyncapi.json", lambda route: route.fulfill(body=json.dumps(live)))
    await page.goto(f"{fake.origin}/docs")
    await expect(page.locator("article")).to_have_count(3)
    await expect(page.locator("article").first).to_contain_text("at most 120 characters")
    await expect(page.locator("main > .prose").first).to_have_text("<b>not markup</b>")
    await page.get_by_role("searchbox").fill("launch")
    await expect(page.locator("article:visible")).to_have_count(1)


async def test_a_poll_on_twitch_is_chosen_and_what_does_not_fit_is_said(page: Page, fake: FakeHubbub) -> None:
    campaign = fake.add_campaign()
    fake.add_channel(campaign, "ana")
    await open_desk(page, fake)
    await page.keyboard.press("n")
    dialog = page.locator("dialog[open]")
    await page.keyboard.type("Which way do they go now?")
    for option in ("Left", "Right, through the very old oak door"):
        await page.keyboard.press("Enter")
        await page.keyboard.type(option)
    await dialog.locator("details.more > summary").click()
    await expect(dialog.get_by_label("Channel points for a vote")).to_be_hidden()
    await dialog.get_by_role("radio", name="With channel points").check()
    await expect(dialog).to_contain_text("Twitch does not take this: option 2 has more than 25 characters.")
    await dialog.get_by_label("Channel points for a vote").fill("0")
    await expect(dialog).to_contain_text("A whole number from 1 to 1000000.")
    await dialog.get_by_label("Channel points for a vote").fill("50")
    await page.locator(".option-fields input").nth(1).fill("Right")
    await expect(dialog.get_by_text("Twitch does not take this")).to_be_hidden()
    await page.keyboard.press("Control+Enter")
    await expect(page.locator(".draft")).to_have_count(1)
    body = next(body for method, path, body in fake.calls if method == "POST" and path.endswith("/polls"))
    assert (body["native"], body["points_per_vote"]) == ("points", 50)


async def test_the_desk_says_how_the_polls_on_twitch_are(page: Page, fake: FakeHubbub) -> None:
    campaign = fake.add_campaign()
    fake.add_channel(campaign, "zz_ana")
    poll = fake.add_poll(campaign)
    fake.launch(poll, simulated=False)
    native = {
        "login": "zz_ana",
        "state": "refused",
        "detail": "zz_ana has not agreed to this: polls on the channel.",
        "votes": None,
        "points_votes": None,
    }
    fake.trouble = {"poll": {"id": poll.id, "state": "open", "native_polls": [native]}}
    await open_desk(page, fake)
    told = page.get_by_role("list", name="Polls on Twitch")
    await expect(told).to_have_text(f"zz_ana {native['detail']}")
    await expect(told.locator(".name")).to_have_text(["zz_ana", "zz_ana"])
