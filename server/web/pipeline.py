"""What happens to every API request, in this order: who, from where, how often, what, once, done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import structlog
from pydantic import BaseModel, ValidationError
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from server.engine.character_acts import NoCharacter
from server.engine.member_acts import NoMember
from server.engine.roll_acts import NoRoll
from server.engine.room import NoPoll
from server.engine.table_setup import NoRule
from server.live.rate_limit import Verdict
from server.rules.poll import Refused
from server.rules.roles import Role
from server.web import body as bodies
from server.web import idempotency, limits
from server.web.auth import NOBODY, Actor, authenticate, refuse_foreign_origin, refuse_forgery
from server.web.endpoint import Answer, Call, Endpoint, Raw
from server.web.problems import Problem, conflict, database_away, invalid, invalid_model, not_found
from server.web.services import Services
from sql import campaigns, members
from sql.heads import NoCampaign
from sql.idempotency import Claim
from sql.pool import UNREACHABLE, Connection

_log = structlog.get_logger(__name__)


async def answer(endpoint: Endpoint, services: Services, request: Request) -> Response:
    """Run one request. Raises Problem; nothing else but our own faults."""
    try:
        actor, roles = await _who(endpoint, services, request)
        verdict = await limits.take(services, endpoint.limit, actor)
        asked = _query(endpoint, request.query_params)
        call = Call(services, request, actor, roles, endpoint.permission, asked)
        value, model = await _body(endpoint, request)
        key = idempotency.key_of(request, actor.label, value) if endpoint.method == "POST" else None
        if key is None:
            response = await _run(endpoint, call, model, None, None)
        else:
            begun = await idempotency.begin(services.database, services.vault, key)
            response = (
                begun if isinstance(begun, Response) else await _keyed(endpoint, call, model, key, begun)
            )
    except UNREACHABLE as error:
        _log.warning("database_away", reason=type(error).__name__)
        raise database_away() from error
    return _with_limits(response, verdict)


async def _who(endpoint: Endpoint, services: Services, request: Request) -> tuple[Actor, Mapping[UUID, Role]]:
    if endpoint.is_open:
        if endpoint.method != "GET":
            refuse_foreign_origin(request, services.origins)
        return NOBODY, {}
    async with services.database.connection() as connection:
        actor = await authenticate(services, connection, request)
        if endpoint.method != "GET":
            refuse_forgery(request, actor, services.origins)
        return actor, await members.roles_of(connection, actor.user_id)


def _query(endpoint: Endpoint, given: QueryParams) -> BaseModel:
    values = dict(given)
    if len(values) != len(given.multi_items()):
        raise invalid("", "a query parameter stands twice")
    try:
        return endpoint.query.model_validate_strings(values)
    except ValidationError as error:
        raise invalid_model(error) from None


async def _body(endpoint: Endpoint, request: Request) -> tuple[Any, Any]:
    """The JSON value (for the Idempotency-Key) and the validated model."""
    if endpoint.method == "GET":
        return None, None
    raw = await bodies.read(request, endpoint.most_bytes)
    if not raw and endpoint.may_be_empty:
        raw = b"{}"
    else:
        bodies.refuse_other_media(request)
    value = bodies.parse_json(raw)
    if endpoint.body is None:
        if value != {}:
            raise invalid("", "this call takes no fields")
        return value, None
    try:
        if endpoint.plain:
            return value, endpoint.body.validate_python(value)
        return value, endpoint.body.validate_json(raw)
    except ValidationError as error:
        raise invalid_model(error) from None


async def _keyed(endpoint: Endpoint, call: Call, model: Any, key: idempotency.Key, claim: Claim) -> Response:
    """Run a request that holds its key: its 2xx and 4xx answers are kept, anything else frees the key."""
    services = call.services
    try:
        return await _run(endpoint, call, model, key, claim)
    except Problem as problem:
        if problem.status in (429, 503) or problem.kind == "lease_lost":
            await idempotency.give_back(services.database, claim)
        else:
            async with services.database.connection() as connection:
                await idempotency.keep(connection, services.vault, key, claim, problem.response())
        raise
    except Exception:
        await idempotency.give_back(services.database, claim)
        raise


class _Keeper:
    """Stores the answer of a request that holds its key, and has it then."""

    def __init__(self, endpoint: Endpoint, call: Call, key: idempotency.Key, claim: Claim) -> None:
        self._endpoint, self._call, self._key, self._claim = endpoint, call, key, claim
        self.response: Response | None = None

    async def __call__(self, connection: Connection, answer: Answer) -> None:
        response = _render(self._endpoint, self._call, answer)
        vault = self._call.services.vault
        if not await idempotency.keep(connection, vault, self._key, self._claim, response):
            raise conflict(
                "lease_lost",
                "The request took so long that a repeat has taken over; nothing was done.",
            )
        self.response = response


async def _run(
    endpoint: Endpoint, call: Call, model: Any, key: idempotency.Key | None, claim: Claim | None
) -> Response:
    services = call.services
    keeper = call.keeper = _Keeper(endpoint, call, key, claim) if key and claim else None
    try:
        answer = await _work(endpoint, call, model)
    except Problem as problem:
        if problem.kind == "not_found":
            await _say_whether_it_is_the_role(call)
        raise
    response = keeper.response if keeper else None
    if response is None:
        response = _render(endpoint, call, answer)
        if key and claim:  # of what does no harm when it is done once more
            async with services.database.connection() as connection:
                await idempotency.keep(connection, services.vault, key, claim, response)
    return response


async def _work(endpoint: Endpoint, call: Call, model: Any) -> Answer:
    if endpoint.work == "write":
        async with call.services.database.transaction() as connection:
            call.held = connection
            answer = await _handle(endpoint, call, model)
            await call.keep(connection, answer)
        for act in call.afterwards:
            await act()
        return answer
    if endpoint.work == "read":
        async with call.services.database.connection() as connection:
            call.held = connection
            return await _handle(endpoint, call, model)
    return await _handle(endpoint, call, model)


async def _say_whether_it_is_the_role(call: Call) -> None:
    """What was not found may be there, in a show that the actor may look at and not do this in.

    Handlers look for things in `Call.scope` only, so that nothing depends on this: it makes 404 a 403 with a
    sentence, for those to whom the difference tells nothing that they may not know. Raises Problem 403.
    """
    if len(call.scope) == len(call.roles):
        return
    async with call.services.database.connection() as connection:
        for text in call.request.path_params.values():
            try:
                campaign_id = await campaigns.of_thing(connection, UUID(text))
            except ValueError:
                continue
            if campaign_id in call.roles and campaign_id is not None:
                call.check(campaign_id)


async def _handle(endpoint: Endpoint, call: Call, model: Any) -> Answer:
    try:
        if endpoint.body is None:
            return await endpoint.handler(call)
        return await endpoint.handler(call, model)
    except Refused as refused:
        raise conflict(refused.reason, refused.detail) from None
    except NoPoll:
        raise not_found("poll") from None
    except NoRoll:
        raise not_found("roll") from None
    except NoCharacter:
        raise not_found("character") from None
    except NoRule:
        raise not_found("rule") from None
    except NoMember:
        raise not_found("member") from None
    except NoCampaign:
        raise not_found("campaign") from None


def _render(endpoint: Endpoint, call: Call, result: Answer) -> Response:
    if result is None:
        response = Response(status_code=endpoint.status)
    elif isinstance(result, Raw):
        response = Response(
            result.text,
            endpoint.status,
            {"content-disposition": f'attachment; filename="{result.filename}"'},
            result.media_type,
        )
    else:
        response = Response(
            result.model_dump_json(by_alias=True), endpoint.status, media_type="application/json"
        )
    for cookie in call.cookies:
        response.headers.append("set-cookie", cookie)
    return response


def _with_limits(response: Response, verdict: Verdict | None) -> Response:
    if verdict is not None:
        response.headers.update(limits.headers(verdict))
    return response
