"""A game master's act with an Idempotency-Key happens once, at whatever moment its first try broke."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, TypeAlias

import pytest

from server.rules.wiretime import from_wire
from sql.pool import Database
from tests.integration.engine_rig import Wire
from tests.integration.test_api_polls import Show
from tests.integration.web_rig import Rig, rig_on, wrong

#: Either PostgreSQL has committed and the connection breaks before the process knows, or the last statement,
#: which stores the answer for the key, fails.
Break: TypeAlias = Literal["commit not heard", "answer not stored"]

_REFUSE = """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'disk full' USING ERRCODE = 'disk_full'; END $$;
    CREATE TRIGGER refuse BEFORE UPDATE ON idempotency_keys FOR EACH ROW
        WHEN (NEW.answer IS NOT NULL) EXECUTE FUNCTION refuse();
    ALTER TABLE idempotency_keys DISABLE TRIGGER refuse"""


@dataclass
class Trial:
    """A show whose process reaches PostgreSQL over a wire that breaks."""

    rig: Rig
    show: Show
    wire: Wire
    direct: Database
    keys: int = 0

    @asynccontextmanager
    async def broken(self, how: Break) -> AsyncIterator[None]:
        if how == "commit not heard":
            self.wire.breaks_at = b"COMMIT\0"
            yield
            assert self.wire.breaks_at == b"", "it came to no COMMIT"
        else:
            async with self.direct.connection() as connection:
                await connection.execute("ALTER TABLE idempotency_keys ENABLE TRIGGER refuse")
                yield
                await connection.execute("ALTER TABLE idempotency_keys DISABLE TRIGGER refuse")

    async def act(self, how: Break, path: str, body: Any = None) -> Any:
        """POST it twice with one key, the first time broken; answers what the second try was told."""
        self.keys += 1
        url, headers = f"/api/v1{path}", {"idempotency-key": f"k{self.keys}"}
        async with self.broken(how):
            first = await self.show.client.post(url, json=body or {}, headers=headers)
        wrong(first, 503, "database_away")
        again = await self.show.client.post(url, json=body or {}, headers=headers)
        assert again.is_success, f"{path}: {again.status_code} {again.text}"
        assert ("idempotency-replayed" in again.headers) == (how == "commit not heard"), path
        return again.json()


@pytest.fixture
async def trial(
    database: Database, database_url: str, short_dir: Path, tmp_path: Path
) -> AsyncIterator[Trial]:
    async with database.connection() as connection:
        await connection.execute(_REFUSE)
    wire = Wire(database_url, short_dir)
    await wire.mend()
    through = await Database.open(wire.url, most=4)
    try:
        async with rig_on(through, tmp_path) as rig:
            yield Trial(rig, Show(rig.root, await rig.campaign()), wire, database)
    finally:
        await through.close()
        await wire.cut()


@pytest.mark.parametrize("how", ["commit not heard", "answer not stored"])
async def test_every_act_of_a_polls_life_happens_once(trial: Trial, how: Break) -> None:
    show = trial.show
    stage = {"platform": "custom", "login": "stage", "source": "api"}
    await show.post(f"/campaigns/{show.campaign_id}/channels", stage, 201)
    overlay = await show.post(f"/campaigns/{show.campaign_id}/overlays", {"name": "Main"}, 201)
    draft = await show.draft(grace_s=0)

    poll = await trial.act(how, f"/polls/{draft}/launch", {"keep_draft": True})
    path = f"/polls/{poll['id']}"
    items = (await show.client.get(f"{show.base}/polls")).json()["items"]
    assert sorted(item["state"] for item in items) == ["draft", "open"]
    longer = await trial.act(how, f"{path}/extend", {"seconds": 30})
    lasts = from_wire(longer["closes_at"]) - from_wire(longer["opens_at"])
    assert lasts == timedelta(seconds=60 + 30)
    assert (await show.poll(poll["id"]))["closes_at"] == longer["closes_at"]
    assert (await trial.act(how, f"{path}/cancel"))["state"] == "cancelled"
    assert (await trial.act(how, f"{path}/undo-cancel"))["state"] == "open"
    for user, text in (("ana", "1"), ("bob", "2")):
        await show.vote(user, text, poll["opens_at"])
    assert (await trial.act(how, f"{path}/close"))["state"] == "closing"
    await show.count(poll["id"], trial.rig)
    assert (await trial.act(how, f"{path}/reveal"))["state"] == "revealed"
    assert (await trial.act(how, f"{path}/resolve", {"winner": 2}))["winner"] == 2
    await trial.act(how, f"{path}/dismiss")
    await trial.act(how, f"/overlays/{overlay['id']}/test")

    async with trial.direct.connection() as connection:
        rows = await connection.fetch("SELECT action FROM admin_log WHERE action LIKE 'poll.%'")
        pictures = await connection.fetchval("SELECT count(*) FROM board_events WHERE kind = 'event'")
    acts = ("launch", "extend", "cancel", "undo_cancel", "close", "reveal", "resolve", "dismiss")
    assert Counter(row["action"] for row in rows) == {f"poll.{act}": 1 for act in acts}
    assert pictures == 1
