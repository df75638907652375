"""The port between a platform and the game: what a chat source is given, and what it gives back.

An adapter translates a platform's words into `server.rules.events` and pushes them into a Sink. It
knows neither polls nor votes; whether a line counts is decided by the rules, by its send time.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from server.rules.delivery import Item, Verdict
from server.rules.events import Arrival
from sql.channels import Channel, ChannelState


class Sink(Protocol):
    """Where events go: the engine's batch of a campaign."""

    async def __call__(self, campaign_id: UUID, events: Sequence[Arrival]) -> None:
        """Take the events in; waits while the campaign's buffer is full, which stops the reader.

        Never raises for bad content. Returning does not mean that anything is committed.
        """


class Clock(Protocol):
    """Our clock, corrected to the database's."""

    def now(self) -> datetime:
        """The moment, aware, in UTC."""


@dataclass(frozen=True, slots=True)
class ChannelNews:
    """What a source noticed about one channel since it was last asked; None means nothing new."""

    channel: UUID
    state: ChannelState | None = None
    detail: str = ""  # a sentence for the desk, belongs to `state`
    platform_id: str | None = None  # the platform's own id of a channel known by its login only
    heard_at: datetime | None = None  # arrival of the last line of chat
    lag_ms: int = 0  # its age when it arrived, belongs to `heard_at`

    def then(self, later: ChannelNews) -> ChannelNews:
        """Both pieces of news as one, the later one winning."""
        return ChannelNews(
            channel=self.channel,
            state=later.state or self.state,
            detail=later.detail if later.state else self.detail,
            platform_id=later.platform_id or self.platform_id,
            heard_at=later.heard_at or self.heard_at,
            lag_ms=later.lag_ms if later.heard_at else self.lag_ms,
        )


class Source(Protocol):
    """Reads the chat of many channels of one kind."""

    async def run(self) -> None:
        """Read until closed. Heals every fault of the platform by itself; raises only for bugs."""

    async def close(self) -> None:
        """Hand on what has been read, leave the platform, and let `run` return; within 5 s."""

    def want(self, channels: Collection[Channel]) -> None:
        """Read exactly these channels from now on; a changed row replaces the older one of its id."""

    def news(self) -> list[ChannelNews]:
        """What changed since the last call, at most one item a channel."""


class Courier(Protocol):
    """Delivers entries of the outbox of its kinds to a platform."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of entries it delivers."""

    async def deliver(self, item: Item) -> Verdict:
        """Try once; within 15 s. Never raises for what the platform does.

        After a crash in the middle it is asked again, with one attempt more: whatever must not happen
        twice is looked up first.
        """
