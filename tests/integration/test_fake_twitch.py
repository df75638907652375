"""The stand-in for Twitch keeps to platforms/twitch.md; each test names the section of its rule."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from tests.fakes.by_hand import obey, twitch_acts
from tests.fakes.twitch import FakeTwitch, running
from tests.fakes.twitch_eventsub import EventSub
from tests.fakes.twitch_irc import until
from tests.fakes.twitch_world import CLIENT_ID, Fault, Person

ALL = (
    "user:read:chat user:write:chat bits:read channel:read:subscriptions channel:manage:polls"
    " channel:manage:redemptions moderator:read:followers"
)
REWARD = "channel_points/custom_rewards"


@dataclass
class Stage:
    """The fake, a streamer with a token, and a plain client."""

    twitch: FakeTwitch
    http: aiohttp.ClientSession
    mossy: Person
    rook: Person
    token: str
    app: str
    sockets: list[aiohttp.ClientWebSocketResponse] = field(default_factory=list)

    async def call(
        self, method: str, path: str, body: Any = None, *, token: str | None = None, **query: str
    ) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {token or self.token}", "Client-Id": CLIENT_ID}
        url = f"{self.twitch.api_url}/{path}"
        async with self.http.request(method, url, json=body, params=query, headers=headers) as answer:
            return answer.status, await answer.json() if answer.content_length else None

    async def connect(self, url: str = "") -> tuple[aiohttp.ClientWebSocketResponse, str]:
        """A socket and the id of its session."""
        socket = await self.http.ws_connect(url or self.twitch.eventsub_url, autoping=False)
        self.sockets.append(socket)
        welcome = await socket.receive_json(timeout=5)
        assert welcome["metadata"]["message_type"] == "session_welcome"
        return socket, welcome["payload"]["session"]["id"]

    async def subscribe(self, session: str, type_: str, *, token: str | None = None, **more: str) -> int:
        condition = {"broadcaster_user_id": self.mossy.id} | more
        return (await self.call("POST", "eventsub/subscriptions", token=token, body={
            "type": type_, "version": "2" if type_ == "channel.follow" else "1", "condition": condition,
            "transport": {"method": "websocket", "session_id": session},
        }))[0]  # fmt: skip


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with (
        running(unused_s=0.3, grace_s=0.3, least_keepalive_s=0.2) as twitch,
        aiohttp.ClientSession() as http,
    ):
        mossy = twitch.world.person("700100200", "mossy_tavern")
        rook = twitch.world.person("700200311", "rookfeather")
        token = twitch.sign_in(mossy, ALL).access
        made = Stage(twitch, http, mossy, rook, token, twitch.world.grant_app())
        yield made
        for socket in made.sockets:
            await socket.close()


async def _drain(socket: aiohttp.ClientWebSocketResponse) -> None:
    """Read until four keepalives' time brings nothing. Raises TimeoutError."""
    while (await socket.receive(timeout=0.8)).type is aiohttp.WSMsgType.TEXT:
        pass


async def closed(socket: aiohttp.ClientWebSocketResponse) -> int | None:
    """The close code, after whatever comes before it."""
    while (await socket.receive(timeout=5)).type is aiohttp.WSMsgType.TEXT:
        pass
    return socket.close_code


async def test_2_1_a_session_without_a_subscription_is_closed_with_4003(stage: Stage) -> None:
    socket, _ = await stage.connect()
    assert await closed(socket) == 4003


async def test_2_1_a_client_that_sends_is_closed_with_4001(stage: Stage) -> None:
    socket, session = await stage.connect()
    assert await stage.subscribe(session, "channel.cheer") == 202
    await socket.send_str("hello")
    assert await closed(socket) == 4001
    await until(lambda: not stage.twitch.eventsub.sessions, "the session ended")
    statuses = {one.status for one in stage.twitch.world.subscriptions.values()}
    assert statuses == {"websocket_received_inbound_traffic"}


async def test_2_1_keepalives_come_when_nothing_else_does_and_none_when_half_open(stage: Stage) -> None:
    socket, session = await stage.connect(f"{stage.twitch.eventsub_url}?keepalive_timeout_seconds=0")
    await stage.subscribe(session, "channel.cheer")
    assert (await socket.receive_json(timeout=5))["metadata"]["message_type"] == "session_keepalive"
    stage.twitch.eventsub.silence()
    with pytest.raises(TimeoutError):
        await _drain(socket)


async def test_2_2_a_reconnect_carries_subscriptions_over_and_the_old_socket_ends_with_4004(
    stage: Stage,
) -> None:
    old, session = await stage.connect()
    await stage.subscribe(session, "channel.cheer")
    await stage.twitch.eventsub.reconnect(stage.twitch.eventsub.sessions[session])
    url = (await old.receive_json(timeout=5))["payload"]["session"]["reconnect_url"]
    new, _ = await stage.connect(url)
    await stage.twitch.cheer(stage.mossy.id, stage.rook, 100, "cheer100")
    assert (await new.receive_json(timeout=5))["payload"]["event"]["bits"] == 100
    assert await closed(old) == 4004
    with pytest.raises(TypeError):  # a used word is no welcome: the close frame is no text
        await stage.connect(url)
    assert stage.sockets[-1].close_code == 4007


@pytest.mark.parametrize("code", [4000, 4002, 4005, 4006])
async def test_2_3_close_codes_end_subscriptions(stage: Stage, code: int) -> None:
    socket, session = await stage.connect()
    await stage.subscribe(session, "channel.cheer")
    await stage.twitch.eventsub.drop(code)
    assert await closed(socket) == code
    assert not stage.twitch.world.subscriptions_of(stage.mossy.id)


async def test_2_4_users_do_not_mix_and_an_app_token_is_refused(stage: Stage) -> None:
    _, session = await stage.connect()
    assert await stage.subscribe(session, "channel.cheer") == 202
    assert await stage.subscribe(session, "channel.cheer") == 409
    assert await stage.subscribe(session, "channel.cheer", token=stage.app) == 400
    other = stage.twitch.sign_in(stage.rook, ALL).access
    assert await stage.subscribe(session, "stream.online", token=other) == 400


async def test_2_4_three_connections_a_user_and_three_of_a_kind(stage: Stage) -> None:
    sessions = []
    for _ in range(3):
        sessions.append((await stage.connect())[1])
        assert await stage.subscribe(sessions[-1], "channel.cheer") == 202
    _, fourth = await stage.connect()
    assert await stage.subscribe(fourth, "channel.follow", moderator_user_id=stage.mossy.id) == 429


async def test_2_4_strangers_cost_one_each_and_ten_are_the_most(stage: Stage) -> None:
    _, session = await stage.connect()
    strangers = [
        await stage.subscribe(session, "stream.online", broadcaster_user_id=f"9{n:03d}") for n in range(11)
    ]
    assert strangers == [202] * 10 + [429]
    assert await stage.subscribe(session, "stream.online") == 202  # let us in: costs nothing


async def test_2_5_deliveries_come_twice_with_one_id_and_out_of_order(stage: Stage) -> None:
    socket, session = await stage.connect()
    await stage.subscribe(session, "channel.cheer")
    eventsub = stage.twitch.eventsub
    eventsub.hold()
    for bits in (1, 2):
        await stage.twitch.cheer(stage.mossy.id, stage.rook, bits, "cheer")
    eventsub.doubles = True
    await eventsub.release()
    got = [await socket.receive_json(timeout=5) for _ in range(4)]
    assert [one["payload"]["event"]["bits"] for one in got] == [2, 2, 1, 1]
    assert len({one["metadata"]["message_id"] for one in got}) == 2


def test_3_2_the_signature_is_that_of_the_vector() -> None:
    headers = EventSub.signed(
        "hubbub-test-secret-01", "8d6c6a0e-hubbub-0001", "2026-11-20T18:30:05.123456789Z",
        body=b'{"challenge":"hb-challenge-7Qe2"}', kind="", type_="", version="",
    )  # fmt: skip
    assert headers["Twitch-Eventsub-Message-Signature"] == (
        "sha256=069ee2a741402aabcba5d3c4a5e204f9cfbe4e7879e5c449b9d6b32a0ba5692b"
    )


async def test_3_3_a_webhook_is_challenged_tried_again_and_revoked(stage: Stage) -> None:
    seen: list[tuple[str, str]] = []
    statuses = {"notification": 500}

    async def hook(request: web.Request) -> web.Response:
        kind = request.headers["Twitch-Eventsub-Message-Type"]
        seen.append((kind, request.headers["Twitch-Eventsub-Message-Id"]))
        body = json.loads(await request.read())
        return web.Response(text=body.get("challenge", ""), status=statuses.get(kind, 200))

    app = web.Application()
    app.router.add_post("/", hook)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    stage.twitch.eventsub.webhook_failures = 1
    body = {
        "type": "channel.cheer", "version": "1", "condition": {"broadcaster_user_id": stage.mossy.id},
        "transport": {"method": "webhook", "secret": "hubbub-test-secret-01",
                      "callback": f"http://127.0.0.1:{runner.addresses[0][1]}/"},
    }  # fmt: skip
    try:
        assert (await stage.call("POST", "eventsub/subscriptions", body))[0] == 400  # a user's token
        assert (await stage.call("POST", "eventsub/subscriptions", body, token=stage.app))[0] == 202
        await until(lambda: stage.twitch.world.subscriptions_of(stage.mossy.id), "the challenge was answered")
        await stage.twitch.cheer(stage.mossy.id, stage.rook, 5, "cheer5")
        await until(lambda: seen[-1][0] == "revocation", "revoked after its failures")
    finally:
        await runner.cleanup()
    told = [id_ for kind, id_ in seen if kind == "notification"]
    assert len(told) == 3
    assert len(set(told)) == 1
    (one,) = stage.twitch.world.subscriptions.values()
    assert one.status == "notification_failures_exceeded"


async def test_4_5_a_gift_bomb_is_one_gift_and_a_subscription_for_each(stage: Stage) -> None:
    await stage.twitch.gift_bomb(stage.mossy.id, None, 5)
    happened = stage.twitch.eventsub.happened
    assert [one.type for one in happened] == ["channel.subscription.gift"] + ["channel.subscribe"] * 5
    assert happened[0].event["user_id"] is None
    assert all(one.event["is_gift"] for one in happened[1:])


async def test_5_polls_one_at_a_time_and_only_of_affiliates(stage: Stage) -> None:
    body = {"broadcaster_id": stage.mossy.id, "title": "Next door?", "duration": 60,
            "choices": [{"title": "Left"}, {"title": "Right"}]}  # fmt: skip
    status, made = await stage.call("POST", "polls", body)
    assert (status, made["data"][0]["status"]) == (200, "ACTIVE")
    assert (await stage.call("POST", "polls", body))[0] == 400
    end = {"broadcaster_id": stage.mossy.id, "id": made["data"][0]["id"], "status": "TERMINATED"}
    assert (await stage.call("PATCH", "polls", end))[0] == 200
    assert (await stage.call("PATCH", "polls", end))[0] == 400
    stage.twitch.take_affiliate_away(stage.mossy.id)
    assert (await stage.call("POST", "polls", body))[0] == 403


async def test_5_a_refund_is_made_once_also_when_its_answer_is_lost(stage: Stage) -> None:
    asked = {"title": "Join the heist", "cost": 500}
    _, made = await stage.call("POST", REWARD, asked, broadcaster_id=stage.mossy.id)
    assert (await stage.call("POST", REWARD, asked, broadcaster_id=stage.mossy.id))[0] == 400
    reward = made["data"][0]["id"]
    redemption = await stage.twitch.helix.redeem(stage.mossy.id, reward, stage.rook.id, "join")
    stage.twitch.world.faults[f"PATCH {REWARD}/redemptions"] = Fault(cut=True, after_work=True)
    where = {"broadcaster_id": stage.mossy.id, "reward_id": reward, "id": redemption.id}
    with pytest.raises(aiohttp.ClientError):
        await stage.call("PATCH", f"{REWARD}/redemptions", {"status": "CANCELED"}, **where)
    assert (await stage.call("PATCH", f"{REWARD}/redemptions", {"status": "CANCELED"}, **where))[0] == 404
    assert (redemption.status, redemption.changes) == ("CANCELED", 1)


async def test_5_a_repeated_line_is_answered_200_and_not_sent(stage: Stage) -> None:
    line = {"broadcaster_id": stage.mossy.id, "sender_id": stage.mossy.id, "message": "hello"}
    assert (await stage.call("POST", "chat/messages", line))[1]["data"][0]["is_sent"] is True
    status, again = await stage.call("POST", "chat/messages", line)
    assert (status, again["data"][0]["is_sent"]) == (200, False)
    assert again["data"][0]["drop_reason"]["code"] == "msg_duplicate"


async def test_5_an_empty_bucket_is_429_with_a_reset(stage: Stage) -> None:
    stage.twitch.world.bucket = 1
    headers = {"Authorization": f"Bearer {stage.token}", "Client-Id": CLIENT_ID}
    answers = []
    for _ in range(2):
        async with stage.http.get(f"{stage.twitch.api_url}/users", headers=headers) as answer:
            answers.append((answer.status, answer.headers["Ratelimit-Remaining"]))
            assert int(answer.headers["Ratelimit-Reset"]) > 0
    assert answers == [(200, "0"), (429, "0")]


async def test_5_1_helix_takes_tokens_of_the_identity_server_until_they_end(stage: Stage) -> None:
    issued = stage.twitch.sign_in(stage.rook, "user:read:chat")
    base = stage.twitch.settings["TWITCH_ID_URL"]
    async with stage.http.get(
        f"{base}/validate", headers={"Authorization": f"OAuth {issued.access}"}
    ) as answer:
        assert (await answer.json())["user_id"] == stage.rook.id
    form = {"client_id": CLIENT_ID, "client_secret": stage.twitch.identity.client_secret,
            "grant_type": "refresh_token", "refresh_token": issued.refresh}  # fmt: skip
    async with stage.http.post(f"{base}/token", data=form) as answer:
        renewed = await answer.json()
    async with stage.http.post(f"{base}/token", data=form) as answer:
        assert answer.status == 400  # rotated: the old one is burnt
    assert (await stage.call("GET", "users", token=renewed["access_token"]))[0] == 200
    async with stage.http.post(
        f"{base}/revoke", data={"client_id": CLIENT_ID, "token": renewed["access_token"]}
    ) as answer:
        assert answer.status == 200
    assert (await stage.call("GET", "users", token=renewed["access_token"]))[0] == 401


async def test_2_2_who_disconnects_is_told_of_by_a_revocation(stage: Stage) -> None:
    socket, session = await stage.connect()
    await stage.subscribe(session, "channel.cheer")
    assert await stage.twitch.disconnect(stage.mossy.id) == 1
    told = await socket.receive_json(timeout=5)
    assert told["metadata"]["message_type"] == "revocation"
    assert told["payload"]["subscription"]["status"] == "authorization_revoked"
    assert (await stage.call("GET", "users"))[0] == 401


async def test_by_hand_a_typed_line_is_what_a_viewer_does_and_wrong_usage_is_answered(stage: Stage) -> None:
    acts = twitch_acts(stage.twitch, stage.mossy)
    for line in ("say ann hello", "gift ann 2", "cheer ann 5 cheer5", "raid bob 12", "online", "offline"):
        assert not (await obey(line, acts)).startswith("usage"), line
    assert [one.type for one in stage.twitch.eventsub.happened] == [
        "channel.chat.message", "channel.subscription.gift", "channel.subscribe", "channel.subscribe",
        "channel.cheer", "channel.bits.use", "channel.raid", "stream.online", "stream.offline",
    ]  # fmt: skip
    for line in ("vote 1", "cheer ann much", "say", "offline", "affiliate maybe"):
        assert (await obey(line, acts)).startswith("usage"), line
    assert "gift USER COUNT" in await obey("what", acts)
