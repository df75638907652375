"""Questions to the database that are asked together: after a restart thousands come within a second (R15).

While one query is under way the next questions gather, so one alone waits for nothing, and a storm costs a
query for all that came meanwhile, on one connection. Nothing is remembered: each is asked after it came.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping
from itertools import islice
from typing import Generic, TypeVar

from sql.pool import Connection, Database

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Together(Generic[K, V]):
    """Answers by key. `ask` answers for every key that it is given, at most `most` of them in one query."""

    def __init__(
        self,
        database: Database,
        ask: Callable[[Connection, list[K]], Awaitable[Mapping[K, V]]],
        *,
        most: int | None = None,
    ) -> None:
        self._database = database
        self._ask = ask
        self._most = most
        self._asked: dict[K, asyncio.Future[V]] = {}
        self._working: asyncio.Task[None] | None = None

    async def of(self, key: K) -> V:
        """The answer for one key. Raises what `ask` raises; one of UNREACHABLE when the database is away."""
        loop = asyncio.get_running_loop()
        answer = self._asked.get(key)
        if answer is None:
            answer = self._asked[key] = loop.create_future()
        if self._working is None:
            self._working = loop.create_task(self._work())
        return await asyncio.shield(answer)

    async def _work(self) -> None:
        try:
            while self._asked:
                keys = list(islice(self._asked, self._most))
                await self._answer({key: self._asked.pop(key) for key in keys})
        finally:
            self._working = None

    async def _answer(self, asked: dict[K, asyncio.Future[V]]) -> None:
        try:
            async with self._database.connection() as connection:
                found = await self._ask(connection, list(asked))
            for key, answer in asked.items():
                answer.set_result(found[key])
        except Exception as error:
            for answer in asked.values():
                if not answer.done():
                    answer.set_exception(error)
                    answer.exception()  # whoever asked may be gone by now
        finally:
            for answer in asked.values():
                answer.cancel()  # only if this task was cancelled
