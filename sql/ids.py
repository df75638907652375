"""Ids of rows: UUIDv7, so that the newest rows lie together in an index (RFC 9562 §5.7)."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID


def uuid7() -> UUID:
    """A fresh UUIDv7: 48 bits of Unix milliseconds, 12 bits of the part of that millisecond, 62 random bits.

    So ids of one process are in the order in which they were made (RFC 9562 §6.2, method 3): what is to be
    done in order is sorted by them. PostgreSQL 15 has no `uuidv7()` of its own and an id is often needed
    before the INSERT.
    """
    milliseconds, rest = divmod(time.time_ns(), 1_000_000)
    return UUID(int=_head(milliseconds, rest * 4096 // 1_000_000) | secrets.randbits(62))


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def in_order(number: int, at: datetime) -> list[UUID]:
    """So many fresh UUIDv7 in ascending order, behind all that were made for an earlier microsecond.

    Their time is `at`; the 12 bits behind it hold the part of the millisecond, the next 14 their order.
    Raises ValueError for more than 16,384.
    """
    if number > 1 << 14:
        raise ValueError("at most 16,384 ids fit one moment in order")
    milliseconds, rest = divmod(at - _EPOCH, timedelta(milliseconds=1))
    head = _head(milliseconds, rest // timedelta(microseconds=1) * 4096 // 1000)
    return [UUID(int=head | place << 48 | secrets.randbits(48)) for place in range(number)]


def _head(milliseconds: int, part: int) -> int:
    """Time, version and variant; `part` are the 4096ths of the millisecond. The last 62 bits are free."""
    return (milliseconds & (1 << 48) - 1) << 80 | 0x7 << 76 | part << 64 | 0b10 << 62
