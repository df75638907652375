"""What listens to Twitch in this process beside chat, by its settings; part of the composition root."""

from __future__ import annotations

from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from starlette.routing import BaseRoute

from integrations.base import Clock
from integrations.twitch.eventsub import EventSub
from integrations.twitch.eventsub_intake import Deliver, EventSubIntake
from integrations.twitch.eventsub_webhooks import EventSubWebhooks
from integrations.twitch.helix import Helix
from server.config import Settings
from server.engine.batch import Overloaded
from server.roles import Roles
from server.web.services import Services
from server.web.webhooks.twitch import TwitchDeliveries
from sql.pool import Database


@dataclass(frozen=True, slots=True)
class Twitch:
    """All of it: one of the two ways in, and none when no application is registered with Twitch."""

    eventsub: EventSub | None = None
    webhooks: EventSubWebhooks | None = None
    deliveries: TwitchDeliveries | None = None

    def routes(self, services: Services) -> list[BaseRoute]:
        """`POST /webhooks/twitch`, where a secret is set."""
        return self.deliveries.receiver.routes(services) if self.deliveries else []

    def background(self, roles: Roles) -> Iterator[Coroutine[Any, Any, None]]:
        """What must run beside everything else in a process of these roles."""
        if roles.connectors and self.eventsub:
            yield self.eventsub.run()
        if roles.worker and self.webhooks:
            yield self.webhooks.run()


def twitch_of(
    settings: Settings, *, database: Database, helix: Helix, deliver: Deliver, clock: Clock
) -> Twitch:
    """Webhooks where Twitch can reach us (https, a secret of ours and the application's own), else sockets.

    `deliver` hands events to a show, and answers after COMMIT.
    """
    if not settings.twitch_client_id:
        return Twitch()
    intake = EventSubIntake(database, deliver, busy=(Overloaded,))
    secret = settings.twitch_eventsub_secret.get_secret_value() if settings.twitch_eventsub_secret else ""
    deliveries = TwitchDeliveries(database, (secret,)) if secret else None
    if deliveries and settings.twitch_client_secret and _is_reachable(settings.public_url):
        webhooks = EventSubWebhooks(
            database,
            helix,
            intake,
            clock,
            callback=f"{settings.public_url}/webhooks/twitch",
            secret=secret,
        )
        return Twitch(webhooks=webhooks, deliveries=deliveries)
    eventsub = EventSub(database, helix, settings.twitch_eventsub_url, intake, clock)
    return Twitch(eventsub=eventsub, deliveries=deliveries)


def _is_reachable(public_url: str) -> bool:
    """Whether Twitch would deliver there: https, on the port that it implies (twitch.md §3.3)."""
    parts = urlsplit(public_url)
    return parts.scheme == "https" and parts.port in (None, 443)
