"""The reader of Kick's website chat against a stand-in on a real socket (§9.16)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from random import Random
from uuid import UUID

import pytest

from integrations.base import ChannelNews
from integrations.kick import website_switch
from integrations.kick.pusher import KickWebsite
from integrations.kick.pusher_session import Times
from sql.channels import Channel
from sql.ids import uuid7
from sql.pool import Database
from tests.fakes.kick_pusher import FakePusher, fake_pusher
from tests.fakes.twitch_irc import until
from tests.integration.test_twitch_irc import Listener, WallClock

QUICK = Times(connect=2, greeting=0.3, pong=0.3, close=0.2, backoff_first=0.05, backoff_most=0.2)


def channel(chatroom: int, login: str = "mossytavern", campaign_id: UUID | None = None) -> Channel:
    now = datetime.now(UTC)
    return Channel(
        id=uuid7(),
        campaign_id=campaign_id or uuid7(),
        platform="kick",
        login=login,
        channel_id="910001",
        source="pusher",
        state="waiting",
        state_detail="",
        state_at=now,
        heard_at=None,
        heard_lag_ms=None,
        created_at=now,
        chatroom_id=str(chatroom),
    )


class Reading:
    """A running source with what it heard and what it told."""

    def __init__(self, source: KickWebsite, listener: Listener) -> None:
        self.source = source
        self.listener = listener
        self._known: dict[UUID, ChannelNews] = {}

    def standing(self, row: Channel) -> ChannelNews:
        for news in self.source.news():
            earlier = self._known.get(news.channel)
            self._known[news.channel] = earlier.then(news) if earlier else news
        return self._known.get(row.id, ChannelNews(row.id))

    async def is_told(self, row: Channel, state: str, words: str = "") -> None:
        def as_wanted() -> bool:
            news = self.standing(row)
            return news.state == state and words in news.detail

        await until(as_wanted, f"told {state} {words}")


@asynccontextmanager
async def reading(
    url: str, *channels: Channel, on: bool = True, times: Times = QUICK
) -> AsyncIterator[Reading]:
    listener = Listener()
    source = KickWebsite(
        url,
        listener,
        WallClock(),
        channel="chatrooms.{}.v2",
        times=times,
        random=Random(7),  # noqa: S311
    )
    source.want(channels)
    source.switch(on=on)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(source.run())
        yield Reading(source, listener)
        await source.close()
        async with asyncio.timeout(6):
            await task


@pytest.fixture
async def pusher() -> AsyncIterator[FakePusher]:
    async with fake_pusher() as fake:
        yield fake
        assert fake.complaints == []


async def test_chat_arrives_as_events_of_every_campaign(pusher: FakePusher) -> None:
    one, other = channel(880001), channel(880001)
    async with reading(pusher.url, one, other) as it:
        await it.is_told(one, "connected", "Unofficial")
        data = await pusher.say(880001, "!vote 2 [emote:1:A]")
        await until(lambda: len(it.listener.events()) == 2, "heard in both")
        (event,) = it.listener.events(one.campaign_id)
        assert (event.platform, event.channel_id, event.message_id) == ("kick", "910001", data["id"])
        assert (event.user.id, event.text, event.user.roles) == ("910555", "!vote 2", ("subscriber",))
        assert it.standing(one).heard_at is not None
        assert pusher.connections == 1


async def test_it_is_off_until_somebody_switches_it_on(pusher: FakePusher) -> None:
    room = channel(880001)
    async with reading(pusher.url, room, on=False) as it:
        await it.is_told(room, "waiting", "switched off")
        await asyncio.sleep(0.2)
        assert pusher.connections == 0
        it.source.switch(on=True)
        await until(lambda: pusher.joined(880001), "joined")
        it.source.switch(on=False)
        await until(lambda: not pusher.pages, "left")
        await it.is_told(room, "waiting", "switched off")


async def test_rooms_come_and_go_over_one_connection(pusher: FakePusher) -> None:
    first, second = channel(1), channel(2)
    async with reading(pusher.url, first) as it:
        await until(lambda: pusher.joined(1), "the first")
        it.source.want([first, second])
        await until(lambda: pusher.joined(2), "the second, too")
        it.source.want([second])
        await until(lambda: not pusher.joined(1), "the first is left")
        assert pusher.joined(2)
        assert pusher.connections == 1
        it.source.want([])
        await until(lambda: not pusher.pages, "nothing to read, no connection")


async def test_a_connection_that_breaks_is_made_again(pusher: FakePusher) -> None:
    room = channel(1)
    async with reading(pusher.url, room) as it:
        await it.is_told(room, "connected")
        for page in list(pusher.pages):
            page.socket.transport.abort()
        await until(lambda: pusher.connections == 2 and pusher.joined(1), "joined again")
        await it.is_told(room, "connected")
        await pusher.say(1, "2")
        await until(lambda: it.listener.texts() == ["2"], "heard")


async def test_silence_is_noticed(pusher: FakePusher) -> None:
    pusher.silence_s = 1
    room = channel(1)
    async with reading(pusher.url, room) as it:
        await it.is_told(room, "connected")
        await until(lambda: pusher.pages[0].pings > 0, "asked")
        pusher.is_mute = True
        for page in pusher.pages:
            page.send = _nothing  # type: ignore[method-assign]
        await until(lambda: pusher.connections > 1, "given up and made again")


async def _nothing(event: str, data: object, channel: str = "") -> None:
    return None


async def test_pings_are_answered(pusher: FakePusher) -> None:
    room = channel(1)
    async with reading(pusher.url, room) as it:
        await it.is_told(room, "connected")
        await pusher.pages[0].send("pusher:ping", {})
        await until(lambda: pusher.pages[0].pongs == 1, "answered")


async def test_a_refusal_is_final_until_somebody_switches(pusher: FakePusher) -> None:
    pusher.errors = [4001]
    room = channel(1)
    async with reading(pusher.url, room) as it:
        await it.is_told(room, "failing", "the key may have changed")
        await asyncio.sleep(0.4)
        assert pusher.connections == 1, "4000 to 4099: do not reconnect"
        it.source.switch(on=False)
        it.source.switch(on=True)
        await it.is_told(room, "connected")


@pytest.mark.parametrize("code", [4100, 4200])
async def test_other_errors_are_tried_again(pusher: FakePusher, code: int) -> None:
    room = channel(1)
    async with reading(pusher.url, room) as it:
        await it.is_told(room, "connected")
        await pusher.end(code)
        await until(lambda: pusher.connections == 2 and pusher.joined(1), "joined again")


async def test_nobody_there_is_told_and_tried_on(pusher: FakePusher) -> None:
    room = channel(1)
    async with reading("ws://127.0.0.1:1/app", room) as it:
        await it.is_told(room, "failing", "could not be made")


async def test_a_server_that_does_not_greet(pusher: FakePusher) -> None:
    pusher.is_mute = True
    room = channel(1)
    async with reading(pusher.url, room) as it:
        await until(lambda: pusher.connections >= 2, "tried again")
        await it.is_told(room, "failing", "was not greeted")


async def test_a_campaign_that_is_full_stops_the_reader(pusher: FakePusher) -> None:
    room = channel(1)
    async with reading(pusher.url, room) as it:
        await it.is_told(room, "connected")
        it.listener.has_room.clear()
        for n in range(5):
            await pusher.say(1, f"line {n}")
        await asyncio.sleep(0.1)
        assert it.listener.texts() == []
        it.listener.has_room.set()
        await until(lambda: len(it.listener.texts()) == 5, "all of them, in order")
        assert it.listener.texts() == [f"line {n}" for n in range(5)]


async def test_every_process_follows_the_switch(
    pusher: FakePusher, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(website_switch, "_LOOK_EVERY_S", 0.05)
    async with reading(pusher.url, channel(1), on=False) as it:
        following = asyncio.create_task(website_switch.follow(database, it.source))
        try:
            for on in (True, False, True):
                async with database.connection() as connection:
                    await website_switch.turn(connection, on=on)
                await until(lambda on=on: pusher.joined(1) == on, f"on: {on}")  # type: ignore[misc]
        finally:
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following
