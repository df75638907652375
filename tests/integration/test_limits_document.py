"""R27: every limit that /openapi.json states holds: just inside it is taken, outside it is refused by name.

The walk is made from the document, so a new field with a limit is tried by itself. The limits of
reliability §3.9 that are no fields have tests of their own; `ELSEWHERE` says which.
"""

from __future__ import annotations

import copy
import importlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import orjson
import pytest

from sql import api_keys
from sql.pool import Connection, Database
from tests.integration.test_api_isolation import BODIES, furnish
from tests.integration.web_rig import Rig, rig_on

#: Limit of reliability §3.9 → the test that tries it at, below and above.
ELSEWHERE = {
    "client frame 4 KiB": "test_live_protocol.test_a_client_frame_may_have_four_kib",
    "20 client frames in 10 s": "test_live_protocol.test_twenty_frames_in_ten_seconds_hello_included",
    "text frames only": "test_live_protocol.test_a_first_frame_that_is_no_hello_ends_it",
    "hello within 5 s": "test_limits_live.test_hello_within_five_seconds",
    "20 overlay sockets": "test_limits_live.test_twenty_overlay_sockets",
    "10 failed hellos a minute": "test_live_protocol.test_an_address_that_failed_ten_times_has_to_wait",
    "body 64 KiB": "test_limits_api.test_size_of_a_body",
    "no content encoding": "test_limits_api.test_what_is_no_plain_json_is_not_read",
    "JSON depth 16": "test_limits_api.test_depth_of_json",
    "1,000 events": "test_limits_api.test_number_of_events",
    "names 64, chat 500": "test_limits_api.test_lengths_in_an_event",
    "poll of 10 options": "test_api_polls.test_limits_of_a_poll_at_below_and_above",
    "snapshot 256 KiB": "test_limits_live.test_a_snapshot_has_256_kib_and_the_largest_board_is_left_out",
    "delta 32 KiB": "test_limits_live.test_a_delta_has_32_kib_and_what_is_longer_comes_as_a_snapshot",
    "60 writes a minute": "test_limits_api.test_a_session_writes_sixty_times_a_minute",
    "30 deliveries a second, burst 60": "test_vtt_webhook.test_thirty_a_second_and_sixty_at_once",
    "6,000 rolls an hour of a browser token": "test_vtt_webhook.test_six_thousand_rolls_an_hour_of_a_token",
    "delivery 64 KiB": "test_vtt_webhook.test_size_of_a_body",
    "JSON depth 16 of a delivery": "test_vtt_webhook.test_depth_of_json",
    "20 rolls in a delivery": "test_vtt_webhook.test_one_roll_and_twenty",
    "1,000 dice in a roll": "test_vtt_webhook.test_dice_in_a_roll",
    "code of five minutes": "test_vtt_pairing.test_a_code_is_good_for_five_minutes",
    "event of Foundry 64 KiB, character 128 KiB": "test_foundry_socket.test_size_of_an_event",
    "32 sockets of an address": "test_foundry_socket.test_so_many_of_an_address",
    "8 browsers of a table": "test_foundry_socket.test_so_many_of_a_table",
    "50 events a second, burst 400": "test_foundry_socket.test_a_flood_is_read_slowly_and_loses_nothing",
    "20 codes a minute": "test_foundry_http.test_twenty_codes_a_minute_from_an_address",
    "60 polls a minute": "test_foundry_http.test_a_pairing_polls_thirty_times_a_minute",
    "100 tables": "test_vtt_connections.test_a_hundred_tables",
    "20 donation pages": "test_donations.test_what_is_asked_of_a_new_page",
    "10 donations a second, burst 60": "test_donations.test_ten_a_second_and_sixty_at_once",
    "buffer of 50,000 votes": "test_limits_live.test_the_buffer_takes_50_000_lines",
}
#: What a pattern or an enumeration decides has no length to try, and events are answered one by one.
_DECIDED_OTHERWISE = ("pattern", "format", "enum", "const")
_ANSWERED_ONE_BY_ONE = {"send_events"}
#: May be a link, which is longer than the name in it; names have tests in test_channels. What is written as
#: dice must be dice, too (test_manual_rolls has its length), and a condition one.
_READ_FIRST = {
    ("add_channel", ("login",)),
    ("invite", ("login",)),
    ("roll_by_hand", ("notation",)),
    ("try_criticality_rules", ("notation",)),
    ("create_criticality_rule", ("result_condition",)),
    ("update_criticality_rule", ("result_condition",)),
}

Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Limit:
    """A field of a body with its least and most, in what its type is measured in."""

    operation: str
    method: str
    path: str
    place: Place
    kind: str
    least: float | None
    most: float | None

    def values(self) -> Iterator[tuple[Any, bool]]:
        """Values to try, and whether each is inside."""
        step = 0.01 if self.kind == "number" else 1
        for edge, outward in ((self.least, -1), (self.most, 1)):
            if edge is None:
                continue
            yield self.of(edge), True
            if (inward := edge - outward * step) >= 0:
                yield self.of(inward), True
            if edge + outward * step >= 0 or self.kind in ("integer", "number"):
                yield self.of(edge + outward * step), False
            if outward > 0:
                yield self.of(edge * 1000), edge == 0

    def of(self, amount: float) -> Any:
        match self.kind:
            case "string":
                return "x" * int(amount)
            case "integer":
                return int(amount)
            case "number":
                return round(amount, 2)
        letters = str.maketrans("0123456789", "abcdefghij")  # what any pattern of ours takes
        return [f"item_{number}".translate(letters) for number in range(int(amount))]


def limits_of(document: dict[str, Any]) -> Iterator[Limit]:
    """Every field of every body that has a limit to try."""
    schemas = document["components"]["schemas"]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            name = operation["operationId"].partition(".")[2]
            if "requestBody" not in operation or name in _ANSWERED_ONE_BY_ONE:
                continue
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            for place, field in fields(schema, schemas, ()):
                kind = field.get("type", "")
                low, high = {
                    "string": ("minLength", "maxLength"),
                    "array": ("minItems", "maxItems"),
                }.get(kind, ("minimum", "maximum"))
                if (low in field or high in field) and (name, place) not in _READ_FIRST:
                    yield Limit(name, method, path, place, kind, field.get(low), field.get(high))


def fields(schema: dict[str, Any], schemas: dict[str, Any], place: Place) -> Iterator[tuple[Place, Any]]:
    """The schema and all within it, with where they stand."""
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    for variant in schema.get("anyOf", ()):
        yield from fields(variant, schemas, place)
    items = schema.get("items", {})
    of_any_text = items.get("type") == "string" and "format" not in items and "enum" not in items
    texts_inside = schema.get("type") != "array" or of_any_text
    if place and texts_inside and not any(word in schema for word in _DECIDED_OTHERWISE):
        yield place, schema
    if schema.get("type") == "array" and items.get("type") == "string":
        yield from fields(items, schemas, (*place, 0))
    for name, field in schema.get("properties", {}).items():
        yield from fields(field, schemas, (*place, name))


def put(body: Any, place: Place, value: Any) -> Any:
    """The body with this field set; what leads to it is made."""
    changed = copy.deepcopy(body)
    here = changed
    for step, following in pairwise(place):
        if isinstance(here, dict):
            here = here.setdefault(step, ["x", "y"] if following == 0 else {})
        else:
            here = here[step]
    here[place[-1]] = value
    return changed


@pytest.fixture
async def rig(database: Database, tmp_path: Path) -> AsyncIterator[Rig]:
    async with rig_on(database, tmp_path) as made:
        yield made


async def test_every_limit_of_the_document(rig: Rig) -> None:
    document = (await rig.root.get("/openapi.json")).json()
    found = list(limits_of(document))
    assert len(found) > 25, [limit.place for limit in found]
    async with rig.services.database.connection() as connection:
        for limit in found:
            owner = await rig.person(f"{limit.operation} {limit.place}")
            key = await key_of(connection, owner)
            async with rig.client(key=key) as client:
                ids = await furnish(client, with_module=False)
                path = limit.path
                for name, id_ in ids.items():
                    path = path.replace(f"{{{name}}}", id_)
                for value, inside in limit.values():
                    body = put(BODIES.get(limit.operation, {}), limit.place, value)
                    answer = await client.request(limit.method.upper(), path, json=body)
                    what = f"{limit.operation} {limit.place} {str(value)[:40]}"
                    told = f"{what}: {answer.status_code} {answer.text}"
                    assert answer.status_code < 500, told
                    named = answer.status_code == 422 and any(
                        error["path"].startswith(f"/{limit.place[0]}") for error in answer.json()["errors"]
                    )
                    assert (named or answer.status_code == 413) is not inside, told


async def key_of(connection: Connection, owner: UUID) -> str:
    _, key = await api_keys.create(connection, owner, "script")
    return key


def test_the_other_limits_have_tests() -> None:
    for limit, where in ELSEWHERE.items():
        module, _, name = where.partition(".")
        assert callable(getattr(importlib.import_module(f"tests.integration.{module}"), name)), limit


async def test_what_leaves_has_16_kib(database: Database) -> None:
    """PostgreSQL itself refuses a larger payload; its size is that of the stored form."""
    async with database.connection() as connection:
        user, campaign = uuid4(), uuid4()
        await connection.execute("INSERT INTO users (id, display_name) VALUES ($1, 'Ana')", user)
        await connection.execute(
            "INSERT INTO campaigns (id, owner_id, name) VALUES ($1, $2, 'Show')", campaign, user
        )

        async def size(length: int) -> int:
            measured: int = await connection.fetchval(
                "SELECT pg_column_size($1::text::jsonb)", orjson.dumps({"x": "y" * length}).decode()
            )
            return measured

        frame = await size(1000) - 1000
        for payload_size, taken in ((16_383, True), (16_384, True), (16_385, False), (16_384_000, False)):
            payload = {"x": "y" * (payload_size - frame)}
            assert await size(payload_size - frame) == payload_size
            insert = connection.execute(
                "INSERT INTO outbox (campaign_id, id, kind, dedupe_key, payload) "
                "VALUES ($1, gen_random_uuid(), 'x', $2, $3)",
                campaign,
                str(payload_size),
                payload,
            )
            if taken:
                await insert
            else:
                with pytest.raises(asyncpg.CheckViolationError):
                    await insert
