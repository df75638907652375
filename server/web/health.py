"""For operators: alive, able to serve, and what was counted. Redis away is not unready (§3.10)."""

from __future__ import annotations

import asyncio

import orjson
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.telemetry import REGISTRY
from server.web.routes import route
from server.web.services import Services
from sql import heads
from sql.pool import UNREACHABLE

_PATIENCE_S = 2.0


def routes(services: Services) -> list[Route]:
    async def livez(request: Request) -> Response:
        return _json({"status": "alive"})

    async def readyz(request: Request) -> Response:
        """Ready means: PostgreSQL answers."""
        try:
            async with asyncio.timeout(_PATIENCE_S), services.database.connection() as connection:
                await heads.now(connection)
        except UNREACHABLE:
            return _json({"status": "database away", "redis": services.redis_state()}, 503)
        return _json({"status": "ready", "redis": services.redis_state()})

    async def metrics(request: Request) -> Response:
        await services.look_at_database()
        return Response(generate_latest(REGISTRY), media_type=CONTENT_TYPE_LATEST)

    return [
        route("/livez", livez),
        route("/readyz", readyz),
        route("/metrics", metrics),
    ]


def _json(value: dict[str, str], status: int = 200) -> Response:
    return Response(orjson.dumps(value), status, media_type="application/json")
