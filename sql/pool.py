"""The connection pool, and the only place where asyncpg's types are named for the rest of the house."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, TypeAlias
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import orjson
from asyncpg.pool import PoolConnectionProxy

import sql

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]"
Row: TypeAlias = asyncpg.Record

#: The database is away, full, failing over, or gave this transaction up: nothing was lost that had been
#: acknowledged, try again.
UNREACHABLE = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a query on a connection to which the server has just said goodbye
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # shutdown, crash, starting up, cancelled by the operator
    asyncpg.InsufficientResourcesError,  # disk full, out of memory, too many connections
    asyncpg.PostgresSystemError,
    asyncpg.TransactionRollbackError,  # deadlock
    asyncpg.ReadOnlySQLTransactionError,  # the old primary after a failover
    asyncpg.IdleInTransactionSessionTimeoutError,  # this process stood still
    asyncpg.LockNotAvailableError,  # another one does, or is slow
)
#: A statement or a value was refused: a bug, or data that no check caught. Catch UNREACHABLE before it.
StatementRefused = asyncpg.PostgresError
UniqueViolation = asyncpg.UniqueViolationError
ForeignKeyViolation = asyncpg.ForeignKeyViolationError

#: A PostgreSQL that hangs is away: callers are told within seconds (reliability §3.10).
_COMMAND_TIMEOUT_S = 4.0
_ACQUIRE_TIMEOUT_S = 2.0

_Q = sql.load("transactions")
_BOUNDS = f"{_Q['idle_at_most']}; {_Q['locks_at_most']}"

if TYPE_CHECKING:
    _Session = asyncpg.Connection[asyncpg.Record]
else:
    _Session = asyncpg.Connection


def _encode(value: Any) -> str:
    return orjson.dumps(value).decode()


async def _prepare_connection(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    await connection.set_type_codec("jsonb", encoder=_encode, decoder=json.loads, schema="pg_catalog")


class _Bounded(_Session):
    """Its transactions have an end, whatever becomes of this process."""

    async def execute(self, query: str, *args: Any, timeout: float | None = None) -> str:  # noqa: ASYNC109
        """As asyncpg's; the bounds of a transaction travel with its BEGIN.

        They cost no round trip there, reach transactions of every kind, and are over with them: a setting of
        the session would be lost, or be somebody else's, behind a pooler that lends transactions.
        """
        if query.startswith("BEGIN"):
            query += _BOUNDS
        return await super().execute(query, *args, timeout=timeout)

    def get_reset_query(self) -> str:
        """Nothing is to be undone when a connection goes back into the pool, but for an open transaction.

        No statement of ours leaves anything in its session. asyncpg's own four (UNLISTEN, RESET ALL, …) would
        cost a round trip with every use, a quarter of the time of a transaction that finds no vote.
        """
        return ""


def without_password(url: str) -> str:
    """The URL as it may be logged."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{parts.username or ''}:***@{host}"))


class Database:
    """A pool of connections to one PostgreSQL."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record]) -> None:
        self._pool = pool

    @classmethod
    async def open(cls, url: str, *, most: int = 10, name: str = "hubbub") -> Database:
        """Connect; raises one of UNREACHABLE when the server does not answer within 10 s."""
        pool = await asyncpg.create_pool(
            url,
            min_size=1,
            max_size=most,
            timeout=10,
            command_timeout=_COMMAND_TIMEOUT_S,
            max_inactive_connection_lifetime=60,
            init=_prepare_connection,
            connection_class=_Bounded,
            server_settings={"application_name": name, "timezone": "UTC"},
        )
        return cls(pool)

    async def close(self, within: timedelta = timedelta(seconds=3)) -> None:
        """Close politely, and by force when a query hangs."""
        try:
            async with asyncio.timeout(within.total_seconds()):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()

    @property
    def size(self) -> int:
        """Open connections."""
        return self._pool.get_size()

    @property
    def in_use(self) -> int:
        """Connections that somebody is using now."""
        return self._pool.get_size() - self._pool.get_idle_size()

    @property
    def most(self) -> int:
        """Connections that may be open; whoever comes then waits."""
        return self._pool.get_max_size()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection without a transaction: for single statements."""
        connection = await self._pool.acquire(timeout=_ACQUIRE_TIMEOUT_S)
        try:
            yield connection
        except (asyncio.CancelledError, TimeoutError):
            # Nobody waits for the answer any more. Asking a hanging server to end the query politely
            # would hang too, and its time-out would hide that this task was cancelled.
            connection.terminate()
            raise
        finally:
            await self._pool.release(connection, timeout=_ACQUIRE_TIMEOUT_S)

    @asynccontextmanager
    async def transaction(
        self,
        *,
        isolation: Literal["read_committed", "repeatable_read"] = "read_committed",
        readonly: bool = False,
    ) -> AsyncIterator[Connection]:
        """A connection inside a transaction: COMMIT at the end, ROLLBACK when an exception passes."""
        async with self.connection() as connection:
            transaction = connection.transaction(isolation=isolation, readonly=readonly)
            await transaction.start()
            try:
                yield connection
            except (asyncio.CancelledError, TimeoutError):
                raise  # the connection ends, and the transaction with it
            except BaseException:
                await transaction.rollback()
                raise
            await transaction.commit()
