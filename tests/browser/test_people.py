"""Who takes part in a show, in Chromium against the running program: invited, in trouble, mended, gone.

Every trouble that a streamer can be in appears in words, and the button beside it makes the check green. The
pictures go to build/pictures/people-*.png.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from playwright.async_api import Browser, Locator, Page, expect

from tests.browser.desk_probes import CONTRAST, PICTURES, SIDEWAYS, SMALL, settle
from tests.browser.test_sign_in import KEY, opens_desk, press_twice, program
from tests.fakes.identity_server import FakeAccount, IdentityServer, identity_server
from tests.fakes.kick import fake_kick
from tests.fakes.twitch_irc import until
from tests.integration.kick_rig import MOSSY
from tests.servers import Hubbub, StartHubbub

#: No chat is read in these tests, and nothing leaves the machine.
NOWHERE = "ws://127.0.0.1:9"
MOSSYS = "700100200"
WAIT = 15_000


async def pictured(page: Page, name: str, *, sizes: tuple[str, ...] = ("desk", "phone")) -> None:
    """Nothing overflows and everything can be read and pressed; pictures on a desk's screen and a phone's."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    before = page.viewport_size
    for size in sizes:
        width, height = {"desk": (1920, 1080), "phone": (360, 740)}[size]
        await page.set_viewport_size({"width": width, "height": height})
        await page.emulate_media(color_scheme="dark" if size == "desk" else "light")
        await settle(page)
        await page.screenshot(path=PICTURES / f"people-{name}-{size}.png", full_page=size == "phone")
        assert await page.evaluate(SIDEWAYS) == [], (name, size)
        assert await page.evaluate(CONTRAST) == [], (name, size)
        if size == "phone":
            assert await page.evaluate(SMALL) == [], name
    if before:
        await page.set_viewport_size(before)


async def signs_in(page: Page, hubbub: Hubbub, there: IdentityServer, provider: str) -> None:
    there.decide = "allow"
    await page.goto(f"{hubbub.base_url}/login")
    await page.get_by_role("link", name=f"Sign in with {provider}", exact=True).click()
    await opens_desk(page, hubbub)


async def makes_show(page: Page, name: str = "Friday dungeon") -> None:
    dialog = page.get_by_role("dialog", name="Shows")
    await dialog.get_by_label("New show").fill(name)
    await dialog.get_by_role("button", name="Create", exact=True).click()
    await expect(page.locator(".show-button")).to_contain_text(name)


async def people(page: Page) -> Locator:
    """The zone, opened."""
    await page.locator(".views").get_by_role("button", name="People").click()
    zone = page.locator(".zone.people")
    await expect(zone).to_be_visible()
    return zone


async def checks(page: Page) -> Locator:
    """The list of *Check everything*, made anew."""
    await page.locator(".views").get_by_role("button", name="Show", exact=True).click()
    await page.get_by_role("button", name="Check everything").click()
    await expect(page.locator(".checks .lamp").first).to_be_visible()
    return page.locator(".checks .lamp")


@asynccontextmanager
async def two_people(
    browser: Browser, start: StartHubbub, database_url: str, mossy: FakeAccount
) -> AsyncIterator[tuple[Page, Page, Hubbub, IdentityServer]]:
    """A game master with a show, and a streamer who was invited and has signed in."""
    async with program(start, database_url, TWITCH_IRC_URL=NOWHERE) as (hubbub, there):
        there.people["kick"] = FakeAccount("77", "gm_gwen", "Gwen")
        there.people["twitch"] = mossy
        gwens = await browser.new_context(viewport={"width": 1280, "height": 900})
        mossys = await browser.new_context(viewport={"width": 1280, "height": 900})
        gwen, streamer = await gwens.new_page(), await mossys.new_page()
        await signs_in(gwen, hubbub, there, "Kick")
        await makes_show(gwen)
        zone = await people(gwen)
        await zone.get_by_role("button", name="Invite", exact=True).click()
        dialog = gwen.get_by_role("dialog", name="Invite somebody")
        await dialog.get_by_label("Name, or link to the channel").fill("https://www.twitch.tv/mossy_tavern")
        await pictured(gwen, "invite")
        await dialog.get_by_role("button", name="Invite", exact=True).click()
        await expect(zone.get_by_text("has not accepted yet")).to_be_visible()
        await signs_in(streamer, hubbub, there, "Twitch")
        try:
            yield gwen, streamer, hubbub, there
        finally:
            await gwens.close()
            await mossys.close()


async def test_invited_agreed_reminded_and_gone(
    browser: Browser, start_hubbub: StartHubbub, database_url: str
) -> None:
    mossy = FakeAccount(MOSSYS, "mossy_tavern", "Mossy_Tavern")
    async with two_people(browser, start_hubbub, database_url, mossy) as (gwen, streamer, _, _there):
        shows = streamer.get_by_role("dialog", name="Shows")
        await expect(shows.get_by_text("Gwen asks mossy_tavern (Twitch)")).to_be_visible()
        await pictured(streamer, "invited")
        await shows.get_by_role("button", name="Accept").click()
        zone = streamer.locator(".zone.people")
        await expect(zone.get_by_text("Has not agreed to polls for this evening.")).to_be_visible()
        await pictured(streamer, "not-agreed")

        theirs = gwen.locator(".member", has_text="Mossy_Tavern")
        await expect(theirs.get_by_text("not ready")).to_be_visible(timeout=WAIT)
        await theirs.get_by_role("button", name="Remind").click()
        await expect(gwen.get_by_role("status").filter(has_text="Reminded")).to_be_visible()
        await expect(zone.get_by_text("The show waits for you.")).to_be_visible(timeout=WAIT)
        await pictured(gwen, "not-ready")

        await zone.get_by_role("button", name="Agree for 12 hours").click()
        await expect(zone.get_by_role("switch", name=re.compile("^Polls"))).to_be_checked()
        await expect(zone.get_by_text("Good until")).to_be_visible()
        await expect(zone.get_by_text("The show waits for you.")).to_be_hidden()
        await expect(theirs.get_by_text("ready · agreed to polls until")).to_be_visible(timeout=WAIT)
        await zone.locator("label.switch", has_text="Rewards").click()
        await expect(theirs.get_by_text("agreed to polls, rewards until")).to_be_visible(timeout=WAIT)
        await pictured(gwen, "ready")
        await pictured(streamer, "agreed")

        # A role is given, and taken again; then the streamer goes, and the owner deletes the show.
        await theirs.get_by_label("Role of Mossy_Tavern").select_option("moderator")
        await expect(zone.locator(".tag", has_text="Moderator").first).to_be_visible(timeout=WAIT)
        await press_twice(zone.get_by_role("region", name="You").locator(".hold"))
        await expect(streamer.get_by_role("status").filter(has_text="You have left the show")).to_be_visible()
        await expect(theirs).to_have_count(0, timeout=WAIT)
        await gwen.get_by_text("Delete this show").click()
        word = gwen.get_by_label("Type the name of the show to delete it")
        await word.fill("Another")
        await press_twice(gwen.locator(".ending .hold"))
        await expect(gwen.get_by_text("Could not delete the show")).to_be_visible()
        await word.fill("Friday dungeon")
        await press_twice(gwen.locator(".ending .hold"))
        await expect(gwen.get_by_role("status").filter(has_text="The show is deleted")).to_be_visible()


async def write(database_url: str, statement: str) -> None:
    """What time would do, at once."""
    connection = await asyncpg.connect(database_url)
    await connection.execute(statement)
    await connection.close()


async def test_every_trouble_has_words_and_a_fix(
    browser: Browser, start_hubbub: StartHubbub, database_url: str
) -> None:
    """Not an affiliate, chat shared, scope missing, token revoked."""
    mossy = FakeAccount(MOSSYS, "mossy_tavern", "Mossy_Tavern", kind="", shares_with=("42", "43"))
    async with two_people(browser, start_hubbub, database_url, mossy) as (gwen, streamer, hubbub, there):
        await streamer.get_by_role("dialog", name="Shows").get_by_role("button", name="Accept").click()
        zone = streamer.locator(".zone.people")
        await zone.get_by_role("button", name="Agree for 12 hours").click()
        await expect(zone.get_by_text("Good until")).to_be_visible()
        await zone.locator("label.switch", has_text="Rewards").click()
        of_twitch = zone.get_by_text("channel points and its own polls for affiliates and partners only")
        await expect(of_twitch).to_be_visible(timeout=WAIT)
        await expect(zone.get_by_text("its chat is shared with other channels")).to_be_visible(timeout=WAIT)
        await pictured(streamer, "affiliate-and-shared")

        found = (await checks(gwen)).filter(has_text="Streamer Mossy_Tavern")
        await expect(found).to_have_count(2)
        await pictured(gwen, "checks")
        mossy.kind = "partner"
        row = found.filter(has_text="affiliates and partners only")
        await row.get_by_role("button", name="Look again").click()
        await expect(row).to_have_count(0, timeout=WAIT)
        mossy.shares_with = ()
        await found.get_by_role("button", name="Look again").click()
        ready = gwen.locator(".checks .lamp[data-tone=good]", has_text="Streamer Mossy_Tavern: fine")
        await expect(ready).to_be_visible(timeout=WAIT)

        await write(database_url, "UPDATE oauth_tokens SET scopes = '{user:read:chat}'")
        missing = zone.get_by_text(re.compile("has not allowed everything .* channel:manage:redemptions"))
        await expect(missing).to_be_visible(timeout=WAIT)
        await pictured(streamer, "scope-missing")
        await (await checks(gwen)).get_by_role("button", name="Remind Mossy_Tavern").click()
        await zone.get_by_role("button", name="Link Twitch again").click()
        await opens_desk(streamer, hubbub)
        await expect(streamer.get_by_text("Good until").first).to_be_visible(timeout=WAIT)
        await expect(missing).to_have_count(0)

        there.revoke_access(MOSSYS)
        # An hour goes by: Hubbub shows the token to Twitch again.
        await write(
            database_url,
            "UPDATE oauth_tokens SET version = version + 1, issued_at = issued_at - interval '1 h'",
        )
        dead = zone.get_by_text("Twitch does not accept what mossy_tavern on Twitch has given us")
        await expect(dead).to_be_visible(timeout=WAIT)
        await pictured(streamer, "revoked")
        await expect(
            (await checks(gwen)).filter(has_text="does not accept what mossy_tavern")
        ).to_be_visible()
        await zone.get_by_role("button", name="Link Twitch again").click()
        await opens_desk(streamer, hubbub)
        await expect(zone.get_by_text("Good until").first).to_be_visible(timeout=WAIT)
        await expect(dead).to_have_count(0)
        await checks(gwen)
        await expect(ready).to_be_visible(timeout=WAIT)
        assert there.complaints == []


async def test_kick_that_stopped_is_asked_again(
    browser: Browser, start_hubbub: StartHubbub, database_url: str
) -> None:
    """Switched off in Kick's dashboard; on again, and a press on the check makes it deliver."""
    async with identity_server() as there, fake_kick() as kick:
        mossy = kick.broadcaster(MOSSY, "MossyTavern")
        settings = there.settings | {
            "KICK_API_URL": kick.url,
            "KICK_PUBLIC_KEY": kick.public_pem,
            "TWITCH_IRC_URL": NOWHERE,
        }
        hubbub = await asyncio.to_thread(
            start_hubbub, DATABASE_URL=database_url, HUBBUB_SECRET_KEY=KEY, **settings
        )
        kick.webhook_url = f"{hubbub.base_url}/webhooks/kick"
        context = await browser.new_context(viewport={"width": 1280, "height": 900})
        page = await context.new_page()
        await signs_in(page, hubbub, there, "Twitch")
        await makes_show(page)
        await page.get_by_role("region", name="Channels").get_by_role("button", name="Add a channel").click()
        dialog = page.get_by_role("dialog", name="Add a channel")
        await dialog.get_by_role("radio", name="Kick").first.check()
        await dialog.get_by_label("Channel name").fill("mossytavern")
        await dialog.get_by_role("button", name="Add", exact=True).click()
        await until(lambda: kick.has(MOSSY, "chat.message.sent"), "subscribed")
        assert await kick.tell("chat.message.sent", mossy.chat("hello")) == 204

        kick.switch_webhook_off()
        kick.item_errors["chat.message.sent"] = "webhook is disabled"
        await write(database_url, "UPDATE kick_rounds SET due_at = now() WHERE name = 'all'")
        off = page.locator(".checks .lamp").filter(has_text="Kick has stopped sending its chat.")
        async with asyncio.timeout(30):
            while not await off.count():
                await page.wait_for_timeout(1000)
                await checks(page)
        await pictured(page, "kick-off")
        del kick.item_errors["chat.message.sent"]
        await off.get_by_role("button", name="Look again").click()
        await until(lambda: kick.has(MOSSY, "chat.message.sent"), "subscribed again")
        await expect(off).to_have_count(0, timeout=WAIT)
        assert await kick.tell("chat.message.sent", mossy.chat("back")) == 204
        channel = page.locator(".checks .lamp[data-tone=good]", has_text="Channel mossytavern: fine")
        async with asyncio.timeout(15):
            while not await channel.count():
                await page.wait_for_timeout(1000)
                await checks(page)
        assert kick.complaints == []
        await context.close()
