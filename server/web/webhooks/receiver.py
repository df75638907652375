"""What all platforms' deliveries have in common: the order of the checks, and what is answered.

    raw bytes, bounded → signature → age → meaning → every campaign of the channel → COMMIT → 2xx

The signature comes first, and the id of a delivery is stored in the transaction of its effect and nowhere
else: whoever forges an id cannot keep the real one out (reliability T19). A repeat is answered like the first
time and has no effect. What is genuine is never refused for what it says: a platform would send it again and
again, and cut the line in the end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias
from uuid import UUID

import orjson
import structlog
from prometheus_client import Counter
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from integrations.deliveries import Delivery, NotGenuine
from server.engine.batch import Overloaded
from server.engine.intake import Outcome
from server.engine.intakes import Incoming
from server.telemetry import REGISTRY
from server.web import body as bodies
from server.web.problems import Problem, database_away, internal
from server.web.routes import route
from server.web.services import Services
from sql import channels
from sql.channels import Platform
from sql.heads import NoCampaign
from sql.pool import UNREACHABLE, StatementRefused

_log = structlog.get_logger(__name__)

DELIVERIES = Counter(
    "hubbub_webhook_deliveries_total",
    "Deliveries of platforms: taken, repeated, ignored, foreign, forged, stale, failed",
    ["platform", "outcome"],
    registry=REGISTRY,
)

#: Bytes of a delivery (reliability §3.9: a chat event).
LARGEST: Final = 16 * 1024
#: A database that takes longer is away: the platform sends it again (reliability §3.10).
PATIENCE_S: Final = 3.0
#: nginx's word for a client that left before it was answered.
_CLIENT_LEFT: Final = 499


@dataclass(frozen=True, slots=True)
class Told:
    """What a delivery says: `events` of the channel with this id of the platform's."""

    channel_id: str = ""
    events: Sequence[Incoming] = ()
    #: Why nothing in it matters, for our figures; empty when something does.
    ignored: str = ""


#: Believes a delivery, from its headers (names in any case), its raw bytes and the database clock.
#: Raises NotGenuine, and UNREACHABLE when that cannot be said now.
Gate: TypeAlias = Callable[[Mapping[str, str], bytes, datetime], Awaitable[Delivery]]
#: Says what a genuine delivery means; its body is whatever JSON held, its last argument when it came. A
#: Response is the whole answer. Never raises for what is in the body.
Translate: TypeAlias = Callable[[Delivery, Any, datetime], Awaitable[Told | Response]]


@dataclass(frozen=True, slots=True)
class Receiver:
    """The way in of one platform."""

    platform: Platform
    gate: Gate
    translate: Translate
    refused: int = 403  # the status for what is not believed
    largest: int = LARGEST

    def routes(self, services: Services) -> list[BaseRoute]:
        """`POST /webhooks/{platform}`."""

        async def take(request: Request) -> Response:
            return await self._answered(services, request)

        return [route(f"/webhooks/{self.platform}", take, ("POST",))]

    async def _answered(self, services: Services, request: Request) -> Response:
        try:
            return await self._take(services, request)
        except Problem as problem:
            return problem.response()
        except ClientDisconnect:
            return Response(status_code=_CLIENT_LEFT)
        except (*UNREACHABLE, Overloaded, StatementRefused) as error:
            # The statement of one delivery is refused only by a mistake of ours, which a person will mend.
            self._count("failed")
            _log.warning("delivery_not_stored", platform=self.platform, reason=type(error).__name__)
            return database_away().response()
        except Exception as error:
            self._count("failed")
            return internal(request, error).response()

    async def _take(self, services: Services, request: Request) -> Response:
        raw = await bodies.read(request, self.largest)
        received_at = services.clock()
        try:
            delivery = await self.gate(request.headers, raw, received_at)
        except NotGenuine as reason:
            self._count("stale" if reason.is_stale else "forged")
            raise Problem(
                self.refused, "not_genuine", f"The delivery is not believed: {reason}. Nothing was done."
            ) from None
        try:
            message = orjson.loads(raw)
        except orjson.JSONDecodeError:
            return self._ignored("no JSON")
        told = await self.translate(delivery, message, received_at)
        if isinstance(told, Response):
            return told
        if told.ignored or not told.events:
            return self._ignored(told.ignored or "no event")
        async with asyncio.timeout(PATIENCE_S):
            return await self._deliver(services, told)

    async def _deliver(self, services: Services, told: Told) -> Response:
        async with services.database.connection() as connection:
            campaigns = await channels.campaigns_of(connection, self.platform, told.channel_id)
        if not campaigns:
            self._count("foreign")
            return _thanks()
        outcomes: list[Outcome] = []
        for answer in await asyncio.gather(
            *(_into(services, campaign, told) for campaign in campaigns), return_exceptions=True
        ):
            if isinstance(answer, BaseException):
                raise answer
            outcomes += answer
        kinds = {outcome.kind for outcome in outcomes}
        self._count("taken" if "accepted" in kinds else "repeated" if "duplicate" in kinds else "ignored")
        return _thanks()

    def _ignored(self, why: str) -> Response:
        self._count("ignored")
        _log.debug("delivery_ignored", platform=self.platform, why=why)
        return _thanks()

    def _count(self, outcome: str) -> None:
        DELIVERIES.labels(self.platform, outcome).inc()


async def _into(services: Services, campaign_id: UUID, told: Told) -> list[Outcome]:
    """After COMMIT. A campaign that was deleted a moment ago has no use for it."""
    try:
        return await services.batches.deliver(campaign_id, told.events)
    except NoCampaign:
        return []


def _thanks() -> Response:
    return Response(status_code=204)
