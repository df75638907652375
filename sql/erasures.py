"""What is left of people who have left, where rows must stay: votes and names of accounts (reliability T40).

A vote goes on counting, under a pseudonym that leads nowhere. This is done poll after poll, because no
index leads from an account to its votes (it would cost every vote), and not before a poll has stopped
counting: the people who run it would otherwise get a second vote by leaving.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import sql
from server.rules.poll import UNDO_WINDOW
from sql import channels, people
from sql.channels import Platform
from sql.ids import uuid7
from sql.pool import Connection

_Q = sql.load("erasures")

#: Polls that are gone through in one transaction; fewer where every message counted, whose votes are all
#: read.
_POLLS: Final = 200
_VOTES: Final = 500_000


async def begin(connection: Connection, platform: Platform, platform_user_id: str) -> None:
    """Let an account be forgotten: its name at once, its votes by `advance`."""
    pseudonym = f"erased:{secrets.token_hex(16)}"
    await connection.execute(_Q["forget_viewer"], platform, platform_user_id, pseudonym)
    await connection.execute(_Q["begin"], uuid7(), platform, platform_user_id, pseudonym)


async def advance(connection: Connection) -> int:
    """Go through some polls for every account that waits; answers how many accounts still wait.

    Call inside a transaction. Two processes may call at once.
    """
    waiting = 0
    for row in await connection.fetch(_Q["waiting"]):
        polls: Sequence[UUID] = [
            found["id"]
            for found in await connection.fetch(
                _Q["polls_after"],
                row["done_to"],
                row["created_at"],
                _POLLS,
                UNDO_WINDOW.total_seconds(),
                _VOTES,
            )
        ]
        if polls:
            account = (row["platform"], row["platform_user_id"], row["pseudonym"])
            await connection.execute(_Q["rename_ballots"], polls, *account)
            await connection.execute(_Q["rename_messages"], polls, *account)
            await connection.execute(_Q["rename_persons"], polls, *account)
            await connection.execute(_Q["done_to"], row["id"], polls[-1])
        if await connection.fetchval(
            _Q["are_left"], polls[-1] if polls else row["done_to"], row["created_at"]
        ):
            waiting += 1
        else:
            await people.forget_account(connection, row["platform"], row["platform_user_id"])
            await connection.execute(_Q["finish"], row["id"])
    return waiting


@dataclass(frozen=True, slots=True)
class Show:
    """A show whose owner leaves."""

    id: UUID
    name: str


async def shows_alone(connection: Connection, user_id: UUID) -> list[Show]:
    """Shows of somebody who leaves that have no other game master, in the order of their ids."""
    return [Show(*row) for row in await connection.fetch(_Q["shows_alone"], user_id)]


async def leave_shows(connection: Connection, user_id: UUID, alone: Collection[UUID]) -> None:
    """Other shows of theirs go to the game master who has been there longest; of those that are `alone`, and
    deleted, the words go at once. The person takes part in no show any more."""
    await connection.execute(_Q["leave"], user_id)
    await connection.execute(_Q["hand_over"], user_id)
    await connection.execute(_Q["wipe_shows"], user_id)
    await connection.execute(_Q["forget_details"], alone)


async def forget_channels(
    connection: Connection, platform: Platform, platform_user_id: str, login: str
) -> list[UUID]:
    """Take the account's channels out of all shows, and their names out of what is past; answers which."""
    names = (platform, platform_user_id, login)
    await connection.execute(_Q["forget_links"], *names)
    found = await connection.fetch(_Q["channels_of"], *names)
    for row in found:
        await channels.delete(connection, row["campaign_id"], row["id"])
    if login:
        await connection.execute(_Q["forget_login"], platform, login)
    return [row["campaign_id"] for row in found]


async def forget_credentials(connection: Connection, user_id: UUID) -> None:
    """Keys of a person, and answers that are kept for repeats of their requests."""
    await connection.execute(_Q["drop_keys"], user_id)
    await connection.execute(_Q["drop_answers"], f"user:{user_id}")
