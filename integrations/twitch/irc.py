"""Chat of many Twitch channels, read anonymously over IRC: the path that needs no login of anybody.

Channels are spread over connections of at most fifty; every connection is a `Slot` with its readers.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Collection, Sequence
from random import Random
from uuid import UUID

import structlog

from integrations.base import ChannelNews, Clock, Sink
from integrations.twitch.irc_events import Said
from integrations.twitch.irc_reader import Reader, Slot
from integrations.twitch.irc_session import Standing, is_login
from integrations.twitch.pacing import Backoff, JoinBudget, Times
from server.rules.events import Arrival
from sql.channels import Channel

_log = structlog.get_logger(__name__)

#: Whether Twitch's limit of 100 channels holds for anonymous readers is not confirmed; half of it is safe.
CHANNELS_PER_CONNECTION = 50
#: Twitch asking to reconnect twice within this time, in seconds, is answered with a pause.
_HANDOVER_REST = 5.0
_CLOSE_WITHIN = 2.5
_MILLISECOND = 1000.0


class TwitchIrc:
    """A `Source` (integrations.base) over `wss://irc-ws.chat.twitch.tv`, or over a stand-in at `url`."""

    def __init__(
        self, url: str, sink: Sink, clock: Clock, *, times: Times | None = None, random: Random | None = None
    ) -> None:
        self._url = url
        self._sink = sink
        self._clock = clock
        self._times = times or Times()
        self._random = random or Random()  # noqa: S311  nicks and pauses are no secrets
        self._budget = JoinBudget(self._times)
        self._slots: list[Slot] = []
        self._rows: dict[str, list[Channel]] = {}
        self._standings: dict[str, Standing] = {}
        self._rooms: dict[str, str] = {}
        self._news: dict[UUID, ChannelNews] = {}
        self._heard: dict[UUID, Said] = {}  # the last line of each row
        self._group: asyncio.TaskGroup | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = asyncio.Event()
        self._ended = asyncio.Event()
        #: Lines by what became of them: "chat", a reason of `irc_events.REASONS`, "too_long", …
        self.counts: Counter[str] = Counter()

    async def run(self) -> None:
        """Read until closed."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                for slot in self._slots:
                    self._start(slot)
                await self._closing.wait()
                for slot in self._slots:
                    for reader in slot.readers:
                        reader.leave()
        finally:
            self._group = None
            self._ended.set()

    async def close(self) -> None:
        """Hand on what has been read and let `run` return; a connection that hangs is cut after 2.5 s."""
        self._closing.set()
        if self._group is None:
            return
        try:
            async with asyncio.timeout(_CLOSE_WITHIN):
                await self._ended.wait()
        except TimeoutError:
            for task in tuple(self._tasks):
                task.cancel()

    def want(self, channels: Collection[Channel]) -> None:
        """Read exactly these channels from now on."""
        before = {row.id: row for rows in self._rows.values() for row in rows}
        self._rows = {}
        for row in channels:
            self._rows.setdefault(row.login, []).append(row)
        wanted = {login for login in self._rows if is_login(login)}
        for login in self._standings.keys() - wanted:
            del self._standings[login]
            self._rooms.pop(login, None)
        self._news = {row.id: self._news[row.id] for row in channels if row.id in self._news}
        self._heard = {row.id: self._heard[row.id] for row in channels if row.id in self._heard}
        for row in channels:
            if row.id not in before or before[row.id].channel_id != row.channel_id:
                self._greet(row)
        self._spread(wanted)

    def news(self) -> list[ChannelNews]:
        """What changed since the last call, one item a channel."""
        news, self._news = self._news, {}
        heard, self._heard = self._heard, {}
        for channel, said in heard.items():
            line = said.read()
            if line is None:
                continue
            lag = (line.received_at - line.sent_at).total_seconds() * _MILLISECOND
            mark = ChannelNews(channel, heard_at=line.received_at, lag_ms=round(lag))
            news[channel] = news[channel].then(mark) if channel in news else mark
        return list(news.values())

    async def deliver(self, chat: Sequence[Said]) -> None:
        """Hand lines to the campaigns that listen, as one batch each; waits while a campaign is full."""
        by_login: dict[str, list[Said]] = {}
        for said in chat:
            by_login.setdefault(said.login, []).append(said)
        batches: dict[UUID, list[Arrival]] = {}
        for login, lines in by_login.items():
            for row in self._rows.get(login, ()):
                if not row.has_platform_id and login not in self._rooms:
                    self._learn_room(login, lines)
                # The name we joined decides, not the tag: channels must never be taken for each other.
                batches.setdefault(row.campaign_id, []).extend([said.to(row.channel_id) for said in lines])
                self._heard[row.id] = lines[-1]
        for campaign_id, arrivals in batches.items():
            await self._sink(campaign_id, arrivals)

    def told(self, standing: Standing) -> None:
        """A connection tells how the reading of a channel goes."""
        login = standing.login
        if standing.room_id:
            self._rooms[login] = standing.room_id
        self._standings[login] = standing
        for row in self._rows.get(login, ()):
            self._greet(row)

    def hand_over(self, reader: Reader) -> None:
        """A connection was told that it will be closed: start the next one beside it."""
        slot = next((s for s in self._slots if reader in s.readers), None)
        if slot is None or self._closing.is_set():
            return
        now = time.monotonic()
        pause = 0.0 if now - slot.handed_over_at >= _HANDOVER_REST else slot.backoff.next()
        slot.handed_over_at = now
        _log.info("twitch_irc_handover", channels=len(slot.logins), pause_s=round(pause, 2))
        self._start(slot, predecessor=reader, pause=pause)

    def _start(self, slot: Slot, predecessor: Reader | None = None, pause: float = 0) -> None:
        if self._group is None or self._closing.is_set():
            return  # `run` starts what is wanted by then
        reader = Reader(
            self._url,
            slot,
            self,
            self._clock,
            nick=f"justinfan{self._random.randint(10_000, 99_999_999)}",
            times=self._times,
            budget=self._budget,
            counts=self.counts,
            predecessor=predecessor,
            pause=pause,
        )
        slot.readers.append(reader)
        task = self._group.create_task(reader.run(), name="twitch-irc")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _spread(self, wanted: set[str]) -> None:
        """Give every login a slot, and every slot without logins its leave."""
        placed: set[str] = set()
        for slot in self._slots:
            slot.logins &= wanted
            placed |= slot.logins
        for login in sorted(wanted - placed):
            slot = (
                next((s for s in self._slots if len(s.logins) < CHANNELS_PER_CONNECTION), None)
                or self._new_slot()
            )
            slot.logins.add(login)
            if not slot.readers:
                self._start(slot)
        for slot in self._slots:
            for reader in slot.readers:
                if slot.logins:
                    reader.wake()
                else:
                    reader.leave()
        self._slots = [slot for slot in self._slots if slot.logins]

    def _new_slot(self) -> Slot:
        slot = Slot(Backoff(self._times, self._random))
        self._slots.append(slot)
        return slot

    def _learn_room(self, login: str, lines: Sequence[Said]) -> None:
        for said in lines:
            line = said.read()
            if line is not None and not line.channel_id.startswith("login:"):
                self._rooms[login] = line.channel_id
                for row in self._rows[login]:
                    self._greet(row)
                return

    def _greet(self, row: Channel) -> None:
        """Say of a row what is known of its login."""
        standing = self._standings.get(row.login)
        room = self._rooms.get(row.login)
        if standing is None and not is_login(row.login):
            standing = Standing(
                row.login, "failing", "This is no name on Twitch: only a-z, 0-9 and _ may be in it."
            )
        if standing is None:
            return
        detail = standing.detail
        if room and row.has_platform_id and room != row.channel_id and not detail:
            detail = f"Twitch knows this channel as {room}, not as {row.channel_id}: was the name given away?"
        news = ChannelNews(
            row.id, standing.state, detail, platform_id=room if not row.has_platform_id else None
        )
        self._news[row.id] = self._news[row.id].then(news) if row.id in self._news else news
