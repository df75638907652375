"""Browsers on other sites send dice: they may, they can read every answer, and a list says who may not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from server.live.rate_limit import RateLimiter
from server.web.vtt.webhook import DELIVERIES
from sql.pool import Database
from tests.integration.vtt_rig import roll, table
from tests.integration.web_rig import Rig, rig_on, wrong

FOUNDRY = "https://foundry.example"
ASKED = {
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization,content-type",
}


@pytest.fixture
async def rig(database: Database, tmp_path: Path) -> AsyncIterator[Rig]:
    # A clock that stands: a bucket that is empty stays so.
    async with rig_on(database, tmp_path, limiter=RateLimiter(None, clock=lambda: 0.0)) as made:
        yield made


async def preflight(rig: Rig, path: str, origin: str = FOUNDRY, **more: str) -> httpx2.Response:
    headers = {"origin": origin} | ASKED | {name.replace("_", "-"): value for name, value in more.items()}
    return await rig.client().request("OPTIONS", path, headers=headers)


async def test_a_browser_that_asks_first(rig: Rig) -> None:
    made = await table(rig)
    for path in (made.path, f"{made.path}/ing_x", "/webhooks/vtt/pair", "/webhooks/vtt/unknown"):
        answer = await preflight(rig, path)
        assert (answer.status_code, answer.content) == (204, b"")
        headers = answer.headers
        assert headers["access-control-allow-origin"] == "*"
        assert headers["access-control-allow-methods"] == "POST, OPTIONS"
        assert headers["access-control-max-age"] == "600"
        assert "access-control-allow-credentials" not in headers
        allowed = {name.strip() for name in headers["access-control-allow-headers"].split(",")}
        assert {"content-type", "authorization", "webhook-id", "webhook-timestamp"} <= allowed
        assert "access-control-allow-private-network" not in headers
    local = await preflight(rig, made.path, access_control_request_private_network="true")
    assert local.headers["access-control-allow-private-network"] == "true"


async def test_every_answer_can_be_read(rig: Rig) -> None:
    """A refusal above all, so that the module can show why (fact 15)."""
    made = await table(rig)
    answers = [
        (202, await made.by_token(roll("a"), origin=FOUNDRY)),
        (200, await made.by_token(roll("a"), origin=FOUNDRY)),
        (401, await made.by_token(roll(), token="ing_wrong", origin=FOUNDRY)),
        (401, await made.post(b"{}", origin=FOUNDRY)),
        (400, await made.by_token(b"{", origin=FOUNDRY)),
        (413, await made.by_token(b" " * 70_000, origin=FOUNDRY)),
        (415, await made.by_token(roll(), content_type="text/plain", origin=FOUNDRY)),
        (415, await made.by_token(roll(), content_encoding="gzip", origin=FOUNDRY)),
        (422, await made.by_token({}, origin=FOUNDRY)),
    ]
    while (await rig.services.limiter.draw(DELIVERIES, made.id)).allowed:
        pass
    late = await made.by_token(roll(), origin=FOUNDRY)
    for status, answer in [*answers, (429, late)]:
        assert answer.status_code == status, answer.text
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "retry-after" in answer.headers["access-control-expose-headers"]
        assert "access-control-allow-credentials" not in answer.headers
    assert "set-cookie" not in late.headers


async def test_a_list_says_who_may_send(rig: Rig) -> None:
    made = await table(rig, origins=[FOUNDRY, "http://192.168.0.2:30000"])
    asked = await preflight(rig, made.path)
    assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (204, FOUNDRY)
    assert asked.headers["vary"] == "Origin"
    sent = await made.by_token(roll(), origin=FOUNDRY)
    assert (sent.status_code, sent.headers["access-control-allow-origin"]) == (202, FOUNDRY)
    for other in (
        "https://evil.example",
        "http://foundry.example",
        "https://foundry.example:444",
        "https://foundry.example.evil.example",
        "https://sub.foundry.example",
        "null",
    ):
        for answer in (
            await preflight(rig, made.path, other),
            await made.by_token(roll(), origin=other),
            await made.signed(roll(), origin=other),
        ):
            wrong(answer, 403, "foreign_origin")
            assert "access-control-allow-origin" not in answer.headers
            assert answer.headers["vary"] == "Origin"
    assert (await made.signed(roll())).status_code == 202, "a server comes from nowhere"
    own_page = await made.by_token(roll(), origin=rig.services.origins.public_url)
    assert own_page.status_code == 202, "the page for Beyond20"
    await rig.root.patch(made.api, json={"origins": []})
    assert (await made.by_token(roll(), origin="https://evil.example")).status_code == 202


async def test_the_rest_of_the_program_stays_shut(rig: Rig) -> None:
    made = await table(rig)
    for path in (made.api, "/api/v1/campaigns", "/desk", f"/api/v1/campaigns/{made.campaign}/rolls"):
        answer = await preflight(rig, path)
        assert answer.status_code == 405
        assert not [name for name in answer.headers if name.startswith("access-control")]
