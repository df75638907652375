"""What listens to Twitch in this process beside chat, by its settings; part of the composition root."""

from __future__ import annotations

from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from typing import Any

from integrations.base import Clock
from integrations.twitch.eventsub import EventSub
from integrations.twitch.eventsub_intake import Deliver, EventSubIntake
from integrations.twitch.helix import Helix
from server.config import Settings
from server.engine.batch import Overloaded
from server.roles import Roles
from sql.pool import Database


@dataclass(frozen=True, slots=True)
class Twitch:
    """All of it. `eventsub` is None when no application is registered with Twitch."""

    eventsub: EventSub | None

    def background(self, roles: Roles) -> Iterator[Coroutine[Any, Any, None]]:
        """What must run beside everything else in a process of these roles."""
        if roles.connectors and self.eventsub:
            yield self.eventsub.run()


def twitch_of(
    settings: Settings, *, database: Database, helix: Helix, deliver: Deliver, clock: Clock
) -> Twitch:
    """`deliver` hands events to a show, and answers after COMMIT."""
    if not settings.twitch_client_id:
        return Twitch(None)
    intake = EventSubIntake(database, deliver, busy=(Overloaded,))
    return Twitch(EventSub(database, helix, settings.twitch_eventsub_url, intake, clock))
