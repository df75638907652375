"""Whose pages may send dice: senders are mostly browsers on other sites (platforms/vtt.md §9.5).

No cookie counts here, so this protects nobody from forgery; it lets a page read the answer, a refusal too,
and lets a game master say from where dice may come.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from starlette.requests import Request
from starlette.responses import Response

from server.web.problems import Problem

_METHODS = "POST, OPTIONS"
_HEADERS = (
    "content-type, authorization, idempotency-key, x-request-id, "
    "webhook-id, webhook-timestamp, webhook-signature"
)
_READABLE = "retry-after, x-request-id"
#: Seconds for which a browser need not ask again.
_KEEP_S = 600


def is_allowed(request: Request, listed: Collection[str]) -> bool:
    """Whether the request may come from where it comes from; a server says nothing of that."""
    origin = request.headers.get("origin")
    return origin is None or not listed or origin.lower() in listed


def headers(request: Request, listed: Collection[str]) -> Mapping[str, str]:
    """What lets the page read the answer; nothing for a page that may not send."""
    origin = request.headers.get("origin")
    if origin is None:
        return {"vary": "Origin"} if listed else {}
    if not listed:
        return {"access-control-allow-origin": "*", "access-control-expose-headers": _READABLE}
    if origin.lower() not in listed:
        return {"vary": "Origin"}
    return {
        "access-control-allow-origin": origin,
        "access-control-expose-headers": _READABLE,
        "vary": "Origin",
    }


def preflight(request: Request, listed: Collection[str]) -> Response:
    """The answer to OPTIONS. Raises Problem 403 for a page that may not send."""
    if not is_allowed(request, listed):
        raise foreign_page()
    answer = {
        **headers(request, listed),
        "access-control-allow-methods": _METHODS,
        "access-control-allow-headers": _HEADERS,
        "access-control-max-age": str(_KEEP_S),
        "allow": _METHODS,
    }
    # A public page that sends to a table's own network (Chromium asks before it does).
    if request.headers.get("access-control-request-private-network") == "true":
        answer["access-control-allow-private-network"] = "true"
    return Response(status_code=204, headers=answer)


def foreign_page() -> Problem:
    return Problem(
        403,
        "foreign_origin",
        "Dice of this table are not taken from that page: the game master lists which may send.",
    )
