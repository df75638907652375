"""`POST /webhooks/kick`: what Kick delivers, for every channel of every campaign (platforms/kick.md §4).

One application has one address, so the broadcaster in the body says whom a delivery is for, and tells apart
what Kick made for somebody else's application, which has the same genuine signature (reliability T18).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from prometheus_client import Counter
from starlette.responses import Response

from integrations.deliveries import Delivery, NotGenuine
from integrations.kick import signature, webhook_events
from integrations.kick.key_watch import KeyWatch
from integrations.kick.webhook_events import Ignored, Misfit
from server.telemetry import REGISTRY
from server.web import body as bodies
from server.web.problems import Problem
from server.web.webhooks.receiver import DELIVERIES, LARGEST, Receiver, Told

_log = structlog.get_logger(__name__)

IGNORED = Counter(
    "hubbub_kick_ignored_total",
    "Genuine deliveries of Kick without a meaning here, by reason",
    ["reason"],
    registry=REGISTRY,
)
_CHAT: Final = "chat.message.sent"
#: Of unknown types, so many are told in the log, once each.
_MOST_TOLD: Final = 50


class KickDeliveries:
    """What a `Receiver` asks of its platform."""

    def __init__(self, keys: KeyWatch, most_age: timedelta = signature.MOST_AGE) -> None:
        self._keys = keys
        self._most_age = most_age
        self._told: set[tuple[str, str]] = set()

    @property
    def receiver(self) -> Receiver:
        # A gift to a hundred viewers is larger than a line of chat may be: `gate` looks at that.
        return Receiver("kick", self.gate, self.translate, largest=bodies.ORDINARY)

    async def gate(self, headers: Mapping[str, str], raw: bytes, now: datetime) -> Delivery:
        """Believe it, or raise NotGenuine; Problem 413 for a line of chat that is none."""
        if len(raw) > LARGEST and headers.get(signature.TYPE) == _CHAT:
            raise Problem(413, "too_large", f"A line of chat has no more than {LARGEST // 1024} KiB.")
        try:
            return signature.check(self._keys.keys, headers, raw, now, self._most_age)
        except NotGenuine as reason:
            if not reason.is_stale:
                self._keys.failed()
            raise

    async def translate(self, delivery: Delivery, message: Any, received_at: datetime) -> Told | Response:
        """Its meaning. A body that is not of the type that the unsigned header names is refused."""
        told = webhook_events.read(delivery, message, received_at)
        if isinstance(told, Misfit):
            DELIVERIES.labels("kick", "misfit").inc()
            problem = Problem(
                400, "misfit", f"The body is not that of the event it is said to be: {told.reason}."
            )
            return problem.response()
        if isinstance(told, Ignored):
            self._note(told.reason, delivery)
            return Told(ignored=told.reason)
        return Told(told.channel_id, (told,))

    def _note(self, reason: str, delivery: Delivery) -> None:
        IGNORED.labels(reason).inc()
        kind = (delivery.type, delivery.version)
        if kind not in self._told and len(self._told) < _MOST_TOLD:
            self._told.add(kind)
            _log.info("kick_event_ignored", reason=reason, type=delivery.type, version=delivery.version)
