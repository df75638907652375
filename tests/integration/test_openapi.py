"""The documents are whole, say what is routed, and what is answered is what they say (R28)."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from server.live import frames
from server.rules.poll_board import PollBoard
from server.web import asyncapi, openapi
from server.web.api import ENDPOINTS
from server.web.endpoint import Endpoint
from server.web.problems import ProblemBody
from server.web.sample import sample_board
from sql.pool import Database
from tests.integration.web_rig import ORIGIN, Rig, rig_on

#: Endpoints of the table are called in test_openapi_table.
TABLE_TAGS = {
    "characters",
    "combat",
    "criticality_rules",
    "dice_stats",
    "item_category_rules",
    "manual_rolls",
    "rolls",
    "table",
    "vtt_commands",
    "vtt_connections",
    "vtt_pairings",
}
#: Endpoints of platforms, people and support are called in test_openapi_platforms.
PLATFORM_TAGS = {
    "alerts",
    "consents",
    "donations",
    "invitations",
    "members",
    "outbox",
    "persons",
    "readiness",
    "redemptions",
    "reward_orphans",
    "rewards",
    "support",
}
#: Endpoints of accounts are called in test_openapi_accounts.
ACCOUNT_TAGS = {"account", "passwords", "sign_in"}
BY_NAME = {endpoint.name: endpoint for endpoint in ENDPOINTS}
POLL = {"question": "Which door?", "options": ["Left", "Right"], "duration_s": 60}


@pytest.fixture
async def rig(database: Database, tmp_path: Path) -> AsyncIterator[Rig]:
    async with rig_on(database, tmp_path) as made:
        yield made


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for inner in node.values():
            yield from references(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from references(inner)


def resolve(document: Any, reference: str) -> Any:
    assert reference.startswith("#/"), reference
    for step in reference.removeprefix("#/").split("/"):
        document = document[step.replace("~1", "/").replace("~0", "~")]
    return document


async def test_every_route_is_described_and_nothing_else(rig: Rig) -> None:
    answer = await rig.client().get("/openapi.json")
    document = answer.json()
    assert answer.headers["content-type"] == "application/json"
    assert document["openapi"].startswith("3.1.")
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert described == {(endpoint.method, endpoint.path) for endpoint in ENDPOINTS}
    names = [operation["operationId"] for path in document["paths"].values() for operation in path.values()]
    assert len(set(names)) == len(names)
    used = set(references(document))
    for reference in used:
        assert resolve(document, reference)
    unused = set(document["components"]["schemas"]) - {reference.rpartition("/")[2] for reference in used}
    assert not unused


async def test_the_contract_is_kept(rig: Rig) -> None:
    """The calls of contract §4.1 that belong to this version."""
    paths = (await rig.client().get("/openapi.json")).json()["paths"]
    base = "/api/v1/campaigns/{campaign_id}"
    for path, methods in {
        "/api/v1/campaigns": {"get", "post"},
        f"{base}/channels": {"get", "post"},
        f"{base}/overlays": {"get", "post"},
        "/api/v1/overlays/{overlay_id}/rotate": {"post"},
        f"{base}/polls": {"get", "post"},
        "/api/v1/polls/{poll_id}": {"get"},
        **{
            f"/api/v1/polls/{{poll_id}}/{act}": {"post"}
            for act in ("launch", "close", "cancel", "reveal", "resolve")
        },
        "/api/v1/polls/{poll_id}/export": {"get"},
        f"{base}/events": {"post"},
        f"{base}/preflight": {"get"},
    }.items():
        assert methods <= set(paths[path]), path


def test_every_operation_says_enough() -> None:
    document = json.loads(openapi.document(ENDPOINTS, "1", ORIGIN))
    for endpoint in ENDPOINTS:
        operation = document["paths"][endpoint.path][endpoint.method.lower()]
        assert operation["summary"]
        assert operation["description"].endswith((".", "ignored."))
        named = {parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "path"}
        assert named == set(re.findall(r"\{(\w+)\}", endpoint.path))
        assert str(endpoint.status) in operation["responses"]
        keyed = any(parameter["name"] == "Idempotency-Key" for parameter in operation["parameters"])
        assert keyed == (endpoint.method == "POST")
        for parameter in operation["parameters"]:
            assert "default" not in parameter["schema"] or not parameter["required"]


def test_a_patch_says_that_null_is_no_value() -> None:
    schemas = json.loads(openapi.document(ENDPOINTS, "1", ORIGIN))["components"]["schemas"]
    for name in (
        "PollPatch",
        "CampaignPatch",
        "OverlayPatch",
        "RundownPatch",
        "LayoutIn",
        "PollSettings",
    ):
        assert "required" not in schemas[name]
        for field, schema in schemas[name]["properties"].items():
            assert "default" not in schema, (name, field)
    assert schemas["PollPatch"]["properties"]["question"]["type"] == "string"
    assert {"type": "null"} in schemas["PollPatch"]["properties"]["grace_s"]["anyOf"]


def check(endpoint: Endpoint, answer: Any) -> None:
    """The answer has the status and the exact model that the document promises for it."""
    where = f"{endpoint.method} {answer.request.url}: {answer.status_code} {answer.text[:300]}"
    assert answer.status_code == endpoint.status, where
    if endpoint.answer is not None:
        assert answer.headers["content-type"] == "application/json", where
        TypeAdapter(endpoint.answer).validate_json(answer.content, strict=True)
    elif endpoint.files:
        assert answer.headers["content-type"].partition(";")[0] in endpoint.files, where
    else:
        assert answer.content == b"", where


async def test_every_endpoint_answers_as_described(rig: Rig) -> None:
    desk = await rig.browser()
    seen: set[str] = set()
    ids: dict[str, str] = {}

    async def call(name: str, body: Any = None, query: str = "") -> Any:
        endpoint = BY_NAME[name]
        path = endpoint.path.format(**ids)
        answer = await desk.request(endpoint.method, path + query, json=body)
        check(endpoint, answer)
        seen.add(name)
        return answer.json() if endpoint.answer else None

    async def refused(name: str, status: int, body: Any = None) -> None:
        endpoint = BY_NAME[name]
        assert status in openapi.statuses(endpoint), name
        answer = await desk.request(endpoint.method, endpoint.path.format(**ids), json=body)
        assert answer.status_code == status, answer.text
        ProblemBody.model_validate_json(answer.content, strict=True)

    seen.add("log_in")  # answered the rig above, and is checked in test_auth
    await call("who_am_i")
    ids["campaign_id"] = (await call("create_campaign", {"name": "Night"}))["id"]
    await call("list_campaigns")
    await call("read_campaign")
    await call("update_campaign", {"description": "dark"})
    channel = {"platform": "custom", "login": "stage", "source": "api"}
    ids["channel_id"] = (await call("add_channel", channel))["id"]
    await refused("add_channel", 409, channel)
    await call("list_channels")
    ids["overlay_id"] = (await call("create_overlay", {"name": "Main"}))["id"]
    await refused("create_overlay", 409, {"name": "Main"})
    await refused("create_overlay", 422, {"name": ""})
    await call("update_overlay", {"layout": {"theme": "paper"}})
    await call("rotate_overlay", {})
    await call("test_overlay", {})
    ids["rundown_id"] = (await call("create_rundown", {"name": "Act"}))["id"]
    poll = await call("create_poll", {**POLL, "rundown_id": ids["rundown_id"], "tie": "random", "grace_s": 0})
    ids["poll_id"] = poll["id"]
    await call("update_poll", {"secret": False})
    await call("update_rundown", {"poll_ids": [poll["id"]]})
    await refused("close", 409)
    await refused("export", 409)
    opened = await call("launch", {})
    line = {"type": "chat.message", "platform": "custom", "channel_id": "stage", "message_id": "1",
            "user": {"id": "1"}, "text": "1", "sent_at": opened["opens_at"]}  # fmt: skip
    await call("send_events", [line, line, {}])
    await call("read_status")
    await call("run_preflight")
    await call("keep_preflight")
    own = ids["channel_id"]
    kick = {"platform": "kick", "login": "mossy", "source": "webhook", "channel_id": "910001"}
    ids["channel_id"] = (await call("add_channel", kick))["id"]
    await call("subscribe_again")
    ids["channel_id"] = own
    await call("list_preflight_reports")
    await call("extend", {"seconds": 5})
    await call("cancel")
    await call("undo_cancel")
    await call("close")
    for due in await _due(rig):
        await rig.services.rooms.fire(due)
    assert (await call("read_poll"))["state"] == "closed"
    await refused("resolve", 409, {"winner": 1})
    await call("reveal")
    await call("export")
    await call("export", query="?format=csv")
    await call("dismiss")
    await call("list_polls", query="?state=done")
    await _tie(rig, call, ids)
    ids["poll_id"] = (await call("ask_again"))["id"]
    await call("delete_poll")
    await call("list_rundowns")
    ids["template_id"] = (await call("save_template", {**POLL, "label": "Doors"}))["id"]
    await call("list_templates")
    await call("delete_template")
    await call("delete_rundown")
    await call("list_overlays")
    await call("issue_ticket", {"campaign_id": ids["campaign_id"]})
    await call("delete_overlay")
    await call("remove_channel")
    other = await rig.browser()
    sessions = await call("list_sessions")
    ids["session_id"] = next(item["id"] for item in sessions["items"] if not item["current"])
    await call("end_session")
    assert (await other.get("/api/v1/session")).status_code == 401
    await refused("delete_campaign", 409, {"name": "Another name"})
    await call("delete_campaign", {"name": "Night"})
    await call("end_other_sessions")
    await call("log_out")
    elsewhere = TABLE_TAGS | ACCOUNT_TAGS | PLATFORM_TAGS
    assert seen == {endpoint.name for endpoint in ENDPOINTS if endpoint.tag not in elsewhere}


async def _due(rig: Rig) -> Any:
    """What the deadline loop would find when the grace is over."""
    import asyncio

    from sql import deadlines

    for _ in range(200):
        async with rig.services.database.connection() as connection:
            if found := await deadlines.due(connection, 10):
                return found
        await asyncio.sleep(0.02)
    raise AssertionError("nothing became due")


async def _tie(rig: Rig, call: Any, ids: dict[str, str]) -> None:
    """A poll whose tie the game master has to decide."""
    ids["poll_id"] = (await call("create_poll", {**POLL, "grace_s": 0}))["id"]
    opened = await call("launch", {})
    await call("send_events", [
        {"type": "chat.message", "platform": "custom", "channel_id": "stage", "message_id": f"tie{n}",
         "user": {"id": str(n)}, "text": str(n), "sent_at": opened["opens_at"]} for n in (1, 2)
    ])  # fmt: skip
    await call("close")
    for due in await _due(rig):
        await rig.services.rooms.fire(due)
    await call("resolve", {"winner": 2})
    await call("reveal")


def test_the_frames_are_described_by_the_models_that_read_them() -> None:
    document = json.loads(asyncapi.document("1", "https://show.example.org"))
    assert document["asyncapi"].startswith("3.")
    assert document["servers"]["live"] == {"host": "show.example.org", "protocol": "wss"}
    for reference in references(document):
        assert resolve(document, reference) is not None
    messages = document["components"]["messages"]
    assert set(messages) == {"hello", "ack", "resync", "snapshot", "delta", "event", "ping", "bye"}
    schemas = document["components"]["schemas"]
    assert {"from", "to", "set", "unset"} <= set(schemas["Delta"]["properties"])
    for code in ("4400", "4401", "4403", "4408", "4429", "1012"):
        assert code in document["info"]["description"]
    assert set(schemas["PollBoard"]["properties"]) == set(PollBoard.__dataclass_fields__)


def test_the_sample_board_is_as_described() -> None:
    from datetime import UTC, datetime

    board = sample_board(datetime.now(UTC))
    document = json.loads(json.dumps(board))
    assert set(document) == set(PollBoard.__dataclass_fields__)
    TypeAdapter(PollBoard).validate_json(json.dumps(board))
    assert len(json.dumps(board)) < frames.MOST_DELTA
