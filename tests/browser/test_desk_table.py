"""The desk runs a table: rolls by hand and secret ones, whose they are, tables connected, criticals, party."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

from server.rules import notation
from tests.browser.desk_harness import FakeHubbub, serve
from tests.browser.desk_poll import Refusal, new_id
from tests.browser.desk_table import FakeTable
from tests.browser.desk_table_scenes import at, full

HOLD_MS = 1000


@pytest.fixture
async def fake() -> AsyncIterator[FakeHubbub]:
    """The stand-in API, listening."""
    hubbub = FakeHubbub()
    async with serve(hubbub):
        yield hubbub


def empty(fake: FakeHubbub) -> FakeTable:
    return fake.table(fake.add_campaign())


def sent(fake: FakeHubbub, ending: str, method: str = "POST") -> list[Any]:
    """The bodies of writes to paths that end so."""
    return [body for how, path, body in fake.calls if how == method and path.endswith(ending)]


async def hold(page: Page, button: Locator) -> None:
    await button.hover()
    await page.mouse.down()
    await page.wait_for_timeout(HOLD_MS)
    await page.mouse.up()


async def test_a_roll_by_hand_from_the_keyboard_alone(page: Page, fake: FakeHubbub) -> None:
    table = empty(fake)
    await page.goto(f"{fake.origin}/desk")
    await expect(page.locator(".link-word")).to_have_text("live")
    await page.keyboard.press("r")
    field = page.get_by_label("Dice, as in 2d20kh1+7")
    await expect(field).to_be_focused()
    says = page.locator(".notation-says")
    await page.keyboard.type("2d6+")
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
    await expect(waiting).to_have_count(3)
    await expect(page.locator("#announcer")).to_have_text("3 rolls without an owner at the table", timeout=7000)
    bite = waiting.filter(has_text="Bite")
    await expect(bite).to_contain_text("17")
    assert " 2" not in str(await waiting.filter(has_text="Ben").locator(".roll-total").text_content())
    await bite.get_by_role("button", name="Rook Feather").click()
    assert sent(fake, "/attribute") == []
    await bite.get_by_role("button", name="Theirs: show and count it").click()
    await expect(waiting).to_have_count(2)
    blind = waiting.filter(has_text="Ben")
    await blind.get_by_role("button", name="Goblin").click()
    await blind.get_by_role("button", name="Theirs, without effects").click()
    await expect(waiting).to_have_count(1)
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
    assert [roll["attribution"] for roll in (first, second, third)] == ["attributed", "attributed", "dismissed"]


async def test_new_rolls_wait_while_somebody_points_at_the_list(page: Page, fake: FakeHubbub) -> None:
    table = empty(fake)
    table.add_roll("1d20", 11, player_name="Ana")
    await at(page, fake, "dice")
    row = page.locator(".roll", has_text="Ana")
    await row.hover()
    before = await row.bounding_box()
    table.add_roll("1d20", 12, player_name="Ben")
    table.add_roll("1d20", 13, player_name="Cid")
    new = page.get_by_role("button", name="Show 2 new rolls")
    await expect(new).to_be_visible(timeout=6000)
    assert await row.bounding_box() == before
    await new.click()
    await expect(page.locator(".roll")).to_have_count(3)


async def test_foundry_is_paired_with_a_code_however_it_is_typed(page: Page, fake: FakeHubbub) -> None:
    table = empty(fake)
    await at(page, fake, "tables")
    await page.get_by_role("button", name="Connect a table").first.click()
    dialog = page.locator("dialog[open]")
    await expect(dialog).to_contain_text("Tumulte Integration")
    await expect(dialog.locator("code.copied")).to_contain_text(f'updateServerUrl("{fake.origin}")')
    code = dialog.get_by_label("The code that Foundry shows")
    await code.fill("AB1-0")
    await page.keyboard.press("Enter")
    await expect(dialog.locator(".wrong:visible")).to_contain_text("There is no I, O, 0 or 1 in it.")
    await code.fill("zzz zzz")
    await page.keyboard.press("Enter")
    await expect(dialog.locator(".wrong:visible")).to_contain_text("older than five minutes")
    await code.fill(" abc\u2013 2 3-4 ")
    await page.keyboard.press("Enter")
    await expect(dialog).to_be_hidden()
    assert [body["code"] for body in sent(fake, "/vtt-pairings")] == ["ZZZ-ZZZ", "ABC-234"]
    lamp = page.locator("#table-tables .lamp")
    await expect(lamp).to_contain_text("My World")
    await expect(lamp).to_contain_text("waits for its first roll")
    next(iter(table.connections.values())).update(
        heard_at="2026-11-20T20:00:00.000Z", sockets=1, rolls_per_minute=12
    )
    await expect(lamp).to_contain_text("connected · 1\u00a0browser", timeout=6000)
    await expect(lamp).to_contain_text("12 rolls/min")


async def test_secrets_of_a_table_are_shown_once_after_a_click(page: Page, fake: FakeHubbub) -> None:
    table = empty(fake)
    await at(page, fake, "tables")
    await page.get_by_role("button", name="Connect a table").first.click()
    dialog = page.locator("dialog[open]")
    await dialog.get_by_role("radio", name="Anything else").check()
    await dialog.get_by_label("What is it called here?").fill("My script")
    await page.keyboard.press("Enter")
    await expect(dialog).to_contain_text("The secrets are shown only now")
    (made,) = table.connections.values()
    assert (made["name"], made["system"]) == ("My script", "other")
    await expect(dialog.locator("code.copied")).to_contain_text(made["webhook_url"])
    assert not re.search("whsec_|hbi_", await page.content())
    await dialog.locator(".secret").click()
    await expect(dialog.locator(".secret")).to_contain_text("whsec_")
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await dialog.get_by_role("button", name="Copy: To paste into a script").click()
    assert "Bearer hbi_" in await page.evaluate("navigator.clipboard.readText()")
    await dialog.get_by_role("button", name="Done").click()
    assert not re.search("whsec_|hbi_", await page.content())
    await page.get_by_role("button", name="How My script is connected").click()
    await expect(dialog).to_contain_text("Lost? Make new ones")
    await dialog.get_by_role("button", name="Done").click()
    await page.get_by_role("button", name="More for My script").click()
    tools = page.locator(".table-tools:visible")
    await tools.get_by_role("radio", name="Everybody").check()
    await hold(page, tools.get_by_role("button", name="New secrets (hold)"))
    await expect(dialog).to_contain_text("The secrets are shown only now")
    await page.keyboard.press("Escape")
    lamp = page.locator("#table-tables .lamp")
    await expect(lamp).to_contain_text("The secrets before these are good until")
    await hold(page, tools.get_by_role("button", name="Revoke (hold)"))
    await expect(lamp).to_contain_text("revoked")
    await lamp.get_by_role("button", name="Let it in again").click()
    await expect(dialog).to_contain_text("The secrets are shown only now")
    await dialog.get_by_role("button", name="Send a test roll").click()
    await expect(page.locator(".toast").last).to_contain_text("marked TEST")
    await page.keyboard.press("Escape")
    await hold(page, tools.get_by_role("button", name="Delete (hold)"))
    await expect(page.locator("#table-tables .teach")).to_be_visible()
    assert sent(fake, made["id"], "PATCH") == [{"visibility": "public"}]


async def test_a_code_is_shown_with_its_time_and_says_when_it_was_typed(page: Page, fake: FakeHubbub) -> None:
    table = empty(fake)
    await at(page, fake, "tables")
    await page.get_by_role("button", name="Connect a table").first.click()
    dialog = page.locator("dialog[open]")
    await dialog.get_by_role("radio", name="Beyond20").check()
    await expect(dialog.locator("code.copied")).to_have_text(f"{fake.origin}/beyond20")
    assert await dialog.get_by_text("HBB-234").count() == 0
    await dialog.get_by_role("button", name="Show a code").click()
    await expect(dialog.locator(".offer-code")).to_have_text("HBB-234")
    await expect(dialog.locator(".offer-clock")).to_have_text(re.compile(r"good for 4:5\d min, once"))
    table.add_connection("beyond20", "Beyond20 of Ana")
    await expect(dialog.locator(".offer-clock")).to_contain_text("typed and taken", timeout=8000)
    await page.keyboard.press("Escape")
    await expect(page.locator("#table-tables .lamp")).to_contain_text("Beyond20 of Ana")
    assert sent(fake, "/offer") == [{"system": "beyond20", "name": "Beyond20"}]


async def test_criticals_are_chosen_written_tried_and_deleted(page: Page, fake: FakeHubbub) -> None:
    table = empty(fake)
    await at(page, fake, "criticals")
    panel = page.locator("#table-criticals")
    await panel.get_by_label("What do you play?").select_option("dnd5e")
    await expect(panel.get_by_text("D&D 5e: the book")).to_be_visible()
    book = panel.get_by_role("list", name="Rules of the game system")
    rows = book.locator(".rule")
    await expect(rows).to_have_count(len(table.rules))
    label = table.rules[0].label
    await panel.get_by_role("button", name="What would this be?").click()
    await expect(panel.locator(".verdict")).to_contain_text(f"Critical success, {table.rules[0].severity}: {label}")
    await expect(panel.locator(".reasons")).to_contain_text(label)
    await book.locator(".switch").first.click()
    assert (await _settled(lambda: table.rules[0].is_enabled)) is False
    await panel.get_by_role("button", name="Write a rule").click()
    dialog = page.locator("dialog[open]")
    await dialog.get_by_role("button", name="Save the rule").click()
    await expect(dialog).to_contain_text("Give it a name.")
    await dialog.get_by_label("What is it called?").fill("House critical")
    await dialog.get_by_label("For which dice?").fill("d20")
    await dialog.get_by_label("What counts").select_option("natural")
    await dialog.get_by_label("How", exact=True).select_option(">=")
    await dialog.get_by_label("Number").fill("19")
    await expect(dialog.locator(".rule-preview")).to_have_text(
        "d20: kept d20 is at least 19 → critical success, major"
    )
    await dialog.get_by_role("button", name="Save the rule").click()
    own = panel.get_by_role("list", name="Your own rules")
    await expect(own.locator(".rule")).to_contain_text("d20: kept d20 is at least 19")
    await panel.get_by_label("The dice show").fill("19")
    await page.keyboard.press("Enter")
    await expect(panel.locator(".verdict")).to_have_text("Critical success, major: House critical")
    await panel.get_by_label("The dice show").fill("11")
    await page.keyboard.press("Enter")
    await expect(panel.locator(".verdict")).to_contain_text("Nothing special")
    await panel.get_by_role("button", name="Delete “House critical”").click()
    await expect(own.locator(".rule")).to_have_count(0)
    await page.keyboard.press("u")
    await expect(own.locator(".rule")).to_have_count(1)
    await panel.get_by_label("What do you play?").select_option("CoC7")
    await expect(panel.get_by_text("Call of Cthulhu 7: the book")).to_be_visible()
    await expect(own.locator(".rule")).to_contain_text("House critical")


async def _settled(read: Any) -> Any:
    """What `read` says after the page has spoken to the server."""
    await asyncio.sleep(0.4)
    return read()


async def test_the_party_is_made_played_wounded_and_shown(page: Page, fake: FakeHubbub) -> None:
    table = empty(fake)
    campaign = next(iter(fake.campaigns))
    channel = fake.add_channel(campaign, "ana")
    await at(page, fake, "party")
    await page.get_by_role("button", name="Add a character").first.click()
    dialog = page.locator("dialog[open]")
    await dialog.get_by_label("Name").fill("Rook Feather")
    await dialog.get_by_label("Hit points").fill("31")
    await page.keyboard.press("Enter")
    row = page.locator(".character")
    await expect(row).to_contain_text("31 of 31")
    (rook,) = table.characters.values()
    await row.get_by_label("Who plays Rook Feather").select_option(label="ana (Twitch)")
    less = row.get_by_role("button", name="Rook Feather: one hit point less")
    for _ in range(3):
        await less.click()
    await expect(row).to_contain_text("28 of 31")
    assert (await _settled(lambda: len(sent(fake, rook["id"], "PATCH")))) <= 1  # taps go together
    await row.get_by_role("button", name="More for Rook Feather").click()
    await row.get_by_role("button", name="prone").click()
    await row.get_by_role("switch", name=re.compile("With numbers")).click()
    await row.get_by_label("Another condition").fill("on fire")
    await page.keyboard.press("Enter")
    await expect(row.locator(".conditions")).to_have_text("proneon fire")
    await row.get_by_role("switch", name=re.compile("In the party bar")).click()
    await expect(page.get_by_role("heading", name="Not in the party bar: 1")).to_be_visible()
    await asyncio.sleep(0.5)
    assert rook["assigned_to"] == channel["id"]
    assert rook["hit_points"] == {"current": 28, "maximum": 31, "temporary": 0}
    assert rook["conditions"] == ["prone", "on fire"]
    assert (rook["hides_points"], rook["in_party"]) == (True, False)


async def test_what_viewers_see_is_said_in_words(page: Page, fake: FakeHubbub) -> None:
    table = empty(fake)
    await at(page, fake, "settings")
    summary = page.locator("#table-settings .summary")
    await expect(summary).to_have_text(
        "Viewers see public dice, the party and the order of turns. Of secret rolls they learn nothing."
    )
    await page.get_by_role("switch", name=re.compile("with a wax seal")).click()
    await expect(summary).to_contain_text("Of a secret roll they see a seal.")
    await expect(page.get_by_role("switch", name=re.compile("Viewers may know"))).to_be_checked()
    assert sent(fake, "/table", "PATCH") == [{"seals_secret": True, "shows_secret": True}]
    fake.broken["/table"] = Refusal(503, "The database is away.", "database_away")
    await page.get_by_role("switch", name=re.compile("Public rolls go on stream")).click()
    await expect(page.locator(".toast.error")).to_contain_text("Could not change what viewers see", timeout=15000)
    await expect(page.get_by_role("switch", name=re.compile("Public rolls go on stream"))).to_be_checked()
    assert table.settings["shows_dice"] is True


async def test_fairness_says_what_can_be_said_and_no_more(page: Page, fake: FakeHubbub) -> None:
    table = empty(fake)
    for face in range(1, 21):
        for _ in range(6):
            table.add_roll("1d20", face, player_name="Ana")
    for _ in range(9):
        table.add_roll("1d6", 6, player_name="Ben")
        table.add_roll("1d4", 4, player_name="Cid", visibility="gm_only")
    for _ in range(40):
        table.add_roll("1d6", 6, player_name="Ben")
    await at(page, fake, "fairness")
    panel = page.locator("#table-fairness")
    ana = panel.locator(".player", has_text="Ana")
    await expect(ana.locator(".fair-words")).to_contain_text("As fair dice fall")
    await expect(ana).to_contain_text("120 dice · mean 10.50, fair 10.5")
    await expect(panel.locator(".player", has_text="Ben")).to_contain_text("Strange: of fair dice, fewer than 1 in 1 000")
    await expect(panel.get_by_role("img").first).to_have_attribute(
        "aria-label", re.compile(r"How often each face fell: 1: 6, 2: 6")
    )
    assert "Cid" not in str(await panel.text_content())
    await expect(panel.locator(".luckiest")).to_contain_text("Luckiest: Ben · very lucky, 49 dice")
    await panel.get_by_role("button", name="Show on stream").click()
    await expect(page.locator(".toast").last).to_contain_text("Ben is on stream as the luckiest roller")
    await panel.get_by_role("switch", name=re.compile("Of secret rolls instead")).click()
    await expect(panel).to_contain_text("Too few to say anything: 9 of at least 20 dice.")
    await expect(panel.get_by_role("button", name="Show on stream")).to_be_hidden()


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


async def test_items_are_sorted_and_taken_out(page: Page, fake: FakeHubbub) -> None:
    table = empty(fake)
    await at(page, fake, "items")
    await page.locator("#table-items .teach").get_by_role("button", name="Write a rule").click()
    dialog = page.locator("dialog[open]")
    await expect(dialog).to_contain_text("Your characters carry: spell (14).")
    await dialog.get_by_label("What is it called?").fill("Evocations")
    await dialog.get_by_label("Type of the item").fill("spell")
    await dialog.get_by_label("Only if this field").fill("school")
    await dialog.get_by_label("is", exact=True).fill("evo")
    await dialog.get_by_role("button", name="Save the rule").click()
    rule = page.locator("#table-items .rule")
    await expect(rule).to_contain_text("type spell, if school is evo")
    (made,) = table.items.values()
    await rule.get_by_role("switch", name="Viewers may touch “Evocations”").click()
    assert (await _settled(lambda: made["is_targetable"])) is False


#: What the server's own parser takes or refuses, the desk must as well.
NOTATIONS = [
    "1d20", "d20", "2d20kh1+7", "4d6!", "4dF+2", "d%", "6d10>=8f=1", "2*(1d6+3)", "1d8[fire]+3", "(1d6+2)*3/2", "10d6r1ro<3!!kh3",
    "1d20min10max15", "3d6!>4", "4D6 KH 3", "１d６＋２", "1d6−2", "2d6×3", "--3", "1d20kl", "0d6", "100d6dl10dh10", "4dF>=-1",
    "", " ", "d", "2d", "1d0", "1d10001", "1001d6", "1d6+", "1d6)", "((1d6)", "1d6[", "1d6[a[b]]", "x", "1d20kh1kh", "1d6!!!", "1d6min",
    "1d6>", "1d6>=5>=6", "f6", "1d6r", "1234567890", "1d6" + "+1d6" * 64, "1" + "+1" * 32, "(" * 17 + "1" + ")" * 17, "1d20+7 dmg",
    "2d6ff", "4d6f1f1", "1d6!!!p", "1d6 + 2 [cold]",
]  # fmt: skip


async def test_the_desk_reads_notation_as_the_server_does(page: Page, fake: FakeHubbub) -> None:
    await page.goto(f"{fake.origin}/desk")
    read = """(texts) => import("/static/test/desk/table/notation.js")
      .then(({ read }) => texts.map((text) => read(text)))"""
    told: list[dict[str, Any]] = await page.evaluate(read, NOTATIONS)
    for text, found in zip(NOTATIONS, told, strict=True):
        try:
            notation.parse(text)
        except notation.NotNotation as error:
            assert not found["ok"], text
            assert found["at"] == error.position, (text, found, str(error))
        else:
            assert found["ok"], (text, found)
    ranges = {text: (found["low"], found["high"]) for text, found in zip(NOTATIONS, told, strict=True) if found["ok"]}
    assert ranges["2d20kh1+7"] == (8, 27)
    assert ranges["4dF+2"] == (-2, 6)
    assert ranges["1d20min10max15"] == (10, 15)
    assert ranges["(1d6+2)*3/2"] == (4.5, 12)


async def test_beyond20_hands_rolls_to_our_page_which_sends_them_on(page: Page, fake: FakeHubbub) -> None:
    heard: list[dict[str, Any]] = []
    answers = [503, 202, 401]
    table_id = new_id()

    async def webhook(route: Any) -> None:
        request = route.request
        if request.url.endswith("/pair"):
            body = {"id": table_id, "webhook_url": f"https://public.example/webhooks/vtt/{table_id}", "ingest_token": "hbi_x"}
            heard.append(request.post_data_json)
            await route.fulfill(json=body)
            return
        assert request.url == f"{fake.origin}/webhooks/vtt/{table_id}"
        assert request.headers["authorization"] == "Bearer hbi_x"
        heard.append(request.post_data_json)
        await route.fulfill(status=answers.pop(0), json={"detail": "?"})

    await page.route("**/webhooks/**", webhook)
    await page.goto(f"{fake.origin}/beyond20")
    await page.get_by_label("The code from your game master").fill("hbb 234")
    await page.get_by_label("Your name at the table").fill("Ana")
    await page.keyboard.press("Enter")
    await expect(page.locator("h1")).to_have_text("Listening for Beyond20")
    await expect(page.locator("#more")).to_contain_text(f"add {fake.origin}/beyond20")
    assert heard.pop() == {"code": "HBB-234", "name": "Beyond20 of Ana"}
    roll = {"action": "rendered-roll", "title": "Longbow", "html": "<b>", "character": {"name": "Rook"}, "attack_rolls": []}
    fire = "(detail) => document.dispatchEvent(new CustomEvent('Beyond20_RenderedRoll', {detail}))"
    await page.evaluate("document.dispatchEvent(new CustomEvent('Beyond20_Loaded'))")
    await expect(page.locator("#more")).to_contain_text("Beyond20 is here")
    await page.evaluate(fire, [roll])
    line = page.locator("#heard li").first
    await expect(line).to_have_text("Rook: Longbowsent", timeout=6000)
    first, again = heard
    assert first == again  # tried again with the same stamp: it is the same roll
    assert first["request"] == {key: value for key, value in roll.items() if key != "html"}
    await page.evaluate(fire, [roll])
    await expect(page.locator("#heard li").first).to_contain_text("has ended this pairing")
    await page.evaluate(fire, [{"action": "roll"}])
    await expect(page.locator("#heard li")).to_have_count(2)
    await page.reload()
    await expect(page.locator("h1")).to_have_text("Listening for Beyond20")
