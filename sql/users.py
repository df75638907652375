"""The people who run shows. One of them owns the installation; all others sign in by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sql
from sql.ids import uuid7
from sql.pool import Connection

_QUERIES = sql.load("users")


@dataclass(frozen=True, slots=True)
class Person:
    id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class Account:
    """What a person sees of their own account. An e-mail in it is proven: they could read its mail."""

    id: UUID
    name: str
    email: str | None
    has_password: bool
    is_owner: bool  # holds the terminal link, which always lets them in
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Credential:
    """Whom an address belongs to, and the hash that a password is compared with."""

    user_id: UUID
    password_hash: str | None


async def ensure_owner(connection: Connection, name: str = "Game master") -> Person:
    """The owner of the installation, made at the first call. Two processes may call at once."""
    await connection.execute(_QUERIES["make_owner"], uuid7(), name)
    row = await connection.fetchrow(_QUERIES["owner"])
    if row is None:
        raise LookupError("the owner's row was removed while it was read")
    return Person(row["id"], row["display_name"])


async def get(connection: Connection, user_id: UUID) -> Person | None:
    """One person."""
    row = await connection.fetchrow(_QUERIES["get"], user_id)
    return None if row is None else Person(*row)


async def create(connection: Connection, name: str, *, email: str | None = None) -> UUID:
    """Somebody new. `email` (lower case) must be proven. UniqueViolation: it belongs to somebody."""
    user_id = uuid7()
    await connection.execute(_QUERIES["create"], user_id, name, email)
    return user_id


async def account(connection: Connection, user_id: UUID) -> Account | None:
    """The account of somebody who has not left."""
    row = await connection.fetchrow(_QUERIES["account"], user_id)
    return None if row is None else Account(*row)


async def hold(connection: Connection, user_id: UUID) -> Account | None:
    """As `account`; nobody else changes how this person signs in until the transaction ends."""
    row = await connection.fetchrow(_QUERIES["hold"], user_id)
    return None if row is None else Account(*row)


async def by_email(connection: Connection, email: str) -> Credential | None:
    """Whose address it is (lower case)."""
    row = await connection.fetchrow(_QUERIES["by_email"], email)
    return None if row is None else Credential(*row)


async def credential(connection: Connection, user_id: UUID) -> Credential | None:
    """The hash that this person's password is compared with."""
    row = await connection.fetchrow(_QUERIES["credential"], user_id)
    return None if row is None else Credential(*row)


async def rename(connection: Connection, user_id: UUID, name: str) -> None:
    """Another name for people."""
    await connection.execute(_QUERIES["rename"], user_id, name)


async def prove_email(connection: Connection, user_id: UUID, email: str) -> None:
    """The person could read mail to this address. UniqueViolation: it belongs to somebody else."""
    await connection.execute(_QUERIES["prove_email"], user_id, email)


async def set_password(connection: Connection, user_id: UUID, password_hash: str) -> None:
    """Sign-in by address and password; the account needs an address."""
    await connection.execute(_QUERIES["set_password"], user_id, password_hash)


async def erase(connection: Connection, user_id: UUID) -> None:
    """The row stays for what refers to it, and names nobody any more. Never the owner's (CheckViolation)."""
    await connection.execute(_QUERIES["erase"], user_id)
