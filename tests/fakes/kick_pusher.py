"""A stand-in for the chat of Kick's website, to the byte of platforms/kick.md §6: a socket like Pusher's."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from tests.fakes.kick import now_text

_NUMBERS = itertools.count(1)


@dataclass(eq=False)
class FakePage:
    """One connection, as the server sees it."""

    socket: ServerConnection
    joined: set[str] = field(default_factory=set)
    pings: int = 0
    pongs: int = 0

    async def send(self, event: str, data: Any, channel: str = "") -> None:
        """`data` is encoded twice, as Pusher does."""
        frame = {"event": event, "data": json.dumps(data)} | ({"channel": channel} if channel else {})
        await self.socket.send(json.dumps(frame))


@dataclass
class FakePusher:
    """`async with fake_pusher() as pusher`."""

    url: str = ""
    silence_s: int = 120
    #: Errors that new connections are told, one each: (code, closes).
    errors: list[int] = field(default_factory=list)
    #: Neither greets nor answers.
    is_mute: bool = False
    pages: list[FakePage] = field(default_factory=list)
    connections: int = 0
    complaints: list[str] = field(default_factory=list)
    _server: Server | None = None

    async def say(self, chatroom: int, content: str, author: int = 910555, **more: Any) -> dict[str, Any]:
        """A line of chat, to every page that is in the room."""
        data = {
            "id": f"7b7f0a52-8c0f-4a44-9df2-{next(_NUMBERS):012x}",
            "chatroom_id": chatroom,
            "content": content,
            "type": "message",
            "created_at": now_text().replace("Z", "+00:00"),
            "sender": {
                "id": author,
                "username": f"Viewer_{author}",
                "slug": f"viewer-{author}",
                "identity": {"color": "#4B8F29", "badges": [{"type": "subscriber", "text": "S", "count": 3}]},
            },
            "metadata": {"message_ref": "1795199405000"},
        } | more
        await self.tell(f"chatrooms.{chatroom}.v2", "App\\Events\\ChatMessageEvent", data)
        return data

    async def tell(self, channel: str, event: str, data: Any) -> None:
        """Any event, to every page that has subscribed to the channel."""
        for page in self.pages:
            if channel in page.joined:
                await page.send(event, data, channel)

    async def end(self, code: int) -> None:
        """Tell every page an error, and close."""
        for page in list(self.pages):
            await page.send("pusher:error", {"code": code, "message": "as the test has it"})
            await page.socket.close(code)

    async def _talk(self, socket: ServerConnection) -> None:
        self.connections += 1
        page = FakePage(socket)
        self.pages.append(page)
        try:
            if self.is_mute:
                await socket.wait_closed()
                return
            if self.errors:
                code = self.errors.pop(0)
                await page.send("pusher:error", {"code": code, "message": "App key not in this cluster"})
                await socket.close(code)
                return
            greeting = {"socket_id": "1.1", "activity_timeout": self.silence_s}
            await page.send("pusher:connection_established", greeting)
            async for frame in socket:
                await self._heard(page, json.loads(frame))
        except ConnectionClosed:
            pass
        finally:
            self.pages.remove(page)

    async def _heard(self, page: FakePage, frame: Any) -> None:
        match frame["event"]:
            case "pusher:subscribe":
                if frame["data"]["auth"] != "":
                    self.complaints.append("a subscription with a password")
                channel = frame["data"]["channel"]
                if channel.startswith("private-"):
                    self.complaints.append(f"a private channel: {channel}")
                page.joined.add(channel)
                await page.send("pusher_internal:subscription_succeeded", {}, channel)
            case "pusher:unsubscribe":
                page.joined.discard(frame["data"]["channel"])
            case "pusher:ping":
                page.pings += 1
                await page.send("pusher:pong", {})
            case "pusher:pong":
                page.pongs += 1
            case other:
                self.complaints.append(f"an event that no reader sends: {other}")

    def joined(self, chatroom: int) -> bool:
        """Whether a page is in the room."""
        return any(f"chatrooms.{chatroom}.v2" in page.joined for page in self.pages)


@asynccontextmanager
async def fake_pusher() -> AsyncIterator[FakePusher]:
    """Listens on a free port of the loopback until the block ends."""
    pusher = FakePusher()
    async with serve(pusher._talk, "127.0.0.1", 0, ping_interval=None, close_timeout=0.2) as server:
        pusher._server = server
        pusher.url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/app/key?protocol=7"
        yield pusher
        await asyncio.gather(*(page.socket.close() for page in list(pusher.pages)))
