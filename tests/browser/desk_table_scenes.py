"""Every face of the desk's table, as a state of the stand-in API and a few presses."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from playwright.async_api import Page

from server.rules.criticality import CriticalityRule
from tests.browser.desk_harness import FakeHubbub
from tests.browser.desk_poll import Refusal, new_id, now, wire
from tests.browser.desk_scenes import Act, rich
from tests.browser.desk_table import FakeTable, thrown


def full(hub: FakeHubbub) -> FakeTable:
    """A show with everything at its table."""
    show = rich(hub)
    table = hub.table(show.campaign)
    table.settings.update(shows_secret=True, seals_secret=True)
    table.play("dnd5e")
    table.rules.insert(
        0, CriticalityRule(new_id(), ">= 19", "natural", "success", "Keen blade", "d20", severity="minor")
    )
    channel = next(iter(hub.channels))
    rook = table.add_character("Rook Feather", assigned_to=channel, conditions=["prone", "poisoned"])
    tess = table.add_character("Tinker Tess", points=(9, 28), hides_points=True)
    table.add_character("Quinn of the Seven Lanterns", points=(0, 22), conditions=["unconscious"])
    table.add_character(
        "Old Marrow, innkeeper", points=None, kind="npc", in_party=False, assigned_to="game_master"
    )
    world = table.add_connection("foundry-module", "My World")
    table.add_connection(
        "beyond20", "Beyond20 of Ana", heard_at=wire(now() - timedelta(hours=2)), rolls_per_minute=0
    )
    table.add_connection("discord", "Avrae's channel", heard_at=None, rolls_per_minute=0)
    table.add_connection("roll20", "The old table", status="revoked", revoked_at=wire(now()))
    table.add_command("apply_spell_effect", "reported", report="applied", reported_at=wire(now()))
    table.add_command("roll_dice", "needs_person", reason="The server ended while it was being told: look at "
                      "the table, then try again.")  # fmt: skip
    table.add_command("chat_message", "dead", reason="The table was not there in time.")
    table.add_command("request_sync", "waiting")
    table.add_item_rule("Evocations", match_field="school", match_value="evo", weight=2)
    table.add_item_rule(
        "Cantrips", match_field="level", match_value="0", is_targetable=False, preset_key="cantrip"
    )
    table.add_item_rule("Class features", "feature")
    table.add_item_rule("Weapons", "inventory", item_type="weapon", is_enabled=False)
    rolls(table, world["id"], rook["id"], tess["id"])
    table.fight(
        ("Rook Feather", "pc", 21),
        ("Goblin boss", "monster", 17),
        ("Tinker Tess", "pc", 12.5),
        ("Thing in the dark", "monster", 8),
        ("Old Marrow, innkeeper", "npc", None),
        current=1,
        **{"Goblin boss": {"concealed": False}, "Old Marrow, innkeeper": {"defeated": True}},
    )
    return table


def rolls(table: FakeTable, world: str, rook: str, tess: str) -> None:
    foundry: dict[str, Any] = {"connection_id": world, "system": "foundry", "verified": False}
    many = thrown("120d20")
    table.add_roll(
        "120d20", roll=many, player_name="Lou", simulated=False, label="A hail of arrows", **foundry
    )
    for text, faces in (("8d6", (6, 1, 4)), ("3d20", (2, 3, 4)), ("40d6", ())):
        table.add_roll(text, *faces, player_name="Tess", **foundry)
    table.add_roll("4dF+2", player_name="Lou", label="Sneak past the guard")
    table.add_roll(
        "4d6!",
        6,
        6,
        2,
        3,
        character_id=tess,
        character_name="Tinker Tess",
        player_name="Tess",
        label="Fireball",
        **foundry,
    )
    table.add_roll(
        "1d20+5", 14, visibility="gm_only", label="What the trap does", seal="5ea1ed00c0ffee", **foundry
    )
    wrong = replace(thrown("2d6+3", (2, 2)), total=19.0)
    table.add_roll("2d6+3", roll=wrong, player_name="Mallory", label="Greatsword", **foundry)
    table.add_roll(
        "1d20+1", 1, character_name="Tinker Tess", player_name="Tess", label="Perception", **foundry
    )
    table.add_roll(
        "2d20kh1+7", 4, 20, character_id=rook, character_name="Rook Feather", player_name="Rook",
        label="Longbow", mode="advantage", **foundry,
    )  # fmt: skip
    table.add_roll(
        "1d20+4",
        13,
        attribution="pending",
        player_name="GM",
        character_name="Goblin boss",
        label="Scimitar",
        **foundry,
    )
    table.add_roll(
        "1d20+2",
        11,
        attribution="pending",
        visibility="gm_only",
        player_name="GM",
        character_name="Thing in the dark",
        **foundry,
    )


async def at(page: Page, hub: FakeHubbub, tab: str) -> None:
    """Opens the desk at a tab of the table."""
    await page.goto(f"{hub.origin}/desk")
    await page.locator(".views .button", has_text="Table").click()
    await page.locator(f"#table-tab-{tab}").click()
    await page.locator(f"#table-{tab} .hint:text('Reading')").wait_for(state="hidden")
    await page.locator(f"#table-{tab}:visible").wait_for()


def tab(name: str, *, empty: bool = False) -> Act:
    async def scene(hub: FakeHubbub, page: Page) -> None:
        if empty:
            hub.add_campaign()
        else:
            full(hub)
        await at(page, hub, name)
        await page.locator(f"#table-{name} :is(.teach, li, .switches):visible").first.wait_for()

    scene.__name__ = f"{name}_empty" if empty else name
    return scene


async def roll_uncovered(hub: FakeHubbub, page: Page) -> None:
    full(hub)
    await at(page, hub, "dice")
    await page.locator(".roll-cover:visible").first.click()
    await page.locator(".roll .square").nth(2).click()
    await page.locator(".pending-roll").first.get_by_role("button", name="Rook Feather").click()
    await page.get_by_label("Dice, as in 2d20kh1+7").fill("2d20kh1+")


async def character_open(hub: FakeHubbub, page: Page) -> None:
    full(hub)
    await at(page, hub, "party")
    await page.get_by_role("button", name="More for Rook Feather").click()


async def rule_tried(hub: FakeHubbub, page: Page) -> None:
    full(hub)
    await at(page, hub, "criticals")
    await page.get_by_role("button", name="What would this be?").click()
    await page.locator(".verdict:not(:empty)").wait_for()


async def rule_editor(hub: FakeHubbub, page: Page) -> None:
    full(hub)
    await at(page, hub, "criticals")
    await page.get_by_role("button", name="Change “Keen blade”").click()


async def foundry_pairing(hub: FakeHubbub, page: Page) -> None:
    full(hub)
    await at(page, hub, "tables")
    await page.get_by_role("button", name="Connect a table").first.click()
    await page.get_by_label("The code that Foundry shows").fill("abc 12")
    await page.keyboard.press("Enter")


async def beyond20_code(hub: FakeHubbub, page: Page) -> None:
    full(hub)
    await at(page, hub, "tables")
    await page.get_by_role("button", name="Connect a table").first.click()
    await page.get_by_label("Where do your players roll?").select_option(label="Beyond20")
    await page.get_by_role("button", name="Show a code").click()
    await page.locator(".offer-shown:visible").wait_for()


async def secrets_once(hub: FakeHubbub, page: Page) -> None:
    full(hub)
    await at(page, hub, "tables")
    await page.get_by_role("button", name="Connect a table").first.click()
    await page.get_by_label("Where do your players roll?").select_option(label="Anything else")
    await page.get_by_role("button", name="Make its address and secret").click()
    await page.locator(".paired:visible").wait_for()


async def table_open(hub: FakeHubbub, page: Page) -> None:
    full(hub)
    await at(page, hub, "tables")
    await page.get_by_role("button", name="More for Beyond20 of Ana").click()


async def item_editor(hub: FakeHubbub, page: Page) -> None:
    full(hub)
    await at(page, hub, "items")
    await page.get_by_role("button", name="Write a rule").first.click()
    await page.get_by_text("Your characters carry").wait_for()


async def table_blurred(hub: FakeHubbub, page: Page) -> None:
    await roll_uncovered(hub, page)
    await page.keyboard.press("Escape")
    await page.locator(".safe-button").click()


async def table_unread(hub: FakeHubbub, page: Page) -> None:
    full(hub)
    hub.broken["/rolls"] = Refusal(503, "The database is away.", "database_away")
    await at(page, hub, "dice")
    await page.locator(".table-trouble .teach").first.wait_for()


async def table_while_voting(hub: FakeHubbub, page: Page) -> None:
    table = full(hub)
    poll = next(poll for poll in hub.polls.values() if poll.state == "draft")
    hub.launch(poll, simulated=False)
    poll.votes = [212, 98, 61]
    assert table.rolls
    await at(page, hub, "dice")
    await page.locator("#next-action[data-kind=close]").wait_for()


async def beyond20_page(hub: FakeHubbub, page: Page) -> None:
    await page.goto(f"{hub.origin}/beyond20")
    await page.get_by_label("The code from your game master").fill("abc-12")
    await page.keyboard.press("Enter")


TABS = ("dice", "party", "initiative", "criticals", "items", "fairness", "tables", "settings")
#: By what they show; the scenes of a group share a browser.
TABLE_SCENES: dict[str, tuple[Act, ...]] = {
    "tabs": tuple(tab(name) for name in TABS),
    "empty": tuple(tab(name, empty=True) for name in TABS[:-1]),
    "open": (
        roll_uncovered,
        character_open,
        rule_tried,
        table_open,
        table_blurred,
        table_unread,
        table_while_voting,
    ),
    "dialogs": (rule_editor, item_editor, foundry_pairing, beyond20_code, secrets_once, beyond20_page),
}
