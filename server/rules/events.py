"""What can happen, in one vocabulary for every platform (contract §5). Adapters translate into it."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

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
