"""Who listens on a connection: first a visitor whose hello is awaited, then a client's ear."""

from __future__ import annotations

import asyncio
from typing import assert_never
from uuid import UUID

import structlog

from server.live import close_codes
from server.live.client import Client, dismiss
from server.live.close_codes import Ending
from server.live.frames import Ack, BadFrame, ClientFrame, Hello, Resync, decode
from server.live.hub import Hub
from server.live.line import Line

_log = structlog.get_logger(__name__)


class Refused(Exception):
    """The connection ends like this. `failed` counts against the address."""

    def __init__(self, ending: Ending, *, failed: bool = False) -> None:
        super().__init__(ending.reason)
        self.ending = ending
        self.failed = failed


class Gone(Exception):
    """The client has left, or the server has closed the connection."""


def frame_of(text: str) -> ClientFrame:
    """The client frame. Raises Refused."""
    try:
        return decode(text)
    except BadFrame as error:
        _log.info("bad_frame", error=str(error))
        raise Refused(close_codes.BAD_FRAME) from None


class Visitor:
    """An `Ear` for a connection that has not been let in: what it says is kept for who asks.

    It keeps what the line lets through, 20 frames of 4 KiB, and the first offence; after that nothing.
    """

    def __init__(self) -> None:
        self._said: list[str | Ending] = []
        self._news = asyncio.Event()
        self._has_left = False

    async def hello(self) -> Hello:
        """The first frame. Raises Gone, or Refused for anything that is not a hello."""
        await self._news.wait()
        if not self._said:
            raise Gone
        first = self._said.pop(0)
        if isinstance(first, Ending):
            raise Refused(first, failed=True)
        try:
            frame = frame_of(first)
        except Refused as refused:
            raise Refused(refused.ending, failed=True) from None
        if not isinstance(frame, Hello):
            raise Refused(close_codes.BAD_FRAME, failed=True)
        return frame

    def hand_over(self, line: Line, ear: ClientEar) -> None:
        """From now on `ear` listens, beginning with what came meanwhile."""
        line.listen(ear)
        said, self._said = self._said, []
        for what in said:
            if isinstance(what, Ending):
                ear.offended(what)
            else:
                ear.heard(what)
        if self._has_left:
            ear.left()

    def heard(self, text: str) -> None:
        self._say(text)

    def offended(self, ending: Ending) -> None:
        self._say(ending)

    def _say(self, what: str | Ending) -> None:
        if self._said and isinstance(self._said[-1], Ending):
            return  # every frame of a flood is an offence, and the first one ends the connection
        self._said.append(what)
        self._news.set()

    def filled(self) -> None:
        """Nothing: whoever joins looks whether its line is full."""

    def drained(self, seconds: float) -> None:
        """Nothing."""

    def left(self) -> None:
        self._has_left = True
        self._news.set()


class ClientEar:
    """An `Ear` for a client of the hub; small, because there is one for every connection."""

    __slots__ = ("_client", "_connection", "_hub")

    def __init__(self, hub: Hub, client: Client, connection: UUID | None) -> None:
        """`connection` is what the hub's presence knows an overlay's connection by."""
        self._hub = hub
        self._client = client
        self._connection = connection

    def heard(self, text: str) -> None:
        try:
            self._heed(frame_of(text))
        except Refused as refused:
            self.offended(refused.ending)
        except Exception:
            _log.exception("live_connection_failed")
            self.offended(close_codes.SERVER_ERROR)

    def _heed(self, frame: ClientFrame) -> None:
        match frame:
            case Ack():
                self._hub.acked(self._client, frame.seq, frame.hash)
            case Resync():
                _log.info("resync", campaign_id=str(self._client.admission.campaign_id))
                self._hub.resync(self._client)
            case Hello():
                raise Refused(close_codes.BAD_FRAME)
            case _:
                assert_never(frame)

    def offended(self, ending: Ending) -> None:
        dismiss(self._client.line, ending)

    def filled(self) -> None:
        self._hub.filled(self._client)

    def drained(self, seconds: float) -> None:
        self._hub.drained(self._client, seconds)

    def left(self) -> None:
        self._hub.leave(self._client)
        if self._connection is not None:
            self._hub.presence.closed(self._connection)
