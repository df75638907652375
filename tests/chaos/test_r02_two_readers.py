"""R2: two connector processes read the same chat; what befalls one of them loses and doubles nothing."""

from __future__ import annotations

import asyncio
import time
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


class Chat:
    """Viewers who write votes into a Twitch channel; what they wrote, and what must come of it."""

    def __init__(self, trial: Trial, twitch: FakeTwitch, rate: int) -> None:
        self._random, self._twitch, self._rate = trial.random, twitch, rate
        self.events: list[dict[str, object]] = []
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


@bound(90, 900)
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
            began = time.monotonic()
            async with asyncio.TaskGroup() as group:
                group.create_task(chat.run())
                for number in range(kills):
                    await asyncio.sleep(trial.random.uniform(1.0, 2.0))
                    assert line.cut() == 1, "the far reader's connection breaks"
                    await asyncio.sleep(0.1)
                    await both_hear(twitch)
                    victim = trial.random.choice((near, far))
                    await world.kill9(victim)
                    if number + 1 < kills:
                        await asyncio.to_thread(victim.start)
                        await both_hear(twitch)
                    trial.progress(f"{number + 1} of {kills} kills, {len(chat.events)} lines")
                await asyncio.sleep(1)
                chat.running = False
            took = time.monotonic() - began
            found = await all_stored(world, poll["id"], chat)
        assert twitch.complaints == []
    truth = await truth_of(world, show)
    trial.figure("kills", kills)
    trial.figure("lines", len(chat.events))
    trial.figure("lines per s", round(len(chat.events) / took))
    trial.figure("lost", 0)
    trial.figure("double", 0)
    trial.figure("people", found)
    trial.figure("steps", truth.seq)


async def both_hear(twitch: FakeTwitch) -> None:
    async def two() -> bool:
        return len(twitch.hearing(LOGIN)) == 2

    await eventually(two, "two connections have joined the chat", 20)


async def all_stored(world: World, poll_id: str, chat: Chat) -> int:
    """Every line stands once in the ledger, and each voter's last vote counts; answers how many voters."""
    async with world.database() as connection:

        async def is_over() -> bool:
            stored: int = await connection.fetchval(
                "SELECT count(*) FROM poll_vote_ledger WHERE poll_instance_id = $1", poll_id
            )
            return stored >= len(chat.events)

        await eventually(is_over, f"{len(chat.events)} lines are stored", 10)
        ledger = await connection.fetch(
            "SELECT message_id FROM poll_vote_ledger WHERE poll_instance_id = $1", poll_id
        )
        votes = await connection.fetch(
            "SELECT platform_user_id, choice FROM poll_votes WHERE poll_instance_id = $1", poll_id
        )
    assert sorted(row["message_id"] for row in ledger) == [event["message_id"] for event in chat.events]
    held = {row["platform_user_id"]: row["choice"] for row in votes}
    assert held == standing(chat.events)
    return len(held)
