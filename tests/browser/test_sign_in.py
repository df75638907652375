"""Signing in as people do it: a real browser, the running program, and providers that say yes and no.

The pictures go to build/pictures/sign-in-*.png.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import asyncpg
import httpx2
from playwright.async_api import Browser, BrowserContext, Locator, Page, expect

from tests.browser.desk_probes import CONTRAST, PICTURES, SIDEWAYS, SMALL, settle
from tests.fakes.identity_server import PROVIDERS, FakeAccount, Fault, IdentityServer, identity_server
from tests.servers import Hubbub, StartHubbub

KEY = "k3y-of-this-test-4f9a1c77e02b8d65"
SECRET = "correct horse battery"


@asynccontextmanager
async def program(
    start: StartHubbub, database_url: str, **settings: str
) -> AsyncIterator[tuple[Hubbub, IdentityServer]]:
    """The program, and providers with which it is registered."""
    async with identity_server() as there:
        hubbub = start(
            DATABASE_URL=database_url,
            HUBBUB_SECRET_KEY=KEY,
            HUBBUB_EMAIL_SIGN_IN="1",
            **there.settings | settings,
        )
        port = urlsplit(hubbub.base_url).port
        there.redirect_uris = {f"http://localhost:{port}/auth/{name}/callback" for name in PROVIDERS}
        yield hubbub, there
        assert there.complaints == []


async def fits(page: Page, name: str) -> None:
    """Nothing overflows at 360 px, everything can be read and pressed; a picture to look at."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    await page.set_viewport_size({"width": 360, "height": 740})
    for scheme in ("dark", "light"):
        await page.emulate_media(color_scheme=scheme)
        await settle(page)
        assert await page.evaluate(SIDEWAYS) == [], (name, scheme)
        assert await page.evaluate(CONTRAST) == [], (name, scheme)
    await page.screenshot(path=PICTURES / f"sign-in-{name}.png", full_page=True)
    # A button to choose with has the size of the label around it.
    assert [found for found in await page.evaluate(SMALL) if found[1:] != [20, 20]] == [], name


async def title(page: Page, words: str) -> None:
    await expect(page.locator("h1")).to_have_text(words, timeout=10_000)


async def opens_desk(page: Page, hubbub: Hubbub) -> None:
    await page.wait_for_url(re.compile(re.escape(f"{hubbub.base_url}/desk")))
    await expect(page.locator(".wordmark")).to_be_visible(timeout=10_000)


async def session_cookies(context: BrowserContext) -> list[Any]:
    return [one for one in await context.cookies() if one["name"] == "hubbub_session"]


async def test_there_and_back(
    browser: Browser, page: Page, start_hubbub: StartHubbub, database_url: str
) -> None:
    """Happy by keyboard at 360 px; then denied, reused, mixed up, expired, begun elsewhere, tampered with."""
    seen: list[str] = []
    page.on("request", lambda request: seen.append(request.url))
    alarms: list[str] = []
    page.on("console", lambda message: alarms.append(message.text) if message.type == "error" else None)
    async with program(start_hubbub, database_url) as (hubbub, there):
        await _happy(page, hubbub, there)
        assert [
            one for one in alarms if "401" not in one
        ] == []  # the desk answers it to whoever is not signed in
        assert not [url for url in seen if there.issued[0].access in url or there.client_secret in url]
        for step in (_denied, _reused, _mixed_up, _expired, _begun_elsewhere, _tampered):
            context = await browser.new_context(viewport={"width": 800, "height": 700})
            await step(await context.new_page(), hubbub, there, database_url)
            assert await session_cookies(context) == [] or step in (_reused, _tampered)
            await context.close()


async def _happy(page: Page, hubbub: Hubbub, there: IdentityServer) -> None:
    answer = await page.goto(f"{hubbub.base_url}/desk")
    assert answer is not None
    assert answer.status == 401
    headers = answer.headers
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["referrer-policy"] == "no-referrer"
    await title(page, "Sign in")
    await fits(page, "ways")
    await page.get_by_text("What Twitch will ask you to allow").click()
    await expect(page.get_by_text("give points back").first).to_be_visible()
    link = page.get_by_role("link", name="Sign in with Twitch", exact=True)
    await link.focus()
    await page.keyboard.press("Enter")
    await title(page, "Authorize for Mossy_Tavern?")
    await page.get_by_role("button", name="Authorize").click()
    await opens_desk(page, hubbub)
    assert page.url == f"{hubbub.base_url}/desk"
    (cookie,) = await session_cookies(page.context)
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Lax", "/")
    assert cookie["domain"] == "127.0.0.1"
    assert [one for one in await page.context.cookies() if "way" in one["name"]] == []
    assert await page.evaluate("document.cookie") == ""
    assert "channel:manage:polls" in there.issued[-1].scopes


async def _denied(page: Page, hubbub: Hubbub, there: IdentityServer, _database_url: str) -> None:
    await page.goto(f"{hubbub.base_url}/login")
    await page.get_by_text("I run shows, help, or watch").click()
    await page.get_by_role("link", name="Sign in with Kick").click()
    await page.get_by_role("button", name="Cancel").click()
    await title(page, "You did not agree at Kick")
    assert page.url == f"{hubbub.base_url}/login", "the word is out of the address again"
    await expect(page.get_by_role("link", name="Sign in with Kick")).to_be_visible()


async def _back(page: Page, hubbub: Hubbub) -> str:
    """Begin with Twitch, agree there, and keep the way back before the browser takes it."""
    await page.goto(f"{hubbub.base_url}/login")
    await page.get_by_role("link", name="Sign in with Twitch", exact=True).click()
    await title(page, "Authorize for Mossy_Tavern?")
    async with httpx2.AsyncClient() as outside:
        answer = await outside.get(page.url.replace("/authorize?", "/authorize/decision?answer=allow&"))
    return str(answer.headers["location"])


async def _reused(page: Page, hubbub: Hubbub, there: IdentityServer, _database_url: str) -> None:
    back = await _back(page, hubbub)
    await page.goto(back)
    await opens_desk(page, hubbub)
    await page.goto(back)
    await title(page, "This way has ended")
    await expect(page.locator("#more")).to_have_text("You are signed in as before.")
    await page.get_by_role("link", name="Go to the desk").click()
    await opens_desk(page, hubbub)


async def _mixed_up(page: Page, hubbub: Hubbub, there: IdentityServer, _database_url: str) -> None:
    back = await _back(page, hubbub)
    calls = len(there.calls)
    await page.goto(back.replace("/auth/twitch/", "/auth/kick/"))
    await title(page, "The answer came from somebody else")
    assert there.calls[calls:] == [], "Twitch's code was not shown to Kick"


async def _expired(page: Page, hubbub: Hubbub, there: IdentityServer, database_url: str) -> None:
    back = await _back(page, hubbub)
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        "UPDATE oauth_link_states SET created_at = now() - interval '11 min',"
        " expires_at = now() - interval '1 min'"
    )
    await connection.close()
    await page.goto(back)
    await title(page, "This way has ended")
    # And a code that was too old for the provider.
    back = await _back(page, hubbub)
    there.faults["twitch token"] = Fault(400, {"status": 400, "message": "Invalid authorization code"})
    await page.goto(back)
    await title(page, "Twitch did not accept it")


async def _begun_elsewhere(page: Page, hubbub: Hubbub, there: IdentityServer, _database_url: str) -> None:
    """The attacker's own answer, sent to somebody as a link: they do not end up in the attacker's account."""
    browser = page.context.browser
    assert browser is not None
    attacker = await browser.new_context()
    back = await _back(await attacker.new_page(), hubbub)
    await attacker.close()
    await page.goto(back)
    await title(page, "This began in another browser")


async def _tampered(page: Page, hubbub: Hubbub, there: IdentityServer, _database_url: str) -> None:
    """Where the provider sends the browser, and where we do."""
    for bad in ("https://evil.example/", "//evil.example", "/\\evil.example"):
        there.decide = "allow"
        await page.goto(f"{hubbub.base_url}/auth/twitch/start?return_to={bad}")
        await opens_desk(page, hubbub)
    there.decide = None
    await page.goto(f"{hubbub.base_url}/auth/kick/start")
    asked = parse_qs(urlsplit(page.url).query)["redirect_uri"][0]
    assert asked in there.redirect_uris
    tampered = page.url.replace("%2Fauth%2Fkick", "%2Fauth%2Ftwitch").replace("localhost", "evil.example")
    answer = await page.goto(tampered)
    assert answer is not None
    assert answer.status == 400
    # A link of another site does not begin anything: the person lands on our page and decides there.
    await page.goto(f"{there.url}/google/.well-known/openid-configuration")
    await page.evaluate("to => { location.href = to; }", f"{hubbub.base_url}/auth/twitch/start")
    await title(page, "Sign in from this page")


async def test_a_letter_a_second_way_and_an_end(
    page: Page, start_hubbub: StartHubbub, database_url: str
) -> None:
    """E-mail with the letter on the terminal; then the desk's part of it: link, unlink, a copy, leave."""
    await page.set_viewport_size({"width": 360, "height": 740})
    async with program(start_hubbub, database_url) as (hubbub, there):
        await _by_letter(page, hubbub)
        await page.goto(f"{hubbub.base_url}/desk")
        await page.get_by_role("button", name=re.compile("^(Create a show|Show)")).first.wait_for()
        await _account(page, hubbub, there)


async def _by_letter(page: Page, hubbub: Hubbub) -> None:
    await page.goto(f"{hubbub.base_url}/login")
    await page.get_by_role("button", name="I am new here").click()
    await page.get_by_role("textbox", name="E-mail").fill("mossy@example.org")
    await page.keyboard.press("Enter")
    await title(page, "Look into your mailbox")
    await fits(page, "mailbox")
    for _ in range(100):
        if found := re.search(r"http://\S+/login#register=\S+", hubbub.log):
            break
        await page.wait_for_timeout(50)
    assert found is not None, "the letter is printed on the terminal"
    await page.goto("about:blank")
    await page.goto(found[0])
    await title(page, "Make your account")
    assert page.url == f"{hubbub.base_url}/login"
    await page.get_by_role("textbox", name="Name").fill("Mossy")
    await page.get_by_role("textbox", name="Password").fill("password123")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("Everybody tries this one")
    await fits(page, "new-account")
    await page.get_by_role("textbox", name="Password").fill(SECRET)
    await page.keyboard.press("Enter")
    await opens_desk(page, hubbub)
    assert SECRET not in hubbub.log


async def _account(page: Page, hubbub: Hubbub, there: IdentityServer) -> None:
    there.people["twitch"] = FakeAccount("7", "mossy", "Mossy <img src=x onerror=alert(1)>")
    dialog = page.get_by_role("dialog", name="Account")
    await _open_account(page)
    await expect(dialog.get_by_label("Your name")).to_have_value("Mossy")
    await expect(dialog.get_by_text("not linked").first).to_be_visible()
    await fits(page, "account")
    await dialog.get_by_role("button", name="Link Twitch", exact=True).click()
    await page.get_by_role("button", name="Authorize").click()
    await opens_desk(page, hubbub)
    await expect(page.get_by_role("status").filter(has_text="Linked")).to_be_visible()
    await expect(dialog.get_by_text("Mossy <img src=x")).to_be_visible()
    assert await page.locator("img").count() == 0
    assert page.url == f"{hubbub.base_url}/desk"
    await fits(page, "account-linked")
    # Refused at the provider: told in words, on the desk.
    await dialog.get_by_role("button", name="Link Kick", exact=True).click()
    await page.get_by_role("button", name="Cancel").click()
    await expect(page.get_by_role("alert").filter(has_text="You did not agree at Kick")).to_be_visible()
    await press_twice(dialog.get_by_role("listitem").filter(has_text="Twitch").locator(".hold"))
    await expect(page.get_by_role("status").filter(has_text="Twitch is unlinked")).to_be_visible()
    async with page.expect_download() as kept:
        await dialog.get_by_role("link", name="Take a copy of everything").click()
    assert (await kept.value).suggested_filename == "hubbub-account.json"
    await dialog.get_by_label("Type “erase”").fill("erase")
    await press_twice(dialog.get_by_role("region", name="Your data").locator(".hold"))
    await title(page, "You are signed out")
    assert await session_cookies(page.context) == []


async def press_twice(button: Locator) -> None:
    """What cannot be undone, by keyboard; a second press sooner than half a second is a double click."""
    await button.press("Enter")
    await expect(button).to_have_text("Hold, or press again to confirm")
    await asyncio.sleep(0.6)
    await button.press("Enter")


async def _open_account(page: Page) -> None:
    shows = page.get_by_role("dialog", name="Shows")
    if not await shows.is_visible():
        await page.locator(".show-button").click()
    await shows.get_by_role("button", name="Account…").click()


async def test_a_code_for_another_device(page: Page, start_hubbub: StartHubbub, database_url: str) -> None:
    """Without a client secret there is nothing else; the page waits and goes on by itself."""
    async with identity_server() as there:
        hubbub = start_hubbub(
            DATABASE_URL=database_url,
            HUBBUB_SECRET_KEY=KEY,
            **{
                name: there.settings[name] for name in ("TWITCH_CLIENT_ID", "TWITCH_ID_URL", "TWITCH_API_URL")
            },
        )
        there.faults["twitch device"] = Fault(
            200,
            {
                "device_code": "hb-dev-abc",
                "user_code": "HBBB-2026",
                "verification_uri": "https://www.twitch.tv/activate?public=true&device-code=HBBB2026",
                "expires_in": 1800,
                "interval": 1,
            },
        )
        await page.goto(f"{hubbub.base_url}/login")
        await page.get_by_role("button", name="Sign in with Twitch").click()
        await title(page, "Type this code at Twitch")
        await expect(page.locator(".code")).to_have_text("HBBB-2026")
        await fits(page, "device")
        there.faults["twitch token"] = Fault(400, {"status": 400, "message": "authorization_pending"})
        await expect(page.get_by_text("Waiting for you to confirm")).to_be_visible()
        while "twitch token" not in there.calls:
            await page.wait_for_timeout(50)
        there.faults["twitch token"] = Fault(400, {"status": 400, "message": "invalid device code"})
        await title(page, "This code has ended")
        await page.get_by_role("button", name="Sign in another way").click()
        await title(page, "Sign in")


async def test_a_local_installation_says_where_the_link_is(
    page: Page, start_hubbub: StartHubbub, database_url: str
) -> None:
    hubbub = start_hubbub(DATABASE_URL=database_url, HUBBUB_SECRET_KEY=KEY)
    await page.goto(f"{hubbub.base_url}/login")
    await title(page, "You need the link from the terminal")
    assert await page.locator("#panel").is_hidden()


async def test_a_code_that_is_confirmed_opens_the_desk(
    page: Page, start_hubbub: StartHubbub, database_url: str
) -> None:
    """Typed on another device; the page that waits goes on by itself, and no token reaches it."""
    async with identity_server() as there:
        names = ("TWITCH_CLIENT_ID", "TWITCH_ID_URL", "TWITCH_API_URL")
        hubbub = start_hubbub(
            DATABASE_URL=database_url,
            HUBBUB_SECRET_KEY=KEY,
            **{name: there.settings[name] for name in names},
        )
        answers: list[str] = []
        page.on("request", lambda request: answers.append(f"{request.url} {request.post_data or ''}"))
        await page.goto(f"{hubbub.base_url}/login")
        await page.get_by_role("button", name="Sign in with Twitch").click()
        await title(page, "Type this code at Twitch")
        code = await page.locator(".code").inner_text()
        there.confirm_device(code)
        await page.wait_for_url(re.compile(re.escape(f"{hubbub.base_url}/desk")), timeout=20_000)
        await expect(page.locator(".wordmark")).to_be_visible(timeout=10_000)
        (cookie,) = await session_cookies(page.context)
        assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Lax")
        assert there.issued[0].access not in "".join(answers) + hubbub.log
        assert there.complaints == []


async def test_google_happy_and_denied(page: Page, start_hubbub: StartHubbub, database_url: str) -> None:
    async with program(start_hubbub, database_url) as (hubbub, there):
        there.decide = None
        await page.goto(f"{hubbub.base_url}/login")
        google = page.get_by_role("link", name="Sign in with Google")
        await google.click()
        await page.get_by_role("button", name="Cancel").click()
        await title(page, "You did not agree at Google")
        assert await session_cookies(page.context) == []
        await google.click()
        await title(page, "Authorize for Mossy Tavern?")
        assert "openid" in parse_qs(urlsplit(page.url).query)["scope"][0]
        await page.get_by_role("button", name="Authorize").click()
        await opens_desk(page, hubbub)
        # Google's code does not go to Twitch, though the state is one of ours.
        back = await _answer_of(page, hubbub, "google")
        calls = len(there.calls)
        await page.goto(back.replace("/auth/google/", "/auth/twitch/"))
        await title(page, "The answer came from somebody else")
        assert there.calls[calls:] == []


async def _answer_of(page: Page, hubbub: Hubbub, provider: str) -> str:
    """A way that was begun in this browser, up to the provider's answer."""
    await page.context.clear_cookies(name="hubbub_session")
    await page.goto(f"{hubbub.base_url}/login")
    await page.get_by_role("link", name=f"Sign in with {provider.title()}").click()
    await title(page, "Authorize for Mossy Tavern?")
    async with httpx2.AsyncClient() as outside:
        answer = await outside.get(page.url.replace("/authorize?", "/authorize/decision?answer=allow&"))
    return str(answer.headers["location"])


async def test_e_mail_and_password_again(page: Page, start_hubbub: StartHubbub, database_url: str) -> None:
    """Another browser later: a wrong password is refused in words, the right one opens the desk; a letter's
    link is good once."""
    async with program(start_hubbub, database_url) as (hubbub, _):
        await page.set_viewport_size({"width": 360, "height": 740})
        await _by_letter(page, hubbub)
        letter = re.search(r"http://\S+/login#register=\S+", hubbub.log)
        assert letter is not None
        await page.context.clear_cookies()
        await page.goto(f"{hubbub.base_url}/login")
        await page.get_by_role("textbox", name="E-mail").fill("mossy@example.org")
        await page.get_by_role("textbox", name="Password").fill("not my password")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("alert")).not_to_be_empty()
        assert await session_cookies(page.context) == []
        await page.get_by_role("textbox", name="Password").fill(SECRET)
        await page.keyboard.press("Enter")
        await opens_desk(page, hubbub)
        (cookie,) = await session_cookies(page.context)
        assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Lax", "/")
        assert SECRET not in hubbub.log
        await page.context.clear_cookies()
        await page.goto("about:blank")
        await page.goto(letter[0])
        await page.get_by_role("textbox", name="Name").fill("Mallory")
        await page.get_by_role("textbox", name="Password").fill("another fine battery")
        await page.keyboard.press("Enter")
        await expect(page.locator("[role=alert]:visible, h1").first).not_to_be_empty()
        await page.wait_for_timeout(500)  # it would have gone on to the desk
        assert await session_cookies(page.context) == [], "the letter was used already"
