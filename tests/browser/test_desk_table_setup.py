"""Setting up a table on the desk: connections, secrets, criticals, items, party, the stream, fairness."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Page, expect

from server.rules.criticality import Clause
from server.web.api import (
    characters,
    combat,
    criticality_models,
    dice_stats,
    item_category_rules,
    roll_models,
    table,
    vtt_command_models,
    vtt_models,
)
from server.web.models import Model
from tests.browser.desk_acts import becomes, empty, hold, sent
from tests.browser.desk_harness import FakeHubbub, serve
from tests.browser.desk_poll import Refusal
from tests.browser.desk_table_scenes import at, full


@pytest.fixture
async def fake() -> AsyncIterator[FakeHubbub]:
    """The stand-in API, listening."""
    hubbub = FakeHubbub()
    async with serve(hubbub):
        yield hubbub


def test_the_stand_in_tells_what_the_api_tells() -> None:
    """Nothing that the desk is shown here would look different there."""
    made = full(FakeHubbub())
    told: list[tuple[type[Model], object]] = [
        (table.TableOut, made.settings),
        (combat.CombatOut, made.combat),
        (dice_stats.DiceStatsOut, made.stats(hidden=False)),
        *((roll_models.RollOut, roll) for roll in made.rolls.values()),
        *((characters.CharacterOut, character) for character in made.characters.values()),
        *((criticality_models.CriticalityRuleOut, made.shown_rule(rule)) for rule in made.rules),
        *((item_category_rules.ItemCategoryRuleOut, rule) for rule in made.items.values()),
        *((vtt_command_models.VttCommandOut, one) for one in made.commands.values()),
        *((vtt_models.VttConnectionOut, one) for one in made.connections.values()),
        *((vtt_models.VttConnectionWithSecrets, made.secrets(one)) for one in made.connections.values()),
    ]
    for model, answer in told:
        model.model_validate_json(json.dumps(answer))


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
    await dialog.get_by_label("Where do your players roll?").select_option(label="Anything else")
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
    await dialog.get_by_label("Where do your players roll?").select_option(label="Beyond20")
    await expect(dialog.locator("code.copied")).to_have_text(f"{fake.origin}/beyond20")
    assert await dialog.get_by_text("HBB-234").count() == 0
    await dialog.get_by_role("button", name="Show a code").click()
    await expect(dialog.locator(".offer-code")).to_have_text("HBB-234")
    await expect(dialog.locator(".offer-clock")).to_have_text(re.compile(r"good for 4:5\d\smin, once"))
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
    await expect(panel.locator(".verdict")).to_contain_text(
        f"Critical success, {table.rules[0].severity}: {label}"
    )
    await expect(panel.locator(".reasons")).to_contain_text(label)
    await book.locator(".switch").first.click()
    await becomes(lambda: table.rules[0].is_enabled, False)
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


async def test_a_rule_has_kinds_dice_and_further_conditions(page: Page, fake: FakeHubbub) -> None:
    table = empty(fake)
    await at(page, fake, "criticals")
    panel = page.locator("#table-criticals")
    await panel.get_by_role("button", name="Write a rule").click()
    dialog = page.locator("dialog[open]")
    await dialog.get_by_label("What is it called?").fill("Bestial failure")
    await dialog.get_by_label("What counts", exact=True).select_option("any_die")
    await dialog.get_by_label("Number", exact=True).fill("1")
    await dialog.get_by_label("Only dice labelled", exact=True).fill("hunger")
    for kind in ("attack", "check"):
        await dialog.get_by_role("button", name=kind, exact=True).click()
    await dialog.get_by_role("button", name="And besides…").click()
    await dialog.get_by_role("button", name="Save the rule").click()
    await expect(dialog.locator(".clause .wrong:visible")).to_have_text("One number, such as 20, -4 or 7.5.")
    await dialog.get_by_label("What counts besides").select_option("failed")
    await dialog.get_by_label("How, besides").select_option("==")
    await dialog.get_by_label("Number, besides").fill("1")
    said = "attack or check: any die of dice labelled “hunger” is 1, and failure is 1"
    await expect(dialog.locator(".rule-preview")).to_have_text(f"{said} → critical success, major")
    await dialog.get_by_role("button", name="Save the rule").click()
    row = panel.get_by_role("list", name="Your own rules").locator(".rule")
    await expect(row).to_contain_text(said)
    (rule,) = table.rules
    assert (rule.group, set(rule.kinds)) == ("hunger", {"attack", "check"})
    assert rule.also == (Clause("failed", "== 1"),)
    # Changed later: all of it is there again, and goes.
    await panel.get_by_role("button", name="Change “Bestial failure”").click()
    await expect(dialog.get_by_label("Only dice labelled", exact=True)).to_have_value("hunger")
    await expect(dialog.get_by_role("button", name="check", exact=True)).to_have_attribute(
        "aria-pressed", "true"
    )
    await dialog.get_by_role("button", name="check", exact=True).click()
    await dialog.get_by_role("button", name="Without this condition").click()
    await dialog.get_by_label("Only dice labelled", exact=True).fill("")
    await dialog.get_by_role("button", name="Save the rule").click()
    await expect(row).to_contain_text("attack: any die is 1")
    (rule,) = table.rules
    assert (rule.group, set(rule.kinds), rule.also) == ("", {"attack"}, ())


async def test_what_tables_were_told_and_why_not(page: Page, fake: FakeHubbub) -> None:
    table = full(fake)
    await at(page, fake, "tables")
    rows = page.get_by_role("list", name="What tables were told").locator(".lamp")
    await expect(rows).to_have_count(4)
    await expect(rows.nth(0)).to_contain_text("Send characters anewMy World")
    await expect(rows.nth(0)).to_contain_text("waits for the table")
    await expect(rows.nth(1)).to_contain_text("not told")
    await expect(rows.nth(1)).to_contain_text("The table was not there in time.")
    await expect(rows.nth(2)).to_contain_text("look at the table, then try again")
    await expect(rows.nth(3)).to_contain_text("The table says: applied.")
    assert await rows.get_by_role("button").count() == 2  # of those that a person may decide
    await rows.nth(1).get_by_role("button").click()
    await expect(rows.nth(1)).to_contain_text("waits for the table")
    dead = [command for command in table.commands.values() if command["kind"] == "chat_message"]
    assert dead[0]["state"] == "waiting"


async def test_two_characters_that_are_one_are_merged(page: Page, fake: FakeHubbub) -> None:
    table = empty(fake)
    rook = table.add_character("Rook Feather")
    table.add_character("Rook", points=None)
    await at(page, fake, "party")
    row = page.locator(".character", has=page.locator("strong", has_text=re.compile("^Rook$")))
    await row.get_by_role("button", name="More for Rook").click()
    await row.get_by_label("Is the same character as").select_option("Rook Feather")
    await hold(page, row.get_by_role("button", name="Merge into it (hold)"))
    await expect(page.locator(".character")).to_have_count(1)
    await expect(page.locator(".toast").last).to_contain_text("Rook is Rook Feather now")
    assert sent(fake, "/merge") == [{"into": rook["id"]}]
    assert list(table.characters) == [rook["id"]]


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
    await becomes(lambda: rook["hit_points"]["current"], 28)
    assert len(sent(fake, rook["id"], "PATCH")) == 1  # taps go together
    await row.get_by_role("button", name="More for Rook Feather").click()
    await row.get_by_role("button", name="prone").click()
    await expect(row.locator(".conditions")).to_have_text("prone")
    await row.get_by_role("switch", name=re.compile("With numbers")).click()
    await row.get_by_label("Another condition").fill("on fire")
    await page.keyboard.press("Enter")
    await expect(row.locator(".conditions")).to_have_text("proneon fire")
    await row.get_by_role("switch", name=re.compile("In the party bar")).click()
    await expect(page.get_by_role("heading", name="Not in the party bar: 1")).to_be_visible()
    await becomes(lambda: rook["in_party"], False)
    assert rook["assigned_to"] == channel["id"]
    assert rook["hit_points"] == {"current": 28, "maximum": 31, "temporary": 0}
    assert rook["conditions"] == ["prone", "on fire"]
    assert rook["hides_points"] is True


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
    await expect(page.locator(".toast.error")).to_contain_text(
        "Could not change what viewers see", timeout=15000
    )
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
    await expect(panel.locator(".player", has_text="Ben")).to_contain_text(
        "Strange: of fair dice, fewer than 1 in 1 000"
    )
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
    await expect(rule.get_by_role("switch", name="Viewers may touch “Evocations”")).to_be_checked()
    await rule.locator(".switch").click()
    await becomes(lambda: made["is_targetable"], False)


async def test_whom_viewers_know_is_a_click_in_the_order_of_turns(page: Page, fake: FakeHubbub) -> None:
    full(fake)
    await at(page, fake, "initiative")
    turns = page.locator("#table-initiative .turn")
    await expect(turns.nth(3)).to_contain_text("viewers see ???")
    await page.get_by_role("button", name="Show Thing in the dark to viewers").click()
    await expect(turns.nth(3)).not_to_contain_text("viewers see ???")
    await page.get_by_role("button", name="Hide Rook Feather from viewers").click()
    await expect(turns.nth(0)).to_contain_text("viewers see ???")
    assert sent(fake, "/combat/conceal") == [
        {"combatant_id": "c3", "concealed": False},
        {"combatant_id": "c0", "concealed": True},
    ]
