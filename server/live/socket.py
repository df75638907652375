"""`/live`: lets a client in and listens to the little it may say (contract §7, limits reliability §3.9)."""

from __future__ import annotations

import asyncio
from collections.abc import Container
from dataclasses import dataclass
from typing import Final

import structlog
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from server.live import attempts, close_codes
from server.live.client import Client, dismiss
from server.live.close_codes import Ending
from server.live.doorman import Doorman, OverlayPass, Pass, Position
from server.live.frames import Ack, BadFrame, ClientFrame, Hello, Resync, decode
from server.live.hub import Closing, Hub, NoCampaign, TooManyOverlays
from server.live.transport import Line, line_of
from sql.ids import uuid7
from sql.pool import UNREACHABLE
from sql.sources import Source

_log = structlog.get_logger(__name__)

HELLO_WITHIN_S: Final = 5.0


class _Refused(Exception):
    """The connection ends like this. `failed` counts against the address."""

    def __init__(self, ending: Ending, *, failed: bool = False) -> None:
        super().__init__(ending.reason)
        self.ending = ending
        self.failed = failed


class _Gone(Exception):
    """The client has left, or the server has closed the connection."""


@dataclass(slots=True)
class _Visitor:
    """One connection from accept to close."""

    line: Line
    receive: Receive
    host: str
    origin_allowed: bool | None  # None: no Origin header, so no browser page
    window: attempts.Window

    async def next_frame(self) -> ClientFrame:
        """The next frame. Raises _Gone, or _Refused for a flood or a bad frame."""
        message = await self.receive()
        if message["type"] != "websocket.receive":
            raise _Gone
        now = asyncio.get_running_loop().time()
        if self.window.is_full(now):
            raise _Refused(close_codes.FLOOD)
        self.window.note(now)
        text = message.get("text")
        if text is None:
            raise _Refused(close_codes.BAD_FRAME)
        try:
            return decode(text)
        except BadFrame as error:
            _log.info("bad_frame", error=str(error))
            raise _Refused(close_codes.BAD_FRAME) from None


class LiveEndpoint:
    """ASGI application for the route `/live`; uvicorn has to run with `ws=LiveProtocol`.

    `origins` are the exact origins pages may come from, looked at anew for every connection.
    """

    def __init__(
        self, hub: Hub, doorman: Doorman, origins: Container[str], *, hello_within_s: float = HELLO_WITHIN_S
    ) -> None:
        self._hub = hub
        self._doorman = doorman
        self._origins = origins
        self._hello_within_s = hello_within_s
        self._failed = attempts.FailedHellos()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (await receive())["type"] != "websocket.connect":
            return
        await send({"type": "websocket.accept"})  # close codes exist only on an open WebSocket
        line = line_of(scope)
        origins = Headers(scope=scope).getlist("origin")
        client = scope.get("client")
        visitor = _Visitor(
            line,
            receive,
            host=client[0] if client else "",
            origin_allowed=len(origins) == 1 and origins[0] in self._origins if origins else None,
            window=attempts.frames(),
        )
        try:
            await self._serve(visitor)
        except _Gone:
            pass
        except _Refused as refused:
            if refused.failed:
                self._failed.note(visitor.host, asyncio.get_running_loop().time())
            dismiss(line, refused.ending)
        except Exception:
            _log.exception("live_connection_failed")
            dismiss(line, close_codes.SERVER_ERROR)

    async def _serve(self, visitor: _Visitor) -> None:
        if self._failed.is_blocked(visitor.host, asyncio.get_running_loop().time()):
            raise _Refused(close_codes.TOO_MANY_FAILURES)
        if visitor.origin_allowed is False:
            raise _Refused(close_codes.BAD_ORIGIN)
        hello = await self._hello(visitor)
        try:
            admission = await self._admit(visitor, hello)
            position = None if hello.epoch is None or hello.seq is None else Position(hello.epoch, hello.seq)
            client = await self._hub.join(visitor.line, admission, position)
        except TooManyOverlays:
            raise _Refused(close_codes.TOO_MANY_SOCKETS) from None
        except Closing:
            raise _Refused(close_codes.RESTART) from None
        except NoCampaign:
            raise _Refused(close_codes.BAD_KEY) from None
        except UNREACHABLE as error:
            _log.warning("live_database_away", error=type(error).__name__)
            raise _Refused(close_codes.TRY_LATER) from None
        connection = uuid7()
        if isinstance(admission, OverlayPass):
            says = hello.client
            size = (says.viewport.w, says.viewport.h) if says.viewport else (None, None)
            self._hub.presence.opened(Source(admission.overlay_id, connection, says.name, says.obs, *size))
        try:
            while True:
                self._heed(client, await visitor.next_frame())
        finally:
            self._hub.leave(client)
            self._hub.presence.closed(connection)

    async def _hello(self, visitor: _Visitor) -> Hello:
        try:
            async with asyncio.timeout(self._hello_within_s):
                frame = await visitor.next_frame()
        except TimeoutError:
            raise _Refused(close_codes.BAD_FRAME, failed=True) from None
        except _Refused as refused:
            raise _Refused(refused.ending, failed=True) from None
        if not isinstance(frame, Hello):
            raise _Refused(close_codes.BAD_FRAME, failed=True)
        return frame

    async def _admit(self, visitor: _Visitor, hello: Hello) -> Pass:
        """The pass for the key. Unknown, wrong, revoked and foreign keys get the same answer."""
        admission: Pass | None = None
        match "".join(hello.key.partition("_")[:2]):
            case "ovl_":
                admission = await self._doorman.overlay(hello.key)
            case "tkt_":
                if not visitor.origin_allowed:  # a ticket is a browser's, and a browser says where it is
                    raise _Refused(close_codes.BAD_ORIGIN)
                admission = await self._doorman.ticket(hello.key)
            case "hb_":
                if hello.campaign is None:
                    raise _Refused(close_codes.BAD_FRAME, failed=True)
                admission = await self._doorman.api_key(hello.key, hello.campaign)
        if admission is None or hello.campaign not in (None, admission.campaign_id):
            raise _Refused(close_codes.BAD_KEY, failed=True)
        return admission

    def _heed(self, client: Client, frame: ClientFrame) -> None:
        match frame:
            case Ack():
                client.acked = frame.seq
            case Resync():
                _log.info("resync", campaign_id=str(client.admission.campaign_id))
                self._hub.resync(client)
            case Hello():
                raise _Refused(close_codes.BAD_FRAME)
