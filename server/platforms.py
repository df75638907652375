"""Twitch and Kick as this installation knows them, by its settings; part of the composition root.

Every part is there whether an application is registered or not: who signs in later with one finds it working
after a restart, and what could not be delivered meanwhile says so on the desk.
"""

from __future__ import annotations

from collections.abc import Coroutine, Iterator
from typing import Any

import aiohttp
from starlette.routing import BaseRoute

from integrations.account_watch import AccountWatch
from integrations.base import Clock, Courier, Sink
from integrations.chat_courier import ChatCourier, by_consents
from integrations.client_credentials import ClientCredentials
from integrations.identity import Provider
from integrations.kick.rewards import KickPoints
from integrations.redemption_courier import RedemptionCourier
from integrations.rest import TIMEOUT_S, Rest
from integrations.reward_courier import RewardCourier
from integrations.reward_watch import RewardWatch
from integrations.token_keeper import TokenKeeper
from integrations.tokens import AppIssuer, Tokens
from integrations.twitch.chat import TwitchSpeaker
from integrations.twitch.eventsub_intake import Deliver
from integrations.twitch.helix import Helix
from integrations.twitch.polls import TwitchPolls
from integrations.twitch.rewards import TwitchPoints
from integrations.twitch.validation import TwitchValidation
from server.accounts_setup import identities_of
from server.config import Settings
from server.engine.outbox import Outbox
from server.kick_setup import app_of, kick_of
from server.roles import Roles
from server.rules.retry import PATIENT
from server.twitch_setup import twitch_of
from server.vault import Vault
from server.web.services import Services
from sql import consents
from sql.pool import Database


class Platforms:
    """Built once by server/app.py."""

    def __init__(
        self,
        settings: Settings,
        http: aiohttp.ClientSession,
        *,
        database: Database,
        vault: Vault,
        sink: Sink,
        deliver: Deliver,
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
        self.kick = kick_of(settings, http, database=database, tokens=self.tokens, sink=sink, clock=clock)
        twitch = Rest(
            http,
            self.tokens,
            "twitch",
            settings.twitch_api_url,
            headers={"client-id": settings.twitch_client_id},
        )
        helix = Helix(
            http, self.tokens, settings.twitch_api_url, settings.twitch_client_id, within_s=TIMEOUT_S
        )
        self.twitch = twitch_of(settings, database=database, helix=helix, deliver=deliver, clock=clock)
        twitch_points = TwitchPoints(twitch)
        self._accounts = AccountWatch(database, twitch if settings.twitch_client_id else None)
        kick_points = KickPoints(Rest(http, self.tokens, "kick", settings.kick_api_url))
        self._rewards = RewardWatch(
            database, {"twitch": twitch_points, "kick": kick_points}, consents.allowed
        )
        couriers: list[Courier] = [
            RedemptionCourier("twitch", twitch_points, database, consents.allowed),
            RedemptionCourier("kick", kick_points, database, consents.allowed),
            RewardCourier("twitch", twitch_points, database, consents.allowed),
            RewardCourier("kick", kick_points, database, consents.allowed),
            self.kick.chat,
            TwitchPolls(helix, database, clock),
            ChatCourier("twitch", TwitchSpeaker(helix), clock, by_consents(database, "twitch")),
        ]
        # Somebody's points wait for a platform that is away, for a whole evening if need be.
        patient = {f"{platform}.redemption": PATIENT for platform in ("twitch", "kick")}
        self.outbox = Outbox(database, couriers, policies=patient)

    def background(self, roles: Roles) -> Iterator[Coroutine[Any, Any, None]]:
        """What runs beside everything else in a process of these roles."""
        yield from self.kick.background(roles)
        yield from self.twitch.background(roles)
        if roles.worker:
            yield self.outbox.run()
            yield self._keeper.run()
            yield self._rewards.run()
            yield self._accounts.run()

    def routes(self, services: Services) -> list[BaseRoute]:
        """Where platforms deliver."""
        return [*self.kick.routes(services), *self.twitch.routes(services)]

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
        if kick := app_of(settings, self._http):
            found["kick"] = kick
        return found
