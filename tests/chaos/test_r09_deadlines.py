"""R9: time acts on every poll exactly once over several processes, never early, and late rather than never.

One process is killed while it fires, one is stopped and goes on later, and each has a wall clock that is
minutes off. What decides is the clock of PostgreSQL.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.acceptance.show import Api, chat, eventually, now_ms
from tests.chaos.trial import Trial, bound
from tests.chaos.world import World, campaign, launch
from tests.servers import Hubbub

CLOCK = Path(__file__).with_name("wrong_clock")
OPTIONS = 4
#: What is tried; a poll that is over leaves the screen by itself later.
KINDS = ["lock", "reveal"]


async def start(world: World, number: int) -> list[Hubbub]:
    """Web processes; the clock of one is five minutes fast, of one five minutes slow, of a third right."""
    path = os.pathsep.join(filter(None, (str(CLOCK), os.environ.get("PYTHONPATH"))))
    offsets = (300, -300, 0)[:number]
    started = await asyncio.gather(
        *(world.start("web", PYTHONPATH=path, CLOCK_OFF_S=str(offset)) for offset in offsets)
    )
    return [web for (web,) in started]


def pause_s(number: int) -> float:
    """Between ten and ten of many requests: a key writes 600 times a minute."""
    return 1.1 if number > 100 else 0.0


async def prepare(apis: list[Api], number: int) -> list[str]:
    """So many shows with an open poll and votes; answers the polls.

    Who is closed first has the longest grace, so that all are locked within the same few seconds.
    """
    closing_s = number / 10 * pause_s(number)

    async def one(turn: int) -> str:
        api = apis[turn % len(apis)]
        show, _ = await campaign(api, f"Show {turn}", overlay=False)
        grace_s = 2 + turn % 2 + round(closing_s * (1 - turn / number))
        poll = await launch(api, show, grace_s=grace_s, auto_reveal_s=1)
        votes = [chat(f"m{n}", f"p{n}", str(1 + n % OPTIONS), now_ms()) for n in range(9)]
        await api.post(f"/campaigns/{show}/events", votes)
        return str(poll["id"])

    polls: list[str] = []
    for first in range(0, number, 10):
        polls += await asyncio.gather(*(one(turn) for turn in range(first, min(number, first + 10))))
        await asyncio.sleep(4 * pause_s(number))
    return polls


@bound(90, 600)
async def test_r9_every_deadline_fires_exactly_once(trial: Trial, world: World) -> None:
    number = trial.scale.count(50, 500)
    frozen_s = trial.scale.amount(1.5, 30)
    webs = await start(world, trial.scale.size(2, 3))
    killed, stopped = webs[0], webs[1]
    assert [await minutes_off(web) for web in webs] == [5, -5, 0][: len(webs)]
    async with world.api(killed.base_url) as one, world.api(stopped.base_url) as other:
        polls = await prepare([one, other], number)
        trial.progress(f"{number} polls are open", 0)
        await asyncio.sleep(60 if pause_s(number) else 0)
        for first in range(0, number, 10):
            await asyncio.gather(*(one.post(f"/polls/{poll}/close") for poll in polls[first : first + 10]))
            await asyncio.sleep(pause_s(number))
        await until_some_fired(world, number // 4)
        await world.kill9(killed)
        await until_some_fired(world, number // 2)
        stopped.send_signal(signal.SIGSTOP)
        trial.record.note("SIGSTOP", pid=stopped.pid)
        await asyncio.sleep(frozen_s)
        stopped.send_signal(signal.SIGCONT)
        await until_some_fired(world, 2 * number, 60)
        states = [(await other.get(f"/polls/{poll}")) for poll in polls]
    await check(trial, world, states, frozen_s)
    for web in webs:
        assert "Traceback" not in web.log, web.log[-3000:]
    trial.figure("polls", number)
    trial.figure("processes", len(webs))


async def minutes_off(web: Hubbub) -> int:
    """How wrong the clock is, by the time in the newest line of the process's log."""
    stamps: list[str] = []

    async def said_something() -> bool:
        stamps.extend(re.findall(r'"timestamp": "([^"]+)"', web.log))
        return bool(stamps)

    await eventually(said_something, "a line with a time in the log")
    return round((datetime.fromisoformat(stamps[-1]) - datetime.now(UTC)).total_seconds() / 60)


async def until_some_fired(world: World, number: int, within_s: float = 30) -> None:
    """So many locks and reveals."""
    async with world.database() as connection:

        async def fired() -> bool:
            count: int = await connection.fetchval(
                "SELECT count(*) FROM deadlines WHERE state = 'fired' AND kind = ANY($1)", KINDS
            )
            return count >= number

        await eventually(fired, f"{number} deadlines have fired", within_s)


async def check(trial: Trial, world: World, polls: list[Any], frozen_s: float) -> None:
    """Each poll was locked once and revealed once, none early, with the result of its votes."""
    async with world.database() as connection:
        steps = await connection.fetch(
            "SELECT payload->>'poll_id' AS poll, payload->>'phase' AS phase FROM board_events "
            "WHERE kind = 'set' ORDER BY campaign_id, seq"
        )
        deadlines = await connection.fetch(
            "SELECT kind, state, extract(epoch FROM fired_at - due_at)::float8 AS late FROM deadlines "
            "WHERE kind = ANY($1)",
            KINDS,
        )
    phases: dict[str, list[str]] = {}
    for row in steps:
        seen = phases.setdefault(row["poll"], [])
        if row["phase"] not in seen[-1:]:
            seen.append(row["phase"])
    expected = ["open", "closing", "closed", "revealed"]
    assert {poll: seen for poll, seen in phases.items() if seen != expected} == {}
    assert len(phases) == len(polls)
    assert {poll["state"] for poll in polls} == {"revealed"}
    assert {tuple(option["votes"] for option in poll["options"]) for poll in polls} == {(3, 2, 2, 2)}
    fired = [row for row in deadlines if row["state"] == "fired"]
    assert len(fired) == 2 * len(polls), [dict(row) for row in deadlines if row["state"] != "fired"][:5]
    late = [row["late"] for row in fired]
    assert min(late) >= 0, "none early"
    assert max(late) <= trial.within(frozen_s + 2), f"one was {max(late):.1f} s late"
    if trial.scale.is_long:  # a third process was well all the time
        assert sorted(late)[int(len(late) * 0.99)] <= trial.within(2)
    trial.figure("deadlines", len(fired))
    trial.lags("late", late)
