"""Endpoints of platforms, people and support answer with the status and the exact model of the document."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from server.web import openapi
from server.web.problems import ProblemBody
from sql.pool import Database
from tests.integration.test_openapi import BY_NAME, PLATFORM_TAGS, check
from tests.integration.web_rig import Rig, rig_on

#: They need somebody with an account, or a channel that is linked, and are called beside it (test_members,
#: test_refunds and their neighbours).
WITH_A_PLATFORM = {
    "accept_invitation",
    "adopt_reward",
    "agree",
    "become_one",
    "become_two",
    "change_role",
    "check_again",
    "create_reward",
    "decline_invitation",
    "delete_reward",
    "delete_reward_orphan",
    "fulfil_redemption",
    "give_up_outbox_item",
    "leave",
    "refund_redemption",
    "rejoin_person",
    "remind",
    "reminder_seen",
    "retry_outbox_item",
    "settle_outbox_item",
    "split_person",
    "take_back",
    "update_reward",
}


@pytest.fixture
async def rig(database: Database, tmp_path: Path) -> AsyncIterator[Rig]:
    async with rig_on(database, tmp_path) as made:
        yield made


async def test_every_endpoint_of_platforms_answers_as_described(rig: Rig) -> None:
    ids = {"campaign_id": await rig.campaign(), "kind": "follow"}
    seen: set[str] = set()

    async def call(name: str, body: Any = None) -> Any:
        endpoint = BY_NAME[name]
        answer = await rig.root.request(endpoint.method, endpoint.path.format(**ids), json=body)
        check(endpoint, answer)
        seen.add(name)
        return answer.json() if endpoint.answer else None

    async def refused(name: str, status: int, body: Any = None) -> None:
        endpoint = BY_NAME[name]
        assert status in openapi.statuses(endpoint), name
        answer = await rig.root.request(endpoint.method, endpoint.path.format(**ids), json=body)
        assert answer.status_code == status, answer.text
        ProblemBody.model_validate_json(answer.content, strict=True)

    for name in ("list_members", "list_invitations", "list_consents", "read_readiness", "list_persons"):
        await call(name)
    ids["member_id"] = (await call("invite", {"platform": "twitch", "login": "ben"}))["id"]
    await refused("invite", 409, {"platform": "twitch", "login": "ben"})
    await call("remove_member")
    await refused("remove_member", 404)
    await call("my_person")
    for name in ("list_support", "read_support_totals", "list_alert_rules"):
        await call(name)
    await call("update_alert_rule", {"is_shown": False})
    await call("test_alert", {"kind": "bits"})
    await call("rehearse_alerts")
    await call("dismiss_alerts", {})
    made = await call("create_donation_connection", {"service": "streamlabs", "name": "Tip jar"})
    ids["donation_connection_id"] = made["id"]
    for name in ("list_donation_connections", "get_donation_connection", "test_donation"):
        await call(name)
    await call("update_donation_connection", {"name": "Jar"})
    await call("rotate_donation_connection", {})
    await call("revoke_donation_connection")
    await refused("test_donation", 409)
    await call("delete_donation_connection")
    await refused("get_donation_connection", 404)
    for name in ("list_rewards", "list_reward_orphans", "list_redemptions", "list_outbox"):
        await call(name)
    expected = {name for name, endpoint in BY_NAME.items() if endpoint.tag in PLATFORM_TAGS}
    assert seen == expected - WITH_A_PLATFORM
