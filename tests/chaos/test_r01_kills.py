"""R1: what was acknowledged counts once, however often the processes are killed: by the record of every call
and answer, by PostgreSQL, and by what overlays show at the end. What nobody was promised is little.

`tests/acceptance` and `test_long` kill the whole program with its servers; here the servers live on, and
chat is read by a process of its own, so that the lines which die with it can be counted.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Any

from tests.acceptance.show import Api, Json, eventually
from tests.acceptance.voters import Crowd, standing, tally
from tests.chaos.checker import lies, went_back
from tests.chaos.crowds import Voted, counted, voting
from tests.chaos.overlays import BROKEN, Overlay, ending, open_overlays
from tests.chaos.settling import settled, truth_of
from tests.chaos.test_r02_two_readers import LOGIN, Chat
from tests.chaos.trial import Trial, bound
from tests.chaos.world import World, campaign, launch
from tests.fakes.twitch_irc import FakeTwitch

NORMAL_S = 10.0
#: What had been read and was not committed when its reader was killed is no older than this.
LOSS_S = 0.1
#: From the end of a process to the stand-in for Twitch knowing of it.
CLOSED_S = 0.05
OPTIONS = 4


def told(trial: Trial, crowd: Crowd) -> None:
    """Have every call of a crowd in the record with all that was in it, and every answer."""

    def note(kind: str, **facts: Any) -> None:
        if kind == "vote":
            batch = next(batch for batch in reversed(crowd.batches) if id(batch) == facts["batch"])
            facts["events"] = batch.events
        trial.record.note(kind, **facts)

    crowd.note = note


@dataclass(slots=True)
class Promised:
    """What the record says was sent, and what of it was acknowledged: events by message id."""

    sent: dict[str, Json] = field(default_factory=dict)
    acknowledged: dict[str, Json] = field(default_factory=dict)
    unanswered: int = 0  # calls

    @classmethod
    def read(cls, path: Path) -> Promised:
        """From the record alone. An answer belongs to the last call of its batch."""
        found, calls = cls(), dict[int, list[Json]]()
        for line in _lines(path):
            match line["kind"]:
                case "vote":
                    calls[line["batch"]] = line["events"]
                    found.sent |= {event["message_id"]: event for event in line["events"]}
                case "said":
                    found.sent[line["event"]["message_id"]] = line["event"]
                case "vote_unanswered":
                    found.unanswered += 1
                case "vote_answered" if line["status"] == 200:
                    assert json.loads(line["text"])["rejected"] == []
                    found.acknowledged |= {event["message_id"]: event for event in calls[line["batch"]]}
        return found


def _lines(path: Path) -> Iterator[Json]:
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


async def check_record(
    trial: Trial, world: World, poll_id: str, overlays: list[Overlay]
) -> tuple[Promised, Counter[str]]:
    """Hold PostgreSQL, and what overlays show, against the record. Answers what it says, and the ledger."""
    trial.record.flush()
    promised = Promised.read(trial.record.path)
    async with world.database() as connection:
        ledger = Counter(
            row["message_id"]
            for row in await connection.fetch(
                "SELECT message_id FROM poll_vote_ledger WHERE poll_instance_id = $1", poll_id
            )
        )
        votes = await connection.fetch(
            "SELECT platform_user_id, choice FROM poll_votes WHERE poll_instance_id = $1", poll_id
        )
    assert promised.acknowledged.keys() - ledger.keys() == set(), "acknowledged and lost"
    assert set(ledger.values()) == {1}, "counted twice"
    assert ledger.keys() - promised.sent.keys() == set(), "counted and never sent"
    held = standing(promised.sent[message_id] for message_id in ledger)
    assert {row["platform_user_id"]: row["choice"] for row in votes} == held
    for overlay in overlays:
        (board,) = overlay.boards.values()
        assert [option["votes"] for option in board["options"]] == tally(held, OPTIONS), overlay.name
    return promised, ledger


@asynccontextmanager
async def commits_stay_unanswered(world: World) -> AsyncIterator[None]:
    """Entered when transactions are committed on disk and their clients do not know: PostgreSQL waits for a
    replica that does not exist, until the block ends."""
    async with world.database() as connection:
        await connection.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        try:
            await connection.execute("SELECT pg_reload_conf()")

            async def one_waits() -> bool:
                waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
                return bool(await connection.fetchval(waiting))

            await eventually(one_waits, "a commit waits for its answer")
            await asyncio.sleep(0.3)  # of all that is under way, the votes too
            yield
        finally:
            await connection.execute("ALTER SYSTEM RESET synchronous_standby_names")
            await connection.execute("SELECT pg_reload_conf()")


async def until_acknowledged(crowd: Crowd, more: int = 12) -> None:
    """Wait until so many more deliveries were."""

    def number() -> int:
        return sum(batch.accepted + batch.duplicates > 0 for batch in crowd.batches)

    goal = number() + more

    async def are() -> bool:
        return number() >= goal

    await eventually(are, "votes are acknowledged again", 30)


async def result_of(api: Api, poll_id: str) -> list[int]:
    """Close the poll; answers its votes by option as the API tells them."""
    await api.post(f"/polls/{poll_id}/close")

    async def is_closed() -> bool:
        return bool((await api.get(f"/polls/{poll_id}"))["state"] == "closed")

    await eventually(is_closed, "the poll is closed")
    return [option["votes"] for option in (await api.get(f"/polls/{poll_id}"))["options"]]


@bound(150, 900)
async def test_r1_what_was_acknowledged_counts_once(trial: Trial, world: World) -> None:
    kills, rate = trial.scale.count(3, 30), trial.scale.size(400, 2000)
    (web,) = await world.start("web")
    async with world.api(web.base_url) as api:
        show, link = await campaign(api, "Killed")
        poll = await launch(api, show, grace_s=0)
    overlays = [world.overlay(f"o{n}", web.base_url, link) for n in range(trial.scale.size(4, 50))]
    crowd = Crowd(Voted(web, show), trial.seed, rate, size=max(20, rate // 40))
    told(trial, crowd)
    async with open_overlays(overlays):
        async with voting(crowd):
            for number in range(kills):
                await until_acknowledged(crowd)
                await asyncio.sleep(trial.random.uniform(0, 0.5))
                with ending(overlays, BROKEN):
                    if number % 3 == 2:
                        async with commits_stay_unanswered(world):
                            await world.kill9(web)
                    else:
                        await world.kill9(web)
                    await asyncio.to_thread(web.start)
                trial.progress(f"{number + 1} of {kills} kills")
            await until_acknowledged(crowd)
        async with world.api(web.base_url) as api:
            result = await result_of(api, poll["id"])
        await settled(world, show, overlays, NORMAL_S)
        promised, ledger = await check_record(trial, world, poll["id"], overlays)
    async with world.database() as connection:
        assert await counted(connection, crowd, poll["id"]) == result
    truth = await truth_of(world, show)
    assert [lie for overlay in overlays for lie in lies(overlay, truth)] == []
    assert [fault for overlay in overlays for fault in (*overlay.faults, *went_back(overlay))] == []
    # Accepted once each: a retry of what was committed without an answer says "duplicate".
    unknown = len(ledger) - sum(batch.accepted for batch in crowd.acknowledged)
    assert unknown > 0, "no kill hit the moment between a commit and its answer"
    assert "Traceback" not in web.log, web.log[-3000:]
    trial.figure("kills", kills)
    trial.figure("votes acknowledged", len(promised.acknowledged))
    trial.figure("calls without an answer", promised.unanswered)
    trial.figure("votes committed without an answer", unknown)


@bound(150, 900)
async def test_r1_what_nobody_was_promised_is_little(trial: Trial, world: World) -> None:
    kills = trial.scale.count(2, 30)
    async with FakeTwitch.serving() as twitch:
        (web,), (reader,) = await asyncio.gather(
            world.start("web"), world.start("connectors", TWITCH_IRC_URL=twitch.url)
        )
        async with world.api(web.base_url) as api:
            show, link = await campaign(api, "Read", channel="")
            channel = {"platform": "twitch", "login": LOGIN, "source": "irc"}
            await api.post(f"/campaigns/{show}/channels", channel)
            poll = await launch(api, show)
        overlays = [world.overlay(f"o{n}", web.base_url, link) for n in range(4)]
        chat = Chat(trial, twitch, trial.scale.size(400, 2000))
        deaths: list[tuple[float, float]] = []
        await twitch.joined(LOGIN)
        async with open_overlays(overlays), asyncio.TaskGroup() as group:
            group.create_task(chat.run())
            for number in range(kills):
                await twitch.joined(LOGIN, seconds=30)
                await asyncio.sleep(trial.random.uniform(1, 2))
                began = time.time()
                await world.kill9(reader)
                deaths.append((began, time.time() + trial.within(CLOSED_S)))
                await asyncio.to_thread(reader.start)
                trial.progress(f"{number + 1} of {kills} kills")
            await twitch.joined(LOGIN, seconds=30)
            await asyncio.sleep(1)
            chat.running = False
            for event in chat.events:
                trial.record.note("said", event=event)
            await all_stored(world, poll["id"], chat)
            await settled(world, show, overlays, NORMAL_S)
            _, ledger = await check_record(trial, world, poll["id"], overlays)
        assert twitch.complaints == []
    lost = [event for event in chat.events if event["message_id"] not in ledger and event["readers"]]
    oldest = oldest_loss(lost, deaths)
    assert "Traceback" not in world.logs
    trial.figure("kills", kills)
    trial.figure("lines", len(chat.events))
    trial.figure("lost with their reader", len(lost))
    trial.figure("oldest of them", f"{oldest * 1000:.0f} ms")
    assert oldest <= trial.within(LOSS_S), f"{oldest:.3f} s of input are lost"


def oldest_loss(lost: Sequence[Json], deaths: Sequence[tuple[float, float]]) -> float:
    """How long before the next death a line was said that was lost, at most; endless if none followed.

    `deaths`: from when to when one took, seconds since 1970. What was said meanwhile, to a reader that was
    gone and whose line was not closed yet, had never come in.
    """
    oldest = 0.0
    for event in lost:
        said = event["sent_at"] / 1000
        if not any(began <= said <= ended for began, ended in deaths):
            oldest = max(oldest, min((began - said for began, _ in deaths if began > said), default=inf))
    return oldest


async def all_stored(world: World, poll_id: str, chat: Chat) -> None:
    """Wait until the last line is in the ledger: it has come after all others."""
    last = chat.events[-1]["message_id"]
    async with world.database() as connection:

        async def is_there() -> bool:
            query = "SELECT 1 FROM poll_vote_ledger WHERE poll_instance_id = $1 AND message_id = $2"
            return bool(await connection.fetchval(query, poll_id, last))

        await eventually(is_there, "what was read is stored", 30)
