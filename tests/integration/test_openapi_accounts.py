"""Every endpoint of accounts answers with the status and the exact model that the document promises."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2

from server.web import openapi
from server.web.problems import ProblemBody
from sql.pool import Database
from tests.integration.sign_in_rig import SignInRig, csrf, sign_in_rig
from tests.integration.test_openapi import ACCOUNT_TAGS, BY_NAME, check
from tests.integration.web_rig import ORIGIN

SECRET = "correct horse battery"


class Caller:
    """Calls endpoints by name, and notes which."""

    def __init__(self, rig: SignInRig) -> None:
        self.browser: httpx2.AsyncClient = rig.web.client(origin=ORIGIN)
        self.seen: set[str] = set()
        self.ids = {"provider": "twitch"}

    async def call(self, name: str, body: Any = None) -> Any:
        endpoint = BY_NAME[name]
        answer = await self.browser.request(endpoint.method, endpoint.path.format(**self.ids), json=body)
        check(endpoint, answer)
        self.seen.add(name)
        return answer.json() if endpoint.answer else None

    async def refused(self, name: str, status: int, body: Any = None) -> None:
        endpoint = BY_NAME[name]
        assert status in openapi.statuses(endpoint), (name, status)
        answer = await self.browser.request(endpoint.method, endpoint.path.format(**self.ids), json=body)
        assert answer.status_code == status, answer.text
        ProblemBody.model_validate_json(answer.content, strict=True)


async def test_every_endpoint_of_accounts_answers_as_described(database: Database, tmp_path: Path) -> None:
    async with sign_in_rig(database, tmp_path) as rig:
        one = Caller(rig)
        await one.call("sign_in_ways")
        await one.refused("make_account", 401, {"code": "x", "name": "Ana", "password": SECRET})
        await one.call("register", {"email": "ana@example.org"})
        await rig.settle()
        code = rig.box.code("register")
        await one.call("make_account", {"code": code, "name": "Ana", "password": SECRET})
        wrong = {"email": "ana@example.org", "password": "x"}
        await one.refused("log_in_with_password", 401, wrong)
        for _ in range(4):
            await one.refused("log_in_with_password", 401, wrong | {"email": "ben@example.org"})
        await one.refused("log_in_with_password", 429, wrong)
        async with database.connection() as connection:
            await connection.execute("DELETE FROM login_failures")
        await one.call("log_in_with_password", {"email": "ana@example.org", "password": SECRET})
        await one.call("ask_for_reset", {"email": "ana@example.org"})
        await rig.settle()
        await one.call("reset_password", {"code": rig.box.code("reset"), "password": SECRET + "!"})
        await rig.settle()
        await csrf(one.browser)
        await _account(rig, one)
        assert one.seen == {name for name, endpoint in BY_NAME.items() if endpoint.tag in ACCOUNT_TAGS}


async def _account(rig: SignInRig, one: Caller) -> None:
    await one.call("my_account")
    await one.call("rename_account", {"name": "Anna"})
    await one.call("begin_link", {"wants": "identity", "return_to": "/desk"})
    await one.refused("unlink_account", 404)
    begun = await one.call("begin_device_sign_in", {"provider": "twitch", "link": True, "wants": "identity"})
    one.ids["sign_in_id"] = begun["id"]
    assert (await one.call("check_device_sign_in"))["state"] == "waiting"
    rig.there.confirm_device(begun["user_code"], allow=False)
    async with rig.database.connection() as connection:
        await connection.execute("UPDATE device_sign_ins SET next_at = now()")
    await one.refused("check_device_sign_in", 410)
    await one.refused("check_device_sign_in", 404)
    address = (await one.call("begin_link", {}))["url"]
    await rig.back(one.browser, await rig.decide(address))
    await one.call("unlink_account")
    await one.call("ask_for_email", {"email": "anna@example.org"})
    await rig.settle()
    await one.refused("confirm_email", 401, {"code": "x"})
    await one.call("confirm_email", {"code": rig.box.code("confirm")})
    await one.refused("choose_password", 422, {"password": "short"})
    await one.call("choose_password", {"password": SECRET})
    await one.call("export_account")
    await one.refused("erase_account", 422, {"confirm": "no"})
    await one.call("erase_account", {"confirm": "erase"})
