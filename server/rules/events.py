"""What can happen, in one vocabulary for every platform (contract §5). Adapters translate into it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple, TypeAlias

# Tuples, because tens of thousands are made each second and a frozen dataclass takes three times as long.


class User(NamedTuple):
    """A platform account. Identity is `(platform, id)`; login and name are decoration."""

    id: str
    login: str
    name: str
    roles: tuple[str, ...] = ()


class ChatMessage(NamedTuple):
    """A line of chat. `text` is as the platform sent it; rules clean it."""

    platform: str
    channel_id: str  # the platform's id of the channel it was read in
    message_id: str
    user: User
    text: str
    sent_at: datetime  # the platform's clock
    received_at: datetime  # ours, corrected to the database clock
    source_channel_id: str | None = None  # shared chat: the channel it was written in

    @property
    def is_shared_copy(self) -> bool:
        """Whether the line was written in another channel than the one it was read in."""
        return self.source_channel_id is not None and self.source_channel_id != self.channel_id


class OtherEvent(NamedTuple):
    """An event of the vocabulary that no game of this version reads; it is taken in once and kept out."""

    type: str
    platform: str
    channel_id: str
    message_id: str
    sent_at: datetime
    received_at: datetime


Event = ChatMessage | OtherEvent


class UnreadLine(NamedTuple):
    """A line of chat of which nothing but the words is known yet.

    Most chat is talk. That a line is no vote can be seen from its words, and who spoke when, which takes ten
    times as long to read, matters to nobody then.
    """

    text: str
    raw: str  # as the platform wrote it
    channel_id: str
    received_at: datetime
    reading: Callable[[str, datetime], ChatMessage | None]

    def read(self) -> ChatMessage | None:
        """The whole line, or None: something in it makes it none that could count."""
        message = self.reading(self.raw, self.received_at)
        return message and message._replace(channel_id=self.channel_id)


#: What the engine is given.
Arrival: TypeAlias = Event | UnreadLine

#: Every `type` of contract §5; a trailing dot means a family.
EVENT_TYPES = (
    "chat.message",
    "redemption.added",
    "redemption.updated",
    "support.subscription",
    "support.gift",
    "support.bits",
    "support.kicks",
    "support.donation",
    "channel.follow",
    "channel.raid",
    "stream.online",
    "stream.offline",
    "native_poll.progress",
    "native_poll.ended",
    "dice.rolled",
    "combat.",
    "character.updated",
)


_FAMILIES = tuple(known for known in EVENT_TYPES if known.endswith("."))


def is_known_type(name: str) -> bool:
    """Whether `name` belongs to the vocabulary."""
    return name in EVENT_TYPES or name.startswith(_FAMILIES)
