"""A stand-in for Twitch: Helix, EventSub over WebSocket, and the sender of webhooks, on one real server.

To the byte of platforms/twitch.md, faults included; OAuth stands beside it, and IRC if asked for. By hand:
`hubbub fake twitch`.

| fault | how |
|---|---|
| Helix refuses, is slow, cuts the line, or does the work and loses the answer | `world.faults["POST polls"]
= Fault(…)` |
| Helix is not there | `world.is_away = True` |
| all sockets end, as told or by a cut line; none can be made | `eventsub.drop(4000)`, `eventsub.drop()`,
`eventsub.is_away` |
| half-open sockets, for good or a while | `eventsub.silence()`, `eventsub.silence(20)` |
| what happened is told later, in another order | `eventsub.hold()`, `eventsub.release()` |
| the client is to connect anew | `eventsub.reconnect(session)` |
| everything is told twice, or in another order | `eventsub.doubles`, `eventsub.reverses` |
| a token is dead, a subscription is taken away | `world.revoke_tokens(…)`, `eventsub.revoke(…)` |
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tests.fakes import twitch_irc
from tests.fakes.identity_server import FakeAccount, IdentityServer, Issued, Provider
from tests.fakes.twitch_eventsub import EventSub
from tests.fakes.twitch_helix import Helix
from tests.fakes.twitch_world import APP_USER, Person, TokenInfo, World, nano


@dataclass(slots=True)
class FakeTwitch:
    """The whole of it."""

    world: World
    eventsub: EventSub
    helix: Helix
    url: str
    identity: IdentityServer
    irc: twitch_irc.FakeTwitch | None = None

    @property
    def api_url(self) -> str:
        return f"{self.url}/helix"

    @property
    def eventsub_url(self) -> str:
        return self.eventsub.url

    # What viewers do, in the shapes of §4.

    async def say(
        self, channel_id: str, user: Person, text: str, *, message_id: str | None = None, **more: Any
    ) -> int:
        """A line of chat, told to all who read this chat over EventSub, and with the same id over IRC."""
        message_id = message_id or f"5b1c9e3a-6f52-4f0e-a1d4-{self.world.number():012x}"
        self.world.chatters.setdefault(channel_id, set()).add(user.id)
        event = {
            **self.world.people[channel_id].triple("broadcaster_user_"),
            **user.triple("chatter_user_"),
            "message_id": message_id,
            "message": {"text": text, "fragments": [{"type": "text", "text": text}]},
            "color": "#4B8F29",
            "badges": [],
            "message_type": "text",
            "cheer": None,
            "reply": None,
            "channel_points_custom_reward_id": None,
            "channel_points_animation_id": None,
            "source_broadcaster_user_id": None,
            "source_broadcaster_user_login": None,
            "source_broadcaster_user_name": None,
            "source_message_id": None,
            "source_badges": None,
        } | more
        if self.irc is not None:
            login = self.world.people[channel_id].login
            self.irc.rooms[login] = channel_id
            await self.irc.say(
                login, text, user_id=user.id, user=user.login, name=user.name, message_id=message_id
            )
        return await self.eventsub.emit("channel.chat.message", channel_id, event)

    async def follow(self, channel_id: str, user: Person) -> int:
        channel = self.world.people[channel_id]
        event = {**user.triple(), **channel.triple("broadcaster_user_"), "followed_at": nano()}
        return await self.eventsub.emit("channel.follow", channel_id, event)

    async def gift_bomb(
        self, channel_id: str, giver: Person | None, total: int, ever: int | None = None
    ) -> None:
        """One gift, and one subscription for everybody who was given one."""
        channel = self.world.people[channel_id]
        nobody = dict.fromkeys(("user_id", "user_login", "user_name"))
        event = {
            **(giver.triple() if giver else nobody),
            **channel.triple("broadcaster_user_"),
            "total": total,
            "tier": "1000",
            "cumulative_total": ever,
            "is_anonymous": giver is None,
        }
        await self.eventsub.emit("channel.subscription.gift", channel_id, event)
        for _ in range(total):
            number = self.world.number()
            given = self.world.person(f"7009{number:05d}", f"given_{number}")
            await self.eventsub.emit(
                "channel.subscribe",
                channel_id,
                {**given.triple(), **channel.triple("broadcaster_user_"), "tier": "1000", "is_gift": True},
            )

    async def cheer(self, channel_id: str, user: Person, bits: int, text: str) -> None:
        """Bits, told by both types."""
        channel = self.world.people[channel_id]
        whose = {**user.triple(), **channel.triple("broadcaster_user_")}
        await self.eventsub.emit(
            "channel.cheer", channel_id, {"is_anonymous": False, **whose, "message": text, "bits": bits}
        )
        message = {"text": text, "fragments": [{"type": "text", "text": text}]}
        await self.eventsub.emit(
            "channel.bits.use",
            channel_id,
            {**whose, "bits": bits, "type": "cheer", "power_up": None, "message": message},
        )

    async def raid(self, channel_id: str, raider: Person, viewers: int) -> int:
        channel = self.world.people[channel_id]
        event = {
            **raider.triple("from_broadcaster_user_"),
            **channel.triple("to_broadcaster_user_"),
            "viewers": viewers,
        }
        return await self.eventsub.emit("channel.raid", channel_id, event)

    async def subscribe(self, channel_id: str, user: Person, tier: str = "1000") -> int:
        """A first subscription; a resub is another type (§4.5)."""
        channel = self.world.people[channel_id]
        event = {**user.triple(), **channel.triple("broadcaster_user_"), "tier": tier, "is_gift": False}
        return await self.eventsub.emit("channel.subscribe", channel_id, event)

    async def resubscribe(
        self, channel_id: str, user: Person, months: int, text: str, tier: str = "1000"
    ) -> int:
        channel = self.world.people[channel_id]
        event = {
            **user.triple(),
            **channel.triple("broadcaster_user_"),
            "tier": tier,
            "message": {"text": text, "emotes": []},
            "cumulative_months": months,
            "streak_months": None,
            "duration_months": 1,
        }
        return await self.eventsub.emit("channel.subscription.message", channel_id, event)

    # What happens to accounts.

    def sign_in(self, person: Person, scopes: str) -> Issued:
        """Tokens as a login would have brought them: good for Helix, `validate` and a refresh."""
        account = FakeAccount(person.id, person.login, person.name)
        return self.identity.issue("twitch", account, tuple(scopes.split()))

    async def disconnect(self, user_id: str) -> int:
        """Somebody takes the application's access away: tokens die, subscriptions are revoked (§2.2)."""
        self.world.revoke_tokens(user_id)
        for issued in self.identity.issued:
            if issued.provider == "twitch" and issued.account.id == user_id:
                issued.is_dead = True
        theirs = [
            one
            for one in self.world.subscriptions.values()
            if one.status == "enabled" and user_id in (one.user, one.user_id)
        ]
        for one in theirs:
            await self.eventsub.revoke(one, "authorization_revoked")
        return len(theirs)

    def take_affiliate_away(self, channel_id: str) -> None:
        """Polls and rewards are refused from now on."""
        self.world.people[channel_id].kind = ""

    @property
    def settings(self) -> dict[str, str]:
        """The environment of a program that is to use all of it."""
        found = {
            "TWITCH_CLIENT_ID": self.identity.client_id,
            "TWITCH_CLIENT_SECRET": self.identity.client_secret,
            "TWITCH_ID_URL": self.identity.settings["TWITCH_ID_URL"],
            "TWITCH_API_URL": self.api_url,
            "TWITCH_EVENTSUB_URL": self.eventsub_url,
        }
        return found | ({"TWITCH_IRC_URL": self.irc.url} if self.irc is not None else {})


def _known_to(world: World, identity: IdentityServer) -> None:
    """What the identity server gives out is taken by Helix, until it is dead there."""

    def issued(one: Issued) -> None:
        if one.provider == "twitch":
            world.person(one.account.id, one.account.login, name=one.account.name)
            world.tokens[one.access] = TokenInfo(
                one.account.id, frozenset(one.scopes), is_alive=lambda: identity.is_alive(one)
            )

    def of_app(provider: Provider, token: str) -> None:
        if provider == "twitch":
            world.tokens[token] = TokenInfo(APP_USER, frozenset())

    identity.on_issue, identity.on_app_token = issued, of_app


@asynccontextmanager
async def running(port: int = 0, *, with_irc: bool = False, **times: float) -> AsyncIterator[FakeTwitch]:
    """The server, for as long as it is needed; `times` as of EventSub. IRC listens on a port of its own."""
    world, identity = World(), IdentityServer()
    _known_to(world, identity)
    eventsub = EventSub(world, **times)
    helix = Helix(world, eventsub)
    app = web.Application(client_max_size=2**20)
    app.add_routes([web.get("/ws", eventsub.serve), *helix.routes()])
    app.add_subapp("/id", identity._app())
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2, handle_signals=False)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    bound = runner.addresses[0][1]
    identity.url = f"http://127.0.0.1:{bound}/id"
    eventsub.url = f"ws://127.0.0.1:{bound}/ws"
    await eventsub.open()
    try:
        async with AsyncExitStack() as stack:
            irc = await stack.enter_async_context(twitch_irc.FakeTwitch.serving()) if with_irc else None
            yield FakeTwitch(world, eventsub, helix, f"http://127.0.0.1:{bound}", identity, irc)
    finally:
        await helix.close()
        await eventsub.close()
        await runner.cleanup()
