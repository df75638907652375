"""Passwords are kept as argon2id and compared beside the event loop, two at a time.

With 19 MiB and two passes (OWASP's figures for a server of this size) one takes about 50 ms of one core.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, Protocol, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from server.web import password_policy

_T = TypeVar("_T")

_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
#: Compared with when there is no such account, so that time does not tell whether there is one.
_NOBODY: Final = (
    "$argon2id$v=19$m=19456,t=2,p=1$gFh2T8LNu+trWXKuKivztQ$LCbVd+pXRZHi2SdIjmGSatgi+mIPFxjV17cGJMvtk8I"
)
_AT_ONCE: Final = 2


class KnownToThieves(Protocol):
    """Who knows stolen passwords (`integrations.breaches`)."""

    async def knows(self, password: str) -> bool:
        """Whether this one was stolen; False when that cannot be found out."""


class Passwords:
    """Hashes, comparisons, and what is taken as a new one."""

    def __init__(self, thieves: KnownToThieves | None = None) -> None:
        self._thieves = thieves
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def hashed(self, password: str) -> str:
        """What is stored of a password."""
        return await self._beside(lambda: _HASHER.hash(password_policy.normal(password)))

    async def is_right(self, password: str, stored: str | None) -> bool:
        """Whether it is the one that was stored; False, after the same time, when none was."""

        def compare() -> bool:
            try:
                _HASHER.verify(stored or _NOBODY, password_policy.normal(password))
            except (VerificationError, InvalidHashError):
                return False
            return stored is not None

        if len(password) > password_policy.LONGEST * 4:
            return False
        return await self._beside(compare)

    def is_outdated(self, stored: str) -> bool:
        """Whether it was stored with other figures than today's."""
        return _HASHER.check_needs_rehash(stored)

    async def complaint(self, password: str, *, email: str = "", name: str = "") -> str:
        """What is wrong with a new password, as a sentence; empty when it is taken."""
        found = password_policy.complaint(password, email=email, name=name)
        if not found and self._thieves and await self._thieves.knows(password_policy.normal(password)):
            return "This password was stolen somewhere and is on a list. Choose another."
        return found

    async def _beside(self, work: Callable[[], _T]) -> _T:
        async with self._turns:
            return await asyncio.to_thread(work)
