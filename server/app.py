"""The composition root: builds, wires and closes everything, in the order in which it is written.

One process may play any of three roles. What dies unexpectedly takes the process with it: a task whose
death nobody notices is worse than a restart.
"""

from __future__ import annotations

import asyncio
import hashlib
import signal
import socket
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any
from uuid import UUID

import structlog
import uvicorn

from integrations.simulator import SimulatedCrowds
from integrations.supervisor import Connectors
from integrations.twitch.irc import TwitchChat
from overlay import Assets
from server import demo, running
from server.config import RefusedConfiguration, Settings, secret_keys
from server.embedded import Embedded
from server.engine import housekeeping
from server.engine.batch import Batches
from server.engine.clock import DatabaseClock
from server.engine.deadlines import Deadlines
from server.engine.room import Rooms
from server.live.bus import RedisBus
from server.live.bus_port import Bus
from server.live.hub import Hub
from server.live.memory_bus import NoBus
from server.live.rate_limit import RateLimiter
from server.web.application import create_app
from server.web.auth import root_key_hash
from server.web.login import login_link
from server.web.origins import Origins, origins_of
from server.web.overlay_links import derive_overlay_key, link_of
from server.web.services import Services
from server.web.vault import Vault
from sql import heads, users
from sql.migrate import migrate
from sql.pool import UNREACHABLE, Database, without_password

log = structlog.get_logger(__name__)

_GRACEFUL_S = 5


class CannotStart(Exception):
    """A server that is needed does not answer; the message is one sentence for the operator."""


@dataclass(frozen=True, slots=True)
class Roles:
    """What this process does."""

    web: bool = False
    connectors: bool = False
    worker: bool = False


@dataclass(frozen=True, slots=True)
class Urls:
    """Where PostgreSQL and Redis are. `redis` empty: none, this process is alone."""

    database: str
    redis: str


def run(settings: Settings, roles: Roles, urls: Urls, embedded: Embedded | None = None) -> None:
    """Run until SIGINT or SIGTERM. Raises CannotStart, RefusedConfiguration, migrate.SchemaRefused."""
    with _listener(settings) if roles.web else nullcontext() as listener:
        asyncio.run(_serve(settings, roles, urls, embedded, listener))


@contextmanager
def _listener(settings: Settings) -> Iterator[socket.socket]:
    """The listening socket; port 0 picks a free one. Bound before anything starts, so a busy port is told at once."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((settings.host, settings.port))
        except OSError as error:
            raise CannotStart(
                f"cannot listen on {settings.host}:{settings.port} ({error.strerror}): "
                "stop what uses it, or set HUBBUB_PORT (0 picks a free one)"
            ) from error
        yield bound


class Server(uvicorn.Server):
    """uvicorn without its own signal handling: this program decides in which order things stop."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _serve(
    settings: Settings, roles: Roles, urls: Urls, embedded: Embedded | None, listener: socket.socket | None
) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    async with AsyncExitStack() as stack:
        database = await _open_database(urls)
        stack.push_async_callback(database.close)
        await Process(settings, roles, urls, database, embedded, listener).run(stopping)


async def _open_database(urls: Urls) -> Database:
    try:
        for name in await migrate(urls.database):
            log.info("migrated", migration=name)
        return await Database.open(urls.database)
    except UNREACHABLE as error:
        raise CannotStart(
            f"PostgreSQL at {without_password(urls.database)} does not answer ({error}): "
            "start it, or correct DATABASE_URL"
        ) from error


class Process:
    """Everything that this process is made of."""

    def __init__(
        self,
        settings: Settings,
        roles: Roles,
        urls: Urls,
        database: Database,
        embedded: Embedded | None,
        listener: socket.socket | None,
    ) -> None:
        self.settings, self.roles, self.urls = settings, roles, urls
        self.database, self.embedded, self.listener = database, embedded, listener
        ring = secret_keys(settings)
        self.vault = Vault(ring)
        self.clock = DatabaseClock()
        self.bus: Bus = RedisBus(urls.redis, ring) if urls.redis else NoBus()
        self.hub = Hub(database, self.bus, clock=self.clock)
        self.rooms = Rooms(database, self.clock, self.hub.publish)
        self.batches = Batches(self.rooms)
        self.deadlines = Deadlines(database, self.rooms)
        self.limiter = RateLimiter(urls.redis or None)

    async def run(self, stopping: asyncio.Event) -> None:
        """Start everything, say so, wait for the end, stop everything in order."""
        async with self.database.connection() as connection:
            self.clock.observe(await heads.now(connection))
            owner = await users.ensure_owner(connection)
        async with asyncio.TaskGroup() as group:
            background = [group.create_task(work, name=name) for name, work in self._background()]
            chats = [group.create_task(c.run(), name="connectors") for c in (connectors := self._connectors())]
            server = await self._start_web(group, owner.id) if self.roles.web else None
            if self.settings.wants_demo and self.roles.web and self.roles.worker:
                background.append(group.create_task(await self._demo(owner.id), name="demo"))
            with self._note(server):
                await self._announce(owner.id)
                await stopping.wait()
            log.info("stopping")
            for connector in connectors:
                await connector.close()
            await asyncio.wait(chats) if chats else None
            await self.batches.flush()
            if server:
                await self._stop_web(server)
            for task in background:
                task.cancel()
