"""What the live tests stand on: the endpoint under a real uvicorn, an engine reduced to its commits, and
a viewer that keeps the client's side of the contract to the letter."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import uvicorn
from redis.asyncio import Redis
from redis.exceptions import RedisError
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from server import valkey_child
from server.live.bus_port import Bus
from server.live.doorman import DeskPass, OverlayDoor
from server.live.hub import FRAME_EVERY_S, Hub
from server.live.memory_bus import NoBus
from server.live.socket import LiveEndpoint
from server.live.transport import LiveProtocol
from server.rules.changes import Change, OnceEvent
from server.web.connections import GuardedProtocol
from sql import boards, campaigns, heads, overlays, users
from sql.ids import uuid7
from sql.pool import Database

ORIGIN = "http://show.example.org"


class WallClock:
    """Tests run on the database's machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class TestDoorman(OverlayDoor):
    """Real overlay keys; tickets `tkt_<campaign>` and keys `hb_<anything>`, until the subject is ended."""

    __test__ = False

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.ended: set[str] = set()

    async def ticket(self, key: str) -> DeskPass | None:
        return DeskPass(UUID(key.removeprefix("tkt_")), f"session:{key}")

    async def api_key(self, key: str, campaign: UUID) -> DeskPass | None:
        return None if key == "hb_wrong" else DeskPass(campaign, f"key:{key}")

    async def living(self, passes: Collection[DeskPass]) -> Collection[DeskPass]:
        return [desk for desk in passes if desk.subject not in self.ended]


async def until(condition: Callable[[], bool | Awaitable[bool]], what: str, seconds: float = 5) -> float:
    """Wait for a condition; answers how long it took."""
    start = time.monotonic()
    while True:
        held = condition()
        if held if isinstance(held, bool) else await held:
            return time.monotonic() - start
        if time.monotonic() - start > seconds:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        await asyncio.sleep(0.01)


def poll_board(votes: int, **more: Any) -> dict[str, Any]:
    """A board with a figure in it."""
    return {"kind": "poll", "phase": "open", "total_votes": votes, **more}


@dataclass
class Engine:
    """Commits steps as the real engine does: under the head's lock, absolute, numbered."""

    database: Database
    campaign_id: UUID
    epoch: UUID = field(default_factory=uuid4)

    async def commit(
        self,
        set_: Mapping[str, Mapping[str, Any]] | None = None,
        unset: tuple[str, ...] = (),
        events: tuple[Mapping[str, Any], ...] = (),
    ) -> Change:
        """Write to PostgreSQL; the answer is for `hub.publish`, if the test wants that."""
        async with self.database.transaction() as connection:
            head = await heads.lock(connection, self.campaign_id)
            seq = head.seq
            for board_id, board in (set_ or {}).items():
                seq += 1
                await boards.put(connection, self.campaign_id, UUID(board_id), board, seq=seq, at=head.now)
            for board_id in unset:
                seq += 1
                await boards.remove(connection, self.campaign_id, UUID(board_id), seq=seq, at=head.now)
            once = []
            for event in events:
                seq += 1
                whole = {"kind": "overlay.test", "data": {}, "ttl_ms": 8000, **event}
                await boards.announce(connection, self.campaign_id, whole, seq=seq, at=head.now)
                once.append(OnceEvent(seq, whole["id"], whole["kind"], whole["data"], whole["ttl_ms"]))
            await heads.advance(connection, self.campaign_id, seq)
        return Change(self.campaign_id, head.epoch, head.seq, seq, head.now, set_ or {}, unset, tuple(once))

    async def truth(self) -> dict[str, Any]:
        """Boards as PostgreSQL holds them."""
        async with self.database.connection() as connection:
            rows = await connection.fetch(
                "SELECT board_id, data FROM boards WHERE campaign_id = $1", self.campaign_id
            )
        return {str(row["board_id"]): row["data"] for row in rows}


@dataclass
class OverlayLink:
    id: UUID
    key: str

    @staticmethod
    def hash_of(key: str) -> bytes:
        return hashlib.sha256(key.encode()).digest()


async def make_campaign(database: Database, name: str = "Show") -> Engine:
    """A campaign with its head."""
    async with database.transaction() as connection:
        owner = await users.ensure_owner(connection)
        campaign = await campaigns.create(connection, owner.id, name)
    return Engine(database, campaign.id)


async def make_overlay(database: Database, campaign_id: UUID, **layout: Any) -> OverlayLink:
    """An overlay of the campaign, with its key."""
    link = OverlayLink(uuid7(), "ovl_" + secrets.token_urlsafe(32))
    async with database.connection() as connection:
        await overlays.create(
            connection,
            campaign_id,
            overlay_id=link.id,
            name=f"OBS {link.id}",
            key_hash=OverlayLink.hash_of(link.key),
            key_version=1,
            layout=layout,
        )
    return link


class Viewer:
    """A client that believes nothing but the contract, and remembers all that reached it."""

    def __init__(self, url: str, hello: Mapping[str, Any], *, origin: str | None = None) -> None:
        self._url = url
        self._hello = dict(hello)
        self._origin = origin
        self._socket: ClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None
        self.epoch: str | None = None
        self.seq: int | None = None
        self.boards: dict[str, Any] = {}
        self.layout: dict[str, Any] = {}
        self.frames: list[dict[str, Any]] = []
        self.arrived: list[float] = []
        self.events: list[str] = []
        self.gaps = 0
        self.code: int | None = None

    async def open(self, *, resume: bool = True) -> Viewer:
        """Connect and say hello; with a position when there is one."""
        await self.dial()
        hello = dict(self._hello)
        if resume and self.epoch is not None:
            hello |= {"epoch": self.epoch, "seq": self.seq}
        await self.say(hello)
        return self

    async def dial(self, **more: Any) -> None:
        """Connect, and say nothing yet; `more` goes to the library."""
        self.frames, self.arrived, self.code = [], [], None
        if self._origin is not None:
            more["additional_headers"] = {"Origin": self._origin}
        self._socket = await connect(
            self._url, compression=None, ping_interval=None, max_size=2**24, proxy=None, **more
        )
        self._reader = asyncio.create_task(self._read(self._socket))

    async def say(self, frame: Mapping[str, Any] | str | bytes) -> None:
        assert self._socket is not None
        await self._socket.send(frame if isinstance(frame, str | bytes) else json.dumps(frame))

    def stop_reading(self) -> None:
        """As a browser that hangs: TCP acknowledges until its buffer is full, and no one looks."""
        assert self._socket is not None
        self._socket.transport.pause_reading()

    def read_again(self) -> None:
        assert self._socket is not None
        self._socket.transport.resume_reading()

    async def close(self) -> None:
        if self._socket is not None:
            await self._socket.close()
        if self._reader is not None:
            await self._reader

    async def ended(self, seconds: float = 5) -> int:
        """Wait until the server has closed; the code."""
        assert self._reader is not None
        await asyncio.wait_for(asyncio.shield(self._reader), seconds)
        assert self.code is not None
        return self.code

    async def _read(self, socket: ClientConnection) -> None:
        try:
            async for text in socket:
                assert isinstance(text, str), "frames are text"
                self.arrived.append(time.monotonic())
                self._take(json.loads(text))
        except ConnectionClosed:
            pass
        self.code = socket.close_code

    def _take(self, frame: dict[str, Any]) -> None:
        self.frames.append(frame)
        match frame["op"]:
            case "snapshot":
                self.epoch, self.seq = frame["epoch"], frame["seq"]
                self.boards = dict(frame["boards"])
                self.layout = frame["layout"]
            case "delta":
                if (
                    frame["epoch"] != self.epoch
                    or self.seq is None
                    or not frame["from"] <= self.seq < frame["to"]
                ):
                    self.gaps += 1
                    return
                self.boards |= frame["set"]
                for board_id in frame["unset"]:
                    self.boards.pop(board_id, None)
                self.seq = frame["to"]
            case "event":
                self.events.append(frame["id"])

    def ops(self) -> list[str]:
        return [frame["op"] for frame in self.frames]


@dataclass
class House:
    """One process's worth: a hub and its endpoint, listening."""

    hub: Hub
    doorman: TestDoorman
    server: uvicorn.Server
    url: str

    def overlay(self, link: OverlayLink, *, origin: str | None = None, name: str = "OBS") -> Viewer:
        client = {"kind": "overlay", "name": name, "obs": "31.0", "viewport": {"w": 1920, "h": 1080}}
        return Viewer(self.url, {"op": "hello", "proto": 1, "key": link.key, "client": client}, origin=origin)

    def program(self, campaign_id: UUID, key: str = "hb_test") -> Viewer:
        return Viewer(
            self.url,
            {"op": "hello", "proto": 1, "key": key, "campaign": str(campaign_id), "client": {"kind": "api"}},
        )


@contextlib.asynccontextmanager
async def house(
    database: Database,
    bus: Bus | None = None,
    *,
    most_overlays: int = 20,
    hello_within_s: float = 5.0,
    frame_every_s: float = FRAME_EVERY_S,
    ws: type[asyncio.Protocol] = LiveProtocol,
    certificate: Path | None = None,
) -> AsyncIterator[House]:
    """A running hub behind a real uvicorn in this loop, which speaks WebSocket by `ws`, and TLS with a
    `certificate` and its key."""
    doorman = TestDoorman(database)
    hub = Hub(
        database,
        NoBus() if bus is None else bus,
        clock=WallClock(),
        build="test",
        most_overlays=most_overlays,
        desks=doorman,
        frame_every_s=frame_every_s,
    )
    endpoint = LiveEndpoint(hub, doorman, {ORIGIN}, hello_within_s=hello_within_s)
    config = uvicorn.Config(
        Starlette(routes=[WebSocketRoute("/live", endpoint)]),
        http=GuardedProtocol,
        ws=ws,
        ssl_certfile=certificate,
        ws_per_message_deflate=False,
        ws_max_size=64 * 1024,
        lifespan="off",
        log_config=None,
        timeout_graceful_shutdown=3,
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        working = asyncio.create_task(hub.run())
        serving = asyncio.create_task(server._serve([listener]))
        await until(lambda: server.started, "uvicorn listens")
        try:
            scheme = "wss" if certificate else "ws"
            yield House(hub, doorman, server, f"{scheme}://127.0.0.1:{port}/live")
            assert not working.done(), "the hub died"
        finally:
            hub.close()
            server.should_exit = True
            await serving
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)


class Valkey:
    """A server of the test's own, to be killed, stopped and started again on the same socket."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"unix://{folder / valkey_child.SOCKET_NAME}?db=0"

    async def start(self) -> None:
        """Start it and wait until it answers."""
        self._launch()

        async def answers() -> bool:
            try:
                async with Redis.from_url(self.url) as client:
                    return bool(await client.ping())
            except RedisError:
                return False

        await until(answers, "Valkey answers")

    def _launch(self) -> None:
        self._process = subprocess.Popen(
            [
                str(valkey_child.find_program()),
                *("--port", "0", "--unixsocket", valkey_child.SOCKET_NAME, "--save", ""),
                *("--loglevel", "nothing"),
            ],
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
