"""Ids of rows: UUIDv7, so that the newest rows lie together in an index (RFC 9562 §5.7)."""

from __future__ import annotations

import secrets
import time
from uuid import UUID


def uuid7() -> UUID:
    """A fresh UUIDv7: 48 bits of Unix milliseconds, 74 random bits.

    PostgreSQL 15 has no `uuidv7()` of its own and an id is often needed before the INSERT.
    """
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds & (1 << 48) - 1) << 80 | secrets.randbits(80)
    value = value & ~(0xF << 76) | 0x7 << 76  # version
    value = value & ~(0x3 << 62) | 0x2 << 62  # variant
    return UUID(int=value)
