"""Routes that say their pattern to the metrics, so that no id of a path becomes a label."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

Handler = Callable[[Request], Awaitable[Response]]


def route(path: str, handler: Handler, methods: Sequence[str] = ("GET",)) -> Route:
    """A route whose requests are counted under `path`."""

    async def named(request: Request) -> Response:
        request.state.route = path
        return await handler(request)

    return Route(path, named, methods=list(methods), name=path)
