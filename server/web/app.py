"""The ASGI application: every route, every endpoint, the documents, in one envelope of headers."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import cache

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from server.web import asyncapi, health, openapi, sign_in
from server.web.api import ENDPOINTS
from server.web.endpoint import Endpoint
from server.web.foundry import webhooks as foundry
from server.web.headers import Envelope
from server.web.pages import Pages
from server.web.pipeline import answer
from server.web.problems import Problem, from_http_exception, internal
from server.web.routes import Handler, route
from server.web.services import Services
from server.web.vtt import webhook
from server.web.webhooks import donations

#: nginx's word for a client that left before it was answered; nobody sees it but our metrics.
_CLIENT_LEFT = 499


def create_app(services: Services, more: Sequence[BaseRoute] = ()) -> ASGIApp:
    """The web layer. `more` are routes of others, such as the live socket. Raises MissingPage."""
    pages = Pages(services)

    async def on_http_exception(request: Request, error: Exception) -> Response:
        if not isinstance(error, HTTPException):
            raise error
        if error.status_code == 404 and _is_person(request):
            return pages.not_found(request)
        return from_http_exception(error).response()

    async def on_problem(request: Request, error: Exception) -> Response:
        if not isinstance(error, Problem):
            raise error
        return error.response()

    app = Starlette(
        routes=[
            *more,
            *health.routes(services),
            *_documents(services),
            *_api(services),
            *webhook.routes(services),
            *donations.routes(services),
            *foundry.routes(services),
            *sign_in.routes(services),
            *pages.routes(),
        ],
        exception_handlers={HTTPException: on_http_exception, Problem: on_problem},
    )
    app.router.redirect_slashes = False
    return Envelope(app, hosts=services.origins.hosts, is_https=services.origins.is_https)


def create_watch_app(services: Services) -> ASGIApp:
    """What a process without the `web` role answers: whether it is alive, and its metrics."""
    return Envelope(Starlette(routes=health.routes(services)), hosts=None, is_https=False)


def _is_person(request: Request) -> bool:
    """Whether a page helps more than a problem document."""
    asks_for_page = "text/html" in request.headers.get("accept", "")
    return asks_for_page and not request.url.path.startswith("/api/")


def _documents(services: Services) -> list[Route]:
    """The contract, as documents. Written when asked for: few do, and it takes 0.2 s."""
    version, public_url = services.version, services.origins.public_url
    documents: dict[str, Callable[[], bytes]] = {
        "/openapi.json": lambda: openapi.document(ENDPOINTS, version, public_url),
        "/asyncapi.json": lambda: asyncapi.document(version, public_url),
    }

    def serve(written: Callable[[], bytes]) -> Handler:
        kept = cache(written)

        async def document(request: Request) -> Response:
            body = await asyncio.to_thread(kept)  # the live line goes on meanwhile
            return Response(body, 200, {"cache-control": "no-cache"}, "application/json")

        return document

    return [route(path, serve(written)) for path, written in documents.items()]


def _api(services: Services) -> list[Route]:
    by_path: dict[str, dict[str, Endpoint]] = defaultdict(dict)
    for endpoint in ENDPOINTS:
        if endpoint.method in by_path[endpoint.path]:
            raise ValueError(f"{endpoint.method} {endpoint.path} is declared twice")
        by_path[endpoint.path][endpoint.method] = endpoint
    return [route(path, _dispatch(services, methods), list(methods)) for path, methods in by_path.items()]


def _dispatch(services: Services, methods: dict[str, Endpoint]) -> Handler:
    async def run(request: Request) -> Response:
        endpoint = methods["GET" if request.method == "HEAD" else request.method]
        try:
            return await answer(endpoint, services, request)
        except Problem as problem:
            return problem.response()
        except ClientDisconnect:
            return Response(status_code=_CLIENT_LEFT)
        except Exception as error:
            return internal(request, error).response()

    return run
