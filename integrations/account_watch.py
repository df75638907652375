"""Looks after the accounts that play in shows, so that the desk can say before a show what would not work.

Of Twitch: whether the account may have channel points (affiliate or partner), and whether its chat is shared.
Of Kick: whether it delivers, which its subscriptions tell. A dead token needs no look: the table of tokens
tells that, and asking with one is how it becomes known.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

import structlog

from integrations.line import Method
from integrations.rest import Answer, PlatformError
from integrations.tokens import NoToken
from sql import account_watch, readiness
from sql.account_watch import Watched
from sql.pool import UNREACHABLE, Database

log = structlog.get_logger(__name__)

#: What somebody asks to have looked at again is, within this.
_LOOK_EVERY_S: Final = 2.0
#: Everything else, so often: an affiliate stays one, and a shared chat lasts an evening.
_EVERY_S: Final = 300.0
#: After no answer.
_AGAIN_S: Final = 60.0
_MOST: Final = 500
_A_ROUND: Final = 20
_KINDS: Final = ("affiliate", "partner")


class Line(Protocol):
    """As integrations.rest.Rest, as far as it is needed."""

    async def call(
        self, account_id: str, method: Method, path: str, *, query: Sequence[tuple[str, str]] = ...
    ) -> Answer: ...


class AccountWatch:
    """Runs beside the worker. Two of them look twice, and write the same."""

    def __init__(
        self, database: Database, twitch: Line | None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`twitch`: None where Twitch is not configured."""
        self._database = database
        self._twitch = twitch
        self._clock = clock
        self._next: dict[tuple[str, int], float] = {}

    async def run(self) -> None:
        """Look until cancelled; a database or a platform that is away is waited for."""
        while True:
            try:
                await self.round()
            except UNREACHABLE as error:
                log.info("accounts_looked_at_later", error=type(error).__name__)
            await asyncio.sleep(_LOOK_EVERY_S)

    async def round(self) -> None:
        """Look at what is due. Raises UNREACHABLE."""
        async with self._database.transaction() as connection:
            await account_watch.judge_kick(connection)
            found = [] if self._twitch is None else await account_watch.twitch(connection, _MOST)
        keys = {(one.account_id, one.version) for one in found}
        self._next = {key: at for key, at in self._next.items() if key in keys}
        now = self._clock()
        due = [one for one in found if one.is_asked or self._next.get(one[:2], 0.0) <= now]
        for one in due[:_A_ROUND]:
            self._next[one[:2]] = now + (_EVERY_S if await self._look(one) else _AGAIN_S)

    async def _look(self, one: Watched) -> bool:
        """At one Twitch account; False: Twitch did not say."""
        try:
            kind = await self._kind(one.account_id)
            others = await self._shared_with(one.account_id)
        except (PlatformError, NoToken) as error:
            log.info("account_not_looked_at", platform="twitch", error=type(error).__name__)
            return False
        async with self._database.transaction() as connection:
            if kind is None:
                await readiness.report(connection, "twitch", one.account_id, "account_inactive")
                return True
            await readiness.clear(connection, "twitch", one.account_id, "account_inactive")
            if kind in _KINDS:
                await readiness.clear(connection, "twitch", one.account_id, "not_affiliate")
            else:
                await readiness.report(connection, "twitch", one.account_id, "not_affiliate")
            if others:
                await readiness.report(connection, "twitch", one.account_id, "shared_chat")
            else:
                await readiness.clear(connection, "twitch", one.account_id, "shared_chat")
        return True

    async def _kind(self, account_id: str) -> str | None:
        """affiliate, partner, or nothing of the kind; None: there is no such account any more."""
        answer = await self._call(account_id, "/users", "id")
        if not answer:
            return None
        kind = answer[0].get("broadcaster_type")
        return kind if isinstance(kind, str) else ""

    async def _shared_with(self, account_id: str) -> int:
        """How many other channels have the same chat."""
        sessions = await self._call(account_id, "/shared_chat/session", "broadcaster_id")
        people = sessions[0].get("participants") if sessions else None
        return len(people) - 1 if isinstance(people, list) else 0

    async def _call(self, account_id: str, path: str, name: str) -> list[Mapping[str, Any]]:
        assert self._twitch is not None  # noqa: S101  accounts are listed only with it
        answer = await self._twitch.call(account_id, "GET", path, query=[(name, account_id)])
        data = answer.data.get("data") if isinstance(answer.data, dict) else None
        if not isinstance(data, list):
            raise PlatformError("Twitch answered with something that is no answer of its API.")
        return [item for item in data if isinstance(item, dict)]
