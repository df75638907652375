"""Dice statistics on the real database: what PostgreSQL sorts is what the rule counts roll by roll."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from functools import reduce
from random import Random
from uuid import UUID

import pytest

from server.engine import dice_stats, roll_acts
from server.rules import fairness
from server.rules.dice import Actor, DiceRoll, Die, Group, Redaction, Sides
from server.rules.fairness import Fairness
from sql.pool import Database
from tests.integration.engine_rig import Process, make_campaign
from tests.integration.table_rig import d20, fell, make_table, rolls_of, send

PLAYERS = [Actor(f"Player {n}", "" if n % 3 else f"p{n}", f"Hero {n}", f"actor-{n}") for n in range(7)]
KINDS: tuple[Sides, ...] = (4, 6, 20, 100, "F", "custom", 1, 2000)


def any_roll(random: Random, n: int) -> DiceRoll:
    groups = []
    for _ in range(random.randint(1, 3)):
        sides = random.choice(KINDS)
        lowest, highest = (-1, 1) if sides == "F" else (1, sides if isinstance(sides, int) else 6)
        dice = tuple(
            Die(random.randint(lowest, highest), random.choice(("kept", "kept", "dropped", "rerolled")))
            for _ in range(random.randint(0, 4))
        )
        groups.append(Group(sides, len(dice), dice))
    redact: frozenset[Redaction] = frozenset(random.choice(((), (), (), ("dice",), ("label",))))
    return replace(
        d20(7, f"r{n}", actor=random.choice(PLAYERS), redact=redact),
        groups=tuple(groups),
        visibility=random.choice(("public", "public", "blind")),
        total=None,
    )


@pytest.fixture
async def campaign(database: Database) -> UUID:
    return await make_campaign(database)


async def test_postgresql_counts_as_the_rule_does(database: Database, campaign: UUID) -> None:
    random, process = Random(41), Process(database)  # noqa: S311
    table = await make_table(database, campaign)
    rolls = [any_roll(random, n) for n in range(300)]
    await send(process, campaign, *(fell(table, roll) for roll in rolls))
    await send(process, campaign, fell(table, d20(20, "test"), simulated=True))
    stored = await rolls_of(database, campaign)
    secret = next(row for row in stored if row.roll.is_secret and row.roll.groups[0].dice)
    await roll_acts.reveal(process.rooms, campaign, secret.id)
    expected = reduce(
        fairness.add,
        [
            replace(roll, visibility="public") if roll.roll_id == secret.roll.roll_id else roll
            for roll in rolls
        ],
        Fairness(),
    )
    async with database.connection() as connection:
        counted, found = await dice_stats.read(connection, campaign)
    assert counted == 300
    for got, wanted in ((found.public, expected.public), (found.hidden, expected.hidden)):
        assert {key: (player.name, dict(player.dice)) for key, player in got.items()} == {
            key: (player.name, dict(player.dice)) for key, player in wanted.items()
        }


async def test_nobody_threw_yet(database: Database, campaign: UUID) -> None:
    async with database.connection() as connection:
        assert await dice_stats.read(connection, campaign) == (0, Fairness())


async def test_twenty_thousand_rolls_hold_nobody_up(database: Database, campaign: UUID) -> None:
    """The desk asks every three seconds; votes and dice of everybody go through the same loop."""
    random, process = Random(42), Process(database)  # noqa: S311
    table = await make_table(database, campaign)
    rolls = [any_roll(random, n) for n in range(dice_stats.NEWEST)]
    for start in range(0, len(rolls), 500):
        await send(process, campaign, *(fell(table, roll) for roll in rolls[start : start + 500]))
    late: list[float] = []

    async def watch() -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.001)
            late.append(time.perf_counter() - before)

    async with database.connection() as connection:
        watching = asyncio.create_task(watch())
        own, began = time.process_time(), time.perf_counter()
        counted, _ = await dice_stats.read(connection, campaign)
        own, took = time.process_time() - own, time.perf_counter() - began
        watching.cancel()
    print(f"{counted} rolls: {took:.3f} s, {own:.3f} s of this process, loop late by {max(late):.3f} s")
    assert counted == dice_stats.NEWEST
    assert own < 0.25  # decoding and counting them one by one took three times as much
    assert max(late) < 0.25
