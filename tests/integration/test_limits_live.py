"""Limits of the live side and of the vote buffer, at the limit, one below, one above (reliability §3.9, R27).

Elsewhere, each at −1/0/+1: client frames of 4 KiB, 20 of them in 10 s, failed hellos (test_live_protocol,
test_live_attempts), bodies, events, JSON, texts and writes (test_limits_api), polls (test_api_polls).
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import orjson
import pytest

from server.config import Settings
from server.engine.batch import LARGEST_BUFFER, Batches, Overloaded
from server.live.frames import MOST_DELTA, MOST_SNAPSHOT
from server.live.socket import HELLO_WITHIN_S
from server.rules.events import ChatMessage
from sql.ids import uuid7
from sql.pool import Database
from tests.integration import engine_rig
from tests.integration.engine_rig import line, open_poll, processes
from tests.integration.live_rig import Engine, Viewer, house, make_campaign, make_overlay, poll_board, until


def size_of(frame: dict[str, Any]) -> int:
    """As it was on the wire: the server's own encoder, the same order of members."""
    return len(orjson.dumps(frame))


async def seen(viewer: Viewer, engine: Engine) -> dict[str, Any]:
    """The frame that brought the viewer to where the database stands."""
    async with engine.database.connection() as connection:
        seq = await connection.fetchval(
            "SELECT seq FROM campaign_heads WHERE campaign_id = $1", engine.campaign_id
        )
    await until(lambda: viewer.seq == seq, f"position {seq}")
    return next(frame for frame in reversed(viewer.frames) if frame["op"] in ("delta", "snapshot"))


# --- frames that go out ------------------------------------------------------------------------------


async def test_a_delta_has_32_kib_and_what_is_longer_comes_as_a_snapshot(database: Database) -> None:
    engine = await make_campaign(database)
    board = str(uuid7())
    async with house(database) as live:
        viewer = await live.program(engine.campaign_id).open()
        await seen(viewer, engine)

        async def show(padding: int) -> dict[str, Any]:
            live.hub.publish(await engine.commit({board: poll_board(1, question="x" * padding)}))
            return await seen(viewer, engine)

        empty = size_of(await show(0))
        for size, op in (
            (MOST_DELTA - 1, "delta"),
            (MOST_DELTA, "delta"),
            (MOST_DELTA + 1, "snapshot"),
            (MOST_DELTA * 4, "snapshot"),
        ):
            frame = await show(size - empty)
            assert frame["op"] == op
            if op == "delta":
                assert size_of(frame) == size
            assert len(viewer.boards[board]["question"]) == size - empty, "whole either way"
        assert viewer.gaps == 0
        assert (await show(0))["op"] == "delta"
        await viewer.close()


async def test_a_snapshot_has_256_kib_and_the_largest_board_is_left_out(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = await make_campaign(database)
    link = await make_overlay(database, engine.campaign_id)
    small, large = str(uuid7()), str(uuid7())
    async with house(database) as live:
        steady = await live.program(engine.campaign_id).open()

        async def show(padding: int, votes: int) -> None:
            boards = {large: poll_board(1, question="x" * padding), small: poll_board(votes)}
            live.hub.publish(await engine.commit(boards))
            await seen(steady, engine)

        async def who_comes_now() -> dict[str, Any]:
            viewer = await live.overlay(link).open()
            frame = await seen(viewer, engine)
            await viewer.close()
            return frame

        await show(0, 1)
        empty = size_of(await who_comes_now())
        for size, shown in (
            (MOST_SNAPSHOT - 1, {small, large}),
            (MOST_SNAPSHOT, {small, large}),
            (MOST_SNAPSHOT + 1, {small}),
            (MOST_SNAPSHOT * 4, {small}),
        ):
            await show(size - empty, 2)
            frame = await who_comes_now()
            assert set(frame["boards"]) == shown
            assert frame["boards"][small] == poll_board(2)
            assert size_of(frame) <= MOST_SNAPSHOT
            assert (live.hub.figures.cropped > 0) == (large not in shown)
            if large in shown:
                assert size_of(frame) == size
        assert capsys.readouterr().out.count("snapshot_over_limit") == 1, "told once"
        assert set(steady.boards) == {small}, "all see the same, whenever they came"

        # The rest of the show goes on, and what fits again is there again, for everybody.
        live.hub.publish(await engine.commit({small: poll_board(3)}))
        assert (await seen(steady, engine))["boards"] == {small: poll_board(3)}
        await show(10, 4)
        assert (await seen(steady, engine))["op"] == "snapshot"
        assert steady.boards == (await who_comes_now())["boards"] == await engine.truth()
        live.hub.publish(await engine.commit({small: poll_board(5)}))
        assert (await seen(steady, engine))["op"] == "delta"
        assert steady.boards == await engine.truth()
        assert steady.gaps == 0
        await steady.close()


# --- who may come ------------------------------------------------------------------------------------


async def test_twenty_overlay_sockets(database: Database) -> None:
    engine = await make_campaign(database)
    link = await make_overlay(database, engine.campaign_id)
    most = Settings.model_fields["overlay_sockets"].default
    async with house(database, most_overlays=most) as live:
        viewers = [await live.overlay(link).open() for _ in range(20)]
        for viewer in viewers:
            await until(lambda viewer=viewer: viewer.seq is not None, "let in")  # type: ignore[misc]
        assert await (await live.overlay(link).open()).ended() == 4429
        await viewers.pop().close()
        await until(lambda: live.hub.sizes()["overlays"] == 19, "the place is free")
        viewers.append(await live.overlay(link).open())
        await until(lambda: viewers[-1].seq is not None, "let in")
        assert await (await live.overlay(link).open()).ended() == 4429
        for viewer in viewers:
            assert viewer.code is None, "who was there stays"
            await viewer.close()


async def test_hello_within_five_seconds(database: Database) -> None:
    engine = await make_campaign(database)
    async with house(database, hello_within_s=HELLO_WITHIN_S) as live:

        async def after(seconds: float) -> tuple[Viewer, float]:
            viewer = live.program(engine.campaign_id)
            await viewer.dial()
            began = time.monotonic()
            await until(lambda: viewer.code is not None or time.monotonic() - began > seconds, "its turn", 8)
            waited = time.monotonic() - began
            if viewer.code is None:
                await viewer.say(viewer._hello)
                await until(lambda: viewer.seq is not None, "let in")
            return viewer, waited

        (early, _), (late, waited) = await asyncio.gather(after(4.7), after(7.0))
        assert early.code is None
        assert (late.code, late.seq) == (4400, None)
        assert 4.9 < waited < 5.6
        await early.close()


# --- votes that wait for the database ----------------------------------------------------------------


async def test_the_buffer_takes_50_000_lines(database_url: str) -> None:
    """Filled while another process keeps the campaign; afterwards every line is taken."""
    async with processes(database_url, 2) as (one, other):
        campaign_id = await engine_rig.make_campaign(one.database)
        poll = await open_poll(one, campaign_id)
        batches = Batches(one.rooms)
        running = asyncio.create_task(batches.run())
        await asyncio.sleep(0)
        chatter = line(poll, "hello")

        def lines(number: int) -> list[ChatMessage]:
            return [chatter] * number

        waiting: list[asyncio.Task[Any]] = []

        async def sent(number: int) -> bool:
            """Whether a delivery that wants an answer gets a place."""
            waiting.append(asyncio.create_task(batches.deliver(campaign_id, lines(number))))
            await asyncio.sleep(0)
            if not waiting[-1].done():
                return True
            with pytest.raises(Overloaded):
                waiting.pop().result()
            return False

        async with other.database.transaction() as connection:
            await connection.execute(
                "SELECT 1 FROM campaign_heads WHERE campaign_id = $1 FOR UPDATE", campaign_id
            )
            await batches(campaign_id, lines(1))
            buffer = batches._buffers[campaign_id]
            await until(lambda: bool(buffer.storing), "the first batch is under way")
            await batches(campaign_id, lines(LARGEST_BUFFER - 2))
            assert not await sent(2), "50,001"
            assert await sent(1), "50,000"
            assert buffer.size == LARGEST_BUFFER == 50_000
            assert not await sent(1), "50,001"
            reader = asyncio.create_task(batches(campaign_id, lines(1)))
            for _ in range(5):
                await asyncio.sleep(0)
            assert not reader.done(), "a socket waits instead"
            assert buffer.size == LARGEST_BUFFER
        async with asyncio.timeout(20):
            await asyncio.gather(reader, *waiting)
            await batches.flush()
        assert batches.taken == LARGEST_BUFFER + 1
        assert batches.dropped == {}
        running.cancel()
        await asyncio.wait([running])
