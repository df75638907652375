"""Keeps tokens good while nobody uses them: refreshed before they end, shown to their platform every hour.

Any number of processes may run this: `Tokens` lets one refresh, and who is shown is taken from the table.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Coroutine, Mapping
from typing import Final, cast

import structlog

from integrations.identity import IdentityAway, Provider
from integrations.tokens import NoToken, Tokens, Validate
from server.places import place
from server.vault import CannotOpen, Vault
from sql import tokens as table
from sql.pool import UNREACHABLE, Database

log = structlog.get_logger(__name__)

#: A token that ends so soon is replaced; whoever uses it meanwhile never meets its end.
REFRESH_BEFORE_S: Final = 600.0
#: Twitch asks for this of everybody who keeps tokens (platforms/twitch.md §5.1).
VALIDATE_EVERY_S: Final = 3600.0
EVERY_S: Final = 30.0
_AT_ONCE: Final = 4
_A_ROUND: Final = 50


class TokenKeeper:
    """Runs beside the worker."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        tokens: Tokens,
        *,
        refreshes: Collection[Provider],
        validates: Mapping[Provider, Validate],
    ) -> None:
        """`refreshes`: the providers that are configured. `validates`: those that want tokens shown."""
        self._database = database
        self._vault = vault
        self._tokens = tokens
        self._refreshes = tuple(refreshes)
        self._validates = validates

    async def run(self) -> None:
        """A round every half minute; a database that is away is waited for."""
        while True:
            try:
                await self.round()
            except UNREACHABLE as error:
                log.info("tokens_kept_later", error=type(error).__name__)
            await asyncio.sleep(EVERY_S)

    async def round(self) -> None:
        """Refresh what ends soon, and show what was not shown for an hour."""
        async with self._database.connection() as connection:
            due = await table.due(connection, REFRESH_BEFORE_S, _A_ROUND, self._refreshes)
            shown = await table.to_validate(connection, VALIDATE_EVERY_S, _A_ROUND, tuple(self._validates))
        await _in_few([self._refresh(one) for one in due])
        await _in_few([self._show(one) for one in shown])

    async def _refresh(self, due: table.Due) -> None:
        try:
            await self._tokens.refused(cast(Provider, due.provider), due.account_id, due.version)
        except NoToken as error:  # stored with the token, where the desk finds it
            log.info("token_not_refreshed", provider=due.provider, why=type(error).__name__)

    async def _show(self, one: table.Unvalidated) -> None:
        provider = cast(Provider, one.provider)
        try:
            value = self._vault.open(
                one.access_token, place("oauth_tokens", "access_token", one.auth_provider_id)
            )
            scopes = await self._validates[provider](value.decode())
        except CannotOpen:
            scopes = None  # whoever asks for it next is told so
        except IdentityAway:
            return  # in an hour
        if scopes is None:
            await self._tokens.dead(provider, one.account_id, one.version)
            return
        async with self._database.connection() as connection:
            await table.note_scopes(connection, one.auth_provider_id, one.version, scopes)


async def _in_few(works: Collection[Coroutine[None, None, None]]) -> None:
    """A few at a time."""
    places = asyncio.Semaphore(_AT_ONCE)

    async def one(work: Coroutine[None, None, None]) -> None:
        async with places:
            await work

    async with asyncio.TaskGroup() as group:
        for work in works:
            group.create_task(one(work))
