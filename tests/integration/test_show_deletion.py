"""A show is deleted: at once for everybody, with its ledgers afterwards, and not before platforms were
told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from server.engine import endings
from server.engine.departures import Departures, Gone
from server.rules.wiretime import to_wire
from server.web.app import create_app
from sql import campaigns
from sql.ids import uuid7
from sql.pool import Connection, Database
from tests.integration.members_rig import Someone, joined, someone
from tests.integration.test_api_isolation import furnish
from tests.integration.web_rig import Rig, rig_on, wrong


@pytest.fixture
async def rig(database: Database, tmp_path: Path) -> AsyncIterator[Rig]:
    async with rig_on(database, tmp_path, departures=Departures([owe])) as made:
        yield made


async def owe(connection: Connection, gone: Gone) -> None:
    """As who has made rewards does: what is to be undone goes into the outbox."""
    for channel in gone.channels:
        await connection.execute(
            """INSERT INTO outbox (id, campaign_id, kind, dedupe_key, payload)
               VALUES ($1, $2, 'reward.delete', $3, '{}') ON CONFLICT (dedupe_key) DO NOTHING""",
            uuid7(),
            gone.member.campaign_id,
            f"delete:{channel.id}",
        )


async def voted_show(ana: Someone, ben: Someone) -> dict[str, str]:
    """With a poll that was voted in, so that there is a ledger."""
    ids = await furnish(ana.http)
    base = f"/campaigns/{ids['campaign_id']}"
    await joined(ana, ids["campaign_id"], ben, "ben_rolls")
    launched = await ana.post(f"/polls/{ids['poll_id']}/launch")
    line = {
        "type": "chat.message", "platform": "custom", "channel_id": "stage", "message_id": "m-1",
        "user": {"id": "991", "name": "Viewer"}, "text": "!2", "sent_at": launched["opens_at"],
    }  # fmt: skip
    assert (await ana.post(f"{base}/events", [line]))["accepted"] == 1
    return ids


async def rows_of(database: Database, campaign: str) -> dict[str, int]:
    """What is left of a show, table by table; zeros are left out."""
    async with database.connection() as connection:
        tables = await connection.fetch(
            """SELECT c.table_name
                 FROM information_schema.columns AS c
                 JOIN information_schema.tables AS t USING (table_schema, table_name)
                WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE'
                  AND c.column_name = 'campaign_id' ORDER BY 1"""
        )
        found = {
            row["table_name"]: await connection.fetchval(
                f"SELECT count(*) FROM {row['table_name']} WHERE campaign_id = $1",  # noqa: S608
                UUID(campaign),
            )
            for row in tables
        }
        found["poll_vote_ledger"] = await connection.fetchval("SELECT count(*) FROM poll_vote_ledger")
        found["poll_votes"] = await connection.fetchval("SELECT count(*) FROM poll_votes")
    return {table: number for table, number in found.items() if number}


async def test_a_show_is_deleted_by_its_owner_who_types_its_name(rig: Rig) -> None:
    ana = await someone(rig, "Ana", twitch=("70", "ana"))
    ben = await someone(rig, "Ben", twitch=("77", "ben_rolls"))
    ids = await voted_show(ana, ben)
    show, database = ids["campaign_id"], rig.services.database
    path = f"/campaigns/{show}/delete"
    await ben.post(path, {"name": "Secret show"}, 403)
    wrong(await ana.http.post(f"/api/v1{path}", json={"name": "secret show"}), 409, "wrong_name")
    assert (await ana.get(f"/campaigns/{show}"))["name"] == "Secret show"
    await ana.post(path, {"name": " Secret show "}, 204)
    for person in (ana, ben):
        await person.get(f"/campaigns/{show}", 404)
        assert (await person.get("/campaigns"))["items"] == []
    assert (await rig.root.get(f"/api/v1/campaigns/{show}")).status_code == 404, "for nobody, whoever it is"
    await ana.post(path, {"name": "Secret show"}, 404)
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM overlay_configs") == 0, "its links are dead"
        tables = await connection.fetch("SELECT campaign_id FROM vtt_connections")
    assert tables
    assert all(row["campaign_id"] is None for row in tables), "by which they are told that it was deleted"

    # What is owed to platforms is waited for; then everything goes, the ledger too.
    await endings.purge(database)
    left = await rows_of(database, show)
    assert left.get("outbox", 0) >= 2, left
    assert left["poll_vote_ledger"] == 1
    async with database.connection() as connection:
        await connection.execute("UPDATE outbox SET state = 'done'")
    await endings.purge(database)
    assert await rows_of(database, show) == {}
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM campaigns WHERE id = $1", UUID(show)) == 0


async def test_what_cannot_be_delivered_is_waited_for_a_week(rig: Rig) -> None:
    ana = await someone(rig, "Ana")
    show = (await ana.post("/campaigns", {"name": "Friday"}, 201))["id"]
    await ana.post(f"/campaigns/{show}/channels", {"platform": "custom", "login": "c", "source": "api"}, 201)
    await ana.post(f"/campaigns/{show}/delete", {"name": "Friday"}, 204)
    database = rig.services.database
    await endings.purge(database)
    assert "campaign_memberships" in await rows_of(database, show)
    async with database.connection() as connection:
        await connection.execute("UPDATE campaigns SET deleted_at = deleted_at - interval '8 days'")
    await endings.purge(database)
    assert await rows_of(database, show) == {}


async def test_a_big_show_goes_in_pieces(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """A statement has four seconds; a million votes would need more."""
    ana = await someone(rig, "Ana")
    ben = await someone(rig, "Ben", twitch=("77", "ben_rolls"))
    ids = await voted_show(ana, ben)
    base = f"/campaigns/{ids['campaign_id']}"
    sent_at = to_wire(rig.services.clock() + timedelta(seconds=0))
    await ana.post(
        f"{base}/events",
        [
            {
                "type": "chat.message", "platform": "custom", "channel_id": "stage", "message_id": f"m-{n}",
                "user": {"id": f"{n}", "name": "x"}, "text": "!1", "sent_at": sent_at,
            }
            for n in range(2, 25)
        ],
    )  # fmt: skip
    await ana.post(f"{base}/delete", {"name": "Secret show"}, 204)
    database = rig.services.database
    async with database.connection() as connection:
        await connection.execute("UPDATE outbox SET state = 'done'")
    monkeypatch.setattr(campaigns, "_PIECE", 10)
    steps = 0
    while True:
        async with database.transaction() as connection:
            if await campaigns.purge(connection) is None:
                break
        steps += 1
    assert steps > 7, "24 votes, 24 rows of the ledger, 24 of the inbox, ten at a time"
    assert await rows_of(database, ids["campaign_id"]) == {}


async def test_a_ledger_goes_with_its_show_only(rig: Rig) -> None:
    ana = await someone(rig, "Ana")
    ben = await someone(rig, "Ben", twitch=("77", "ben_rolls"))
    await voted_show(ana, ben)
    async with rig.services.database.connection() as connection:
        for statement in ("DELETE FROM poll_vote_ledger", "DELETE FROM campaigns"):
            with pytest.raises(Exception, match=r"append-only|vote ledger"):
                await connection.execute(statement)


async def test_the_running_demo_is_not_deleted(rig: Rig, tmp_path: Path) -> None:
    services = replace(rig.services, demo=True)
    async with services.database.transaction() as connection:
        made = await campaigns.create(connection, services.owner.id, "Demo", is_demo=True)
    demo = replace(rig, services=services, app=create_app(services))
    path = f"/api/v1/campaigns/{made.id}/delete"
    wrong(await demo.root.post(path, json={"name": "Demo"}), 409, "demo")
    assert (await rig.root.post(path, json={"name": "Demo"})).status_code == 204, "where it does not run"
