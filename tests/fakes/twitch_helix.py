"""Helix as the stand-in for Twitch serves it (platforms/twitch.md §2.4, §5): tokens, buckets, faults,
answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from tests.fakes.twitch_eventsub import EventSub
from tests.fakes.twitch_world import (
    APP_USER,
    CLIENT_ID,
    SCOPES,
    VERSIONS,
    Call,
    Choice,
    Fault,
    Poll,
    Redemption,
    Reward,
    Said,
    Subscription,
    TokenInfo,
    World,
    nano,
)

_LIVING = ("enabled", "webhook_callback_verification_pending")
Answer = tuple[int, Any]
Handler = Callable[["Asked"], Awaitable[Answer]]


class Refused(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Asked:
    """A request, taken apart."""

    def __init__(self, request: web.Request, token: TokenInfo, body: Any) -> None:
        self.query = request.query
        self.token = token
        self.body: dict[str, Any] = body if isinstance(body, dict) else {}

    def one(self, name: str) -> str:
        """A parameter that must be there. Raises Refused."""
        value = self.query.get(name, "")
        if not value:
            raise Refused(400, f'Missing required parameter "{name}"')
        return value

    def needs(self, *scopes: str, of: str) -> None:
        """Raises Refused when the token is not this user's with one of these scopes."""
        if self.token.user_id != of:
            raise Refused(401, "The ID in broadcaster_id must match the user ID found in the OAuth token.")
        if scopes and self.token.scopes.isdisjoint(scopes):
            raise Refused(403, f"Missing scope: {' or '.join(scopes)}")


class Helix:
    """The routes."""

    def __init__(self, world: World, eventsub: EventSub) -> None:
        self.world = world
        self.eventsub = eventsub
        self._timers: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        for task in self._timers:
            task.cancel()
        await asyncio.gather(*self._timers, return_exceptions=True)

    def routes(self) -> list[web.RouteDef]:
        handlers: dict[tuple[str, str], Handler] = {
            ("POST", "eventsub/subscriptions"): self._subscribe,
            ("GET", "eventsub/subscriptions"): self._subscriptions,
            ("DELETE", "eventsub/subscriptions"): self._unsubscribe,
            ("POST", "eventsub/conduits"): self._make_conduit,
            ("GET", "eventsub/conduits"): self._conduits,
            ("PATCH", "eventsub/conduits/shards"): self._shards,
            ("GET", "users"): self._users,
            ("GET", "streams"): self._streams,
            ("POST", "chat/messages"): self._say,
            ("GET", "chat/chatters"): self._chatters,
            ("GET", "channels"): self._channels,
            ("GET", "moderation/moderators"): self._moderators,
            ("POST", "polls"): self._make_poll,
            ("PATCH", "polls"): self._end_poll,
            ("GET", "polls"): self._polls,
            ("POST", "channel_points/custom_rewards"): self._make_reward,
            ("PATCH", "channel_points/custom_rewards"): self._change_reward,
            ("DELETE", "channel_points/custom_rewards"): self._delete_reward,
            ("GET", "channel_points/custom_rewards"): self._rewards,
            ("GET", "channel_points/custom_rewards/redemptions"): self._redemptions,
            ("PATCH", "channel_points/custom_rewards/redemptions"): self._settle,
        }

        def at(method: str, path: str, handler: Handler) -> web.RouteDef:
            async def answer(request: web.Request) -> web.StreamResponse:
                return await self._answered(request, method, path, handler)

            return web.RouteDef(method, f"/helix/{path}", answer, {})

        return [at(method, path, handler) for (method, path), handler in handlers.items()]

    # --- what all calls have in common ---------------------------------------------------------------

    async def _answered(
        self, request: web.Request, method: str, path: str, handler: Handler
    ) -> web.StreamResponse:
        try:
            body = await request.json() if request.can_read_body else None
        except ValueError:
            return _said(400, "the body is no JSON")
        query = tuple(request.query.items())
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        token = self.world.tokens.get(value)
        call = Call(method, path, query, body, None if token is None else token.user_id)
        self.world.calls.append(call)
        if self.world.is_away:
            call.status = 0
            _cut(request)
        fault = self._fault(f"{method} {path}")
        if fault is not None:
            await asyncio.sleep(fault.delay_s)
            if not fault.after_work:
                call.status = fault.status
                if fault.cut:
                    _cut(request)
                return _said(fault.status, fault.message, fault.headers)
        if scheme != "Bearer" or token is None or not token.is_good or not token.is_alive():
            call.status = 401
            return _said(401, "Invalid OAuth token")
        if request.headers.get("client-id") != CLIENT_ID:
            call.status = 401
            return _said(401, "Client ID and OAuth token do not match")
        headers = self._draw(token)
        if headers is None:
            call.status = 429
            reset = {
                "Ratelimit-Limit": str(self.world.bucket),
                "Ratelimit-Remaining": "0",
                "Ratelimit-Reset": str(int(time.time() + self.world.refill_s)),
            }
            return _said(429, "Too Many Requests", reset)
        try:
            status, answer = await handler(Asked(request, token, body))
        except Refused as refused:
            call.status = refused.status
            return _said(refused.status, str(refused), headers)
        call.status = status
        if fault is not None and fault.after_work:
            if fault.cut:
                _cut(request)
            return _said(fault.status, fault.message, fault.headers)
        if answer is None:
            return web.Response(status=status, headers=headers)
        return web.json_response(answer, status=status, headers=headers)

    def _fault(self, name: str) -> Fault | None:
        fault = self.world.faults.get(name)
        if fault is not None and fault.times:
            fault.times -= 1
            if not fault.times:
                del self.world.faults[name]
        return fault

    def _draw(self, token: TokenInfo) -> dict[str, str] | None:
        now = time.monotonic()
        most, per_s = float(self.world.bucket), self.world.bucket / self.world.refill_s
        token.left = min(most, token.left + (now - token.filled_at) * per_s)
        token.filled_at = now
        if token.left < 1:
            return None
        token.left -= 1
        full_in = (most - token.left) / per_s
        return {
            "Ratelimit-Limit": str(self.world.bucket),
            "Ratelimit-Remaining": str(int(token.left)),
            "Ratelimit-Reset": str(int(time.time() + full_in) + 1),
        }

    # --- subscriptions -------------------------------------------------------------------------------

    async def _subscribe(self, asked: Asked) -> Answer:
        type_, version = asked.body.get("type", ""), asked.body.get("version", "")
        condition, transport = asked.body.get("condition", {}), dict(asked.body.get("transport", {}))
        method = transport.get("method")
        self._check_form(type_, version, condition, method)
        one = Subscription(
            f"hb-sub-{self.world.number()}", type_, version, dict(condition), transport, "enabled",
            asked.token.user_id,
        )  # fmt: skip
        if method == "websocket":
            self._check_session(asked, transport)
            needed = SCOPES[type_]
            if needed and (asked.token.scopes.isdisjoint(needed) or one.user != asked.token.user_id):
                raise Refused(403, "subscription missing proper authorization")
        else:
            if asked.token.user_id != APP_USER:
                raise Refused(400, "invalid transport and auth combination")
            if not self._may_be_told(one):
                raise Refused(403, "subscription missing proper authorization")
            one.secret = transport.pop("secret", "")
            if method == "webhook":
                if not 10 <= len(one.secret) <= 100:
                    raise Refused(400, "secret must be between 10 and 100 characters")
                one.status = "webhook_callback_verification_pending"
            elif transport.get("conduit_id") not in self.world.conduits:
                raise Refused(400, "no such conduit")
        same = [
            other
            for other in self.world.subscriptions.values()
            if (other.type, other.condition, other.transport) == (one.type, one.condition, one.transport)
            and other.status in ("enabled", "webhook_callback_verification_pending")
        ]
        if same:
            raise Refused(409, "subscription already exists")
        self._check_limits(asked, one)
        self.world.subscriptions[one.id] = one
        if method == "webhook":
            self.eventsub.challenge(one)
        return 202, {
            "data": [one.shown()],
            "total": len(self._counted(asked)),
            "total_cost": sum(other.cost for other in self._counted(asked)),
            "max_total_cost": self._most_cost(asked),
        }

    def _check_form(self, type_: str, version: str, condition: dict[str, Any], method: Any) -> None:
        if type_ not in SCOPES or version != VERSIONS.get(type_, "1"):
            raise Refused(400, "invalid type or version")
        if self.world.is_broken(condition, type_):
            raise Refused(400, "the condition has not what its type needs")
        if method not in ("websocket", "webhook", "conduit"):
            raise Refused(400, "unsupported transport")

    def _may_be_told(self, one: Subscription) -> bool:
        """Whether people granted what an application's own subscription needs (§3.3, §4)."""
        if not self.world.has_authorised(one.user, one.type):
            return False
        if one.type != "channel.chat.message":
            return True
        return self._may_be_bot(one.user, one.channel)

    def _may_be_bot(self, user_id: str, channel_id: str) -> bool:
        return self.world.has_granted(user_id, "user:bot") and (
            self.world.has_granted(channel_id, "channel:bot")
            or user_id == channel_id
            or user_id in self.world.moderators.get(channel_id, ())
        )

    def _counted(self, asked: Asked) -> list[Subscription]:
        """What counts against the same limit: a user's on sockets, or all of the application's."""
        is_app = asked.token.user_id == APP_USER
        return [
            one
            for one in self.world.subscriptions.values()
            if one.status in _LIVING
            and (one.transport["method"] != "websocket") == is_app
            and (is_app or one.user_id == asked.token.user_id)
        ]

    def _most_cost(self, asked: Asked) -> int:
        return 10_000 if asked.token.user_id == APP_USER else 10

    def _check_limits(self, asked: Asked, one: Subscription) -> None:
        """§2.4: cost, and the same thing three times at most. Raises Refused."""
        alike = [
            other
            for other in self.world.subscriptions.values()
            if other.status in _LIVING
            and (other.type, other.version, other.condition) == (one.type, one.version, one.condition)
        ]
        if len(alike) >= 3:
            raise Refused(429, "maximum subscriptions with type and condition exceeded")
        one.cost = 0 if self.world.has_granted(one.user) else 1
        if one.cost + sum(other.cost for other in self._counted(asked)) > self._most_cost(asked):
            raise Refused(429, "subscription cost limit exceeded")

    def _check_session(self, asked: Asked, transport: dict[str, Any]) -> None:
        session = self.eventsub.sessions.get(transport.get("session_id", ""))
        if session is None or session.socket is None:
            raise Refused(400, "websocket transport session does not exist or has already disconnected")
        if asked.token.user_id == APP_USER:
            raise Refused(400, "invalid transport and auth combination")
        if session.user_id is None:
            others = [one for one in self.eventsub.sessions_of(asked.token.user_id) if one is not session]
            if len(others) >= 3:
                raise Refused(429, "number of websocket transports limit exceeded")
            session.user_id = asked.token.user_id
        elif session.user_id != asked.token.user_id:
            self.world.complaints.append("users are mixed on a session")
            raise Refused(400, "websocket transport cannot have subscriptions created by different users")
        mine = [
            one
            for one in self.world.subscriptions.values()
            if one.transport.get("session_id") == session.id and one.status == "enabled"
        ]
        if len(mine) >= 300:
            raise Refused(429, "websocket transport subscription limit exceeded")

    async def _subscriptions(self, asked: Asked) -> Answer:
        method_is_app = asked.token.user_id == APP_USER
        found = [
            one
            for one in self.world.subscriptions.values()
            if (one.transport["method"] != "websocket") == method_is_app
            and (method_is_app or one.user_id == asked.token.user_id)
            and asked.query.get("status", one.status) == one.status
            and asked.query.get("type", one.type) == one.type
            and asked.query.get("user_id", one.channel) == one.channel
        ]
        if len({"status", "type", "user_id", "subscription_id"} & set(asked.query)) > 1:
            raise Refused(400, "one filter only")
        if "subscription_id" in asked.query:
            found = [one for one in found if one.id == asked.query["subscription_id"]]
        start = int(asked.query.get("after", "0"))
        page = found[start : start + 100]
        cursor = {"cursor": str(start + 100)} if start + 100 < len(found) else {}
        return 200, {
            "data": [one.shown() for one in page],
            "total": len(found),
            "total_cost": sum(one.cost for one in self._counted(asked)),
            "max_total_cost": self._most_cost(asked),
            "pagination": cursor,
        }

    async def _unsubscribe(self, asked: Asked) -> Answer:
        if self.world.subscriptions.pop(asked.one("id"), None) is None:
            raise Refused(404, "subscription not found")
        return 204, None

    async def _make_conduit(self, asked: Asked) -> Answer:
        if asked.token.user_id != APP_USER:
            raise Refused(401, "an app access token is needed")
        if len(self.world.conduits) >= 5:
            raise Refused(429, "conduit limit exceeded")
        id_ = f"hb-conduit-{self.world.number()}"
        count = int(asked.body.get("shard_count", 0))
        self.world.conduits[id_] = {
            str(n): {"id": str(n), "status": "websocket_disconnected", "transport": {}} for n in range(count)
        }
        return 200, {"data": [{"id": id_, "shard_count": count}]}

    async def _conduits(self, asked: Asked) -> Answer:
        return 200, {
            "data": [{"id": id_, "shard_count": len(shards)} for id_, shards in self.world.conduits.items()]
        }

    async def _shards(self, asked: Asked) -> Answer:
        shards = self.world.conduits.get(asked.body.get("conduit_id", ""))
        if shards is None:
            raise Refused(404, "conduit not found")
        done, errors = [], []
        for wanted in asked.body.get("shards", []):
            shard = shards.get(wanted["id"])
            session = self.eventsub.sessions.get(wanted["transport"].get("session_id", ""))
            if shard is None or session is None:
                errors.append({"id": wanted["id"], "message": "the session is not there", "code": "bad"})
                continue
            session.user_id = session.user_id or APP_USER or "app"
            shard |= {"status": "enabled", "transport": wanted["transport"]}
            done.append(shard)
        return 202, {"data": done, "errors": errors}

    # --- who and what --------------------------------------------------------------------------------

    async def _users(self, asked: Asked) -> Answer:
        ids, logins = asked.query.getall("id", []), asked.query.getall("login", [])
        if len(ids) + len(logins) > 100:
            raise Refused(400, "at most 100 ids and logins")
        found = [
            person for person in self.world.people.values() if person.id in ids or person.login in logins
        ]
        if not ids and not logins:
            if asked.token.user_id == APP_USER:
                raise Refused(400, "ids or logins are needed")
            found = [self.world.people[asked.token.user_id]]
        return 200, {
            "data": [
                {
                    "id": person.id,
                    "login": person.login,
                    "display_name": person.name,
                    "type": "",
                    "broadcaster_type": person.kind,
                    "description": "",
                    "profile_image_url": "https://img.example/a.png",
                    "offline_image_url": "",
                    "created_at": "2016-12-14T20:32:28Z",
                }
                for person in found
            ]
        }

    async def _streams(self, asked: Asked) -> Answer:
        ids = asked.query.getall("user_id", [])
        if len(ids) > 100:
            raise Refused(400, "at most 100 ids")
        return 200, {
            "data": [stream for id_, stream in self.world.live.items() if id_ in ids],
            "pagination": {},
        }

    def _moderates(self, asked: Asked, scope: str) -> str:
        """The channel that a moderator asks about. Raises Refused."""
        channel_id, moderator_id = asked.one("broadcaster_id"), asked.one("moderator_id")
        asked.needs(scope, of=moderator_id)
        if moderator_id != channel_id and moderator_id not in self.world.moderators.get(channel_id, ()):
            raise Refused(403, "the user is no moderator of the channel")
        return channel_id

    async def _chatters(self, asked: Asked) -> Answer:
        there = self.world.chatters.get(self._moderates(asked, "moderator:read:chatters"), set())
        return 200, self._page(asked, sorted(there), most=1000, usual=100) | {"total": len(there)}

    async def _moderators(self, asked: Asked) -> Answer:
        channel_id = asked.one("broadcaster_id")
        asked.needs("moderation:read", "channel:manage:moderators", of=channel_id)
        return 200, self._page(asked, sorted(self.world.moderators.get(channel_id, ())), most=100, usual=20)

    def _page(self, asked: Asked, ids: list[str], *, most: int, usual: int) -> dict[str, Any]:
        start, first = int(asked.query.get("after") or "0"), int(asked.query.get("first", usual))
        if not 0 < first <= most:
            raise Refused(400, f"first must be 1 to {most}")
        more = {"cursor": str(start + first)} if start + first < len(ids) else {}
        return {
            "data": [self.world.people[id_].triple() for id_ in ids[start : start + first]],
            "pagination": more,
        }

    async def _channels(self, asked: Asked) -> Answer:
        found = [self.world.people.get(id_) for id_ in asked.query.getall("broadcaster_id", [])]
        return 200, {
            "data": [
                one.triple("broadcaster_")
                | {"game_id": "509658", "game_name": "Tabletop RPGs", "title": "Vault night", "delay": 0}
                for one in found
                if one is not None
            ]
        }

    async def _say(self, asked: Asked) -> Answer:
        sender, channel = asked.body.get("sender_id", ""), asked.body.get("broadcaster_id", "")
        if asked.token.user_id == APP_USER:
            if not self._may_be_bot(sender, channel):
                raise Refused(403, "user:bot of the sender, and channel:bot or a moderator, are needed")
        else:
            asked.needs("user:write:chat", of=sender)
        text = asked.body.get("message", "")
        if not text or len(text) > 500:
            raise Refused(400, "the message must have 1 to 500 characters")
        if channel not in self.world.people:
            raise Refused(400, "no such broadcaster")
        said = Said(channel, sender, text, asked.body.get("reply_parent_message_id", ""), time.monotonic())
        again = [
            other
            for other in self.world.said
            if (other.channel_id, other.sender_id, other.text) == (channel, sender, text)
            and other.is_sent
            and said.at - other.at < 30
        ]
        why = self.world.dropping.get(sender) or ("msg_duplicate" if again else "")
        said.is_sent = not why
        self.world.said.append(said)
        drop = {"code": why, "message": "Identical to the previous message."} if why else None
        message_id = f"m-{self.world.number()}"
        return 200, {"data": [{"message_id": message_id, "is_sent": said.is_sent, "drop_reason": drop}]}

    # --- polls ---------------------------------------------------------------------------------------

    async def _make_poll(self, asked: Asked) -> Answer:
        body = asked.body
        channel_id = body.get("broadcaster_id", "")
        asked.needs("channel:manage:polls", of=channel_id)
        channel = self.world.people[channel_id]
        if not channel.kind:
            raise Refused(403, "channel is not a partner or affiliate")
        titles = [choice.get("title", "") for choice in body.get("choices", [])]
        if not 2 <= len(titles) <= 5 or not all(0 < len(title) <= 25 for title in titles):
            raise Refused(400, "the choices must be 2 to 5, with titles of 1 to 25 characters")
        if not 0 < len(body.get("title", "")) <= 60:
            raise Refused(400, "the title must have 1 to 60 characters")
        if not 15 <= body.get("duration", 0) <= 1800:
            raise Refused(400, "the duration must be 15 to 1800 seconds")
        if any(poll.channel is channel and not poll.is_over for poll in self.world.polls.values()):
            raise Refused(400, "a poll is already active for this channel")
        poll = Poll(
            f"poll-{self.world.number()}",
            channel,
            body["title"],
            [Choice(f"c{n}-{self.world.number()}", title) for n, title in enumerate(titles, 1)],
            body["duration"],
            bool(body.get("channel_points_voting_enabled")),
            int(body.get("channel_points_per_vote", 0)),
            datetime.now(UTC),
        )
        self.world.polls[poll.id] = poll
        await self.eventsub.emit("channel.poll.begin", channel_id, poll.event("begin"))
        task = asyncio.get_running_loop().create_task(self._over(poll))
        self._timers.add(task)
        task.add_done_callback(self._timers.discard)
        return 200, {"data": [poll.shown()]}

    async def _over(self, poll: Poll) -> None:
        await asyncio.sleep(poll.duration)
        if not poll.is_over:
            await self.end_poll(poll, "COMPLETED")

    async def end_poll(self, poll: Poll, status: str) -> None:
        """It ends, and everybody is told."""
        poll.status, poll.ended = status, datetime.now(UTC)
        await self.eventsub.emit("channel.poll.end", poll.channel.id, poll.event("end"))

    async def vote(self, poll: Poll, choice: int, *, free: int = 0, points: int = 0) -> None:
        """Viewers vote; `choice` counts from 0."""
        if poll.is_over:
            raise AssertionError("the poll is over")
        one = poll.choices[choice]
        one.votes += free + points
        one.points += points
        await self.eventsub.emit("channel.poll.progress", poll.channel.id, poll.event("progress"))

    async def _end_poll(self, asked: Asked) -> Answer:
        channel_id, status = asked.body.get("broadcaster_id", ""), asked.body.get("status", "")
        asked.needs("channel:manage:polls", of=channel_id)
        poll = self.world.polls.get(asked.body.get("id", ""))
        if poll is None or poll.channel.id != channel_id:
            raise Refused(404, "poll not found")
        if status not in ("TERMINATED", "ARCHIVED"):
            raise Refused(400, "the status must be TERMINATED or ARCHIVED")
        if poll.status == "ARCHIVED":
            raise Refused(400, "the poll is archived already")
        if poll.is_over and status == "TERMINATED":
            raise Refused(400, "the poll must be ACTIVE to be terminated")
        await self.end_poll(poll, status)
        return 200, {"data": [poll.shown()]}

    async def _polls(self, asked: Asked) -> Answer:
        channel_id = asked.one("broadcaster_id")
        asked.needs("channel:read:polls", "channel:manage:polls", of=channel_id)
        ids = asked.query.getall("id", [])
        found = [
            poll
            for poll in reversed(self.world.polls.values())
            if poll.channel.id == channel_id and (not ids or poll.id in ids)
        ]
        if ids and not found:
            raise Refused(404, "poll not found")
        return 200, {"data": [poll.shown() for poll in found[: int(asked.query.get("first", "20"))]]}

    # --- rewards -------------------------------------------------------------------------------------

    def _reward(self, asked: Asked, *, may_be_foreign: bool = False) -> Reward:
        channel_id = asked.one("broadcaster_id")
        asked.needs("channel:manage:redemptions", of=channel_id)
        reward = self.world.rewards.get(asked.one("id"))
        if reward is None or reward.channel.id != channel_id:
            raise Refused(404, "custom reward not found")
        if reward.client_id != CLIENT_ID and not may_be_foreign:
            raise Refused(403, "the custom reward was made by another client")
        return reward

    async def _make_reward(self, asked: Asked) -> Answer:
        channel_id = asked.one("broadcaster_id")
        asked.needs("channel:manage:redemptions", of=channel_id)
        channel = self.world.people[channel_id]
        if not channel.kind:
            raise Refused(403, "channel points are not available for the broadcaster")
        title, cost = asked.body.get("title", ""), asked.body.get("cost", 0)
        if not 0 < len(title) <= 45 or cost < 1 or len(asked.body.get("prompt", "")) > 200:
            raise Refused(400, "title, cost or prompt are not as they should be")
        mine = [reward for reward in self.world.rewards.values() if reward.channel is channel]
        if any(reward.fields["title"] == title for reward in mine):
            raise Refused(400, "CREATE_CUSTOM_REWARD_DUPLICATE_REWARD")
        if len(mine) >= 50:
            raise Refused(400, "CREATE_CUSTOM_REWARD_TOO_MANY_REWARDS")
        reward = self.add_reward(channel_id, **asked.body | {"title": title, "cost": cost})
        return 200, {"data": [reward.fields]}

    def add_reward(
        self, channel_id: str, title: str, cost: int, *, client_id: str = CLIENT_ID, **asked: Any
    ) -> Reward:
        """A reward, made by us or by somebody else."""
        channel = self.world.people[channel_id]
        id_ = f"rw-{self.world.number()}"
        fields = {
            "broadcaster_name": channel.name,
            "broadcaster_login": channel.login,
            "broadcaster_id": channel.id,
            "id": id_,
            "image": None,
            "background_color": asked.get("background_color", "#00E5CB"),
            "is_enabled": asked.get("is_enabled", True),
            "cost": cost,
            "title": title,
            "prompt": asked.get("prompt", ""),
            "is_user_input_required": asked.get("is_user_input_required", False),
            "max_per_stream_setting": {
                "is_enabled": asked.get("is_max_per_stream_enabled", False),
                "max_per_stream": asked.get("max_per_stream", 0),
            },
            "max_per_user_per_stream_setting": {
                "is_enabled": asked.get("is_max_per_user_per_stream_enabled", False),
                "max_per_user_per_stream": asked.get("max_per_user_per_stream", 0),
            },
            "global_cooldown_setting": {
                "is_enabled": asked.get("is_global_cooldown_enabled", False),
                "global_cooldown_seconds": asked.get("global_cooldown_seconds", 0),
            },
            "is_paused": asked.get("is_paused", False),
            "is_in_stock": True,
            "default_image": {"url_1x": "https://img.example/1.png"},
            "should_redemptions_skip_request_queue": asked.get(
                "should_redemptions_skip_request_queue", False
            ),
            "redemptions_redeemed_current_stream": None,
            "cooldown_expires_at": None,
        }
        reward = self.world.rewards[id_] = Reward(id_, channel, client_id, fields)
        return reward

    async def _change_reward(self, asked: Asked) -> Answer:
        reward = self._reward(asked)
        plain = ("background_color", "is_enabled", "cost", "title", "prompt", "is_user_input_required")
        for name in (*plain, "is_paused", "should_redemptions_skip_request_queue"):
            if name in asked.body:
                reward.fields[name] = asked.body[name]
        nested = {
            "max_per_stream_setting": ("is_max_per_stream_enabled", "max_per_stream"),
            "max_per_user_per_stream_setting": (
                "is_max_per_user_per_stream_enabled",
                "max_per_user_per_stream",
            ),
            "global_cooldown_setting": ("is_global_cooldown_enabled", "global_cooldown_seconds"),
        }
        for setting, (switch, value) in nested.items():
            if switch in asked.body:
                reward.fields[setting]["is_enabled"] = asked.body[switch]
            if value in asked.body:
                reward.fields[setting][value] = asked.body[value]
        return 200, {"data": [reward.fields]}

    async def _delete_reward(self, asked: Asked) -> Answer:
        reward = self._reward(asked)
        del self.world.rewards[reward.id]
        for redemption in self.world.redemptions.values():
            if redemption.reward_id == reward.id and redemption.status == "UNFULFILLED":
                redemption.status = "FULFILLED"
        return 204, None

    async def _rewards(self, asked: Asked) -> Answer:
        channel_id = asked.one("broadcaster_id")
        asked.needs("channel:read:redemptions", "channel:manage:redemptions", of=channel_id)
        ids = asked.query.getall("id", [])
        only_ours = asked.query.get("only_manageable_rewards") == "true"
        found = [
            reward.fields
            for reward in self.world.rewards.values()
            if reward.channel.id == channel_id
            and (not only_ours or reward.client_id == CLIENT_ID)
            and (not ids or reward.id in ids)
        ]
        if ids and not found:
            raise Refused(404, "custom reward not found")
        return 200, {"data": found}

    async def redeem(self, channel_id: str, reward_id: str, user_id: str, user_input: str = "") -> Redemption:
        """A viewer buys a reward, and everybody is told."""
        reward = self.world.rewards[reward_id]
        redemption = Redemption(
            f"rd-{self.world.number():05d}",
            self.world.people[channel_id],
            self.world.people[user_id],
            reward_id,
            reward.fields["title"],
            reward.fields["cost"],
            reward.fields["prompt"],
            user_input,
            datetime.now(UTC),
        )
        if reward.fields["should_redemptions_skip_request_queue"]:
            redemption.status = "FULFILLED"
        self.world.redemptions[redemption.id] = redemption
        type_ = "channel.channel_points_custom_reward_redemption.add"
        await self.eventsub.emit(type_, channel_id, redemption.event())
        return redemption

    async def _redemptions(self, asked: Asked) -> Answer:
        channel_id, reward_id = asked.one("broadcaster_id"), asked.one("reward_id")
        asked.needs("channel:read:redemptions", "channel:manage:redemptions", of=channel_id)
        reward = self.world.rewards.get(reward_id)
        if reward is None or reward.channel.id != channel_id:
            raise Refused(404, "custom reward not found")
        if reward.client_id != CLIENT_ID:
            raise Refused(403, "the custom reward was made by another client")
        ids, status = asked.query.getall("id", []), asked.query.get("status", "")
        if not ids and not status:
            raise Refused(400, 'Missing required parameter "status"')
        found = [
            one
            for one in self.world.redemptions.values()
            if one.reward_id == reward_id and (one.id in ids if ids else one.status == status)
        ]
        if ids and not found:
            raise Refused(404, "redemption not found")
        start, first = int(asked.query.get("after") or "0"), min(50, int(asked.query.get("first", "20")))
        more = {"cursor": str(start + first)} if start + first < len(found) else {}
        return 200, {
            "data": [one.shown() for one in found[start : start + first]],
            "pagination": more,
        }

    async def _settle(self, asked: Asked) -> Answer:
        channel_id, reward_id = asked.one("broadcaster_id"), asked.one("reward_id")
        asked.needs("channel:manage:redemptions", of=channel_id)
        ids, status = asked.query.getall("id", []), asked.body.get("status", "")
        if not 0 < len(ids) <= 50 or status not in ("FULFILLED", "CANCELED"):
            raise Refused(400, "ids or status are not as they should be")
        reward = self.world.rewards.get(reward_id)
        if reward is not None and reward.client_id != CLIENT_ID:
            raise Refused(403, "the custom reward was made by another client")
        found = [
            one
            for one in self.world.redemptions.values()
            if one.id in ids and one.reward_id == reward_id and one.status == "UNFULFILLED"
        ]
        if not found:
            raise Refused(404, "no such redemption, or it is not UNFULFILLED")
        type_ = "channel.channel_points_custom_reward_redemption.update"
        for one in found:
            one.status = status
            one.changes += 1
        for one in found:
            await self.eventsub.emit(type_, channel_id, one.event())
        return 200, {"data": [one.shown() for one in found]}

    # --- the stream ----------------------------------------------------------------------------------

    async def go_live(self, channel_id: str) -> None:
        person, started = self.world.people[channel_id], nano()
        stream_id = f"st-{self.world.number()}"
        self.world.live[channel_id] = {
            "id": stream_id,
            **person.triple(),
            "game_id": "509658",
            "game_name": "Tabletop RPGs",
            "type": "live",
            "title": "Vault night",
            "viewer_count": 12,
            "started_at": started,
            "language": "en",
            "thumbnail_url": "",
            "tags": [],
            "is_mature": False,
        }
        event = {"id": stream_id, **person.triple("broadcaster_user_"), "type": "live", "started_at": started}
        await self.eventsub.emit("stream.online", channel_id, event)

    async def go_offline(self, channel_id: str) -> None:
        stream = self.world.live.pop(channel_id)
        event = {"id": stream["id"], **self.world.people[channel_id].triple("broadcaster_user_")}
        await self.eventsub.emit("stream.offline", channel_id, event)


def _cut(request: web.Request) -> None:
    """No answer at all."""
    if request.transport is not None:
        request.transport.abort()
    raise ConnectionResetError


def _said(status: int, message: str, headers: Any = None) -> web.Response:
    words = {
        400: "Bad Request",
        401: "Unauthorized",
        403: "Forbidden",
        404: "Not Found",
        409: "Conflict",
        429: "Too Many Requests",
        500: "Internal Server Error",
        503: "Service Unavailable",
    }
    body = {"error": words.get(status, "Error"), "status": status, "message": message}
    return web.json_response(body, status=status, headers=headers)
