"""What the comparison with PostgreSQL concludes: a show is over or being restored, and figures are old."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from server.live import absences, audience, caretaker
from server.live.absences import GONE_AFTER_S, Absences
from server.live.audience import Audience, Figures
from server.live.doorman import Position
from server.live.memory_bus import MemoryBus, Switchboard
from server.rules.changes import Change
from sql import snapshots
from sql.ids import uuid7
from sql.pool import Connection, Database
from tests.integration.live_rig import house, make_campaign, make_overlay, poll_board, until

_TABLES = ("overlay_configs", "campaign_heads", "boards", "board_events")


async def empty(connection: Connection) -> None:
    """Take everything out of the tables that a show is read from, as a restore in place does."""
    await connection.execute("SET session_replication_role = replica")
    for table in _TABLES:
        await connection.execute(f"CREATE TEMP TABLE saved_{table} AS TABLE {table}")
        await connection.execute(f"DELETE FROM {table}")  # noqa: S608 - names of ours
    await connection.execute("SET session_replication_role = origin")


async def fill(connection: Connection) -> None:
    """Put it back."""
    await connection.execute("SET session_replication_role = replica")
    for table in _TABLES:
        await connection.execute(f"INSERT INTO {table} SELECT * FROM saved_{table}")  # noqa: S608
    await connection.execute("SET session_replication_role = origin")


async def test_tables_that_are_empty_while_a_backup_is_restored_end_no_show(database: Database) -> None:
    engine, board = await make_campaign(database), str(uuid7())
    link = await make_overlay(database, engine.campaign_id)
    await engine.commit({board: poll_board(1)})
    async with house(database, MemoryBus(Switchboard())) as live:
        viewer = await live.overlay(link).open()
        await until(lambda: viewer.seq == 1, "the snapshot")
        room = live.hub._rooms[engine.campaign_id]
        async with database.connection() as connection:
            await empty(connection)
            await asyncio.sleep(2.5)
            room.behind_since = time.monotonic() - 1  # and the bus says that something is missing
            live.hub._positions.unknown(None)
            await live.hub._positions.catch_up(room)
            await asyncio.sleep(1)
            await fill(connection)
        await engine.commit({board: poll_board(2)})  # published nowhere
        await until(lambda: viewer.seq == 2, "the show goes on", 3)
        assert viewer.code is None
        assert viewer.ops().count("snapshot") == 1
        assert live.hub._rooms[engine.campaign_id] is room
        await viewer.close()


def test_a_campaign_is_gone_after_several_answers_over_some_time() -> None:
    some, other = object(), object()
    absent: Any = Absences()
    assert [absent.gone([some], float(now)) for now in range(5)] == [[], [], [], [], []]
    assert absent.gone([some, other], GONE_AFTER_S) == [some]
    assert absent.gone([other], GONE_AFTER_S) == []
    few: Any = Absences()
    assert [few.gone([some], now) for now in (0.0, 10.0, 20.0)] == [[], [], []], "a process that was stopped"
    assert few.gone([some], 20.1) == [some]


@pytest.mark.parametrize("between", ["it is there again", "no answer"])
def test_what_comes_in_between_starts_the_count_anew(between: str) -> None:
    some = object()
    absent: Any = Absences()
    for now in range(5):
        absent.gone([some], float(now))
    if between == "no answer":
        absent.forget()
    else:
        absent.gone([], 4.5)
    assert absent.gone([some], 10.0) == []


async def test_a_database_that_does_not_answer_says_nothing_about_a_show(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(absences, "GONE_AFTER_S", 0.0)
    engine = await make_campaign(database)
    answers: list[object] = [[], [], [], TimeoutError(), [], [], [], []]

    async def heads(*_: object) -> object:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async with house(database) as live:
        viewer = await live.program(engine.campaign_id).open()
        await until(lambda: viewer.seq is not None, "the snapshot")
        monkeypatch.setattr(snapshots, "heads", heads)
        await until(lambda: viewer.code == 4401, "the last four answers were the same", 15)
        assert answers == []


async def test_pings_tell_when_the_database_has_been_away(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The picture stays and says how old it may be; that the socket lives says nothing about the figures."""
    monkeypatch.setattr(caretaker, "PING_EVERY_S", 0.3)
    monkeypatch.setattr(audience, "STALE_S", 1.5)
    engine = await make_campaign(database)
    read, is_away = snapshots.heads, False

    async def heads(*given: Any) -> Any:
        if is_away:
            raise ConnectionError("away")
        return await read(*given)

    monkeypatch.setattr(snapshots, "heads", heads)
    async with house(database) as live:
        viewer = await live.program(engine.campaign_id).open()

        def pings() -> list[dict[str, Any]]:
            return [frame for frame in viewer.frames if frame["op"] == "ping"]

        await until(lambda: len(pings()) >= 8, "pings for longer than that")
        assert all("stale" not in ping for ping in pings())
        is_away = True
        took = await until(lambda: pings()[-1].get("stale") is True, "it is told")
        assert took > 0.9, "not at the first check that fails"
        assert viewer.code is None
        is_away = False
        await until(lambda: "stale" not in pings()[-1], "it is told that all is well", 3)
        await viewer.close()


async def test_a_room_that_cannot_be_healed_is_told_to_be_stale(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caretaker, "PING_EVERY_S", 0.3)
    monkeypatch.setattr(audience, "STALE_S", 1.5)
    engine = await make_campaign(database)
    read, is_broken = snapshots.changes_since, True

    async def changes_since(*given: Any) -> Change | None:
        if is_broken:
            raise ConnectionError("away")
        return await read(*given)

    async with house(database, MemoryBus(Switchboard())) as live:
        viewer = await live.program(engine.campaign_id).open()
        await until(lambda: viewer.seq == 0, "the snapshot")
        monkeypatch.setattr(snapshots, "changes_since", changes_since)
        await engine.commit({str(uuid7()): poll_board(1)})  # published nowhere
        await until(lambda: viewer.frames[-1].get("stale") is True, "it is told")
        is_broken = False
        await until(lambda: viewer.seq == 1 and "stale" not in viewer.frames[-1], "healed", 3)
        await viewer.close()


async def test_a_room_that_was_opened_anew_does_not_wait_for_the_old_ones_reading(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, board = await make_campaign(database), str(uuid7())
    read = snapshots.changes_since
    begun, may_go = asyncio.Event(), asyncio.Event()

    async def changes_since(*given: Any) -> Change | None:
        found = await read(*given)
        if not begun.is_set():
            begun.set()
            await may_go.wait()
        return found

    async with house(database, MemoryBus(Switchboard())) as live:
        first = await live.program(engine.campaign_id).open()
        await until(lambda: first.seq == 0, "the snapshot")
        hub, old = live.hub, live.hub._rooms[engine.campaign_id]
        monkeypatch.setattr(snapshots, "changes_since", changes_since)
        reading = asyncio.create_task(hub._positions.catch_up(old))
        await begun.wait()
        hub._drop(old)
        second = await live.program(engine.campaign_id).open()
        await until(lambda: second.seq == 0, "a snapshot of the new room")
        new: Audience = hub._rooms[engine.campaign_id]
        assert new is not old
        change = await engine.commit({board: poll_board(1)})  # published nowhere
        asyncio.get_running_loop().call_later(0.5, may_go.set)
        await hub._positions.reach(new, Position(change.epoch, change.to_seq))
        assert new.room.seq == 1
        await reading
        await first.close()
        await second.close()


async def test_a_new_epoch_is_counted(database: Database) -> None:
    engine = await make_campaign(database)
    async with house(database, MemoryBus(Switchboard())) as live:
        viewer = await live.program(engine.campaign_id).open()
        await until(lambda: viewer.seq == 0, "the snapshot")
        figures: Figures = live.hub.figures
        assert (figures.epochs, figures.skipped) == (0, 0)
        async with database.connection() as connection:
            await connection.execute("UPDATE campaign_heads SET epoch = gen_random_uuid()")
        await until(lambda: viewer.ops().count("snapshot") == 2, "it starts over", 3)
        assert (figures.epochs, figures.skipped, figures.resyncs) == (1, 1, 0)
        await viewer.say({"op": "resync", "why": "test"})
        await until(lambda: viewer.ops().count("snapshot") == 3, "a snapshot", 3)
        assert (figures.epochs, figures.skipped, figures.resyncs) == (1, 1, 1)
        assert figures.revoked == 0
        live.doorman.ended.add("key:hb_test")
        assert await viewer.ended() == 4401
        assert figures.revoked == 1
