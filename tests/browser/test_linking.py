"""A viewer links two accounts on a phone, unlinks, undoes it; a moderator holds it for a mistake on the desk.

A real browser, the running program, and providers that say yes. Pictures: build/pictures/sign-in-me-*.png.
"""

from __future__ import annotations

import re

import asyncpg
import httpx2
from playwright.async_api import Browser, Page, expect

from tests.browser.desk_probes import PICTURES, settle
from tests.browser.test_sign_in import fits, program, title
from tests.fakes.identity_server import IdentityServer
from tests.servers import Hubbub, StartHubbub

ROOT = "hb_" + "p3rs0n" * 8
POLL = {"question": "Which door?", "options": ["Left", "Right"], "duration_s": 600, "per_person": True}


async def agree(page: Page) -> None:
    await page.get_by_role("button", name="Authorize").click()


async def test_a_viewer_links_unlinks_and_undoes_it_on_a_phone(
    browser: Browser, page: Page, start_hubbub: StartHubbub, database_url: str
) -> None:
    alarms: list[str] = []
    page.on("pageerror", lambda error: alarms.append(str(error)))
    async with program(start_hubbub, database_url, HUBBUB_API_KEY=ROOT) as (hubbub, there):
        async with httpx2.AsyncClient(
            base_url=hubbub.base_url, headers={"authorization": f"Bearer {ROOT}"}
        ) as root:
            poll = await _votes_of_both(root, there)
            assert await _counted(root, poll) == [1, 1]
            await _links(page, hubbub, there)
            assert await _counted(root, poll) == [0, 1]
            await page.get_by_role("button", name="Unlink them").click()
            await title(page, "Unlinked")
            await fits(page, "me-unlinked")
            assert await _counted(root, poll) == [1, 1]
            await page.get_by_role("button", name="Undo: they are one person").click()
            await title(page, "One person again")
            assert await _counted(root, poll) == [0, 1]
            await _desk(browser, hubbub, root, poll)
            await _refused_and_left(page, hubbub, there, database_url)
        assert alarms == []


async def _votes_of_both(root: httpx2.AsyncClient, there: IdentityServer) -> str:
    """A show on both platforms with a poll of persons, in which both accounts have voted."""
    campaign = (await root.post("/api/v1/campaigns", json={"name": "Persons"})).json()["id"]
    for number, platform in enumerate(("twitch", "kick"), 1):
        channel = {
            "platform": platform,
            "login": f"stage_{platform}",
            "source": "api",
            "channel_id": str(number),
        }
        added = await root.post(f"/api/v1/campaigns/{campaign}/channels", json=channel)
        assert added.status_code == 201, added.text
    poll: str = (await root.post(f"/api/v1/campaigns/{campaign}/polls", json=POLL)).json()["id"]
    opened = (await root.post(f"/api/v1/polls/{poll}/launch", json={})).json()["opens_at"]
    for number, platform in enumerate(("twitch", "kick"), 1):
        account = there.people[platform]  # type: ignore[index]
        user = {"id": account.id, "login": account.login, "name": account.name}
        line = {
            "type": "chat.message",
            "platform": platform,
            "channel_id": str(number),
            "message_id": f"m{number}",
            "user": user,
            "text": str(number),
            "sent_at": opened,
        }
        taken = await root.post(f"/api/v1/campaigns/{campaign}/events", json=[line])
        assert taken.json()["accepted"] == 1, taken.text
    return poll


async def _counted(root: httpx2.AsyncClient, poll: str) -> list[int]:
    return [option["votes"] for option in (await root.get(f"/api/v1/polls/{poll}")).json()["options"]]


async def _links(page: Page, hubbub: Hubbub, there: IdentityServer) -> None:
    await page.goto(f"{hubbub.base_url}/me")
    await title(page, "Two accounts? One vote")
    await fits(page, "me-stranger")
    await page.get_by_role("link", name="Sign in with Twitch").click()
    await agree(page)
    await title(page, "One account so far")
    assert page.url == f"{hubbub.base_url}/me"
    await expect(page.locator(".account strong").first).to_have_text(there.people["twitch"].name)
    await fits(page, "me-one")
    await page.get_by_role("button", name="Sign in with Kick").click()
    await agree(page)
    await title(page, "You are one person")
    assert page.url == f"{hubbub.base_url}/me", "the word is out of the address again"
    assert "false" not in await page.inner_text("main")
    await fits(page, "me-both")
    await page.set_viewport_size({"width": 1280, "height": 800})
    await page.screenshot(path=PICTURES / "sign-in-me-wide.png")
    await page.set_viewport_size({"width": 360, "height": 740})
    assert not [scope for one in there.issued for scope in one.scopes if scope.startswith("channel:manage")]


async def _desk(browser: Browser, hubbub: Hubbub, root: httpx2.AsyncClient, poll: str) -> None:
    """Who runs the show counts the two apart, and takes it back."""
    context = await browser.new_context(viewport={"width": 1280, "height": 900})
    page = await context.new_page()
    link = re.search(r"http://\S+/login#code=\S+", hubbub.log)
    assert link is not None
    await page.goto(link[0])
    await page.get_by_role("tab", name="Past polls").click()
    await page.get_by_role("button", name="Linked viewers…").click()
    dialog = page.get_by_role("dialog", name="Linked viewers")
    await expect(dialog.get_by_text("one vote together")).to_be_visible()
    await settle(page)
    await page.screenshot(path=PICTURES / "desk-persons.png")
    await dialog.get_by_role("button", name="Count apart").click()
    await expect(dialog.get_by_text("counted apart in this show")).to_be_visible()
    assert await _counted(root, poll) == [1, 1]
    await dialog.get_by_role("button", name="Count together again").click()
    await expect(dialog.get_by_text("one vote together")).to_be_visible()
    assert await _counted(root, poll) == [0, 1]
    await page.keyboard.press("Escape")
    await page.get_by_role("tab", name="Rundown").click()
    await page.get_by_role("button", name="New poll").first.click()
    composer = page.get_by_role("dialog", name="New poll")
    await composer.locator("summary").last.click()
    await expect(composer.get_by_text("One vote per person")).to_be_visible()
    await settle(page)
    await page.screenshot(path=PICTURES / "desk-persons-composer.png")
    await composer.get_by_label("Every message counts").check()
    await expect(composer.get_by_text("One vote per person")).to_be_hidden()
    await context.close()


async def _refused_and_left(page: Page, hubbub: Hubbub, there: IdentityServer, database_url: str) -> None:
    """Denied at the platform; then everything about the viewer goes."""
    await page.get_by_role("button", name="Unlink them").click()
    await title(page, "Unlinked")
    await page.get_by_role("button", name="Sign out").click()
    await title(page, "Signed out")
    await page.get_by_role("link", name="Sign in with Kick").click()
    await page.get_by_role("button", name="Cancel").click()
    await title(page, "You did not agree at Kick")
    await page.get_by_role("link", name="Sign in with Kick").click()
    await agree(page)
    await title(page, "These are two viewers")
    await page.get_by_text("Leave for good").click()
    await fits(page, "me-leave")
    await page.get_by_label("Type “erase”").fill("erase")
    await page.get_by_role("button", name="Delete everything").click()
    await title(page, "You have left")
    connection = await asyncpg.connect(database_url)
    try:
        for table in ("auth_providers", "person_links WHERE until IS NULL", "viewers WHERE login <> ''"):
            assert await connection.fetchval(f"SELECT count(*) FROM {table}") == 0, table  # noqa: S608
    finally:
        await connection.close()
