"""The composition root: builds, wires and closes everything, in the order in which it is written.

One process may play any of three roles. What dies unexpectedly takes the process with it: a task whose
death nobody notices is worse than a restart.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version
from typing import Any
from uuid import UUID

import aiohttp
import structlog
from pydantic import SecretStr
from starlette.routing import WebSocketRoute

import overlay
from integrations.simulator import SimulatedCrowds
from integrations.supervisor import Connectors
from integrations.twitch.irc import TwitchIrc
from server import demo, loop_watch, running
from server.accounts_setup import Shows, accounts_of
from server.config import Settings, secret_keys
from server.database_watch import DatabaseWatch
from server.embedded import Embedded
from server.engine import housekeeping, native_polls
from server.engine.batch import Batches
from server.engine.clock import DatabaseClock
from server.engine.deadlines import Deadlines
from server.engine.departures import Departures
from server.engine.endings import Endings
from server.engine.lost_lines import LostLines
from server.engine.resealing import Resealing
from server.engine.room import Rooms
from server.figures import Sources, of_process
from server.http_server import Server, listening, server_of
from server.live.bus_port import Bus
from server.live.cluster_bus import bus_at
from server.live.hub import Hub
from server.live.memory_bus import NoBus
from server.live.rate_limit import RateLimiter
from server.live.socket import LiveEndpoint
from server.metrics import Figures
from server.platforms import Platforms
from server.probe import Probe
from server.roles import Roles, Urls
from server.rules.changes import Change
from server.vault import Vault
from server.web.app import create_app, create_watch_app
from server.web.auth import owner_with_key
from server.web.condition import Condition, ProbeState
from server.web.foundry.socket import Foundry
from server.web.login import login_link
from server.web.origins import Origins, origins_of
from server.web.overlay_links import derive_overlay_key, key_hash, link_of
from server.web.services import Services
from server.web.tickets import FrontDoor
from sql import campaigns, heads, overlays, restore, users
from sql.migrate import migrate
from sql.pool import UNREACHABLE, Database, without_password

log = structlog.get_logger(__name__)

#: Contract §1: everything has stopped within 10 s.
_STOP_WITHIN_S = 9.0
_FLUSH_WITHIN_S = 2.0


class CannotStart(Exception):
    """A server that is needed does not answer (any more); the message is one sentence for the operator."""


def run(settings: Settings, roles: Roles, urls: Urls, embedded: Embedded | None = None) -> None:
    """Run until SIGINT or SIGTERM. Raises CannotStart, RefusedConfiguration, migrate.SchemaRefused."""
    port, variable = (
        (settings.port, "HUBBUB_PORT") if roles.web else (settings.metrics_port, "HUBBUB_METRICS_PORT")
    )
    with nullcontext() if port is None else listening(settings.host, port, variable) as listener:
        asyncio.run(_serve(settings, roles, urls, embedded, listener))


async def _serve(
    settings: Settings, roles: Roles, urls: Urls, embedded: Embedded | None, listener: socket.socket | None
) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop() -> None:
        stopping.set()
        # A server that hangs must not keep us: what is not stored was never acknowledged.
        loop.call_later(_STOP_WITHIN_S, _give_up)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop)
    async with AsyncExitStack() as stack:
        database = await _open_database(urls)
        stack.push_async_callback(database.close)
        async with database.connection() as connection:
            owner = await users.ensure_owner(connection)
        http = aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(), headers={"User-Agent": f"Hubbub/{_version()}"}
        )
        stack.push_async_callback(http.close)
        process = Process(
            settings,
            roles,
            urls,
            database=database,
            owner=owner,
            embedded=embedded,
            listener=listener,
            http=http,
        )
        await process.run(stopping)


def _version() -> str:
    return version("hubbub-overlay")


def _give_up() -> None:
    log.error("stopped_by_force", after_s=_STOP_WITHIN_S)
    os._exit(1)  # embedded servers die with us


async def _open_database(urls: Urls) -> Database:
    try:
        for name in await migrate(urls.database):
            log.info("migrated", migration=name)
        database = await Database.open(urls.database)
        if await restore.notice(database):
            log.warning("another_database_than_before", done="new epochs; the outbox waits for a person")
    except UNREACHABLE as error:
        raise CannotStart(
            f"PostgreSQL at {without_password(urls.database)} does not answer ({error}): "
            "start it, or correct DATABASE_URL"
        ) from error
    return database


class Process:
    """Everything that this process is made of."""

    def __init__(
        self,
        settings: Settings,
        roles: Roles,
        urls: Urls,
        *,
        database: Database,
        owner: users.Person,
        embedded: Embedded | None,
        listener: socket.socket | None,
        http: aiohttp.ClientSession,
    ) -> None:
        self.settings, self.roles, self.urls = settings, roles, urls
        self.database, self.owner = database, owner
        self.embedded, self.listener = embedded, listener
        self.http = http  # to everybody who is not us
        self.died = ""  # the embedded server that ended by itself
        ring = secret_keys(settings)
        self.vault = Vault(ring)
        self.clock = DatabaseClock()
        self.bus: Bus = bus_at(urls.redis, ring) if urls.redis else NoBus()
        self.rooms = Rooms(database, self.clock, self._publish)
        self.batches = Batches(self.rooms)
        self.lost_lines = LostLines(database, lambda: self.batches.dropped)
        self.deadlines = Deadlines(database, self.rooms, self.batches.settle)
        self.twitch = TwitchIrc(settings.twitch_irc_url, self.batches, self.clock)
        self.platforms = Platforms(
            settings, http, database=database, vault=self.vault, sink=self.batches, clock=self.clock
        )
        self.departures = Departures((native_polls.on_gone,))
        self.connectors = self._connectors() if roles.connectors else []
        self.watch = DatabaseWatch(database)
        self.probe = self._probe() if roles.web and settings.probe else None
        self.condition = Condition(
            corrected=lambda: self.hub.figures.diverged,
            probe=lambda: self.probe.state() if self.probe else ProbeState("off"),
        )
        self.services = self._services(overlay.load())
        self.door = FrontDoor(database, self.vault, self.services.owner, clock=self.clock.now)
        self.foundry = Foundry(self.services) if roles.web else None
        self.hub = Hub(
            database,
            self.bus,
            clock=self.clock,
            build=self.services.assets.build,
            most_overlays=settings.overlay_sockets,
            desks=self.door,
        )

    def _publish(self, change: Change) -> None:
        self.hub.publish(change)

    async def run(self, stopping: asyncio.Event) -> None:
        """Start everything, say so, wait for the end, stop everything in order."""
        async with self.database.connection() as connection:
            self.clock.observe(await heads.now(connection))
        # The demo's first poll is on stage before its crowd is: the crowd then speaks at once.
        director = await self._director()
        links = await self._links() if self.roles.web else ("", "")
        async with asyncio.TaskGroup() as group:
            background = [group.create_task(work) for work in self._background(stopping)]
            chats = [group.create_task(connector.run()) for connector in self.connectors]
            web = self._start_web(group, self.listener) if self.listener else None
            if director:
                background.append(group.create_task(director.run()))
            with self._noted(), closing(self._figures()):
                self._announce(*links)
                loop_watch.collect_seldom()
                await stopping.wait()
                log.info("stopping")
                await self._stop(web, chats)
            for task in background:
                task.cancel()
        if self.died:
            raise CannotStart(
                f"the embedded {self.died} ended unexpectedly; its log is in the data directory. "
                "Start again: nothing that was acknowledged is lost"
            )

    async def _director(self) -> demo.Director | None:
        if not (self.settings.wants_demo and self.roles.web and self.roles.worker):
            return None
        campaign = await demo.ensure(self.database, self.owner.id, self._key_hash)
        director = demo.Director(self.database, self.rooms, campaign.id)
        await director.begin()
        return director

    async def _stop(self, web: WebTask | None, chats: Sequence[asyncio.Task[None]]) -> None:
        """No new lines, no new requests, everything taken so far committed, everybody told."""
        for connector in self.connectors:
            await connector.close()
        if chats:
            await asyncio.wait(chats)
        if self.foundry:
            await self.foundry.close()
        await self._flush()
        if web:
            self.hub.close()
            web.server.should_exit = True
            await web.task
        await self._flush()
        if lines := self.batches.give_up():
            log.error("lines_not_stored_at_stop", lines=lines)
            await self.lost_lines.note_last()
        if self.services.accounts.post:
            await self.services.accounts.post.empty(_FLUSH_WITHIN_S)
        await self.services.limiter.close()

    async def _flush(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_FLUSH_WITHIN_S):
                await self.batches.flush()

    def _background(self, stopping: asyncio.Event) -> Iterator[Coroutine[Any, Any, None]]:
        yield self.hub.run()
        yield self.batches.run()
        yield self.rooms.heard.run()
        # Whoever is alive fires deadlines: only one process finds each of them armed.
        yield self.deadlines.run()
        yield self.lost_lines.run()
        yield self.condition.run()
        yield loop_watch.run()
        if self.foundry:
            yield self.foundry.run()
        if self.probe:
            yield self.probe.run()
        if self.services.accounts.post:
            yield self.services.accounts.post.run()
        yield from self.platforms.background(self.roles)
        if self.roles.worker:
            yield housekeeping.run(self.database)
            yield Resealing(self.database, self.services.vault).run()
            yield Endings(self.database, self.departures).run()
        if self.embedded:
            yield self._watch_embedded(self.embedded, stopping)

    def _figures(self) -> Figures:
        roles = {"web": self.roles.web, "connectors": self.roles.connectors, "worker": self.roles.worker}
        sources = Sources(
            version=self.services.version,
            build=self.services.assets.build,
            roles=",".join(name for name, has in roles.items() if has),
            database=self.database,
            watch=self.watch,
            rooms=self.rooms,
            batches=self.batches,
            deadlines=self.deadlines,
            twitch=self.twitch if self.roles.connectors else None,
            kick_keys=self.platforms.kick.keys if self.roles.web else None,
            hub=self.hub,
            bus=self.bus,
            probe=self.probe,
        )
        return Figures(of_process(sources))

    def _probe(self) -> Probe:
        host, port = self.listener.getsockname()[:2] if self.listener else ("", 0)
        return Probe(
            self.database,
            self.rooms,
            self.batches,
            vault=self.vault,
            owner_id=self.owner.id,
            clock=self.clock.now,
            origin=self.origins.public_url,
            listens_at=({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port),  # noqa: S104
        )

    async def _watch_embedded(self, embedded: Embedded, stopping: asyncio.Event) -> None:
        """Valkey is started anew; without PostgreSQL there is nothing to serve, so the program ends."""
        while True:
            await asyncio.sleep(1)
            dead = embedded.died()
            if dead == "valkey":
                # Redis only carries frames: votes go on meanwhile, and nothing in it is missed.
                log.error("embedded_valkey_died", started_anew=embedded.revive_redis())
            elif dead:
                self.died = dead
                stopping.set()
                return

    def _connectors(self) -> list[Connectors]:
        crowds = SimulatedCrowds(self.database, self.batches, self.clock)
        return [
            Connectors(self.database, self.twitch, kinds=("irc",)),
            Connectors(self.database, self.platforms.kick.website, kinds=("pusher",)),
            Connectors(
                self.database,
                crowds,
                kinds=("simulated",),
                readers_each=1,
                # Nothing is lost when a crowd pauses.
                ttl=timedelta(seconds=4),
                every=timedelta(seconds=1),
            ),
        ]

    # --- web -----------------------------------------------------------------------------------------

    @property
    def origins(self) -> Origins:
        port = self.listener.getsockname()[1] if self.listener and self.roles.web else self.settings.port
        return origins_of(self.settings.public_url, self.settings.host, port)

    def _services(self, assets: overlay.Assets) -> Services:
        return Services(
            database=self.database,
            rooms=self.rooms,
            batches=self.batches,
            vault=self.vault,
            limiter=RateLimiter(self.urls.redis or None),
            assets=assets,
            origins=self.origins,
            clock=self.clock.now,
            owner=owner_with_key(self.owner.id, _text(self.settings.api_key)),
            version=_version(),
            demo=self.settings.wants_demo,
            redis_state=lambda: self.bus.state,
            condition=self.condition,
            look_at_database=self.watch.look,
            accounts=accounts_of(
                self.settings,
                self.http,
                self.origins,
                grants=self.platforms.tokens,
                household=(Shows(self.departures),),
            ),
            departures=self.departures,
        )

    def _start_web(self, group: asyncio.TaskGroup, listener: socket.socket) -> WebTask:
        if self.roles.web and self.foundry:
            live = LiveEndpoint(self.hub, self.door, self.origins.allowed)
            more = [
                WebSocketRoute("/live", live),
                *self.foundry.routes(),
                *self.platforms.routes(self.services),
            ]
            app = create_app(self.services, more)
        else:
            app = create_watch_app(self.services)
        server = server_of(app, self.settings.trusted_proxies)
        return WebTask(server, group.create_task(server.serve([listener])))

    # --- the first look ------------------------------------------------------------------------------

    def _key_hash(self, overlay_id: UUID, key_version: int) -> bytes:
        return key_hash(derive_overlay_key(self.vault, overlay_id, key_version))

    @contextmanager
    def _noted(self) -> Iterator[None]:
        """Only `hubbub up` leaves the note: a `hubbub web` beside it must not take it over."""
        if self.roles != Roles(web=True, connectors=True, worker=True):
            yield
            return
        embedded_database = (self.embedded and self.embedded.database_url) or ""
        embedded_redis = (self.embedded and self.embedded.redis_url) or ""
        url = self.origins.public_url
        with running.noted(self.settings.data_dir, url, embedded_database, embedded_redis):
            yield

    async def _links(self) -> tuple[str, str]:
        """To the desk, and of the demo's overlay (empty: there is none)."""
        url = self.origins.public_url
        desk = await login_link(self.database, self.owner.id, url)
        async with self.database.connection() as connection:
            campaign = await campaigns.demo(connection)
            shown = await overlays.list_of_campaign(connection, campaign.id) if campaign else []
        link = link_of(self.vault, url, shown[0]) if shown else None
        return desk, link or ""

    def _announce(self, desk: str, link: str) -> None:
        """Tell the person at the terminal where to go. "Ready" is said when nothing is left to do."""
        if not self.roles.web:
            port = self.listener.getsockname()[1] if self.listener else None
            roles = {"connectors": self.roles.connectors, "worker": self.roles.worker}
            log.info("ready", **roles, metrics_port=port)
            return
        url = self.origins.public_url
        print(f"Hubbub is ready on {url}\n")
        print(f"  Desk (opens once)   {desk}")
        print(f"  Overlay for OBS     {link or 'make one on the desk, under Overlays'}")
        print(f"  API                 {url}/docs\n")
        print(
            "Paste the overlay into OBS as a browser source, 1920 × 1080. Ctrl-C stops everything.",
            flush=True,
        )


@dataclass(frozen=True, slots=True)
class WebTask:
    """The HTTP server and the task it runs in."""

    server: Server
    task: asyncio.Task[None]


def _text(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None
