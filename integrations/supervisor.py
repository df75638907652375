"""Which chats this process reads: asked of the database, told to the source, news back.

Twice a second: say that we live, and tell the source which channels are ours. A channel added on the desk
is therefore read within about half a second, by two processes of however many run (sql/readers.py), and a
process that dies is replaced within three. What the source noticed is written down at once when a state
changed, else every two seconds.
"""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from uuid import UUID, uuid4

import structlog

from integrations.base import ChannelNews, Source
from sql import channels, readers
from sql.channels import Channel, SourceKind
from sql.pool import UNREACHABLE, Connection, Database

_log = structlog.get_logger(__name__)

#: A database that takes longer counts as away; a hanging one must not keep the process from ending.
_ANSWER_WITHIN = 2.0
_GOODBYE_WITHIN = 1.5
#: Marks of what was heard are written each so many rounds.
_ROUNDS_A_MARK = 4


class Connectors:
    """Runs one Source on the channels that this process reads."""

    def __init__(
        self,
        database: Database,
        source: Source,
        *,
        kinds: tuple[SourceKind, ...] = ("irc",),
        ttl: timedelta = readers.TTL,
        every: timedelta = timedelta(seconds=0.5),
        read_on: timedelta = timedelta(seconds=30),
        readers_each: int = readers.READERS,
    ) -> None:
        """`readers_each`: how many processes read a chat at a time, as far as there are any.

        `read_on`: how long to go on reading without the database. After `ttl` others read the same chats
        instead, which is harmless (every message counts once), while leaving them at once would cost a
        rejoin after each hiccup. Beyond `read_on` nothing that is read could still be kept.
        """
        self._database = database
        self._source = source
        self._kinds = kinds
        self._id = uuid4()
        self._ttl = ttl
        self._readers_each = readers_each
        self._every = every.total_seconds()
        self._read_on = max(read_on, ttl).total_seconds()
        self._held: dict[UUID, Channel] = {}
        self._reading: readers.Reading | None = None
        self._trusts_from = 0.0  # when others that are not heard of are taken for dead again
        self._spare_since: dict[UUID, float] = {}  # channels that others read too, and since when
        self._unwritten: dict[UUID, ChannelNews] = {}
        self._told: dict[UUID, ChannelNews] = {}  # the last state of each channel
        self._wrote_at = float("-inf")
        self._refused_ids: set[tuple[UUID, str]] = set()
        self._renewed_at = time.monotonic()
        self._database_away = False
        self._closing = asyncio.Event()

    @property
    def held(self) -> tuple[Channel, ...]:
        """The channels that this process reads."""
        return tuple(self._held.values())

    async def run(self) -> None:
        """Read until closed; a cancelled run says goodbye as well."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._source.run(), name="chat-source")
                while not self._closing.is_set():
                    await self._round()
                    await self._pause()
                await self._source.close()
        finally:
            await self._goodbye()

    async def close(self) -> None:
        """Let `run` return."""
        self._closing.set()

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(self._every):
                await self._closing.wait()
        except TimeoutError:
            return

    async def _round(self) -> None:
        for item in self._source.news():
            earlier = self._unwritten.get(item.channel)
            self._unwritten[item.channel] = earlier.then(item) if earlier else item
        asked_at = time.monotonic()
        try:
            async with asyncio.timeout(_ANSWER_WITHIN):
                await self._renew(asked_at)
                await self._write_news()
        except UNREACHABLE as error:
            self._without_database(error)
        else:
            if self._database_away:
                _log.info("connectors_database_back", channels=len(self._held))
            self._database_away = False

    async def _renew(self, asked_at: float) -> None:
        ttl = self._ttl.total_seconds()
        if self._reading is not None and asked_at - self._renewed_at > ttl:
            # We were away. So, perhaps, was everybody: all at once would take all chats for unread.
            self._trusts_from = asked_at + ttl
        async with self._database.connection() as connection:
            reading = await readers.assign(
                connection,
                self._id,
                self._ttl,
                kinds=self._kinds,
                readers=self._readers_each,
                earlier=self._reading,
                keep=self._not_yet_left(asked_at),
                trusts=asked_at >= self._trusts_from,
            )
        self._renewed_at, self._reading = asked_at, reading
        self._spare_since = {id_: self._spare_since.get(id_, asked_at) for id_ in reading.spare}
        before, self._held = self._held, {channel.id: channel for channel in reading.channels}
        self._told = {id_: news for id_, news in self._told.items() if id_ in self._held}
        for id_ in reading.fresh & self._told.keys():  # we were taken for dead, and read on
            self._unwritten.setdefault(id_, self._told[id_])
        if before.keys() != self._held.keys():
            _log.info(
                "connectors_channels",
                kinds=self._kinds,
                held=len(self._held),
                taken=len(self._held.keys() - before.keys()),
                given=len(before.keys() - self._held.keys()),
            )
        self._source.want(reading.channels)

    def _not_yet_left(self, now: float) -> frozenset[UUID]:
        """Channels that must not be left even if enough others are connected.

        For `ttl` after its death a process looks alive and connected. Left to it, a chat would have one
        reader, or none; so the others must have been enough for longer than that.
        """
        after = self._ttl.total_seconds() + self._every
        long_spare = {id_ for id_, since in self._spare_since.items() if now - since > after}
        return frozenset(self._held.keys() - long_spare)

    async def _write_news(self) -> None:
        """Write what is known of the channels we read; of others their readers tell."""
        self._unwritten = {id_: news for id_, news in self._unwritten.items() if id_ in self._held}
        now = time.monotonic()
        is_urgent = any(news.state or news.platform_id for news in self._unwritten.values())
        if not self._unwritten or not (is_urgent or now - self._wrote_at >= _ROUNDS_A_MARK * self._every):
            return
        learned = False
        async with self._database.connection() as connection:
            for news in self._unwritten.values():
                if news.platform_id and (news.channel, news.platform_id) not in self._refused_ids:
                    learned |= await self._learn_id(connection, news.channel, news.platform_id)
            told = {
                n.channel: ChannelNews(n.channel, n.state, n.detail)
                for n in self._unwritten.values()
                if n.state
            }
            states = [(id_, n.state, n.detail) for id_, n in told.items() if n.state]
            await readers.tell(connection, self._id, states)
            marks = [(n.channel, n.heard_at, n.lag_ms) for n in self._unwritten.values() if n.heard_at]
            await channels.heard(connection, marks)
        self._told |= told
        self._wrote_at = now
        self._unwritten.clear()
        if learned:  # so that lines carry the platform's id from now on, not from the next round
            await self._renew(time.monotonic())

    async def _learn_id(self, connection: Connection, channel: UUID, platform_id: str) -> bool:
        """Whether the channel is known by this id from now on."""
        if await channels.set_platform_id(connection, channel, platform_id):
            return True
        now = await channels.get(connection, channel)
        if now is not None and now.channel_id == platform_id:
            return True  # the other reader was quicker
        # Most likely another row of the campaign has this id: told once, and not tried again.
        self._refused_ids.add((channel, platform_id))
        _log.warning("channel_id_not_set", channel=str(channel), platform_id=platform_id)
        return False

    def _without_database(self, error: BaseException) -> None:
        away = time.monotonic() - self._renewed_at
        if not self._database_away:
            _log.warning("connectors_database_away", error=type(error).__name__, held=len(self._held))
            self._database_away = True
        if self._held and away > self._read_on:
            _log.warning("connectors_stopped_reading", held=len(self._held), away_s=round(away, 1))
            self._held, self._reading = {}, None
            self._source.want(())

    async def _goodbye(self) -> None:
        """Let others take over at once."""
        try:
            async with asyncio.timeout(_GOODBYE_WITHIN), self._database.connection() as connection:
                await readers.leave(connection, self._id)
        except UNREACHABLE as error:
            # We are taken for dead in a moment; there is nobody left who could do more.
            _log.warning("connectors_goodbye_unheard", error=type(error).__name__)
        self._held = {}
