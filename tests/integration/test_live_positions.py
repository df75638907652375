"""What the comparison with PostgreSQL concludes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from server.live.audience import Audience
from server.live.doorman import Position
from server.live.memory_bus import MemoryBus, Switchboard
from server.rules.changes import Change
from sql import snapshots
from sql.ids import uuid7
from sql.pool import Database
from tests.integration.live_rig import house, make_campaign, poll_board, until


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
