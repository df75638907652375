"""Things come when they are due, once, and sooner if somebody asks."""

from __future__ import annotations

import asyncio

from server.live.schedule import Schedule


async def test_things_come_in_the_order_they_are_due() -> None:
    schedule: Schedule[str] = Schedule()
    now = asyncio.get_running_loop().time()
    schedule.at("late", now + 0.04)
    schedule.at("soon", now + 0.02)
    schedule.at("past", now - 1)
    assert [await schedule.next() for _ in range(3)] == ["past", "soon", "late"]
    assert asyncio.get_running_loop().time() >= now + 0.04


async def test_a_thing_is_there_once_and_only_becomes_sooner() -> None:
    schedule: Schedule[str] = Schedule()
    now = asyncio.get_running_loop().time()
    for when in (now + 60, now + 0.01, now + 30):
        schedule.at("a", when)
    assert len(schedule) == 1
    assert await schedule.next() == "a"
    assert len(schedule) == 0
    schedule.at("b", now + 60)
    schedule.at("b", now)
    schedule.drop("b")
    schedule.at("c", now)
    assert await schedule.next() == "c"


async def test_somebody_who_waits_is_woken_by_a_sooner_thing() -> None:
    schedule: Schedule[str] = Schedule()
    schedule.at("late", asyncio.get_running_loop().time() + 60)
    waiting = asyncio.create_task(schedule.next())
    await asyncio.sleep(0)
    schedule.at("now", 0.0)
    assert await asyncio.wait_for(waiting, 1) == "now"
