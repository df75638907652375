"""A stand-in for Twitch IRC over WebSocket, to the byte of platforms/twitch.md §1, driven by a test.

It checks its client as Twitch would: capabilities, a `justinfan` nick, at most twenty joins in ten
seconds, CR LF at the end of lines. What it finds wrong stands in `complaints`.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

_NUMBERS = itertools.count(1)


async def until(condition: Callable[[], object], what: str, seconds: float = 10) -> None:
    """Wait for a condition, looking a hundred times a second."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        await asyncio.sleep(0.01)


def privmsg(
    login: str,
    text: str,
    *,
    user_id: str = "700200311",
    user: str = "rookfeather",
    name: str | None = None,
    room_id: str = "700100200",
    message_id: str | None = None,
    sent_ms: int | None = None,
    **more: str,
) -> str:
    """A line of chat with the tags that Twitch sends, in the order in which it sends them."""
    tags = {
        "badge-info": "subscriber/14",
        "badges": "subscriber/12",
        "color": "#4B8F29",
        "display-name": user.title() if name is None else name,
        "emotes": "",
        "first-msg": "0",
        "flags": "",
        "id": message_id or f"5b1c9e3a-6f52-4f0e-a1d4-{next(_NUMBERS):012x}",
        "mod": "0",
        "returning-chatter": "0",
        "room-id": room_id,
        "subscriber": "1",
        "tmi-sent-ts": str(time.time_ns() // 1_000_000 if sent_ms is None else sent_ms),
        "turbo": "0",
        "user-id": user_id,
        "user-type": "",
    } | {key.replace("_", "-"): value for key, value in more.items()}
    head = ";".join(f"{key}={value}" for key, value in tags.items())
    return f"@{head} :{user}!{user}@{user}.tmi.twitch.tv PRIVMSG #{login} :{text}"


@dataclass(eq=False)
class FakeClient:
    """One connection, as the server sees it."""

    socket: ServerConnection
    nick: str = ""
    joined: set[str] = field(default_factory=set)
    lines: list[str] = field(default_factory=list)
    join_times: list[float] = field(default_factory=list)
    is_frozen: bool = False
    is_gone: bool = False

    async def send(self, *lines: str) -> None:
        """All lines in one frame; nothing once it is frozen, as over a dead cable."""
        if self.is_frozen or self.is_gone:
            return
        try:
            await self.socket.send("".join(f"{line}\r\n" for line in lines))
        except ConnectionClosed:
            self.is_gone = True

    def drop(self) -> None:
        """Gone without a goodbye."""
        self.socket.transport.abort()


class FakeTwitch:
    """The server; `async with FakeTwitch.serving() as twitch`."""

    def __init__(self) -> None:
        self.clients: list[FakeClient] = []
        self.complaints: list[str] = []
        self.rooms: dict[str, str] = {}
        #: Joins of these stay without an answer, as those of missing channels do.
        self.silent: set[str] = set()
        #: Joins of these are answered with a NOTICE.
        self.suspended: set[str] = set()
        #: New connections are cut before the handshake ends.
        self.is_down = False
        self.handshakes: list[float] = []
        self._server: Server | None = None

    @classmethod
    @asynccontextmanager
    async def serving(cls) -> AsyncIterator[FakeTwitch]:
        """Listens on a free port of the loopback until the block ends."""
        fake = cls()
        async with serve(
            fake._talk, "127.0.0.1", 0, ping_interval=None, close_timeout=0.2, process_request=fake._greet
        ) as server:
            fake._server = server
            yield fake

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"ws://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    @property
    def alive(self) -> list[FakeClient]:
        """Connections that are open now, oldest first."""
        return [client for client in self.clients if not client.is_gone]

    def hearing(self, login: str) -> list[FakeClient]:
        """Open connections that joined a channel."""
        return [client for client in self.alive if login in client.joined]

    def room_id(self, login: str) -> str:
        """The platform's id of a channel, made up at the first call."""
        return self.rooms.setdefault(login, str(700_100_200 + len(self.rooms)))

    async def say(self, login: str, text: str, **tags: str) -> str:
        """A viewer writes; every connection in the channel gets the same line. Returns it."""
        line = privmsg(login, text, room_id=self.room_id(login), **tags)  # type: ignore[arg-type]
        await self.send(login, line)
        return line

    async def send(self, login: str, *lines: str) -> None:
        """Lines as they are, in one frame, to every connection in the channel."""
        for client in self.hearing(login):
            await client.send(*lines)

    async def joined(self, *logins: str, seconds: float = 10) -> None:
        """Wait until every channel is heard."""
        await until(lambda: all(self.hearing(login) for login in logins), f"joined {logins}", seconds)

    async def _greet(self, _socket: ServerConnection, _request: object) -> None:
        self.handshakes.append(time.monotonic())
        if self.is_down:
            raise ConnectionResetError("the stand-in is down")

    async def _talk(self, socket: ServerConnection) -> None:
        client = FakeClient(socket)
        self.clients.append(client)
        try:
            async for frame in socket:
                if client.is_frozen:
                    continue
                if not isinstance(frame, str) or not frame.endswith("\r\n"):
                    self.complaints.append("a frame is no text that ends with CR LF")
                for line in str(frame).split("\r\n"):
                    if line:
                        client.lines.append(line)
                        await self._answer(client, line)
        except ConnectionClosed:
            return
        finally:
            client.is_gone = True

    async def _answer(self, client: FakeClient, line: str) -> None:
        command, _, rest = line.partition(" ")
        match command:
            case "CAP":
                await client.send(f":tmi.twitch.tv CAP * ACK {rest.removeprefix('REQ ')}")
            case "NICK":
                if not rest.startswith("justinfan") or not rest.removeprefix("justinfan").isdigit():
                    self.complaints.append(f"not an anonymous nick: {rest}")
                client.nick = rest
                await client.send(*_welcome(rest))
            case "JOIN":
                for channel in rest.split(","):
                    await self._join(client, channel.removeprefix("#"))
            case "PART":
                login = rest.removeprefix("#")
                client.joined.discard(login)
                await client.send(f":{_mask(client.nick)} PART #{login}")
            case "PING":
                await client.send(f":tmi.twitch.tv PONG tmi.twitch.tv :{rest.removeprefix(':')}")
            case "PONG" | "PASS":
                pass
            case _:
                self.complaints.append(f"unexpected: {line}")

    async def _join(self, client: FakeClient, login: str) -> None:
        now = time.monotonic()
        client.join_times.append(now)
        recent = [t for c in self.clients for t in c.join_times if t > now - 10]
        if len(recent) > 20:
            self.complaints.append(f"{len(recent)} joins within ten seconds")
        if login in self.silent:
            return
        if login in self.suspended:
            await client.send(
                f"@msg-id=msg_channel_suspended :tmi.twitch.tv NOTICE #{login} "
                ":This channel does not exist or has been suspended."
            )
            return
        client.joined.add(login)
        nick = client.nick
        await client.send(f":{_mask(nick)} JOIN #{login}")
        await client.send(
            f":{nick}.tmi.twitch.tv 353 {nick} = #{login} :{nick}",
            f":{nick}.tmi.twitch.tv 366 {nick} #{login} :End of /NAMES list",
        )
        await client.send(
            f"@emote-only=0;followers-only=-1;r9k=0;room-id={self.room_id(login)};slow=0;subs-only=0"
            f" :tmi.twitch.tv ROOMSTATE #{login}"
        )


def _mask(nick: str) -> str:
    return f"{nick}!{nick}@{nick}.tmi.twitch.tv"


def _welcome(nick: str) -> Iterable[str]:
    return (
        f":tmi.twitch.tv 001 {nick} :Welcome, GLHF!",
        f":tmi.twitch.tv 002 {nick} :Your host is tmi.twitch.tv",
        f":tmi.twitch.tv 003 {nick} :This server is rather new",
        f":tmi.twitch.tv 004 {nick} :-",
        f":tmi.twitch.tv 375 {nick} :-",
        f":tmi.twitch.tv 372 {nick} :You are in a maze of twisty passages, all alike.",
        f":tmi.twitch.tv 376 {nick} :>",
    )
