"""The table of the running program, on its desk: connected, rolled at, judged, attributed, proved.

The pictures of this test are meant to be looked at: build/pictures/table-program-*.png.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
from playwright.async_api import Page, expect

from tests.acceptance.show import PICTURES, Show
from tests.acceptance.test_desk import open_desk, says
from tests.browser.desk_acts import hold
from tests.servers import Hubbub


def neutral(roll_id: str, face: int, *, character: str, visibility: str = "public") -> dict[str, Any]:
    """A d20 in the neutral form."""
    return {
        "schema": "hubbub.dice_roll/1",
        "roll_id": roll_id,
        "source": {"system": "other", "instance_id": "my-room"},
        "actor": {"player_name": "Ana", "character_name": character, "character_id": f"id-{character}"},
        "kind": "attack",
        "label": "Longbow",
        "visibility": visibility,
        "notation": "1d20+7",
        "groups": [{"sides": 20, "count": 1, "dice": [{"value": face, "state": "kept"}]}],
        "modifiers": [{"value": 7}],
        "total": face + 7,
    }


async def test_an_evening_at_a_table(hubbub: Hubbub, page: Page, tmp_path: Path) -> None:
    await page.set_viewport_size({"width": 1280, "height": 860})
    async with Show.on(hubbub, "Friday dungeon") as show, httpx2.AsyncClient() as sender:
        await show.channel("deck")
        await open_desk(page, hubbub)
        zone = page.locator(".zone.table")

        # What viewers see, and what is played.
        await page.keyboard.press("t")
        await zone.get_by_role("tab", name="Stream").click()
        await zone.get_by_role("switch", name=re.compile("with a wax seal")).click()
        await says(zone.locator(".summary"), "they see a seal")
        await zone.get_by_role("tab", name="Criticals").click()
        await zone.get_by_label("What do you play?").select_option("dnd5e")
        await says(zone, "D&D 5e: the book")
        await zone.get_by_role("button", name="What would this be?").click()
        await says(zone.locator(".verdict"), "Critical success, major")

        # A character by hand, played by a streamer.
        await zone.get_by_role("tab", name="Party").click()
        await zone.get_by_role("button", name="Add a character").first.click()
        await page.locator("dialog[open]").get_by_label("Name").fill("Rook Feather")
        await page.locator("dialog[open]").get_by_label("Hit points").fill("31")
        await page.keyboard.press("Enter")
        row = zone.locator(".character")
        await row.get_by_label("Who plays Rook Feather").select_option(index=2)
        await row.get_by_role("button", name="Rook Feather: one hit point less").click()
        await says(row, "30 of 31")

        # A table of our own, with the token that the desk told once.
        await zone.get_by_role("tab", name="Tables").click()
        await zone.get_by_role("button", name="Connect a table").first.click()
        dialog = page.locator("dialog[open]")
        await dialog.get_by_label("Where do your players roll?").select_option(label="Anything else")
        async with page.expect_response(lambda answer: answer.request.method == "POST") as made:
            await dialog.get_by_role("button", name="Make its address and secret").click()
        table = await (await made.value).json()
        await says(dialog, "The secrets are shown only now")
        await dialog.get_by_role("button", name="Send a test roll").click()
        await says(page.locator(".toast").last, "marked TEST")
        await dialog.get_by_role("button", name="Done").click()

        # Rolls come in: one of somebody unknown waits, a critical of Rook does not.
        headers = {"Authorization": f"Bearer {table['ingest_token']}"}
        for roll in (neutral("1", 9, character="Goblin boss"), neutral("2", 20, character="Rook Feather")):
            answer = await sender.post(table["webhook_url"], json=roll, headers=headers)
            assert answer.status_code == 202, answer.text
        await zone.get_by_role("tab", name="Dice").click()
        await says(zone.locator(".roll", has_text="Longbow").first, "unverified")
        pending = zone.locator(".pending-roll", has_text="Goblin boss")
        await pending.get_by_role("button", name="Rook Feather").click()
        await page.screenshot(path=PICTURES / "table-program-pending.png")
        await pending.get_by_role("button", name="Theirs, without effects").click()
        await expect(pending).to_be_hidden()
        await says(zone.locator(".roll", has_text="critical success"), "27")

        # By hand, in secret, revealed and proved.
        await page.locator(".safe-button").focus()
        await page.keyboard.press("r")
        await page.keyboard.type("2d20kh1+3")
        await zone.get_by_role("radio", name="Secret").check()
        await zone.get_by_role("button", name="Roll", exact=True).click()
        secret = zone.locator(".roll", has_text="sealed")
        await expect(secret.locator(".roll-cover")).to_be_visible()
        await secret.get_by_role("button", name=re.compile("^More for")).click()
        await hold(page, secret.get_by_role("button", name="Reveal on stream (hold)"))
        await says(secret, "was sealed")
        async with page.expect_download() as saved:
            await secret.get_by_role("button", name="Save proof").click()
        proof = tmp_path / "roll.json"
        await (await saved.value).save_as(proof)
        assert json.loads(proof.read_text())["format"] == "hubbub.sealed_roll/1"
        verify = [sys.executable, "-m", "server", "verify", str(proof)]
        told = subprocess.run(verify, capture_output=True, text=True, check=False)  # noqa: ASYNC221  it takes a moment
        assert told.returncode == 0, told.stdout + told.stderr

        # Simulated: five rolls, one of them secret, none in the statistics.
        stats = await show.api.get(f"/campaigns/{show.id}/dice-stats")
        await zone.get_by_role("tab", name="Tables").click()
        await says(zone.locator(".lamp"), "Anything else")
        before = len((await show.api.get(f"/campaigns/{show.id}/rolls"))["items"])
        await page.screenshot(path=PICTURES / "table-program-tables.png")
        for text in ("1d20", "4d6!"):
            body = {"notation": text, "simulated": True, "player_name": "Rook"}
            await show.api.post(f"/campaigns/{show.id}/rolls", body)
        assert len((await show.api.get(f"/campaigns/{show.id}/rolls"))["items"]) == before + 2
        assert (await show.api.get(f"/campaigns/{show.id}/dice-stats"))["players"] == stats["players"]
        await zone.get_by_role("tab", name="Dice").click()
        await says(zone.locator(".roll").first, "test")
        await page.screenshot(path=PICTURES / "table-program-dice.png")
