"""The EventSub WebSocket of one account: connected, moved, and made anew, for as long as it is wanted.

All subscriptions of a session must be of one account (twitch.md §2.4), so each has a socket of its own. A
socket that is lost takes its subscriptions with it and nothing is sent again: whoever made it is told, and
subscribes anew.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from random import Random
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from integrations.twitch.eventsub_messages import Notification, Revocation
from integrations.twitch.eventsub_session import End, EventSubSession, Times, end_of

_log = structlog.get_logger(__name__)

_LARGEST_FRAME: Final = 1 << 20
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")


class _Line:
    """A connection that is read, and the one that is being made to take its place."""

    def __init__(self, ws: ClientConnection, session: EventSubSession) -> None:
        self.ws, self.session = ws, session
        self.receiving: asyncio.Future[str | bytes] = asyncio.ensure_future(ws.recv())
        self.moving: asyncio.Task[tuple[ClientConnection, EventSubSession] | End] | None = None

    async def anything(self, *others: asyncio.Future[Any] | None) -> None:
        """Wait for a frame, for the next line, for one of `others`, or until nobody is there any more."""
        waited = [one for one in (self.receiving, self.moving, *others) if one is not None]
        seconds = max(0.0, self.session.next_due() - time.monotonic())
        await asyncio.wait(waited, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)

    async def leave(self) -> None:
        """End it; a half open line answers no farewell."""
        if self.moving is not None:
            self.moving.cancel()
        self.receiving.cancel()
        await asyncio.gather(self.receiving, return_exceptions=True)
        self.ws.transport.abort()


class EventSubSocket:
    """`run` reads until cancelled."""

    def __init__(
        self,
        account_id: str,
        url: str,
        *,
        on_session: Callable[[str, str], Coroutine[Any, Any, bool]],
        on_message: Callable[[str, Notification | Revocation], Awaitable[None]],
        on_end: Callable[[str, End], Awaitable[None]],
        times: Times | None = None,
        random: Random | None = None,
        counts: Counter[str] | None = None,
    ) -> None:
        """`on_session(account, session)` subscribes, beside the reading; False: nothing could be, so that the
        line ends until something changes. `on_message` may wait, which stops the reading. `on_end`: the
        line is lost, with all subscriptions."""
        self.account_id = account_id
        self._url = url
        self._on_session, self._on_message, self._on_end = on_session, on_message, on_end
        self._times = times or Times()
        self._random = random or Random()  # noqa: S311  pauses are no secrets
        self.counts: Counter[str] = Counter() if counts is None else counts
        self._failures = 0
        self._draining: set[asyncio.Task[None]] = set()
        #: Set when another try may go better: another token, other permissions.
        self.changed = asyncio.Event()

    async def run(self) -> None:
        """Read until cancelled."""
        try:
            while True:
                began = time.monotonic()
                end = await self._one_line()
                if end is None:  # nothing may be asked for
                    self._failures = 0
                    await self.changed.wait()
                    self.changed.clear()
                    continue
                await self._on_end(self.account_id, end)
                if time.monotonic() - began >= self._times.healthy:
                    self._failures = 0
                self._failures += 1
                _log.warning(
                    "eventsub_lost", account=self.account_id, reason=end.words, failures=self._failures
                )
                bound = min(
                    self._times.backoff_most, self._times.backoff_first * 2 ** min(self._failures - 1, 10)
                )
                await asyncio.sleep(self._random.uniform(bound / 2, bound))
        finally:
            for task in self._draining:
                task.cancel()

    # --- one line, which may move ---------------------------------------------------------------------

    async def _one_line(self) -> End | None:
        query = urlencode({"keepalive_timeout_seconds": self._times.keepalive})
        url = f"{self._url}{'&' if urlsplit(self._url).query else '?'}{query}"
        made = await self._connected(url)
        if isinstance(made, End):
            return made
        ws, session = made
        subscribing = asyncio.create_task(self._on_session(self.account_id, session.id))
        try:
            return await self._read(ws, session, subscribing)
        finally:
            subscribing.cancel()
            await asyncio.gather(subscribing, return_exceptions=True)

    async def _connected(self, url: str) -> tuple[ClientConnection, EventSubSession] | End:
        """A line with its welcome said."""
        try:
            async with asyncio.timeout(self._times.connect):
                ws = await connect(
                    url,
                    proxy=None if urlsplit(url).hostname in _LOOPBACK else True,
                    compression=None,
                    max_size=_LARGEST_FRAME,
                    open_timeout=None,
                    close_timeout=self._times.close,
                    ping_interval=None,  # nothing but pongs may be sent (§2.1)
                    user_agent_header="hubbub",
                )
        except (OSError, TimeoutError, EOFError, WebSocketException) as error:
            return End(f"could not be made: {_words(error)}")
        session = EventSubSession(self._times, time.monotonic(), self.counts)
        try:
            async with asyncio.timeout(self._times.welcome):
                while not session.id:
                    session.feed(await ws.recv(), time.monotonic())
        except TimeoutError:
            await ws.close()
            return End("was made, and nobody welcomed us")
        except ConnectionClosed as closed:
            return end_of(closed.rcvd.code if closed.rcvd else 1006)
        except BaseException:
            ws.transport.abort()
            raise
        return ws, session

    async def _read(
        self, ws: ClientConnection, session: EventSubSession, subscribing: asyncio.Task[bool]
    ) -> End | None:
        """Until the line ends; None when nothing may be asked for."""
        line = _Line(ws, session)
        asked: asyncio.Task[bool] | None = subscribing
        try:
            while True:
                if line.session.moves_to and line.moving is None:
                    line.moving = asyncio.create_task(self._connected(line.session.moves_to))
                await line.anything(asked)
                if asked is not None and asked.done():
                    if not asked.result():
                        return None
                    asked = None
                await self._hear(line)
                if line.moving is not None and line.moving.done():
                    self._move(line)
                if line.session.end is not None:
                    return line.session.end
        except ConnectionClosed as closed:
            return end_of(closed.rcvd.code if closed.rcvd else 1006)
        finally:
            await line.leave()

    async def _hear(self, line: _Line) -> None:
        """Take a frame in, or notice that none came in time."""
        if not line.receiving.done():
            line.session.tick(time.monotonic())
            return
        told = line.session.feed(line.receiving.result(), time.monotonic())
        line.receiving = asyncio.ensure_future(line.ws.recv())
        if told is not None:
            await self._on_message(self.account_id, told)

    def _move(self, line: _Line) -> None:
        """To the line that was made; without one this one is read until Twitch ends it."""
        assert line.moving is not None  # noqa: S101  the caller looked
        moved, line.moving = line.moving.result(), None
        line.session.moves_to = ""
        if isinstance(moved, End):
            _log.warning("eventsub_not_moved", account=self.account_id, reason=moved.words)
            return
        self._drain(line.ws, line.receiving)
        line.ws, line.session = moved
        line.receiving = asyncio.ensure_future(line.ws.recv())

    def _drain(self, ws: ClientConnection, receiving: asyncio.Future[str | bytes]) -> None:
        """Read what the old line still holds, and leave it: what comes twice is one message with one id."""

        async def rest() -> None:
            session, waiting = EventSubSession(self._times, time.monotonic(), self.counts), receiving
            try:
                async with asyncio.timeout(self._times.drain):
                    while True:
                        told = session.feed(await waiting, time.monotonic())
                        if told is not None:
                            await self._on_message(self.account_id, told)
                        waiting = asyncio.ensure_future(ws.recv())
            except (TimeoutError, ConnectionClosed):
                pass
            finally:
                waiting.cancel()
                await asyncio.gather(waiting, return_exceptions=True)
                await ws.close()

        task = asyncio.create_task(rest())
        self._draining.add(task)
        task.add_done_callback(self._draining.discard)


def _words(error: Exception) -> str:
    """A reason that a person understands; never the text of a library that may quote the peer."""
    match error:
        case InvalidStatus():
            return f"HTTP {error.response.status_code}"
        case TimeoutError():
            return "no answer in time"
        case OSError():
            return error.strerror or type(error).__name__
        case _:
            return type(error).__name__
