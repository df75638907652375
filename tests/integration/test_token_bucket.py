"""A steady rate with a burst, shared by all processes; at half of it where there is no Redis to share by."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from server.embedded import Embedded
from server.live.rate_limit import Bucket, RateLimiter

BUCKET = Bucket("dice", a_second=30, burst=60)


async def taken(limiter: RateLimiter, number: int, bucket: Bucket = BUCKET, who: str = "ana") -> int:
    return sum([(await limiter.draw(bucket, who)).allowed for _ in range(number)])


async def test_a_burst_and_then_a_rate() -> None:
    now = 100.0
    limiter = RateLimiter(None, clock=lambda: now)
    first = await limiter.draw(BUCKET, "ana")
    assert (first.allowed, first.limit, first.remaining) == (True, 60, 59)
    assert await taken(limiter, 59) == 59
    refused = await limiter.draw(BUCKET, "ana")
    assert (refused.allowed, refused.remaining, refused.reset_s) == (False, 0, 1)
    assert await taken(limiter, 60, who="ben") == 60, "each for itself"
    for later, expected in ((100.02, 0), (100.034, 1), (101.034, 30), (102.034, 30), (1000.0, 60)):
        now = later
        assert await taken(limiter, 100) == expected, later


async def test_over_a_minute_no_more_than_the_rate() -> None:
    now = 0.0
    limiter = RateLimiter(None, clock=lambda: now)
    total = 0
    for step in range(6000):
        now = step / 100
        total += (await limiter.draw(BUCKET, "ana")).allowed
    assert 30 * 60 <= total <= 30 * 60 + 60


async def test_two_processes_share_one_bucket(redis_url: str) -> None:
    slow = Bucket("slow", a_second=1, burst=10)
    first, second = RateLimiter(redis_url), RateLimiter(redis_url)
    verdicts = [await (first, second)[n % 2].draw(slow, "ana") for n in range(11)]
    assert [verdict.allowed for verdict in verdicts] == [*[True] * 10, False]
    assert [verdict.remaining for verdict in verdicts] == [*range(9, -1, -1), 0]
    assert (await first.draw(slow, "ben")).allowed
    many = await asyncio.gather(*(first.draw(slow, "cleo") for _ in range(50)))
    assert sum(verdict.allowed for verdict in many) == 10
    await first.close()
    await second.close()


async def test_in_redis_it_fills_again(redis_url: str) -> None:
    limiter = RateLimiter(redis_url)
    fast = Bucket("fast", a_second=50, burst=5)
    assert await taken(limiter, 5, fast) == 5
    deadline = time.monotonic() + 3
    while not (await limiter.draw(fast, "ana")).allowed:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.005)
    await asyncio.sleep(0.3)
    assert await taken(limiter, 5, fast) == 5
    await limiter.close()


async def test_without_redis_it_limits_at_half(short_dir: Path) -> None:
    with Embedded(short_dir / "one", postgres=False, redis=True) as embedded:
        assert embedded.redis_url is not None
        limiter = RateLimiter(embedded.redis_url, clock=lambda: 0.0)
        assert (await limiter.draw(BUCKET, "ana")).limit == 60
    assert await taken(limiter, 100) == 30
    await limiter.close()


async def test_many_buckets_are_forgotten() -> None:
    limiter = RateLimiter(None, clock=lambda: 0.0)
    for number in range(10_050):
        await limiter.draw(BUCKET, str(number))
    assert len(limiter._full_at) <= 10_000
