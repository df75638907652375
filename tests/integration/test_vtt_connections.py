"""Tables that send dice: made, changed, rotated, revoked; secrets told once and kept as they should be."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest

from server.vault import CannotOpen
from server.web.vtt.gate import SECRETS
from sql import heads, vtt_connections
from sql.pool import Database
from tests.integration.vtt_rig import Table, roll, table
from tests.integration.web_rig import Rig, rig_on, wrong


@pytest.fixture
async def rig(database: Database, tmp_path: Path) -> AsyncIterator[Rig]:
    async with rig_on(database, tmp_path) as made:
        yield made


async def test_a_table_tells_its_secrets_once(rig: Rig) -> None:
    made = await table(rig)
    told = made.made
    assert told["webhook_url"] == f"http://127.0.0.1:8787/webhooks/vtt/{made.id}"
    assert told["signing_secret"].startswith("whsec_")
    assert len(base64.b64decode(told["signing_secret"].removeprefix("whsec_"))) == 32
    assert told["ingest_token"].startswith("ing_")
    assert (told["system"], told["status"], told["plain_url"]) == ("foundry", "active", None)
    again = await rig.root.get(made.api)
    listed = await rig.root.get(f"/api/v1/campaigns/{made.campaign}/vtt-connections")
    for answer in (again, listed):
        assert told["signing_secret"] not in answer.text
        assert told["ingest_token"] not in answer.text
    assert again.json() == listed.json()["items"][0]
    assert again.json()["has_secrets"]


async def test_what_is_stored_opens_nowhere_else(rig: Rig) -> None:
    """A thief of the table has hashes, and ciphertext that opens in its own row and column only (T7)."""
    one, other = await table(rig), await table(rig)
    async with rig.services.database.connection() as connection:
        rows = await connection.fetch("SELECT * FROM vtt_connections")
        gate = await vtt_connections.gate(connection, UUID(one.id))
    stored = repr([dict(row) for row in rows])
    for secret in (one.made["signing_secret"], one.made["ingest_token"]):
        assert secret not in stored
        assert secret.partition("_")[2] not in stored
    assert gate is not None
    assert gate.signing_secret is not None
    vault = rig.services.vault
    key = SECRETS.open_key(vault, UUID(one.id), "signing_secret", gate.signing_secret)
    assert base64.b64encode(key).decode() == one.made["signing_secret"].removeprefix("whsec_")
    with pytest.raises(CannotOpen):
        SECRETS.open_key(vault, UUID(other.id), "signing_secret", gate.signing_secret)
    with pytest.raises(CannotOpen):
        SECRETS.open_key(vault, UUID(one.id), "older_signing_secret", gate.signing_secret)


async def test_every_system_may_send_our_own_form(rig: Rig) -> None:
    campaign = await rig.campaign()
    for system in ("foundry", "dddice", "beyond20", "roll20", "dndbeyond", "fantasygrounds", "owlbear",
                   "alchemy", "discord", "manual", "other", "event_hooker", "neutral"):  # fmt: skip
        made = await table(rig, campaign, system=system)
        answer = await made.signed(roll())
        assert answer.status_code == 202, f"{system}: {answer.text}"
        assert (made.made["plain_url"] is not None) == (system in ("discord", "event_hooker"))
    refused = await rig.root.post(
        f"/api/v1/campaigns/{campaign}/vtt-connections", json={"system": "gloomhaven", "name": "X"}
    )
    wrong(refused, 422, "invalid")


async def test_changes_hold_for_what_is_sent_from_now_on(rig: Rig) -> None:
    made = await table(rig)
    await made.signed(roll("before"))
    changed = await rig.root.patch(
        made.api, json={"name": "Moss", "is_trusted": True, "origins": ["HTTPS://vtt.example/"]}
    )
    assert changed.status_code == 200, changed.text
    assert changed.json()["origins"] == ["https://vtt.example"]
    await made.signed(roll("after"))
    await made.by_token(roll("token"))
    verified = {one["roll_id"]: one["verified"] for one in await made.rolls()}
    assert verified == {"before": False, "after": True, "token": False}
    for bad in ({"origins": ["vtt.example"]}, {"origins": ["https://a/b"]}, {"origins": ["*"]}, {"name": ""}):
        wrong(await rig.root.patch(made.api, json=bad), 422, "invalid")


async def works(made: Table, secret: str, token: str) -> tuple[bool, bool]:
    """Whether the secret and the token are taken."""
    signed = await made.signed(roll(), secret=secret)
    bearer = await made.by_token(roll(), token=token)
    assert {signed.status_code, bearer.status_code} <= {202, 401}
    return signed.status_code == 202, bearer.status_code == 202


async def test_rotation_keeps_the_older_secrets_for_a_day(rig: Rig) -> None:
    made = await table(rig)
    told = [made.made]
    for _ in range(2):
        answer = await rig.root.post(f"{made.api}/rotate")
        assert answer.status_code == 200, answer.text
        told.append(answer.json())
    assert told[1]["older_secrets_until"] is not None
    good = [await works(made, one["signing_secret"], one["ingest_token"]) for one in told]
    assert good == [(False, False), (True, True), (True, True)], "the one before the last is over"
    async with rig.services.database.connection() as connection:
        await connection.execute("UPDATE vtt_connections SET older_until = now() + interval '2 seconds'")
    assert await works(made, told[1]["signing_secret"], told[1]["ingest_token"]) == (True, True)
    async with rig.services.database.connection() as connection:
        await connection.execute("UPDATE vtt_connections SET older_until = now()")
    good = [await works(made, one["signing_secret"], one["ingest_token"]) for one in told]
    assert good == [(False, False), (False, False), (True, True)], "a day later"


async def test_revoked_at_once_in_every_process(rig: Rig, database: Database, tmp_path: Path) -> None:
    made = await table(rig)
    older = made.made
    newer = (await rig.root.post(f"{made.api}/rotate")).json()
    async with rig_on(database, tmp_path / "other", vault=rig.services.vault) as other_rig:
        elsewhere = Table(other_rig, made.campaign, made.made)
        assert (await elsewhere.signed(roll())).status_code == 202
        revoked = await rig.root.post(f"{made.api}/revoke", json={"reason": "It was in a screenshot"})
        assert revoked.status_code == 200
        assert (revoked.json()["status"], revoked.json()["has_secrets"]) == ("revoked", False)
        assert revoked.json()["revoked_reason"] == "It was in a screenshot"
        for one in (older, newer):
            for process in (made, elsewhere):
                assert await works(process, one["signing_secret"], one["ingest_token"]) == (False, False)
        wrong(await rig.root.post(f"{made.api}/rotate"), 409, "revoked")
        wrong(await rig.root.post(f"{made.api}/test-roll"), 409, "revoked")
        assert (await rig.root.post(f"{made.api}/revoke")).status_code == 200, "once more does nothing"
        back = (await rig.root.post(f"{made.api}/reauthorize")).json()
        assert await works(elsewhere, back["signing_secret"], back["ingest_token"]) == (True, True)
        assert await works(made, newer["signing_secret"], newer["ingest_token"]) == (False, False)
        wrong(await rig.root.post(f"{made.api}/reauthorize"), 409, "not_revoked")


async def test_a_deleted_table_leaves_its_rolls(rig: Rig) -> None:
    """Also two tables, one after the other, that told the same roll of the same world."""
    campaign = await rig.campaign()
    for _ in range(3):
        made = await table(rig, campaign)
        assert (await made.signed(roll("same"))).status_code == 202
        assert (await rig.root.delete(made.api)).status_code == 204
        wrong(await made.signed(roll("late")), 401, "unauthorized")
        wrong(await rig.root.get(made.api), 404, "not_found")
    found = await made.rolls()
    assert [(one["roll_id"], one["connection_id"]) for one in found] == [("same", None)]


async def test_a_table_that_is_deleted_while_it_sends_keeps_nobody_waiting(rig: Rig) -> None:
    """Who takes in its rolls has the show first and then the table; so has who deletes it."""
    made = await table(rig)
    campaign, id_ = UUID(made.campaign), UUID(made.id)
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    async with rig.services.database.transaction() as taking:
        await heads.lock(taking, campaign)
        deleting = asyncio.create_task(rig.root.delete(made.api))
        async with rig.services.database.connection() as looking, asyncio.timeout(10):
            while not await looking.fetchval(waiting):  # noqa: ASYNC110  nobody tells
                await asyncio.sleep(0.01)
        assert await vtt_connections.active(taking, campaign, {id_}) == {id_}
    assert (await deleting).status_code == 204


async def test_a_deleted_campaign_is_told(rig: Rig) -> None:
    made = await table(rig)
    async with rig.services.database.connection() as connection:
        await connection.execute("DELETE FROM campaigns")
    wrong(await made.signed(roll()), 403, "campaign_gone")
    wrong(await rig.root.get(made.api), 404, "not_found")


async def test_heard_and_how_much(rig: Rig) -> None:
    made = await table(rig)
    assert (await rig.root.get(made.api)).json()["heard_at"] is None
    await made.signed({"rolls": [roll() for _ in range(5)]})
    await made.signed(roll("twice"))
    await made.signed(roll("twice"))
    wrong(await made.by_token(roll(), token="ing_" + "x" * 43), 401, "unauthorized")
    assert (await rig.root.get(made.api)).json()["rolls_per_minute"] == 6
    async with rig.services.database.connection() as connection:
        await vtt_connections.heard(connection, rig.services.rooms.heard.take_tables())
    heard = (await rig.root.get(made.api)).json()["heard_at"]
    assert heard is not None
    async with rig.services.database.connection() as connection:
        await connection.execute("UPDATE dice_rolls SET received_at = received_at - interval '61 seconds'")
    assert (await rig.root.get(made.api)).json()["rolls_per_minute"] == 0


async def test_preflight_knows_quiet_tables(rig: Rig) -> None:
    made = await table(rig)
    path = f"/api/v1/campaigns/{made.campaign}/preflight"

    async def told() -> tuple[str, str]:
        found = [one for one in (await rig.root.get(path)).json()["checks"] if "Mossy" in one["name"]]
        return (found[0]["status"], found[0]["detail"]) if found else ("", "")

    assert await told() == ("warn", "Nothing has come from it yet.")
    for ago, expected in (
        ("29 minutes", ("pass", "Has been heard from.")),
        ("31 minutes", ("warn", "Has been quiet for 31 minutes.")),
        ("3 hours", ("warn", "Has been quiet for 3 hours.")),
        ("4 days", ("warn", "Has been quiet for 4 days.")),
    ):
        async with rig.services.database.connection() as connection:
            await connection.execute(
                f"UPDATE vtt_connections SET heard_at = now() - interval '{ago}'"  # noqa: S608
            )
        assert await told() == expected
    await rig.root.post(f"{made.api}/revoke")
    assert await told() == ("", "")


async def test_a_test_roll_goes_the_whole_way(rig: Rig) -> None:
    made = await table(rig)
    answer = await rig.root.post(f"{made.api}/test-roll")
    assert answer.status_code == 202, answer.text
    (found,) = await made.rolls()
    assert (found["connection_id"], found["simulated"], found["visibility"]) == (made.id, True, "public")
    assert found["critical"] is None
    assert found["attribution"] != "pending", "nobody has to say whose it is"
    assert "Test roll" in repr(rig.changes), "it is on stream"


async def test_a_hundred_tables(rig: Rig) -> None:
    made = await table(rig)
    async with rig.services.database.connection() as connection:
        await connection.execute(
            """INSERT INTO vtt_connections (id, campaign_id, provider, name)
               SELECT gen_random_uuid(), campaign_id, provider, name
                 FROM vtt_connections, generate_series(1, 98)"""
        )
    await table(rig, made.campaign)
    refused = await rig.root.post(
        f"/api/v1/campaigns/{made.campaign}/vtt-connections", json={"system": "other", "name": "101"}
    )
    wrong(refused, 409, "too_many_tables")
