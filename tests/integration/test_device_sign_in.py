"""Signing in by a code that is typed on another device, where no provider can send a browser back to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from server.web.origins import origins_of
from sql.pool import Database
from tests.fakes.identity_server import FakeAccount, Fault
from tests.integration.sign_in_rig import SignInRig, csrf, sign_in_rig
from tests.integration.web_rig import wrong

HERE = "http://192.168.1.20:8787"


@pytest.fixture
async def rig(database: Database, tmp_path: Path) -> AsyncIterator[SignInRig]:
    """In a network at home, without a secret: Twitch's public client."""
    origins = origins_of(HERE, "0.0.0.0", 8787)  # noqa: S104
    without = ["TWITCH_CLIENT_SECRET"]
    async with sign_in_rig(database, tmp_path, origins=origins, without=without) as made:
        yield made


async def begin(browser: httpx2.AsyncClient, **body: Any) -> dict[str, Any]:
    answer = await browser.post("/api/v1/device-sign-ins", json={"provider": "twitch", **body})
    assert answer.status_code == 201, answer.text
    begun: dict[str, Any] = answer.json()
    return begun


async def check(rig: SignInRig, browser: httpx2.AsyncClient, begun: dict[str, Any]) -> httpx2.Response:
    """Look, as if the interval were over."""
    async with rig.database.connection() as connection:
        await connection.execute("UPDATE device_sign_ins SET next_at = now()")
    return await browser.post(f"/api/v1/device-sign-ins/{begun['id']}/check", json={})


def browser_of(rig: SignInRig) -> httpx2.AsyncClient:
    return rig.web.client(base_url=HERE, origin=HERE)


async def test_the_whole_way(rig: SignInRig) -> None:
    browser = browser_of(rig)
    begun = await begin(browser)
    assert begun["verification_uri"].startswith("https://www.twitch.tv/activate")
    assert (begun["interval_s"], begun["expires_in_s"]) == (5, 1800)
    assert (await check(rig, browser, begun)).json() == {"state": "waiting", "csrf": None}
    rig.there.confirm_device(begun["user_code"])
    done = await check(rig, browser, begun)
    assert done.json()["state"] == "signed_in"
    await csrf(browser)
    me = (await browser.get("/api/v1/account")).json()
    assert (me["name"], me["accounts"][0]["id"]) == ("Mossy_Tavern", "700100200")
    ((_, grant),) = rig.keeper.stored
    assert "channel:manage:redemptions" in grant.scopes
    wrong(await check(rig, browser, begun), 404, "not_found")


async def test_twitch_is_not_asked_more_often_than_it_wants(rig: SignInRig) -> None:
    browser = browser_of(rig)
    begun = await begin(browser)
    path = f"/api/v1/device-sign-ins/{begun['id']}/check"
    for _ in range(5):
        assert (await browser.post(path, json={})).json()["state"] == "waiting"
    assert "twitch token" not in rig.there.calls
    rig.there.faults["twitch token"] = Fault(400, {"status": 400, "message": "slow_down"})
    assert (await check(rig, browser, begun)).json()["state"] == "waiting"
    async with rig.database.connection() as connection:
        assert await connection.fetchval("SELECT interval_s FROM device_sign_ins") == 10


async def test_only_the_browser_that_began_it_can_finish_it(rig: SignInRig) -> None:
    """Whoever types the code of somebody else lets them in, as the page warns; but no third browser."""
    first, other = browser_of(rig), browser_of(rig)
    begun = await begin(first)
    rig.there.confirm_device(begun["user_code"])
    wrong(await check(rig, other, begun), 404, "not_found")
    await begin(other)
    wrong(await check(rig, other, begun), 404, "not_found")
    assert (await check(rig, first, begun)).json()["state"] == "signed_in"


async def test_refused_and_expired(rig: SignInRig) -> None:
    browser = browser_of(rig)
    begun = await begin(browser)
    rig.there.confirm_device(begun["user_code"], allow=False)
    wrong(await check(rig, browser, begun), 410, "denied")
    wrong(await check(rig, browser, begun), 404, "not_found")
    begun = await begin(browser)
    rig.there.expire_everything()
    wrong(await check(rig, browser, begun), 410, "expired")
    begun = await begin(browser)
    async with rig.database.connection() as connection:
        await connection.execute(
            "UPDATE device_sign_ins SET created_at = now() - interval '2 h',"
            " expires_at = now() - interval '1 s'"
        )
    rig.there.confirm_device(begun["user_code"])
    wrong(await check(rig, browser, begun), 404, "not_found")
    reasons = [detail["reason"] for _, detail in await rig.acts("login.failed")]
    assert reasons == ["denied", "expired_token"]


async def test_twitch_away_in_between_loses_nothing(rig: SignInRig) -> None:
    browser = browser_of(rig)
    rig.there.faults["twitch device"] = Fault(500)
    answer = await browser.post("/api/v1/device-sign-ins", json={"provider": "twitch"})
    wrong(answer, 503, "provider_away")
    begun = await begin(browser)
    rig.there.confirm_device(begun["user_code"])
    rig.there.faults["twitch token"] = Fault(503)
    wrong(await check(rig, browser, begun), 503, "provider_away")
    assert (await check(rig, browser, begun)).json()["state"] == "signed_in"


async def test_linking(rig: SignInRig) -> None:
    stranger = browser_of(rig)
    answer = await stranger.post("/api/v1/device-sign-ins", json={"provider": "twitch", "link": True})
    wrong(answer, 401, "unauthorized")
    owner = await rig.web.browser()
    begun = await begin(owner, link=True)
    rig.there.confirm_device(begun["user_code"])
    assert (await check(rig, owner, begun)).json()["state"] == "linked"
    assert (await owner.get("/api/v1/account")).json()["accounts"][0]["login"] == "mossy_tavern"
    # Somebody else's account stays theirs, and another session does not get what this one has asked for.
    rig.there.people["twitch"] = FakeAccount("2", "other", "Other")
    begun = await begin(owner, link=True)
    rig.there.confirm_device(begun["user_code"])
    wrong(await check(rig, owner, begun), 409, "other_linked")
    begun = await begin(owner, link=True)
    rig.there.confirm_device(begun["user_code"])
    owner.cookies.delete("hubbub_session")
    wrong(await check(rig, owner, begun), 401, "signed_out")


async def test_another_site_cannot_begin_or_finish_one(rig: SignInRig) -> None:
    foreign = rig.web.client(base_url=HERE, origin="https://evil.example")
    answer = await foreign.post("/api/v1/device-sign-ins", json={"provider": "twitch"})
    wrong(answer, 403, "foreign_origin")
    begun = await begin(browser_of(rig))
    wrong(await check(rig, foreign, begun), 403, "foreign_origin")


async def test_the_code_is_sealed_in_the_database(rig: SignInRig) -> None:
    begun = await begin(browser_of(rig))
    async with rig.database.connection() as connection:
        (found,) = await connection.fetch("SELECT * FROM device_sign_ins")
        row = dict(found)
    (code,) = rig.there._devices
    assert begun["user_code"] not in str(row)
    assert all(code.encode() not in value for value in row.values() if isinstance(value, bytes))
