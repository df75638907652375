"""The shell of `irc_session`: one reader keeps one connection at a time and moves bytes.

A reader loops connect → talk → pause. When Twitch announces that it will close, a second reader takes
over while the first goes on: a line that both hear does no harm (same message id), one that neither
hears would be lost.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit

import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from integrations.base import Clock
from integrations.twitch.irc_events import Said
from integrations.twitch.irc_session import Session, Standing
from integrations.twitch.pacing import Backoff, JoinBudget, Times

_log = structlog.get_logger(__name__)

#: A frame of Twitch holds a few lines; more than this is not Twitch.
_LARGEST_FRAME = 1 << 20
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(slots=True, eq=False)
class Slot:
    """Up to fifty channels that share a connection."""

    backoff: Backoff
    logins: set[str] = field(default_factory=set)
    readers: list[Reader] = field(default_factory=list)  # the last one is the current one
    handed_over_at: float = float("-inf")

    def heard_by_another(self, reader: Reader, login: str) -> bool:
        """Whether a connection other than this one hears the channel."""
        return any(login in other.hears for other in self.readers if other is not reader)


class Desk(Protocol):
    """What a reader needs of the client that owns it."""

    async def deliver(self, chat: Sequence[Said]) -> None:
        """Hand lines on; waits while they cannot be taken."""

    def told(self, standing: Standing) -> None:
        """Note how the reading of a channel goes."""

    def hand_over(self, reader: Reader) -> None:
        """Start a successor of this reader."""


class Reader:
    """Keeps one connection for a slot until it is told to leave."""

    def __init__(
        self,
        url: str,
        slot: Slot,
        desk: Desk,
        clock: Clock,
        *,
        nick: str,
        times: Times,
        budget: JoinBudget,
        counts: Counter[str],
        predecessor: Reader | None = None,
        pause: float = 0,
    ) -> None:
        self._url = url
        self._slot = slot
        self._desk = desk
        self._clock = clock
        self._nick = nick
        self._times = times
        self._budget = budget
        self._counts = counts
        self._predecessor = predecessor
        self._pause = pause
        self._session: Session | None = None
        self._leave_at: float | None = None
        self._has_successor = False
        self._channels_changed = False
        self._timer: asyncio.Timeout | None = None
        self._connecting = False

    @property
    def hears(self) -> set[str]:
        """The channels that are heard over this connection now."""
        return self._session.joined if self._session else set()

    def wake(self) -> None:
        """The channels of the slot changed."""
        self._channels_changed = True
        if not self._connecting:
            self._interrupt()

    def leave(self, after: float = 0) -> None:
        """End in `after` seconds, having handed on everything that was received until then."""
        at = time.monotonic() + after
        self._leave_at = at if self._leave_at is None else min(at, self._leave_at)
        self._interrupt()

    async def run(self) -> None:
        """Connect, read, and connect again until told to leave."""
        try:
            while not self._is_leaving():
                if self._pause:
                    await self._rest(self._pause)
                    self._pause = 0
                    continue
                began = time.monotonic()
                reason = await self._one_connection()
                heard, self._session = self.hears, None
                if self._is_leaving():
                    break
                if self._has_successor:
                    words = "Twitch closed the connection; the next one is being made."
                    self._tell([Standing(login, "connecting", words) for login in heard])
                    break
                if time.monotonic() - began >= self._times.healthy:
                    self._slot.backoff.reset()
                self._pause = self._slot.backoff.next()
                self._lost(reason)
        finally:
            self._session = None
            self._slot.readers.remove(self)

    def _is_leaving(self) -> bool:
        return self._leave_at is not None and time.monotonic() >= self._leave_at

    def _interrupt(self) -> None:
        if self._timer is not None and not self._timer.expired():
            self._timer.reschedule(asyncio.get_running_loop().time())

    async def _rest(self, seconds: float) -> None:
        """Pause; a change of channels does not cut it short, leaving does."""
        self._connecting = True
        try:
            async with asyncio.timeout(seconds) as self._timer:
                await asyncio.Event().wait()
        except TimeoutError:
            pass
        finally:
            self._timer, self._connecting = None, False

    async def _one_connection(self) -> str:
        """One connection from its first byte to its last; why it ended, as words after "the connection"."""
        self._connecting = True
        try:
            async with asyncio.timeout(self._times.connect) as self._timer:
                ws = await connect(
                    self._url,
                    # A proxy of the environment is for the world outside, not for a stand-in next door.
                    proxy=None if urlsplit(self._url).hostname in _LOOPBACK else True,
                    compression=None,
                    max_size=_LARGEST_FRAME,
                    open_timeout=None,
                    close_timeout=self._times.close,
                    # Life is proved by IRC's own PING (platforms/twitch.md §1.4), which every stand-in knows.
                    ping_interval=None,
                    user_agent_header="hubbub",
                )
        except (OSError, TimeoutError, EOFError, WebSocketException) as error:
            return f"could not be made: {_words(error, self._times)}"
        finally:
            self._timer, self._connecting = None, False
        try:
            return await self._talk(ws)
        finally:
            await ws.close()

    async def _talk(self, ws: ClientConnection) -> str:
        now = time.monotonic()
        session = self._session = Session(self._nick, self._times, self._budget, now, self._counts)
        self._channels_changed = True
        chat: list[Said] = []
        is_closing = False
        while True:
            now = time.monotonic()
            if self._channels_changed:
                self._channels_changed = False
                # A connection that is about to end takes no new channels.
                known = self.hears if self._has_successor else self._slot.logins
                session.want(self._slot.logins & known, now)
            session.tick(now)
            self._tell(session.take_news())
            await self._send(ws, session.take_outgoing())
            if chat:
                await self._desk.deliver(chat)
                if time.monotonic() - now > 1:
                    session.held_up(time.monotonic())
            if session.broken and not is_closing:
                return session.broken
            self._hand_over(session)
            if self._is_leaving() and not is_closing:
                is_closing = True
                await ws.close()  # what had arrived by now is still given out below
            due = (
                session.next_due(now)
                if self._leave_at is None
                else min(session.next_due(now), self._leave_at)
            )
            chat = []
            try:
                async with asyncio.timeout(
                    None if is_closing else max(0.0, due - time.monotonic())
                ) as self._timer:
                    frame = await ws.recv(decode=False)
            except TimeoutError:
                continue
            except ConnectionClosed as closed:
                code = closed.rcvd.code if closed.rcvd else 1006
                return f"was closed by Twitch (code {code})"
            finally:
                self._timer = None
            chat = session.feed(frame, self._clock.now(), time.monotonic())

    async def _send(self, ws: ClientConnection, lines: Sequence[str]) -> None:
        if not lines:  # nearly always, and a timer costs as much as reading a line
            return
        try:
            async with asyncio.timeout(self._times.pong):
                for line in lines:
                    await ws.send(f"{line}\r\n")
        except (ConnectionClosed, TimeoutError):
            # What has been received is still to be read; after it `recv` tells of the end, or the probe does.
            return

    def _hand_over(self, session: Session) -> None:
        if session.told_to_reconnect and not self._has_successor and self._leave_at is None:
            self._has_successor = True
            self.leave(after=self._times.handover)
            self._desk.hand_over(self)
        if self._predecessor is not None and session.covers(self._predecessor.hears):
            self._predecessor.leave(after=self._times.overlap)
            self._predecessor = None

    def _tell(self, news: Sequence[Standing]) -> None:
        for standing in news:
            if standing.state == "connected" or not self._slot.heard_by_another(self, standing.login):
                self._desk.told(standing)

    def _lost(self, reason: str) -> None:
        failures = self._slot.backoff.failures
        _log.warning(
            "twitch_irc_lost", reason=reason, failures=failures, channels=len(self._slot.logins),
            pause_s=round(self._pause, 2),
        )  # fmt: skip
        if failures < 3:
            news = [
                Standing(n, "connecting", f"The connection {reason}; trying again.")
                for n in self._slot.logins
            ]
        else:
            words = (
                f"The connection {reason}; tried {failures} times, trying on. Votes sent meanwhile are lost."
            )
            news = [Standing(n, "failing", words) for n in self._slot.logins]
        self._tell(news)


def _words(error: Exception, times: Times) -> str:
    """A reason that a person understands; never the text of a library that may quote the peer."""
    match error:
        case InvalidStatus():
            return f"Twitch answered with HTTP {error.response.status_code}"
        case TimeoutError():
            return f"no answer within {times.connect:g} s"
        case socket.gaierror():
            return "the name of the server is not known; is this machine online?"
        case OSError():
            return error.strerror or type(error).__name__
        case _:
            return type(error).__name__
