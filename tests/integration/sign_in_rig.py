"""A web process with ways to sign in, the providers it knows, and a browser that walks there and back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import aiohttp
import httpx2

from integrations.identity import Grant, PlatformAccount
from integrations.mail import Letter, Post
from server.accounts_setup import Shows, accounts_of
from server.config import Settings
from server.engine.departures import Departures
from server.web.accounts import Accounts
from server.web.origins import Origins, origins_of
from server.web.persons import Persons
from sql.auth_providers import LinkedAccount
from sql.pool import Connection, Database
from tests.fakes.identity_server import IdentityServer, Provider, identity_server
from tests.integration.web_rig import ORIGIN, Rig, rig_on


@dataclass
class Letterbox:
    """A mailer that keeps what it is given."""

    letters: list[Letter] = field(default_factory=list)

    async def send(self, letter: Letter) -> None:
        self.letters.append(letter)

    def code(self, kind: str) -> str:
        """The code in the newest letter."""
        return self.letters[-1].text.partition(f"#{kind}=")[2].split()[0]


@dataclass
class Keeper:
    """Notes which grants are handed over, and in which transaction's sight the row is."""

    stored: list[tuple[UUID, Grant]] = field(default_factory=list)

    async def store(self, connection: Connection, auth_provider_id: UUID, grant: Grant) -> int:
        query = "SELECT count(*) FROM auth_providers WHERE id = $1"
        assert await connection.fetchval(query, auth_provider_id) == 1
        self.stored.append((auth_provider_id, grant))
        return len(self.stored)


@dataclass
class Family:
    """Notes who comes and goes."""

    told: list[tuple[str, UUID, str]] = field(default_factory=list)

    async def arrived(self, connection: Connection, user_id: UUID, account: PlatformAccount) -> None:
        self.told.append(("arrived", user_id, f"{account.provider}:{account.id}"))

    async def unlinked(self, connection: Connection, user_id: UUID, account: LinkedAccount) -> None:
        self.told.append(("unlinked", user_id, f"{account.provider}:{account.provider_user_id}"))

    async def leaving(self, connection: Connection, user_id: UUID) -> None:
        self.told.append(("leaving", user_id, ""))

    async def export(self, connection: Connection, user_id: UUID) -> dict[str, object]:
        return {"consents": []}


@dataclass
class SignInRig:
    """What a test of sign-in is given."""

    web: Rig
    there: IdentityServer
    box: Letterbox
    keeper: Keeper
    family: Family

    @property
    def database(self) -> Database:
        return self.web.services.database

    async def settle(self) -> None:
        """Until the post is empty."""
        post = self.web.services.accounts.post
        assert post is not None
        await post.empty(5)

    async def away(self, browser: httpx2.AsyncClient, provider: Provider, query: str = "") -> str:
        """Begin: the address at the provider."""
        begun = await browser.get(f"/auth/{provider}/start{query}")
        assert begun.status_code == 303, begun.text
        return begun.headers["location"]

    async def decide(self, address: str) -> str:
        """What the provider answers to the browser: the address back to us."""
        async with httpx2.AsyncClient() as outside:
            back = await outside.get(address)
        assert back.status_code == 302, back.text
        return back.headers["location"]

    async def back(self, browser: httpx2.AsyncClient, address: str) -> httpx2.Response:
        """Follow the way back, under the name by which the browser knows us."""
        parts = urlsplit(address)
        return await browser.get(f"{parts.path}?{parts.query}")

    async def walk(self, browser: httpx2.AsyncClient, provider: Provider, query: str = "") -> httpx2.Response:
        """The whole way; the last answer of ours."""
        return await self.back(browser, await self.decide(await self.away(browser, provider, query)))

    async def signed_in(self, provider: Provider, query: str = "") -> httpx2.AsyncClient:
        """A browser that has signed in, with its CSRF token."""
        browser = self.web.client(origin=ORIGIN)
        answer = await self.walk(browser, provider, query)
        assert answer.status_code == 303, answer.text
        await csrf(browser)
        return browser

    async def acts(self, *actions: str) -> list[tuple[str, dict[str, Any]]]:
        """What the record says, oldest first; all of it without names."""
        async with self.database.connection() as connection:
            rows = await connection.fetch("SELECT action, detail FROM admin_log ORDER BY id")
        return [(row["action"], row["detail"]) for row in rows if not actions or row["action"] in actions]


async def csrf(browser: httpx2.AsyncClient) -> httpx2.AsyncClient:
    """The browser with the token of its present session."""
    me = await browser.get("/api/v1/session")
    assert me.status_code == 200, me.text
    browser.headers["x-csrf-token"] = me.json()["csrf"]
    return browser


def word_of(answer: httpx2.Response) -> tuple[str, str]:
    """Page and word that a browser is sent to."""
    assert answer.status_code == 303, answer.text
    parts = urlsplit(answer.headers["location"])
    return parts.path, parse_qs(parts.fragment).get("sign-in", [""])[0]


@asynccontextmanager
async def sign_in_rig(
    database: Database,
    folder: Path,
    *,
    origins: Origins | None = None,
    with_mail: bool = True,
    without: Sequence[str] = (),
    **settings: str,
) -> AsyncIterator[SignInRig]:
    """`without`: variables that are not set; `settings`: other ones."""
    origins = origins or origins_of("", "127.0.0.1", 8787)
    box, keeper, family, departures = Letterbox(), Keeper(), Family(), Departures()
    async with identity_server() as there, aiohttp.ClientSession() as http:
        there.decide = "allow"
        values = {k: v for k, v in (there.settings | settings).items() if k not in without}
        made = accounts_of(
            Settings(_env_file=None, **values),  # type: ignore[arg-type, call-arg]
            http,
            origins,
            grants=keeper,
            household=[Shows(departures), Persons(), family],
        )
        post = Post(box) if with_mail else None
        accounts: Accounts = replace(made, post=post)
        async with rig_on(database, folder, origins=origins, accounts=accounts, departures=departures) as web:
            running = asyncio.create_task(post.run()) if post else None
            yield SignInRig(web, there, box, keeper, family)
            if running:
                running.cancel()
                await asyncio.wait([running])
        assert there.complaints == []
