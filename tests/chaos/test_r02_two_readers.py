"""R2: two connector processes read the same chat; what befalls one of them loses and doubles nothing."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import Any
from urllib.parse import urlsplit

from tests.acceptance.show import eventually
from tests.acceptance.voters import standing
from tests.chaos.proxy import Link
from tests.chaos.settling import truth_of
from tests.chaos.trial import Trial, bound
from tests.chaos.world import World, launch
from tests.fakes.twitch_irc import FakeTwitch, privmsg

LOGIN = "deck"
LINES_IN_A_FRAME = 20
#: From a line's reading to its being stored, on a machine that has other things to do.
JOINED_S = 0.5


class Chat:
    """Viewers who write votes into a Twitch channel; what they wrote, and what must come of it."""

    def __init__(self, trial: Trial, twitch: FakeTwitch, rate: int) -> None:
        self._random, self._twitch, self._rate = trial.random, twitch, rate
        self.events: list[dict[str, Any]] = []
        self.running = True

    async def run(self) -> None:
        began = time.monotonic()
        while self.running:
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


@bound(90, 1500)
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
            chat = Chat(trial, twitch, trial.scale.size(400, 2000))
            began, alone = time.monotonic(), 0.0
            async with asyncio.TaskGroup() as group:
                group.create_task(chat.run())
                for number in range(kills):
                    await asyncio.sleep(trial.random.uniform(0.5, 1.5))
                    await both_hear(twitch)
                    trial.record.note("cut", victim="far")
                    assert line.cut() == 1, "the far reader's connection breaks"
                    alone += await both_hear(twitch)
                    victim = trial.random.choice((near, far))
                    await world.kill9(victim)
                    if number + 1 < kills:
                        await asyncio.to_thread(victim.start)
                        alone += await both_hear(twitch)
                    trial.progress(f"{number + 1} of {kills} kills, {len(chat.events)} lines")
                await asyncio.sleep(1)
                chat.running = False
            took = time.monotonic() - began
            people, died = await all_stored(world, poll["id"], chat)
        assert twitch.complaints == []
    truth = await truth_of(world, show)
    trial.figure("kills", kills)
    trial.figure("lines", len(chat.events))
    trial.figure("lines per s", round(len(chat.events) / took))
    trial.figure("lost of what two heard", 0)
    trial.figure("double", 0)
    trial.figure("died with their only reader", died)
    trial.figure("people", people)
    trial.figure("steps", truth.seq)
    trial.figure("with one reader for", f"{alone:.1f} of {took:.0f} s")


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


async def all_stored(world: World, poll_id: str, chat: Chat) -> tuple[int, int]:
    """Every line that two could hear stands once in the ledger, and each voter's last vote counts.

    Answers how many voters there are, and how many lines died with the only reader that had heard them.
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
    promised = [event for event in lost if event["readers"] == 2]
    assert promised == [], f"{len(promised)} lines of {len(chat.events)} were lost: {runs_of(promised)}"
    held = {row["platform_user_id"]: row["choice"] for row in votes}
    assert held == standing(event for event in chat.events if event["message_id"] in found)
    return len(held), len(lost)
