"""After the key ring has changed, the newest key seals anew what an older one has sealed (reliability §3.11).

In batches of fifty, each a short transaction that steps around rows which somebody else is using. Secrets
that live for a day at most (answers, sign-ins, credentials that wait) are left to their end. What no key of
the ring opens is left as it is, counted and told: its key may come back.
"""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from server.places import place
from server.vault import CannotOpen, Vault
from sql import resealing as table
from sql.pool import UNREACHABLE, Database
from sql.resealing import FIRST, Pair

log = structlog.get_logger(__name__)

#: Processes of an older ring may still write for a while.
EVERY_S: Final = 60.0
_A_BATCH: Final = 50


class Resealing:
    """Runs beside the worker; any number of processes may run it."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database, self._vault = database, vault
        self._told = 0

    async def run(self) -> None:
        """A round a minute; a database that is away is waited for."""
        while True:
            try:
                await self.round()
            except UNREACHABLE as error:
                log.info("resealing_postponed", error=type(error).__name__)
            await asyncio.sleep(EVERY_S)

    async def round(self) -> tuple[int, int]:
        """Seal anew all there is; answers how many rows were, and how many no key opens."""
        done = stuck = 0
        for read, put, name, columns in (
            (
                table.account_tokens,
                table.put_account_tokens,
                "oauth_tokens",
                ("access_token", "refresh_token"),
            ),
            (
                table.table_secrets,
                table.put_table_secrets,
                "vtt_connections",
                ("signing_secret", "older_signing_secret"),
            ),
            (
                table.donation_secrets,
                table.put_donation_secrets,
                "donation_connections",
                ("signing_secret", "older_signing_secret"),
            ),
        ):
            after = FIRST
            while True:
                async with self._database.transaction() as connection:
                    batch = await read(connection, self._vault.mark, after, _A_BATCH)
                    for pair in batch:
                        try:
                            anew = Pair(
                                pair.id,
                                self._anew(pair.one, place(name, columns[0], pair.id)),
                                self._anew(pair.other, place(name, columns[1], pair.id)),
                            )
                        except CannotOpen:
                            stuck += 1
                            continue
                        await put(connection, anew)
                        done += 1
                if len(batch) < _A_BATCH:
                    break
                after = batch[-1].id
        async with self._database.transaction() as connection:
            for provider, sealed in await table.app_tokens(connection, self._vault.mark):
                try:
                    fresh = self._anew(sealed, place("app_tokens", "access_token", provider))
                except CannotOpen:
                    stuck += 1  # a new one is asked for when it is needed
                    continue
                assert fresh is not None  # noqa: S101  for the type checker
                await table.put_app_token(connection, provider, fresh)
                done += 1
        if done:
            log.info("secrets_sealed_anew", rows=done)
        if stuck != self._told:
            log.warning("secrets_no_key_opens", rows=stuck)
            self._told = stuck
        return done, stuck

    def _anew(self, sealed: bytes | None, where: bytes) -> bytes | None:
        if sealed is None or sealed.startswith(self._vault.mark):
            return sealed
        return self._vault.seal(self._vault.open(sealed, where), where)
