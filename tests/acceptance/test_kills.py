"""The power cut, ten times, at five hundred votes a second: what was acknowledged is counted, once (R1).

And the clock goes on while nobody is there: a deadline that passed fires at the start, with the votes that
were sent in time (R9).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

from tests.acceptance.processes import children_in
from tests.acceptance.show import Show, chat, eventually, ms_of, now_ms
from tests.acceptance.voters import Crowd, check_counted
from tests.servers import Hubbub, is_alive

SEED = 20_261_122


async def kill_again_and_again(
    hubbub: Hubbub, show: Show, crowd: Crowd, kills: int, seed: int
) -> list[float]:
    """`kill -9` at random moments under load; answers how long each start took.

    A third of the kills are aimed at the worst moment: PostgreSQL has committed and its answer is under way.
    Of the others, half of the starts do not wait until the embedded servers are gone.
    """
    random = Random(seed)  # noqa: S311
    starts = []
    for number in range(kills):
        before = sum(batch.tries > 0 for batch in crowd.batches)

        async def under_load(goal: int = before + 12) -> bool:
            return sum(batch.accepted + batch.duplicates > 0 for batch in crowd.batches) >= goal

        await eventually(under_load, "votes are acknowledged again", 30)
        await asyncio.sleep(random.uniform(0, 0.5))
        family = set(children_in(hubbub.data_dir)) - {hubbub.pid}
        assert len(family) >= 2, "PostgreSQL and Valkey"

        async def orphans_are_gone(pids: frozenset[int] = frozenset(family)) -> bool:
            return not any(map(is_alive, pids))

        if number % 3 == 2:
            async with commits_stay_unanswered(hubbub, show):
                await asyncio.to_thread(hubbub.kill9)
                await eventually(orphans_are_gone, "no orphan after kill -9 inside a commit", 10)
        else:
            await asyncio.to_thread(hubbub.kill9)
        if number % 2 == 0:
            await eventually(orphans_are_gone, "no orphan after kill -9", 10)
        began = time.monotonic()
        await asyncio.to_thread(hubbub.start)
        starts.append(time.monotonic() - began)
        await eventually(orphans_are_gone, "no orphan beside the new servers", 1)
    return starts


@asynccontextmanager
async def commits_stay_unanswered(hubbub: Hubbub, show: Show) -> AsyncIterator[None]:
    """Entered when a transaction is durably committed and its client does not know: a pause point for kills.

    PostgreSQL is told to wait for a replica that does not exist; it waits after the commit record is on disk.
    PostgreSQL must be gone at the end, and its next start knows nothing of that replica.
    """
    settings = hubbub.data_dir / "postgres" / "postgresql.auto.conf"
    before = settings.read_bytes()
    await show.rows("ALTER SYSTEM SET synchronous_standby_names = 'a_replica_that_does_not_exist'")
    await show.rows("SELECT pg_reload_conf()")

    async def one_waits() -> bool:
        return bool(await show.rows("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'"))

    await eventually(one_waits, "a commit waits for its answer")
    yield
    settings.write_bytes(before)


async def check_promises(show: Show, crowd: Crowd, poll_id: str, folder: Path) -> str:
    """Compare what was acknowledged with what is counted; answers a line of figures."""
    await show.act(poll_id, "close")
    closed = await show.until_state(poll_id, "closed")
    ledger = await show.rows(
        "SELECT message_id, count(*) AS times FROM poll_vote_ledger WHERE poll_instance_id = $1 GROUP BY 1",
        poll_id,
    )
    taken = {row["message_id"]: row["times"] for row in ledger}
    rows = await show.rows(
        "SELECT platform_user_id, choice FROM poll_votes WHERE poll_instance_id = $1", poll_id
    )
    held = {row["platform_user_id"]: row["choice"] for row in rows}
    expected = check_counted(crowd, taken, held)
    promised = [event for batch in crowd.acknowledged for event in batch.events]
    assert await show.database_votes(poll_id, crowd.options) == expected
    assert [option["votes"] for option in closed["options"]] == expected
    assert await show.csv_votes(poll_id, crowd.options) == expected
    assert await show.verified_votes(poll_id, crowd.options, folder) == (expected, len(taken))
    running = await show.rows(
        "SELECT sum(votes)::int AS votes FROM poll_results WHERE poll_instance_id = $1", poll_id
    )
    assert running[0]["votes"] == sum(expected)
    # Accepted once each: a retry of what was committed without an answer says "duplicate".
    accepted = sum(batch.accepted for batch in crowd.acknowledged)
    assert accepted < len(taken), "no kill hit the moment between a commit and its answer"
    given_up = [batch for batch in crowd.batches if batch.given_up]
    return (
        f"{len(promised)} deliveries acknowledged in {len(crowd.acknowledged)} batches, "
        f"{len(taken)} votes of {len(held)} people, {crowd.failures} answers missed, "
        f"{len(given_up)} batches given up, committed without an answer: {len(taken) - accepted} votes"
    )


async def test_ten_kills_at_500_votes_a_second(hubbub: Hubbub, tmp_path: Path) -> None:
    await survive(hubbub, tmp_path, kills=10, rate=500, seed=SEED)


async def survive(hubbub: Hubbub, tmp_path: Path, *, kills: int, rate: int, seed: int) -> str:
    """One poll, so many power cuts, and every promise of it checked; answers a line of figures."""
    print(f"seed {seed}")
    async with Show.on(hubbub) as show:
        await show.channel("deck")
        poll = await show.launch("Hold the gate?", ["Yes", "No", "Run", "Sing"], duration_s=3600, grace_s=0)
        crowd = Crowd(show, seed, rate, size=max(25, rate // 40))
        voting = asyncio.create_task(crowd.run())
        began = time.monotonic()
        try:
            starts = await kill_again_and_again(hubbub, show, crowd, kills, seed)
        finally:
            crowd.running = False
            await asyncio.wait([voting])
        assert voting.exception() is None
        seconds = time.monotonic() - began
        figures = await check_promises(show, crowd, poll["id"], tmp_path)
    events = sum(len(batch.events) for batch in crowd.batches)
    told = (
        f"{kills} kills in {seconds:.0f} s, {events / seconds:.0f} events/s (asked for {rate}); {figures}; "
        f"starts took {min(starts):.2f}–{max(starts):.2f} s"
    )
    print(told)
    assert '"event": "running_totals_differ"' not in hubbub.log
    return told


async def test_a_deadline_that_passed_while_dead_fires_at_the_start(hubbub: Hubbub, tmp_path: Path) -> None:
    async with Show.on(hubbub) as late, Show.on(hubbub, "No grace") as strict:
        # One poll is in its grace when the server comes back, the other is over.
        options = ["Fight", "Flee", "Talk"]
        polls = {}
        for show, grace in ((late, 12), (strict, 0)):
            await show.channel("deck")
            polls[show] = await show.launch("What now?", options, duration_s=10, grace_s=grace)
            receipt = await show.send([chat(f"a{n}", f"a{n}", "1", now_ms()) for n in range(5)])
            assert receipt["accepted"] == 5
        closes = {show: ms_of(poll["closes_at"]) for show, poll in polls.items()}

        async def is_near() -> bool:
            return now_ms() >= min(closes.values()) - 300

        await eventually(is_near, "the last moments of the poll", 15)
        hubbub.kill9()

        async def is_past() -> bool:
            return now_ms() > max(closes.values()) + 300

        await eventually(is_past, "the deadline has passed")
        await asyncio.to_thread(hubbub.start)
        ready = now_ms()

        async def has_fired() -> bool:
            states = [(await show.poll(poll["id"]))["state"] for show, poll in polls.items()]
            return states == ["closing", "closed"]

        await eventually(has_fired, "both deadlines have fired", 2)
        fired_ms = now_ms() - ready
        for show, poll in polls.items():
            # It closed at its own time, not when somebody came to see.
            assert (await show.poll(poll["id"]))["closes_at"] == poll["closes_at"]
            at = closes[show]
            receipt = await show.send(
                [
                    chat("in-time", "b1", "2", at - 50),
                    chat("on-the-dot", "b2", "2", at),
                    chat("changed", "a0", "3", at - 400),
                    chat("a-moment-late", "c1", "3", at + 1),
                    chat("changed-too-late", "a1", "3", at + 20),
                    chat("much-too-late", "c2", "3", now_ms()),
                ]
            )
            assert receipt["rejected"] == []
        assert await late.api_votes(polls[late]["id"]) == [4, 2, 1]
        assert await strict.api_votes(polls[strict]["id"]) == [5, 0, 0]
        await late.until_state(polls[late]["id"], "closed", 25)
        for show, expected in ((late, [4, 2, 1]), (strict, [5, 0, 0])):
            poll_id = polls[show]["id"]
            assert await show.api_votes(poll_id) == expected
            assert await show.database_votes(poll_id, 3) == expected
            assert (await show.verified_votes(poll_id, 3, tmp_path))[0] == expected
            fired = await show.rows(
                "SELECT kind FROM deadlines WHERE board_id = $1 AND state = 'fired' ORDER BY kind", poll_id
            )
            assert [row["kind"] for row in fired] == ["close", "lock"]
    print(f"overdue deadlines had fired {fired_ms} ms after the program said that it was ready")
