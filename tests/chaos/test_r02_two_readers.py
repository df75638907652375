"""R2: two connector processes read the same chat; what befalls one of them loses and doubles nothing.

First in the promise's own words: either is killed every three seconds, comes back at once, and not a line
is lost. In the long form also what the promise leaves out: a reader's line is cut as well, and may be when
the other has just come. Then what only one had heard may die with it, and all else may not.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from tests.acceptance.show import eventually
from tests.acceptance.voters import standing
from tests.chaos.proxy import Link
from tests.chaos.settling import truth_of
from tests.chaos.trial import Trial, bound
from tests.chaos.world import World, launch
from tests.fakes.twitch_irc import FakeTwitch, privmsg
from tests.servers import Hubbub

LOGIN = "deck"
LINES_IN_A_FRAME = 20
#: From a line's reading to its being stored, on a machine that has other things to do.
JOINED_S = 0.5
#: In the promise's words; the short form has one kill within so many seconds.
KILL_EVERY_S, SHORT_S = 3.0, 20.0


class Chat:
    """Viewers who write votes into a Twitch channel; what they wrote, and what must come of it."""

    def __init__(self, trial: Trial, twitch: FakeTwitch, rate: int) -> None:
        self._random, self._twitch, self._rate = trial.random, twitch, rate
        self.events: list[dict[str, Any]] = []
        self.running = True
        self._readers = 0

    async def run(self) -> None:
        began = time.monotonic()
        while self.running:
            self._readers = len(self._twitch.hearing(LOGIN))
            await self._twitch.send(LOGIN, *(self._line() for _ in range(LINES_IN_A_FRAME)))
            await asyncio.sleep(max(0.0, began + len(self.events) / self._rate - time.monotonic()))

    def _line(self) -> str:
        number = len(self.events)
        who = self._random.randrange(number) if number and self._random.random() < 0.2 else number
        text, sent_ms = str(self._random.randint(1, 4)), time.time_ns() // 1_000_000
        event = {
            "message_id": f"line-{number:08}",
            "user": {"id": f"9{who}"},
            "text": text,
            "sent_at": sent_ms,
            "readers": self._readers,
        }
        self.events.append(event)
        return privmsg(
            LOGIN,
            text,
            user_id=f"9{who}",
            user=f"viewer{who}",
            room_id=self._twitch.room_id(LOGIN),
            message_id=f"line-{number:08}",
            sent_ms=sent_ms,
        )


@bound(120, 2400)
async def test_r2_the_death_of_a_reader_loses_nothing(trial: Trial, world: World) -> None:
    kills = trial.scale.count(1, 100)
    async with FakeTwitch.serving() as twitch, Link.to(("127.0.0.1", urlsplit(twitch.url).port or 0)) as line:
        (web,), (near,), (far,) = await asyncio.gather(
            world.start("web"),
            world.start("connectors", TWITCH_IRC_URL=twitch.url),
            world.start("connectors", TWITCH_IRC_URL=f"ws://127.0.0.1:{line.port}"),
        )
        async with world.api(web.base_url) as api:
            show = (await api.post("/campaigns", {"name": "Two readers"}))["id"]
            await api.post(
                f"/campaigns/{show}/channels", {"platform": "twitch", "login": LOGIN, "source": "irc"}
            )
            poll = await launch(api, show)
            await both_hear(twitch)
            rate = trial.scale.size(200, 2000)
            chat = Chat(trial, twitch, rate)
            began, alone = time.monotonic(), 0.0
            async with asyncio.TaskGroup() as group:
                group.create_task(chat.run())
                await kill_either(trial, world, (near, far), kills)
                strictly, strictly_s = len(chat.events), time.monotonic() - began
                if trial.scale.is_long:
                    alone = await cut_and_kill(trial, world, twitch, line, readers=(near, far), kills=kills)
                await asyncio.sleep(1)
                chat.running = False
            took = time.monotonic() - began
            people, died = await all_stored(world, poll["id"], chat, strictly)
        assert twitch.complaints == []
    truth = await truth_of(world, show)
    trial.figure("kills", kills)
    trial.figure("lines", strictly)
    trial.rate("lines", strictly, strictly_s, rate)
    trial.figure("lost", 0)
    trial.figure("double", 0)
    trial.figure("people", people)
    trial.figure("steps", truth.seq)
    if trial.scale.is_long:
        trial.figure("lines with cuts", len(chat.events) - strictly)
        trial.figure("of these died with their only reader", died)
        trial.figure("with one reader for", f"{alone:.1f} of {took:.0f} s")


async def kill_either(trial: Trial, world: World, readers: Sequence[Hubbub], kills: int) -> None:
    """One of the two is killed, and started anew at once, every three seconds; once in the short form."""
    every_s = KILL_EVERY_S if trial.scale.is_long else SHORT_S
    for number in range(kills):
        next_s = time.monotonic() + every_s
        await asyncio.sleep(trial.random.uniform(0.2, 0.5) * every_s)
        victim = trial.random.choice(readers)
        await world.kill9(victim)
        await asyncio.to_thread(victim.start)
        await asyncio.sleep(max(0.0, next_s - time.monotonic()))
        trial.progress(f"{number + 1} of {kills} kills")


async def cut_and_kill(
    trial: Trial, world: World, twitch: FakeTwitch, line: Link, *, readers: Sequence[Hubbub], kills: int
) -> float:
    """The far reader's line breaks, then one of the two is killed; answers for how long one was alone."""
    alone = 0.0
    for number in range(kills):
        await asyncio.sleep(trial.random.uniform(0.5, 1.5))
        await both_hear(twitch)
        trial.record.note("cut", victim="far")
        assert line.cut() == 1, "the far reader's connection breaks"
        alone += await both_hear(twitch)
        victim = trial.random.choice(readers)
        await world.kill9(victim)
        await asyncio.to_thread(victim.start)
        alone += await both_hear(twitch)
        trial.progress(f"{number + 1} of {kills} cuts and kills")
    return alone


async def both_hear(twitch: FakeTwitch) -> float:
    """Wait until two have been in the chat for a while: what only one of them has heard is mostly stored.

    Answers how long it took.
    """
    began = since = time.monotonic()

    async def two_for_a_while() -> bool:
        nonlocal since
        now = time.monotonic()
        if len(twitch.hearing(LOGIN)) != 2:
            since = now
        return now - since > JOINED_S

    await eventually(two_for_a_while, "two connections have joined the chat", 20)
    return time.monotonic() - began - JOINED_S


def runs_of(lost: list[dict[str, Any]]) -> list[str]:
    """When they were sent, in seconds since 1970 as in the record; neighbours are one entry."""
    found: list[list[dict[str, Any]]] = []
    for event in lost:
        if found and event["sent_at"] - found[-1][-1]["sent_at"] < 500:
            found[-1].append(event)
        else:
            found.append([event])
    return [
        f"{len(run)} from {run[0]['sent_at'] / 1000:.3f} to {run[-1]['sent_at'] / 1000:.3f}" for run in found
    ]


async def all_stored(world: World, poll_id: str, chat: Chat, strictly: int) -> tuple[int, int]:
    """Every line stands once in the ledger, and each voter's last vote counts.

    After the first `strictly` lines one that only one reader could hear may be missing. Answers how many
    voters there are, and how many lines died with the only reader that had heard them.
    """
    async with world.database() as connection:

        async def stored() -> int:
            count: int = await connection.fetchval(
                "SELECT count(*) FROM poll_vote_ledger WHERE poll_instance_id = $1", poll_id
            )
            return count

        async def is_over() -> bool:
            before = await stored()
            await asyncio.sleep(1)
            return before >= len(chat.events) or await stored() == before

        await eventually(is_over, "what was read is stored", 60)
        ledger = await connection.fetch(
            "SELECT message_id FROM poll_vote_ledger WHERE poll_instance_id = $1", poll_id
        )
        votes = await connection.fetch(
            "SELECT platform_user_id, choice FROM poll_votes WHERE poll_instance_id = $1", poll_id
        )
    found = Counter(row["message_id"] for row in ledger)
    assert set(found.values()) == {1}, "every line counts once"
    lost = [event for event in chat.events if event["message_id"] not in found]
    promised = [
        event
        for number, event in enumerate(chat.events)
        if event["message_id"] not in found and (number < strictly or event["readers"] == 2)
    ]
    assert promised == [], f"{len(promised)} lines of {len(chat.events)} were lost: {runs_of(promised)}"
    held = {row["platform_user_id"]: row["choice"] for row in votes}
    assert held == standing(event for event in chat.events if event["message_id"] in found)
    return len(held), len(lost)
