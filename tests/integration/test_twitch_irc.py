"""The IRC client against a stand-in for Twitch on a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from random import Random
from uuid import UUID

import pytest

from integrations.base import ChannelNews
from integrations.twitch.irc import CHANNELS_PER_CONNECTION, TwitchIrc
from integrations.twitch.pacing import Times
from server.rules.events import Arrival, ChatMessage, Event, UnreadLine
from sql.channels import Channel, unknown_id
from sql.ids import uuid7
from tests.fakes.twitch_irc import FakeTwitch, privmsg, until

#: Real proportions, a tenth to a hundredth of the real length.
QUICK = Times(
    join_window=10.5,
    join_answer=0.4,
    join_again=0.8,
    welcome=1.0,
    silence=0.5,
    pong=0.3,
    connect=2.0,
    close=0.3,
    backoff_first=0.05,
    backoff_most=0.4,
    healthy=5.0,
    handover=5.0,
    overlap=0.2,
)


class WallClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


class Listener:
    """A Sink that keeps what it is given, and can be full."""

    def __init__(self) -> None:
        self.batches: list[tuple[UUID, list[Event]]] = []
        self.has_room = asyncio.Event()
        self.has_room.set()

    async def __call__(self, campaign_id: UUID, events: Sequence[Arrival]) -> None:
        await self.has_room.wait()
        read = [event.read() if isinstance(event, UnreadLine) else event for event in events]
        self.batches.append((campaign_id, [event for event in read if event is not None]))

    def events(self, campaign_id: UUID | None = None) -> list[ChatMessage]:
        return [
            event
            for campaign, events in self.batches
            for event in events
            if isinstance(event, ChatMessage) and campaign_id in (None, campaign)
        ]

    def texts(self, campaign_id: UUID | None = None) -> list[str]:
        return [event.text for event in self.events(campaign_id)]


def channel(login: str, campaign_id: UUID | None = None, channel_id: str | None = None) -> Channel:
    now = datetime.now(UTC)
    return Channel(
        id=uuid7(),
        campaign_id=campaign_id or uuid7(),
        platform="twitch",
        login=login,
        channel_id=channel_id or unknown_id(login),
        source="irc",
        state="waiting",
        state_detail="",
        state_at=now,
        heard_at=None,
        heard_lag_ms=None,
        created_at=now,
    )


class Reading:
    """A running client with what it heard and what it told."""

    def __init__(self, source: TwitchIrc, listener: Listener) -> None:
        self.source = source
        self.listener = listener
        self._known: dict[UUID, ChannelNews] = {}

    def standing(self, row: Channel) -> ChannelNews:
        """All news of a channel so far, in one."""
        for news in self.source.news():
            earlier = self._known.get(news.channel)
            self._known[news.channel] = earlier.then(news) if earlier else news
        return self._known.get(row.id, ChannelNews(row.id))

    async def heard(self, *texts: str, seconds: float = 10) -> None:
        await until(lambda: set(texts) <= set(self.listener.texts()), f"heard {texts}", seconds)


@asynccontextmanager
async def reading(url: str, *channels: Channel, times: Times = QUICK) -> AsyncIterator[Reading]:
    listener = Listener()
    source = TwitchIrc(url, listener, WallClock(), times=times, random=Random(7))  # noqa: S311
    source.want(channels)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(source.run())
        yield Reading(source, listener)
        await source.close()
        async with asyncio.timeout(6):
            await task


@pytest.fixture
async def twitch() -> AsyncIterator[FakeTwitch]:
    async with FakeTwitch.serving() as fake:
        yield fake
        assert fake.complaints == []


async def test_chat_arrives_as_events_of_the_campaign(twitch: FakeTwitch) -> None:
    ana = channel("ana", channel_id="700100200")
    async with reading(twitch.url, ana) as it:
        await twitch.joined("ana")
        await twitch.say("ana", "!vote 2", user="rook", user_id="99", message_id="0b7c")
        await it.heard("!vote 2")
        (event,) = it.listener.events(ana.campaign_id)
        assert (event.platform, event.channel_id, event.message_id) == ("twitch", "700100200", "0b7c")
        assert (event.user.id, event.user.login, event.user.name) == ("99", "rook", "Rook")
        assert abs((event.received_at - event.sent_at).total_seconds()) < 5
        news = it.standing(ana)
        assert news.state == "connected"
        assert news.heard_at == event.received_at
        assert abs(news.lag_ms) < 5000


async def test_lines_of_one_frame_are_one_batch(twitch: FakeTwitch) -> None:
    ana = channel("ana")
    async with reading(twitch.url, ana) as it:
        await twitch.joined("ana")
        await twitch.send("ana", *(privmsg("ana", str(n)) for n in range(1, 31)))
        await it.heard("30")
        assert [len(events) for _, events in it.listener.batches] == [30]
        assert it.listener.texts() == [str(n) for n in range(1, 31)]


async def test_two_channels_share_a_connection_and_are_not_mixed_up(twitch: FakeTwitch) -> None:
    ana, bob = channel("ana"), channel("bob")
    async with reading(twitch.url, ana, bob) as it:
        await twitch.joined("ana", "bob")
        assert len(twitch.alive) == 1
        await twitch.say("ana", "from ana")
        # The room id of a line says nothing: the name we joined decides.
        await twitch.send("bob", privmsg("bob", "from bob", room_id=twitch.room_id("ana")))
        await it.heard("from ana", "from bob")
        assert it.listener.texts(ana.campaign_id) == ["from ana"]
        assert it.listener.texts(bob.campaign_id) == ["from bob"]


async def test_one_channel_in_two_campaigns_is_joined_once(twitch: FakeTwitch) -> None:
    mine, yours = channel("ana"), channel("ana", channel_id="4242")
    async with reading(twitch.url, mine, yours) as it:
        await twitch.joined("ana")
        await twitch.say("ana", "2")
        await it.heard("2")
        assert [e.channel_id for e in it.listener.events(mine.campaign_id)] == ["login:ana"]
        assert [e.channel_id for e in it.listener.events(yours.campaign_id)] == ["4242"]
        assert len(twitch.clients[0].join_times) == 1
        assert it.standing(mine).platform_id == twitch.room_id("ana")
        assert "4242" in it.standing(yours).detail  # Twitch knows this name under another id


async def test_the_id_of_the_row_is_used_as_soon_as_it_is_known(twitch: FakeTwitch) -> None:
    ana = channel("ana")
    async with reading(twitch.url, ana) as it:
        await twitch.joined("ana")
        await until(lambda: it.standing(ana).platform_id, "the room id is told")
        it.source.want([replace(ana, channel_id=twitch.room_id("ana"))])
        await twitch.say("ana", "2")
        await it.heard("2")
        assert it.listener.events()[0].channel_id == twitch.room_id("ana")
        assert len(twitch.clients) == 1


async def test_a_hundred_and_twenty_channels_take_three_connections_and_twenty_joins_a_window(
    twitch: FakeTwitch,
) -> None:
    rows = [channel(f"c{n:03}") for n in range(120)]
    async with reading(twitch.url, *rows):
        await until(lambda: len(twitch.alive) == 3, "three connections")
        await until(lambda: sum(len(c.join_times) for c in twitch.clients) == 20, "twenty joins")
        await asyncio.sleep(0.5)  # long enough for a client without pacing to send them all
        assert sum(len(c.join_times) for c in twitch.clients) == 20
    assert all(len(client.joined) <= CHANNELS_PER_CONNECTION for client in twitch.clients)


async def test_channels_come_and_go_while_it_reads(twitch: FakeTwitch) -> None:
    ana, bob = channel("ana"), channel("bob")
    async with reading(twitch.url, ana) as it:
        await twitch.joined("ana")
        it.source.want([ana, bob])
        await twitch.joined("bob", seconds=1)
        it.source.want([bob])
        await until(lambda: not twitch.hearing("ana"), "ana is left")
        assert len(twitch.clients) == 1
        it.source.want([])
        await until(lambda: not twitch.alive, "nothing is left open")
        it.source.want([ana])
        await twitch.joined("ana")


async def test_ping_is_answered(twitch: FakeTwitch) -> None:
    async with reading(twitch.url, channel("ana")):
        await twitch.joined("ana")
        await twitch.clients[0].send("PING :tmi.twitch.tv")
        await until(lambda: "PONG :tmi.twitch.tv" in twitch.clients[0].lines, "PONG")


async def test_ping_is_answered_while_the_campaign_is_full(twitch: FakeTwitch) -> None:
    async with reading(twitch.url, channel("ana")) as it:
        await twitch.joined("ana")
        it.listener.has_room.clear()
        await twitch.clients[0].send("PING :x", privmsg("ana", "1"))
        await until(lambda: "PONG :x" in twitch.clients[0].lines, "PONG")
        assert it.listener.texts() == []
        it.listener.has_room.set()
        await it.heard("1")


async def test_reconnect_loses_nothing(twitch: FakeTwitch) -> None:
    ana, bob = channel("ana"), channel("bob")
    said: list[str] = []
    async with reading(twitch.url, ana, bob) as it:
        await twitch.joined("ana", "bob")

        async def chatter() -> None:
            for number in range(400):
                said.append(f"{number}")
                await twitch.say("ana" if number % 2 else "bob", f"{number}")
                await asyncio.sleep(0.004)

        talking = asyncio.create_task(chatter())
        await until(lambda: len(said) > 50, "chat runs")
        old = twitch.alive[0]
        await old.send(":tmi.twitch.tv RECONNECT")
        await until(lambda: old.is_gone, "the first connection is left")
        assert len(twitch.alive) == 1
        await talking
        await it.heard(*said)
        # In order for each channel, the lines heard twice aside.
        for row, rest in ((ana, 1), (bob, 0)):
            unique = list(dict.fromkeys(e.message_id for e in it.listener.events(row.campaign_id)))
            assert len(unique) == len([n for n in range(400) if n % 2 == rest])
        assert it.standing(ana).state == "connected"


async def test_the_old_connection_is_kept_until_the_new_one_hears(twitch: FakeTwitch) -> None:
    ana = channel("ana")
    async with reading(twitch.url, ana, times=replace(QUICK, join_answer=5.0)) as it:
        await twitch.joined("ana")
        twitch.silent.add("ana")  # the new connection's join stays without an answer
        old = twitch.alive[0]
        await old.send(":tmi.twitch.tv RECONNECT")
        await until(lambda: len(twitch.alive) == 2, "the second connection")
        await until(lambda: twitch.alive[1].join_times, "its join")
        await asyncio.sleep(QUICK.overlap * 3)
        await twitch.say("ana", "over the old one")
        await it.heard("over the old one")
        assert it.standing(ana).state == "connected"
        old.drop()  # as Twitch does in the end
        await until(lambda: it.standing(ana).state == "connecting", "the gap is told")


async def test_a_drop_is_healed_and_told(twitch: FakeTwitch) -> None:
    ana = channel("ana")
    async with reading(twitch.url, ana) as it:
        await twitch.joined("ana")
        await until(lambda: it.standing(ana).state == "connected", "connected")
        twitch.is_down = True
        twitch.clients[0].drop()
        await until(lambda: it.standing(ana).state == "connecting", "the loss is told")
        await until(lambda: it.standing(ana).state == "failing", "after three tries a person should look")
        assert "lost" in it.standing(ana).detail
        tries = len(twitch.handshakes)
        assert tries >= 3
        twitch.is_down = False
        await twitch.joined("ana")
        await until(lambda: it.standing(ana).state == "connected", "connected again")
        await twitch.say("ana", "2")
        await it.heard("2")


async def test_pauses_between_tries_grow(twitch: FakeTwitch) -> None:
    twitch.is_down = True
    times = replace(QUICK, backoff_first=0.02, backoff_most=0.1)
    async with reading(twitch.url, channel("ana"), times=times):
        await until(lambda: len(twitch.handshakes) >= 12, "twelve tries")
        gaps = [b - a for a, b in zip(twitch.handshakes, twitch.handshakes[1:], strict=False)]
        assert max(gaps) < 1.0
        assert sum(gaps[:3]) < sum(gaps[-3:]) + 0.1


async def test_nobody_there_is_told_in_words() -> None:
    async with FakeTwitch.serving() as gone:
        url = gone.url
    ana = channel("ana")
    async with reading(url, ana) as it:
        await until(lambda: it.standing(ana).state == "failing", "told")
        assert "could not be made" in it.standing(ana).detail


async def test_a_half_open_connection_is_noticed(twitch: FakeTwitch) -> None:
    ana = channel("ana")
    async with reading(twitch.url, ana) as it:
        await twitch.joined("ana")
        dead = twitch.clients[0]
        dead.is_frozen = True
        limit = QUICK.silence + QUICK.pong + QUICK.close + QUICK.backoff_first + 1
        await until(lambda: len(twitch.clients) == 2, "a new connection", limit)
        await until(lambda: "ana" in twitch.clients[1].joined, "joined again")
        await twitch.say("ana", "2")
        await it.heard("2")


async def test_a_quiet_connection_is_kept(twitch: FakeTwitch) -> None:
    async with reading(twitch.url, channel("ana")):
        await twitch.joined("ana")
        await until(lambda: twitch.clients[0].lines.count("PING :hb") >= 3, "three probes")
        assert len(twitch.clients) == 1


async def test_a_missing_channel_is_told_and_joined_once_it_exists(twitch: FakeTwitch) -> None:
    twitch.silent.add("ghost")
    ghost, ana = channel("ghost"), channel("ana")
    async with reading(twitch.url, ghost, ana) as it:
        await until(lambda: it.standing(ghost).state == "failing", "told")
        assert "#ghost" in it.standing(ghost).detail
        assert it.standing(ana).state == "connected"
        twitch.silent.clear()
        await until(lambda: it.standing(ghost).state == "connected", "joined")


async def test_a_suspended_channel_is_told(twitch: FakeTwitch) -> None:
    twitch.suspended.add("gone")
    gone = channel("gone")
    async with reading(twitch.url, gone) as it:
        await until(lambda: it.standing(gone).state == "failing", "told")
        assert "suspended" in it.standing(gone).detail


async def test_a_name_that_is_none_never_reaches_the_wire(twitch: FakeTwitch) -> None:
    bad, ana = channel("x\r\nquit"), channel("ana")
    async with reading(twitch.url, bad, ana) as it:
        await twitch.joined("ana")
        assert it.standing(bad).state == "failing"
        assert not any("quit" in line.lower() for line in twitch.clients[0].lines)


async def test_garbage_does_not_disturb_the_next_line(twitch: FakeTwitch) -> None:
    async with reading(twitch.url, channel("ana")) as it:
        await twitch.joined("ana")
        client = twitch.clients[0]
        await client.socket.send(b"\xff\xfe\x00 @@@\r\n")
        await client.socket.send(["\x00", "@", ":" * 50_000])
        await client.socket.send("")
        await client.send("x" * 20_000, privmsg("ana", "after"))
        await it.heard("after")
        assert len(twitch.clients) == 1
        assert it.source.counts["chat"] == 1
        assert it.source.counts["too_long"] == 2
        assert it.source.counts["no_command"] == 1


async def test_closing_hands_on_what_was_received(twitch: FakeTwitch) -> None:
    async with reading(twitch.url, channel("ana")) as it:
        await twitch.joined("ana")
        it.listener.has_room.clear()
        for number in range(10):
            await twitch.say("ana", str(number))
        closing = asyncio.create_task(it.source.close())
        it.listener.has_room.set()
        await closing
        assert it.listener.texts() == [str(number) for number in range(10)]
    await until(lambda: not twitch.alive, "closed")
