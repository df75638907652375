"""The six HTTP endpoints of the published module: who may ask what, and in which words it is answered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from server.web.foundry import tokens
from sql.pool import Database
from tests.integration.foundry_rig import ASK, WORLD, Paired, ask, pair, status
from tests.integration.web_rig import Rig, rig_on

ASKED = "/webhooks/foundry/request-pairing"
STATUS = "/webhooks/foundry/pairing-status"
REVOKE = "/webhooks/foundry/revoke"
HEALTH = "/webhooks/foundry/connection-health"
AGAIN = "/webhooks/foundry/reauthorization-status"
REFRESH = "/mj/vtt-connections/refresh-token"
ALL = ((ASKED, "POST"), (STATUS, "GET"), (REVOKE, "POST"), (HEALTH, "GET"), (AGAIN, "GET"), (REFRESH, "POST"))


@pytest.fixture
async def rig(database: Database, tmp_path: Path) -> AsyncIterator[Rig]:
    async with rig_on(database, tmp_path) as made:
        yield made


async def execute(rig: Rig, statement: str, *arguments: Any) -> None:
    async with rig.services.database.connection() as connection:
        await connection.execute(statement, *arguments)


async def refreshed(rig: Rig, token: str, fingerprint: str | None = None) -> httpx2.Response:
    return await rig.client().post(REFRESH, json={"refreshToken": token, "fingerprint": fingerprint})


def made(rig: Rig, paired: Paired, kind: tokens.Kind, **changed: Any) -> str:
    facts: dict[str, Any] = {
        "connection_id": paired.id,
        "version": 1,
        "fingerprint": paired.held["fingerprint"],
        "now": datetime.now(UTC),
    }
    return tokens.make(rig.services.vault, kind, **(facts | changed))


@pytest.mark.parametrize(("path", "method"), ALL)
async def test_pages_from_anywhere_may_ask(rig: Rig, path: str, method: str) -> None:
    for origin in ("http://192.168.0.7:30000", "https://forge-vtt.example", "null"):
        client = rig.client(origin=origin)
        before = await client.options(
            path,
            headers={
                "access-control-request-method": method,
                "access-control-request-headers": "authorization,content-type",
                "access-control-request-private-network": "true",
            },
        )
        assert before.status_code == 204
        assert before.headers["access-control-allow-origin"] == "*"
        assert method in before.headers["access-control-allow-methods"]
        assert before.headers["access-control-allow-headers"] == "authorization, content-type"
        assert before.headers["access-control-allow-private-network"] == "true"
        assert "access-control-allow-credentials" not in before.headers
        answer = await client.request(method, path, json={} if method == "POST" else None)
        assert answer.headers["access-control-allow-origin"] == "*", "errors can be read, too"
        assert answer.headers["content-type"] == "application/json"
        assert answer.status_code < 500
        assert "set-cookie" not in answer.headers


async def test_what_a_pairing_asks_for(rig: Rig) -> None:
    told = await ask(rig)
    assert told["serverUrl"] == "http://127.0.0.1:8787"
    # By another name of this machine, the module goes on with that.
    answer = await rig.client(base_url="http://localhost:8787").post(ASKED, json=ASK)
    assert answer.json()["serverUrl"] == "http://localhost:8787"
    nullable = ASK | {"gameSystemId": None, "gameSystemName": None, "of a later version": [1]}
    assert (await rig.client().post(ASKED, json=nullable)).status_code == 200
    for missing in ("worldId", "worldName"):
        for value in (None, "", 7, "x" * 8000):
            answer = await rig.client().post(ASKED, json=ASK | {missing: value})
            if missing == "worldName" and value == "x" * 8000:
                assert answer.status_code == 200, "a long name is cut"
                continue
            assert (answer.status_code, set(answer.json())) == (400, {"error"}), (missing, value)
    for body, status_code in ((b"[]", 400), (b"{", 400), (b"{}" * 9000, 413), (b"null", 400)):
        answer = await rig.client().post(ASKED, content=body, headers={"content-type": "application/json"})
        assert answer.status_code == status_code
        assert isinstance(answer.json()["error"], str)


async def test_twenty_codes_a_minute_from_an_address(rig: Rig) -> None:
    for _ in range(20):
        await ask(rig)
    refused = await rig.client().post(ASKED, json=ASK)
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) > 0
    assert "try again" in refused.json()["error"]


async def test_a_pairing_polls_thirty_times_a_minute(rig: Rig) -> None:
    code = (await ask(rig))["code"]
    for _ in range(60):
        assert (await status(rig, worldId=WORLD, code=code))["status"] == "pending"
    answer = await rig.client().get(STATUS, params={"worldId": WORLD, "code": code})
    assert answer.status_code == 429


async def test_credentials_are_fetched_by_their_code_alone(rig: Rig) -> None:
    mine = await pair(rig)
    # Somebody else asked for the same world at the same time, and has a code of his own.
    other = (await ask(rig))["code"]
    assert (await status(rig, worldId=WORLD, code=other))["status"] == "pending"
    assert (await status(rig, worldId=WORLD, code=mine.code))["apiKey"] == mine.held["apiKey"]
    for query in ({}, {"worldId": WORLD}, {"code": mine.code}, {"worldId": "x", "code": mine.code}):
        assert (await status(rig, **query))["status"] == "not_found"
    # And when they pair it, his credentials are others; mine are over.
    answer = await rig.root.post(f"/api/v1/campaigns/{mine.campaign}/vtt-pairings", json={"code": other})
    assert answer.json()["id"] == str(mine.id), "it is the same world of the same campaign"
    theirs = await status(rig, worldId=WORLD, code=other)
    assert theirs["apiKey"] != mine.held["apiKey"]
    assert (await status(rig, worldId=WORLD, code=mine.code))["status"] == "expired"
    assert (await rig.client().get(HEALTH, headers=mine.bearer)).status_code == 404


async def test_credentials_wait_for_five_minutes(rig: Rig) -> None:
    mine = await pair(rig)
    for ago, expected in (("298 s", "completed"), ("3 s", "expired")):
        await execute(rig, f"UPDATE vtt_connections SET parked_until = parked_until - interval '{ago}'")  # noqa: S608
        assert (await status(rig, worldId=WORLD, code=mine.code))["status"] == expected


async def test_worlds_of_the_same_name_do_not_mix(rig: Rig) -> None:
    one, other = await pair(rig), await pair(rig)
    assert one.campaign != other.campaign
    assert one.id != other.id
    for paired in (one, other):
        health = (await rig.client().get(HEALTH, headers=paired.bearer)).json()
        assert (health["campaignId"], health["connectionId"]) == (paired.campaign, str(paired.id))


async def test_codes_of_the_desk_are_none_of_a_table(rig: Rig) -> None:
    campaign = await rig.campaign()
    offered = await rig.root.post(f"/api/v1/campaigns/{campaign}/vtt-pairings/offer", json={})
    assert (await status(rig, worldId="", code=offered.json()["code"]))["status"] == "not_found"


async def test_health(rig: Rig) -> None:
    paired = await pair(rig)
    answer = await rig.client().get(HEALTH, headers=paired.bearer)
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "healthy", "connectionId": str(paired.id), "campaignId": paired.campaign,
        "campaignName": "Curse of the coast", "tunnelStatus": "disconnected", "lastHeartbeatAt": None,
        "worldName": "Mossy vaults", "moduleVersion": "2.3.4",
    }  # fmt: skip
    for headers in (
        {},
        {"authorization": "Bearer ta_" + "0" * 64},
        {"authorization": "Bearer " + "x" * 5000},
        {"authorization": f"Basic {paired.held['apiKey']}"},
        {"authorization": f"Bearer {paired.token}"},
    ):
        answer = await rig.client().get(HEALTH, headers=headers)
        assert (answer.status_code, answer.json()["status"]) == (404, "not_found")
    await rig.root.post(f"{paired.api}/revoke", json={"reason": "secret reason"})
    answer = await rig.client().get(HEALTH, headers=paired.bearer)
    told = answer.json()
    assert (answer.status_code, told["status"], told["canReauthorize"]) == (401, "revoked", True)
    assert told["worldId"] == WORLD
    assert told["revokedAt"].endswith("Z")
    assert "secret reason" not in answer.text
    await rig.services.database.close()
    answer = await rig.client().get(HEALTH, headers=paired.bearer)
    assert (answer.status_code, answer.json()["status"]) == (503, "error")


async def test_refreshing(rig: Rig) -> None:
    paired = await pair(rig)
    old, mark = paired.held["refreshToken"], paired.held["fingerprint"]
    answer = await refreshed(rig, old, mark)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert set(told) == {"sessionToken", "refreshToken", "expiresIn"}
    assert told["expiresIn"] == 3600
    assert len({told["sessionToken"], told["refreshToken"], paired.token, old}) == 4
    # Until what came of it is used it stays good: the answer may have been lost.
    again = (await refreshed(rig, old, None)).json()
    assert again["refreshToken"] != told["refreshToken"]
    assert (await refreshed(rig, told["refreshToken"], mark)).status_code == 200
    assert (await refreshed(rig, old, mark)).status_code == 200, "the other browser is a moment late"
    await execute(rig, "UPDATE token_revocation_lists SET revoked_at = revoked_at - interval '61 s'")
    assert (await refreshed(rig, old, mark)).status_code == 401
    assert (await refreshed(rig, again["refreshToken"], mark)).status_code == 200


async def test_what_refreshes_nothing(rig: Rig) -> None:
    paired = await pair(rig)
    good = paired.held["refreshToken"]
    now = datetime.now(UTC)
    for token in (
        "", None, 7, "x" * 5000, good[:-1], good[:-5] + "AAAAA", good.replace("vtr_", "vts_"), paired.token,
        made(rig, paired, "session"),
        made(rig, paired, "refresh", version=2),
        made(rig, paired, "refresh", version=0),
        made(rig, paired, "refresh", connection_id=uuid4()),
        made(rig, paired, "refresh", now=now - timedelta(days=7, seconds=1)),
    ):  # fmt: skip
        answer = await rig.client().post(REFRESH, json={"refreshToken": token, "fingerprint": None})
        assert (answer.status_code, set(answer.json())) == (401, {"error"}), token
    assert (await refreshed(rig, good, "0" * 32)).status_code == 401, "somebody else's fingerprint"
    assert (
        await refreshed(rig, made(rig, paired, "refresh", now=now - timedelta(days=6, hours=23)))
    ).is_success


async def test_a_fingerprint_mends_itself(rig: Rig) -> None:
    """The module kept that of its token, and the table has another one by now."""
    paired = await pair(rig)
    await execute(rig, "UPDATE vtt_connections SET fingerprint = $1", "f" * 32)
    answer = await refreshed(rig, paired.held["refreshToken"], paired.held["fingerprint"])
    assert answer.status_code == 200
    renewed = tokens.read(rig.services.vault, "refresh", answer.json()["refreshToken"])
    assert renewed is not None
    assert renewed.fingerprint == "f" * 32


async def test_a_refresh_waits_for_the_database(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """The module does not try again by itself."""
    paired = await pair(rig)
    away = rig.services.database.connection
    calls = 0

    def sometimes() -> Any:
        nonlocal calls
        calls += 1
        if calls < 4:
            raise TimeoutError
        return away()

    monkeypatch.setattr(rig.services.database, "connection", sometimes)
    answer = await asyncio.wait_for(refreshed(rig, paired.held["refreshToken"]), 5)
    assert (answer.status_code, calls) == (200, 4)


async def test_revoking_takes_everything(rig: Rig) -> None:
    paired = await pair(rig)
    code = (await ask(rig))["code"]
    proof = {"connectionId": str(paired.id).upper(), "apiKey": paired.held["apiKey"], "reason": None}
    answer = await rig.client().post(REVOKE, json=proof)
    assert (answer.status_code, answer.json()["success"]) == (200, True)
    assert (await refreshed(rig, paired.held["refreshToken"])).status_code == 401
    assert (await status(rig, worldId=WORLD, code=paired.code))["status"] == "expired"
    assert (await status(rig, worldId=WORLD, code=code))["status"] == "pending", "it may be paired anew"
    log = (await rig.root.get(paired.api)).json()
    assert (log["status"], log["revoked_reason"]) == ("revoked", "")


async def test_letting_in_again(rig: Rig) -> None:
    paired = await pair(rig)
    client = rig.client()

    async def look(world: str = WORLD, **headers: str) -> dict[str, Any]:
        answer = await client.get(AGAIN, params={"worldId": world}, headers=headers or paired.bearer)
        assert answer.status_code == 200
        told: dict[str, Any] = answer.json()
        return told

    assert await look() == {"status": "already_active"}
    await rig.root.post(f"{paired.api}/revoke", json={})
    assert await look() == {"status": "still_revoked"}
    assert await look(authorization="Bearer x") == {"status": "not_found"}
    assert await look("another-world") == {"status": "not_found"}
    answer = await rig.root.post(f"{paired.api}/reauthorize", json={})
    assert answer.status_code == 200, answer.text
    assert await look(authorization="Bearer x") == {"status": "not_found"}
    told, again = await look(), await look()
    assert told["status"] == "reauthorized"
    assert set(told) == {
        "status", "connectionId", "apiKey", "sessionToken", "refreshToken", "expiresIn", "serverUrl",
        "fingerprint", "reauthorizedAt",
    }  # fmt: skip
    assert told["apiKey"] == paired.held["apiKey"]
    assert {k: v for k, v in told.items() if k != "expiresIn"} == {
        k: v for k, v in again.items() if k != "expiresIn"
    }
    assert (await refreshed(rig, paired.held["refreshToken"])).status_code == 401, "of before"
    assert (await refreshed(rig, told["refreshToken"], told["fingerprint"])).status_code == 200
    # A page that is loaded now is sent the same way.
    assert (await client.get(HEALTH, headers=paired.bearer)).json()["status"] == "revoked"


async def test_the_campaign_is_gone(rig: Rig) -> None:
    paired = await pair(rig)
    await execute(rig, "DELETE FROM campaigns")
    answer = await rig.client().get(HEALTH, headers=paired.bearer)
    assert (answer.status_code, answer.json()["status"]) == (410, "campaign_deleted")
    # It can still refresh: what it is told next, the handshake says.
    assert (await refreshed(rig, paired.held["refreshToken"])).status_code == 200
    assert (await rig.client().get(AGAIN, params={"worldId": WORLD}, headers=paired.bearer)).json() == {
        "status": "campaign_deleted"
    }


async def test_nothing_that_opens_is_stored_or_logged(rig: Rig) -> None:
    paired = await pair(rig)
    async with rig.services.database.connection() as connection:
        rows = [
            dict(row)
            for table in ("vtt_connections", "vtt_pairings", "admin_log")
            for row in await connection.fetch(f"SELECT * FROM {table}")  # noqa: S608
        ]
    for name in ("apiKey", "sessionToken", "refreshToken"):
        assert paired.held[name] not in repr(rows)
    assert paired.code not in repr(rows)
