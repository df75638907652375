"""One transaction on a campaign: what it has changed so far, and what leaves it for browsers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from uuid import UUID

from server.rules.changes import Board, Change, OnceEvent
from sql import boards
from sql.heads import Head
from sql.ids import uuid7
from sql.pool import Connection

#: What a caller adds as the last thing of a turn, told the id of what was acted on: both happen, or neither.
Also: TypeAlias = Callable[[Connection, UUID], Awaitable[None]]


@dataclass(slots=True)
class Turn:
    """One transaction on a campaign: what it may read, and what it has done so far."""

    connection: Connection
    campaign_id: UUID
    head: Head
    seq: int
    set: dict[str, Board] = field(default_factory=dict)
    unset: list[str] = field(default_factory=list)
    events: list[OnceEvent] = field(default_factory=list)

    async def show(self, board_id: UUID, board: Board | None) -> None:
        """Put a board on the screen, or take it off."""
        self.seq += 1
        key = str(board_id)
        self.set.pop(key, None)
        if key in self.unset:
            self.unset.remove(key)
        if board is None:
            await boards.remove(self.connection, self.campaign_id, board_id, seq=self.seq, at=self.head.now)
            self.unset.append(key)
        else:
            await boards.put(
                self.connection, self.campaign_id, board_id, board, seq=self.seq, at=self.head.now
            )
            self.set[key] = board

    async def announce(self, kind: str, data: Mapping[str, Any], ttl_ms: int) -> None:
        """Something that happens once."""
        self.seq += 1
        event = OnceEvent(self.seq, str(uuid7()), kind, data, ttl_ms)
        payload = {"id": event.id, "kind": kind, "data": data, "ttl_ms": ttl_ms}
        await boards.announce(self.connection, self.campaign_id, payload, seq=self.seq, at=self.head.now)
        self.events.append(event)

    def change(self) -> Change:
        return Change(
            self.campaign_id,
            self.head.epoch,
            self.head.seq,
            self.seq,
            self.head.now,
            self.set,
            tuple(self.unset),
            tuple(self.events),
        )
