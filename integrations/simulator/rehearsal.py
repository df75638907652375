"""The crowd of rehearsals and of the demo: plays into every open poll that was launched as simulated."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

import structlog

from integrations.base import ChannelNews, Clock, Sink
from integrations.simulator.crowd import PARTNER, CrowdLine, crowd
from integrations.simulator.speech import Words
from server.rules.events import Event
from sql import polls
from sql.channels import Channel
from sql.polls import Rehearsal
from sql.pool import UNREACHABLE, Database

_log = structlog.get_logger(__name__)

_BEAT_S = 0.1
#: Lines sent before the close still arrive for this long after it.
_TAIL = timedelta(seconds=3)


class SimulatedCrowds:
    """A `Source` (integrations.base) of chat for channels that are simulated.

    The crowd of a poll is a function of the poll's id: after a restart it goes on as it would have, and
    two processes that hold two of its channels play two parts of the same crowd.
    """

    def __init__(
        self,
        database: Database,
        sink: Sink,
        clock: Clock,
        *,
        size: int = 400,
        rate: float = 12.0,
        every: timedelta = timedelta(seconds=1),
    ) -> None:
        """`size` people write about `rate` lines a second into each poll; one is looked for at `every`."""
        self._database = database
        self._sink = sink
        self._clock = clock
        self._size = size
        self._rate = rate
        self._every = every.total_seconds()
        self._channels: dict[UUID, Channel] = {}
        self._open: dict[UUID, list[Rehearsal]] = {}
        self._players: dict[UUID, asyncio.Task[None]] = {}
        self._news: dict[UUID, ChannelNews] = {}
        self._database_away = False
        self._closing = asyncio.Event()

    async def run(self) -> None:
        """Play until closed."""
        async with asyncio.TaskGroup() as group:
            while not self._closing.is_set():
                if self._channels:
                    await self._look()
                    self._cast(group)
                await self._pause(self._every)

    async def close(self) -> None:
        """Let `run` return; players notice at their next beat."""
        self._closing.set()

    def want(self, channels: Collection[Channel]) -> None:
        """Play in exactly these channels from now on."""
        for channel in channels:
            if channel.id not in self._channels:
                self._tell(ChannelNews(channel.id, "connected", "A simulated crowd."))
        self._channels = {channel.id: channel for channel in channels}

    def news(self) -> list[ChannelNews]:
        """What changed since the last call, one item a channel."""
        news, self._news = self._news, {}
        return list(news.values())

    def _tell(self, news: ChannelNews) -> None:
        earlier = self._news.get(news.channel)
        self._news[news.channel] = earlier.then(news) if earlier else news

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._closing.wait()
        except TimeoutError:
            return

    async def _look(self) -> None:
        """Ask which rehearsals are open; while the database is away those that are known go on."""
        try:
            async with self._database.connection() as connection:
                found = await polls.rehearsals(connection)
        except UNREACHABLE as error:
            if not self._database_away:
                _log.warning("simulated_crowd_database_away", error=type(error).__name__)
            self._database_away = True
            return
        self._database_away = False
        self._open = {}
        for rehearsal in found:  # one for each channel, in the order of their seats
            self._open.setdefault(rehearsal.poll_id, []).append(rehearsal)

    def _cast(self, group: asyncio.TaskGroup) -> None:
        """Start a player for each new poll with a channel of ours; one whose poll is gone ends by itself."""
        self._players = {id_: player for id_, player in self._players.items() if not player.done()}
        now = self._clock.now()
        for poll_id, seats in self._open.items():
            is_ours = any(seat.channel in self._channels for seat in seats)
            if is_ours and poll_id not in self._players and now <= seats[0].closes_at + _TAIL:
                player = self._play(seats[0], tuple(seat.channel for seat in seats))
                self._players[poll_id] = group.create_task(player, name="simulated-crowd")

    async def _play(self, poll: Rehearsal, seats: Sequence[UUID]) -> None:
        late_s = max(0.0, (self._clock.now() - poll.opens_at).total_seconds())
        _log.info("simulated_crowd_starts", poll=str(poll.poll_id), after_s=round(late_s, 1))
        lines = crowd(
            str(poll.poll_id),
            poll.options,
            size=self._size,
            rate=self._rate,
            words=cast(Words, poll.words),
            channels=len(seats),
            start_s=max(0.0, late_s - _BEAT_S),
        )
        upcoming, closes_at = next(lines), poll.closes_at
        # Looked up anew at every beat: the close may move, and a poll that was closed early is gone.
        while not self._closing.is_set():
            now = self._clock.now()
            if poll.poll_id in self._open:
                closes_at = self._open[poll.poll_id][0].closes_at
            elif now < closes_at:
                return  # cancelled, or closed by hand
            if now > closes_at + _TAIL:
                return
            due: list[CrowdLine] = []
            while poll.opens_at + timedelta(milliseconds=upcoming.arrives_ms) <= now:
                if poll.opens_at + timedelta(milliseconds=upcoming.sent_ms) <= closes_at:
                    due.append(upcoming)
                upcoming = next(lines)
            await self._say(poll, seats, due, now)
            await self._pause(_BEAT_S)

    async def _say(
        self, poll: Rehearsal, seats: Sequence[UUID], lines: Sequence[CrowdLine], now: datetime
    ) -> None:
        channels = [self._channels.get(seat) for seat in seats]
        ids = [channel.channel_id if channel else PARTNER for channel in channels]
        events: list[Event] = []
        for line in lines:
            if channel := channels[line.channel]:  # another process plays in the others
                events.append(line.event(channel.platform, ids, poll.opens_at, now))
                self._tell(ChannelNews(channel.id, heard_at=now, lag_ms=line.arrives_ms - line.sent_ms))
        if events:
            await self._sink(poll.campaign_id, events)
