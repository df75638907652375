"""Campaigns with overlays, keys and a board each, made straight in the database; hellos for their clients."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from sql import boards, campaigns, heads, users
from sql.ids import uuid7
from sql.migrate import migrate
from sql.pool import Database

_OVERLAY = (
    "INSERT INTO overlay_configs (id, campaign_id, name, key_hash, key_version) VALUES ($1, $2, $3, $4, 1)"
)
_HELLO = (
    '{{"op":"hello","proto":1,"key":"{key}","client":{{"kind":"overlay","name":"OBS","obs":"31.0",'
    '"viewport":{{"w":1920,"h":1080}}}}}}'
)


@dataclass(frozen=True, slots=True)
class Room:
    """A campaign with one board on screen; `mark` stands in the board and nowhere else."""

    campaign_id: UUID
    board_id: UUID
    mark: str


@dataclass(frozen=True, slots=True)
class Show:
    """Rooms, and a file with a hello for each overlay: neighbours in the file are in the same room."""

    rooms: tuple[Room, ...]
    hellos: Path


def make(database_url: str, hellos: Path, rooms: int, overlays: int) -> Show:
    """`rooms` campaigns of `overlays` overlays, each with a key of its own."""
    return asyncio.run(_make(database_url, hellos, rooms, overlays))


async def _make(database_url: str, hellos: Path, rooms: int, overlays: int) -> Show:
    await migrate(database_url)
    database = await Database.open(database_url)
    made = []
    try:
        async with database.connection() as connection:
            owner = await users.ensure_owner(connection)
        with hellos.open("w", encoding="utf-8") as file:
            for number in range(rooms):
                room = await _room(database, owner.id, f"Show {number}")
                keys = ["ovl_" + secrets.token_urlsafe(32) for _ in range(overlays)]
                rows = [
                    (uuid7(), room.campaign_id, f"OBS {at}", hashlib.sha256(key.encode()).digest())
                    for at, key in enumerate(keys)
                ]
                async with database.connection() as connection:
                    await connection.executemany(_OVERLAY, rows)
                file.writelines(f"{_HELLO.format(key=key)}\t{room.mark}\n" for key in keys)
                made.append(room)
    finally:
        await database.close()
    return Show(tuple(made), hellos)


async def _room(database: Database, owner_id: UUID, name: str) -> Room:
    board_id, mark = uuid7(), secrets.token_hex(8)
    board = {
        "kind": "poll",
        "phase": "open",
        "question": "Which door?",
        "options": [{"label": label, "votes": 0} for label in ("One", "Two", "Three", "Four")],
        "total_votes": 0,
        "mark": mark,
    }
    async with database.transaction() as connection:
        campaign = await campaigns.create(connection, owner_id, name)
        head = await heads.lock(connection, campaign.id)
        await boards.put(connection, campaign.id, board_id, board, seq=head.seq + 1, at=head.now)
        await heads.advance(connection, campaign.id, head.seq + 1)
    return Room(campaign.id, board_id, mark)
