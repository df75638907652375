"""What every HTTP answer carries: security headers, a request id; and whose Host we answer to (T26)."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Collection
from enum import Enum

import orjson
import structlog
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.telemetry import HTTP_REQUESTS, HTTP_SECONDS

_HOST = re.compile(r"([a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:.]{2,45}\])(:[0-9]{1,5})?")
_METHODS = ("GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class PageKind(Enum):
    """Which content security policy an answer gets."""

    DATA = "data"
    OVERLAY = "overlay"
    DESK = "desk"


def policy(kind: PageKind, host: str = "") -> str:
    """The content security policy. Styles may be inline: OBS puts the streamer's own CSS into the page.

    `host` is named with ws: and wss: because Chrome 103 (OBS 28–30) does not take 'self' for WebSockets.
    """
    if kind is PageKind.DATA:
        return "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    sockets = f" ws://{host} wss://{host}" if host else ""
    images = " data:" if kind is PageKind.DESK else ""
    return (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
        f"img-src 'self'{images}; font-src 'self'; connect-src 'self'{sockets}; worker-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'"
    )


def split_host(value: str) -> tuple[str, str] | None:
    """A Host header as (name, name with port) in lower case; None when it is not well-formed."""
    match = _HOST.fullmatch(value.lower())
    return None if match is None else (match[1], match[0])


def request_id(scope: Scope) -> str:
    """The id under which the log speaks of this request."""
    value: str = scope.get("state", {}).get("request_id", "")
    return value


def header(scope: Scope, name: bytes) -> str:
    """A request header as text; empty when it is absent."""
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")


def _count(scope: Scope, status: int, seconds: float) -> None:
    """Labels are few: the pattern of a route, and a method that somebody serves."""
    name = scope["state"].get("route", "other")
    method = scope["method"] if scope["method"] in _METHODS else "other"
    HTTP_REQUESTS.labels(method, name, str(status)).inc()
    HTTP_SECONDS.labels(method, name).observe(seconds)


class Envelope:
    """ASGI middleware around everything: Host check, request id, security headers.

    `hosts` are the names we answer to, or None for any. With a server on loopback it is what stops a
    page whose name was re-bound to 127.0.0.1 (DNS rebinding) from reading the desk.
    """

    def __init__(self, app: ASGIApp, *, hosts: Collection[str] | None, is_https: bool) -> None:
        self._app = app
        self._hosts = None if hosts is None else frozenset(hosts)
        self._is_https = is_https

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        host = split_host(header(scope, b"host"))
        if self._hosts is not None and (host is None or host[0] not in self._hosts):
            await self._misdirected(scope, receive, send)
            return
        asked = header(scope, b"x-request-id")
        ident = asked if _REQUEST_ID.fullmatch(asked) else secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = ident
        if scope["type"] == "websocket":
            with structlog.contextvars.bound_contextvars(request_id=ident):
                await self._app(scope, receive, send)
            return

        status = [500]

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                status[0] = message["status"]
                self._add(message, scope, ident, host[1] if host else "")
            await send(message)

        began = time.perf_counter()
        with structlog.contextvars.bound_contextvars(request_id=ident):
            try:
                await self._app(scope, receive, send_with_headers)
            finally:
                _count(scope, status[0], time.perf_counter() - began)

    def _add(self, message: Message, scope: Scope, ident: str, host: str) -> None:
        headers = MutableHeaders(scope=message)
        kind: PageKind = scope["state"].get("page_kind", PageKind.DATA)
        headers["content-security-policy"] = policy(kind, host)
        headers["x-content-type-options"] = "nosniff"
        headers["cross-origin-opener-policy"] = "same-origin"
        headers["cross-origin-resource-policy"] = "same-origin"
        headers["referrer-policy"] = "no-referrer"
        headers["permissions-policy"] = "camera=(), microphone=(), geolocation=(), payment=(), usb=()"
        headers["x-request-id"] = ident
        headers.setdefault("cache-control", "no-store")
        if self._is_https:
            headers["strict-transport-security"] = "max-age=31536000"

    async def _misdirected(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 4403, "reason": "unknown host"})
            return
        text = orjson.dumps(
            {
                "type": "urn:hubbub:problem:unknown_host",
                "title": "Misdirected Request",
                "status": 421,
                "detail": "This server does not answer to that host name; "
                "set HUBBUB_PUBLIC_URL to the address you use.",
            }
        )
        message: Message = {
            "type": "http.response.start",
            "status": 421,
            "headers": [
                (b"content-type", b"application/problem+json"),
                (b"content-length", b"%d" % len(text)),
            ],
        }
        scope.setdefault("state", {})
        self._add(message, scope, secrets.token_hex(8), "")
        await send(message)
        await send({"type": "http.response.body", "body": text})
