"""Every limit of the HTTP API at the limit, one below, one above (reliability §3.9, R27; T28, T30, T35)."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from server.embedded import Embedded
from server.live.rate_limit import Limit, RateLimiter
from server.rules.chat import choice
from sql import api_keys
from sql.pool import Database
from tests.integration.web_rig import Rig, rig_on, wrong

JSON = {"content-type": "application/json"}
NEW = {"name": "Night"}


@pytest.fixture
async def rig(database: Database, tmp_path: Path, redis_url: str) -> AsyncIterator[Rig]:
    async with rig_on(database, tmp_path, redis_url=redis_url) as made:
        yield made


def padded(size: int, core: str = '{"name":"Night"}') -> bytes:
    return core.encode() + b" " * (size - len(core))


async def test_size_of_a_body(rig: Rig) -> None:
    for pattern, core, most in [
        ("/api/v1/campaigns", '{"name":"Night"}', 64 * 1024),
        ("/api/v1/campaigns/{campaign}/events", "[]", 1024 * 1024),
    ]:
        path = pattern.replace("{campaign}", await rig.campaign())
        for size, taken in ((most - 1, True), (most, True), (most + 1, False), (most * 20, False)):
            body = padded(size, core)
            declared = await rig.root.post(path, content=body, headers=JSON)

            async def in_pieces(body: bytes = body) -> AsyncIterator[bytes]:
                for start in range(0, len(body), 65_000):
                    yield body[start : start + 65_000]

            undeclared = await rig.root.post(path, content=in_pieces(), headers=JSON)
            for answer in (declared, undeclared):
                if taken:
                    assert answer.is_success, answer.text
                else:
                    wrong(answer, 413, "too_large")


async def test_a_lie_about_the_length_is_noticed(rig: Rig) -> None:
    answer = await rig.root.post(
        "/api/v1/campaigns", content=padded(70_000), headers=JSON | {"content-length": "16"}
    )
    wrong(answer, 413, "too_large")
    huge = await rig.root.post(
        "/api/v1/campaigns", content=b"{}", headers=JSON | {"content-length": "9" * 40}
    )
    wrong(huge, 413, "too_large")


async def test_number_of_events(rig: Rig) -> None:
    for count, status in [(0, 200), (999, 200), (1000, 200), (1001, 422)]:
        campaign = await rig.campaign()
        answer = await rig.root.post(f"/api/v1/campaigns/{campaign}/events", json=[{}] * count)
        assert answer.status_code == status
        if status == 200:
            assert len(answer.json()["rejected"]) == count


async def test_depth_of_json(rig: Rig) -> None:
    """422 says that it was read and has the wrong shape, 400 that it was not even read."""
    for levels, status in [(15, 422), (16, 422), (17, 400), (100_000, 400)]:
        body = b"[" * levels + b"]" * levels
        if len(body) > 60_000:
            body = body[:60_000]
        answer = await rig.root.post("/api/v1/campaigns", content=body, headers=JSON)
        assert answer.status_code == status


async def test_strict_json_over_http(rig: Rig) -> None:
    for body, kind in [
        (b'{"name":"a","name":"b"}', "not_json"),
        (b'{"name":"a\\u0000b"}', "not_json"),
        (b'{"name":NaN}', "not_json"),
        (b'{"name":"\\ud800"}', "not_json"),
        (b'{"name":"\xff"}', "not_json"),
        (b'{"name":12345678901234567890123456}', "not_json"),
        (b"{", "not_json"),
        (b"\xef\xbb\xbf{}", "not_json"),
    ]:
        wrong(await rig.root.post("/api/v1/campaigns", content=body, headers=JSON), 400, kind)


async def test_what_is_no_plain_json_is_not_read(rig: Rig) -> None:
    for headers, kind in [
        ({"content-type": "text/plain"}, "media_type"),
        ({"content-type": "application/json; charset=latin-1"}, "media_type"),
        ({"content-type": "application/problem+json"}, "media_type"),
        ({"content-type": ""}, "media_type"),
        (JSON | {"content-encoding": "gzip"}, "content_encoding"),
        (JSON | {"content-encoding": "identity, br"}, "content_encoding"),
    ]:
        wrong(await rig.root.post("/api/v1/campaigns", content=b'{"name":"N"}', headers=headers), 415, kind)


async def test_json_by_its_other_names(rig: Rig) -> None:
    for media_type in [
        "application/json; charset=utf-8",
        "Application/JSON",
        'application/json;charset="UTF-8"',
    ]:
        answer = await rig.root.post(
            "/api/v1/campaigns", content=b'{"name":"N"}', headers={"content-type": media_type}
        )
        assert answer.status_code == 201


async def test_a_call_without_fields_takes_an_empty_body(rig: Rig) -> None:
    for body in [b"", b"{}", b" {} "]:
        campaign = await rig.campaign()
        made = await rig.root.post(f"/api/v1/campaigns/{campaign}/overlays", json={"name": "Main"})
        path = f"/api/v1/overlays/{made.json()['id']}/rotate"
        assert (await rig.root.post(path, content=body, headers=JSON if body else {})).status_code == 200
        wrong(await rig.root.post(path, json={"surprise": 1}), 422, "invalid")
        wrong(await rig.root.post(path, json=[]), 422, "invalid")


async def test_lengths_of_a_campaigns_texts(rig: Rig) -> None:
    for field, most in [("name", 100), ("description", 500)]:
        for length, status in ((most - 1, 201), (most, 201), (most + 1, 422)):
            answer = await rig.root.post("/api/v1/campaigns", json=NEW | {field: "ü" * length})
            assert answer.status_code == status


async def test_length_of_an_overlays_name(rig: Rig) -> None:
    for length, status in [(0, 422), (1, 201), (63, 201), (64, 201), (65, 422)]:
        campaign = await rig.campaign()
        answer = await rig.root.post(f"/api/v1/campaigns/{campaign}/overlays", json={"name": "x" * length})
        assert answer.status_code == status


def event_with(field: str, length: int) -> dict[str, Any]:
    user = {"id": "1", "login": "a", "name": "A"}
    line: dict[str, Any] = {
        "type": "chat.message",
        "platform": "custom",
        "channel_id": "a",
        "user": user,
        "message_id": f"{field}{length}",
        "text": "hi",
        "sent_at": "2026-11-20T20:00:00Z",
    }
    (user if field in user else line)[field] = "x" * length
    return line


async def test_lengths_in_an_event(rig: Rig) -> None:
    campaign = await rig.campaign()
    body = {"platform": "custom", "login": "a", "source": "api"}
    await rig.root.post(f"/api/v1/campaigns/{campaign}/channels", json=body)
    for field, most in (("id", 64), ("login", 64), ("name", 64), ("text", 500), ("message_id", 128)):
        events = [event_with(field, length) for length in (most - 1, most, most + 1)]
        answer = await rig.root.post(f"/api/v1/campaigns/{campaign}/events", json=events)
        assert answer.json()["accepted"] == 2, field
        assert [entry["index"] for entry in answer.json()["rejected"]] == [2]


def test_a_line_of_chat_that_is_a_vote_has_500_characters() -> None:
    """Through the API longer lines are refused, as above; a chat's reader hands over what it was sent."""
    for padding in (" ", "\U000e0000"):
        read = [choice("2" + padding * (length - 1), 3, {}, "off") for length in (499, 500, 501, 500_000)]
        assert read == [2, 2, None, None]


async def test_query_parameters_are_strict_too(rig: Rig) -> None:
    for query, status in [
        ("limit=0", 422),
        ("limit=1", 200),
        ("limit=100", 200),
        ("limit=101", 422),
        ("limit=+5", 422),
        ("limit=5&limit=6", 422),
        ("limit=", 422),
        ("cursor=x", 422),
        ("page=2", 422),
    ]:
        assert (await rig.root.get(f"/api/v1/campaigns?{query}")).status_code == status


async def writes(client: Any, count: int) -> list[int]:
    """Refused bodies count as well: the limit is on what reaches the server."""
    return [(await client.post("/api/v1/campaigns", json={})).status_code for _ in range(count)]


async def test_a_session_writes_sixty_times_a_minute(rig: Rig) -> None:
    desk = await rig.browser()
    other = await rig.browser()
    assert set(await writes(desk, 58)) == {422}
    sixtieth = [await desk.post("/api/v1/campaigns", json=NEW) for _ in range(2)]
    assert [answer.status_code for answer in sixtieth] == [201, 201]
    assert sixtieth[0].headers["ratelimit-limit"] == "60"
    assert [answer.headers["ratelimit-remaining"] for answer in sixtieth] == ["1", "0"]
    refused = await desk.post("/api/v1/campaigns", json=NEW)
    wrong(refused, 429, "too_many")
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    # Reading goes on, other sessions go on, and so do the tickets that reconnecting browsers need.
    assert (await desk.get("/api/v1/campaigns")).status_code == 200
    assert (await other.post("/api/v1/campaigns", json=NEW)).status_code == 201
    campaign = sixtieth[0].json()["id"]
    tickets = [
        (await desk.post("/api/v1/live-tickets", json={"campaign_id": campaign})).status_code
        for _ in range(61)
    ]
    assert tickets == [*[201] * 60, 429]


async def test_a_script_writes_six_hundred_times_a_minute_and_sends_events_without_limit(rig: Rig) -> None:
    async with rig.services.database.connection() as connection:
        _, key = await api_keys.create(connection, rig.services.owner.id, "deck")
    script = rig.client(key=key)
    campaign = (await script.post("/api/v1/campaigns", json=NEW)).json()["id"]
    assert set(await writes(script, 598)) == {422}
    assert await writes(script, 2) == [422, 429]
    assert (await script.post(f"/api/v1/campaigns/{campaign}/events", json=[])).status_code == 200


async def test_a_forwarded_address_does_not_make_a_new_person(rig: Rig) -> None:
    """X-Forwarded-For is believed only from a proxy that was configured (T35); uvicorn does that, not we."""
    statuses = []
    for n in range(12):
        stranger = rig.client(**{"x-forwarded-for": f"10.0.0.{n}", "forwarded": f"for=10.0.0.{n}"})
        statuses.append((await stranger.post("/api/v1/session", json={"code": "x"})).status_code)
    assert statuses == [*[401] * 10, 429, 429]


LIMIT = Limit("test", 10, 60)


async def test_two_processes_share_one_count(redis_url: str) -> None:
    first, second = RateLimiter(redis_url), RateLimiter(redis_url)
    verdicts = [await (first, second)[n % 2].take(LIMIT, "ana") for n in range(11)]
    assert [verdict.allowed for verdict in verdicts] == [*[True] * 10, False]
    assert [verdict.remaining for verdict in verdicts] == [*range(9, -1, -1), 0]
    assert (await first.take(LIMIT, "ben")).allowed
    await first.close()
    await second.close()


async def test_many_at_once_are_counted_once_each(redis_url: str) -> None:
    limiter = RateLimiter(redis_url)
    verdicts = await asyncio.gather(*(limiter.take(LIMIT, "ana") for _ in range(100)))
    assert sum(verdict.allowed for verdict in verdicts) == 10
    await limiter.close()


async def test_the_window_ends(redis_url: str) -> None:
    limiter = RateLimiter(redis_url)
    short = Limit("short", 1, 1)
    assert (await limiter.take(short, "ana")).allowed
    refused = await limiter.take(short, "ana")
    assert (refused.allowed, refused.reset_s) == (False, 1)
    deadline = time.monotonic() + 3
    while not (await limiter.take(short, "ana")).allowed:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
    await limiter.close()


async def test_alone_it_counts_for_itself() -> None:
    now = 0.0
    limiter = RateLimiter(None, clock=lambda: now)
    assert [(await limiter.take(LIMIT, "ana")).allowed for _ in range(11)] == [*[True] * 10, False]
    now = 59.9
    assert not (await limiter.take(LIMIT, "ana")).allowed
    now = 60.0
    assert (await limiter.take(LIMIT, "ana")).allowed


async def test_without_redis_it_limits_at_half_and_comes_back(short_dir: Path) -> None:
    with Embedded(short_dir / "one", postgres=False, redis=True) as embedded:
        assert embedded.redis_url is not None
        url = embedded.redis_url
        now = 0.0
        limiter = RateLimiter(url, clock=lambda: now)
        assert (await limiter.take(LIMIT, "ana")).limit == 10
    verdicts = [await limiter.take(LIMIT, "ana") for _ in range(6)]
    assert [verdict.allowed for verdict in verdicts] == [*[True] * 5, False]
    assert verdicts[0].limit == 5
    with Embedded(short_dir / "one", postgres=False, redis=True):
        now = 4.9
        assert (await limiter.take(LIMIT, "ben")).limit == 5
        now = 5.1
        assert (await limiter.take(LIMIT, "ben")).limit == 10
        await limiter.close()


async def test_a_redis_that_hangs_costs_a_quarter_of_a_second_once(short_dir: Path) -> None:
    with Embedded(short_dir / "one", postgres=False, redis=True) as embedded:
        assert embedded.redis_url is not None
        limiter = RateLimiter(embedded.redis_url)
        await limiter.take(LIMIT, "ana")
        pid = await _pid_of(embedded.redis_url)
        os.kill(pid, signal.SIGSTOP)
        try:
            start = time.monotonic()
            assert (await limiter.take(LIMIT, "ana")).allowed
            first = time.monotonic() - start
            start = time.monotonic()
            for _ in range(4):
                assert (await limiter.take(LIMIT, "ana")).allowed
            assert not (await limiter.take(LIMIT, "ana")).allowed
            rest = time.monotonic() - start
        finally:
            os.kill(pid, signal.SIGCONT)
        assert 0.2 < first < 0.6
        assert rest < 0.05
        await limiter.close()


async def _pid_of(url: str) -> int:
    from redis.asyncio import Redis

    async with Redis.from_url(url) as client:
        info: dict[str, Any] = await client.info("server")
        return int(info["process_id"])


async def test_memory_of_a_limiter_is_bounded() -> None:
    now = 0.0
    limiter = RateLimiter(None, clock=lambda: now)
    for n in range(10_050):
        await limiter.take(LIMIT, str(n))
    assert len(limiter._local) <= 10_000
    assert (await limiter.take(LIMIT, "10049")).remaining == 8


async def test_problem_bodies_are_json_with_the_right_fields(rig: Rig) -> None:
    answer = await rig.root.post("/api/v1/campaigns", json={"name": 5, "extra": 1})
    body = wrong(answer, 422, "invalid")
    assert {error["path"] for error in body["errors"]} == {"/name", "/extra"}
    assert json.loads(answer.content) == body
    assert set(body) == {"type", "title", "status", "detail", "errors"}
