"""Codes: shown on one side, typed on the other; good for five minutes, once, and not to be guessed."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import httpx2
import pytest

from server.web.vtt import codes
from sql import vtt_pairings
from sql.pool import Database
from sql.vtt_connections import World
from tests.integration.vtt_rig import Table, roll
from tests.integration.web_rig import Rig, rig_on, wrong


@pytest.fixture
async def rig(database: Database, tmp_path: Path) -> AsyncIterator[Rig]:
    async with rig_on(database, tmp_path) as made:
        yield made


async def offered(rig: Rig, campaign: str, **wanted: str) -> str:
    answer = await rig.root.post(f"/api/v1/campaigns/{campaign}/vtt-pairings/offer", json=wanted)
    assert answer.status_code == 201, answer.text
    code: str = answer.json()["code"]
    assert re.fullmatch(r"[A-HJ-NP-Z2-9]{3}-[A-HJ-NP-Z2-9]{3}", code)
    return code


async def redeemed(rig: Rig, code: str, address: str = "203.0.113.1", **named: str) -> httpx2.Response:
    transport = httpx2.ASGITransport(rig.app, client=(address, 1234))
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8787") as sender:
        return await sender.post(
            "/webhooks/vtt/pair", json={"code": code, **named}, headers={"origin": "https://x.example"}
        )


async def expire(rig: Rig, ago: str) -> None:
    async with rig.services.database.connection() as connection:
        await connection.execute(
            f"UPDATE vtt_pairings SET created_at = created_at - interval '{ago}', "  # noqa: S608
            f"expires_at = expires_at - interval '{ago}'"
        )


def test_codes_are_drawn_from_all_there_are() -> None:
    drawn = {codes.new_code() for _ in range(2000)}
    assert len(drawn) > 1990
    assert {symbol for code in drawn for symbol in code} == {*codes.ALPHABET, "-"}
    assert len(codes.ALPHABET) == 32
    assert not set("IO01") & set(codes.ALPHABET)


async def test_a_sender_types_what_the_desk_shows(rig: Rig) -> None:
    campaign = await rig.campaign()
    code = await offered(rig, campaign, system="beyond20", name="Ana's browser")
    answer = await redeemed(rig, f" {code.lower().replace('-', '')} ")
    assert answer.status_code == 201, answer.text
    assert answer.headers["access-control-allow-origin"] == "*"
    told = answer.json()
    assert set(told) == {"id", "webhook_url", "ingest_token"}
    made = Table(rig, campaign, told)
    assert (await made.by_token(roll())).status_code == 202
    shown = (await rig.root.get(made.api)).json()
    assert (shown["name"], shown["system"]) == ("Ana's browser", "beyond20")
    wrong(await redeemed(rig, code), 401, "wrong_code")


async def test_tables_of_one_kind_are_told_apart(rig: Rig) -> None:
    """A player says whose table it is; who says nothing gets a number."""
    campaign = await rig.campaign()
    names: list[str] = []
    for named in ({}, {"name": "Beyond20 of Ana"}, {}, {"name": "beyond20 of ana"}, {"name": "x" * 64}) * 2:
        code = await offered(rig, campaign, system="beyond20", name="Beyond20")
        answer = await redeemed(rig, code, f"203.0.113.{len(names)}", **named)
        names.append((await rig.root.get(f"/api/v1/vtt-connections/{answer.json()['id']}")).json()["name"])
    assert names == [
        "Beyond20",
        "Beyond20 of Ana",
        "Beyond20 2",
        "beyond20 of ana 2",
        "x" * 64,
        "Beyond20 3",
        "Beyond20 of Ana 3",
        "Beyond20 4",
        "beyond20 of ana 4",
        "x" * 62 + " 2",
    ]


async def test_a_code_is_good_for_five_minutes(rig: Rig) -> None:
    campaign = await rig.campaign()
    code = await offered(rig, campaign)
    await expire(rig, "299 seconds")
    late = await offered(rig, campaign)
    await expire(rig, "2 seconds")
    wrong(await redeemed(rig, code), 401, "wrong_code")
    assert (await redeemed(rig, late)).status_code == 201


async def test_what_is_stored_of_a_code_cannot_be_tried_out(rig: Rig) -> None:
    code = await offered(rig, await rig.campaign())
    async with rig.services.database.connection() as connection:
        (row,) = await connection.fetch("SELECT * FROM vtt_pairings")
    assert code not in repr(dict(row))
    assert row["code_hash"] == codes.code_hash(rig.services.vault, code)
    assert codes.code_hash(rig.services.vault, "ABC-12O") is None
    async with rig_on(rig.services.database, Path("/nonexistent"), assets=rig.services.assets) as other:
        assert row["code_hash"] != codes.code_hash(other.services.vault, code), (
            "without our key it is nothing"
        )


async def test_ten_codes_a_minute_from_an_address(rig: Rig) -> None:
    code = await offered(rig, await rig.campaign())
    for _ in range(10):
        wrong(await redeemed(rig, "ABC-DEF", "203.0.113.9"), 401, "wrong_code")
    wrong(await redeemed(rig, code, "203.0.113.9"), 429, "too_many")
    assert (await redeemed(rig, code, "203.0.113.10")).status_code == 201


async def test_bodies_that_are_none(rig: Rig) -> None:
    client = rig.client()
    for body, status, kind in (
        ({}, 422, "invalid"),
        ({"code": 123456}, 422, "invalid"),
        ({"code": "ABC-DEF", "campaign": "x"}, 422, "invalid"),
        ({"code": "x" * 33}, 422, "invalid"),
        ([], 422, "invalid"),
    ):
        wrong(await client.post("/webhooks/vtt/pair", json=body), status, kind)
    wrong(await client.post("/webhooks/vtt/pair", content=b"code=ABC-DEF"), 415, "media_type")


async def asked(rig: Rig, code: str) -> None:
    """As a table does that shows a code."""
    digest = codes.code_hash(rig.services.vault, code)
    assert digest is not None
    async with rig.services.database.connection() as connection:
        world = World("mossy-world", "Mossy world", "2.3.7", "dnd5e")
        assert await vtt_pairings.create(
            connection, code_hash=digest, asked_by="table", provider="foundry", world=world
        )
        assert not await vtt_pairings.create(
            connection, code_hash=digest, asked_by="table", provider="foundry", world=world
        ), "the same code waits already"


async def test_the_desk_types_what_a_table_shows(rig: Rig) -> None:
    campaign = await rig.campaign()
    await asked(rig, "ABC-234")
    path = f"/api/v1/campaigns/{campaign}/vtt-pairings"
    wrong(await redeemed(rig, "ABC-234"), 401, "wrong_code")
    wrong(await rig.root.post(path, json={"code": "ABC-235"}), 404, "not_found")
    answer = await rig.root.post(path, json={"code": "abc 234"})
    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert (told["world_id"], told["game_system"], told["provider"]) == ("mossy-world", "dnd5e", "foundry")
    wrong(await rig.root.post(path, json={"code": "ABC-234"}), 404, "not_found")
    async with rig.services.database.connection() as connection:
        digest = codes.code_hash(rig.services.vault, "ABC-234")
        assert digest is not None
        done = await vtt_pairings.by_code(connection, digest)
    assert done is not None
    assert (done.connection_id, done.campaign_id) == (UUID(told["id"]), UUID(campaign))


async def test_a_code_of_the_desk_is_no_code_of_a_table(rig: Rig) -> None:
    campaign = await rig.campaign()
    code = await offered(rig, campaign)
    path = f"/api/v1/campaigns/{campaign}/vtt-pairings"
    wrong(await rig.root.post(path, json={"code": code}), 404, "not_found")


async def test_ten_codes_a_minute_from_a_person(rig: Rig) -> None:
    campaign = await rig.campaign()
    path = f"/api/v1/campaigns/{campaign}/vtt-pairings"
    await asked(rig, "ABC-234")
    for _ in range(10):
        wrong(await rig.root.post(path, json={"code": "ABC-235"}), 404, "not_found")
    wrong(await rig.root.post(path, json={"code": "ABC-234"}), 429, "too_many")


async def test_old_codes_are_forgotten(rig: Rig) -> None:
    await offered(rig, await rig.campaign())
    async with rig.services.database.connection() as connection:
        await vtt_pairings.forget(connection)
        assert await connection.fetchval("SELECT count(*) FROM vtt_pairings") == 1
    await expire(rig, "2 hours")
    async with rig.services.database.connection() as connection:
        await vtt_pairings.forget(connection)
        assert await connection.fetchval("SELECT count(*) FROM vtt_pairings") == 0
