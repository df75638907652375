"""`POST /webhooks/twitch`: what is believed, what it does, and what has no effect (twitch.md §3)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import httpx2
import pytest

from integrations.twitch import eventsub_plan
from integrations.twitch.eventsub_intake import EventSubIntake
from integrations.twitch.eventsub_webhooks import EventSubWebhooks
from server.engine.clock import DatabaseClock
from server.web.app import create_app
from server.web.webhooks.receiver import DELIVERIES
from server.web.webhooks.twitch import TwitchDeliveries
from sql import twitch_subscriptions
from sql.pool import Database
from sql.twitch_subscriptions import Wanted
from tests.fakes.twitch_eventsub import EventSub
from tests.fakes.twitch_world import nano
from tests.integration.engine_rig import until
from tests.integration.twitch_rig import MOSSY, TwitchRig, twitch_rig
from tests.integration.web_rig import Rig, rig_on

URL = "/webhooks/twitch"
SECRET = "hubbub-test-secret-01"
FOLLOW = "channel.follow"
ABOUT = {"id": "hb-sub-9", "type": FOLLOW, "condition": {"broadcaster_user_id": MOSSY}}


class Door:
    """Twitch, as it stands before our door."""

    def __init__(self, rig: TwitchRig, web: Rig) -> None:
        self.rig, self.web = rig, web
        self.deliveries = TwitchDeliveries(rig.database, ("older-secret-of-ours", SECRET))
        web.app = create_app(web.services, self.deliveries.receiver.routes(web.services))
        self.http = web.client()
        self.number = 0

    def body(self, who: str = "700200312", **more: Any) -> bytes:
        event = {
            "user_id": who,
            "user_login": f"u{who}",
            "user_name": f"U{who}",
            "broadcaster_user_id": MOSSY,
            "broadcaster_user_login": "mossy_tavern",
            "broadcaster_user_name": "Mossy_Tavern",
            "followed_at": "2026-11-20T18:31:07.431000000Z",
        }
        about = {"id": "hb-sub-9", "status": "enabled", "type": FOLLOW, "version": "2"}
        return json.dumps({"subscription": about, "event": event} | more).encode()

    def headers(
        self, body: bytes, id_: str = "", *, secret: str = SECRET, at: datetime | None = None
    ) -> dict[str, str]:
        self.number += 1
        return EventSub.signed(
            secret,
            id_ or f"hb-wh-{self.number}",
            nano(at),
            body=body,
            kind="notification",
            type_=FOLLOW,
            version="2",
        )

    async def post(self, body: bytes, headers: dict[str, str]) -> httpx2.Response:
        return await self.http.post(URL, content=body, headers=headers)

    async def follows(self) -> int:
        async with self.rig.database.connection() as connection:
            return int(await connection.fetchval("SELECT count(*) FROM monetization_events"))


class Answer:
    """What the sender of webhooks reads of an answer."""

    def __init__(self, response: httpx2.Response) -> None:
        self.status, self._body = response.status_code, response.content

    async def read(self) -> bytes:
        return self._body


class ThroughTheDoor:
    """Posts to the address that was subscribed with, which no name service knows."""

    def __init__(self, door: Door) -> None:
        self._door = door

    @asynccontextmanager
    async def post(self, url: str, *, data: bytes, headers: dict[str, str], **_: object) -> Any:
        assert url == f"https://show.example.org{URL}"
        yield Answer(await self._door.post(data, headers))

    async def close(self) -> None:
        pass


@pytest.fixture
async def door(database: Database, tmp_path: Path) -> AsyncIterator[Door]:
    async with twitch_rig(database) as rig, rig_on(database, tmp_path) as web:
        await rig.channel(await rig.campaign())
        await rig.link()
        yield Door(rig, web)


def counted(outcome: str) -> float:
    return float(DELIVERIES.labels("twitch", outcome)._value.get())


async def test_a_follow_counts_once_however_often_it_comes(door: Door) -> None:
    body = door.body()
    headers = door.headers(body, "hb-1")
    answers = await asyncio.gather(*(door.post(body, headers) for _ in range(10)))
    assert {answer.status_code for answer in answers} == {204}
    again = await door.post(body, door.headers(body, "hb-2"))  # told once more in another message
    assert again.status_code == 204
    assert await door.follows() == 1


@pytest.mark.parametrize("secret", [SECRET, "older-secret-of-ours"])
async def test_all_secrets_that_are_good_are_believed(door: Door, secret: str) -> None:
    body = door.body()
    assert (await door.post(body, door.headers(body, secret=secret))).status_code == 204
    assert await door.follows() == 1


async def test_whoever_forges_an_id_keeps_the_real_one_from_nothing(door: Door) -> None:
    body = door.body()
    forged = await door.post(body, door.headers(body, "hb-1", secret="a-guess-of-a-thief"))
    assert forged.status_code == 403
    assert await door.follows() == 0
    assert (await door.post(body, door.headers(body, "hb-1"))).status_code == 204
    assert await door.follows() == 1


async def test_every_change_of_header_body_time_or_key_is_refused(door: Door) -> None:
    random = Random(20_261_201)  # noqa: S311
    body = door.body()
    good = door.headers(body, "hb-good")
    signed = [name for name in good if name.rpartition("-")[2] in ("Id", "Signature", "Timestamp")]
    assert len(signed) == 3
    for _ in range(100):
        sent, headers = bytearray(body), dict(good)
        match random.randrange(4):
            case 0:
                sent[random.randrange(len(sent))] ^= 1 << random.randrange(7)
            case 1:
                name = random.choice(signed)
                value, at = headers[name], random.randrange(len(headers[name]))
                headers[name] = value[:at] + random.choice("abcdef0123456789") + value[at + 1 :]
                if headers[name] == value:
                    continue
            case 2:
                del headers[random.choice(signed)]
            case _:
                headers = door.headers(body, "hb-good", secret=f"thief-{random.random()}")
        answer = await door.post(bytes(sent), headers)
        assert answer.status_code == 403, (bytes(sent), headers)
    assert await door.follows() == 0
    assert (await door.post(body, good)).status_code == 204
    assert await door.follows() == 1


@pytest.mark.parametrize("ahead", [timedelta(minutes=-11), timedelta(minutes=2)])
async def test_what_was_signed_long_ago_or_in_the_future_is_refused(door: Door, ahead: timedelta) -> None:
    before, body = counted("stale"), door.body()
    answer = await door.post(body, door.headers(body, at=datetime.now(UTC) + ahead))
    assert answer.status_code == 403
    assert counted("stale") == before + 1
    assert await door.follows() == 0


async def test_what_is_not_understood_is_thanked_for_and_counted(door: Door) -> None:
    before = counted("ignored")
    about = {"id": "x", "status": "enabled", "version": "1"}
    for body in (
        b"no json",
        b"[]",
        b"{}",
        json.dumps({"subscription": about | {"type": "channel.unheard_of"}, "event": {}}).encode(),
        json.dumps({"subscription": about | {"type": FOLLOW}, "event": None}).encode(),
        door.body(extra={"of": "any kind"}, subscription={"type": "channel.ad_break.begin"}),
    ):
        assert (await door.post(body, door.headers(body))).status_code == 204
    assert counted("ignored") == before + 6
    assert await door.follows() == 0


async def test_the_challenge_is_answered_and_nothing_else(door: Door) -> None:
    async with door.rig.database.connection() as connection:
        await twitch_subscriptions.want(connection, [Wanted(MOSSY, FOLLOW, "2", "webhook")])
        await twitch_subscriptions.tell(
            connection, [twitch_subscriptions.News(MOSSY, FOLLOW, "pending", "hb-sub-9")]
        )
    body = json.dumps({"challenge": "hb-challenge-7Qe2", "subscription": ABOUT}).encode()
    answer = await door.post(body, door.headers(body))
    assert (answer.status_code, answer.text) == (200, "hb-challenge-7Qe2")
    assert answer.headers["content-type"].startswith("text/plain")
    async with door.rig.database.connection() as connection:
        (row,) = await twitch_subscriptions.all_(connection)
    assert row.state == "held"


async def test_a_revocation_is_noted_in_words(door: Door) -> None:
    async with door.rig.database.connection() as connection:
        await twitch_subscriptions.want(connection, [Wanted(MOSSY, FOLLOW, "2", "webhook")])
        await twitch_subscriptions.tell(
            connection, [twitch_subscriptions.News(MOSSY, FOLLOW, "pending", "hb-sub-9")]
        )
    about = {"id": "hb-sub-9", "type": FOLLOW, "version": "2", "status": "authorization_revoked"}
    body = json.dumps({"subscription": about}).encode()
    assert (await door.post(body, door.headers(body))).status_code == 204
    async with door.rig.database.connection() as connection:
        (row,) = await twitch_subscriptions.all_(connection)
    assert row.state == "revoked"
    assert "link the account again" in row.detail


async def test_an_installation_that_twitch_can_reach_subscribes_by_webhook(
    door: Door, database: Database
) -> None:
    """From asking to the first delivery: Twitch's challenge comes in at our door, and is answered."""
    twitch, delivered = door.rig.twitch, []

    async def handed(campaign_id: object, events: Any) -> None:
        delivered.extend(events)

    assert twitch.eventsub._client is not None
    await twitch.eventsub._client.close()
    twitch.eventsub._client = ThroughTheDoor(door)  # type: ignore[assignment]
    webhooks = EventSubWebhooks(
        database,
        door.rig.helix,
        EventSubIntake(database, handed),
        DatabaseClock(),
        callback=f"https://show.example.org{URL}",
        secret=SECRET,
        look_s=0.1,
    )
    running = asyncio.create_task(webhooks.run())
    try:

        async def is_held() -> bool:
            async with database.connection() as connection:
                rows = await twitch_subscriptions.all_(connection)
            return [row.state for row in rows] == ["held"] * len(eventsub_plan.KINDS)

        await until(is_held, "every challenge is answered")
        await twitch.follow(MOSSY, twitch.world.person("700200311", "rookfeather"))

        async def is_told() -> bool:
            return await door.follows() == 1

        await until(is_told, "a follow came in at the door")
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
