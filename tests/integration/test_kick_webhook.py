"""`POST /webhooks/kick`: what is believed, what it does, and what has no effect (§9.1 to 9.12)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from integrations.kick.key_watch import KeyWatch
from server.web.app import create_app
from server.web.webhooks.kick import IGNORED, KickDeliveries
from server.web.webhooks.receiver import DELIVERIES
from sql.pool import Database
from tests.fakes.kick import FakeKick, user
from tests.integration.engine_rig import Wire, until
from tests.integration.kick_rig import MOSSY, KickRig, kick_rig
from tests.integration.web_rig import Rig, rig_on, wrong
from tests.kick_samples import SAMPLES, sample

URL = "/webhooks/kick"
OTHER_KEY = generate_private_key(65537, 2048)


class Webhook:
    """Kick, as it stands before our door."""

    def __init__(self, kick: FakeKick, web: Rig, keys: KeyWatch) -> None:
        self.kick = kick
        self.web = web
        self.keys = keys
        deliveries = KickDeliveries(keys)
        web.app = create_app(web.services, deliveries.receiver.routes(web.services))
        self.http = web.client()

    async def post(
        self, type_: str, body: Any, *, headers: dict[str, str] | None = None, **how: Any
    ) -> httpx2.Response:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        signed = self.kick.signed(type_, raw, **how) | (headers or {})
        return await self.http.post(URL, content=raw, headers=signed)

    async def chat(self, content: str, author: int = 910555, **how: Any) -> httpx2.Response:
        line = self.kick.broadcasters[MOSSY].chat(content, author)
        return await self.post("chat.message.sent", line, **how)


@pytest.fixture
async def rig(database: Database) -> AsyncIterator[KickRig]:
    async with kick_rig(database) as rig:
        yield rig


@pytest.fixture
async def door(rig: KickRig, tmp_path: Path) -> AsyncIterator[Webhook]:
    async with rig_on(rig.database, tmp_path) as web:
        keys = KeyWatch(rig.database, rig.api, rig.kick.key.public_key())
        yield Webhook(rig.kick, web, keys)


def counted(outcome: str) -> float:
    return float(DELIVERIES.labels("kick", outcome)._value.get())


async def inbox(rig: KickRig) -> set[str]:
    async with rig.database.connection() as connection:
        return {row["message_id"] for row in await connection.fetch("SELECT message_id FROM inbox")}


async def poll(door: Webhook, campaign: UUID, **settings: Any) -> str:
    """An open poll with two options."""
    body = {"question": "Which door?", "options": ["Left", "Right"], "duration_s": 600} | settings
    made = await door.web.root.post(f"/api/v1/campaigns/{campaign}/polls", json=body)
    id_: str = made.json()["id"]
    launched = await door.web.root.post(f"/api/v1/polls/{id_}/launch", json={})
    assert launched.status_code == 200, launched.text
    return id_


async def votes(door: Webhook, poll_id: str) -> list[int]:
    answer = await door.web.root.get(f"/api/v1/polls/{poll_id}")
    return [option["votes"] for option in answer.json()["options"]]


# --- what is believed has its effect, once --------------------------------------------------------------


async def test_a_vote_counts_once_however_often_it_comes(rig: KickRig, door: Webhook) -> None:
    campaign = await rig.campaign()
    await rig.channel(campaign)
    running = await poll(door, campaign)
    line = rig.kick.broadcasters[MOSSY].chat("!vote 2 [emote:55501:MossDance]")
    raw = json.dumps(line).encode()
    headers = rig.kick.signed("chat.message.sent", raw)
    for _ in range(3):
        answer = await door.http.post(URL, content=raw, headers=headers)
        assert answer.status_code == 204
        assert answer.content == b""
    # Kick makes another delivery of the same line: another id, another signature.
    assert (await door.post("chat.message.sent", line)).status_code == 204
    assert await votes(door, running) == [0, 1]


async def test_repeats_that_come_at_the_same_moment(rig: KickRig, door: Webhook) -> None:
    campaign = await rig.campaign()
    await rig.channel(campaign)
    running = await poll(door, campaign)
    raw = json.dumps(rig.kick.broadcasters[MOSSY].chat("1")).encode()
    headers = rig.kick.signed("chat.message.sent", raw)
    answers = await asyncio.gather(*(door.http.post(URL, content=raw, headers=headers) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {204}
    assert await votes(door, running) == [1, 0]


async def test_an_answer_comes_after_commit(rig: KickRig, door: Webhook) -> None:
    await rig.channel(await rig.campaign())
    line = rig.kick.broadcasters[MOSSY].chat("hello")
    await door.post("chat.message.sent", line)
    assert line["message_id"] in await inbox(rig)


async def test_a_line_that_was_sent_in_time_counts_within_the_grace(rig: KickRig, door: Webhook) -> None:
    """§9.12: by the body's time, which has whole seconds."""
    campaign = await rig.campaign()
    await rig.channel(campaign)
    running = await poll(door, campaign)
    at = door.web.services.clock().timestamp()
    # Within the second in which the poll was opened: its time, cut to seconds, is before that.
    in_time = rig.kick.broadcasters[MOSSY].chat("1", 1001, at=at)
    late = rig.kick.broadcasters[MOSSY].chat("2", 1002, at=at + 4)
    early = rig.kick.broadcasters[MOSSY].chat("2", 1003, at=at - 30)
    for line in (in_time, early):
        assert (await door.post("chat.message.sent", line)).status_code == 204
    await door.web.root.post(f"/api/v1/polls/{running}/close", json={})
    for line in (rig.kick.broadcasters[MOSSY].chat("1", 1004, at=at), late):
        assert (await door.post("chat.message.sent", line)).status_code == 204
    state = (await door.web.root.get(f"/api/v1/polls/{running}")).json()
    assert state["state"] == "closing"
    assert [option["votes"] for option in state["options"]] == [2, 0]


async def test_every_sample_is_taken(rig: KickRig, door: Webhook) -> None:
    await rig.channel(await rig.campaign())
    for name, type_ in SAMPLES.items():
        answer = await door.post(type_, sample(name), id_=f"01KC-{name}")
        assert answer.status_code == 204, (name, answer.text)
    noted = await inbox(rig)
    assert noted == {f"01KC-{name}" for name in SAMPLES if name != "chat"} | {sample("chat")["message_id"]}


async def test_a_channel_in_two_shows_has_it_in_both(rig: KickRig, door: Webhook) -> None:
    running = []
    for name in ("One", "Other"):
        campaign = await rig.campaign(name)
        await rig.channel(campaign)
        running.append(await poll(door, campaign))
    await door.chat("2")
    assert [await votes(door, id_) for id_ in running] == [[0, 1], [0, 1]]


async def test_the_lag_is_that_of_the_bodys_time(rig: KickRig, door: Webhook) -> None:
    channel = await rig.channel(await rig.campaign())
    heard = door.web.services.rooms.heard
    writing = asyncio.create_task(heard.run())
    try:
        at = door.web.services.clock() - timedelta(minutes=5)
        line = rig.kick.broadcasters[MOSSY].chat("hello", at=at.timestamp())
        await door.post("chat.message.sent", line)

        async def is_told() -> bool:
            return (await rig.seen(channel)).heard_lag_ms is not None

        await until(is_told, "the desk is told")
    finally:
        writing.cancel()
        await asyncio.wait([writing])
    seen = await rig.seen(channel)
    assert seen.state == "connected"
    assert seen.heard_lag_ms is not None
    assert 299_000 < seen.heard_lag_ms < 310_000


# --- what is not believed -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Message-Id", "Signature", "Message-Timestamp"])
async def test_a_header_is_missing(rig: KickRig, door: Webhook, name: str) -> None:
    await rig.channel(await rig.campaign())
    raw = json.dumps(rig.kick.broadcasters[MOSSY].chat("1")).encode()
    headers = rig.kick.signed("chat.message.sent", raw)
    del headers[f"Kick-Event-{name}"]
    wrong(await door.http.post(URL, content=raw, headers=headers), 403, "not_genuine")
    assert await inbox(rig) == set()


@pytest.mark.parametrize("what", ["key", "body", "id", "time", "signature", "base64"])
async def test_a_forgery_has_no_effect_and_leaves_no_trace(rig: KickRig, door: Webhook, what: str) -> None:
    campaign = await rig.campaign()
    await rig.channel(campaign)
    running = await poll(door, campaign)
    raw = json.dumps(rig.kick.broadcasters[MOSSY].chat("1")).encode()
    headers = rig.kick.signed("chat.message.sent", raw, key=OTHER_KEY if what == "key" else None)
    match what:
        case "body":
            raw = raw.replace(b'"1"', b'"2"')
        case "id":
            headers["Kick-Event-Message-Id"] += "0"
        case "time":
            headers["Kick-Event-Message-Timestamp"] = "2026-11-20T18:30:05Z"
        case "signature":
            headers["Kick-Event-Signature"] = "A" + headers["Kick-Event-Signature"][1:]
            if headers["Kick-Event-Signature"] == rig.kick.signed("x", raw)["Kick-Event-Signature"]:
                pytest.fail("the same signature")
        case "base64":
            headers["Kick-Event-Signature"] = "%%%"
    before = counted("forged")
    wrong(await door.http.post(URL, content=raw, headers=headers), 403, "not_genuine")
    assert counted("forged") == before + 1
    assert await inbox(rig) == set()
    assert await votes(door, running) == [0, 0]


async def test_a_forged_id_does_not_keep_the_real_one_out(rig: KickRig, door: Webhook) -> None:
    """T19: whoever guesses the id of a delivery to come and sends it first."""
    campaign = await rig.campaign()
    await rig.channel(campaign)
    running = await poll(door, campaign)
    line = rig.kick.broadcasters[MOSSY].chat("2")
    for _ in range(3):
        answer = await door.post("chat.message.sent", line, id_="01KCREAL", key=OTHER_KEY)
        assert answer.status_code == 403
    assert (await door.post("chat.message.sent", line, id_="01KCREAL")).status_code == 204
    assert await votes(door, running) == [0, 1]


@pytest.mark.parametrize(("seconds", "status"), [(-595, 204), (-605, 403), (55, 204), (65, 403)])
async def test_age_has_its_limits(rig: KickRig, door: Webhook, seconds: float, status: int) -> None:
    await rig.channel(await rig.campaign())
    before = counted("stale")
    at = door.web.services.clock().timestamp() + seconds
    assert (await door.chat("1", at=at)).status_code == status
    assert counted("stale") - before == (status == 403)


async def test_the_limit_of_age_is_a_setting(rig: KickRig, door: Webhook) -> None:
    await rig.channel(await rig.campaign())
    patient = KickDeliveries(door.keys, timedelta(hours=1))
    door.web.app = create_app(door.web.services, patient.receiver.routes(door.web.services))
    door.http = door.web.client()
    now = door.web.services.clock().timestamp()
    assert (await door.chat("1", at=now - 3590)).status_code == 204
    assert (await door.chat("1", at=now - 3610)).status_code == 403


async def test_the_unsigned_type_must_fit_the_body(rig: KickRig, door: Webhook) -> None:
    await rig.channel(await rig.campaign())
    before = counted("misfit")
    answer = await door.post("kicks.gifted", rig.kick.broadcasters[MOSSY].chat("1"))
    wrong(answer, 400, "misfit")
    assert "Viewer" not in answer.text
    assert counted("misfit") == before + 1
    assert await inbox(rig) == set()


@pytest.mark.parametrize(
    ("type_", "version", "reason"),
    [("channel.hosted", "1", "unknown_type"), ("chat.message.sent", "2", "unknown_version")],
)
async def test_what_kick_invents_is_taken_and_ignored(
    rig: KickRig, door: Webhook, type_: str, version: str, reason: str
) -> None:
    await rig.channel(await rig.campaign())
    before = IGNORED.labels(reason)._value.get()
    for _ in range(3):
        answer = await door.post(type_, rig.kick.broadcasters[MOSSY].chat("1"), version=version)
        assert answer.status_code == 204
    assert IGNORED.labels(reason)._value.get() == before + 3
    assert await inbox(rig) == set()


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff", b"[]", b"null", b'"1"'])
async def test_a_body_that_is_none_is_no_fault(rig: KickRig, door: Webhook, raw: bytes) -> None:
    assert (await door.post("chat.message.sent", raw)).status_code in (204, 400)


async def test_deliveries_of_another_application_are_dropped(rig: KickRig, door: Webhook) -> None:
    """T18: Kick signs for all applications with one key; this broadcaster is none of ours."""
    await rig.channel(await rig.campaign())
    before = counted("foreign")
    stranger = rig.kick.broadcaster(5, "Somebody").chat("1")
    assert (await door.post("chat.message.sent", stranger)).status_code == 204
    assert counted("foreign") == before + 1
    assert await inbox(rig) == set()


async def test_a_crowd_that_plays_a_channel_is_none(rig: KickRig, door: Webhook) -> None:
    await rig.channel(await rig.campaign(), source="simulated")
    before = counted("foreign")
    assert (await door.chat("1")).status_code == 204
    assert counted("foreign") == before + 1


async def test_sizes(rig: KickRig, door: Webhook) -> None:
    await rig.channel(await rig.campaign())
    long = rig.kick.broadcasters[MOSSY].chat("x" * 17_000)
    wrong(await door.post("chat.message.sent", long), 413, "too_large")
    giftees = [user(1000 + n, f"Giftee_{n}") for n in range(200)]
    bomb = sample("gifts-anonymous") | {"giftees": giftees}
    assert len(json.dumps(bomb)) > 16 * 1024
    assert (await door.post("channel.subscription.gifts", bomb)).status_code == 204
    giftees = [user(1000 + n, f"Giftee_{n}") for n in range(600)]
    wrong(await door.post("channel.subscription.gifts", bomb | {"giftees": giftees}), 413, "too_large")


async def test_methods_and_encodings(rig: KickRig, door: Webhook) -> None:
    assert (await door.http.get(URL)).status_code == 405
    answer = await door.chat("1", headers={"content-encoding": "gzip"})
    assert answer.status_code == 415


@asynccontextmanager
async def behind_a_wire(rig: KickRig, wire: Wire, folder: Path) -> AsyncIterator[Webhook]:
    """A process whose way to PostgreSQL can break; the test's own does not."""
    await wire.mend()
    apart = await Database.open(wire.url)
    try:
        async with rig_on(apart, folder) as web:
            yield Webhook(rig.kick, web, KeyWatch(apart, rig.api, rig.kick.key.public_key()))
    finally:
        await apart.close()
        await wire.cut()


async def test_without_a_database_it_is_503_and_comes_again(
    rig: KickRig, database_url: str, short_dir: Path, tmp_path: Path
) -> None:
    campaign = await rig.campaign()
    await rig.channel(campaign)
    wire = Wire(database_url, short_dir)
    async with behind_a_wire(rig, wire, tmp_path) as door:
        running = await poll(door, campaign)
        raw = json.dumps(rig.kick.broadcasters[MOSSY].chat("1")).encode()
        headers = rig.kick.signed("chat.message.sent", raw)
        await wire.cut()
        answer = await door.http.post(URL, content=raw, headers=headers)
        wrong(answer, 503, "database_away")
        assert answer.headers["retry-after"]
        assert await inbox(rig) == set()
        await wire.mend()
        assert (await door.http.post(URL, content=raw, headers=headers)).status_code == 204
        assert await votes(door, running) == [1, 0]


async def test_an_answer_of_commit_that_is_lost_counts_nothing_twice(
    rig: KickRig, database_url: str, short_dir: Path, tmp_path: Path
) -> None:
    campaign = await rig.campaign()
    await rig.channel(campaign)
    wire = Wire(database_url, short_dir)
    async with behind_a_wire(rig, wire, tmp_path) as door:
        running = await poll(door, campaign, rule="every_message")
        raw = json.dumps(rig.kick.broadcasters[MOSSY].chat("1")).encode()
        headers = rig.kick.signed("chat.message.sent", raw)
        wire.breaks_at = b"COMMIT\0"
        wrong(await door.http.post(URL, content=raw, headers=headers), 503, "database_away")
        assert wire.breaks_at == b"", "it came to no COMMIT"
        assert await inbox(rig), "it was stored all the same"
        assert (await door.http.post(URL, content=raw, headers=headers)).status_code == 204
        assert await votes(door, running) == [1, 0]
