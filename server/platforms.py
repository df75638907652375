"""Twitch and Kick as this installation knows them, by its settings; part of the composition root.

Every part is there whether an application is registered or not: who signs in later with one finds it working
after a restart, and what could not be delivered meanwhile says so on the desk.
"""

from __future__ import annotations

from collections.abc import Coroutine, Iterator
from typing import Any, Literal
from uuid import UUID

import aiohttp
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from integrations.base import Clock, Courier
from integrations.client_credentials import ClientCredentials
from integrations.identity import Provider
from integrations.kick.api import KickApi
from integrations.kick.chat import KickChat, MayNot
from integrations.kick.key_watch import KeyWatch
from integrations.kick.line import KickLine
from integrations.kick.rewards import KickPoints
from integrations.kick.signature import NotAKey, configured_key
from integrations.kick.upkeep import Upkeep
from integrations.redemption_courier import RedemptionCourier
from integrations.rest import Rest
from integrations.reward_courier import RewardCourier
from integrations.reward_watch import RewardWatch
from integrations.token_keeper import TokenKeeper
from integrations.tokens import AppIssuer, Tokens
from integrations.twitch.rewards import TwitchPoints
from integrations.twitch.validation import TwitchValidation
from server.accounts_setup import identities_of
from server.config import RefusedConfiguration, Settings
from server.engine.outbox import Outbox
from server.vault import Vault
from server.web.webhooks.kick import KickDeliveries
from server.web.webhooks.receiver import Receiver
from sql import consents
from sql.pool import Database


class Platforms:
    """Built once by server/app.py."""

    def __init__(
        self,
        settings: Settings,
        http: aiohttp.ClientSession,
        database: Database,
        vault: Vault,
        clock: Clock,
    ) -> None:
        self._settings, self._http = settings, http
        self._database = database
        identities = identities_of(settings, http)
        self.tokens = Tokens(database, vault, identities, self._issuers())
        self._keeper = TokenKeeper(
            database,
            vault,
            self.tokens,
            refreshes=tuple(identities),
            validates={"twitch": TwitchValidation(http, settings.twitch_id_url)},
        )
        kick = KickApi(KickLine(http, self.tokens, settings.kick_api_url))
        self._kick_upkeep = Upkeep(database, kick)
        self._kick_keys = KeyWatch(database, kick, _key_of(settings))
        twitch_points = TwitchPoints(
            Rest(
                http,
                self.tokens,
                "twitch",
                settings.twitch_api_url,
                headers={"client-id": settings.twitch_client_id},
            )
        )
        kick_points = KickPoints(Rest(http, self.tokens, "kick", settings.kick_api_url))
        self._rewards = RewardWatch(database, {"twitch": twitch_points, "kick": kick_points})
        couriers: list[Courier] = [
            RedemptionCourier("twitch", twitch_points, database, consents.allowed),
            RedemptionCourier("kick", kick_points, database, consents.allowed),
            RewardCourier("twitch", twitch_points, database, consents.allowed),
            RewardCourier("kick", kick_points, database, consents.allowed),
            KickChat(kick, clock, self._refusal_of("kick")),
        ]
        self.outbox = Outbox(database, couriers)

    def background(self, *, worker: bool) -> Iterator[Coroutine[Any, Any, None]]:
        """What runs as long as the process does."""
        if self._settings.kick_client_id:
            yield self._kick_keys.run()
        if not worker:
            return
        yield self.outbox.run()
        yield self._keeper.run()
        yield self._rewards.run()
        if self._settings.kick_client_id:
            yield self._kick_upkeep.run()

    def receivers(self) -> list[Receiver]:
        """Where platforms deliver."""
        return [KickDeliveries(self._kick_keys).receiver]

    def _issuers(self) -> dict[Provider, AppIssuer]:
        """Who hands out the installation's own tokens: those whose application has a secret."""
        settings, found = self._settings, dict[Provider, AppIssuer]()
        if settings.twitch_client_id and settings.twitch_client_secret:
            found["twitch"] = ClientCredentials(
                self._http,
                f"{settings.twitch_id_url}/token",
                settings.twitch_client_id,
                settings.twitch_client_secret.get_secret_value(),
            )
        if settings.kick_client_id and settings.kick_client_secret:
            found["kick"] = ClientCredentials(
                self._http,
                f"{settings.kick_id_url}/oauth/token",
                settings.kick_client_id,
                settings.kick_client_secret.get_secret_value(),
            )
        return found

    def _refusal_of(self, platform: Literal["twitch", "kick"]) -> MayNot:
        async def refusal(campaign_id: UUID, channel_id: str) -> str | None:
            async with self._database.connection() as connection:
                return await consents.refusal(connection, campaign_id, platform, channel_id, "chat")

        return refusal


def _key_of(settings: Settings) -> RSAPublicKey | None:
    """KICK_PUBLIC_KEY, or None for the key that Kick documents. Raises RefusedConfiguration."""
    if not settings.kick_public_key:
        return None
    try:
        return configured_key(settings.kick_public_key)
    except NotAKey as reason:
        raise RefusedConfiguration(f"KICK_PUBLIC_KEY cannot be used: {reason}") from None
