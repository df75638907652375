"""The bus without a server: alone in one process, or between hubs of one process."""

from __future__ import annotations

import asyncio
from uuid import UUID

from server.live.bus_port import (
    BusFigures,
    OnChange,
    OnUnknown,
    State,
    channel_of,
    from_message,
    to_message,
)
from server.rules.changes import Change


class NoBus:
    """No bus at all. Always `away`, so positions are compared often and other processes do work."""

    state: State = "away"

    def __init__(self) -> None:
        self.figures = BusFigures()

    def publish(self, change: Change) -> None:
        self.figures.dropped += 1

    def follow(self, campaign_id: UUID) -> None:
        """There is nothing to hear."""

    def leave(self, campaign_id: UUID) -> None:
        """There is nothing to hear."""

    async def run(self, on_change: OnChange, on_unknown: OnUnknown) -> None:
        await asyncio.Event().wait()


class Switchboard:
    """Connects the MemoryBuses of one process."""

    def __init__(self) -> None:
        self.buses: list[MemoryBus] = []

    def spread(self, channel: str, message: bytes) -> None:
        """Carry a message to all who run, the sender included, as Redis does."""
        for bus in self.buses:
            bus.hear(channel, message)


class MemoryBus:
    """As the Redis bus, without Redis: same port, same message form, same tests."""

    def __init__(self, switchboard: Switchboard) -> None:
        self.figures = BusFigures()
        self._board = switchboard
        self._followed: dict[str, UUID] = {}
        self._on_change: OnChange | None = None
        self._on_unknown: OnUnknown | None = None

    @property
    def state(self) -> State:
        return "away" if self._on_change is None else "ok"

    def publish(self, change: Change) -> None:
        if self._on_change is None:
            self.figures.dropped += 1
            return
        self.figures.published += 1
        self._board.spread(channel_of(change.campaign_id), to_message(change))

    def follow(self, campaign_id: UUID) -> None:
        self._followed[channel_of(campaign_id)] = campaign_id
        if self._on_unknown is not None:
            asyncio.get_running_loop().call_soon(self._on_unknown, campaign_id)

    def leave(self, campaign_id: UUID) -> None:
        self._followed.pop(channel_of(campaign_id), None)

    def hear(self, channel: str, message: bytes) -> None:
        """A message of the switchboard."""
        if self._on_change is not None and channel in self._followed:
            self.figures.received += 1
            self._on_change(from_message(message))

    async def run(self, on_change: OnChange, on_unknown: OnUnknown) -> None:
        self._on_change, self._on_unknown = on_change, on_unknown
        self._board.buses.append(self)
        for campaign_id in (None, *self._followed.values()):
            on_unknown(campaign_id)
        try:
            await asyncio.Event().wait()
        finally:
            self._on_change = self._on_unknown = None
            self._board.buses.remove(self)
