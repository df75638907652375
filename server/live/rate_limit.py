"""How often somebody may do something. Counted in Redis, so that all processes share the count.

Redis away is no reason to refuse service, nor to stop limiting: then every process counts for itself,
at half the limit (reliability §3.10). A Redis that hangs costs 250 ms once in five seconds.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from typing import Any

import structlog
from redis.asyncio import BlockingConnectionPool, Redis, RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisClusterException, RedisError

from server.live.cluster_bus import is_cluster, plain_url

_log = structlog.get_logger(__name__)

_SCRIPT = (resources.files("server.live") / "rate_limit.lua").read_text("ascii")
_DRAW = (resources.files("server.live") / "token_bucket.lua").read_text("ascii")
_PATIENCE_S = 0.25
_BREAKER_S = 5.0
#: Local counters at most; when full, those whose window is over go, then the oldest.
_MOST_COUNTERS = 10_000


@dataclass(frozen=True, slots=True)
class Limit:
    """`most` per `window_s` seconds and person. The name is part of the Redis key."""

    name: str
    most: int
    window_s: int = 60


@dataclass(frozen=True, slots=True)
class Bucket:
    """`burst` at once, and then `a_second`, for ever. The name is part of the Redis key."""

    name: str
    a_second: int
    burst: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether it may be done, and what is left. `reset_s`: seconds until the window is over, at least 1."""

    allowed: bool
    limit: int
    remaining: int
    reset_s: int


class RateLimiter:
    """Counters by limit and person. `url` None: one process without Redis counts alone, at the full limit."""

    def __init__(self, url: str | None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = _client(url) if url else None
        self._clock = clock
        self._try_again_at = 0.0
        self._local: dict[str, tuple[float, int]] = {}
        self._full_at: dict[str, float] = {}  # when each bucket of this process will be full again

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def take(self, limit: Limit, who: str, acts: int = 1) -> Verdict:
        """Count acts of `who` (an id or an address, never a name) against the limit: all or none of them."""
        shared = await self._count_in_redis(limit, who, acts)
        if shared is not None:
            count, left_s = shared
            return _verdict(limit.most, count, left_s)
        most = limit.most if self._client is None else max(1, limit.most // 2)
        count, left_s = self._count_here(limit, who, acts)
        return _verdict(most, count, left_s)

    async def draw(self, bucket: Bucket, who: str) -> Verdict:
        """Take one act of `who` out of the bucket; refused, `reset_s` says when there is one again."""
        every_us = 1_000_000 // bucket.a_second
        key = f"hubbub:bucket:{bucket.name}:{who}"
        shared = await self._ask_redis(_DRAW, key, str(every_us), str(bucket.burst))
        if shared is not None:
            drawn, rest = shared
            left, wait_s = (rest, 0.0) if drawn else (0, rest / 1_000_000)
            return Verdict(bool(drawn), bucket.burst, left, max(1, math.ceil(wait_s)))
        alone = self._client is None
        return self._draw_here(
            key, bucket.a_second / (1 if alone else 2), bucket.burst // (1 if alone else 2)
        )

    def _draw_here(self, key: str, a_second: float, burst: int) -> Verdict:
        now = self._clock()
        if len(self._full_at) >= _MOST_COUNTERS and key not in self._full_at:
            self._full_at = {name: at for name, at in self._full_at.items() if at > now}
            while len(self._full_at) >= _MOST_COUNTERS:
                del self._full_at[next(iter(self._full_at))]
        full_at = max(self._full_at.get(key, now), now) + 1 / a_second
        wait_s = full_at - burst / a_second - now
        if wait_s > 1e-9:
            return Verdict(False, burst, 0, max(1, math.ceil(wait_s)))
        self._full_at[key] = full_at
        return Verdict(True, burst, int(burst - (full_at - now) * a_second + 1e-6), 1)

    async def _count_in_redis(self, limit: Limit, who: str, acts: int) -> tuple[int, float] | None:
        key = f"hubbub:rate:{limit.name}:{who}"
        shared = await self._ask_redis(_SCRIPT, key, str(limit.window_s * 1000), str(acts))
        return None if shared is None else (shared[0], shared[1] / 1000)

    async def _ask_redis(self, script: str, key: str, *arguments: str) -> tuple[int, int] | None:
        """What a script answers, two numbers; None while Redis is away."""
        if self._client is None or self._clock() < self._try_again_at:
            return None
        was_away = self._try_again_at > 0
        # Until this try has succeeded nobody else tries: a hanging Redis delays one request, not all.
        if was_away:
            self._try_again_at = self._clock() + _BREAKER_S
        try:
            async with asyncio.timeout(_PATIENCE_S):
                answer: Any = self._client.eval(script, 1, key, *arguments)
                first, second = await answer
        except (RedisError, RedisClusterException, OSError, TimeoutError) as error:
            if not was_away:
                _log.warning("rate_limit_alone", reason=type(error).__name__)
            self._try_again_at = self._clock() + _BREAKER_S
            return None
        if was_away:
            _log.info("rate_limit_shared_again")
        self._try_again_at = 0.0
        return int(first), int(second)

    def _count_here(self, limit: Limit, who: str, acts: int) -> tuple[int, float]:
        now = self._clock()
        key = f"{limit.name}:{who}"
        until, count = self._local.get(key, (0.0, 0))
        if until <= now:
            until, count = now + limit.window_s, 0
            self._make_room(now)
        self._local[key] = (until, count + acts)
        return count + acts, until - now

    def _make_room(self, now: float) -> None:
        if len(self._local) < _MOST_COUNTERS:
            return
        self._local = {key: entry for key, entry in self._local.items() if entry[0] > now}
        while len(self._local) >= _MOST_COUNTERS:
            del self._local[next(iter(self._local))]


def _client(url: str) -> Redis | RedisCluster:
    options: dict[str, Any] = {
        "protocol": 3,
        "socket_timeout": _PATIENCE_S,
        "socket_connect_timeout": _PATIENCE_S,
        "max_connections": 8,
    }
    if is_cluster(url):  # a counter is one key, so it lives on one node
        return RedisCluster.from_url(plain_url(url), retry=Retry(NoBackoff(), 1), **options)
    retry = Retry(NoBackoff(), 0)
    return Redis.from_pool(BlockingConnectionPool.from_url(url, retry=retry, timeout=_PATIENCE_S, **options))


def _verdict(most: int, count: int, left_s: float) -> Verdict:
    return Verdict(count <= most, most, max(0, most - count), max(1, math.ceil(left_s)))
