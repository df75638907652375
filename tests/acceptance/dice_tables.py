"""Many tables at once: what they send on a timetable, and what of it is in the database afterwards."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import httpx2

#: Rolls in a delivery: as many as one may hold.
A_BODY = 20


@dataclass(frozen=True, slots=True)
class Table:
    """A table as a browser knows it."""

    id: str
    token: str
    name: str

    @property
    def path(self) -> str:
        return f"/webhooks/vtt/{self.id}"

    @property
    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}"}


@dataclass(slots=True)
class Sent:
    """What was sent and answered; `late_s`: from the moment a delivery was due to its answer."""

    rolls: dict[str, list[str]] = field(default_factory=dict)  # by table, in order
    answers: Counter[str] = field(default_factory=Counter)
    refused: Counter[int] = field(default_factory=Counter)  # for now: these came again
    late_s: list[float] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def number(self) -> int:
        return sum(len(rolls) for rolls in self.rolls.values())


async def make(api: httpx2.AsyncClient, campaign: str, number: int) -> list[Table]:
    """Through the API, as the desk would; `api` has the root of the program as its base."""
    made = []
    for n in range(number):
        answer = await api.post(
            f"/api/v1/campaigns/{campaign}/vtt-connections", json={"system": "other", "name": f"Table {n}"}
        )
        answer.raise_for_status()
        told = answer.json()
        made.append(Table(told["id"], told["ingest_token"], told["name"]))
    return made


def roll(roll_id: str, value: int, player: str) -> dict[str, Any]:
    """An attack of a player; its label is its id, so that a page can be asked for it."""
    return {
        "schema": "hubbub.dice_roll/1",
        "roll_id": roll_id,
        "source": {"system": "other", "instance_id": "tables"},
        "actor": {"player_name": player, "character_name": f"{player}'s hero"},
        "label": roll_id,
        "visibility": "public",
        "notation": "1d20+5",
        "groups": [{"sides": 20, "count": 1, "dice": [{"value": value, "state": "kept"}]}],
        "modifiers": [{"value": 5}],
        "total": value + 5,
    }


async def send(http: httpx2.AsyncClient, table: Table, rolls: Sequence[Any]) -> httpx2.Response:
    return await http.post(table.path, json={"rolls": list(rolls)}, headers=table.headers)


async def flood(http: httpx2.AsyncClient, tables: Sequence[Table], rate: int, seconds: float) -> Sent:
    """`rate` rolls a second over all tables, each table on its own timetable and in its own order."""
    sent, began = Sent(), time.monotonic()
    every_s = A_BODY * len(tables) / rate

    async def one(place: int, table: Table) -> None:
        done: list[str] = []
        sent.rolls[table.id] = done
        for number in range(round(seconds / every_s)):
            due = began + (number + place / len(tables)) * every_s
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            ids = [f"{place}-{number * A_BODY + at}" for at in range(A_BODY)]
            # Never a 1 or a 20: criticals wait for the card, and these are to be many and ordinary.
            rolls = [roll(ident, 2 + at % 18, table.name) for at, ident in enumerate(ids)]
            while (answer := await send(http, table, rolls)).status_code in (429, 503):
                sent.refused[answer.status_code] += 1  # as a sender does: the same again, in its turn
                await asyncio.sleep(0.1)
            sent.late_s.append(time.monotonic() - due)
            sent.answers[f"{answer.status_code} {answer.text}"] += 1
            done += ids

    await asyncio.gather(*(one(place, table) for place, table in enumerate(tables)))
    sent.seconds = time.monotonic() - began
    return sent


async def check_stored(database_url: str, campaign: str, sent: Sent) -> None:
    """Each roll is there once, those of a table in the order in which it sent them, and nothing else is."""
    connection = await asyncpg.connect(database_url)
    try:
        rows = await connection.fetch(
            "SELECT connection_id, roll_id FROM dice_rolls WHERE campaign_id = $1 ORDER BY id", campaign
        )
    finally:
        await connection.close()
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(str(row["connection_id"]), []).append(row["roll_id"])
    assert {table: len(rolls) for table, rolls in found.items()} == {
        table: len(rolls) for table, rolls in sent.rolls.items()
    }
    assert found == sent.rolls, "in order"
