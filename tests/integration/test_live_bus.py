"""Buses: the one over Redis and its twin pass the same tests; then Redis is killed, stopped and lied to."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from redis.asyncio import Redis

from server.live.bus import BREAKER_S, MOST_WAITING, RedisBus
from server.live.bus_port import Bus, Seal, channel_of, to_message
from server.live.memory_bus import MemoryBus, NoBus, Switchboard
from server.rules.changes import Change
from tests.integration.live_rig import Valkey, until

KEY = b"k" * 32
MakeBus = Callable[[], Bus]


class Ear:
    """What one end of a bus heard."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.unknown: list[UUID | None] = []


@contextlib.asynccontextmanager
async def running(bus: Bus) -> AsyncIterator[Ear]:
    ear = Ear()
    work = asyncio.create_task(bus.run(ear.changes.append, ear.unknown.append))
    try:
        yield ear
        assert not work.done(), "a bus works until it is cancelled"
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


def change(campaign_id: UUID, seq: int) -> Change:
    board = {"kind": "poll", "total_votes": seq}
    return Change(campaign_id, uuid4(), seq - 1, seq, datetime.now(UTC), {str(uuid4()): board})


@pytest.fixture(params=["redis", "memory"])
def make_bus(request: pytest.FixtureRequest) -> MakeBus:
    if request.param == "memory":
        switchboard = Switchboard()
        return lambda: MemoryBus(switchboard)
    url: str = request.getfixturevalue("redis_url")
    return lambda: RedisBus(url, [KEY])


@pytest.fixture
async def valkey(short_dir: Path) -> AsyncIterator[Valkey]:
    server = Valkey(short_dir)
    await server.start()
    yield server
    server.kill()


# --- the port ----------------------------------------------------------------------------------------


async def test_what_one_publishes_the_others_hear_in_order(make_bus: MakeBus) -> None:
    mine, other = uuid4(), uuid4()
    first, second = make_bus(), make_bus()
    async with running(first) as here, running(second) as there:
        second.follow(mine)
        first.follow(other)
        await until(lambda: (first.state, second.state) == ("ok", "ok"), "both are there", 10)
        await until(lambda: mine in there.unknown and other in here.unknown, "both have begun to hear")
        sent = [change(mine, n) for n in range(1, 200)]
        for one in sent:
            first.publish(one)
        await until(lambda: len(there.changes) == len(sent), "all came")
        assert there.changes == sent
        assert here.changes == [], "not followed"
        await until(lambda: first.figures.published >= len(sent), "all are known to have left")
        second.leave(mine)
        await asyncio.sleep(0.3)
        first.publish(change(mine, 200))
        await asyncio.sleep(0.3)
        assert len(there.changes) == len(sent)


async def test_following_later_says_when_it_begins(make_bus: MakeBus) -> None:
    campaign = uuid4()
    bus = make_bus()
    async with running(bus) as ear:
        await until(lambda: bus.state == "ok", "it is there", 10)
        ear.unknown.clear()
        bus.follow(campaign)
        await until(lambda: campaign in ear.unknown, "begun")
        bus.publish(change(campaign, 1))
        await until(lambda: len(ear.changes) == 1, "heard")


async def test_a_bus_that_does_not_run_drops_without_a_word(make_bus: MakeBus) -> None:
    bus = make_bus()
    assert bus.state == "away"
    for n in range(1, 5 * MOST_WAITING):
        bus.publish(change(uuid4(), n))
    assert bus.figures.published == 0
    assert bus.figures.dropped >= 3 * MOST_WAITING


async def test_no_bus_is_always_away() -> None:
    bus = NoBus()
    async with running(bus) as ear:
        bus.follow(uuid4())
        bus.publish(change(uuid4(), 1))
        bus.leave(uuid4())
        assert (bus.state, bus.figures.dropped, ear.changes) == ("away", 1, [])


# --- many rooms --------------------------------------------------------------------------------------

MANY = 10_000


async def test_ten_thousand_rooms_come_up_go_and_come_back(valkey: Valkey) -> None:
    rooms = [uuid4() for _ in range(MANY)]
    first, second = RedisBus(valkey.url, [KEY]), RedisBus(valkey.url, [KEY])
    for room in rooms:
        first.follow(room)
    async with running(first) as ear, running(second), Redis.from_url(valkey.url) as admin:

        async def carried() -> int:
            return len(await admin.pubsub_channels("hubbub:{*"))

        async def is_heard_of_all(seq: int) -> None:
            await until(lambda: (first.state, second.state) == ("ok", "ok"), "both work", 15)
            ear.changes.clear()
            for room in (rooms[0], rooms[-1]):
                second.publish(change(room, seq))
            await until(lambda: len(ear.changes) == 2, "messages arrive")

        await until(lambda: len(ear.unknown) > MANY, "all have begun to be heard", 10)
        assert set(ear.unknown) == {None, *rooms}
        assert await carried() == MANY
        await is_heard_of_all(1)

        ear.unknown.clear()
        valkey.kill()
        await until(lambda: None in ear.unknown, "all are told that it is gone", 4)
        ear.unknown.clear()
        await valkey.start()
        await until(lambda: set(rooms) <= set(ear.unknown), "all have begun again", 15)
        await is_heard_of_all(2)

        for room in rooms[1:-1]:
            first.leave(room)
        gone = rooms[1]
        first.follow(gone)  # at once,
        await asyncio.sleep(0)
        first.leave(gone)  # and again not
        await until(lambda: only(2, carried()), "the server carries nothing for nobody", 10)
        await is_heard_of_all(3)
        assert first.figures.forged == 0


async def only(most: int, counted: Awaitable[int]) -> bool:
    return await counted <= most


async def test_left_and_followed_again_goes_on_being_heard(valkey: Valkey) -> None:
    room = uuid4()
    bus = RedisBus(valkey.url, [KEY])
    async with running(bus) as ear:
        bus.follow(room)
        await until(lambda: ear.unknown.count(None) == 2 and room in ear.unknown, "begun, and said so", 10)
        for seq in range(1, 21):
            ear.unknown.clear()
            bus.leave(room)
            await asyncio.sleep(0.01 * (seq % 12))  # in any phase of the work: 0.1 s
            bus.follow(room)
            await until(lambda: room in ear.unknown, "said that it has begun")
            bus.publish(change(room, seq))
            await until(lambda: len(ear.changes) == seq, "heard")  # noqa: B023
            assert None not in ear.unknown, "nobody else is troubled"


async def test_a_message_costs_the_same_with_many_rooms(valkey: Valkey) -> None:
    async def cost_with(rooms: int) -> float:
        followed = [uuid4() for _ in range(rooms)]
        bus = RedisBus(valkey.url, [KEY])
        async with running(bus) as ear:
            for room in followed:
                bus.follow(room)
            await until(lambda: len(ear.unknown) > rooms and bus.state == "ok", "begun", 15)
            start = time.thread_time()
            for n in range(2_000):
                bus.publish(change(followed[n % rooms], n + 1))
                if n % 100 == 0:
                    await asyncio.sleep(0)
            await until(lambda: len(ear.changes) >= 1_000 and not bus._waiting, "heard")
            return (time.thread_time() - start) / len(ear.changes)

    few, many = await cost_with(10), await cost_with(MANY)
    assert many < 4 * few, "going through all rooms for a message would cost twenty times as much"


# --- Redis misbehaves --------------------------------------------------------------------------------


async def test_a_forged_message_is_counted_and_nothing_else(valkey: Valkey) -> None:
    campaign = uuid4()
    bus = RedisBus(valkey.url, [KEY])
    async with running(bus) as ear, Redis.from_url(valkey.url) as attacker:
        bus.follow(campaign)
        await until(lambda: campaign in ear.unknown, "begun", 10)
        payload = to_message(change(campaign, 1))
        channel = channel_of(campaign)
        other = channel_of(uuid4())
        forgeries = [b"", payload, b"\0" * 16 + payload, Seal([b"x" * 32]).close(channel, payload)]
        for message in [*forgeries, Seal([KEY]).close(other, payload)]:
            await attacker.publish(channel, message)
        await until(lambda: bus.figures.forged == 5, "all five refused")
        assert ear.changes == []
        bus.publish(change(campaign, 1))
        await until(lambda: len(ear.changes) == 1, "and the genuine one is taken")


async def test_a_message_of_another_version_makes_the_position_unknown(valkey: Valkey) -> None:
    campaign = uuid4()
    bus = RedisBus(valkey.url, [KEY])
    async with running(bus) as ear, Redis.from_url(valkey.url) as other_version:
        bus.follow(campaign)
        await until(lambda: campaign in ear.unknown, "begun", 10)
        ear.unknown.clear()
        channel = channel_of(campaign)
        await other_version.publish(channel, Seal([KEY]).close(channel, b'{"v":2}'))
        await until(lambda: ear.unknown == [campaign], "said so")
        assert ear.changes == []


async def test_keys_rotate_while_processes_run(valkey: Valkey) -> None:
    campaign = uuid4()
    new, old = RedisBus(valkey.url, [b"n" * 32, KEY]), RedisBus(valkey.url, [KEY, b"n" * 32])
    async with running(new) as hears_old, running(old) as hears_new:
        new.follow(campaign)
        old.follow(campaign)
        await until(lambda: campaign in hears_old.unknown and campaign in hears_new.unknown, "begun", 10)
        new.publish(change(campaign, 1))
        old.publish(change(campaign, 2))
        await until(lambda: len(hears_old.changes) == len(hears_new.changes) == 2, "both read both")


async def test_killed_and_started_again(valkey: Valkey) -> None:
    campaign = uuid4()
    bus = RedisBus(valkey.url, [KEY])
    async with running(bus) as ear:
        bus.follow(campaign)
        await until(lambda: bus.state == "ok" and campaign in ear.unknown, "there", 10)
        valkey.kill()
        await until(lambda: bus.state == "away", "noticed", 3)
        await until(lambda: None in ear.unknown, "and said", 3)
        bus.publish(change(campaign, 1))
        ear.unknown.clear()
        await valkey.start()
        await until(lambda: bus.state == "ok", "back by itself", BREAKER_S + 5)
        await until(lambda: campaign in ear.unknown, "subscribed again, position unknown")
        ear.changes.clear()
        bus.publish(change(campaign, 2))
        await until(lambda: len(ear.changes) == 1, "and it works")


async def test_a_server_that_accepts_and_never_answers(valkey: Valkey) -> None:
    campaign = uuid4()
    bus = RedisBus(valkey.url, [KEY])
    async with running(bus) as ear:
        bus.follow(campaign)
        await until(lambda: bus.state == "ok" and campaign in ear.unknown, "there", 10)
        valkey.signal(signal.SIGSTOP)
        ear.unknown.clear()
        try:
            slowest = 0.0
            for n in range(1, 3000):
                start = time.perf_counter()
                bus.publish(change(campaign, n))
                slowest = max(slowest, time.perf_counter() - start)
            assert slowest < 0.2, "nobody who publishes waits for Redis (250 ms)"
            took = await until(lambda: bus.state == "away", "noticed", 3)
            assert took < 1.5
            await until(lambda: None in ear.unknown, "and said", 3)
            before = bus.figures.dropped
            bus.publish(change(campaign, 1))
            assert bus.figures.dropped == before + 1, "the breaker is open"
        finally:
            valkey.signal(signal.SIGCONT)
        await until(lambda: bus.state == "ok", "back by itself", 2 * BREAKER_S + 5)


async def test_subscriptions_cut_again_and_again(valkey: Valkey) -> None:
    """reliability M1: redis-py says nothing of a cut; every cut must make the position unknown."""
    campaign = uuid4()
    bus = RedisBus(valkey.url, [KEY])
    async with running(bus) as ear, Redis.from_url(valkey.url) as admin:
        bus.follow(campaign)
        await until(lambda: campaign in ear.unknown, "there", 10)
        for _ in range(5):
            ear.unknown.clear()
            await admin.client_kill_filter(_type="pubsub")
            await until(lambda: campaign in ear.unknown, "heard again, and said so")
        bus.publish(change(campaign, 1))
        await until(lambda: len(ear.changes) == 1, "and it works")
