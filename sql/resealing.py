"""Secrets that wait to be sealed by the newest key, wherever they are kept for longer than a day."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple
from uuid import UUID

import sql
from sql.pool import Connection

_Q = sql.load("resealing")


class Column(NamedTuple):
    """Where secrets are kept."""

    table: str
    name: str


class Sealed(NamedTuple):
    """One of them; `key` is the primary key of its row."""

    key: UUID | str
    sealed: bytes


COLUMNS: Final = (
    Column("oauth_tokens", "access_token"),
    Column("oauth_tokens", "refresh_token"),
    Column("app_tokens", "access_token"),
    Column("vtt_connections", "signing_secret"),
    Column("vtt_connections", "older_signing_secret"),
    Column("vtt_connections", "parked"),
    Column("donation_connections", "signing_secret"),
    Column("donation_connections", "older_signing_secret"),
)


async def old(
    connection: Connection, column: Column, mark: bytes, after: UUID | str | None, most: int
) -> Sequence[Sealed]:
    """Secrets that the key of `mark` has not sealed, in rows after this one."""
    match column:
        case ("oauth_tokens", "access_token"):
            rows = await connection.fetch(_Q["oauth_tokens_access_token_old"], mark, after, most)
        case ("oauth_tokens", "refresh_token"):
            rows = await connection.fetch(_Q["oauth_tokens_refresh_token_old"], mark, after, most)
        case ("app_tokens", "access_token"):
            rows = await connection.fetch(_Q["app_tokens_access_token_old"], mark, after, most)
        case ("vtt_connections", "signing_secret"):
            rows = await connection.fetch(_Q["vtt_connections_signing_secret_old"], mark, after, most)
        case ("vtt_connections", "older_signing_secret"):
            rows = await connection.fetch(_Q["vtt_connections_older_signing_secret_old"], mark, after, most)
        case ("donation_connections", "signing_secret"):
            rows = await connection.fetch(_Q["donation_connections_signing_secret_old"], mark, after, most)
        case ("donation_connections", "older_signing_secret"):
            rows = await connection.fetch(
                _Q["donation_connections_older_signing_secret_old"], mark, after, most
            )
        case _:
            rows = await connection.fetch(_Q["vtt_connections_parked_old"], mark, after, most)
    return [Sealed(*row) for row in rows]


async def put(connection: Connection, column: Column, was: Sealed, sealed: bytes) -> bool:
    """Store it anew; False when somebody has stored another one meanwhile."""
    match column:
        case ("oauth_tokens", "access_token"):
            done = await connection.execute(_Q["oauth_tokens_access_token_put"], was.key, was.sealed, sealed)
        case ("oauth_tokens", "refresh_token"):
            done = await connection.execute(_Q["oauth_tokens_refresh_token_put"], was.key, was.sealed, sealed)
        case ("app_tokens", "access_token"):
            done = await connection.execute(_Q["app_tokens_access_token_put"], was.key, was.sealed, sealed)
        case ("vtt_connections", "signing_secret"):
            done = await connection.execute(
                _Q["vtt_connections_signing_secret_put"], was.key, was.sealed, sealed
            )
        case ("vtt_connections", "older_signing_secret"):
            done = await connection.execute(
                _Q["vtt_connections_older_signing_secret_put"], was.key, was.sealed, sealed
            )
        case ("donation_connections", "signing_secret"):
            done = await connection.execute(
                _Q["donation_connections_signing_secret_put"], was.key, was.sealed, sealed
            )
        case ("donation_connections", "older_signing_secret"):
            done = await connection.execute(
                _Q["donation_connections_older_signing_secret_put"], was.key, was.sealed, sealed
            )
        case _:
            done = await connection.execute(_Q["vtt_connections_parked_put"], was.key, was.sealed, sealed)
    return done == "UPDATE 1"
