"""PostgreSQL is the truth: whatever happens between COMMIT and the browser, the picture becomes right."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from server.live.absences import GONE_AFTER_S
from server.live.bus import RedisBus
from server.live.bus_port import State, channel_of, to_message
from server.live.fingerprint import fingerprint
from server.live.memory_bus import MemoryBus, Switchboard
from server.rules.changes import Change
from sql.ids import uuid7
from sql.pool import Database
from tests.integration.live_rig import (
    Engine,
    House,
    Valkey,
    Viewer,
    house,
    make_campaign,
    make_overlay,
    poll_board,
    until,
)

KEY = b"k" * 32


class LossyBoard(Switchboard):
    """Loses, doubles and delays, by a seed."""

    def __init__(self, rng: random.Random, lost: float) -> None:
        super().__init__()
        self.rng = rng
        self.lost = lost

    def spread(self, channel: str, message: bytes) -> None:
        if self.rng.random() < self.lost:
            return
        for _ in range(2 if self.rng.random() < 0.1 else 1):
            delay = self.rng.uniform(0, 0.5) if self.rng.random() < 0.1 else 0.0
            asyncio.get_running_loop().call_later(delay, super().spread, channel, message)


@pytest.fixture
async def valkey(short_dir: Path) -> AsyncIterator[Valkey]:
    server = Valkey(short_dir)
    await server.start()
    yield server
    server.kill()


async def watching(live: House, engine: Engine, **options: Any) -> Viewer:
    viewer = await live.program(engine.campaign_id, **options).open()
    await until(lambda: viewer.seq is not None, "the snapshot")
    return viewer


async def healed(viewer: Viewer, seq: int, seconds: float) -> None:
    took = await until(lambda: viewer.seq == seq, f"position {seq}", seconds + 3)
    assert took <= seconds


async def test_a_lost_message_is_healed_within_a_second_and_a_half(database: Database) -> None:
    engine = await make_campaign(database)
    board = Switchboard()
    async with house(database, MemoryBus(board)) as live:
        viewer = await watching(live, engine)
        for votes in range(1, 6):
            await asyncio.sleep(random.random() * 0.5)  # noqa: S311 - any phase of the loop
            await engine.commit({str(uuid7()): poll_board(votes)}, events=({"id": f"e{votes}"},))
            await healed(viewer, 2 * votes, 1.5)
        assert viewer.boards == await engine.truth()
        assert viewer.events == ["e1", "e2", "e3", "e4", "e5"]
        await viewer.close()


async def test_a_gap_is_healed_at_once_and_messages_out_of_order_need_no_healing(database: Database) -> None:
    engine = await make_campaign(database)
    board = str(uuid7())
    async with house(database, MemoryBus(Switchboard())) as live:
        viewer = await watching(live, engine)
        await until(lambda: live.hub.bus.state == "ok", "the bus")
        await asyncio.sleep(0.3)
        first, second, third = [await engine.commit({board: poll_board(n)}) for n in (1, 2, 3)]
        catch_ups = live.hub.figures.catch_ups
        for change in (third, second, first):
            live.hub.publish(change)
        await healed(viewer, 3, 0.3)
        assert live.hub.figures.catch_ups == catch_ups
        await engine.commit({board: poll_board(4)})  # lost
        live.hub.publish(await engine.commit({board: poll_board(5)}))
        await healed(viewer, 5, 0.8)
        await viewer.close()


async def test_two_processes_over_redis_show_the_same(database: Database, redis_url: str) -> None:
    engine = await make_campaign(database)
    board = str(uuid7())
    async with (
        house(database, RedisBus(redis_url, [KEY])) as here,
        house(database, RedisBus(redis_url, [KEY])) as there,
    ):
        near, far = await watching(here, engine), await watching(there, engine)
        await until(lambda: (here.hub.bus.state, there.hub.bus.state) == ("ok", "ok"), "buses", 10)
        await asyncio.sleep(0.5)
        lags = []
        for votes in range(1, 21):
            change = await engine.commit({board: poll_board(votes)})
            start = time.monotonic()
            here.hub.publish(change)
            await until(lambda: far.seq == near.seq == votes, "both")  # noqa: B023
            lags.append(time.monotonic() - start)
            await asyncio.sleep(0.11)
        assert sorted(lags)[10] < 0.1, "the bus carries it, not the healing"
        assert near.boards == far.boards == await engine.truth()
        await near.close()
        await far.close()


async def test_a_forged_message_changes_nothing(database: Database, valkey: Valkey) -> None:
    engine = await make_campaign(database)
    await engine.commit({str(uuid7()): poll_board(1)})
    bus = RedisBus(valkey.url, [KEY])
    async with house(database, bus) as live, Redis.from_url(valkey.url) as attacker:
        viewer = await watching(live, engine)
        await until(lambda: bus.state == "ok", "the bus", 10)
        await asyncio.sleep(0.3)
        assert viewer.epoch is not None
        fake = Change(
            engine.campaign_id,
            live.hub._rooms[engine.campaign_id].room.epoch,
            1,
            2,
            live.hub._clock.now(),
            {str(uuid4()): poll_board(1_000_000)},
        )
        await attacker.publish(channel_of(engine.campaign_id), b"0" * 16 + to_message(fake))
        await until(lambda: bus.figures.forged == 1, "seen")
        await asyncio.sleep(0.5)
        assert viewer.seq == 1
        assert viewer.boards == await engine.truth()
        await viewer.close()


async def test_redis_killed_in_mid_poll_costs_a_second_and_comes_back(
    database: Database, valkey: Valkey
) -> None:
    engine = await make_campaign(database)
    board = str(uuid7())
    async with (
        house(database, RedisBus(valkey.url, [KEY])) as here,
        house(database, RedisBus(valkey.url, [KEY])) as there,
    ):
        far = await watching(there, engine)
        near = await watching(here, engine)
        await until(lambda: (here.hub.bus.state, there.hub.bus.state) == ("ok", "ok"), "buses", 10)
        valkey.kill()
        for votes in range(1, 9):
            here.hub.publish(await engine.commit({board: poll_board(votes)}))
            await healed(near, votes, 0.4)
            await healed(far, votes, 1.5)
        await valkey.start()
        await until(lambda: (here.hub.bus.state, there.hub.bus.state) == ("ok", "ok"), "both return", 15)
        here.hub.publish(await engine.commit({board: poll_board(9)}))
        await healed(far, 9, 1.5)
        await near.close()
        await far.close()


async def test_redis_that_hangs_delays_nobody_by_more_than_that(database: Database, valkey: Valkey) -> None:
    engine = await make_campaign(database)
    board = str(uuid7())
    async with (
        house(database, RedisBus(valkey.url, [KEY])) as here,
        house(database, RedisBus(valkey.url, [KEY])) as there,
    ):
        far, near = await watching(there, engine), await watching(here, engine)
        await until(lambda: (here.hub.bus.state, there.hub.bus.state) == ("ok", "ok"), "buses", 10)
        valkey.signal(signal.SIGSTOP)
        try:
            for votes in range(1, 7):
                start = time.monotonic()
                change = await engine.commit({board: poll_board(votes)})
                here.hub.publish(change)
                assert time.monotonic() - start < 0.5, "the engine does not wait for Redis"
                await healed(near, votes, 0.4)
                await healed(far, votes, 1.5)
        finally:
            valkey.signal(signal.SIGCONT)
        await near.close()
        await far.close()


async def test_the_database_goes_away_and_comes_back(database_url: str) -> None:
    """The pool's connections are cut and new ones refused; the picture stays, and then catches up."""
    other = await Database.open(database_url)
    database = await Database.open(database_url, name="cut me")
    engine = await make_campaign(other)
    link = await make_overlay(other, engine.campaign_id)
    await engine.commit({str(uuid7()): poll_board(1)})
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'cut me'"
    async with house(database, MemoryBus(Switchboard())) as live:
        viewer = await live.overlay(link).open()
        await until(lambda: viewer.seq == 1, "the snapshot")
        stop = time.monotonic() + 2
        while time.monotonic() < stop:
            async with other.connection() as connection:
                await connection.fetch(cut)
            await asyncio.sleep(0.02)
        assert viewer.code is None
        await engine.commit({str(uuid7()): poll_board(2)})
        await healed(viewer, 2, 2.0)
        assert viewer.boards == await engine.truth()
        await viewer.close()
    await database.close()
    await other.close()


async def test_a_new_epoch_is_shown_to_everybody(database: Database) -> None:
    engine = await make_campaign(database)
    await engine.commit({str(uuid7()): poll_board(5)})
    async with house(database, MemoryBus(Switchboard())) as live:
        viewer = await watching(live, engine)
        restored = uuid4()
        async with database.connection() as connection:  # as after a restore
            await connection.execute("UPDATE campaign_heads SET epoch = $1, seq = 0", restored)
            await connection.execute("DELETE FROM boards")
            await connection.execute("DELETE FROM board_events")
        await until(lambda: viewer.epoch == str(restored), "the new epoch", 3)
        assert viewer.boards == {}
        assert viewer.frames[-1]["skipped"] >= 1
        live.hub.publish(await engine.commit({str(uuid7()): poll_board(1)}))
        await healed(viewer, 1, 1.5)
        assert viewer.boards == await engine.truth()
        await viewer.close()


async def test_a_database_that_went_back_is_obeyed(database: Database) -> None:
    engine = await make_campaign(database)
    for votes in range(1, 4):
        await engine.commit({str(uuid7()): poll_board(votes)})
    async with house(database, MemoryBus(Switchboard())) as live:
        viewer = await watching(live, engine)
        async with database.connection() as connection:  # restored without a new epoch
            await connection.execute("UPDATE campaign_heads SET seq = 1")
            await connection.execute("DELETE FROM boards WHERE rev > 1")
            await connection.execute("DELETE FROM board_events WHERE seq > 1")
        await until(lambda: viewer.seq == 1, "the older position", 3)
        assert viewer.boards == await engine.truth()
        await viewer.close()


async def test_a_deleted_campaign_is_over(database: Database) -> None:
    engine = await make_campaign(database)
    async with house(database, MemoryBus(Switchboard())) as live:
        viewer = await watching(live, engine)
        async with database.connection() as connection:
            await connection.execute("DELETE FROM campaigns")
        began = time.monotonic()
        assert await viewer.ended(9) == 4401
        assert time.monotonic() - began > GONE_AFTER_S, "it may be a backup that is being restored"
        assert live.hub.figures.revoked == 1
        await until(lambda: live.hub.sizes()["rooms"] == 0, "forgotten")


async def test_a_room_is_read_once_for_all_who_come(database: Database) -> None:
    engine = await make_campaign(database)
    await engine.commit({str(uuid7()): poll_board(1)})
    async with house(database, MemoryBus(Switchboard())) as live:
        viewers = await asyncio.gather(*(live.program(engine.campaign_id).open() for _ in range(100)))
        for viewer in viewers:
            await until(lambda: viewer.seq == 1, "the snapshot")  # noqa: B023
        assert live.hub.figures.loads == 1
        assert live.hub.figures.catch_ups <= 2
        await asyncio.gather(*(viewer.close() for viewer in viewers))


async def test_a_change_during_the_first_reading_is_not_lost(database: Database) -> None:
    engine = await make_campaign(database)
    board = str(uuid7())
    async with house(database, MemoryBus(Switchboard())) as live:
        for votes in range(1, 30):
            live.hub._rooms.clear()
            viewer = live.program(engine.campaign_id)
            opening = asyncio.create_task(viewer.open())
            live.hub.publish(await engine.commit({board: poll_board(votes)}))
            await opening
            await until(lambda: viewer.seq == votes, "shown", 0.8)  # noqa: B023
            await viewer.close()


async def test_a_reload_never_shows_an_old_figure(database: Database) -> None:
    """Even when the bus lost the message and the room has not noticed yet."""
    engine = await make_campaign(database)
    link = await make_overlay(database, engine.campaign_id)
    board = str(uuid7())
    async with house(database, MemoryBus(Switchboard())) as live:
        keeper = await watching(live, engine)
        for votes in range(1, 11):
            await asyncio.sleep(0.21)
            await engine.commit({board: poll_board(votes)})  # published nowhere
            viewer = await live.overlay(link).open()
            await until(lambda: viewer.seq is not None, "the snapshot")  # noqa: B023
            assert viewer.frames[0]["boards"] == {board: poll_board(votes)}
            await viewer.close()
        await keeper.close()


async def test_a_hundred_viewers_wander_in_and_out_of_a_lossy_show(database: Database) -> None:
    """Every viewer has a seed for when it leaves and comes back; in the end all hold what PostgreSQL holds,
    and none has missed an event without being told."""
    rng = random.Random(20261120)  # noqa: S311 - a seed that can be played again
    engine = await make_campaign(database)
    switchboard = LossyBoard(rng, lost=0.1)
    ids = [str(uuid7()) for _ in range(6)]
    everything: list[tuple[int, str]] = []
    ending = asyncio.Event()
    end = 0

    async def direct(houses: list[House]) -> None:
        shown: set[str] = set()
        for n in range(250):
            changed = rng.sample(ids, rng.randint(0, 2))
            gone = tuple(b for b in changed if b in shown and rng.random() < 0.3)
            set_ = {b: poll_board(n) for b in changed if b not in gone}
            events = tuple({"id": f"e{n}.{i}"} for i in range(rng.choice([0, 0, 0, 1, 2])))
            if not (set_ or gone or events):
                continue
            shown = (shown | set(set_)) - set(gone)
            change = await engine.commit(set_, gone, events)
            everything.extend((e.seq, e.id) for e in change.events)
            rng.choice(houses).hub.publish(change)
            await asyncio.sleep(0.03)
        nonlocal end
        async with database.connection() as connection:
            end = await connection.fetchval("SELECT seq FROM campaign_heads")
        ending.set()

    async def wander(seed: int, houses: list[House]) -> None:
        own = random.Random(seed)  # noqa: S311
        viewer = own.choice(houses).program(engine.campaign_id)
        await viewer.open()
        await until(lambda: viewer.seq is not None, f"viewer {seed} sees", 20)
        since, told = viewer.seq or 0, False
        while not ending.is_set():
            await asyncio.sleep(own.uniform(0.2, 3))
            await viewer.close()
            told |= any(f["op"] == "snapshot" and f["skipped"] > 0 for f in viewer.frames)
            await asyncio.sleep(own.choice([0.0, 0.1, 1.0]))
            viewer._url = own.choice(houses).url
            await viewer.open()
        await until(lambda: viewer.seq == end, f"viewer {seed} is at the end", 20)
        told |= any(f["op"] == "snapshot" and f["skipped"] > 0 for f in viewer.frames)
        owed = {name for n, name in everything if n > since}
        assert viewer.boards == await engine.truth(), seed
        assert viewer.gaps == 0, seed
        assert not told, f"viewer {seed} was never away for long"
        assert owed <= set(viewer.events), seed
        await viewer.close()

    async with AsyncExitStack() as stack:
        houses = [await stack.enter_async_context(house(database, MemoryBus(switchboard))) for _ in range(2)]
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(direct(houses))
            for seed in range(100):
                tasks.create_task(wander(seed, houses))


async def test_state_of_the_bus_decides_how_often_is_asked(database: Database) -> None:
    states: set[State] = set()
    engine = await make_campaign(database)
    async with house(database) as alone:
        viewer = await watching(alone, engine)
        states.add(alone.hub.bus.state)
        for votes in range(1, 6):
            await engine.commit({str(uuid7()): poll_board(votes)})
            await healed(viewer, votes, 0.6)
        await viewer.close()
    assert states == {"away"}


async def test_an_overlay_that_shows_something_else_is_counted_and_put_right(database: Database) -> None:
    engine = await make_campaign(database)
    board = str(uuid7())
    await engine.commit({board: poll_board(1, share=0.5)})
    async with house(database) as live:
        viewer = await live.program(engine.campaign_id).open()
        await until(lambda: viewer.seq == 1, "the snapshot")

        async def ack(seq: int, shown: dict[str, Any]) -> None:
            await viewer.say({"op": "ack", "seq": seq, "hash": fingerprint(shown)})

        await ack(1, viewer.boards)
        await ack(0, {})  # of a step that is over: nothing can be said about it
        live.hub.publish(await engine.commit({board: poll_board(2, share=1.0)}))
        await until(lambda: viewer.seq == 2, "the delta")
        await ack(1, {board: poll_board(1, share=0.5)})
        await ack(2, json.loads(json.dumps(viewer.boards)))
        await viewer.say({"op": "ack", "seq": 2})
        await ack(2, {board: poll_board(2, share=0.999)})
        await until(lambda: viewer.ops() == ["snapshot", "delta", "snapshot"], "it is put right")
        assert live.hub.figures.diverged == 1, "and only this was wrong"
        await ack(2, {})
        await until(lambda: viewer.ops().count("snapshot") == 3, "again, not more than every two seconds", 4)
        assert viewer.arrived[-1] - viewer.arrived[2] > 1.9
        await viewer.close()
