"""A Hubbub that speaks with the stand-in of Twitch over Helix: real tokens in a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Final
from uuid import UUID

import aiohttp

from integrations.identity import Grant, IdentityRefused, Provider
from integrations.tokens import Tokens
from integrations.twitch.helix import Helix
from integrations.twitch.scopes import CHANNEL
from server.vault import Vault
from sql import auth_providers, campaigns, channels, users
from sql.channels import Channel
from sql.ids import uuid7
from sql.pool import Database
from tests.fakes.twitch import FakeTwitch, running
from tests.fakes.twitch_world import CLIENT_ID
from tests.integration.renewals import OnlyRenews

MOSSY: Final = "700100200"
ALL: Final = tuple(CHANNEL)


class Issuer(OnlyRenews):
    """Twitch's identity server, as far as tokens are renewed: the fake takes what it gives out."""

    provider: Provider = "twitch"

    def __init__(self, twitch: FakeTwitch) -> None:
        self._twitch = twitch
        self.refreshes = 0
        self.scopes: tuple[str, ...] = ALL
        self.is_revoked = False

    async def refresh(self, refresh_token: str) -> Grant:
        if self.is_revoked:
            raise IdentityRefused("invalid_grant")
        self.refreshes += 1
        token = self._twitch.world.grant(refresh_token.rpartition("-")[2], self.scopes)
        return Grant(token, refresh_token, self.scopes, timedelta(hours=4))


class Applications:
    """Who hands out the installation's own token."""

    def __init__(self, twitch: FakeTwitch) -> None:
        self._twitch = twitch

    async def app_grant(self) -> Grant:
        return Grant(self._twitch.world.grant_app(), "", (), timedelta(days=60))


@dataclass
class TwitchRig:
    """The stand-in and our end of the line to it."""

    twitch: FakeTwitch
    issuer: Issuer
    database: Database
    tokens: Tokens
    helix: Helix

    async def campaign(self, owner_id: UUID | None = None, name: str = "Show") -> UUID:
        async with self.database.transaction() as connection:
            owner = owner_id or (await users.ensure_owner(connection)).id
            return (await campaigns.create(connection, owner, name)).id

    async def channel(
        self, campaign_id: UUID, channel_id: str = MOSSY, login: str = "mossy_tavern"
    ) -> Channel:
        async with self.database.connection() as connection:
            return await channels.create(
                connection,
                campaign_id=campaign_id,
                platform="twitch",
                login=login,
                source="api",
                channel_id=channel_id,
            )

    async def link(self, account_id: str = MOSSY, *, scopes: tuple[str, ...] = ALL) -> UUID:
        """The streamer signs in here and allows this; answers who they are."""
        self.issuer.scopes = scopes
        user_id = uuid7()
        token = self.twitch.world.grant(account_id, scopes)
        grant = Grant(token, f"hb-twitch-rt-{account_id}", scopes, timedelta(hours=4))
        async with self.database.transaction() as connection:
            await connection.execute("INSERT INTO users (id, display_name) VALUES ($1, 'Mossy')", user_id)
            row = await auth_providers.link(
                connection, user_id, "twitch", account_id, login=f"t{account_id}", name="Mossy", email=""
            )
            await self.tokens.store(connection, row, grant)
        return user_id


@asynccontextmanager
async def twitch_rig(database: Database, **times: float) -> AsyncIterator[TwitchRig]:
    """An affiliate's channel `mossy_tavern` is there on the stand-in; nobody here knows of it. `times` as of
    its EventSub."""
    async with running(0, with_irc=False, **times) as twitch, aiohttp.ClientSession() as session:
        twitch.world.person(MOSSY, "mossy_tavern")
        issuer = Issuer(twitch)
        tokens = Tokens(
            database, Vault([b"k" * 32]), {"twitch": issuer}, {"twitch": Applications(twitch)}, rest_s=0
        )
        helix = Helix(session, tokens, twitch.api_url, CLIENT_ID, random=Random(1), within_s=2)  # noqa: S311
        yield TwitchRig(twitch, issuer, database, tokens, helix)
