"""What platforms tell beside chat, in the one vocabulary (contract §5). Adapters translate into it.

Every event says who told it (`message_id`, for the inbox) and what it is about (a business identity, so that
two deliveries of one fact, from whatever source, have one effect).
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, NamedTuple, TypeAlias

from server.rules.events import User

RedemptionStatus = Literal["unfulfilled", "fulfilled", "canceled"]


class Redeemed(NamedTuple):
    """`redemption.added` and `redemption.updated`: points spent on a reward, and what became of it."""

    platform: str
    channel_id: str
    message_id: str
    user: User
    redemption_id: str  # the business identity
    reward_id: str
    reward_title: str
    cost: int  # points, 0 and more
    user_input: str
    status: RedemptionStatus  # Kick's pending, accepted, rejected are translated
    redeemed_at: datetime  # the platform's clock
    sent_at: datetime
    received_at: datetime


SupportKind = Literal["subscription", "resub", "gift", "bits", "kicks", "donation", "follow", "raid"]


class Supported(NamedTuple):
    """`support.*`, `channel.follow` and `channel.raid`: somebody did the channel a kindness.

    `fact` is the business identity inside `(platform, channel, kind)`: the same kindness told by two event
    types or twice has the same one. `user` is None for an anonymous giver.
    """

    platform: str
    channel_id: str
    message_id: str
    kind: SupportKind
    fact: str
    user: User | None
    quantity: int  # gifts given, bits, kicks, viewers of a raid; 1 for the others
    tier: int  # 1 to 3 for subscriptions and gifts, else 0
    months: int  # of a subscription in all, else 0
    amount_minor: int  # of money, in the currency's smallest unit; 0 where there is none
    currency: str  # ISO 4217, or empty
    message: str  # what the giver wrote; cleaned by the rules before it is shown
    sent_at: datetime
    received_at: datetime
    is_test: bool = False  # sent by a platform's console or by our own test button


class StreamChanged(NamedTuple):
    """`stream.online` and `stream.offline`."""

    platform: str
    channel_id: str
    message_id: str
    is_live: bool
    started_at: datetime | None
    title: str
    sent_at: datetime
    received_at: datetime


class NativeChoice(NamedTuple):
    """One choice of a poll that the platform itself runs. `votes` counts all ways of voting."""

    id: str
    title: str
    votes: int
    channel_points_votes: int


class NativePollTold(NamedTuple):
    """`native_poll.progress` and `native_poll.ended`: absolute totals of a poll that the platform runs."""

    platform: str
    channel_id: str
    message_id: str
    poll_id: str  # the platform's
    choices: tuple[NativeChoice, ...]
    state: Literal["running", "completed", "terminated", "archived"]
    sent_at: datetime
    received_at: datetime


PlatformEvent: TypeAlias = Redeemed | Supported | StreamChanged | NativePollTold
