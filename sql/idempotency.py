"""Answers to POSTs that carried an Idempotency-Key: kept for a day, encrypted by the caller.

A key is claimed in a transaction of its own, so that a second request sees at once that the first is
still running; the answer is stored in the transaction of the effect, so that both are there or none. Its
row is locked until then: who wants to give the key back or take it over waits, and sees the answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sql
from sql.pool import Connection

_QUERIES = sql.load("idempotency")


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to run the request. `until` is the lease and, being unique, proves who holds it."""

    actor: str
    key_hash: bytes
    until: datetime


@dataclass(frozen=True, slots=True)
class Known:
    """What another request with this key has left. Without `status` it is still running."""

    request_hash: bytes
    status: int | None
    answer: bytes | None


async def claim(connection: Connection, actor: str, key_hash: bytes, request_hash: bytes) -> Claim | Known:
    """Take the key, or learn what is known about it."""
    while True:
        until = await connection.fetchval(_QUERIES["claim"], actor, key_hash, request_hash)
        if until is not None:
            return Claim(actor, key_hash, until)
        row = await connection.fetchrow(_QUERIES["read"], actor, key_hash)
        if row is not None:  # otherwise it was released between the two statements: take it now
            return Known(*row)


async def store(connection: Connection, held: Claim, status: int, answer: bytes) -> bool:
    """Keep the answer; False when the lease ran out and another request has taken over."""
    stored = await connection.fetchval(
        _QUERIES["store"], held.actor, held.key_hash, held.until, status, answer
    )
    return stored is not None


async def release(connection: Connection, held: Claim) -> None:
    """Give the key back: nothing was done, the client may try again."""
    await connection.execute(_QUERIES["release"], held.actor, held.key_hash, held.until)


async def sweep(connection: Connection) -> None:
    """Remove answers older than a day (housekeeping)."""
    await connection.execute(_QUERIES["sweep"])
