"""Where sealed texts are stored: a text opens in its own row and column only (T7).

A place never changes its spelling, or nothing that is stored there opens any more.
"""

from __future__ import annotations

from uuid import UUID


def place(table: str, column: str, row: UUID | str) -> bytes:
    """A column of a row. `row` is its primary key."""
    return f"{table}.{column}:{row}".encode()


def of_parked(connection_id: UUID) -> bytes:
    """`vtt_connections.parked`, spelled as it was first."""
    return b"vtt_connections.parked:" + connection_id.bytes


def of_answer(actor: str, key_hash: bytes) -> bytes:
    """`idempotency_keys.answer`, spelled as it was first."""
    return actor.encode() + b"\0" + key_hash
