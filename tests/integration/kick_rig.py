"""A Hubbub that speaks with the stand-in of Kick: real tokens in a real database, over a real line."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from uuid import UUID

import aiohttp

from integrations.identity import Grant, IdentityRefused, Provider
from integrations.kick.api import KickApi
from integrations.kick.line import KickLine
from integrations.tokens import Tokens
from server.vault import Vault
from sql import auth_providers, campaigns, channels, users
from sql.channels import Channel, SourceKind
from sql.ids import uuid7
from sql.pool import Database
from tests.fakes.kick import APP_TOKEN, FakeKick, fake_kick
from tests.integration.renewals import OnlyRenews

MOSSY = 910001


class Issuer(OnlyRenews):
    """Kick's identity server, as far as tokens are renewed: the fake API takes what it gives out."""

    provider: Provider = "kick"

    def __init__(self, kick: FakeKick) -> None:
        self._kick = kick
        self.apps = 0
        self.refreshes = 0
        self.is_revoked = False

    async def app_grant(self) -> Grant:
        self.apps += 1
        token = APP_TOKEN if self.apps == 1 else f"hb-kick-app-{self.apps}"
        self._kick.tokens[token] = None
        return Grant(token, "", (), timedelta(days=60))

    async def refresh(self, refresh_token: str) -> Grant:
        if self.is_revoked:
            raise IdentityRefused("invalid_grant")
        self.refreshes += 1
        token = f"{refresh_token}-at-{self.refreshes}"
        self._kick.tokens[token] = int(refresh_token.rpartition("-")[2])
        return Grant(token, refresh_token, ("chat:write",), timedelta(hours=2))


@dataclass
class KickRig:
    """The stand-in and our end of the line to it."""

    kick: FakeKick
    issuer: Issuer
    database: Database
    tokens: Tokens
    line: KickLine
    api: KickApi

    async def campaign(self, name: str = "Show") -> UUID:
        async with self.database.transaction() as connection:
            owner = await users.ensure_owner(connection)
            return (await campaigns.create(connection, owner.id, name)).id

    async def channel(
        self,
        campaign_id: UUID,
        login: str = "mossytavern",
        *,
        channel_id: str | None = str(MOSSY),
        source: SourceKind = "webhook",
        chatroom_id: str | None = None,
    ) -> Channel:
        async with self.database.connection() as connection:
            return await channels.create(
                connection,
                campaign_id=campaign_id,
                platform="kick",
                login=login,
                source=source,
                channel_id=channel_id,
                chatroom_id=chatroom_id,
            )

    async def seen(self, channel: Channel) -> Channel:
        """The channel as the desk shows it now."""
        async with self.database.connection() as connection:
            found = await channels.get(connection, channel.id)
        assert found is not None
        return found

    async def link(self, account_id: int = MOSSY, *, token: str = "") -> UUID:
        """The streamer signs in here; the fake takes the token, unless it is another one."""
        given = token or f"hb-kick-at-{account_id}"
        if not token:
            self.kick.tokens[given] = account_id
        user_id = uuid7()
        grant = Grant(given, f"hb-kick-rt-{account_id}", ("chat:write",), timedelta(hours=2))
        async with self.database.transaction() as connection:
            await connection.execute("INSERT INTO users (id, display_name) VALUES ($1, 'Mossy')", user_id)
            row = await auth_providers.link(
                connection, user_id, "kick", str(account_id), login="mossy", name="Mossy", email=""
            )
            await self.tokens.store(connection, row, grant)
        return user_id


@asynccontextmanager
async def kick_rig(database: Database) -> AsyncIterator[KickRig]:
    """A channel `MossyTavern` is there on the stand-in; nobody here knows of it."""
    async with fake_kick() as kick, aiohttp.ClientSession() as session:
        kick.broadcaster(MOSSY, "MossyTavern")
        issuer = Issuer(kick)
        tokens = Tokens(database, Vault([b"k" * 32]), {"kick": issuer}, {"kick": issuer})
        line = KickLine(session, tokens, kick.url, random=Random(1))  # noqa: S311
        yield KickRig(kick, issuer, database, tokens, line, KickApi(line))
