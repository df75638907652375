"""A stand-in for Twitch: Helix, EventSub over WebSocket, and the sender of webhooks, on one real server.

To the byte of platforms/twitch.md, faults included. By hand: `python -m tests.fakes.twitch [PORT]`; its
address then goes into TWITCH_API_URL (with `/helix`) and TWITCH_EVENTSUB_URL (with `/ws`).

| fault | how |
|---|---|
| Helix refuses, is slow, cuts the line, or does the work and loses the answer | `world.faults["POST polls"]
= Fault(…)` |
| Helix is not there | `world.is_away = True` |
| all sockets end, as told or by a cut line; none can be made | `eventsub.drop(4000)`, `eventsub.drop()`,
`eventsub.is_away` |
| half-open sockets | `eventsub.silence()` |
| the client is to connect anew | `eventsub.reconnect(session)` |
| everything is told twice, or in another order | `eventsub.doubles`, `eventsub.reverses` |
| a token is dead, a subscription is taken away | `world.revoke_tokens(…)`, `eventsub.revoke(…)` |
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tests.fakes.twitch_eventsub import EventSub
from tests.fakes.twitch_helix import Helix
from tests.fakes.twitch_world import Person, World, nano


@dataclass(slots=True)
class FakeTwitch:
    """The whole of it."""

    world: World
    eventsub: EventSub
    helix: Helix
    url: str

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
        """A line of chat, told to all who read this chat over EventSub."""
        event = {
            **self.world.people[channel_id].triple("broadcaster_user_"),
            **user.triple("chatter_user_"),
            "message_id": message_id or f"5b1c9e3a-6f52-4f0e-a1d4-{self.world.number():012x}",
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


@asynccontextmanager
async def running(port: int = 0, **times: float) -> AsyncIterator[FakeTwitch]:
    """The server, for as long as it is needed; `times` as of EventSub."""
    world = World()
    eventsub = EventSub(world, **times)
    helix = Helix(world, eventsub)
    app = web.Application(client_max_size=2**20)
    app.add_routes([web.get("/ws", eventsub.serve), *helix.routes()])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2, handle_signals=False)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    bound = runner.addresses[0][1]
    eventsub.url = f"ws://127.0.0.1:{bound}/ws"
    await eventsub.open()
    try:
        yield FakeTwitch(world, eventsub, helix, f"http://127.0.0.1:{bound}")
    finally:
        await helix.close()
        await eventsub.close()
        await runner.cleanup()


async def _by_hand(port: int) -> None:
    async with running(port) as twitch:
        mossy = twitch.world.person("700100200", "mossy_tavern")
        scopes = "user:read:chat user:write:chat channel:manage:redemptions channel:manage:polls bits:read"
        print(f"TWITCH_API_URL={twitch.api_url}\nTWITCH_EVENTSUB_URL={twitch.eventsub_url}")
        print(f"a token of {mossy.login}: {twitch.world.grant(mossy.id, scopes)}")
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_by_hand(int(sys.argv[1]) if len(sys.argv) > 1 else 0))
