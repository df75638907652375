"""Commands on their way to a table: each to exactly one of its browsers, once at most (edge case 7).

A command counts as told from the commit that claims it, before it leaves. So it never leaves twice; and when
this process dies in between, it waits for a person. No command is answered by the module. Therefore it goes
to a browser that has just shown that it is there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog

from server.rules.wiretime import to_wire
from server.web.foundry.browsers import Browser, Browsers
from sql import vtt_commands
from sql.pool import UNREACHABLE, Database
from sql.vtt_commands import Claimed

_log = structlog.get_logger(__name__)

#: Who was heard so lately need not show that it is there.
_FRESH_S: Final = 2.0
_ANSWERS_WITHIN_S: Final = 2.0
_AGAIN_AFTER_S: Final = 1.0


class Courier:
    """Tells tables what waits for them."""

    def __init__(self, database: Database, browsers: Browsers, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._browsers = browsers
        self._clock = clock
        self._busy: dict[UUID, asyncio.Task[None]] = {}

    def go(self, connection_id: UUID) -> None:
        """Something waits for this table."""
        if connection_id not in self._busy:
            task = asyncio.create_task(self._deliver(connection_id))
            self._busy[connection_id] = task
            task.add_done_callback(lambda _: self._busy.pop(connection_id, None))

    async def close(self) -> None:
        """Let what has begun end."""
        if self._busy:
            await asyncio.wait(list(self._busy.values()), timeout=_ANSWERS_WITHIN_S)

    async def _deliver(self, connection_id: UUID) -> None:
        try:
            while (browser := await self._listening(connection_id)) is not None:
                async with self._database.transaction() as connection:
                    claimed = await vtt_commands.claim(connection, connection_id)
                if claimed is None:
                    return
                await self._tell(browser, claimed)
        except UNREACHABLE as error:
            _log.info("commands_postponed", error=type(error).__name__)
        except Exception:
            _log.exception("commands_failed", connection_id=str(connection_id))

    async def _listening(self, connection_id: UUID) -> Browser | None:
        """A browser of the table that is surely there."""
        for browser in self._browsers.of(connection_id):
            fresh = asyncio.get_running_loop().time() - browser.heard_at < _FRESH_S
            if fresh or await browser.answers(_ANSWERS_WITHIN_S):
                return browser
        return None

    async def _tell(self, browser: Browser, claimed: Claimed) -> None:
        if browser not in self._browsers.of(browser.admitted.connection_id):
            async with self._database.connection() as connection:
                await vtt_commands.give_back(connection, claimed.id)
            return
        await browser.say(
            f"command:{claimed.kind}",
            {**claimed.data, "requestId": str(claimed.request_id), "timestamp": to_wire(self._clock())},
        )
        ends_at = asyncio.get_running_loop().time() + vtt_commands.LEASE_S - _AGAIN_AFTER_S
        while True:
            try:
                async with self._database.connection() as connection:
                    await vtt_commands.finish(connection, claimed.id)
            except UNREACHABLE:
                if asyncio.get_running_loop().time() > ends_at:
                    raise
                await asyncio.sleep(_AGAIN_AFTER_S)
            else:
                _log.info("command_told", kind=claimed.kind, request_id=str(claimed.request_id))
                return
