"""Which keys of Kick are believed, and what its API says of that (reliability T20).

Believed are: the key that is configured, or else the documented one, and those that an operator has accepted
(`hubbub kick accept-key`). Whatever the API shows is written down and reported, nothing more: whoever could
pass for the API could show a key of his own. A signature that fails makes us look once more, at most once a
minute over all processes, however many fail.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Final

import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from integrations.kick import signature
from integrations.kick.api import KickApi
from integrations.kick.line import KickAway, KickBusy, KickRefused
from integrations.kick.signature import NotAKey, fingerprint, key_from, pem_of
from sql import kick_keys, kick_rounds, kick_subscriptions
from sql.kick_keys import ShownKey
from sql.pool import UNREACHABLE, Database

_log = structlog.get_logger(__name__)

#: How soon every process knows what an operator has decided.
_READ_EVERY_S: Final = 15.0
#: The same after a signature failed: perhaps it has just been decided.
_READ_AGAIN_S: Final = 2.0
_LOOK_EVERY_S: Final = 24 * 3600.0
#: A signature that fails is a reason to ask Kick no sooner than so long after the last time (§9.2).
LOOK_AGAIN_S: Final = 60.0
_BUSY_S: Final = 30.0


class KeyWatch:
    """The keys of this process. `run` must be alive."""

    def __init__(self, database: Database, api: KickApi, configured: RSAPublicKey | None = None) -> None:
        """`configured`: the operator's own choice, believed whatever else is; None: the documented one."""
        self._database = database
        self._api = api
        self._configured = configured
        self._documented = key_from(signature.DOCUMENTED)
        self._failed = asyncio.Event()
        #: What signatures are checked with.
        self.keys: Sequence[RSAPublicKey] = (configured or self._documented,)
        #: Whether Kick's API shows a key that is not believed: then an operator is asked.
        self.is_doubtful = False
        self.looks = 0

    def failed(self) -> None:
        """A signature was not that of any key. Costs nothing, because anybody can make it happen."""
        self._failed.set()

    async def run(self) -> None:
        """Follow the operator's decisions, and look up Kick's key daily and after failures."""
        away = False
        while True:
            began = time.monotonic()
            has_failed = self._failed.is_set()
            self._failed.clear()
            try:
                await self.read()
                await self._look_if_due(has_failed=has_failed)
                away = False
            except UNREACHABLE as error:
                if not away:
                    _log.info("kick_keys_not_read", error=type(error).__name__)
                away = True
            await self._rest(began)

    async def _rest(self, began: float) -> None:
        try:
            async with asyncio.timeout(_READ_EVERY_S):
                await self._failed.wait()
            await asyncio.sleep(max(0.0, began + _READ_AGAIN_S - time.monotonic()))
        except TimeoutError:
            return

    async def read(self) -> None:
        """Follow what was decided. Raises UNREACHABLE."""
        async with self._database.connection() as connection:
            shown = await kick_keys.every(connection)
        good = [key_from(one.pem) for one in shown if one.is_good]
        first = self._configured
        if first is None and not any(_replaces(one) for one in shown):
            first = self._documented
        self.keys = ([first] if first is not None else []) + good
        known = {fingerprint(key) for key in self.keys}
        newest = max(shown, key=lambda one: one.served_at, default=None)
        self.is_doubtful = newest is not None and newest.fingerprint not in known

    async def _look_if_due(self, *, has_failed: bool) -> None:
        async with self._database.connection() as connection:
            if not await kick_subscriptions.has_channels(connection):
                return  # Kick is nothing to this installation, and so is its key
            if has_failed:
                await kick_rounds.hasten(connection, "key", LOOK_AGAIN_S)
            is_ours = await kick_rounds.take(connection, "key", _BUSY_S)
        if not is_ours:
            return
        await self._look()
        async with self._database.connection() as connection:
            await kick_rounds.put_off(connection, "key", _LOOK_EVERY_S)
        await self.read()

    async def _look(self) -> None:
        self.looks += 1
        try:
            key = key_from(await self._api.public_key())
        except (KickRefused, KickAway, KickBusy, NotAKey) as error:
            # We go on with the keys that we have.
            _log.info("kick_key_not_shown", reason=str(error))
            return
        shown = fingerprint(key)
        async with self._database.connection() as connection:
            is_new = await kick_keys.shown(connection, shown, pem_of(key))
        if is_new and shown not in {fingerprint(known) for known in self.keys}:
            _log.warning(
                "kick_shows_another_key",
                fingerprint=shown,
                advice="compare it with Kick's documentation, then: hubbub kick accept-key FINGERPRINT",
            )


def _replaces(one: ShownKey) -> bool:
    """Whether the documented key is a thing of the past: another one was accepted long enough ago."""
    return one.accepted_at is not None and one.is_settled
