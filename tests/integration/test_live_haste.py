"""A die that falls does not wait for the next frame of the show; and dice do not make more frames."""

from __future__ import annotations

import time
from typing import Any

from sql.ids import uuid7
from sql.pool import Database
from tests.integration.live_rig import house, make_campaign, make_overlay, poll_board, until

#: Between two frames: so long that a slow machine does not change what is seen.
EVERY_S = 2.0


def falling(number: int) -> dict[str, Any]:
    return {"kind": "dice", "phase": "live", "showings": [number]}


async def test_a_die_comes_at_once_and_once(database: Database) -> None:
    engine = await make_campaign(database)
    poll, dice = str(uuid7()), str(uuid7())
    link = await make_overlay(database, engine.campaign_id)
    async with house(database, frame_every_s=EVERY_S) as live:
        viewer = await live.overlay(link).open()
        await until(lambda: bool(viewer.frames), "the snapshot")

        async def waits(boards: dict[str, Any]) -> float:
            """Seconds until the viewer has it."""
            change = await engine.commit(boards)
            began = time.monotonic()
            live.hub.publish(change)
            await until(lambda: viewer.seq == change.to_seq, "the frame", 3 * EVERY_S)
            return time.monotonic() - began

        await waits({poll: poll_board(1)})
        assert await waits({dice: {"kind": "dice", "phase": "live", "showings": []}}) < EVERY_S / 2, (
            "it does not wait"
        )
        assert await waits({dice: {"kind": "dice", "phase": "live", "showings": [1]}}) > EVERY_S / 2, (
            "a second one does"
        )
        await waits({poll: poll_board(2)})
        assert await waits({poll: poll_board(3)}) > EVERY_S / 2, "a poll always does"
        await viewer.close()
