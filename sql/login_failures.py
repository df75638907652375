"""Wrong passwords, and how long somebody who guesses has to wait (domain/operations.md §6).

Five within fifteen minutes lock for 30 s, every further one for twice as long, at most an hour. A try is
counted before the password is looked at and given back when it was right, so that a hundred at once get no
more tries than one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import sql
from sql.pool import Connection

_Q = sql.load("login_failures")

FREE = 5
WINDOW = timedelta(minutes=15)
FIRST_LOCK = timedelta(seconds=30)
LONGEST_LOCK = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Try:
    """Whether a password may be looked at."""

    allowed: bool
    wait: timedelta  # until the next try; of an allowed one: should it be wrong

    @property
    def locks(self) -> bool:
        """Whether the next one has to wait, should this one be wrong."""
        return self.allowed and self.wait > timedelta()


async def take(connection: Connection, keys: Sequence[bytes]) -> Try:
    """Count a try for every key, or for none when one of them is locked. Call inside a transaction."""
    keys = sorted(keys)  # two requests can wait for each other, never both
    locked_s = await connection.fetchval(_Q["locked"], keys)
    if locked_s is not None:
        return Try(False, timedelta(seconds=max(1.0, locked_s)))
    rows = await connection.fetch(
        _Q["count"],
        keys,
        WINDOW.total_seconds(),
        FREE,
        FIRST_LOCK.total_seconds(),
        LONGEST_LOCK.total_seconds(),
    )
    if len(rows) < len(set(keys)):  # made, and locked by others, between the two statements
        return Try(False, FIRST_LOCK)
    return Try(True, timedelta(seconds=max(row["lock_s"] for row in rows)))


async def give_back(connection: Connection, key: bytes) -> None:
    """The password was right: the try was none. The address may have guessed at others before."""
    await connection.execute(_Q["give_back"], key)


async def forgive(connection: Connection, key: bytes) -> None:
    """The person is in: their own failures do not matter any more."""
    await connection.execute(_Q["forgive"], key)


async def sweep(connection: Connection) -> None:
    """Forget what is over (housekeeping)."""
    await connection.execute(_Q["sweep"], WINDOW.total_seconds())
