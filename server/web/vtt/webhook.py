"""`POST /webhooks/vtt/{connection_id}`: dice come in (contract §6). A 2xx is answered after COMMIT."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from uuid import UUID

import structlog
from pydantic import Field
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from integrations.vtt import senders
from integrations.vtt.senders import Sender, Told
from server.engine.batch import Overloaded
from server.engine.intake import Outcome
from server.live.rate_limit import Bucket, Limit, Verdict
from server.rules.table_events import DiceRolled
from server.web import body as bodies
from server.web import limits
from server.web.models import Model
from server.web.problems import FieldError, Problem, database_away, internal
from server.web.routes import route
from server.web.services import Services
from server.web.vtt import cors
from server.web.vtt.gate import Proof, prove
from server.web.vtt.redeem import redeem
from sql import vtt_connections
from sql.heads import NoCampaign
from sql.pool import UNREACHABLE
from sql.vtt_connections import Gate

_log = structlog.get_logger(__name__)

#: Deliveries of one table (reliability §3.9); a delivery may hold twenty rolls.
DELIVERIES = Bucket("vtt", a_second=30, burst=60)
#: Of one table that proves itself by a browser's token, which guests at the table have (T21): more than
#: anybody throws, and less than fills a disk. Who signs is a server of the game master's.
ROLLS_OF_A_TOKEN = Limit("vtt-rolls", 6_000, window_s=3_600)
#: nginx's word for a client that left before it was answered.
_CLIENT_LEFT = 499
_MOST_ERRORS = 20
#: What the engine says of a table that was revoked or deleted between the check and the commit.
GONE = "unknown_connection"


class RejectedRoll(Model):
    index: int = Field(description="Its place in the message")
    reason: str


class DiceReceipt(Model):
    """What became of a delivery; nothing is answered before it is committed."""

    accepted: int
    duplicates: int
    rejected: list[RejectedRoll]


def routes(services: Services) -> list[BaseRoute]:
    """The ways in, each with its answer to a browser that asks first."""

    async def take(request: Request) -> Response:
        return await _answered(services, request, _take)

    async def pair(request: Request) -> Response:
        return await _answered(services, request, redeem)

    methods = ("POST", "OPTIONS")
    return [
        route("/webhooks/vtt/pair", pair, methods),
        route("/webhooks/vtt/{connection_id}", take, methods),
        # For senders that can be told an address and nothing else, as Discord's own webhooks are.
        route("/webhooks/vtt/{connection_id}/{token}", take, methods),
    ]


Handler = Callable[[Services, Request], Awaitable[Response]]


async def _answered(services: Services, request: Request, handler: Handler) -> Response:
    """The answer, which a page on another site can read whatever it is."""
    listed: Collection[str] = ()
    try:
        try:
            listed = await _listed(services, request)
            if request.method == "OPTIONS":
                return cors.preflight(request, listed)
            if not cors.is_allowed(request, listed):
                raise cors.foreign_page()
            response = await handler(services, request)
        except UNREACHABLE as error:
            _log.warning("database_away", reason=type(error).__name__)
            raise database_away() from error
    except Problem as problem:
        response = problem.response()
    except ClientDisconnect:
        return Response(status_code=_CLIENT_LEFT)
    except Exception as error:
        response = internal(request, error).response()
    response.headers.update(cors.headers(request, listed))
    return response


async def _listed(services: Services, request: Request) -> Collection[str]:
    """From where browsers may send to the table of this address. Our own pages always may."""
    connection_id = _connection_id(request)
    origin = request.headers.get("origin")
    if connection_id is None or origin is None or origin in services.origins.allowed:
        return ()
    async with services.database.connection() as connection:
        return await vtt_connections.origins_of(connection, connection_id)


def _connection_id(request: Request) -> UUID | None:
    text: str = request.path_params.get("connection_id", "")
    try:
        found = UUID(text)
    except ValueError:
        return None
    return found if str(found) == text.lower() else None


async def _take(services: Services, request: Request) -> Response:
    raw = await bodies.read(request, bodies.ORDINARY)
    connection_id = _connection_id(request)
    gate = None
    # Behind the body: whoever sends it slowly shall not get in with what was revoked meanwhile.
    async with services.database.connection() as connection:
        if connection_id is not None:
            gate = await vtt_connections.gate(connection, connection_id)
    token: str = request.path_params.get("token", "")
    proof = prove(
        services.vault, gate, request, raw, now=services.clock() if gate is None else gate.now, token=token
    )
    assert gate is not None  # noqa: S101  nothing proves a table that is not there
    if gate.campaign_id is None:
        raise _campaign_gone()
    verdict = await services.limiter.draw(DELIVERIES, str(gate.id))
    if not verdict.allowed:
        raise _too_often(verdict)
    bodies.refuse_other_media(request)
    message = bodies.parse_json(raw)
    services.rooms.heard.note_table(gate.id, services.clock())
    response = await _deliver(services, gate, gate.campaign_id, proof, message)
    response.headers.update(limits.headers(verdict))
    return response


async def _deliver(
    services: Services, gate: Gate, campaign_id: UUID, proof: Proof, message: object
) -> Response:
    received_at = services.clock()
    told = senders.read(
        message, received_at, Sender(gate.provider, gate.world_id or str(gate.id), gate.visibility)
    )
    if not told.rolls:
        raise _no_roll(told)
    if not proof.is_signed:
        verdict = await services.limiter.take(ROLLS_OF_A_TOKEN, str(gate.id), len(told.rolls))
        if not verdict.allowed:
            raise _too_many_rolls(verdict)
    verified = proof.is_signed and gate.is_trusted
    events = [
        DiceRolled(gate.id, replace(roll, verified=verified), received_at, delivery=proof.delivery)
        for roll in told.rolls
    ]
    try:
        outcomes = await services.batches.deliver(campaign_id, events)
    except Overloaded:
        raise Problem(
            503,
            "overloaded",
            "More arrives than can be stored; nothing of this was taken. Send it again.",
            headers={"retry-after": "1"},
        ) from None
    except NoCampaign:
        raise _campaign_gone() from None
    return _receipt(told, outcomes)


def _receipt(told: Told, outcomes: Sequence[Outcome]) -> Response:
    rejected = [RejectedRoll(index=wrong.index, reason=wrong.reason) for wrong in told.wrong]
    rejected += [
        RejectedRoll(index=place, reason=outcome.reason)
        for place, outcome in zip(told.places, outcomes, strict=True)
        if outcome.kind == "rejected"
    ]
    rejected.sort(key=lambda one: one.index)
    if any(outcome.reason == GONE for outcome in outcomes):
        raise Problem(401, "unauthorized", "The table was revoked.")
    accepted = sum(outcome.kind == "accepted" for outcome in outcomes)
    duplicates = sum(outcome.kind == "duplicate" for outcome in outcomes)
    if not accepted and not duplicates:
        errors = [FieldError(path="", message=one.reason) for one in rejected[:_MOST_ERRORS]]
        raise Problem(422, "invalid", f"No roll was taken: {errors[0].message}", errors=errors)
    receipt = DiceReceipt(accepted=accepted, duplicates=duplicates, rejected=rejected)
    status = 202 if accepted or rejected else 200
    return Response(receipt.model_dump_json(), status, media_type="application/json")


def _no_roll(told: Told) -> Problem:
    """Nothing in the message is a roll: every field that is wrong, or why there is none."""
    errors: list[FieldError] = []
    for wrong in told.wrong:
        errors += [FieldError(path=error.path, message=error.message) for error in wrong.errors]
        if not wrong.errors:
            errors.append(FieldError(path="", message=wrong.reason))
    first = told.wrong[0].reason if told.wrong else "the message holds no roll"
    return Problem(422, "invalid", f"No roll was taken: {first}.", errors=errors[:_MOST_ERRORS])


def _campaign_gone() -> Problem:
    return Problem(403, "campaign_gone", "The campaign that this table played for was deleted.")


def _too_often(verdict: Verdict) -> Problem:
    return Problem(
        429,
        "too_many",
        f"More than {DELIVERIES.a_second} deliveries a second. Nothing of this was taken; send it again "
        f"in {verdict.reset_s} s, and up to 20 rolls at a time.",
        headers={"retry-after": str(verdict.reset_s), **limits.headers(verdict)},
    )


def _too_many_rolls(verdict: Verdict) -> Problem:
    return Problem(
        429,
        "too_many_rolls",
        f"More than {ROLLS_OF_A_TOKEN.most:,} rolls in an hour with a browser's token. Nothing of this was "
        f"taken; there is room again in {verdict.reset_s} s. A server that sends more signs what it sends.",
        headers={"retry-after": str(verdict.reset_s)},
    )
