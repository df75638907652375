"""The six HTTP endpoints of the published module (vtt-wire-protocol §3), open to pages from anywhere.

No cookie counts here; whatever is told or done is proven by a code, a key or a token in the request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import orjson
import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from integrations.vtt.reading import plain
from server.live.rate_limit import Limit
from server.rules.wiretime import to_wire
from server.web import body as bodies
from server.web.foundry import credentials, pairing, tokens
from server.web.foundry.handshake import retire
from server.web.headers import request_id
from server.web.problems import Problem
from server.web.routes import route
from server.web.services import Services
from sql import admin_log, vtt_connections, vtt_sockets, vtt_tokens
from sql.pool import UNREACHABLE
from sql.vtt_connections import World
from sql.vtt_pairings import GOOD_FOR_S
from sql.vtt_tokens import Paired

_log = structlog.get_logger(__name__)

#: Of one address: the module polls a pairing every two seconds.
_A_MINUTE: Final = 60
ASKED = Limit("foundry-ask", 20)
POLLED = Limit("foundry-poll", _A_MINUTE)
REVOKED = Limit("foundry-revoke", 30)
LOOKED = Limit("foundry-health", _A_MINUTE)
REFRESHED = Limit("foundry-refresh", _A_MINUTE)
_LARGEST: Final = 8 * 1024
_LONGEST_KEY: Final = 128
#: How long a refresh waits for a database that is away: the module does not try again by itself.
_PATIENCE_S: Final = 8.0
_AGAIN_AFTER_S: Final = 0.5
#: nginx's word for a client that left before it was answered.
_CLIENT_LEFT: Final = 499

Answer = tuple[int, Mapping[str, Any]]
Handler = Callable[[Services, Request], Awaitable[Answer]]


class Refusal(Exception):
    """A status, and what the game master reads."""

    def __init__(self, status: int, error: str, /, **more: Any) -> None:
        super().__init__(error)
        self.status = status
        self.fields = {"error": error, **more}
        self.headers: Mapping[str, str] = {}


def routes(services: Services) -> list[BaseRoute]:
    """H1 to H6, each with its answer to a browser that asks first."""

    def at(path: str, method: str, handler: Handler, limit: Limit) -> BaseRoute:
        async def answer(request: Request) -> Response:
            return await _answered(services, request, method, handler, limit)

        return route(path, answer, (method, "OPTIONS"))

    return [
        at("/webhooks/foundry/request-pairing", "POST", _request_pairing, ASKED),
        at("/webhooks/foundry/pairing-status", "GET", _pairing_status, POLLED),
        at("/webhooks/foundry/revoke", "POST", _revoke, REVOKED),
        at("/webhooks/foundry/connection-health", "GET", _connection_health, LOOKED),
        at("/webhooks/foundry/reauthorization-status", "GET", _reauthorization_status, LOOKED),
        at("/mj/vtt-connections/refresh-token", "POST", _refresh_token, REFRESHED),
    ]


# What all of them share.


async def _answered(
    services: Services, request: Request, method: str, handler: Handler, limit: Limit
) -> Response:
    if request.method == "OPTIONS":
        return Response(status_code=204, headers=_preflight(request, method))
    more: Mapping[str, str] = {}
    try:
        await _count(services, request, limit)
        status, fields = await handler(services, request)
    except Refusal as refusal:
        status, fields, more = refusal.status, refusal.fields, refusal.headers
    except Problem as problem:  # of the body
        status, fields = problem.status, {"error": problem.detail, "status": "error"}
    except UNREACHABLE as error:
        _log.warning("database_away", reason=type(error).__name__)
        status, more = 503, {"retry-after": "2"}
        fields = {"error": "The database does not answer, try again", "status": "error"}
    except ClientDisconnect:
        return Response(status_code=_CLIENT_LEFT)
    except Exception:
        _log.exception("request_failed", path=request.url.path)
        ident = request_id(request.scope)
        status, fields = 500, {"error": f"Something went wrong (request {ident})", "status": "error"}
    headers = {"access-control-allow-origin": "*", **more}
    return Response(orjson.dumps(fields), status, headers, "application/json")


async def _count(services: Services, request: Request, limit: Limit) -> None:
    """Raises Refusal when it is one too many."""
    verdict = await services.limiter.take(limit, request.client.host if request.client else "unknown")
    if not verdict.allowed:
        refusal = Refusal(429, f"Too many requests, try again in {verdict.reset_s} s", status="error")
        refusal.headers = {"retry-after": str(verdict.reset_s)}
        raise refusal


def _preflight(request: Request, method: str) -> dict[str, str]:
    headers = {
        "access-control-allow-origin": "*",
        "access-control-allow-methods": f"{method}, OPTIONS",
        "access-control-allow-headers": "authorization, content-type",
        "access-control-max-age": "600",
        "allow": f"{method}, OPTIONS",
    }
    # A public page that asks a server in its reader's own network (Chromium asks before it does).
    if request.headers.get("access-control-request-private-network") == "true":
        headers["access-control-allow-private-network"] = "true"
    return headers


async def _body(request: Request) -> dict[str, Any]:
    """The JSON object that was sent; fields that nobody knows are passed over. Raises Refusal, Problem."""
    raw = await bodies.read(request, _LARGEST)
    bodies.refuse_other_media(request)
    value = bodies.parse_json(raw)
    if not isinstance(value, dict):
        raise Refusal(400, "The body is no object")
    return value


def _field(body: Mapping[str, Any], name: str, most: int) -> str:
    value = body.get(name)
    return value if isinstance(value, str) and len(value) <= most and value.isprintable() else ""


def _bearer(request: Request) -> str:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    key = key.strip()
    return key if scheme.lower() == "bearer" and len(key) <= _LONGEST_KEY else ""


def server_url(services: Services, request: Request) -> str:
    """The address that the module shall use: the public one, or the one by which it has just reached us.

    Where none is configured the public one is a guess, and worth nothing to a browser on another machine.
    """
    public = services.origins.public_url
    host = request.headers.get("host", "")
    return public if services.origins.is_https or not host else f"{request.url.scheme}://{host}"


# H1, H2: pairing.


async def _request_pairing(services: Services, request: Request) -> Answer:
    body = await _body(request)
    world_id, world_name = _field(body, "worldId", 128), plain(body.get("worldName"), 128)
    if not world_id or not world_name:
        raise Refusal(400, "worldId and worldName are needed")
    world = World(
        world_id,
        world_name,
        plain(body.get("moduleVersion"), 64),
        plain(body.get("gameSystemId"), 64),
    )
    async with services.database.connection() as connection:
        asked = await pairing.ask(services, connection, world)
    return 200, {
        "success": True,
        "code": asked.code,
        "expiresIn": GOOD_FOR_S,
        "expiresAt": round(asked.expires_at.timestamp() * 1000),
        "serverUrl": server_url(services, request),
    }


async def _pairing_status(services: Services, request: Request) -> Answer:
    world_id, code = request.query_params.get("worldId", ""), request.query_params.get("code", "")
    if not world_id or not code:
        return 200, {"status": "not_found", "message": "worldId and code are needed."}
    async with services.database.connection() as connection:
        fields = await pairing.status(services, connection, world_id, code[:32])
    if fields["status"] == "completed":
        fields["serverUrl"] = server_url(services, request)
    return 200, fields


# H3, H4, H5: what a table with a key may ask.


async def _revoke(services: Services, request: Request) -> Answer:
    body = await _body(request)
    connection_id, api_key = _field(body, "connectionId", 64), _field(body, "apiKey", _LONGEST_KEY)
    if not connection_id or not api_key:
        raise Refusal(400, "connectionId and apiKey are needed")
    async with services.database.transaction() as connection:
        held = await vtt_tokens.by_api_key(connection, api_key)
        if held is None or str(held.id) != connection_id.lower():
            raise Refusal(404, "There is no such connection")
        said = plain(body.get("reason"), 150)
        done = await vtt_connections.revoke(connection, held.id, f"At the table: {said}" if said else "")
        if done:
            await admin_log.note(
                connection,
                actor="table",
                action="vtt_connection.revoke",
                campaign_id=held.campaign_id,
                subject=held.id,
            )
    message = "The connection was revoked" if done else "The connection was revoked before"
    return 200, {"success": True, "message": message}


async def _held(services: Services, request: Request) -> Paired | None:
    api_key = _bearer(request)
    if not api_key:
        return None
    async with services.database.connection() as connection:
        return await vtt_tokens.by_api_key(connection, api_key)


async def _connection_health(services: Services, request: Request) -> Answer:
    held = await _held(services, request)
    if held is None:
        raise Refusal(404, "There is no such connection", status="not_found")
    if not held.is_active or _is_let_in_again(services, held):
        # Who was let in again fetches its new tokens as one does that still waits for it.
        raise Refusal(
            401,
            "Connection revoked",
            status="revoked",
            message="The connection was revoked. It comes back as soon as it is reauthorized on the desk.",
            canReauthorize=True,
            revokedAt=None if held.revoked_at is None else to_wire(held.revoked_at),
            worldId=held.world_id,
        )
    if held.campaign_id is None:
        raise Refusal(410, "The campaign was deleted", status="campaign_deleted", connectionId=str(held.id))
    seen = held.seen_at
    is_here = seen is not None and (services.clock() - seen).total_seconds() < vtt_sockets.STALE_S
    return 200, {
        "status": "healthy",
        "connectionId": str(held.id),
        "campaignId": str(held.campaign_id),
        "campaignName": held.campaign_name,
        "tunnelStatus": "connected" if is_here else "disconnected",
        "lastHeartbeatAt": None if seen is None else to_wire(seen),
        "worldName": held.world_name,
        "moduleVersion": held.module_version,
    }


def _is_let_in_again(services: Services, held: Paired) -> bool:
    """Its reauthorization has not reached the module yet."""
    waiting = credentials.unseal(services.vault, held.id, held.parked)
    return waiting is not None and waiting.why == "reauthorization"


async def _reauthorization_status(services: Services, request: Request) -> Answer:
    held = await _held(services, request)
    if held is None or held.world_id != request.query_params.get("worldId", ""):
        return 200, {"status": "not_found"}
    if not held.is_active:
        return 200, {"status": "still_revoked"}
    if held.campaign_id is None:
        return 200, {"status": "campaign_deleted"}
    if not _is_let_in_again(services, held):
        return 200, {"status": "already_active"}
    waiting = credentials.unseal(services.vault, held.id, held.parked)
    if not held.is_parked:
        # It was away when they were made. Its key is as good a proof now as it was then.
        async with services.database.transaction() as connection:
            waiting = await pairing.reauthorized(services, connection, held.id)
    assert waiting is not None  # noqa: S101  looked at just above
    return 200, {
        "status": "reauthorized",
        **credentials.on_the_wire(services.vault, held.id, waiting, _bearer(request), services.clock()),
        "serverUrl": server_url(services, request),
        "reauthorizedAt": waiting.made_at,
    }


# H6: a new session.


async def _refresh_token(services: Services, request: Request) -> Answer:
    body = await _body(request)
    token = tokens.read(services.vault, "refresh", body.get("refreshToken"))
    if token is None or token.is_stale(services.clock()):
        raise Refusal(401, "The refresh token is not accepted")
    shown = body.get("fingerprint")
    ends_at = asyncio.get_running_loop().time() + _PATIENCE_S
    while True:
        try:
            return 200, await _exchange(services, token, shown)
        except UNREACHABLE:
            if asyncio.get_running_loop().time() + _AGAIN_AFTER_S > ends_at:
                raise
            await asyncio.sleep(_AGAIN_AFTER_S)


async def _exchange(services: Services, token: tokens.Token, shown: object) -> dict[str, Any]:
    now = services.clock()
    async with services.database.transaction() as connection:
        held = await vtt_tokens.by_token(connection, token.connection_id, token.jti)
        if held is None or not held.is_active or held.is_dead or held.token_version != token.version:
            raise Refusal(401, "The refresh token is not accepted")
        # One that lost its fingerprint, or kept that of its token, mends itself.
        if shown is not None and shown not in (held.fingerprint, token.fingerprint):
            raise Refusal(401, "The refresh token is not accepted")
        if token.parent is not None:
            await retire(connection, token.parent, held.id, token.expires_at)
    session, refresh = credentials.issue(
        services.vault, held.id, held.token_version, held.fingerprint, now, parent=token.jti
    )
    return {
        "sessionToken": session,
        "refreshToken": refresh,
        "expiresIn": int(tokens.LIVES["session"].total_seconds()),
    }
