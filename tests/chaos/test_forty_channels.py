"""Ten polls at once over forty Twitch channels, read by one process of connectors, which then dies.

Beside the promises: what such an evening costs (how long joining takes, what a channel weighs, how many lines
a second go through), and that the death of the reader loses and doubles no vote while another one reads.
Twitch lets twenty channels be joined in ten seconds, so forty take a little more than ten.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from pathlib import Path

from tests.acceptance.show import Api, eventually
from tests.chaos.trial import Trial, bound
from tests.chaos.world import World, launch
from tests.fakes.twitch_irc import FakeTwitch, privmsg
from tests.servers import Hubbub

POLLS, CHANNELS_EACH = 10, 4
LOGINS = tuple(f"channel_{number:02}" for number in range(POLLS * CHANNELS_EACH))
JOINING_S, TAKEOVER_S = 20.0, 10.0
LINES_IN_A_FRAME = 20


class Crowd:
    """Viewers of all channels: who wrote what, where, as the last word of each."""

    def __init__(self, trial: Trial, twitch: FakeTwitch) -> None:
        self._random, self._twitch = trial.random, twitch
        self.sent = 0
        self.last: dict[tuple[int, str], int] = {}

    async def write(self, frames: int) -> None:
        """So many frames into every channel, as fast as they go."""
        for _ in range(frames):
            for place, login in enumerate(LOGINS):
                await self._twitch.send(login, *(self._line(place, login) for _ in range(LINES_IN_A_FRAME)))

    def _line(self, place: int, login: str) -> str:
        self.sent += 1
        who, choice = f"8{self._random.randrange(4000)}", self._random.randint(1, 4)
        self.last[place // CHANNELS_EACH, who] = choice
        return privmsg(
            login,
            str(choice),
            user_id=who,
            user=f"viewer{who}",
            room_id=self._twitch.room_id(login),
            message_id=f"forty-{self.sent:08}",
            sent_ms=time.time_ns() // 1_000_000,
        )

    def tally(self, poll: int) -> int:
        return sum(place == poll for place, _ in self.last)


def resident_kib(program: Hubbub) -> int:
    """Memory of a process, in KiB."""
    status = Path(f"/proc/{program.pid}/status").read_text("utf-8")
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))


async def shows(api: Api) -> list[str]:
    """Ten shows with four channels each and a poll that runs; answers the polls."""
    polls = []
    for number in range(POLLS):
        show = (await api.post("/campaigns", {"name": f"Show {number}"}))["id"]
        for login in LOGINS[number * CHANNELS_EACH : (number + 1) * CHANNELS_EACH]:
            body = {"platform": "twitch", "login": login, "source": "irc"}
            await api.post(f"/campaigns/{show}/channels", body)
        polls.append((await launch(api, show))["id"])
    return polls


async def heard_by(twitch: FakeTwitch, readers: int, seconds: float) -> float:
    """Wait until every channel has so many readers; answers how long that took."""
    began = time.monotonic()

    async def are_heard() -> bool:
        return all(len(twitch.hearing(login)) == readers for login in LOGINS)

    await eventually(are_heard, f"{len(LOGINS)} channels have {readers} readers", seconds)
    return time.monotonic() - began


async def stored(world: World) -> Counter[str]:
    """How often each line stands in the ledgers."""
    async with world.database() as connection:
        rows = await connection.fetch(
            "SELECT message_id FROM poll_vote_ledger WHERE message_id LIKE 'forty-%'"
        )
    return Counter(row["message_id"] for row in rows)


@bound(150, 600)
async def test_forty_channels_on_one_process_which_dies(trial: Trial, world: World) -> None:
    async with FakeTwitch.serving() as twitch:
        (web,), (first,) = await asyncio.gather(
            world.start("web"), world.start("connectors", TWITCH_IRC_URL=twitch.url)
        )
        async with world.api(web.base_url) as api:
            empty_kib = resident_kib(first)
            polls = await shows(api)
            joined_s = await heard_by(twitch, 1, JOINING_S)
            channel_kib = (resident_kib(first) - empty_kib) / len(LOGINS)
            crowd = Crowd(trial, twitch)

            async def all_stored() -> bool:
                return len(await stored(world)) == crowd.sent

            began = time.monotonic()
            await crowd.write(trial.scale.count(3, 50))
            await eventually(all_stored, "every line is stored", 60)
            per_second = crowd.sent / (time.monotonic() - began)

            await world.start("connectors", TWITCH_IRC_URL=twitch.url)
            await heard_by(twitch, 2, JOINING_S)
            writing = asyncio.create_task(crowd.write(trial.scale.count(3, 50)))
            await world.kill9(first)
            alone_s = await heard_by(twitch, 1, TAKEOVER_S)
            await writing
            await eventually(all_stored, "every line is stored though its reader died", 60)
            assert set((await stored(world)).values()) == {1}, "no line counts twice"
            for number, poll_id in enumerate(polls):
                poll = await api.get(f"/polls/{poll_id}")
                assert sum(option["votes"] for option in poll["options"]) == crowd.tally(number)
        # The stand-in counts the joins of all together; Twitch counts those of each reader by itself.
        assert [said for said in twitch.complaints if "joins within" not in said] == []
        for reader in twitch.clients:
            times = sorted(reader.join_times)
            assert all(b - a > 10 for a, b in zip(times, times[20:], strict=False)), "twenty in ten seconds"
    trial.figure("channels", len(LOGINS))
    trial.figure("polls", POLLS)
    trial.figure("joined in", f"{joined_s:.1f} s")
    trial.figure("memory of a channel", f"{channel_kib:.0f} KiB")
    trial.figure("lines a second", round(per_second))
    trial.figure("lines", crowd.sent)
    trial.figure("taken over in", f"{alone_s:.1f} s")
    trial.figure("lost", 0)
    trial.figure("double", 0)
