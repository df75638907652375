"""One-time codes: the link that the terminal prints, and those that come by mail. Stored hashed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal, TypeAlias
from uuid import UUID

import sql
from sql.ids import uuid7
from sql.pool import Connection

_QUERIES = sql.load("verifications")

LIFE = timedelta(hours=24)
#: register: a mailbox asks for an account. reset: for a new password. email: an account takes an address.
ByMail: TypeAlias = Literal["register", "reset", "email"]
MAIL_LIFE: Final[dict[ByMail, timedelta]] = {
    "register": timedelta(hours=24),
    "reset": timedelta(hours=1),
    "email": timedelta(hours=24),
}
#: One mail of a kind to an address within this time.
MAIL_EVERY = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Proof:
    """Who has shown a code that was sent by mail: a person, an address, or both."""

    user_id: UUID | None
    email: str | None


def _hash(code: str) -> bytes:
    return hashlib.sha256(code.encode()).digest()


async def issue_login(connection: Connection, user_id: UUID, code: str) -> None:
    """Make `code` (random, at least 128 bits) good for one login of this person."""
    await connection.execute(
        _QUERIES["issue"], uuid7(), "login", _hash(code), user_id, None, LIFE.total_seconds()
    )


async def use_login(connection: Connection, code: str) -> UUID | None:
    """The person whom the code lets in; None when it is unknown, used or too old. It is used up."""
    row = await connection.fetchrow(_QUERIES["use"], _hash(code), "login")
    return None if row is None else row["user_id"]


async def issue_by_mail(
    connection: Connection,
    purpose: ByMail,
    code: str,
    *,
    user_id: UUID | None = None,
    email: str | None = None,
) -> bool:
    """Make `code` (random, 256 bits) good for one act; False when a mail of this kind has just been sent."""
    if await connection.fetchval(
        _QUERIES["sent_just_now"], purpose, user_id, email, MAIL_EVERY.total_seconds()
    ):
        return False
    life = MAIL_LIFE[purpose].total_seconds()
    await connection.execute(_QUERIES["issue"], uuid7(), purpose, _hash(code), user_id, email, life)
    return True


async def use_by_mail(connection: Connection, purpose: ByMail, code: str) -> Proof | None:
    """What the code proves; None when it is unknown, used or too old. All of its kind are used up with it."""
    row = await connection.fetchrow(_QUERIES["use"], _hash(code), purpose)
    if row is None:
        return None
    await connection.execute(_QUERIES["use_others"], purpose, row["user_id"], row["email"])
    return Proof(row["user_id"], row["email"])


async def forget_user(connection: Connection, user_id: UUID) -> None:
    """No code of this person is good any more, and no address of theirs is left in one."""
    await connection.execute(_QUERIES["forget_user"], user_id)


async def sweep(connection: Connection) -> None:
    """Remove codes that can no longer be used (housekeeping)."""
    await connection.execute(_QUERIES["sweep"])
