"""What speaks with Kick in this process, by its settings; part of the composition root."""

from __future__ import annotations

from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import aiohttp
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from starlette.routing import BaseRoute

from integrations.base import Clock, Sink
from integrations.chat_courier import ChatCourier, by_consents
from integrations.client_credentials import ClientCredentials
from integrations.kick import website_switch
from integrations.kick.api import KickApi
from integrations.kick.chat import KickSpeaker
from integrations.kick.key_watch import KeyWatch
from integrations.kick.line import KickLine
from integrations.kick.pusher import KickWebsite
from integrations.kick.signature import NotAKey, configured_key
from integrations.kick.upkeep import Upkeep
from integrations.tokens import Tokens
from server.config import RefusedConfiguration, Settings
from server.roles import Roles
from server.web.services import Services
from server.web.webhooks.kick import KickDeliveries
from sql.pool import Database


@dataclass(frozen=True, slots=True)
class Kick:
    """All of it. `chat` is a courier for the outbox, `website` a source of `pusher` channels."""

    database: Database
    keys: KeyWatch
    deliveries: KickDeliveries
    upkeep: Upkeep | None  # None: no application is registered with Kick
    chat: ChatCourier
    website: KickWebsite

    def routes(self, services: Services) -> list[BaseRoute]:
        """`POST /webhooks/kick`."""
        return self.deliveries.receiver.routes(services)

    def background(self, roles: Roles) -> Iterator[Coroutine[Any, Any, None]]:
        """What must run beside everything else in a process of these roles."""
        if roles.web:
            yield self.keys.run()
        if roles.worker and self.upkeep:
            yield self.upkeep.run()
        if roles.connectors:
            yield website_switch.follow(self.database, self.website)


def kick_of(
    settings: Settings,
    http: aiohttp.ClientSession,
    *,
    database: Database,
    tokens: Tokens,
    sink: Sink,
    clock: Clock,
) -> Kick:
    """Raises RefusedConfiguration for a key that is none."""
    api = KickApi(KickLine(http, tokens, settings.kick_api_url))

    keys = KeyWatch(database, api, key_of(settings))
    return Kick(
        database=database,
        keys=keys,
        deliveries=KickDeliveries(keys, timedelta(seconds=settings.kick_webhook_age)),
        upkeep=Upkeep(database, api) if settings.kick_client_id else None,
        chat=ChatCourier(
            "kick",
            KickSpeaker(api, speak_as=settings.kick_chat_as),
            clock,
            by_consents(database, "kick"),
        ),
        website=KickWebsite(settings.kick_pusher_url, sink, clock, channel=settings.kick_pusher_channel),
    )


def app_of(settings: Settings, http: aiohttp.ClientSession) -> ClientCredentials | None:
    """Who hands out the application's own token."""
    if not settings.kick_client_id or settings.kick_client_secret is None:
        return None
    return ClientCredentials(
        http,
        f"{settings.kick_id_url}/oauth/token",
        settings.kick_client_id,
        settings.kick_client_secret.get_secret_value(),
    )


def key_of(settings: Settings) -> RSAPublicKey | None:
    """The key that the operator configured. Raises RefusedConfiguration for one that is none."""
    if not settings.kick_public_key:
        return None
    try:
        return configured_key(settings.kick_public_key)
    except NotAKey as reason:
        raise RefusedConfiguration(f"KICK_PUBLIC_KEY cannot be used: {reason}") from None
