"""`POST /webhooks/donations/{donation_connection_id}`: money that viewers give on a page elsewhere comes in.

    raw bytes, bounded → whose page → proof over the raw bytes → rate → meaning → COMMIT → 200

The id of a payment is stored in the transaction of its effect and nowhere else, and only of a delivery that
was proved (reliability T17 to T19): whoever forges one cannot keep the real one out. A payment that is told
again, in whatever form, is a duplicate and has no effect. Ko-fi sends again what is not answered with 200, so
that from Ko-fi nothing genuine is refused for what it says.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import structlog
from prometheus_client import Counter
from pydantic import Field
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from integrations.donations import kofi, reading, streamelements, streamlabs
from integrations.donations.reading import Page, Reading, Unreadable
from server.engine.batch import Overloaded
from server.engine.intake import Outcome
from server.live.rate_limit import Bucket
from server.telemetry import REGISTRY
from server.web import body as bodies
from server.web import limits
from server.web.models import Model
from server.web.problems import FieldError, Problem, database_away, internal
from server.web.routes import route
from server.web.services import Services
from server.web.vtt import cors
from server.web.webhooks import donation_proof
from sql import donations
from sql.donations import Gate
from sql.heads import NoCampaign
from sql.pool import UNREACHABLE, StatementRefused

_log = structlog.get_logger(__name__)

DONATIONS = Counter(
    "hubbub_donation_deliveries_total",
    "Deliveries of donation pages: taken, repeated, ignored, wrong, forged, failed",
    ["service", "outcome"],
    registry=REGISTRY,
)
#: Deliveries of one page that are proved.
DELIVERIES: Final = Bucket("donations", a_second=10, burst=60)
#: A database that takes longer is away (reliability §3.10).
_PATIENCE_S: Final = 3.0
#: nginx's word for a client that left before it was answered.
_CLIENT_LEFT: Final = 499
_MOST_REASONS: Final = 20


class DonationReceipt(Model):
    """What became of a delivery; nothing is answered before it is committed."""

    accepted: int
    duplicates: int = Field(description="Told before, in whatever form")
    ignored: list[str] = Field(description="Why something in it is no donation, or is not shown")
    rejected: list[str] = Field(description="Why something in it cannot be taken")


def routes(services: Services) -> list[BaseRoute]:
    """The ways in: the second is for senders that can be told an address and nothing else."""

    async def take(request: Request) -> Response:
        return await _answered(services, request)

    methods = ("POST", "OPTIONS")
    address = "/webhooks/donations/{donation_connection_id}"
    return [route(address, take, methods), route(address + "/{token}", take, methods)]


async def _answered(services: Services, request: Request) -> Response:
    """The answer, which a widget on another site can read whatever it is."""
    if request.method == "OPTIONS":
        return cors.preflight(request, ())
    try:
        response = await _take(services, request)
    except Problem as problem:
        response = problem.response()
    except ClientDisconnect:
        return Response(status_code=_CLIENT_LEFT)
    except (*UNREACHABLE, Overloaded, StatementRefused) as error:
        DONATIONS.labels("", "failed").inc()
        _log.warning("donation_not_stored", reason=type(error).__name__)
        response = database_away().response()
    except Exception as error:
        DONATIONS.labels("", "failed").inc()
        response = internal(request, error).response()
    response.headers.update(cors.headers(request, ()))
    return response


async def _take(services: Services, request: Request) -> Response:
    raw = await bodies.read(request, bodies.ORDINARY)
    # Behind the body: whoever sends it slowly shall not get in with what was revoked meanwhile.
    gate = await _gate(services, _page_id(request))
    try:
        gate, told = _proved(services, gate, request, raw)
    except Problem as problem:
        if problem.status == 401:
            DONATIONS.labels("" if gate is None else gate.service, "forged").inc()
        raise
    verdict = await services.limiter.draw(DELIVERIES, str(gate.id))
    if not verdict.allowed:
        raise Problem(
            429,
            "too_many",
            f"More than {DELIVERIES.a_second} deliveries a second. Nothing of this was taken; send it again.",
            headers={"retry-after": str(verdict.reset_s), **limits.headers(verdict)},
        )
    async with asyncio.timeout(_PATIENCE_S):
        async with services.database.connection() as connection:
            await donations.heard(connection, gate.id, gate.now)
        response = await _deliver(services, gate, read(told, Page(gate.service, gate.id, services.clock())))
    response.headers.update(limits.headers(verdict))
    return response


def _page_id(request: Request) -> UUID | None:
    text: str = request.path_params["donation_connection_id"]
    try:
        found = UUID(text)
    except ValueError:
        return None
    return found if str(found) == text.lower() else None


async def _gate(services: Services, page_id: UUID | None) -> Gate | None:
    if page_id is None:
        return None
    async with services.database.connection() as connection:
        return await donations.gate(connection, page_id)


def _proved(services: Services, gate: Gate | None, request: Request, raw: bytes) -> tuple[Gate, Any]:
    """The page and what it tells, believed. Raises Problem: 401 before anything else is said of the body."""
    if gate is not None and gate.service == "kofi":
        told = _form(raw)
        return donation_proof.prove_token(gate, kofi.token(told)), told
    now = services.clock() if gate is None else gate.now
    gate = donation_proof.prove(services.vault, gate, request, raw, now=now)
    bodies.refuse_other_media(request)
    try:
        return gate, reading.value_of(raw)
    except Unreadable as reason:
        raise Problem(400, "not_json", f"The body was not taken: {reason}.") from None


def _form(raw: bytes) -> Any:
    """What Ko-fi tells; None for what is none of its forms, in which there is no token either."""
    try:
        return kofi.value(raw)
    except Unreadable:
        return None


def read(told: Any, page: Page) -> Reading:
    """By the service's own rules."""
    match page.service:
        case "kofi":
            return kofi.read(told, page)
        case "streamelements":
            return streamelements.read(told, page)
        case _:
            return streamlabs.read(told, page)


async def _deliver(services: Services, gate: Gate, found: Reading) -> Response:
    outcomes: Sequence[Outcome] = ()
    if found.events:
        try:
            outcomes = await services.batches.deliver(gate.campaign_id, found.events)
        except NoCampaign:  # it was deleted a moment ago, and the page with it
            raise donation_proof.unauthorized("The page is not there any more.") from None
    kinds = [outcome.kind for outcome in outcomes]
    rejected = [*found.wrong, *(outcome.reason for outcome in outcomes if outcome.kind == "rejected")]
    receipt = DonationReceipt(
        accepted=kinds.count("accepted"),
        duplicates=kinds.count("duplicate"),
        ignored=list(found.ignored[:_MOST_REASONS]),
        rejected=rejected[:_MOST_REASONS],
    )
    _count(gate, receipt)
    if rejected and gate.service != "kofi" and not (receipt.accepted or receipt.duplicates or found.ignored):
        errors = [FieldError(path="", message=reason) for reason in receipt.rejected]
        raise Problem(422, "invalid", f"No donation was taken: {rejected[0]}.", errors=errors)
    return Response(receipt.model_dump_json(), 200, media_type="application/json")


def _count(gate: Gate, receipt: DonationReceipt) -> None:
    if receipt.accepted:
        outcome = "taken"
    elif receipt.duplicates:
        outcome = "repeated"
    else:
        outcome = "wrong" if receipt.rejected else "ignored"
    DONATIONS.labels(gate.service, outcome).inc()
    if receipt.rejected:
        _log.warning("donation_not_taken", service=gate.service, page=str(gate.id), reasons=receipt.rejected)
