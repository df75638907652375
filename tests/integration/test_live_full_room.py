"""A room that is full of connections which are dead, and do not know it (reliability §3.9, §3.5)."""

from __future__ import annotations

import asyncio

import pytest

from server.live import caretaker
from sql.pool import Database
from tests.integration.live_rig import House, OverlayLink, Viewer, house, make_campaign, make_overlay, until

_MOST = 3


async def watching(live: House, link: OverlayLink) -> Viewer:
    viewer = await live.overlay(link).open()
    await until(lambda: viewer.seq is not None, "the snapshot")
    return viewer


def pinged(live: House) -> bool:
    """Whether everybody has been."""
    return all(
        client.pinged_at for audience in live.hub._rooms.values() for client in tuple(audience.clients)
    )


async def test_overlays_come_back_before_their_dead_connections_are_found(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cable was out: nobody said goodbye, and the places are still taken."""
    monkeypatch.setattr(caretaker, "ANSWER_WITHIN_S", 0.3)
    engine = await make_campaign(database)
    link = await make_overlay(database, engine.campaign_id)
    async with house(database, most_overlays=_MOST) as live:
        good = await watching(live, link)
        dead = [await watching(live, link) for _ in range(_MOST - 1)]
        for viewer in dead:
            viewer.stop_reading()
        early = await live.overlay(link).open()
        assert await early.ended() == 4429, "nobody has been asked yet"
        assert early.frames[-1]["retry_ms"] <= 2_000, "and soon there will be room"
        await until(lambda: pinged(live), "they are asked", 7)
        await asyncio.sleep(0.5)
        again = [await watching(live, link) for _ in dead]
        assert live.hub.figures.cut == len(dead)
        assert live.hub.sizes()["overlays"] == _MOST
        extra = await live.overlay(link).open()
        assert await extra.ended() == 4429, "who answers stays"
        assert [viewer.code for viewer in (good, *again)] == [None] * _MOST
        for viewer in dead:
            viewer.read_again()
            assert await viewer.ended() == 4408
        for viewer in (good, *again):
            await viewer.close()


async def test_who_was_asked_this_moment_is_not_dead(database: Database) -> None:
    engine = await make_campaign(database)
    link = await make_overlay(database, engine.campaign_id)
    async with house(database, most_overlays=_MOST) as live:
        viewers = [await watching(live, link) for _ in range(_MOST)]
        for client in live.hub._rooms[engine.campaign_id].clients:
            client.pinged_at = asyncio.get_running_loop().time()
        extra = await live.overlay(link).open()
        assert await extra.ended() == 4429
        assert live.hub.figures.cut == 0
        for viewer in viewers:
            await viewer.close()
