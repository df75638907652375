"""`/live`: lets clients in, and then leaves them to the hub (contract §7, limits reliability §3.9)."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Container
from typing import Final

import structlog
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from server.live import attempts, close_codes
from server.live.asgi_line import AsgiLine
from server.live.client import dismiss
from server.live.doorman import Doorman, OverlayPass, Pass, Position
from server.live.frames import Hello
from server.live.guest import ClientEar, Gone, Refused, Visitor
from server.live.hub import Closing, Hub, NoCampaign, TooManyOverlays
from server.live.line import Line
from server.live.transport import own_line
from sql.ids import uuid7
from sql.pool import UNREACHABLE
from sql.sources import Source

_log = structlog.get_logger(__name__)

HELLO_WITHIN_S: Final = 5.0


class LiveEndpoint:
    """ASGI application for the route `/live`.

    Under uvicorn with `ws=LiveProtocol` the call ends at once, and nothing of it stays; under any other
    server it lasts as long as the connection. `origins` are the exact origins pages may come
    from, looked at anew for every connection.
    """

    def __init__(
        self, hub: Hub, doorman: Doorman, origins: Container[str], *, hello_within_s: float = HELLO_WITHIN_S
    ) -> None:
        self._hub = hub
        self._doorman = doorman
        self._origins = origins
        self._hello_within_s = hello_within_s
        self._failed = attempts.FailedHellos()
        self._welcoming: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (await receive())["type"] != "websocket.connect":
            return
        await send({"type": "websocket.accept"})  # close codes exist only on an open WebSocket
        origins = Headers(scope=scope).getlist("origin")
        # None: no Origin header, so no browser page
        origin_allowed = len(origins) == 1 and origins[0] in self._origins if origins else None
        client = scope.get("client")
        host = client[0] if client else ""
        visitor = Visitor()
        line = own_line(scope, visitor)
        if line is not None:
            # A task of its own: in a storm thousands wait for the database, and all that this call stands
            # on would wait with them.
            task = asyncio.create_task(self._welcome(visitor, line, host, origin_allowed))
            self._welcoming.add(task)
            task.add_done_callback(self._welcoming.discard)
            return
        slow_line = AsgiLine(receive, send, visitor)
        async with asyncio.TaskGroup() as group:
            group.create_task(slow_line.run())
            await self._welcome(visitor, slow_line, host, origin_allowed)

    async def _welcome(self, visitor: Visitor, line: Line, host: str, origin_allowed: bool | None) -> None:
        try:
            await self._serve(visitor, line, host, origin_allowed)
        except Gone:
            pass
        except Refused as refused:
            if refused.failed:
                self._failed.note(host, asyncio.get_running_loop().time())
            dismiss(line, refused.ending)
        except Exception:
            _log.exception("live_connection_failed")
            dismiss(line, close_codes.SERVER_ERROR)

    async def _serve(self, visitor: Visitor, line: Line, host: str, origin_allowed: bool | None) -> None:
        if self._failed.is_blocked(host, asyncio.get_running_loop().time()):
            raise Refused(close_codes.TOO_MANY_FAILURES)
        if origin_allowed is False:
            raise Refused(close_codes.BAD_ORIGIN)
        try:
            async with asyncio.timeout(self._hello_within_s):
                hello = await visitor.hello()
        except TimeoutError:
            raise Refused(close_codes.BAD_FRAME, failed=True) from None
        try:
            admission = await self._admit(hello, comes_from_a_page=bool(origin_allowed))
            position = None if hello.epoch is None or hello.seq is None else Position(hello.epoch, hello.seq)
            client = await self._hub.join(line, admission, position)
        except TooManyOverlays:
            raise Refused(close_codes.TOO_MANY_SOCKETS) from None
        except Closing:
            raise Refused(close_codes.RESTART) from None
        except NoCampaign:
            raise Refused(close_codes.BAD_KEY) from None
        except UNREACHABLE as error:
            _log.warning("live_database_away", error=type(error).__name__)
            raise Refused(close_codes.TRY_LATER) from None
        connection = None
        if isinstance(client.admission, OverlayPass):
            connection = uuid7()
            says = hello.client
            size = (says.viewport.w, says.viewport.h) if says.viewport else (None, None)
            # Most say the same here, and there are many of them.
            name, obs = sys.intern(says.name), sys.intern(says.obs)
            self._hub.presence.opened(Source(client.admission.overlay_id, connection, name, obs, *size))
        visitor.hand_over(line, ClientEar(self._hub, client, connection))

    async def _admit(self, hello: Hello, *, comes_from_a_page: bool) -> Pass:
        """The pass for the key. Unknown, wrong, revoked and foreign keys get the same answer."""
        admission: Pass | None = None
        match "".join(hello.key.partition("_")[:2]):
            case "ovl_":
                admission = await self._doorman.overlay(hello.key)
            case "tkt_":
                if not comes_from_a_page:  # a ticket is a browser's, and a browser says where it is
                    raise Refused(close_codes.BAD_ORIGIN)
                admission = await self._doorman.ticket(hello.key)
            case "hb_":
                if hello.campaign is None:
                    raise Refused(close_codes.BAD_FRAME, failed=True)
                admission = await self._doorman.api_key(hello.key, hello.campaign)
        if admission is None or hello.campaign not in (None, admission.campaign_id):
            raise Refused(close_codes.BAD_KEY, failed=True)
        return admission
