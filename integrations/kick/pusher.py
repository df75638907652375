"""Kick's website chat as a source: unofficial, off by default, read-only (platforms/kick.md §6).

It may stop any day, and nobody has to be asked before it does. It only ever adds lines of chat to those that
the webhooks bring, sooner than they do; a line that comes both ways has one id and counts once.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections import Counter
from collections.abc import Collection, Iterable
from random import Random
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from integrations.base import ChannelNews, Clock, Sink
from integrations.kick.pusher_events import Line, chat_of
from integrations.kick.pusher_session import End, PusherSession, Times, end_of
from server.rules.events import UnreadLine
from sql.channels import Channel, ChannelState

_log = structlog.get_logger(__name__)

_LARGEST_FRAME: Final = 1 << 20
_CLOSE_WITHIN: Final = 2.5
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
_SWITCHED_OFF: Final = "The unofficial chat is switched off on this server; what Kick delivers counts."
_UNOFFICIAL: Final = "Unofficial, may stop at any time."
_MILLISECOND: Final = 1000.0


class KickWebsite:
    """A `Source` (integrations.base). Reads nothing until it is switched on."""

    def __init__(
        self,
        url: str,
        sink: Sink,
        clock: Clock,
        *,
        channel: str,
        times: Times | None = None,
        random: Random | None = None,
    ) -> None:
        """`channel`: the name of a chat at Pusher, `{}` for the id of the chatroom."""
        self._url = url
        self._sink = sink
        self._clock = clock
        self._channel = channel
        self._times = times or Times()
        self._random = random or Random()  # noqa: S311  pauses are no secrets
        self._rows: dict[str, list[Channel]] = {}
        self._is_on = False
        self._refused = ""  # why it is not tried again
        self._failures = 0
        self._session: PusherSession | None = None
        self._news: dict[UUID, ChannelNews] = {}
        self._changed = asyncio.Event()
        self._closing = asyncio.Event()
        self._ended = asyncio.Event()
        #: Frames by what became of them: "chat", a reason of `pusher_events.REASONS`, …
        self.counts: Counter[str] = Counter()

    def switch(self, *, on: bool) -> None:
        """The operator's word; may change at any time."""
        if on == self._is_on:
            return
        self._is_on, self._refused, self._failures = on, "", 0
        _log.info("kick_website_chat", on=on)
        if not on:
            self._tell(self._rows, "waiting", _SWITCHED_OFF)
        self._changed.set()

    async def run(self) -> None:
        """Read until closed."""
        try:
            while not self._closing.is_set():
                if not self._is_on or not self._rows or self._refused:
                    await self._woken(None)
                    continue
                began = time.monotonic()
                end = await self._one_connection()
                joined = self._session.joined if self._session else set()
                self._session = None
                if self._closing.is_set() or end is None:
                    continue
                if time.monotonic() - began >= self._times.healthy:
                    self._failures = 0
                await self._after(end, was_heard=bool(joined))
        finally:
            self._ended.set()

    async def close(self) -> None:
        """Hand on what has been read and let `run` return; within 5 s."""
        self._closing.set()
        self._changed.set()
        try:
            async with asyncio.timeout(_CLOSE_WITHIN):
                await self._ended.wait()
        except TimeoutError:
            _log.warning("kick_website_chat_hangs")

    def want(self, channels: Collection[Channel]) -> None:
        """Read exactly these channels from now on."""
        before = {row.id for rows in self._rows.values() for row in rows}
        self._rows = {}
        for row in channels:
            if row.chatroom_id:
                self._rows.setdefault(self._channel.format(row.chatroom_id), []).append(row)
        now = {row.id for rows in self._rows.values() for row in rows}
        self._news = {id_: news for id_, news in self._news.items() if id_ in now}
        if now == before:
            return
        for name, rows in self._rows.items():
            if any(row.id not in before for row in rows):
                self._greet(name)
        self._changed.set()

    def news(self) -> list[ChannelNews]:
        """What changed since the last call."""
        news, self._news = self._news, {}
        return list(news.values())

    # --- one connection -------------------------------------------------------------------------------

    async def _one_connection(self) -> End | None:
        """From its first byte to its last; None when nobody wants it any more."""
        try:
            async with asyncio.timeout(self._times.connect):
                ws = await connect(
                    self._url,
                    proxy=None if urlsplit(self._url).hostname in _LOOPBACK else True,
                    compression=None,
                    max_size=_LARGEST_FRAME,
                    open_timeout=None,
                    close_timeout=self._times.close,
                    ping_interval=None,  # the protocol has pings of its own
                    user_agent_header="hubbub",
                )
        except (OSError, TimeoutError, EOFError, WebSocketException) as error:
            return End(f"could not be made: {_words(error)}", "later")
        try:
            return await self._talk(ws)
        finally:
            await ws.close()

    async def _talk(self, ws: ClientConnection) -> End | None:
        session = self._session = PusherSession(self._times, time.monotonic(), self.counts)
        receiving: asyncio.Future[str | bytes] = asyncio.ensure_future(ws.recv())
        try:
            while True:
                self._changed.clear()
                if self._closing.is_set() or not self._is_on or not self._rows:
                    return None
                session.want(self._rows)
                session.tick(time.monotonic())
                for ours in session.take_outgoing():
                    await ws.send(ours)
                if session.end is not None:
                    return session.end
                if not await self._first(receiving, session.next_due() - time.monotonic()):
                    continue
                frame = receiving.result()
                receiving = asyncio.ensure_future(ws.recv())
                await self._take(session, frame)
        except ConnectionClosed as closed:
            return end_of(closed.rcvd.code if closed.rcvd else 1006)
        finally:
            receiving.cancel()
            await asyncio.wait([receiving])
            if not receiving.cancelled():
                receiving.exception()  # it was closed, which is known

    async def _first(self, receiving: asyncio.Future[str | bytes], seconds: float) -> bool:
        """Whether a frame is there, before something else changed or the time was up."""
        changed = asyncio.ensure_future(self._changed.wait())
        try:
            waited: list[asyncio.Future[Any]] = [receiving, changed]
            await asyncio.wait(waited, timeout=max(0.0, seconds), return_when=asyncio.FIRST_COMPLETED)
            return receiving.done()
        finally:
            changed.cancel()

    async def _take(self, session: PusherSession, frame: str | bytes) -> None:
        before = set(session.joined)
        line = session.feed(frame, time.monotonic())
        if line is not None:
            await self._hand_on(line)
        for name in session.joined - before:
            self._greet(name)

    async def _hand_on(self, line: Line) -> None:
        """To every campaign that listens; waits while one is full, which stops the reader."""
        received_at = self._clock.now()
        said = chat_of(line.raw, received_at)
        if said is None:
            self.counts["no_chat"] += 1
            return
        lag = (received_at - said.sent_at).total_seconds() * _MILLISECOND
        for row in self._rows.get(line.channel, ()):
            self._note(ChannelNews(row.id, heard_at=received_at, lag_ms=round(lag)))
            await self._sink(
                row.campaign_id,
                [UnreadLine(line.words, line.raw, row.channel_id, received_at, chat_of)],
            )

    async def _after(self, end: End, *, was_heard: bool) -> None:
        """Say what happened, and wait as long as is asked for."""
        self._failures += 1
        _log.warning("kick_website_chat_lost", reason=end.words, again=end.again, failures=self._failures)
        if end.again == "never":
            self._refused = end.words
            self._tell(
                self._rows,
                "failing",
                f"The connection {end.words}. It is not tried again: the key may have changed. {_UNOFFICIAL}",
            )
            return
        state: ChannelState = "connecting" if self._failures < 3 else "failing"
        self._tell(self._rows, state, f"The connection {end.words}; trying again. {_UNOFFICIAL}")
        if end.again == "now" and was_heard and self._failures == 1:
            return
        bound = min(self._times.backoff_most, self._times.backoff_first * 2 ** min(self._failures - 1, 10))
        await self._woken(self._random.uniform(bound / 2, bound))

    async def _woken(self, seconds: float | None) -> None:
        """Wait; closing and switching cut it short, other channels do not."""
        until = None if seconds is None else time.monotonic() + seconds
        was_on = self._is_on
        while not self._closing.is_set() and self._is_on == was_on:
            self._changed.clear()
            try:
                async with asyncio.timeout(None if until is None else max(0.0, until - time.monotonic())):
                    await self._changed.wait()
            except TimeoutError:
                return
            if until is None:
                return

    # --- news -----------------------------------------------------------------------------------------

    def _greet(self, name: str) -> None:
        """Say of a chat how its reading goes."""
        if not self._is_on:
            self._tell([name], "waiting", _SWITCHED_OFF)
        elif self._session is not None and name in self._session.joined:
            self._tell([name], "connected", _UNOFFICIAL)
        else:
            self._tell([name], "connecting", f"Joining the website's chat. {_UNOFFICIAL}")

    def _tell(self, names: Iterable[str], state: ChannelState, detail: str) -> None:
        for name in names:
            for row in self._rows.get(name, ()):
                self._note(ChannelNews(row.id, state, detail))

    def _note(self, news: ChannelNews) -> None:
        earlier = self._news.get(news.channel)
        self._news[news.channel] = earlier.then(news) if earlier else news


def _words(error: Exception) -> str:
    """A reason that a person understands; never the text of a library that may quote the peer."""
    match error:
        case InvalidStatus():
            return f"HTTP {error.response.status_code}"
        case TimeoutError():
            return "no answer in time"
        case socket.gaierror():
            return "the name of the server is not known; is this machine online?"
        case OSError():
            return error.strerror or type(error).__name__
        case _:
            return type(error).__name__
