"""A stand-in for api.kick.com, to the byte of platforms/kick.md §3 to §5: subscriptions, channels, chat,
rewards and redemptions, and webhooks that it signs with a key made here.

A real HTTP server on loopback. What a client does that Kick would not take stands in `complaints`. Deliveries
go to whoever has subscribed (`tell`), or whatever is asked (`post`); they can come late, twice, or never.
Bodies of rewards are as public clients have them, Kick has not published any.

By hand: `python -m tests.fakes.kick --help`.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import itertools
import json
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

APP_TOKEN = "hb-kick-app-1"
_NUMBERS = itertools.count(1)
_MOST_IDS, _MOST_REDEMPTIONS, _LONGEST_LINE = 50, 25, 500
_KNOWN = {
    "chat.message.sent",
    "channel.followed",
    "channel.subscription.new",
    "channel.subscription.renewal",
    "channel.subscription.gifts",
    "channel.reward.redemption.updated",
    "livestream.status.updated",
    "livestream.metadata.updated",
    "moderation.banned",
    "kicks.gifted",
}


def ulid(word: str) -> str:
    """An id in the form of a ULID, another one each time."""
    return f"01KC{word.upper():X<10.10}{next(_NUMBERS):012d}"


def user(id_: int, name: str, **more: Any) -> dict[str, Any]:
    """The shared object U of §4.5."""
    return {
        "is_anonymous": False,
        "user_id": id_,
        "username": name,
        "is_verified": False,
        "profile_picture": "",
        "channel_slug": name.lower().replace("_", "-"),
        "identity": None,
    } | more


def now_text(at: float | None = None) -> str:
    """A moment as Kick writes it in bodies: whole seconds."""
    return datetime.fromtimestamp(time.time() if at is None else at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class FakeBroadcaster:
    """A channel on Kick."""

    id: int
    name: str
    is_live: bool = False
    rewards: dict[str, dict[str, Any]] = field(default_factory=dict)
    redemptions: dict[str, dict[str, Any]] = field(default_factory=dict)
    #: What was said in its chat by way of the API.
    said: list[dict[str, Any]] = field(default_factory=list)

    @property
    def user(self) -> dict[str, Any]:
        return user(self.id, self.name, is_verified=True)

    @property
    def slug(self) -> str:
        return str(self.user["channel_slug"])

    def chat(
        self, content: str, author: int = 910555, *, at: float | None = None, **more: Any
    ) -> dict[str, Any]:
        """The body of a line in its chat."""
        return {
            "message_id": f"7b7f0a52-8c0f-4a44-9df2-{next(_NUMBERS):012x}",
            "replies_to": None,
            "broadcaster": self.user,
            "sender": user(author, f"Viewer_{author}", identity={"username_color": "#4B8F29", "badges": []}),
            "content": content,
            "emotes": [],
            "created_at": now_text(at),
        } | more

    def stream(self, *, is_live: bool) -> dict[str, Any]:
        """The body of a stream that begins or ends."""
        self.is_live = is_live
        return {
            "broadcaster": self.user,
            "is_live": is_live,
            "title": "Vault night",
            "started_at": now_text(),
            "ended_at": None if is_live else now_text(),
        }

    def redeem(self, reward_id: str, author: int = 910555, user_input: str = "") -> dict[str, Any]:
        """Somebody redeems a reward; the body of the event."""
        reward = self.rewards[reward_id]
        redemption = {
            "id": ulid("red"),
            "user_input": user_input,
            "status": "pending",
            "redeemed_at": now_text(),
            "reward": {name: reward[name] for name in ("id", "title", "cost", "description")},
            "redeemer": _short(user(author, f"Viewer_{author}")),
            "broadcaster": _short(self.user),
        }
        self.redemptions[str(redemption["id"])] = redemption
        return redemption


def _short(one: dict[str, Any]) -> dict[str, Any]:
    """U as redemptions and KICKs have it."""
    return {name: value for name, value in one.items() if name not in ("is_anonymous", "identity")}


@dataclass
class Fault:
    """What an endpoint answers instead, `times` often."""

    status: int
    times: int = 1
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = field(default_factory=dict)
    #: The work is done and its answer lost.
    after_work: bool = False


@dataclass
class FakeKick:
    """`async with fake_kick() as kick`. Change its fields at any time."""

    url: str = ""
    key: RSAPrivateKey = field(default_factory=lambda: generate_private_key(65537, 2048))
    #: The key that `public-key` shows; None: its own.
    shown_key: str | None = None
    webhook_url: str = ""
    broadcasters: dict[int, FakeBroadcaster] = field(default_factory=dict)
    #: Access token → account id, None: the application.
    tokens: dict[str, int | None] = field(default_factory=lambda: {APP_TOKEN: None})
    #: Looks tokens up that are not among `tokens`, for example at an identity server.
    whose: Callable[[str], int | None] | None = None
    #: Subscriptions by id, as the list shows them.
    held: dict[str, dict[str, Any]] = field(default_factory=dict)
    most_subscriptions: int = 10_000
    #: Per-item errors of a subscribe call, by event.
    item_errors: dict[str, str] = field(default_factory=dict)
    #: "POST chat" → what it does instead.
    faults: dict[str, Fault] = field(default_factory=dict)
    #: Bots get 500, as some have reported (§5).
    takes_bots: bool = True
    shows_lines: bool = True
    complaints: list[str] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)
    #: What deliveries were answered with.
    answered: Counter[int] = field(default_factory=Counter)
    _session: aiohttp.ClientSession | None = None

    def broadcaster(self, id_: int, name: str) -> FakeBroadcaster:
        """A channel, made when it is not there."""
        return self.broadcasters.setdefault(id_, FakeBroadcaster(id_, name))

    @property
    def public_pem(self) -> str:
        """Its key, as its documentation would print it."""
        return self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def switch_webhook_off(self) -> None:
        """What somebody does in the dashboard: every subscription is gone, and nobody is told."""
        self.held.clear()

    def has(self, broadcaster: int, event: str) -> bool:
        """Whether somebody has subscribed to it."""
        return any(
            one["broadcaster_user_id"] == broadcaster and one["event"] == event for one in self.held.values()
        )

    # --- webhooks -------------------------------------------------------------------------------------

    def signed(
        self,
        type_: str,
        body: bytes,
        *,
        id_: str = "",
        at: float | None = None,
        version: str = "1",
        key: RSAPrivateKey | None = None,
    ) -> dict[str, str]:
        """The headers of a delivery (§4.2)."""
        id_ = id_ or ulid("msg")
        made = datetime.fromtimestamp(time.time() if at is None else at, UTC)
        stamp = made.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        signature = (key or self.key).sign(f"{id_}.{stamp}.".encode() + body, PKCS1v15(), hashes.SHA256())
        return {
            "content-type": "application/json",
            "Kick-Event-Message-Id": id_,
            "Kick-Event-Subscription-Id": ulid("sub"),
            "Kick-Event-Signature": base64.b64encode(signature).decode(),
            "Kick-Event-Message-Timestamp": stamp,
            "Kick-Event-Type": type_,
            "Kick-Event-Version": version,
        }

    async def tell(self, type_: str, body: Mapping[str, Any], **how: Any) -> int | None:
        """Deliver to whoever has subscribed; None when nobody has."""
        if not self.has(body["broadcaster"]["user_id"], type_):
            return None
        return await self.post(type_, body, **how)

    async def post(self, type_: str, body: Mapping[str, Any], *, times: int = 1, **how: Any) -> int:
        """Deliver, subscribed or not; the status of the last of `times` deliveries under one id."""
        raw = json.dumps(body).encode()
        headers = self.signed(type_, raw, **how)
        status = 0
        for _ in range(times):
            status = await self.send(raw, headers)
        return status

    async def send(self, raw: bytes, headers: Mapping[str, str]) -> int:
        """Send these bytes; 0 when nobody answers. Kick does not say whether it tries again (§4.4): no."""
        assert self._session is not None
        try:
            async with self._session.post(self.webhook_url, data=raw, headers=headers) as answer:
                await answer.read()
                status = answer.status
        except (aiohttp.ClientError, TimeoutError):
            status = 0
        self.answered[status] += 1
        return status

    # --- the API --------------------------------------------------------------------------------------

    def _app(self) -> web.Application:
        app = web.Application()
        base = "/public/v1"
        for method, path, handler in (
            ("GET", "public-key", self._public_key),
            ("GET", "users", self._users),
            ("GET", "channels", self._channels),
            ("GET", "events/subscriptions", self._list),
            ("POST", "events/subscriptions", self._subscribe),
            ("DELETE", "events/subscriptions", self._unsubscribe),
            ("POST", "chat", self._say),
            ("GET", "channels/rewards", self._rewards),
            ("POST", "channels/rewards", self._new_reward),
            ("PATCH", "channels/rewards/{id}", self._change_reward),
            ("DELETE", "channels/rewards/{id}", self._drop_reward),
            ("GET", "channels/rewards/redemptions", self._redemptions),
            ("POST", "channels/rewards/redemptions/accept", self._accept),
            ("POST", "channels/rewards/redemptions/reject", self._reject),
        ):
            app.router.add_route(method, f"{base}/{path}", self._guarded(f"{method} {path}", handler))
        return app

    def _guarded(self, name: str, handler: Callable[[web.Request], Any]) -> Callable[[web.Request], Any]:
        async def answer(request: web.Request) -> web.Response:
            self.calls[name] += 1
            fault = self.faults.get(name)
            if fault is not None and fault.times > 0:
                fault.times -= 1
                if fault.after_work:
                    await handler(request)
                return web.json_response(fault.body, status=fault.status, headers=dict(fault.headers))
            if name != "GET public-key" and self._who(request) is ...:
                return web.json_response({"message": "Unauthorized"}, status=401)
            try:
                found: web.Response = await handler(request)
            except (KeyError, ValueError, TypeError) as error:
                self.complaints.append(f"{name}: {error!r}")
                return _refused("Invalid request")
            return found

        return answer

    def _who(self, request: web.Request) -> Any:
        """An account's id, None for the application, `...` for nobody."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or not token:
            return ...
        if token in self.tokens:
            return self.tokens[token]
        found = self.whose(token) if self.whose else None
        return ... if found is None else found

    def _own(self, request: web.Request) -> FakeBroadcaster:
        who = self._who(request)
        if not isinstance(who, int):
            raise TypeError("a user's token is needed")
        return self.broadcasters[who]

    async def _public_key(self, request: web.Request) -> web.Response:
        return _data({"public_key": self.shown_key or self.public_pem})

    async def _users(self, request: web.Request) -> web.Response:
        ids = [int(id_) for id_ in request.query.getall("id", [])] or [self._who(request)]
        return _data(
            [
                {"user_id": one.id, "name": one.name, "email": "", "profile_picture": ""}
                for id_ in ids
                if (one := self.broadcasters.get(id_)) is not None
            ]
        )

    async def _channels(self, request: web.Request) -> web.Response:
        ids = [int(id_) for id_ in request.query.getall("broadcaster_user_id", [])]
        slugs = request.query.getall("slug", [])
        if len(ids) + len(slugs) > _MOST_IDS:
            raise ValueError(f"more than {_MOST_IDS} channels at once")
        return _data(
            [
                {
                    "broadcaster_user_id": one.id,
                    "slug": one.slug,
                    "stream_title": "Vault night",
                    "category": {"id": 77, "name": "Tabletop RPG", "thumbnail": ""},
                    "stream": {"is_live": one.is_live, "viewer_count": 12, "start_time": now_text()},
                }
                for one in self.broadcasters.values()
                if one.id in ids or one.slug in slugs
            ]
        )

    async def _list(self, request: web.Request) -> web.Response:
        return _data(list(self.held.values()))

    async def _subscribe(self, request: web.Request) -> web.Response:
        asked = await request.json()
        if asked["method"] != "webhook":
            raise ValueError("method must be webhook")
        who = self._who(request)
        broadcaster = asked["broadcaster_user_id"] if who is None else who
        if type(broadcaster) is not int:
            raise ValueError("broadcaster_user_id must be a number")
        told = []
        for event in asked["events"]:
            name, version = event["name"], event["version"]
            error = self.item_errors.get(name, "")
            if name not in _KNOWN or version != 1:
                error = "invalid event"
            elif self.has(broadcaster, name):
                error = "already subscribed"
            if not error and len(self.held) >= self.most_subscriptions:
                return web.json_response(
                    {"data": "event subscription limit reached", "message": "Bad request"}, status=400
                )
            id_ = "" if error else ulid("sub")
            if id_:
                self.held[id_] = {
                    "id": id_,
                    "app_id": "01KCAPP0000000000000000001",
                    "broadcaster_user_id": broadcaster,
                    "event": name,
                    "version": version,
                    "method": "webhook",
                    "created_at": now_text(),
                    "updated_at": now_text(),
                }
            told.append({"name": name, "version": version, "subscription_id": id_, "error": error})
        return _data(told)

    async def _unsubscribe(self, request: web.Request) -> web.Response:
        for id_ in request.query.getall("id"):
            self.held.pop(id_, None)
        return web.Response(status=204)

    async def _say(self, request: web.Request) -> web.Response:
        asked, who = await request.json(), self._who(request)
        if asked["type"] not in ("user", "bot") or who is None:
            raise ValueError("type must be user or bot, of an account")
        if not 0 < len(asked["content"]) <= _LONGEST_LINE:
            raise ValueError("content must have 1 to 500 characters")
        if asked["content"].startswith(("/", ".")):
            self.complaints.append(f"an order: {asked['content'][:20]}")
        if asked["type"] == "bot" and not self.takes_bots:
            return web.json_response({"message": "Internal Server Error"}, status=500)
        place = who if asked["type"] == "bot" else asked["broadcaster_user_id"]
        if self.shows_lines:
            self.broadcasters[place].said.append(asked)
        return _data({"is_sent": self.shows_lines, "message_id": f"9a50cd10-2d4b-{next(_NUMBERS):012x}"})

    # --- rewards --------------------------------------------------------------------------------------

    async def _rewards(self, request: web.Request) -> web.Response:
        return _data(list(self._own(request).rewards.values()))

    async def _new_reward(self, request: web.Request) -> web.Response:
        asked, own = await request.json(), self._own(request)
        if not 0 < len(asked["title"]) <= 50 or asked["cost"] < 1:
            raise ValueError("title and cost")
        reward = {
            "id": ulid("rwd"),
            "description": "",
            "is_enabled": True,
            "is_paused": False,
            "is_user_input_required": False,
            "should_redemptions_skip_request_queue": False,
            "background_color": "#00e701",
        } | asked
        own.rewards[str(reward["id"])] = reward
        return _data(reward)

    async def _change_reward(self, request: web.Request) -> web.Response:
        own = self._own(request)
        reward = own.rewards.get(request.match_info["id"])
        if reward is None:
            return web.json_response({"message": "Not Found"}, status=404)
        reward |= await request.json()
        return _data(reward)

    async def _drop_reward(self, request: web.Request) -> web.Response:
        found = self._own(request).rewards.pop(request.match_info["id"], None)
        if found is None:
            return web.json_response({"message": "Not Found"}, status=404)
        return web.Response(status=204)

    async def _redemptions(self, request: web.Request) -> web.Response:
        own, query = self._own(request), request.query
        ids, status, reward_id = query.getall("id", []), query.get("status"), query.get("reward_id")
        groups: dict[str, list[dict[str, Any]]] = {}
        for one in own.redemptions.values():
            if ids and one["id"] not in ids:
                continue
            if (status or one["status"]) == one["status"] and (reward_id or one["reward"]["id"]) == one[
                "reward"
            ]["id"]:
                shown = {name: one[name] for name in ("id", "status", "user_input", "redeemed_at")}
                groups.setdefault(one["reward"]["id"], []).append(
                    shown | {"redeemer": {"user_id": one["redeemer"]["user_id"]}}
                )
        return _data(
            [
                {"reward": own.rewards.get(id_, {"id": id_}), "redemptions": items}
                for id_, items in groups.items()
            ]
        )

    async def _accept(self, request: web.Request) -> web.Response:
        return await self._decide(request, "accepted")

    async def _reject(self, request: web.Request) -> web.Response:
        return await self._decide(request, "rejected")

    async def _decide(self, request: web.Request, status: str) -> web.Response:
        own, ids = self._own(request), (await request.json())["ids"]
        if not 0 < len(ids) <= _MOST_REDEMPTIONS:
            raise ValueError(f"1 to {_MOST_REDEMPTIONS} ids")
        failed = []
        for id_ in ids:
            one = own.redemptions.get(id_)
            if one is None:
                failed.append({"id": id_, "reason": "NOT_FOUND"})
            elif one["status"] != "pending":
                failed.append({"id": id_, "reason": "NOT_PENDING"})
            else:
                one["status"] = status
        return _data(failed)


def _data(data: Any) -> web.Response:
    return web.json_response({"data": data, "message": "OK"})


def _refused(reason: str) -> web.Response:
    return web.json_response({"data": {}, "message": reason}, status=400)


@asynccontextmanager
async def fake_kick() -> AsyncIterator[FakeKick]:
    """Listens on a free port of the loopback until the block ends."""
    kick = FakeKick()
    runner = web.AppRunner(kick._app(), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    kick.url = f"http://{host}:{port}"
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
            kick._session = session
            yield kick
    finally:
        await runner.cleanup()


async def _show(given: argparse.Namespace) -> None:
    """Serve, and let viewers of one channel write, until interrupted."""
    async with fake_kick() as kick:
        kick.webhook_url = given.webhook
        channel = kick.broadcaster(given.broadcaster, given.name)
        channel.is_live = True
        given.key.write_text(kick.public_pem)
        print(f"KICK_API_URL={kick.url} KICK_PUBLIC_KEY={given.key}")
        while True:
            line = channel.chat(secrets.choice(given.lines), 910_000 + secrets.randbelow(500))
            status = await kick.post("chat.message.sent", line, times=secrets.choice((1, 1, 1, 2)))
            print(f"{line['sender']['username']}: {line['content']} → {status or 'no answer'}")
            await asyncio.sleep(1 / given.rate)


def main() -> None:
    """`python -m tests.fakes.kick`: a channel whose viewers vote, for a server that is to be tried."""
    parser = argparse.ArgumentParser(description="A stand-in for Kick, with a chat that writes.")
    parser.add_argument("--webhook", default="http://127.0.0.1:8787/webhooks/kick")
    parser.add_argument("--broadcaster", type=int, default=910001)
    parser.add_argument("--name", default="MossyTavern")
    parser.add_argument("--rate", type=float, default=2.0, help="lines a second")
    parser.add_argument("--key", type=Path, default=Path("kick-key.pem"), help="where its public key is put")
    parser.add_argument("--lines", nargs="+", default=["1", "2", "!vote 2", "!1 [emote:55501:MossDance]"])
    try:
        asyncio.run(_show(parser.parse_args()))
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    main()
