"""Planted secrets (reliability R21, T9): a real run at debug level, with failures, and none of them is in
what it wrote: its own log, those of its servers, its metrics."""

from __future__ import annotations

import asyncio
import json
import os
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import httpx2
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from server import running
from sql.pool import Database
from tests.fakes.twitch_irc import FakeTwitch
from tests.integration.test_twitch_program import until_connected
from tests.servers import Hubbub, StartHubbub, wait_until


def written(hubbub: Hubbub) -> Iterator[tuple[str, str]]:
    """Everything on disk that an operator would send to somebody who asks for logs."""
    yield "hubbub.log", hubbub.log
    for file in (hubbub.data_dir / "logs").iterdir():
        yield file.name, file.read_text("utf-8", "replace")


async def live(hubbub: Hubbub, key: str, campaign: str | None = None) -> str:
    """What `/live` answers first to a key."""
    origin = hubbub.base_url
    hello = {"op": "hello", "proto": 1, "key": key, "client": {"kind": "api"}}
    if campaign:
        hello["campaign"] = campaign
    url = f"{origin.replace('http', 'ws', 1)}/live?key={key}"
    async with connect(url, additional_headers={"Origin": origin}, proxy=None) as socket:
        await socket.send(json.dumps(hello))
        try:
            return str(json.loads(await socket.recv())["op"])
        except ConnectionClosed as closed:
            return str(closed)


async def fresh_link(hubbub: Hubbub) -> str:
    """`hubbub link`: the code in it logs somebody in, once."""
    said = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "server", "link"],
        env={**os.environ, "HUBBUB_DATA_DIR": str(hubbub.data_dir)},
        cwd=hubbub.data_dir,
        capture_output=True,
        text=True,
        check=True,
    )
    return str(said.stdout.strip().partition("#code=")[2])


async def test_no_planted_secret_is_written_anywhere(start_hubbub: StartHubbub) -> None:
    planted: dict[str, str] = {"secret key": secrets.token_hex(32)}
    async with FakeTwitch.serving() as twitch:
        hubbub = await asyncio.to_thread(
            start_hubbub,
            TWITCH_IRC_URL=twitch.url,
            HUBBUB_LOG_LEVEL="debug",
            HUBBUB_PROBE="1",
            HUBBUB_SECRET_KEY=planted["secret key"],
        )
        planted["api key"] = hubbub.api_key
        campaign = await with_the_api(hubbub, twitch, planted)
        await with_a_desk(hubbub, campaign, planted)
        await with_mistakes(hubbub, planted)
        await with_a_database_that_refuses_rows(hubbub, twitch, campaign, planted)
        await with_a_database_that_throws_everybody_out(hubbub)
        metrics = (await asyncio.to_thread(httpx2.get, f"{hubbub.base_url}/metrics")).text
        assert await asyncio.to_thread(hubbub.stop) == 0
    assert len(planted) >= 15
    assert all(len(secret) >= 7 for secret in planted.values())
    texts = [*written(hubbub), ("metrics", metrics)]
    assert "Traceback" in hubbub.log
    assert "CheckViolationError" in hubbub.log
    for name, secret in planted.items():
        for file, text in texts:
            assert secret not in text, f"the {name} is in {file}"
    # The terminal was shown one link at the start, by print and not by a log.
    assert len(re.findall(r"#code=(?!\*)", hubbub.log)) == 1


async def with_the_api(hubbub: Hubbub, twitch: FakeTwitch, planted: dict[str, str]) -> str:
    """A show as a script runs it: overlay keys, chat with votes and without, names."""
    async with httpx2.AsyncClient(base_url=f"{hubbub.base_url}/api/v1", headers=hubbub.headers) as api:
        campaign = str((await api.post("/campaigns", json={"name": "Show"})).json()["id"])
        base = f"/campaigns/{campaign}"
        await api.post(f"{base}/channels", json={"platform": "twitch", "login": "ana", "source": "irc"})
        overlay = (await api.post(f"{base}/overlays", json={"name": "Main"})).json()
        planted["overlay key"] = overlay["url"].partition("#k=")[2]
        assert await live(hubbub, planted["overlay key"]) == "snapshot"
        rotated = (await api.post(f"/overlays/{overlay['id']}/rotate", json={})).json()
        planted["rotated overlay key"] = rotated["url"].partition("#k=")[2]
        assert await live(hubbub, planted["overlay key"]) == "bye"
        assert await live(hubbub, hubbub.api_key, campaign) == "snapshot"
        ticket = (await api.post("/live-tickets", json={"campaign_id": campaign})).json()
        planted["ticket"] = ticket["ticket"]
        assert await live(hubbub, planted["ticket"]) == "snapshot"
        await twitch.joined("ana", seconds=8)
        await until_connected(hubbub, campaign, twitch.rooms)
        body = {"question": "Which door?", "options": ["Left", "Right"], "duration_s": 60}
        poll = (await api.post(f"{base}/polls", json=body)).json()["id"]
        await api.post(f"/polls/{poll}/launch", json={})
        planted["chat line"] = "zanzibar-quokka-the-line"
        planted["voter's id"], planted["voter's name"] = "990017733", "quillfeather"
        await twitch.say("ana", planted["chat line"], user_id="5", user="kim")
        await twitch.say("ana", "2", user_id=planted["voter's id"], user=planted["voter's name"])
        planted["posted line"] = "zanzibar-quokka-posted"
        for text in ("1", planted["posted line"]):
            line = {
                "type": "chat.message",
                "platform": "twitch",
                "channel_id": twitch.rooms["ana"],
                "message_id": secrets.token_hex(8),
                "user": {"id": "7", "login": "marlowe-of-the-sea", "name": "Marlowe of the sea"},
                "text": text,
                "sent_at": "2026-11-20T20:00:00.123Z",
            }
            await api.post(f"{base}/events", json=[line])
        planted["poster's login"] = "marlowe-of-the-sea"
        await with_a_table(hubbub, api, campaign, planted)
        return campaign


async def with_a_table(
    hubbub: Hubbub, api: httpx2.AsyncClient, campaign: str, planted: dict[str, str]
) -> None:
    """Dice that nobody may see, by token and with an address that holds one; and what was got wrong."""
    table = {"system": "discord", "name": "Table"}
    made = (await api.post(f"/campaigns/{campaign}/vtt-connections", json=table)).json()
    planted["signing secret"], planted["ingest token"] = made["signing_secret"], made["ingest_token"]
    code = (await api.post(f"/campaigns/{campaign}/vtt-pairings/offer", json={})).json()["code"]
    planted["pairing code"] = code
    planted["secret roll"], planted["secret total"] = "zanzibar-quokka-rolled", "990017744"
    text = {"content": f"{planted['secret roll']}: 1d20 = {planted['secret total']}"}
    bearer = {"authorization": f"Bearer {planted['ingest token']}"}
    async with httpx2.AsyncClient(base_url=hubbub.base_url) as sender:
        path = f"/webhooks/vtt/{made['id']}"
        assert (await sender.post(path, json=text, headers=bearer)).status_code == 202
        assert (await sender.post(made["plain_url"], json=text)).status_code == 202
        planted["wrong ingest token"] = "ing_" + secrets.token_urlsafe(32)
        assert (await sender.post(f"{path}/{planted['wrong ingest token']}", json=text)).status_code == 401
        wrong = {"content": planted["secret roll"]}
        assert (await sender.post(path, json=wrong, headers=bearer)).status_code == 422
        assert (await sender.post("/webhooks/vtt/pair", json={"code": code})).status_code == 201


async def with_a_desk(hubbub: Hubbub, campaign: str, planted: dict[str, str]) -> None:
    """A login by link, a session, its CSRF token; then its end."""
    planted["link code"] = await fresh_link(hubbub)
    async with httpx2.AsyncClient(
        base_url=f"{hubbub.base_url}/api/v1", headers={"origin": hubbub.base_url}
    ) as desk:
        answer = await desk.post("/session", json={"code": planted["link code"]})
        assert answer.status_code == 200, answer.text
        planted["csrf token"] = answer.json()["csrf"]
        (planted["session cookie"],) = (cookie.value or "" for cookie in desk.cookies.jar)
        desk.headers["x-csrf-token"] = planted["csrf token"]
        assert (await desk.get(f"/campaigns/{campaign}/status")).status_code == 200
        assert (await desk.post("/session", json={"code": planted["link code"]})).status_code >= 400
        assert (await desk.delete("/session")).status_code == 204


async def with_mistakes(hubbub: Hubbub, planted: dict[str, str]) -> None:
    """Secrets where they do not belong: in paths, queries, headers, bodies; keys that are wrong."""
    planted["wrong api key"] = "hb_" + secrets.token_urlsafe(32)
    planted["wrong overlay key"] = "ovl_" + secrets.token_urlsafe(32)
    planted["password in a body"] = "correct-horse-battery"
    async with httpx2.AsyncClient(base_url=hubbub.base_url) as stranger:
        for path in (
            f"/api/v1/campaigns?key={hubbub.api_key}",
            f"/api/v1/campaigns/{planted['wrong api key']}",
            f"/o/{planted['overlay key']}",
            f"/{planted['wrong overlay key']}",
        ):
            wrong = {"authorization": f"Bearer {planted['wrong api key']}"}
            assert (await stranger.get(path, headers=wrong)).status_code in (401, 404, 422)
        body = f'{{"name": "{planted["password in a body"]}"'
        json_type = {"content-type": "application/json"} | hubbub.headers
        answer = await stranger.post("/api/v1/campaigns", content=body, headers=json_type)
        assert answer.status_code in (400, 422)
    assert await live(hubbub, planted["wrong overlay key"]) == "bye"
    assert await live(hubbub, planted["wrong api key"], "0190a000-0000-7000-8000-000000000000") == "bye"


async def with_a_database_that_refuses_rows(
    hubbub: Hubbub, twitch: FakeTwitch, campaign: str, planted: dict[str, str]
) -> None:
    """PostgreSQL says which row it refuses, with everything in it; a traceback would say it again."""
    planted["refused voter's id"] = "880055441"
    planted["refused show"] = "zanzibar-quokka-show"
    note = running.find(hubbub.data_dir)
    assert note is not None
    connection = await asyncpg.connect(note.database_url)
    for table, column in (("poll_votes", "choice > 10"), ("campaigns", "name = ''")):
        await connection.execute(f"ALTER TABLE {table} ADD CONSTRAINT refused CHECK ({column}) NOT VALID")
    await twitch.say("ana", "1", user_id=planted["refused voter's id"], user="lea")
    async with httpx2.AsyncClient(base_url=f"{hubbub.base_url}/api/v1", headers=hubbub.headers) as api:
        answer = await api.post("/campaigns", json={"name": planted["refused show"]})
        assert answer.status_code == 500
        assert planted["refused show"] not in answer.text
    await asyncio.to_thread(
        wait_until, lambda: "delivery_refused_by_database" in hubbub.log, "the vote was refused"
    )
    for table in ("poll_votes", "campaigns"):
        await connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT refused")
    await connection.close()


async def with_a_database_that_throws_everybody_out(hubbub: Hubbub) -> None:
    """Connections that end below everything that is going on: the tracebacks that this makes."""
    note = running.find(hubbub.data_dir)
    assert note is not None
    connection = await asyncpg.connect(note.database_url)
    for _ in range(3):
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
            "AND backend_type = 'client backend'"
        )
    await connection.close()
    await asyncio.to_thread(
        wait_until,
        lambda: httpx2.get(f"{hubbub.base_url}/readyz").status_code == 200,
        "the database is there again",
    )


async def test_a_fault_that_ends_a_command_quotes_no_row_either(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    """Python itself would print the whole traceback, with PostgreSQL's words about the row in it."""
    async with database.connection() as connection:
        await connection.execute("ALTER TABLE api_keys ADD CONSTRAINT refused CHECK (name = '') NOT VALID")
    said = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "server", "key", "create", "zanzibar-quokka-key"],
        env={**os.environ, "DATABASE_URL": database_url, "HUBBUB_SECRET_KEY": secrets.token_hex(32)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 1
    assert "ended_by_a_fault" in said.stderr
    assert "CheckViolationError" in said.stderr
    assert "zanzibar" not in said.stdout + said.stderr
