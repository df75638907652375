"""A server that ends says goodbye before it hangs up, and a query may come between the two."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest

from sql.pool import UNREACHABLE, Database
from tests.chaos.proxy import Link
from tests.chaos.world import address_of
from tests.integration.live_rig import until


class HoldsTheLine:
    """Passes the goodbye on, and keeps what comes after it to itself."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def take(self, data: bytes) -> list[tuple[float, bytes]]:
        if b"57P01" in data:  # admin_shutdown
            self._link.is_silent = True
        return [(0.0, data)]


async def test_a_query_after_the_goodbye_finds_the_database_away(database_url: str) -> None:
    parts = urlsplit(database_url)
    user = parse_qs(parts.query)["user"][0]
    async with Link.to(address_of(database_url)) as link:
        link.mangle = lambda: HoldsTheLine(link)
        database = await Database.open(
            f"postgresql://{user}@127.0.0.1:{link.port}{parts.path}?sslmode=disable"
        )
        async with database.connection() as connection:
            pid = await connection.fetchval("SELECT pg_backend_pid()")
            other = await asyncpg.connect(database_url)
            await other.execute("SELECT pg_terminate_backend($1)", pid)
            await other.close()
            await until(lambda: link.is_silent, "the server has said goodbye")
            with pytest.raises(UNREACHABLE):
                await connection.fetchval("SELECT 1")
            link.is_silent = False
        await database.close()
