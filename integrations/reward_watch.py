"""Compares the rewards on channels with what campaigns know: ours without a campaign, and those gone.

A campaign may be deleted, or a backup restored, while its rewards stay on the channel, where viewers go on
spending points on them. Such orphans are shown on the desk of whoever plays with that channel.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

import structlog

from integrations.points import RewardClient
from integrations.rest import PlatformError
from integrations.tokens import NoToken
from sql import rewards
from sql.pool import UNREACHABLE, Database

log = structlog.get_logger(__name__)

_LOOK_EVERY_S: Final = 15.0
_A_ROUND: Final = 10


class RewardWatch:
    """Runs beside the worker; a channel is compared every five minutes by one of however many there are."""

    def __init__(self, database: Database, clients: Mapping[str, RewardClient]) -> None:
        """`clients` by platform; where a platform cannot tell ours from others nothing can be compared."""
        self._database = database
        self._clients = {name: client for name, client in clients.items() if client.lists_ours_only}

    async def run(self) -> None:
        """Look for channels whose turn it is; a database that is away is waited for."""
        while self._clients:
            try:
                await self.round()
            except UNREACHABLE as error:
                log.info("rewards_compared_later", error=type(error).__name__)
            await asyncio.sleep(_LOOK_EVERY_S)

    async def round(self) -> None:
        """Compare the channels whose turn it is."""
        async with self._database.connection() as connection:
            due = await rewards.to_check(connection, tuple(self._clients), _A_ROUND)
        for platform, channel_id in due:
            try:
                found = await self._clients[platform].ours(channel_id)
            except (PlatformError, NoToken) as error:
                log.info("rewards_not_compared", platform=platform, error=type(error).__name__)
                continue
            async with self._database.transaction() as connection:
                gone = await rewards.checked(
                    connection, platform, channel_id, {made.id: (made.title, made.cost) for made in found}
                )
            if gone:
                log.warning("rewards_gone", platform=platform, channel=channel_id, rewards=len(gone))
