"""The bus over Redis Cluster or Valkey Cluster: sharded pub/sub, so that a message goes to one node only.

Plain pub/sub works on a cluster too, but every message is then sent to every node, and more nodes make
nothing faster. Here the channel of a campaign lives on the node of its slot. Every primary has a connection
and a pulse of its own; the bus is up while all pulses come back. When slots move, or a node goes, all
subscriptions are made anew on what the cluster says then; meanwhile rooms ask PostgreSQL, as always.

A cluster is asked for by `redis+cluster://` or, with TLS, `rediss+cluster://`; one node's address is enough.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Sequence
from itertools import count
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

from redis.asyncio import Redis, RedisCluster
from redis.asyncio.client import PubSub
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisClusterException

from server.live.bus import CONNECT_TIMEOUT_S, PUBLISH_TIMEOUT_S, RedisBus
from server.live.bus_port import OnChange, OnUnknown
from server.live.subscriptions import Subscriptions

_MARK: Final = "+cluster"
#: Rooms whose node is worked out (15 µs each) before others have their turn.
_PLACED_IN_ONE_GO: Final = 500


def is_cluster(url: str) -> bool:
    """Whether the URL asks for a cluster."""
    return urlsplit(url).scheme.endswith(_MARK)


def plain_url(url: str) -> str:
    """The URL of a cluster's node as redis-py reads it."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(scheme=parts.scheme.removesuffix(_MARK)))


def url_at(url: str, host: str, port: int) -> str:
    """The plain URL with the same login and options at another node."""
    parts = urlsplit(plain_url(url))
    login, at, _ = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{login}{at}{f'[{host}]' if ':' in host else host}:{port}"))


def bus_at(url: str, keys: Sequence[bytes]) -> RedisBus:
    """The bus for a URL: one server, or a cluster."""
    return ClusterBus(url, keys) if is_cluster(url) else RedisBus(url, keys)


class ClusterBus(RedisBus):
    """Publishes and hears sealed changes, each on the node of its campaign."""

    def __init__(self, url: str, keys: Sequence[bytes]) -> None:
        super().__init__(plain_url(url), keys)
        #: While the bus hears: where slots are, as the cluster said then, and what each primary is asked for.
        #: It stays as it is until a node says that it is wrong; then all is made anew.
        self._map: RedisCluster | None = None
        self._nodes: dict[str, Subscriptions] = {}

    def _publishing_client(self) -> RedisCluster:
        return self._cluster(PUBLISH_TIMEOUT_S)

    def _cluster(self, timeout_s: float) -> RedisCluster:
        return RedisCluster.from_url(
            self._url,
            protocol=3,
            socket_timeout=timeout_s,
            socket_connect_timeout=CONNECT_TIMEOUT_S,
            retry=Retry(NoBackoff(), 1),  # once more after a slot has moved
        )

    async def _send(self, redis: RedisCluster, batch: Sequence[tuple[str, bytes]]) -> None:
        async with redis.pipeline() as pipeline:
            for channel, message in batch:
                pipeline.execute_command("SPUBLISH", channel, message)
            await pipeline.execute()

    async def _subscribe(self, pubsub: PubSub, channels: Collection[str]) -> None:
        for channel in channels:  # channels of one command would have to be of one slot
            await pubsub.ssubscribe(channel)

    async def _unsubscribe(self, pubsub: PubSub, channels: Collection[str]) -> None:
        for channel in channels:
            await pubsub.sunsubscribe(channel)

    async def _hear(self, on_change: OnChange, on_unknown: OnUnknown) -> None:
        async with self._cluster(CONNECT_TIMEOUT_S) as cluster:
            nodes = {node.name: node for node in cluster.get_primaries()}
            pulses = dict(_pulses(cluster, nodes))
            self._pulses = dict.fromkeys(pulses.values())
            self._nodes = {name: Subscriptions((pulse,)) for name, pulse in pulses.items()}
            self._map = cluster
            listening: list[asyncio.Task[None]] = []
            try:
                for number, channel in enumerate(tuple(self._followed), 1):
                    if number % _PLACED_IN_ONE_GO == 0:
                        await asyncio.sleep(0)
                    if channel in self._followed and channel not in self._homes:
                        self._place(channel)
                listening = [
                    asyncio.create_task(self._hear_node(node, pulses[name], on_change, on_unknown))
                    for name, node in nodes.items()
                ]
                done, _ = await asyncio.wait(listening, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    await task
            finally:
                self._map = None
                self._nodes = {}
                for task in listening:
                    task.cancel()
                await asyncio.gather(*listening, return_exceptions=True)

    def _home_of(self, channel: str) -> Subscriptions | None:
        if self._map is None:
            return None
        try:
            node: Any = self._map.get_node_from_key(channel)
            return self._nodes[node.name]
        except (RedisClusterException, KeyError):
            # A hole in the map: any node that is asked will say that it is wrong, and all is made anew.
            return next(iter(self._nodes.values()), None)

    async def _hear_node(
        self, node: ClusterNode, pulse: str, on_change: OnChange, on_unknown: OnUnknown
    ) -> None:
        options: dict[str, Any] = {
            "protocol": 3,
            "socket_timeout": CONNECT_TIMEOUT_S,
            "socket_connect_timeout": CONNECT_TIMEOUT_S,
            "retry": Retry(NoBackoff(), 0),
        }
        redis = Redis.from_url(url_at(self._url, str(node.host), int(node.port)), **options)
        async with redis, redis.pubsub() as pubsub:
            await self._listen(pubsub, pulse, self._nodes[str(node.name)], on_change, on_unknown)


def _pulses(cluster: RedisCluster, nodes: Collection[str]) -> Iterator[tuple[str, str]]:
    """For every primary a channel that lives on it, found by trying: one in as many as there are nodes."""
    ours, missing = uuid4(), set(nodes)
    for number in count():
        if not missing:
            return
        channel = f"hubbub:pulse:{ours}:{number}"
        home: Any = cluster.get_node_from_key(channel)
        if home is not None and home.name in missing:
            missing.discard(home.name)
            yield home.name, channel
