"""Linked accounts, and several processes that use their tokens."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import aiohttp

from integrations.client_credentials import ClientCredentials
from integrations.identity import Grant, IdentityProvider, Provider
from integrations.kick.identity import KickIdentity
from integrations.tokens import AppIssuer, Tokens
from integrations.twitch.identity import TwitchIdentity
from server.vault import Vault
from sql.ids import uuid7
from sql.pool import Database
from tests.fakes.identity_server import CLIENT_ID, CLIENT_SECRET, FakeAccount, IdentityServer, Issued

RING = [secrets.token_hex(32).encode()]


@dataclass
class Process:
    """What one server process has of tokens."""

    database: Database
    tokens: Tokens
    vault: Vault


def issue(
    server: IdentityServer, provider: Provider = "twitch", account_id: str = "700100200", *scopes: str
) -> Issued:
    """Tokens as a sign-in would have brought them."""
    account = FakeAccount(account_id, f"login{account_id}", f"Login{account_id}")
    server._issue(provider, account, scopes or ("channel:manage:redemptions",))
    return server.issued[-1]


async def link(process: Process, issued: Issued, *, lives_s: float = 14000, age_s: float = 3600) -> UUID:
    """Somebody has signed in with that account, so long ago; answers the id of the link."""
    user_id, provider_id = uuid7(), uuid7()
    async with process.database.transaction() as connection:
        await connection.execute("INSERT INTO users (id, display_name) VALUES ($1, 'Streamer')", user_id)
        await connection.execute(
            "INSERT INTO auth_providers (id, user_id, provider, provider_user_id) VALUES ($1, $2, $3, $4)",
            provider_id,
            user_id,
            issued.provider,
            issued.account.id,
        )
        grant = Grant(issued.access, issued.refresh, issued.scopes, timedelta(seconds=lives_s))
        await process.tokens.store(connection, provider_id, grant)
        await age(connection, provider_id, age_s)
    return provider_id


async def age(connection: Any, provider_id: UUID, seconds: float) -> None:
    """The tokens were given out so long ago."""
    await connection.execute(
        """UPDATE oauth_tokens SET issued_at = issued_at - make_interval(secs => $2),
                  validated_at = validated_at - make_interval(secs => $2) WHERE auth_provider_id = $1""",
        provider_id,
        seconds,
    )


def identities(server: IdentityServer, session: aiohttp.ClientSession) -> dict[Provider, IdentityProvider]:
    return {
        "twitch": TwitchIdentity(
            session,
            client_id=CLIENT_ID,
            client_secret=CLIENT_SECRET,
            id_url=f"{server.url}/twitch/oauth2",
            api_url=f"{server.url}/twitch/helix",
        ),
        "kick": KickIdentity(
            session,
            client_id=CLIENT_ID,
            client_secret=CLIENT_SECRET,
            id_url=f"{server.url}/kick",
            api_url=f"{server.url}/kick-api",
        ),
    }


def apps(server: IdentityServer, session: aiohttp.ClientSession) -> dict[Provider, AppIssuer]:
    return {
        "twitch": ClientCredentials(session, f"{server.url}/twitch/oauth2/token", CLIENT_ID, CLIENT_SECRET),
        "kick": ClientCredentials(session, f"{server.url}/kick/oauth/token", CLIENT_ID, CLIENT_SECRET),
    }


@asynccontextmanager
async def processes(
    url: str, server: IdentityServer, number: int = 1, *, rest_s: float = 10.0
) -> AsyncIterator[list[Process]]:
    """Several processes on one database, each with its own pool and HTTP session."""
    async with AsyncExitStack() as stack:
        made = []
        for _ in range(number):
            database = await Database.open(url, most=4)
            stack.push_async_callback(database.close)
            session = await stack.enter_async_context(aiohttp.ClientSession())
            vault = Vault(RING)
            tokens = Tokens(
                database, vault, identities(server, session), apps(server, session), rest_s=rest_s
            )
            made.append(Process(database, tokens, vault))
        yield made


async def row_of(process: Process, provider_id: UUID) -> dict[str, Any]:
    """The row as it is stored."""
    async with process.database.connection() as connection:
        row = await connection.fetchrow("SELECT * FROM oauth_tokens WHERE auth_provider_id = $1", provider_id)
    assert row is not None
    return dict(row)
