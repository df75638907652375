"""How the stand-in for Twitch tells: over WebSockets, by webhooks, through conduits (platforms/twitch.md
§2, §3).

What a client does that Twitch would not bear stands in `world.complaints`: a frame that is no pong, a session
without a subscription in time, users mixed on a session.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import itertools
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import WSMsgType, web

from tests.fakes.twitch_world import Subscription, World, nano

_NUMBERS = itertools.count(1)
#: What becomes of subscriptions when their socket ends with a close code (§2.3, §2.4).
_ENDED = {
    4000: "websocket_internal_error",
    4001: "websocket_received_inbound_traffic",
    4002: "websocket_failed_ping_pong",
    4003: "websocket_connection_unused",
    4004: "websocket_failed_to_reconnect",
    4005: "websocket_network_timeout",
    4006: "websocket_network_error",
}


@dataclass(slots=True, eq=False)
class Session:
    """A WebSocket session. `sockets` are two while a client changes from one to the other."""

    id: str
    keepalive_s: float
    socket: web.WebSocketResponse | None
    user_id: str | None = None
    is_silent: bool = False  # half open: it is there and says nothing
    last_at: float = 0.0
    code: int | None = None  # with which we closed it
    successor: asyncio.Future[web.WebSocketResponse] | None = None
    opened: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True)
class Happened:
    """Something that was to be told, in the order of happening, and how many subscriptions were."""

    type: str
    channel_id: str
    event: Mapping[str, Any]
    told: int = 0


@dataclass(slots=True)
class Delivered:
    """A webhook that was sent, and what was answered."""

    message_id: str
    kind: str
    status: int
    body: bytes


class EventSub:
    """Sessions, and everything that is told."""

    def __init__(
        self,
        world: World,
        *,
        unused_s: float = 10.0,
        grace_s: float = 30.0,
        least_keepalive_s: float = 10.0,
    ) -> None:
        self.world = world
        self.unused_s = unused_s
        self.grace_s = grace_s
        self.least_keepalive_s = least_keepalive_s
        #: Everything that was to be told: a test builds its plain model from it.
        self.happened: list[Happened] = []
        self._held: list[tuple[Happened, str | None]] | None = None
        self.webhook_failures = 10  # so many notifications that nobody takes end a subscription
        self.sessions: dict[str, Session] = {}
        self.url = ""
        self.is_away = False  # connections are refused
        #: Told twice, with one id.
        self.doubles = False
        #: The order of what is told within one call is turned round.
        self.reverses = False
        self.delivered: list[Delivered] = []
        self.webhook_tries = 3
        self.webhook_pause_s = 0.05
        self.lost: list[tuple[str, str]] = []  # events that nobody was there to be told
        self._client: aiohttp.ClientSession | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._reconnects: dict[str, Session] = {}

    async def open(self) -> None:
        self._client = aiohttp.ClientSession()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for session in self.sessions.values():
            if session.socket is not None:
                await session.socket.close()
        if self._client:
            await self._client.close()

    def _later(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- sockets -------------------------------------------------------------------------------------

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """A client connects."""
        self.world.counts["connects"] += 1
        if self.is_away:
            return web.Response(status=503)
        socket = web.WebSocketResponse(autoping=False, autoclose=True)
        await socket.prepare(request)
        loop = asyncio.get_running_loop()
        challenge = request.query.get("challenge", "")
        if challenge:
            session = self._reconnects.pop(challenge, None)
            if session is None or session.id not in self.sessions:
                await socket.close(code=4007, message=b"invalid reconnect")
                return socket
            await self._welcome(session, socket)
            if session.successor is not None and not session.successor.done():
                session.successor.set_result(socket)
        else:
            asked = request.query.get("keepalive_timeout_seconds", "10")
            keepalive = min(600.0, max(self.least_keepalive_s, float(asked)))
            session = Session(f"HbSess_{next(_NUMBERS):04d}", keepalive, socket)
            self.sessions[session.id] = session
            await self._welcome(session, socket)
            self._later(self._unused(session))
            self._later(self._keepalives(session))
        session.last_at = loop.time()
        async for message in socket:
            if message.type in (WSMsgType.TEXT, WSMsgType.BINARY, WSMsgType.PING):
                self.world.complaints.append(f"a client sent {message.type.name}")
                session.code = 4001
                await socket.close(code=4001, message=b"client sent inbound traffic")
        if session.socket is socket:
            self._gone(session, session.code)
        return socket

    async def _welcome(self, session: Session, socket: web.WebSocketResponse) -> None:
        session.socket = socket
        payload = {
            "session": {
                "id": session.id,
                "status": "connected",
                "keepalive_timeout_seconds": int(session.keepalive_s) or 1,
                "reconnect_url": None,
                "connected_at": nano(),
            }
        }
        await self._frame(socket, "session_welcome", payload)

    async def _leave_old(self, session: Session, old: web.WebSocketResponse) -> None:
        """The old socket ends when the time to move is over, whether its client has moved or not (§2.1)."""
        await asyncio.sleep(self.grace_s)
        if not old.closed:
            if session.socket is old:
                session.code = 4004
            await old.close(code=4004, message=b"reconnect grace time expired")

    async def _unused(self, session: Session) -> None:
        await asyncio.sleep(self.unused_s)
        if session.user_id is None and session.socket is not None and not session.socket.closed:
            self.world.counts["unused"] += 1
            session.code = 4003
            await session.socket.close(code=4003, message=b"connection unused")

    async def _keepalives(self, session: Session) -> None:
        loop = asyncio.get_running_loop()
        while session.socket is not None and not session.socket.closed:
            await asyncio.sleep(session.keepalive_s / 4)
            if loop.time() - session.last_at >= session.keepalive_s and not session.is_silent:
                await self._tell_session(session, "session_keepalive", {})

    def _gone(self, session: Session, code: int | None = None) -> None:
        """Its subscriptions die with it."""
        status = _ENDED.get(code or 0, "websocket_disconnected")
        self.sessions.pop(session.id, None)
        session.socket = None
        for one in list(self.world.subscriptions.values()):
            if one.transport.get("session_id") == session.id and one.status == "enabled":
                one.status = status
        for shards in self.world.conduits.values():
            for shard in shards.values():
                if shard["transport"].get("session_id") == session.id:
                    shard["status"] = "websocket_disconnected"

    async def _tell_session(
        self, session: Session, kind: str, payload: Mapping[str, Any], **metadata: str
    ) -> bool:
        socket = session.socket
        if socket is None or socket.closed or session.is_silent:
            return False
        session.last_at = asyncio.get_running_loop().time()
        message_id = metadata.pop("message_id", None) or f"hb-ws-{next(_NUMBERS):06d}"
        for _ in range(2 if self.doubles and kind == "notification" else 1):
            await self._frame(socket, kind, payload, message_id=message_id, **metadata)
        return True

    async def _frame(
        self, socket: web.WebSocketResponse, kind: str, payload: Mapping[str, Any], **metadata: str
    ) -> None:
        message = {
            "metadata": {
                "message_id": metadata.pop("message_id", None) or f"hb-ws-{next(_NUMBERS):06d}",
                "message_type": kind,
                "message_timestamp": metadata.pop("message_timestamp", None) or nano(),
                **metadata,
            },
            "payload": payload,
        }
        try:
            await socket.send_str(json.dumps(message))
        except (ConnectionError, RuntimeError):
            self.world.counts["not_sent"] += 1

    def sessions_of(self, user_id: str) -> list[Session]:
        return [one for one in self.sessions.values() if one.user_id == user_id]

    async def reconnect(self, session: Session) -> str:
        """Ask a client to connect anew; answers the word that the new connection must bring."""
        challenge = f"hb-opaque-{next(_NUMBERS)}"
        self._reconnects[challenge] = session
        session.successor = asyncio.get_running_loop().create_future()
        payload = {
            "session": {
                "id": session.id,
                "status": "reconnecting",
                "keepalive_timeout_seconds": None,
                "reconnect_url": f"{self.url}?challenge={challenge}&id=hb-opaque",
                "connected_at": nano(),
            }
        }
        await self._tell_session(session, "session_reconnect", payload)
        if session.socket is not None:
            self._later(self._leave_old(session, session.socket))
        return challenge

    async def drop(self, code: int | None = None, *, away_s: float = 0.0) -> int:
        """End all sessions: with a close code, or as a cut line does; none can be made for `away_s`."""
        if away_s:
            self.is_away = True
            self._later(self._back(away_s))
        sessions = list(self.sessions.values())
        for session in sessions:
            socket = session.socket
            if socket is None:
                continue
            self._gone(session, code)
            if code is not None:
                await socket.close(code=code, message=b"dropped")
            elif (transport := socket._req and socket._req.transport) is not None:
                transport.abort()  # type: ignore[union-attr]
        return len(sessions)

    async def _back(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self.is_away = False

    def silence(self, seconds: float | None = None) -> None:
        """Every session is half open from now on: there, and silent; for good, or until the time is over."""
        sessions = list(self.sessions.values())
        for session in sessions:
            session.is_silent = True
        if seconds is not None:
            self._later(self._speak(sessions, seconds))

    async def _speak(self, sessions: list[Session], seconds: float) -> None:
        await asyncio.sleep(seconds)
        for session in sessions:
            session.is_silent = False

    def hold(self) -> None:
        """What happens from now on is kept back, until `release`."""
        self._held = []

    async def release(self, order: Callable[[list[Any]], Iterable[Any]] = reversed) -> int:
        """Tell what was kept back in another order (§2.5); answers how many were told."""
        held, self._held = self._held or [], None
        return sum([await self._emit(one, message_id) for one, message_id in order(held)])

    # --- telling -------------------------------------------------------------------------------------

    async def emit(
        self, type_: str, channel_id: str, event: Mapping[str, Any], *, message_id: str | None = None
    ) -> int:
        """Something happened: everybody who asked is told, once a subscription. Answers how many."""
        happened = Happened(type_, channel_id, dict(event))
        self.happened.append(happened)
        if self._held is not None:
            self._held.append((happened, message_id))
            return 0
        return await self._emit(happened, message_id)

    async def _emit(self, happened: Happened, message_id: str | None) -> int:
        reward_id = happened.event.get("reward", {}).get("id", "")
        subscriptions = self.world.listening(happened.type, happened.channel_id, reward_id)
        for one in reversed(subscriptions) if self.reverses else subscriptions:
            happened.told += await self.tell(one, happened.event, message_id=message_id)
        if not happened.told:
            self.lost.append((happened.type, happened.channel_id))
        return happened.told

    async def tell(
        self, one: Subscription, event: Mapping[str, Any], *, message_id: str | None = None
    ) -> bool:
        payload = {"subscription": one.shown(), "event": event}
        match one.transport["method"]:
            case "websocket":
                session = self.sessions.get(one.transport["session_id"])
            case "conduit":
                shards = self.world.conduits.get(one.transport["conduit_id"], {})
                ids = [
                    shard["transport"].get("session_id", "")
                    for shard in shards.values()
                    if shard["status"] == "enabled"
                ]
                session = next((self.sessions[id_] for id_ in ids if id_ in self.sessions), None)
            case _:
                self._later(self.deliver(one, "notification", payload, message_id=message_id))
                return True
        if session is None:
            return False
        return await self._tell_session(
            session,
            "notification",
            payload,
            subscription_type=one.type,
            subscription_version=one.version,
            **({"message_id": message_id} if message_id else {}),
        )

    async def revoke(self, one: Subscription, status: str) -> None:
        """Take a subscription away, and say so."""
        one.status = status
        payload = {"subscription": one.shown()}
        if one.transport["method"] == "websocket":
            session = self.sessions.get(one.transport["session_id"])
            if session is not None:
                await self._tell_session(
                    session,
                    "revocation",
                    payload,
                    subscription_type=one.type,
                    subscription_version=one.version,
                )
        elif one.transport["method"] == "webhook":
            await self.deliver(one, "revocation", payload)

    # --- webhooks ------------------------------------------------------------------------------------

    def challenge(self, one: Subscription) -> None:
        """Ask the callback whether it wants this."""
        self._later(self._challenge(one))

    async def _challenge(self, one: Subscription) -> None:
        word = f"hb-challenge-{next(_NUMBERS)}"
        payload = {"challenge": word, "subscription": one.shown()}
        sent = await self.deliver(one, "webhook_callback_verification", payload)
        good = sent.status == 200 and sent.body == word.encode()
        one.status = "enabled" if good else "webhook_callback_verification_failed"

    @staticmethod
    def signed(
        secret: str, message_id: str, timestamp: str, *, body: bytes, kind: str, type_: str, version: str
    ) -> dict[str, str]:
        """The headers of a delivery."""
        mac = hmac.new(
            secret.encode(), message_id.encode() + timestamp.encode() + body, hashlib.sha256
        ).hexdigest()
        return {
            "Content-Type": "application/json",
            "Twitch-Eventsub-Message-Id": message_id,
            "Twitch-Eventsub-Message-Retry": "0",
            "Twitch-Eventsub-Message-Type": kind,
            "Twitch-Eventsub-Message-Signature": f"sha256={mac}",
            "Twitch-Eventsub-Message-Timestamp": timestamp,
            "Twitch-Eventsub-Subscription-Type": type_,
            "Twitch-Eventsub-Subscription-Version": version,
        }

    async def deliver(
        self, one: Subscription, kind: str, payload: Mapping[str, Any], *, message_id: str | None = None
    ) -> Delivered:
        """Send a webhook, again when it is not taken; too many that are not end the subscription."""
        assert self._client is not None
        body = json.dumps(payload).encode()
        message_id = message_id or f"hb-wh-{next(_NUMBERS):06d}"
        sent = Delivered(message_id, kind, 0, b"")
        for attempt in range(self.webhook_tries):
            headers = self.signed(
                one.secret, message_id, nano(), body=body, kind=kind, type_=one.type, version=one.version
            )
            headers["Twitch-Eventsub-Message-Retry"] = str(attempt)
            try:
                async with self._client.post(
                    one.transport["callback"],
                    data=body,
                    headers=headers,
                    timeout=aiohttp.ClientTimeout(total=10),
                ) as answer:
                    sent = Delivered(message_id, kind, answer.status, await answer.read())
            except (aiohttp.ClientError, TimeoutError, OSError):
                sent = Delivered(message_id, kind, 0, b"")
            self.delivered.append(sent)
            if 200 <= sent.status < 300:
                if self.doubles and kind == "notification" and attempt == 0:
                    continue
                one.failures = 0
                return sent
            if attempt + 1 < self.webhook_tries:
                await asyncio.sleep(self.webhook_pause_s)
        if kind == "notification" and not 200 <= sent.status < 300:
            one.failures += 1
            if one.failures >= self.webhook_failures and one.status == "enabled":
                await self.revoke(one, "notification_failures_exceeded")
        return sent
