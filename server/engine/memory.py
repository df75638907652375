"""What a process remembers of a campaign between two turns."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from uuid import UUID

from server.engine import table_state
from server.engine.table_state import Table
from server.engine.turn import Turn
from server.rules.chat import word_ballot
from server.rules.poll import Poll
from server.rules.votes import Reader, seat_map


@dataclass(slots=True)
class Room:
    """What this process knows of a campaign, valid for one position of its stream."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    epoch: UUID | None = None
    seq: int = -1
    config_version: int = -1
    channels: dict[tuple[str, str], UUID] = field(default_factory=dict)
    poll: Poll | None = None
    reader: Reader | None = None
    table: Table | None = None  # None: nothing happened there yet
    used_at: float = 0.0

    def forget(self) -> None:
        """Trust nothing any more: a transaction failed."""
        self.seq = self.config_version = -1

    def hold(self, poll: Poll | None) -> None:
        """Take a poll as the one that votes go to."""
        self.poll = poll
        self.reader = None
        if poll is not None:
            seats = seat_map(poll, self.channels)
            self.reader = Reader(poll, seats, word_ballot(poll.options, poll.rules.words))

    async def table_of(self, turn: Turn) -> Table:
        """What the campaign's table knows, read when it is needed."""
        if self.table is None:
            self.table = await table_state.load(turn)
        return self.table
