"""The bus over a real cluster of three: messages go to one node only, and slots may move under it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from redis.asyncio import RedisCluster

from server.live.bus import RedisBus
from server.live.bus_port import channel_of
from server.live.cluster_bus import ClusterBus, bus_at, is_cluster, plain_url, url_at
from server.live.rate_limit import Limit, RateLimiter
from server.rules.changes import Change
from tests.integration.live_rig import until
from tests.integration.valkey_cluster import ValkeyCluster

KEY = b"k" * 32


@pytest.fixture
async def cluster(short_dir: Path) -> AsyncIterator[ValkeyCluster]:
    made = ValkeyCluster(short_dir)
    try:
        await made.start()
        yield made
    finally:
        await made.stop()


@contextlib.asynccontextmanager
async def running(bus: RedisBus) -> AsyncIterator[tuple[list[Change], list[UUID | None]]]:
    heard: list[Change] = []
    unknown: list[UUID | None] = []
    work = asyncio.create_task(bus.run(heard.append, unknown.append))
    try:
        yield heard, unknown
        assert not work.done(), "a bus works until it is cancelled"
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


def change(campaign_id: UUID, seq: int) -> Change:
    return Change(campaign_id, uuid4(), seq - 1, seq, datetime.now(UTC), {str(uuid4()): {"kind": "poll"}})


async def whole(
    bus: RedisBus, campaigns: list[UUID], heard: list[Change], unknown: list[UUID | None]
) -> None:
    """Publish fifty steps of each, and see all of them come in order.

    A bus may lose some where the machine is busy for a quarter of a second; then it says so, to one side at
    least, and they are published again: what is never forgiven is a loss that nobody is told of, or disorder.
    """
    for _ in range(5):
        heard.clear()
        unknown.clear()
        lost_before = bus.figures.dropped
        for seq in range(1, 51):
            for campaign in campaigns:
                bus.publish(change(campaign, seq))
        try:
            await until(lambda: len(heard) == 50 * len(campaigns), "all are heard")
        except AssertionError:
            assert unknown or bus.figures.dropped > lost_before, "nobody was told of the loss"
            await until(lambda: bus.state == "ok", "it is well again", 20)
        else:
            break
    for campaign in campaigns:
        assert [one.to_seq for one in heard if one.campaign_id == campaign] == list(range(1, 51))


def test_urls() -> None:
    assert is_cluster("redis+cluster://h:7000")
    assert is_cluster("rediss+cluster://h:7000")
    assert not is_cluster("redis://h:7000/0")
    assert not is_cluster("unix:///redis+cluster/x.sock")
    assert plain_url("rediss+cluster://u:p@h:7000?x=1") == "rediss://u:p@h:7000?x=1"
    assert url_at("rediss+cluster://u:p@h:7000?x=1", "10.0.0.2", 7001) == "rediss://u:p@10.0.0.2:7001?x=1"
    assert url_at("redis+cluster://h", "::1", 7001) == "redis://[::1]:7001"
    assert isinstance(bus_at("redis+cluster://h", [KEY]), ClusterBus)
    assert type(bus_at("redis://h", [KEY])) is RedisBus


async def test_campaigns_on_all_nodes_are_heard_in_order_and_cost_one_node_each(
    cluster: ValkeyCluster,
) -> None:
    campaigns = [uuid4() for _ in range(12)]  # on one node only: once in 177,000 runs
    first, second = bus_at(cluster.url, [KEY]), bus_at(cluster.url, [KEY])
    async with running(first), running(second) as (heard, unknown):
        for campaign in campaigns:
            second.follow(campaign)
        await until(lambda: (first.state, second.state) == ("ok", "ok"), "both are there", 10)
        await until(lambda: set(campaigns) <= set(unknown), "all have begun to be heard")
        async with cluster.node(0) as node:
            before = int((await node.info("commandstats")).get("cmdstat_publish", {}).get("calls", 0))
        await whole(first, campaigns, heard, unknown)
        calls, carried = [], []
        for number in range(3):
            async with cluster.node(number) as node:
                stats = await node.info("commandstats")
                calls.append(stats["cmdstat_spublish"]["calls"])
                carried.append(await node.pubsub_shardchannels("hubbub:{*"))
        assert before == 0  # nothing goes to every node
        assert all(calls)
        async with RedisCluster.from_url(plain_url(cluster.url)) as client:
            for number, channels in enumerate(carried):
                for channel in channels:
                    home = client.get_node_from_key(str(channel))
                    assert home is not None
                    assert home.port == cluster.ports[number]
        everywhere = [channel for channels in carried for channel in channels]
        assert sorted(everywhere) == sorted(channel_of(campaign) for campaign in campaigns)
        second.leave(campaigns[0])
        first.publish(change(campaigns[0], 51))
        first.publish(change(campaigns[1], 51))
        await until(lambda: heard[-1].campaign_id == campaigns[1], "the other one")
    assert second.figures.forged == 0


async def test_a_slot_that_moves_is_followed(cluster: ValkeyCluster) -> None:
    campaign = uuid4()
    first, second = bus_at(cluster.url, [KEY]), bus_at(cluster.url, [KEY])
    async with running(first), running(second) as (heard, unknown):
        second.follow(campaign)
        await until(lambda: (first.state, second.state) == ("ok", "ok"), "both are there", 10)
        await until(lambda: campaign in unknown, "it has begun to be heard")
        async with RedisCluster.from_url(plain_url(cluster.url)) as client:
            slot = client.keyslot(channel_of(campaign))
            home = client.get_node_from_key(channel_of(campaign))
        assert home is not None
        start = cluster.ports.index(int(home.port))
        unknown.clear()
        await cluster.move_slot(slot, start, (start + 1) % 3)
        await until(lambda: None in unknown, "it is told that messages may be lost", 10)
        await until(lambda: campaign in unknown and second.state == "ok", "it is heard again", 15)
        await until(lambda: first.state == "ok", "the sender is there", 15)
        first.publish(change(campaign, 1))
        await until(lambda: len(heard) == 1, "a message on the other node", 10)


async def test_a_room_whose_slot_had_moved_unseen_is_found(cluster: ValkeyCluster) -> None:
    campaign = uuid4()
    bus = bus_at(cluster.url, [KEY])
    async with running(bus) as (heard, unknown):
        await until(lambda: bus.state == "ok", "it is there", 10)
        async with RedisCluster.from_url(plain_url(cluster.url)) as client:
            slot = client.keyslot(channel_of(campaign))
            home = client.get_node_from_key(channel_of(campaign))
        assert home is not None
        start = cluster.ports.index(int(home.port))
        await cluster.move_slot(slot, start, (start + 1) % 3)  # nobody listens there, nobody is told
        bus.follow(campaign)
        await until(lambda: campaign in unknown and bus.state == "ok", "it is heard", 15)
        bus.publish(change(campaign, 1))
        await until(lambda: len(heard) == 1, "a message on the other node", 10)


async def test_two_thousand_rooms_come_up_and_go(cluster: ValkeyCluster) -> None:
    rooms = [uuid4() for _ in range(2_000)]
    first, second = bus_at(cluster.url, [KEY]), bus_at(cluster.url, [KEY])
    for room in rooms[:1_000]:
        second.follow(room)
    async with running(first), running(second) as (heard, unknown):
        for room in rooms[1_000:]:
            second.follow(room)
        await until(lambda: set(rooms) <= set(unknown), "all have begun to be heard", 10)
        await until(lambda: unknown.count(None) >= 4, "so have three pulses; it is said to be up", 10)
        await until(lambda: (first.state, second.state) == ("ok", "ok"), "both are there", 10)

        async def carried() -> int:
            count = 0
            for number in range(3):
                async with cluster.node(number) as node:
                    count += len(await node.pubsub_shardchannels("hubbub:{*"))
            return count

        assert await carried() == len(rooms)
        for room in rooms[::100]:
            first.publish(change(room, 1))
        await until(lambda: len(heard) == 20, "messages arrive")

        unknown.clear()
        for room in rooms[1:]:
            second.leave(room)

        async def only_one_is_left() -> bool:
            return await carried() == 1

        await until(only_one_is_left, "the nodes carry nothing for nobody", 10)
        first.publish(change(rooms[0], 2))
        await until(lambda: len(heard) == 21, "the one that stayed")
        assert unknown == [], "what was asked to end is no loss"


async def test_counters_are_shared_through_the_cluster(cluster: ValkeyCluster) -> None:
    limit = Limit("writes", 5)
    first, second = RateLimiter(cluster.url), RateLimiter(cluster.url)
    try:
        people = [str(uuid4()) for _ in range(6)]
        for who in people:
            verdicts = [await limiter.take(limit, who) for limiter in (first, second) * 3]
            assert [verdict.remaining for verdict in verdicts] == [4, 3, 2, 1, 0, 0]
            assert [verdict.allowed for verdict in verdicts] == [True] * 5 + [False]
    finally:
        await first.close()
        await second.close()
