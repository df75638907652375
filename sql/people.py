"""People: accounts that somebody has shown to be theirs by signing in to each; shows that think otherwise.

A person has at most one account of a platform, an account at most one person; unique indexes say so in every
interleaving. `person_links` remembers for a day what has ended, so that a poll can ask who was one person
when it closed, and so that somebody can take it back.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

import sql
from server.rules.votes import BallotKey
from sql.ids import uuid7
from sql.pool import Connection, Row

_Q = sql.load("people")

Platform = Literal["twitch", "kick"]
PLATFORMS: Final[tuple[Platform, ...]] = ("twitch", "kick")
#: How long an unlinking can be taken back, and is remembered (the queries say the same).
UNDO: Final = timedelta(days=1)
#: person: they said so, and may take it back for a day. account: nobody signs in by one of them any more.
EndedBy = Literal["person", "account"]


@dataclass(frozen=True, slots=True)
class Account:
    """A platform account of a viewer, as it was called when it was last signed in by."""

    platform: Platform
    id: str
    login: str
    name: str


@dataclass(frozen=True, slots=True)
class Person:
    """Accounts that are one person, Twitch first. `moment`: since when, or until when they were."""

    id: UUID
    accounts: tuple[Account, ...]
    moment: datetime


@dataclass(frozen=True, slots=True)
class Seen:
    """A person as a show sees them: by names. `split_at`: since when it counts the accounts apart."""

    id: UUID
    split_at: datetime | None
    accounts: tuple[Account, ...]


async def kin(
    connection: Connection, campaign_id: UUID, accounts: Collection[BallotKey], at: datetime
) -> dict[BallotKey, UUID]:
    """Who of these was a person with several accounts at `at`, as the show sees it, and the others."""
    asked = _columns(accounts)
    rows = await connection.fetch(_Q["kin"], campaign_id, *asked, at)
    return {(platform, user_id): person_id for platform, user_id, person_id in rows}


async def join(connection: Connection, accounts: Sequence[Account], person_id: UUID | None = None) -> UUID:
    """These accounts are one person from now on; answers which. Call inside a transaction.

    `person_id`: the one that they were before. UniqueViolation: one of them is somebody's already.
    """
    person = person_id or uuid7()
    await connection.execute(_Q["create"], person)
    for one in accounts:
        await connection.execute(_Q["link"], uuid7(), person, one.platform, one.id)
        await connection.execute(_Q["name_viewer"], one.platform, one.id, person, one.login, one.name)
    return person


async def of_account(connection: Connection, platform: str, platform_user_id: str) -> Person | None:
    """The person whose account it is now."""
    return _person(await connection.fetch(_Q["of_account"], platform, platform_user_id))


async def part(
    connection: Connection, person_id: UUID, ended_by: EndedBy, by: UUID | None = None
) -> list[BallotKey]:
    """The accounts of a person are nobody's from now on; answers which they were. `by`: who said so."""
    rows = await connection.fetch(_Q["part"], person_id, ended_by, by)
    return [(platform, user_id) for platform, user_id in rows]


async def parted(connection: Connection, user_id: UUID) -> Person | None:
    """The person whom this user ended less than a day ago, if that can be taken back."""
    return _person(await connection.fetch(_Q["parted"], user_id))


async def running(connection: Connection) -> list[UUID]:
    """Shows in which a poll that counts persons takes votes."""
    return [row["campaign_id"] for row in await connection.fetch(_Q["running"])]


async def split(connection: Connection, campaign_id: UUID, person_id: UUID, at: datetime) -> None:
    """A show counts the accounts of a person apart from `at` on. UniqueViolation: it does already."""
    await connection.execute(_Q["split"], uuid7(), campaign_id, person_id, at)


async def rejoin(connection: Connection, campaign_id: UUID, person_id: UUID, at: datetime) -> None:
    """A show counts them together again."""
    await connection.execute(_Q["rejoin"], campaign_id, person_id, at)


async def seen(
    connection: Connection,
    campaign_id: UUID,
    *,
    after: UUID | None = None,
    only: UUID | None = None,
    most: int = 50,
) -> list[Seen]:
    """Persons who have voted in polls of the show with more than one account, or whom it counts apart."""
    rows = await connection.fetch(_Q["seen"], campaign_id, after, only, most)
    return [
        Seen(
            row["person_id"],
            row["split_at"],
            tuple(map(Account, row["platforms"], row["ids"], row["logins"], row["names"])),
        )
        for row in rows
    ]


async def links_of(connection: Connection, platform: str, platform_user_id: str) -> list[dict[str, Any]]:
    """Every link of an account that is remembered, as it is stored."""
    rows = await connection.fetch(_Q["links_of"], platform, platform_user_id)
    return [dict(row.items()) for row in rows]


async def forget_account(connection: Connection, platform: str, platform_user_id: str) -> None:
    """Links of an account that has left for good."""
    await connection.execute(_Q["forget_account"], platform, platform_user_id)


async def forget(connection: Connection) -> None:
    """What ended more than a day ago goes, and people without accounts (housekeeping)."""
    await connection.execute(_Q["forget_ended"])
    await connection.execute(_Q["forget_empty"])


def _person(rows: Sequence[Row]) -> Person | None:
    if not rows:
        return None
    accounts = tuple(Account(*tuple(row)[1:5]) for row in rows)
    return Person(rows[0]["person_id"], accounts, rows[0][5])


def _columns(accounts: Collection[BallotKey]) -> tuple[list[str], list[str]]:
    return [platform for platform, _ in accounts], [user_id for _, user_id in accounts]
