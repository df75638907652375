"""Votes through the API for the trials, and what became of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg

from tests.acceptance.voters import Crowd, Served, check_counted


@dataclass(frozen=True, slots=True)
class Door:
    """Where an installation is entered; may stand for several processes."""

    base_url: str
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Voted:
    """A show as its crowd knows it."""

    program: Served
    id: str


@asynccontextmanager
async def voting(crowd: Crowd) -> AsyncIterator[None]:
    """The crowd votes until the block ends, then what is open is brought home; it may vote again later."""
    crowd.running = True
    async with asyncio.TaskGroup() as group:
        group.create_task(crowd.run())
        try:
            yield
        finally:
            crowd.running = False


def sent(crowd: Crowd) -> int:
    """How many votes were brought home."""
    return sum(len(batch.events) for batch in crowd.acknowledged if batch.accepted + batch.duplicates)


async def counted(connection: asyncpg.Connection, crowd: Crowd, poll_id: str) -> list[int]:
    """Every acknowledged vote counts once and nothing else does, or AssertionError; answers the tally."""
    ledger = await connection.fetch(
        "SELECT message_id, count(*) AS times FROM poll_vote_ledger WHERE poll_instance_id = $1 GROUP BY 1",
        poll_id,
    )
    votes = await connection.fetch(
        "SELECT platform_user_id, choice FROM poll_votes WHERE poll_instance_id = $1", poll_id
    )
    expected = check_counted(
        crowd,
        {row["message_id"]: row["times"] for row in ledger},
        {row["platform_user_id"]: row["choice"] for row in votes},
    )
    totals = await connection.fetch(
        "SELECT choice, sum(votes)::int AS votes FROM poll_results WHERE poll_instance_id = $1 GROUP BY 1",
        poll_id,
    )
    running = {row["choice"]: row["votes"] for row in totals}
    assert [running.get(index, 0) for index in range(1, crowd.options + 1)] == expected
    return expected
