"""Facts about the installation that must outlive a restart and are not configuration."""

from __future__ import annotations

from typing import Any

import sql
from sql.pool import Connection

_QUERIES = sql.load("settings")


async def get(connection: Connection, key: str) -> Any | None:
    """The JSON value of a setting; None when it was never set."""
    return await connection.fetchval(_QUERIES["get"], key)


async def put(connection: Connection, key: str, value: Any) -> None:
    """Set a setting to a JSON value."""
    await connection.execute(_QUERIES["put"], key, value)
