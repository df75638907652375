"""The desk at a table: rolls by hand and secret ones, whose they are, notation, and the page for Beyond20."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Page, Route, expect

from server.rules import notation
from tests.browser.desk_acts import empty, hold, sent
from tests.browser.desk_harness import FakeHubbub, serve
from tests.browser.desk_poll import Refusal, new_id
from tests.browser.desk_table_scenes import at, full


@pytest.fixture
async def fake() -> AsyncIterator[FakeHubbub]:
    """The stand-in API, listening."""
    hubbub = FakeHubbub()
    async with serve(hubbub):
        yield hubbub


async def test_a_roll_by_hand_from_the_keyboard_alone(page: Page, fake: FakeHubbub) -> None:
    table = empty(fake)
    await page.goto(f"{fake.origin}/desk")
    await expect(page.locator(".link-word")).to_have_text("live")
    await page.keyboard.press("r")
    field = page.get_by_label("Dice, as in 2d20kh1+7")
    says = page.locator(".notation-says")
    await page.keyboard.type("2d6+")  # at once: not a stroke of it goes astray
    await expect(field).to_have_value("2d6+")
    await expect(says).to_have_text("dice such as 2d6, or a number, must stand here, at character 5")
    await page.keyboard.press("Enter")
    assert sent(fake, "/rolls") == []
    await page.keyboard.type("3")
    await expect(says).to_have_text("5 to 15")
    await page.keyboard.press("Enter")
    await expect(page.locator(".roll")).to_have_count(1)
    assert sent(fake, "/rolls") == [{"notation": "2d6+3", "visibility": "public"}]
    total = next(iter(table.rolls.values()))["total"]
    await expect(page.locator(".roll .roll-total")).to_have_text(str(total))
    await expect(page.locator(".roll .die")).to_have_count(2)
    await page.keyboard.press("Escape")
    await field.blur()
    await page.keyboard.press("t")
    await expect(page.locator(".zone.next")).to_be_visible()
    await expect(page.locator(".zone.table")).to_be_hidden()


async def test_dice_are_put_together_by_thumb(page: Page, fake: FakeHubbub) -> None:
    table = empty(fake)
    table.add_character("Rook Feather")
    await at(page, fake, "dice")
    field = page.get_by_label("Dice, as in 2d20kh1+7")
    hand = page.locator(".by-hand")
    for die in ("d6", "d6", "d4"):
        await hand.get_by_role("button", name=f"Add a {die}", exact=True).click()
    await hand.get_by_role("button", name="One more").click()
    await expect(field).to_have_value("2d6+1d4+1")
    await expect(hand.get_by_role("radio", name="Advantage", exact=True)).to_be_disabled()
    await hand.get_by_role("button", name="Clear").click()
    await hand.get_by_role("button", name="Add a d20", exact=True).click()
    await hand.get_by_role("radio", name="Disadvantage").check()
    await expect(field).to_have_value("2d20kl1")
    await hand.get_by_role("radio", name="Plain").check()
    await expect(field).to_have_value("1d20")
    await hand.get_by_label("Who rolls").select_option(label="Rook Feather")
    await hand.get_by_role("radio", name="Secret").check()
    await expect(hand).to_contain_text("Viewers see nothing of it.")
    await hand.get_by_role("button", name="Roll", exact=True).click()
    await expect(page.locator(".roll[data-secret]")).to_have_count(1)
    (body,) = sent(fake, "/rolls")
    character = next(iter(table.characters))
    assert body == {"notation": "1d20", "visibility": "gm_only", "character_id": character}


async def test_a_secret_value_is_not_in_the_page_before_a_click(page: Page, fake: FakeHubbub) -> None:
    table = empty(fake)
    secret = table.add_roll(
        "1d1000+7000", 321, visibility="gm_only", label="Ambush", seal="5ea1ed00" * 8, player_name="Zed"
    )
    table.add_roll("1d20", 20, player_name="Ana")
    await at(page, fake, "dice")
    roll = page.locator(".roll", has_text="Zed")
    await expect(roll).to_contain_text("secret: GM only")
    await expect(roll).to_contain_text("sealed 5ea1ed00")
    assert not re.search(r"7321|\b321\b|7000", await page.content())
    await roll.get_by_role("button", name="Show the value of the secret roll of Zed").click()
    await expect(roll.locator(".roll-total")).to_have_text("7321")
    blurred = "(node) => getComputedStyle(node).filter"
    assert await roll.locator(".roll-total").evaluate(blurred) == "none"
    await page.locator(".safe-button").click()
    # Switching the blur on takes what was asked for out of the page again; asked for anew, it is blurred.
    await expect(roll.locator(".roll-cover")).to_be_visible()
    assert not re.search(r"7321|\b321\b", await page.content())
    await roll.locator(".roll-cover").click()
    assert "blur" in await roll.locator(".roll-total").evaluate(blurred)
    await page.locator(".safe-button").click()
    await roll.get_by_role("button", name="More for the roll of Zed").click()
    await hold(page, roll.get_by_role("button", name="Reveal on stream (hold)"))
    await expect(roll.locator(".roll-total")).to_have_text("7321")
    await expect(roll).to_contain_text("was sealed 5ea1ed00")
    assert secret["revealed_at"] is not None
    async with page.expect_download() as saved:
        await roll.get_by_role("button", name="Save proof").click()
    assert (await saved.value).suggested_filename == f"roll-{secret['id']}.json"
    await page.locator(".roll", has_text="Ana").locator(".square").click()
    await page.get_by_role("button", name="Show the roll of Ana on stream again").click()
    await expect(page.locator(".toast").last).to_contain_text("On stream again")


async def test_a_roll_without_an_owner_gets_one_with_two_presses(page: Page, fake: FakeHubbub) -> None:
    table = empty(fake)
    rook = table.add_character("Rook Feather")
    goblin = table.add_character("Goblin", kind="monster", in_party=False)
    await page.goto(f"{fake.origin}/desk")
    await expect(page.locator(".link-word")).to_have_text("live")
    first = table.add_roll("1d20+4", 13, attribution="pending", player_name="Ana", label="Bite")
    second = table.add_roll("1d6", 2, attribution="pending", player_name="Ben", visibility="blind")
    third = table.add_roll("1d8", 3, attribution="pending", player_name="Cid")
    await page.keyboard.press("t")
    await expect(page.get_by_role("button", name="Table, 3 rolls without an owner")).to_be_visible()
    waiting = page.locator(".pending-roll")
    await expect(waiting).to_have_count(1)
    await expect(page.locator(".pending-part")).to_contain_text("2\u00a0more rolls wait behind.")
    await expect(page.locator("#announcer")).to_have_text(
        "3 rolls without an owner at the table", timeout=7000
    )
    bite = waiting.filter(has_text="Bite")
    await expect(bite).to_contain_text("17")
    await bite.get_by_role("button", name="Rook Feather").click()
    assert sent(fake, "/attribute") == []
    await bite.get_by_role("button", name="Theirs: show and count it").click()
    blind = waiting.filter(has_text="Ben")
    await expect(blind).to_contain_text("secret: blind")
    await expect(blind.locator(".roll-total")).to_have_text("")
    await blind.get_by_role("button", name="Goblin").click()
    await blind.get_by_role("button", name="Theirs, without effects").click()
    await expect(waiting).to_contain_text("Cid")
    assert sent(fake, "/attribute") == [
        {"character_id": rook["id"], "effects": True},
        {"character_id": goblin["id"], "effects": False},
    ]
    fake.broken["/dismiss"] = Refusal(409, "The roll is attributed already.")
    await hold(page, waiting.get_by_role("button", name="Dismiss (hold)"))
    error = page.locator(".toast.error")
    await expect(error).to_contain_text("Could not dismiss the roll")
    await expect(error).to_contain_text("Nothing was changed.")
    await expect(waiting).to_have_count(1)
    fake.broken.clear()
    await hold(page, waiting.get_by_role("button", name="Dismiss (hold)"))
    await expect(page.locator(".pending-part")).to_be_hidden()
    assert [roll["attribution"] for roll in (first, second, third)] == [
        "attributed",
        "attributed",
        "dismissed",
    ]


async def test_new_rolls_wait_while_somebody_is_at_the_list(page: Page, fake: FakeHubbub) -> None:
    table = empty(fake)
    table.add_roll("1d20", 11, player_name="Ana")
    await at(page, fake, "dice")
    row = page.locator(".roll", has_text="Ana")
    await row.locator(".square").focus()
    before = await row.bounding_box()
    table.add_roll("1d20", 12, player_name="Ben")
    table.add_roll("1d20", 13, player_name="Cid")
    new = page.get_by_role("button", name="Show 2 new rolls")
    await expect(new).to_be_visible(timeout=6000)
    assert await row.bounding_box() == before
    await new.click()
    await expect(page.locator(".roll")).to_have_count(3)


async def test_an_empty_table_can_be_tried_and_polls_go_on_beside_it(page: Page, fake: FakeHubbub) -> None:
    campaign = fake.add_campaign()
    fake.add_channel(campaign)
    fake.add_poll(campaign, "Which door?")
    await at(page, fake, "dice")
    await page.locator("#table-dice .teach").get_by_role("button", name="Try it simulated").click()
    await page.locator("#next-action[data-kind=launch]:not([data-fresh])").wait_for()
    await page.keyboard.press("Space")
    await page.locator("#next-action[data-kind=close]").wait_for()
    await expect(page.locator(".roll")).to_have_count(5, timeout=8000)
    assert {body["visibility"] for body in sent(fake, "/rolls") if "visibility" in body} == {"gm_only"}
    assert await page.locator(".roll[data-secret]").count() == 1


async def test_a_list_that_cannot_be_read_says_so_in_its_place(page: Page, fake: FakeHubbub) -> None:
    full(fake)
    fake.broken["/rolls"] = Refusal(503, "The database is away.", "database_away")
    await at(page, fake, "dice")
    trouble = page.locator(".table-trouble")
    await expect(trouble).to_contain_text("Could not read the rolls")
    fake.broken.clear()
    await trouble.get_by_role("button", name="Try again").first.click()
    await expect(page.locator(".roll").first).to_be_visible()
    await expect(trouble).to_be_empty()


#: What the server's own parser takes or refuses, the desk must as well.
NOTATIONS = [
    "1d20", "d20", "2d20kh1+7", "4d6!", "4dF+2", "d%", "6d10>=8f=1", "2*(1d6+3)", "1d8[fire]+3",
    "(1d6+2)*3/2", "10d6r1ro<3!!kh3", "1d20min10max15", "3d6!>4", "4D6 KH 3", "\uff11d\uff16\uff0b\uff12",
    "1d6\u22122", "2d6\u00d73", "--3", "1d20kl", "0d6", "100d6dl10dh10", "4dF>=-1", "1d6 + 2 [cold]",
    "1d6\u22653", "2d6ff", "", " ", "d", "2d", "1d0", "1d10001", "1001d6", "1d6+", "1d6)", "((1d6)", "1d6[",
    "1d6[a[b]]", "x", "1d20kh1kh", "1d6!!!", "1d6!!!p", "1d6min", "1d6>", "1d6>=5>=6", "f6", "1d6r",
    "1234567890", "1d6" + "+1d6" * 64, "1" + "+1" * 32, "(" * 17 + "1" + ")" * 17, "1d20+7 dmg", "4d6f1f1",
    "1d6min2min3", "1" * 257,
]  # fmt: skip


def refusal(text: str) -> int | None:
    """Where the server's own parser stops; None for what it reads."""
    try:
        notation.parse(text)
    except notation.NotNotation as error:
        return error.position
    return None


async def test_the_desk_reads_notation_as_the_server_does(page: Page, fake: FakeHubbub) -> None:
    await page.goto(f"{fake.origin}/desk")
    read = """(texts) => import("/static/test/desk/table/notation.js")
      .then(({ read }) => texts.map((text) => read(text)))"""
    told: list[dict[str, Any]] = await page.evaluate(read, NOTATIONS)
    said = {text: found.get("at") for text, found in zip(NOTATIONS, told, strict=True)}
    assert said == {text: refusal(text) for text in NOTATIONS}
    ranges = {
        text: (found["low"], found["high"])
        for text, found in zip(NOTATIONS, told, strict=True)
        if found["ok"]
    }
    assert ranges["2d20kh1+7"] == (8, 27)
    assert ranges["4dF+2"] == (-2, 6)
    assert ranges["1d20min10max15"] == (10, 15)
    assert ranges["(1d6+2)*3/2"] == (4.5, 12)


async def test_beyond20_hands_rolls_to_our_page_which_sends_them_on(page: Page, fake: FakeHubbub) -> None:
    heard: list[Any] = []
    answers = [503, 202, 401]
    table_id = new_id()

    async def webhook(route: Route) -> None:
        request = route.request
        if request.url.endswith("/pair"):
            body = {
                "id": table_id,
                "webhook_url": f"https://public.example/webhooks/vtt/{table_id}",
                "ingest_token": "hbi_x",
            }
            heard.append(request.post_data_json or {})
            await route.fulfill(json=body)
            return
        assert request.url == f"{fake.origin}/webhooks/vtt/{table_id}"
        assert request.headers["authorization"] == "Bearer hbi_x"
        heard.append(request.post_data_json or {})
        await route.fulfill(status=answers.pop(0), json={"detail": "?"})

    await page.route("**/webhooks/**", webhook)
    await page.goto(f"{fake.origin}/beyond20")
    await page.get_by_label("The code from your game master").fill("hbb 234")
    await page.get_by_label("Your name at the table").fill("Ana")
    await page.keyboard.press("Enter")
    await expect(page.locator("h1")).to_have_text("Listening for Beyond20")
    await expect(page.locator("#more")).to_contain_text(f"add {fake.origin}/beyond20")
    assert heard.pop() == {"code": "HBB-234", "name": "Beyond20 of Ana"}
    roll = {
        "action": "rendered-roll",
        "title": "Longbow",
        "html": "<b>",
        "character": {"name": "Rook"},
        "attack_rolls": [],
    }
    fire = "(detail) => document.dispatchEvent(new CustomEvent('Beyond20_RenderedRoll', {detail}))"
    await page.evaluate("document.dispatchEvent(new CustomEvent('Beyond20_Loaded'))")
    await expect(page.locator("#more")).to_contain_text("Beyond20 is here")
    await page.evaluate(fire, [roll])
    line = page.locator("#heard li").first
    await expect(line).to_have_text("Rook: Longbowsent", timeout=6000)
    first, again = heard
    assert first == again  # tried again with the same stamp: it is the same roll
    assert first["request"] == {key: value for key, value in roll.items() if key != "html"}
    await page.evaluate(f"(roll) => {{ Date.now = () => {first['timestamp']}; ({fire})([roll]); }}", roll)
    await expect(page.locator("#heard li").first).to_contain_text("has ended this pairing")
    assert heard[-1]["timestamp"] == first["timestamp"] + 1  # two equal rolls of one millisecond are two
    await page.evaluate(fire, [{"action": "roll"}])
    await expect(page.locator("#heard li")).to_have_count(2)
    await page.reload()
    await expect(page.locator("h1")).to_have_text("Listening for Beyond20")
