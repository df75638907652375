"""R17: what a reader of chat does while PostgreSQL is away from it: lines wait, at most 50,000 of them and
for ten seconds; what is given up is counted to the line, and nobody is ever shown it.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from typing import Any

from server.engine.batch import LARGEST_BUFFER, PATIENCE_S
from tests.acceptance.show import eventually
from tests.acceptance.voters import standing, tally
from tests.chaos.checker import lies, went_back
from tests.chaos.overlays import Overlay, open_overlays
from tests.chaos.proxy import Link
from tests.chaos.settling import settled, truth_of
from tests.chaos.trial import Trial, bound
from tests.chaos.world import World, campaign, launch, metrics
from tests.fakes.twitch_irc import FakeTwitch, privmsg
from tests.servers import Hubbub

LOGIN = "deck"
IN_A_FRAME = 50
RATE = 200
NORMAL_S = 5.0
#: The full form writes more than the buffer holds: the rest waits in the sockets, for the reader stops.
BURST = (15_000, LARGEST_BUFFER + 2_000)


class Chat:
    """Viewers of a Twitch channel, each of whom writes one vote."""

    def __init__(self, trial: Trial, twitch: FakeTwitch) -> None:
        self._random, self._twitch = trial.random, twitch
        self.events: list[dict[str, Any]] = []

    async def say(self, count: int, rate: float = float("inf")) -> None:
        """So many lines, so many a second."""
        began, first = time.monotonic(), len(self.events)
        while (said := len(self.events) - first) < count:
            await self._twitch.send(LOGIN, *(self._line() for _ in range(min(IN_A_FRAME, count - said))))
            await asyncio.sleep(max(0.0, began + (said + IN_A_FRAME) / rate - time.monotonic()))

    def _line(self) -> str:
        number, sent_ms = len(self.events), time.time_ns() // 1_000_000
        name, text = f"line-{number:08}", str(self._random.randint(1, 4))
        self.events.append(
            {"message_id": name, "user": {"id": f"9{number}"}, "text": text, "sent_at": sent_ms}
        )
        return privmsg(
            LOGIN,
            text,
            user_id=f"9{number}",
            user=f"viewer{number}",
            room_id=self._twitch.room_id(LOGIN),
            message_id=name,
            sent_ms=sent_ms,
        )


@bound(150, 900)
async def test_r17_lines_wait_and_what_is_dropped_is_counted(trial: Trial, world: World) -> None:
    rounds = trial.scale.count(1, 5)
    link, url = await world.postgres_link()
    async with FakeTwitch.serving() as twitch:
        (web,), (reader,) = await asyncio.gather(
            world.start("web"),
            world.start("connectors", TWITCH_IRC_URL=twitch.url, DATABASE_URL=url, HUBBUB_METRICS_PORT="0"),
        )
        reader.base_url = watched_at(reader)
        async with world.api(web.base_url) as api:
            show, overlay_link = await campaign(api, "Waiting", channel="")
            await api.post(
                f"/campaigns/{show}/channels", {"platform": "twitch", "login": LOGIN, "source": "irc"}
            )
            poll = await launch(api, show)
        await twitch.joined(LOGIN)
        overlays = [world.overlay(f"o{n}", web.base_url, overlay_link) for n in range(4)]
        chat = Chat(trial, twitch)
        most = 0
        async with open_overlays(overlays):
            for number in range(rounds):
                await short_absence(trial, world, link, chat, poll["id"])
                assert await dropped(reader) == len(await missing(world, poll["id"], chat))
                most = max(most, await long_absence(trial, reader, link, chat))
                await until_stored(world, poll["id"], chat.events[-1]["message_id"])
                trial.progress(f"{number + 1} of {rounds} rounds", 0)
            await check(world, reader, chat, overlays, show=show, poll_id=poll["id"])
        assert twitch.complaints == []
    assert "Traceback" not in world.logs
    lost = len(await missing(world, poll["id"], chat))
    assert most <= LARGEST_BUFFER + IN_A_FRAME, f"{most} lines waited"
    assert lost > 0, "the long absence was long"
    trial.figure("lines", len(chat.events))
    trial.figure("most waiting", most)
    trial.figure("dropped, counted and missing", lost)


def watched_at(program: Hubbub) -> str:
    """Where a process without a desk answers `/metrics`."""
    found = re.search(r'"metrics_port": (\d+)', program.log)
    assert found, program.log
    return f"http://127.0.0.1:{found[1]}"


async def dropped(reader: Hubbub) -> int:
    return int((await metrics(reader))["hubbub_lines_dropped_total"])


async def stored(world: World, poll_id: str) -> Counter[str]:
    """How often each line stands in the ledger."""
    async with world.database() as connection:
        rows = await connection.fetch(
            "SELECT message_id FROM poll_vote_ledger WHERE poll_instance_id = $1", poll_id
        )
    return Counter(row["message_id"] for row in rows)


async def missing(world: World, poll_id: str, chat: Chat) -> set[str]:
    """Lines that were written and are not in the ledger."""
    return {event["message_id"] for event in chat.events} - set(await stored(world, poll_id))


async def short_absence(trial: Trial, world: World, link: Link, chat: Chat, poll_id: str) -> None:
    """PostgreSQL is away for less than ten seconds: every line survives it."""
    before = await missing(world, poll_id, chat)
    await chat.say(RATE, RATE)
    trial.record.note("PostgreSQL is away", lines=len(chat.events))
    link.is_down = True
    link.cut()
    await chat.say(round(trial.scale.amount(3, 7) * RATE), RATE)
    link.is_down = False
    await chat.say(RATE, RATE)

    async def all_there() -> bool:
        return await missing(world, poll_id, chat) == before

    await eventually(all_there, "every line of a short absence is stored", trial.within(NORMAL_S))


async def long_absence(trial: Trial, reader: Hubbub, link: Link, chat: Chat) -> int:
    """It is away for longer, and in the full form more is written than may wait; answers the most that did.

    It goes when all that was written is stored: a line whose commit was cut off would be stored and given up.
    """
    before = await dropped(reader)
    trial.record.note("PostgreSQL is away", lines=len(chat.events))
    link.is_down = True
    link.cut()
    most, began = 0, time.monotonic()
    async with asyncio.TaskGroup() as group:
        writing = group.create_task(chat.say(trial.scale.size(*BURST)))
        while not writing.done() or time.monotonic() - began < PATIENCE_S or await dropped(reader) == before:
            assert time.monotonic() - began < 60, "what has waited for too long is given up"
            most = max(most, int((await metrics(reader))["hubbub_events_waiting"]))
            await asyncio.sleep(0.2)
    await chat.say(RATE, RATE)
    link.is_down = False
    return most


async def until_stored(world: World, poll_id: str, message_id: str) -> None:
    """Wait until a line is in the ledger: whatever was written before it is, too, or was given up."""
    async with world.database() as connection:

        async def is_there() -> bool:
            query = "SELECT 1 FROM poll_vote_ledger WHERE poll_instance_id = $1 AND message_id = $2"
            return bool(await connection.fetchval(query, poll_id, message_id))

        await eventually(is_there, "what has not waited for long is stored", 30)


async def check(
    world: World, reader: Hubbub, chat: Chat, overlays: list[Overlay], *, show: str, poll_id: str
) -> None:
    """What is stored counts once and is what everybody is shown; the rest is what was dropped, and told."""
    ledger = await stored(world, poll_id)
    assert set(ledger.values()) == {1}, "a line counts once"
    lost = [event for event in chat.events if event["message_id"] not in ledger]
    assert len(lost) == await dropped(reader), "what is missing was dropped, and what was dropped is missing"
    last = {event["message_id"] for event in chat.events[-RATE:]}
    assert last <= set(ledger), "what had waited for less than ten seconds survives"
    await settled(world, show, overlays, NORMAL_S)
    truth = await truth_of(world, show)
    assert [lie for overlay in overlays for lie in lies(overlay, truth)] == []
    assert [fault for overlay in overlays for fault in (*overlay.faults, *went_back(overlay))] == []
    held = standing(event for event in chat.events if event["message_id"] in ledger)
    for overlay in overlays:
        (board,) = overlay.boards.values()
        assert [option["votes"] for option in board["options"]] == tally(held, 4)
    async with world.database() as connection:

        async def is_told() -> bool:
            told = await connection.fetchval("SELECT sum(lines) FROM lost_lines WHERE campaign_id = $1", show)
            return int(told or 0) == len(lost)

        await eventually(is_told, "every desk is told how many were lost", 10)
