"""`POST /webhooks/twitch`: what EventSub delivers, for every channel of every campaign (twitch.md §3).

The header that says what a delivery is for is not signed; a body has the last word: only one with a
`challenge` is a question, only one with an `event` tells of something.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import structlog
from prometheus_client import Counter
from starlette.responses import PlainTextResponse, Response

from integrations.deliveries import Delivery
from integrations.twitch import eventsub_events, eventsub_signature
from integrations.twitch.eventsub_asking import revoked_words
from integrations.twitch.eventsub_messages import subscription
from integrations.twitch.reading import fields, text
from server.telemetry import REGISTRY
from server.web import body as bodies
from server.web.webhooks.receiver import DELIVERIES, Receiver, Told
from sql import gaps, heads, twitch_subscriptions
from sql.pool import Database

_log = structlog.get_logger(__name__)

IGNORED = Counter(
    "hubbub_twitch_ignored_total",
    "Genuine deliveries of Twitch without a meaning here, by reason",
    ["reason"],
    registry=REGISTRY,
)
_CHALLENGE: Final = 256
#: Is asked for again, since Twitch may be able to deliver now.
_FAILED: Final = "notification_failures_exceeded"


class TwitchDeliveries:
    """What a `Receiver` asks of its platform."""

    def __init__(self, database: Database, secrets: Sequence[str]) -> None:
        """`secrets`: all that are good, so that one can be changed."""
        self._database = database
        self._secrets = tuple(secrets)

    @property
    def receiver(self) -> Receiver:
        return Receiver("twitch", self.gate, self.translate, largest=bodies.ORDINARY)

    async def gate(self, headers: Mapping[str, str], raw: bytes, now: datetime) -> Delivery:
        """Believe it, or raise NotGenuine."""
        return eventsub_signature.check(self._secrets, headers, raw, now)

    async def translate(self, delivery: Delivery, message: Any, received_at: datetime) -> Told | Response:
        """Its meaning; the answer itself where Twitch asks whether this address wants a subscription."""
        about = subscription(fields(message).get("subscription"))
        challenge = text(fields(message).get("challenge"), _CHALLENGE)
        if challenge:
            # All of a condition's ids are the channel's own (integrations.twitch.eventsub_plan).
            whose = next((id_ for _, id_ in about.condition), "")
            if about.id:
                async with self._database.connection() as connection:
                    await twitch_subscriptions.confirmed(connection, about.id, whose, about.type)
            DELIVERIES.labels("twitch", "taken").inc()
            return PlainTextResponse(challenge)
        if "event" not in fields(message):
            return await self._revoked(about.id, about.type, about.status)
        meaning = eventsub_events.translate(
            about.type,
            message["event"],
            id=delivery.message_id,
            sent_at=delivery.sent_at.isoformat(),
            received_at=received_at,
        )
        if isinstance(meaning, eventsub_events.Ignored):
            IGNORED.labels(meaning.reason).inc()
            return Told(ignored=meaning.reason)
        return Told(meaning.channel_id, (meaning,))

    async def _revoked(self, id_: str, type_: str, status: str) -> Told:
        if not id_ or status in ("", "enabled"):
            IGNORED.labels("no_event").inc()
            return Told(ignored="no_event")
        _log.warning("eventsub_revoked", type=type_, status=status)
        async with self._database.connection() as connection:
            whose = await twitch_subscriptions.revoked(connection, id_, revoked_words(status))
            if whose and status == _FAILED:
                # It is asked for again, and what was missed is read then (`eventsub_webhooks`).
                await twitch_subscriptions.tell(connection, [twitch_subscriptions.News(*whose, "wanted")])
                of = await twitch_subscriptions.channels_of(connection, [whose[0]])
                now = await heads.now(connection)
                await gaps.open_(connection, of.get(whose[0], []), "events", began_at=now, reason="revoked")
        return Told(ignored="revocation")
