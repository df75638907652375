"""The bus over Redis or Valkey pub/sub; `cluster_bus` is the same over a cluster.

Pub/sub loses messages without a sign (reliability M1), a server can accept and never answer, and a
subscription can be dead while its connection lives. So every process sends itself a pulse through the
server each second: what proves the whole way is a pulse that comes back, and nothing else does.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Collection, Sequence
from typing import Any, Final
from uuid import UUID, uuid4

import structlog
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisClusterException, RedisError

from server.live.bus_port import (
    BusFigures,
    OnChange,
    OnUnknown,
    Seal,
    State,
    channel_of,
    from_message,
    to_message,
)
from server.live.subscriptions import Subscriptions
from server.rules.changes import Change

_log = structlog.get_logger(__name__)

PULSE_EVERY_S: Final = 1.0
PULSE_LATE_S: Final = 2.5
PUBLISH_TIMEOUT_S: Final = 0.25
CONNECT_TIMEOUT_S: Final = 2.0
BREAKER_S: Final = 5.0
MOST_WAITING: Final = 1000
MOST_IN_ONE_GO: Final = 100
#: How soon a new subscription is sent, at the latest.
_LISTEN_S: Final = 0.1
_BACK_OFF_S: Final = (0.1, 2.0)

#: Ways in which Redis is away. Everything else is a fault of ours.
AWAY: Final = (RedisError, RedisClusterException, OSError, TimeoutError)


class RedisBus:
    """Publishes and hears sealed changes."""

    def __init__(self, url: str, keys: Sequence[bytes]) -> None:
        self.figures = BusFigures()
        self._url = url
        self._seal = Seal(keys)
        #: Every way through the server with its own pulse, and when that last came back.
        self._pulses: dict[str, float | None] = {f"hubbub:pulse:{uuid4()}": None}
        self._followed: dict[str, UUID] = {}
        #: Where each followed channel is heard; empty while there is no connection.
        self._homes: dict[str, Subscriptions] = {}
        self._only_home: Subscriptions | None = None
        self._waiting: deque[tuple[str, bytes]] = deque()
        self._work = asyncio.Event()
        self._open_until = 0.0  # loop time until which nothing is tried: the breaker is open
        self._was: State = "away"

    # --- port ----------------------------------------------------------------------------------------

    @property
    def state(self) -> State:
        now = asyncio.get_running_loop().time()
        is_heard = all(heard is not None and now - heard < PULSE_LATE_S for heard in self._pulses.values())
        return "ok" if is_heard and now >= self._open_until else "away"

    def publish(self, change: Change) -> None:
        self._enqueue(channel_of(change.campaign_id), to_message(change))

    def follow(self, campaign_id: UUID) -> None:
        channel = channel_of(campaign_id)
        self._followed[channel] = campaign_id
        self._place(channel)

    def leave(self, campaign_id: UUID) -> None:
        channel = channel_of(campaign_id)
        self._followed.pop(channel, None)
        home = self._homes.pop(channel, None)
        if home is not None:
            home.remove(channel)

    async def run(self, on_change: OnChange, on_unknown: OnUnknown) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._publisher())
            tasks.create_task(self._pulse(on_unknown))
            tasks.create_task(self._subscriber(on_change, on_unknown))

    # --- sending -------------------------------------------------------------------------------------

    def _enqueue(self, channel: str, payload: bytes) -> None:
        if asyncio.get_running_loop().time() < self._open_until:
            self.figures.dropped += 1
            return
        if len(self._waiting) >= MOST_WAITING:  # the oldest is the one that the next ones make up for
            self._waiting.popleft()
            self.figures.dropped += 1
        self._waiting.append((channel, self._seal.close(channel, payload)))
        self._work.set()

    async def _publisher(self) -> None:
        loop = asyncio.get_running_loop()
        redis = self._publishing_client()
        connected = False
        try:
            while True:
                await self._work.wait()
                self._work.clear()
                while self._waiting:
                    batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), MOST_IN_ONE_GO))]
                    try:
                        if not connected:
                            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                                await redis.ping()
                            connected = True
                        async with asyncio.timeout(PUBLISH_TIMEOUT_S):
                            await self._send(redis, batch)
                        self.figures.published += len(batch)
                    except Exception as error:  # a fault of ours must not stop the show either
                        connected = False
                        self.figures.dropped += len(batch) + len(self._waiting)
                        self._waiting.clear()
                        self._open_until = loop.time() + BREAKER_S
                        _log.warning(
                            "bus_publish_failed",
                            error=type(error).__name__,
                            exc_info=not isinstance(error, AWAY),
                        )
        finally:
            await redis.aclose()

    def _publishing_client(self) -> Any:
        return self._client(PUBLISH_TIMEOUT_S)

    async def _send(self, redis: Any, batch: Sequence[tuple[str, bytes]]) -> None:
        async with redis.pipeline(transaction=False) as pipeline:
            for channel, message in batch:
                pipeline.publish(channel, message)
            await pipeline.execute()

    async def _pulse(self, on_unknown: OnUnknown) -> None:
        while True:
            for channel in tuple(self._pulses):
                self._enqueue(channel, b"pulse")
            await asyncio.sleep(PULSE_EVERY_S)
            state = self.state
            if state != self._was:
                self._was = state
                _log.info("bus_state", state=state)
                on_unknown(None)

    # --- hearing -------------------------------------------------------------------------------------

    async def _subscriber(self, on_change: OnChange, on_unknown: OnUnknown) -> None:
        delay = _BACK_OFF_S[0]
        while True:
            started = asyncio.get_running_loop().time()
            try:
                await self._hear(on_change, on_unknown)
            except AWAY as error:
                _log.warning("bus_subscription_lost", error=type(error).__name__)
            except Exception:
                _log.exception("bus_subscription_failed")
            self._homes.clear()
            self._pulses = dict.fromkeys(self._pulses)
            on_unknown(None)
            if asyncio.get_running_loop().time() - started > 10:
                delay = _BACK_OFF_S[0]
            await asyncio.sleep(random.uniform(delay / 2, delay))  # noqa: S311 - spreads load, guards nothing
            delay = min(delay * 2, _BACK_OFF_S[1])

    async def _hear(self, on_change: OnChange, on_unknown: OnUnknown) -> None:
        """Hear until something breaks. Raises one of AWAY."""
        (pulse,) = self._pulses
        redis = self._client(CONNECT_TIMEOUT_S)
        async with redis, redis.pubsub() as pubsub:
            self._only_home = Subscriptions((pulse, *self._followed))
            self._homes = dict.fromkeys(self._followed, self._only_home)
            try:
                await self._listen(pubsub, pulse, self._only_home, on_change, on_unknown)
            finally:
                self._only_home = None

    def _place(self, channel: str) -> None:
        home = self._homes.get(channel) or self._home_of(channel)
        if home is not None:
            self._homes[channel] = home
            home.add(channel)

    def _home_of(self, channel: str) -> Subscriptions | None:
        """The connection that hears this channel; None while there is none. Must not raise."""
        return self._only_home

    async def _subscribe(self, pubsub: PubSub, channels: Collection[str]) -> None:
        await pubsub.subscribe(*channels)

    async def _unsubscribe(self, pubsub: PubSub, channels: Collection[str]) -> None:
        await pubsub.unsubscribe(*channels)

    async def _listen(
        self,
        pubsub: PubSub,
        pulse: str,
        subscriptions: Subscriptions,
        on_change: OnChange,
        on_unknown: OnUnknown,
    ) -> None:
        """Hear what one connection carries: `subscriptions`, of which `pulse` is one."""
        loop = asyncio.get_running_loop()
        last_pulse = loop.time()
        while True:
            await self._renew(pubsub, subscriptions, on_unknown)
            message = await pubsub.get_message(timeout=_LISTEN_S)
            if message is not None:
                channel = message["channel"].decode()
                kind = message["type"]
                if kind in ("message", "smessage"):
                    payload = self._seal.open(channel, message["data"])
                    if payload is None:
                        self.figures.forged += 1
                        _log.warning("bus_message_forged", channel=channel)
                    elif channel == pulse:
                        last_pulse = self._pulses[pulse] = loop.time()
                    else:
                        self._take(channel, payload, on_change, on_unknown)
                elif kind in ("subscribe", "ssubscribe"):
                    subscriptions.begun(channel)
                    self._has_begun(channel, on_unknown)
                elif kind in ("unsubscribe", "sunsubscribe") and not subscriptions.ended(channel):
                    raise ConnectionError("the server has ended a subscription")  # the slot has moved
            if loop.time() - last_pulse > PULSE_LATE_S:
                raise TimeoutError("the pulse did not come back")

    async def _renew(self, pubsub: PubSub, subscriptions: Subscriptions, on_unknown: OnUnknown) -> None:
        new, old, kept = subscriptions.turn()
        if new or old:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                if new:
                    await self._subscribe(pubsub, new)
                if old:
                    await self._unsubscribe(pubsub, old)
        for channel in kept:
            self._has_begun(channel, on_unknown)

    def _has_begun(self, channel: str, on_unknown: OnUnknown) -> None:
        """Only from here on nothing is missed."""
        if channel in self._pulses:
            on_unknown(None)
        elif channel in self._followed:
            on_unknown(self._followed[channel])

    def _take(self, channel: str, payload: bytes, on_change: OnChange, on_unknown: OnUnknown) -> None:
        self.figures.received += 1
        campaign_id = self._followed.get(channel)
        if campaign_id is None:  # heard after we had left
            return
        try:
            on_change(from_message(payload))
        except Exception:
            _log.exception("bus_message_not_applied", channel=channel)
            on_unknown(campaign_id)

    def _client(self, timeout_s: float) -> Redis:
        options: dict[str, Any] = {
            "protocol": 3,
            "socket_timeout": timeout_s,
            "socket_connect_timeout": CONNECT_TIMEOUT_S,
            "retry": Retry(NoBackoff(), 0),  # we know best what to do next
        }
        return Redis.from_url(self._url, **options)
