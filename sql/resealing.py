"""Secrets at rest that an older key of the ring has sealed: read in bounded batches, locked, and put back."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple
from uuid import UUID

import sql
from sql.pool import Connection

_Q = sql.load("resealing")

#: Before every row.
FIRST = UUID(int=0)


class Pair(NamedTuple):
    """Two sealed columns of a row; None: there is nothing in it."""

    id: UUID
    one: bytes | None
    other: bytes | None


def _pairs(rows: Collection[Any]) -> list[Pair]:
    return [Pair(*row.values()) for row in rows]


async def account_tokens(connection: Connection, mark: bytes, after: UUID, most: int) -> list[Pair]:
    """Access and refresh tokens that do not begin with `mark`, locked until the transaction ends."""
    return _pairs(await connection.fetch(_Q["account_tokens"], mark, after, most))


async def put_account_tokens(connection: Connection, pair: Pair) -> None:
    """Put them back, in the transaction that read them."""
    await connection.execute(_Q["put_account_tokens"], *pair)


async def table_secrets(connection: Connection, mark: bytes, after: UUID, most: int) -> list[Pair]:
    """Signing secrets and those before them, locked until the transaction ends."""
    return _pairs(await connection.fetch(_Q["table_secrets"], mark, after, most))


async def put_table_secrets(connection: Connection, pair: Pair) -> None:
    """Put them back, in the transaction that read them."""
    await connection.execute(_Q["put_table_secrets"], *pair)


async def donation_secrets(connection: Connection, mark: bytes, after: UUID, most: int) -> list[Pair]:
    """Signing secrets of donation pages and those before them, locked until the transaction ends."""
    return _pairs(await connection.fetch(_Q["donation_secrets"], mark, after, most))


async def put_donation_secrets(connection: Connection, pair: Pair) -> None:
    """Put them back, in the transaction that read them."""
    await connection.execute(_Q["put_donation_secrets"], *pair)


async def app_tokens(connection: Connection, mark: bytes) -> list[tuple[str, bytes]]:
    """The installation's own, by provider, locked until the transaction ends."""
    return [tuple(row.values()) for row in await connection.fetch(_Q["app_tokens"], mark)]


async def put_app_token(connection: Connection, provider: str, sealed: bytes) -> None:
    """Put it back, in the transaction that read it."""
    await connection.execute(_Q["put_app_token"], provider, sealed)
