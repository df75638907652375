"""The web layer on real servers, without a socket between: what the API tests drive."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
from starlette.types import ASGIApp

import overlay
from server.database_watch import DatabaseWatch
from server.engine.batch import Batches
from server.engine.clock import DatabaseClock
from server.engine.room import Rooms
from server.live.rate_limit import RateLimiter
from server.rules.changes import Change
from server.vault import Vault
from server.web import pages
from server.web.app import create_app
from server.web.auth import owner_with_key
from server.web.condition import Condition
from server.web.login import login_link
from server.web.origins import Origins, origins_of
from server.web.services import Services
from sql import users
from sql.ids import uuid7
from sql.pool import Database

ORIGIN = "http://127.0.0.1:8787"
ROOT_KEY = "hb_" + "r00t" * 10


def small_site(folder: Path) -> overlay.Assets:
    """A site that has every page the program needs, each naming itself and its build."""
    for name in (*pages.REQUIRED, "overlay/main.js", "desk/desk.css"):
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{name} of build {{{{build}}}}", "utf-8")
    return overlay.load(folder)


@dataclass
class Rig:
    """One web process."""

    services: Services
    app: ASGIApp
    changes: list[Change] = field(default_factory=list)

    def client(self, *, key: str | None = None, base_url: str = ORIGIN, **headers: str) -> httpx2.AsyncClient:
        """A program with a bearer key, or a stranger."""
        if key is not None:
            headers["authorization"] = f"Bearer {key}"
        return httpx2.AsyncClient(
            transport=httpx2.ASGITransport(self.app, raise_app_exceptions=False),
            base_url=base_url,
            headers=headers,
        )

    @property
    def root(self) -> httpx2.AsyncClient:
        """Who holds HUBBUB_API_KEY."""
        return self.client(key=ROOT_KEY)

    async def browser(self, user_id: UUID | None = None) -> httpx2.AsyncClient:
        """A logged-in desk: cookie, CSRF token and Origin on every request."""
        url = self.services.origins.public_url
        link = await login_link(self.services.database, user_id or self.services.owner.id, url)
        client = self.client(base_url=url, origin=url)
        answer = await client.post("/api/v1/session", json={"code": link.partition("#code=")[2]})
        assert answer.status_code == 200, answer.text
        client.headers["x-csrf-token"] = answer.json()["csrf"]
        return client

    async def person(self, name: str) -> UUID:
        """Somebody who is not the owner of the installation."""
        user_id = uuid7()
        async with self.services.database.connection() as connection:
            await connection.execute("INSERT INTO users (id, display_name) VALUES ($1, $2)", user_id, name)
        return user_id

    async def campaign(self, name: str = "Curse of the coast") -> str:
        answer = await self.root.post("/api/v1/campaigns", json={"name": name})
        assert answer.status_code == 201, answer.text
        made: str = answer.json()["id"]
        return made


@asynccontextmanager
async def rig_on(
    database: Database,
    folder: Path,
    *,
    redis_url: str | None = None,
    origins: Origins | None = None,
    **overrides: Any,
) -> AsyncIterator[Rig]:
    """A web process with its engine; `overrides` are fields of Services."""
    async with database.connection() as connection:
        owner = await users.ensure_owner(connection)
    changes: list[Change] = []
    clock = DatabaseClock()
    rooms = Rooms(database, clock, changes.append)
    batches = Batches(rooms)
    limiter = RateLimiter(redis_url)
    services = replace(
        Services(
            database=database,
            rooms=rooms,
            batches=batches,
            vault=Vault([secrets.token_hex(32).encode()]),
            limiter=limiter,
            assets=small_site(folder),
            origins=origins or origins_of("", "127.0.0.1", 8787),
            clock=clock.now,
            owner=owner_with_key(owner.id, ROOT_KEY),
            version="0.0.test",
            demo=False,
            redis_state=lambda: "ok" if redis_url else "away",
            condition=Condition(),
            look_at_database=DatabaseWatch(database).look,
        ),
        **overrides,
    )
    running = asyncio.create_task(batches.run())
    try:
        yield Rig(services, create_app(services), changes)
    finally:
        running.cancel()
        await asyncio.wait([running])
        await limiter.close()


def wrong(response: httpx2.Response, status: int, kind: str) -> dict[str, Any]:
    """The problem document of a refused request, checked for its form."""
    assert response.status_code == status, f"{response.status_code} instead of {status}: {response.text}"
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body["status"] == status
    assert body["type"] == f"urn:hubbub:problem:{kind}", body
    assert body["detail"]
    return body
