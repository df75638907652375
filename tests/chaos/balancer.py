"""A balancer as small as one can be: every new connection goes to the next backend that takes it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Self

from tests.chaos.proxy import Link


class Balancer(Link):
    """`backends` may be changed at any time; connections that are open stay where they are."""

    def __init__(self, backends: Sequence[tuple[str, int]]) -> None:
        super().__init__(backends[0])
        self.backends = list(backends)
        self._turn = 0

    @classmethod
    @asynccontextmanager
    async def over(cls, backends: Sequence[tuple[str, int]]) -> AsyncIterator[Self]:
        balancer = cls(backends)
        async with balancer.listening():
            yield balancer

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def connect(self, protocol: asyncio.Protocol) -> None:
        """To the next backend that answers. Raises OSError when none does."""
        loop = asyncio.get_running_loop()
        for _ in range(len(self.backends)):
            self._turn += 1
            backend = self.backends[self._turn % len(self.backends)]
            try:
                await loop.create_connection(lambda: protocol, *backend)
            except OSError:
                continue
            return
        raise ConnectionRefusedError("no backend takes connections")
