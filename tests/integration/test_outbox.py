"""The outbox on a real database: one holder, order, leases, bounds, persons, and a database that is away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from server.engine.outbox import Outbox
from server.rules.delivery import Again, Dead, Done, Item, NeedsPerson, Verdict
from server.rules.retry import Policy
from sql import outbox, restore
from sql.pool import Database
from tests.integration.engine_rig import Wire, make_campaign, until


@dataclass
class Tray:
    """A courier that answers what it is told to, and notes what it was given."""

    kinds: tuple[str, ...] = ("test.one",)
    answers: Callable[[Item], Verdict] = lambda _: Done()
    given: list[tuple[str, int]] = field(default_factory=list)  # (name, attempts before)
    #: While it is clear a delivery does not end.
    may_end: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.may_end.set()

    async def deliver(self, item: Item) -> Verdict:
        self.given.append((item.payload["name"], item.attempts))
        await self.may_end.wait()
        return self.answers(item)

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.given]


@dataclass
class TrayOfMany(Tray):
    together: int = 3
    groups: list[list[str]] = field(default_factory=list)

    async def deliver_all(self, items: Sequence[Item]) -> Sequence[Verdict]:
        self.groups.append([item.payload["name"] for item in items])
        return [await self.deliver(item) for item in items]


@pytest.fixture
async def campaign(database: Database) -> UUID:
    return await make_campaign(database, ())


async def order(database: Database, campaign: UUID, name: str, kind: str = "test.one", **more: Any) -> UUID:
    async with database.transaction() as connection:
        made = await outbox.add(
            connection, campaign, kind, key=f"{campaign}:{name}", payload={"name": name}, **more
        )
    assert made is not None
    return made


async def entry(database: Database, id_: UUID, campaign: UUID) -> outbox.Entry:
    async with database.connection() as connection:
        found = await outbox.get(connection, id_, (campaign,))
    assert found is not None
    return found


async def skip_pauses(database: Database) -> None:
    async with database.connection() as connection:
        await connection.execute("UPDATE outbox SET next_at = now() WHERE state = 'pending'")


async def end_leases(database: Database) -> None:
    """Whoever held something is long dead."""
    async with database.connection() as connection:
        await connection.execute(
            "UPDATE outbox SET lease_until = now() - interval '1 s' WHERE state = 'leased'"
        )


@asynccontextmanager
async def running(box: Outbox) -> AsyncIterator[None]:
    task = asyncio.create_task(box.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_what_is_ordered_is_delivered_once_by_one_of_three(
    database_url: str, database: Database, campaign: UUID
) -> None:
    names = [f"n{number}" for number in range(60)]
    for name in names:
        await order(database, campaign, name)
    tray = Tray()
    pools = [await Database.open(database_url, most=3) for _ in range(3)]
    try:
        await asyncio.gather(*(Outbox(pool, [tray]).deliver_due() for pool in pools))
    finally:
        for pool in pools:
            await pool.close()
    assert sorted(tray.names) == sorted(names)
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM outbox WHERE state = 'done'") == 60


async def test_the_same_key_is_ordered_once(database: Database, campaign: UUID) -> None:
    first = await order(database, campaign, "a")
    async with database.connection() as connection:
        again = await outbox.add(connection, campaign, "test.one", key=f"{campaign}:a", payload={"name": "a"})
        assert again is None
        assert await outbox.by_key(connection, f"{campaign}:a") == first


async def test_of_one_order_key_one_leaves_after_the_other(
    database_url: str, database: Database, campaign: UUID
) -> None:
    """Three processes, two lines that wait in order, and what has no order goes beside them."""
    for number in range(8):
        for line in "xy":
            await order(database, campaign, f"{line}{number}", order_key=line)
        await order(database, campaign, f"free{number}")
    busy: set[str] = set()

    def once(item: Item) -> Verdict:
        line = item.payload["name"][0]
        if line == "f":
            return Done()
        return Again("once more", 0.0) if item.attempts == 0 else Done()

    class Watching(Tray):
        async def deliver(self, item: Item) -> Verdict:
            line = item.payload["name"][0]
            assert line == "f" or line not in busy, "two of one line at a time"
            busy.add(line)
            await asyncio.sleep(0.002)
            verdict = await super().deliver(item)
            busy.discard(line)
            return verdict

    tray = Watching(answers=once)
    pools = [await Database.open(database_url, most=3) for _ in range(3)]
    boxes = [Outbox(pool, [tray]) for pool in pools]

    async def is_empty() -> bool:
        await asyncio.gather(*(box.deliver_due() for box in boxes))
        async with database.connection() as connection:
            left: int = await connection.fetchval("SELECT count(*) FROM outbox WHERE state <> 'done'")
        return left == 0

    try:
        await until(is_empty, "everything has left", 30)
    finally:
        for pool in pools:
            await pool.close()
    for line in "xy":
        mine = [name for name in tray.names if name[0] == line]
        assert mine == [f"{line}{number}" for number in range(8) for _ in range(2)]


async def test_one_that_fails_over_and_over_lets_the_others_pass(database: Database, campaign: UUID) -> None:
    bad = await order(database, campaign, "bad", order_key="x")
    await order(database, campaign, "good", order_key="x")
    tray = Tray(answers=lambda item: Again("no") if item.payload["name"] == "bad" else Done())
    box = Outbox(database, [tray], chance=lambda: 0.0)
    for _ in range(4):
        await box.deliver_due()
        await skip_pauses(database)
    assert tray.names == ["bad"] * 4
    await box.deliver_due()
    assert tray.names == ["bad"] * 5 + ["good"]
    await skip_pauses(database)
    await box.deliver_due()
    assert tray.names[-1] == "bad", "it is tried on by itself"
    assert (await entry(database, bad, campaign)).attempts == 6


async def test_those_of_one_kind_and_line_leave_together(database: Database, campaign: UUID) -> None:
    for number in range(5):
        await order(database, campaign, f"a{number}", order_key="x")
    await order(database, campaign, "other", kind="test.two", order_key="x")
    await order(database, campaign, "a9", order_key="x")
    many = TrayOfMany(answers=lambda item: NeedsPerson("!") if item.payload["name"] == "a1" else Done())
    other = Tray(kinds=("test.two",))
    await Outbox(database, [many, other]).deliver_due()
    # What is alone is given alone; one of another kind is in between.
    assert many.groups == [["a0", "a1", "a2"], ["a3", "a4"]]
    assert many.names == ["a0", "a1", "a2", "a3", "a4", "a9"]
    assert other.names == ["other"]


async def test_who_dies_loses_the_item_and_the_next_one_knows_of_the_try(
    database: Database, campaign: UUID
) -> None:
    for number in range(3):
        await order(database, campaign, f"a{number}", order_key="x")
    many = TrayOfMany()
    many.may_end.clear()
    dead = Outbox(database, [many])
    await dead._look()
    await until(lambda: len(many.given) == 1, "the first is being delivered")
    other = TrayOfMany()
    second = Outbox(database, [other])
    await second.deliver_due()
    assert other.given == [], "they are somebody's"
    await end_leases(database)
    await second.deliver_due()
    assert other.groups == [["a0", "a1", "a2"]]
    assert other.given == [("a0", 1), ("a1", 1), ("a2", 1)]
    many.may_end.set()  # the dead one comes back, and has no say any more
    many.answers = lambda _: Dead("too late to tell")
    await until(lambda: not dead._running, "it has found out")
    async with database.connection() as connection:
        rows = await connection.fetch("SELECT state, attempts FROM outbox")
    assert {tuple(row) for row in rows} == {("done", 2)}


async def test_a_sign_of_life_keeps_the_item(
    database: Database, campaign: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.engine.outbox._SIGN_EVERY_S", 0.05)
    await order(database, campaign, "slow")
    tray = Tray()
    tray.may_end.clear()
    slow = Outbox(database, [tray], lease_s=0.3)
    await slow._look()
    other = Tray()
    second = Outbox(database, [other], lease_s=0.3)
    loop = asyncio.get_running_loop()
    until_s = loop.time() + 0.9
    while loop.time() < until_s:
        await second.deliver_due()
        await asyncio.sleep(0.02)
    assert other.given == []
    tray.may_end.set()
    await until(lambda: not slow._running, "it is settled")
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT state FROM outbox") == "done"


async def test_tries_end_and_a_person_may_begin_them_anew(database: Database, campaign: UUID) -> None:
    id_ = await order(database, campaign, "a")
    tray = Tray(answers=lambda _: Again("no"))
    box = Outbox(database, [tray], policies={"test.one": Policy(0.1, 1.0, 3)})
    for _ in range(5):
        await box.deliver_due()
        await skip_pauses(database)
    found = await entry(database, id_, campaign)
    assert (found.state, found.attempts, found.last_error) == ("dead", 3, "Given up after 3 tries: no")
    async with database.connection() as connection:
        assert await outbox.list_page(connection, campaign, outbox.STUCK, None, 10) == [found]
        assert await outbox.retry(connection, id_, 10)
        assert not await outbox.retry(connection, id_, 10)
    await box.deliver_due()
    found = await entry(database, id_, campaign)
    assert (found.state, found.attempts) == ("pending", 4), "three were forgiven"
    assert tray.given[-1] == ("a", 3), "whoever tries knows of them nonetheless"


async def test_what_does_not_count_is_not_counted(database: Database, campaign: UUID) -> None:
    id_ = await order(database, campaign, "a")
    tray = Tray(answers=lambda _: Again("wait", 200.0, counts=False))
    await Outbox(database, [tray]).deliver_due()
    found = await entry(database, id_, campaign)
    assert (found.state, found.attempts, found.last_error) == ("pending", 0, "wait")
    assert 190 < (found.next_at - found.created_at).total_seconds() < 210, "as the platform asked"


@pytest.mark.parametrize("decision", ["by_hand", "give_up"])
async def test_a_person_settles_what_is_stuck(
    database: Database, campaign: UUID, decision: outbox.Decision
) -> None:
    id_ = await order(database, campaign, "a")
    await Outbox(database, [Tray(answers=lambda _: NeedsPerson("look"))]).deliver_due()
    async with database.connection() as connection:
        assert await outbox.decide(connection, id_, decision, "user:1")
        assert not await outbox.decide(connection, id_, "give_up", "user:2")
        assert await outbox.list_page(connection, campaign, outbox.STUCK, None, 10) == []
        (over,) = await outbox.list_page(connection, campaign, outbox.OVER, None, 10, with_decided=True)
    assert (over.decision, over.state) == (decision, "done" if decision == "by_hand" else "dead")


async def test_what_comes_too_late_is_dead(database: Database, campaign: UUID) -> None:
    """A line of chat after ten seconds, also when whoever had it died."""
    waiting = await order(database, campaign, "waiting", expires_in_s=0.15)
    sent = await order(database, campaign, "sent", expires_in_s=0.15)
    failing = await order(database, campaign, "failing", expires_in_s=60.0)
    async with database.connection() as connection:
        await connection.execute(
            "UPDATE outbox SET state = 'leased', lease_by = $2, lease_until = now() WHERE id = $1",
            sent,
            uuid4(),
        )
        await connection.execute("UPDATE outbox SET next_at = now() + interval '1 h' WHERE id = $1", waiting)
    await asyncio.sleep(0.2)
    tray = Tray(answers=lambda _: Again("later", 100.0))
    await Outbox(database, [tray]).deliver_due()
    assert tray.names == ["failing"], "nobody delivers what is over"
    entries = [await entry(database, id_, campaign) for id_ in (waiting, sent, failing)]
    assert {one.state for one in entries} == {"dead"}
    assert [one.last_error for one in entries] == [
        "It came too late.",
        "The server ended while it was being sent: it may have arrived.",
        "later",
    ]


async def test_a_courier_that_breaks_stops_nobody_else(database: Database, campaign: UUID) -> None:
    def break_down(_: Item) -> Verdict:
        raise RuntimeError("a bug")

    id_ = await order(database, campaign, "bad")
    await order(database, campaign, "good", kind="test.two")
    good = Tray(kinds=("test.two",))
    await Outbox(database, [Tray(answers=break_down), good]).deliver_due()
    found = await entry(database, id_, campaign)
    assert (found.state, found.attempts) == ("pending", 1)
    assert "unexpected" in found.last_error
    assert good.names == ["good"]


async def test_what_nobody_here_delivers_waits(database: Database, campaign: UUID) -> None:
    id_ = await order(database, campaign, "a", kind="other.kind")
    await Outbox(database, [Tray()]).deliver_due()
    assert (await entry(database, id_, campaign)).attempts == 0


async def test_the_loop_delivers_at_once_and_outlives_the_database(
    database_url: str, database: Database, campaign: UUID, short_dir: Path
) -> None:
    wire = Wire(database_url, short_dir)
    await wire.mend()
    far = await Database.open(wire.url, most=3)
    tray = Tray()
    box = Outbox(far, [tray])
    try:
        async with running(box):
            await order(database, campaign, "a")
            await until(lambda: tray.names == ["a"], "delivered", 2)
            await wire.cut()
            await order(database, campaign, "b")
            await asyncio.sleep(0.3)
            assert tray.names == ["a"]
            await wire.mend()
            await until(lambda: tray.names == ["a", "b"], "delivered when it is back", 5)

            async def is_done() -> bool:
                async with database.connection() as connection:
                    left: int = await connection.fetchval("SELECT count(*) FROM outbox WHERE state <> 'done'")
                return left == 0

            await until(is_done, "settled", 5)
    finally:
        await far.close(within=timedelta(seconds=1))
        await wire.cut()


async def test_a_restored_database_leaves_everything_to_a_person(database: Database, campaign: UUID) -> None:
    pending = await order(database, campaign, "a")
    leased = await order(database, campaign, "b")
    late = await order(database, campaign, "c", expires_in_s=-1.0)
    async with database.connection() as connection:
        await connection.execute(
            """UPDATE outbox SET state = 'leased', lease_by = gen_random_uuid(),
                      lease_until = now() + interval '1 h' WHERE id = $1""",
            leased,
        )
    await restore.notice(database, is_restored=True)
    tray = Tray()
    await end_leases(database)
    await Outbox(database, [tray]).deliver_due()
    assert tray.given == []
    states = [(await entry(database, id_, campaign)).state for id_ in (pending, leased, late)]
    assert states == ["needs_person", "needs_person", "dead"]


async def test_what_is_over_is_forgotten_and_what_is_stuck_is_not(database: Database, campaign: UUID) -> None:
    done, stuck = await order(database, campaign, "a"), await order(database, campaign, "b")
    tray = Tray(answers=lambda item: Done() if item.payload["name"] == "a" else NeedsPerson("!"))
    await Outbox(database, [tray]).deliver_due()
    async with database.connection() as connection:
        await connection.execute("UPDATE outbox SET updated_at = now() - interval '31 days'")
        await outbox.forget(connection, 30 * 24 * 3600.0)
        left = await connection.fetch("SELECT id FROM outbox")
    assert [row["id"] for row in left] == [stuck]
    assert done != stuck
