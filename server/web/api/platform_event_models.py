"""What platforms tell beside chat, as scripts send it (contract §5): each type with its own fields."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from server.rules.events import User
from server.rules.money import LARGEST
from server.rules.platform_events import (
    NativeChoice,
    NativePollTold,
    PlatformEvent,
    Redeemed,
    StreamChanged,
    Supported,
    SupportKind,
)
from server.rules.support import LONGEST_FACT, MOST_MONTHS, MOST_QUANTITY
from server.rules.wiretime import from_wire
from server.web.api.event_fields import ChatText, Id, MessageId, Platform, UserIn, WireTime
from server.web.models import Model

Quantity = Annotated[int, Field(ge=1, le=MOST_QUANTITY)]
Tier = Annotated[int, Field(ge=1, le=3)]
Fact = Annotated[
    str,
    Field(
        min_length=1,
        max_length=LONGEST_FACT,
        pattern=r"^[^\x00-\x1f\x7f]+$",
        description="The deed itself, the same however often and by whatever event it is told; "
        "without it, each message is a deed of its own",
    ),
]
Giver = Annotated[UserIn | None, Field(description="Null: anonymous")]


class _Told(Model):
    platform: Platform
    channel_id: Id
    message_id: MessageId
    sent_at: WireTime


class _Kindness(_Told):
    fact: Fact | None = None
    is_test: bool = Field(default=False, description="Shown, marked as a test, and never counted")


class SubscriptionIn(_Kindness):
    """A subscription; from the second month on it is a resubscription."""

    type: Literal["support.subscription"]
    user: Giver
    tier: Tier = 1
    months: Annotated[int, Field(ge=0, le=MOST_MONTHS, description="In all, this one included")] = 1
    message: ChatText = ""


class GiftIn(_Kindness):
    """Subscriptions given to others. A gift bomb is one deed: the greatest `quantity` told of it holds."""

    type: Literal["support.gift"]
    user: Giver
    quantity: Quantity = 1
    tier: Tier = 1


class BitsIn(_Kindness):
    """Twitch's bits."""

    type: Literal["support.bits"]
    user: Giver
    quantity: Quantity
    message: ChatText = ""


class KicksIn(_Kindness):
    """Kick's kicks."""

    type: Literal["support.kicks"]
    user: Giver
    quantity: Quantity
    message: ChatText = ""


class DonationIn(_Kindness):
    """Money."""

    type: Literal["support.donation"]
    user: Giver
    amount_minor: Annotated[
        int,
        Field(ge=1, le=LARGEST, description="In the currency's smallest unit: 420 is 4.20 EUR, or 420 JPY"),
    ]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$", description="ISO 4217")]
    message: ChatText = ""


class FollowIn(_Kindness):
    type: Literal["channel.follow"]
    user: UserIn


class RaidIn(_Kindness):
    """Another channel sends its viewers; `user` is its streamer."""

    type: Literal["channel.raid"]
    user: UserIn
    viewers: Annotated[int, Field(ge=0, le=MOST_QUANTITY)]


class StreamOnlineIn(_Told):
    """Of several that are told, the latest by `sent_at` holds."""

    type: Literal["stream.online"]
    started_at: WireTime | None = None
    title: Annotated[str, Field(max_length=200)] = ""


class StreamOfflineIn(_Told):
    type: Literal["stream.offline"]


class RedemptionIn(_Told):
    """Points spent on a reward, or what became of it."""

    type: Literal["redemption.added", "redemption.updated"]
    user: UserIn
    redemption_id: Id
    reward_id: Id
    reward_title: Annotated[str, Field(max_length=200)] = ""
    cost: Annotated[int, Field(ge=0, le=MOST_QUANTITY)]
    user_input: ChatText = ""
    status: Literal["unfulfilled", "fulfilled", "canceled"] = "unfulfilled"
    redeemed_at: WireTime | None = Field(default=None, description="Without it, `sent_at`")


class NativeChoiceIn(Model):
    id: Id
    title: Annotated[str, Field(max_length=100)]
    votes: Annotated[int, Field(ge=0, le=MOST_QUANTITY, description="In all, by whatever way of voting")]
    channel_points_votes: Annotated[int, Field(ge=0, le=MOST_QUANTITY)] = 0


class NativePollProgressIn(_Told):
    """Totals of a poll that the platform runs; they are absolute."""

    type: Literal["native_poll.progress"]
    poll_id: Id
    choices: Annotated[tuple[NativeChoiceIn, ...], Field(min_length=1, max_length=10, strict=False)]


class NativePollEndedIn(_Told):
    type: Literal["native_poll.ended"]
    poll_id: Id
    choices: Annotated[tuple[NativeChoiceIn, ...], Field(min_length=1, max_length=10, strict=False)]
    state: Literal["completed", "terminated", "archived"] = "completed"


KindnessIn: TypeAlias = SubscriptionIn | GiftIn | BitsIn | KicksIn | DonationIn | FollowIn | RaidIn
PlatformEventIn: TypeAlias = (
    KindnessIn | StreamOnlineIn | StreamOfflineIn | RedemptionIn | NativePollProgressIn | NativePollEndedIn
)

#: The model of every type that has one.
MODELS: Mapping[str, type[PlatformEventIn]] = {
    "support.subscription": SubscriptionIn,
    "support.gift": GiftIn,
    "support.bits": BitsIn,
    "support.kicks": KicksIn,
    "support.donation": DonationIn,
    "channel.follow": FollowIn,
    "channel.raid": RaidIn,
    "stream.online": StreamOnlineIn,
    "stream.offline": StreamOfflineIn,
    "redemption.added": RedemptionIn,
    "redemption.updated": RedemptionIn,
    "native_poll.progress": NativePollProgressIn,
    "native_poll.ended": NativePollEndedIn,
}


def event_of(told: PlatformEventIn, received_at: datetime) -> PlatformEvent:
    """The event of a validated item. Raises ValueError for a time that is none."""
    sent_at = from_wire(told.sent_at)
    place = (told.platform, told.channel_id, told.message_id)
    match told:
        case StreamOnlineIn():
            started_at = from_wire(told.started_at) if told.started_at else None
            return StreamChanged(*place, True, started_at, told.title, sent_at, received_at)
        case StreamOfflineIn():
            return StreamChanged(*place, False, None, "", sent_at, received_at)
        case RedemptionIn():
            return Redeemed(
                *place,
                _user(told.user),
                told.redemption_id,
                told.reward_id,
                told.reward_title,
                told.cost,
                told.user_input,
                told.status,
                from_wire(told.redeemed_at) if told.redeemed_at else sent_at,
                sent_at,
                received_at,
            )
        case NativePollProgressIn() | NativePollEndedIn():
            choices = tuple(
                NativeChoice(one.id, one.title, one.votes, one.channel_points_votes) for one in told.choices
            )
            state = told.state if isinstance(told, NativePollEndedIn) else "running"
            return NativePollTold(*place, told.poll_id, choices, state, sent_at, received_at)
        case _:
            return _kindness(told, sent_at, received_at)


def _kindness(told: KindnessIn, sent_at: datetime, received_at: datetime) -> Supported:
    kind, quantity, tier, months, amount_minor, currency = _figures(told)
    return Supported(
        told.platform,
        told.channel_id,
        told.message_id,
        kind,
        told.fact or told.message_id,
        None if told.user is None else _user(told.user),
        quantity,
        tier,
        months,
        amount_minor,
        currency,
        getattr(told, "message", ""),
        sent_at,
        received_at,
        told.is_test,
    )


def _figures(told: KindnessIn) -> tuple[SupportKind, int, int, int, int, str]:
    """Kind, quantity, tier, months, amount and currency."""
    match told:
        case SubscriptionIn():
            return "resub" if told.months > 1 else "subscription", 1, told.tier, told.months, 0, ""
        case GiftIn():
            return "gift", told.quantity, told.tier, 0, 0, ""
        case BitsIn():
            return "bits", told.quantity, 0, 0, 0, ""
        case KicksIn():
            return "kicks", told.quantity, 0, 0, 0, ""
        case DonationIn():
            return "donation", 1, 0, 0, told.amount_minor, told.currency
        case FollowIn():
            return "follow", 1, 0, 0, 0, ""
        case RaidIn():
            return "raid", told.viewers, 0, 0, 0, ""


def _user(user: UserIn) -> User:
    return User(user.id, user.login, user.name, user.roles)
