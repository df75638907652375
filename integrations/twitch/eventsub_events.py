"""What an event of EventSub means to us: something of our own vocabulary, or nothing, for a stated reason.

Pure: the same event means the same whether a socket or a webhook brought it. Only fields that stand in
platforms/twitch.md §4 are read; any other field, and any other type, is passed over.

Many events have no id of their own, so `Supported.fact`, the identity of the deed, is made of what does not
change when Twitch tells it once more in another message:

| kind | fact |
|---|---|
| follow | who, and the moment of following |
| subscription | who, tier, day |
| resub | who, and the months in all |
| gift | who, tier, how many, how many ever, day; anonymous, or with a hidden number: the message |
| bits | the message: two equal cheers in a row are two |
| raid | from whom, how many, hour |

A gift bomb is the one `channel.subscription.gift`; the `channel.subscribe` of everybody who was given one say
`is_gift` and do not count. Bits are what `channel.bits.use` tells, every way of using them; `channel.cheer`
tells cheers once more and does not count.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from integrations.twitch.irc_events import PLATFORM, spoken
from integrations.twitch.reading import fields, identifier, items, message_id, moment, sent, text, user, whole
from server.rules.events import ChatMessage
from server.rules.platform_events import (
    NativeChoice,
    NativePollTold,
    PlatformEvent,
    Redeemed,
    RedemptionStatus,
    StreamChanged,
    Supported,
    SupportKind,
)

#: Why an event has no effect on any game. Every `Ignored.reason` is a key of this table.
REASONS: Final = MappingProxyType(
    {
        "no_event": "a message without an object `event`",
        "unknown_type": "Twitch adds types without notice; none we do not know is one that we asked for",
        "unused_type": "a type that no game of this version reads",
        "no_channel": "it does not say in which channel it happened",
        "no_message_id": "without the id of the message the same event could count twice",
        "no_user": "a line of chat, a follow or a redemption is somebody's",
        "no_text": "a line of chat without words",
        "no_id": "a redemption, reward, poll or stream without its id",
        "gift_recipient": "the gift itself is told by channel.subscription.gift, for all who were given one",
        "told_by_bits_use": "channel.bits.use tells every cheer as well",
        "nothing_given": "a gift of none, or no bits",
        "unknown_status": "a redemption or poll in a state that Twitch itself calls unknown",
        "not_live": "a rerun, a playlist or a premiere is no live stream",
    }
)

#: Types that exist, may be asked for by hand, and change nothing here.
UNUSED: Final = frozenset(
    (
        *(f"channel.prediction.{step}" for step in ("begin", "progress", "lock", "end")),
        *(f"channel.hype_train.{step}" for step in ("begin", "progress", "end")),
        "channel.ad_break.begin",
    )
)

_LONGEST_TITLE: Final = 200
_LONGEST_MESSAGE: Final = 500
_ROLES: Final = {
    "broadcaster": "broadcaster",
    "moderator": "moderator",
    "lead_moderator": "moderator",
    "vip": "vip",
    "subscriber": "subscriber",
    "founder": "subscriber",
}
_TIERS: Final = {"1000": 1, "2000": 2, "3000": 3}
_STATUSES: Final[Mapping[str, RedemptionStatus]] = {
    "unfulfilled": "unfulfilled",
    "fulfilled": "fulfilled",
    "canceled": "canceled",
}
_POLL_ENDS: Final[Mapping[str, Literal["completed", "terminated", "archived"]]] = {
    "completed": "completed",
    "terminated": "terminated",
    "archived": "archived",
    # Over REST these exist as well; for us the poll is over.
    "moderated": "terminated",
    "invalid": "terminated",
}


@dataclass(frozen=True, slots=True)
class Ignored:
    """An event without effect; `reason` is a key of REASONS."""

    reason: str


Meaning: TypeAlias = ChatMessage | PlatformEvent | Ignored


class Told(NamedTuple):
    """What is common to all: which message told it, when it was sent and came."""

    message_id: str
    sent_at: datetime
    received_at: datetime


_Reading: TypeAlias = Callable[[Mapping[str, Any], str, Told], Meaning]


def translate(type_: str, event: object, *, id: str, sent_at: object, received_at: datetime) -> Meaning:
    """The meaning of `payload.event` of a message of this subscription type. Never raises.

    `id` and `sent_at` are the message's own, as Twitch wrote them; `received_at` is our clock.
    """
    reading = _READINGS.get(type_)
    if reading is None:
        return Ignored("unused_type" if type_ in UNUSED else "unknown_type")
    if not isinstance(event, dict):
        return Ignored("no_event")
    prefix = "to_broadcaster_user_" if type_ == "channel.raid" else "broadcaster_user_"
    channel = identifier(event.get(f"{prefix}id"))
    if not channel:
        return Ignored("no_channel")
    known = message_id(id)
    if not known:
        return Ignored("no_message_id")
    return reading(event, channel, Told(known, sent(sent_at, received_at), received_at))


def outcome(meaning: Meaning) -> str:
    """What became of an event, for our figures: "taken", or the reason why it was ignored."""
    return meaning.reason if isinstance(meaning, Ignored) else "taken"


def _chat(event: Mapping[str, Any], channel: str, told: Told) -> Meaning:
    speaker = user(event, "chatter_user_", _roles(event.get("badges")))
    line_id = message_id(event.get("message_id"))
    if speaker is None:
        return Ignored("no_user")
    if not line_id:
        return Ignored("no_message_id")
    words = fields(event.get("message")).get("text")
    words = spoken(words) if isinstance(words, str) else ""
    if not words:
        return Ignored("no_text")
    source = identifier(event.get("source_broadcaster_user_id"))
    return ChatMessage(
        PLATFORM,
        channel,
        line_id,  # of the line, not of this message about it: chat that is read over IRC has the same
        speaker,
        words,
        told.sent_at,
        told.received_at,
        source if source and source != channel else None,
    )


def _roles(badges: object) -> tuple[str, ...]:
    """Roles in the room where the line was read, each once."""
    names = (badge.get("set_id") for badge in items(badges))
    found = (_ROLES.get(name) for name in names if isinstance(name, str))
    return tuple(dict.fromkeys(role for role in found if role))


def _redemption(event: Mapping[str, Any], channel: str, told: Told) -> Meaning:
    viewer, reward = user(event), fields(event.get("reward"))
    redemption_id, reward_id = identifier(event.get("id")), identifier(reward.get("id"))
    status = event.get("status")
    status = _STATUSES.get(status.lower()) if isinstance(status, str) else None
    if viewer is None:
        return Ignored("no_user")
    if not (redemption_id and reward_id):
        return Ignored("no_id")
    if status is None:
        return Ignored("unknown_status")
    return Redeemed(
        PLATFORM,
        channel,
        told.message_id,
        viewer,
        redemption_id,
        reward_id,
        text(reward.get("title"), _LONGEST_TITLE),
        whole(reward.get("cost")),
        text(event.get("user_input"), _LONGEST_MESSAGE),
        status,
        sent(event.get("redeemed_at"), told.sent_at),
        told.sent_at,
        told.received_at,
    )


def redemption(row: object, channel: str, *, id: str, received_at: datetime) -> Meaning:
    """A redemption as Helix lists it, which has the same fields in another order of capitals."""
    return _redemption(fields(row), channel, Told(id, received_at, received_at))


def _poll(event: Mapping[str, Any], channel: str, told: Told) -> Meaning:
    return _native_poll(event, channel, told, "running")


def _poll_end(event: Mapping[str, Any], channel: str, told: Told) -> Meaning:
    status = event.get("status")
    state = _POLL_ENDS.get(status.lower()) if isinstance(status, str) else None
    return Ignored("unknown_status") if state is None else _native_poll(event, channel, told, state)


def native_poll(row: object, channel: str, *, id: str, received_at: datetime) -> Meaning:
    """A poll as Helix lists it."""
    event, told = fields(row), Told(id, received_at, received_at)
    return (_poll if event.get("status") == "ACTIVE" else _poll_end)(event, channel, told)


def _native_poll(
    event: Mapping[str, Any],
    channel: str,
    told: Told,
    state: Literal["running", "completed", "terminated", "archived"],
) -> Meaning:
    poll_id = identifier(event.get("id"))
    choices = tuple(
        NativeChoice(
            choice_id,
            text(choice.get("title"), _LONGEST_TITLE),
            whole(choice.get("votes")),
            whole(choice.get("channel_points_votes")),
        )
        for choice in items(event.get("choices"))
        if (choice_id := identifier(choice.get("id")))
    )
    if not poll_id or not choices:
        return Ignored("no_id")
    return NativePollTold(
        PLATFORM, channel, told.message_id, poll_id, choices, state, told.sent_at, told.received_at
    )


def _supported(
    told: Told,
    channel: str,
    kind: SupportKind,
    fact: str,
    event: Mapping[str, Any],
    *,
    prefix: str = "user_",
    quantity: int = 1,
    tier: int = 0,
    months: int = 0,
    message: str = "",
) -> Supported:
    return Supported(
        PLATFORM,
        channel,
        told.message_id,
        kind,
        fact,
        user(event, prefix),
        quantity,
        tier,
        months,
        0,
        "",
        message,
        told.sent_at,
        told.received_at,
    )


def _subscribe(event: Mapping[str, Any], channel: str, told: Told) -> Meaning:
    who = identifier(event.get("user_id"))
    if event.get("is_gift") is True:
        return Ignored("gift_recipient")
    if not who:
        return Ignored("no_user")
    tier = _tier(event)
    return _supported(
        told, channel, "subscription", f"{who}:{tier}:{told.sent_at:%Y-%m-%d}", event, tier=tier
    )


def _gift(event: Mapping[str, Any], channel: str, told: Told) -> Meaning:
    total = whole(event.get("total"))
    if not total:
        return Ignored("nothing_given")
    is_anonymous = event.get("is_anonymous") is True
    who = "" if is_anonymous else identifier(event.get("user_id"))
    ever, tier = whole(event.get("cumulative_total")), _tier(event)
    fact = f"message:{told.message_id}"
    if who and ever:
        fact = f"{who}:{tier}:{total}:{ever}:{told.sent_at:%Y-%m-%d}"
    giver = {} if is_anonymous else event
    return _supported(told, channel, "gift", fact, giver, quantity=total, tier=tier)


def _resub(event: Mapping[str, Any], channel: str, told: Told) -> Meaning:
    who = identifier(event.get("user_id"))
    if not who:
        return Ignored("no_user")
    months = whole(event.get("cumulative_months"), 10_000)
    fact = f"{who}:{months}" if months else f"{who}:{told.sent_at:%Y-%m-%d}"
    words = text(fields(event.get("message")).get("text"), _LONGEST_MESSAGE)
    return _supported(told, channel, "resub", fact, event, tier=_tier(event), months=months, message=words)


def _tier(event: Mapping[str, Any]) -> int:
    """1 to 3; what Twitch may add some day counts as the first."""
    tier = event.get("tier")
    return _TIERS.get(tier, 1) if isinstance(tier, str) else 1


def _bits(event: Mapping[str, Any], channel: str, told: Told) -> Meaning:
    bits = whole(event.get("bits"))
    if not bits:
        return Ignored("nothing_given")
    giver = {} if event.get("is_anonymous") is True else event
    words = text(fields(event.get("message")).get("text"), _LONGEST_MESSAGE)
    return _supported(
        told, channel, "bits", f"message:{told.message_id}", giver, quantity=bits, message=words
    )


def _cheer(event: Mapping[str, Any], channel: str, told: Told) -> Meaning:
    return Ignored("told_by_bits_use")


def _follow(event: Mapping[str, Any], channel: str, told: Told) -> Meaning:
    who = identifier(event.get("user_id"))
    if not who:
        return Ignored("no_user")
    since = sent(event.get("followed_at"), told.sent_at)
    return _supported(told, channel, "follow", f"{who}:{since.isoformat()}", event)


def _raid(event: Mapping[str, Any], channel: str, told: Told) -> Meaning:
    raider = identifier(event.get("from_broadcaster_user_id"))
    if not raider:
        return Ignored("no_user")
    viewers = whole(event.get("viewers"))
    fact = f"{raider}:{viewers}:{told.sent_at:%Y-%m-%dT%H}"
    return _supported(told, channel, "raid", fact, event, prefix="from_broadcaster_user_", quantity=viewers)


def _online(event: Mapping[str, Any], channel: str, told: Told) -> Meaning:
    if event.get("type") != "live":
        return Ignored("not_live")
    started = moment(event.get("started_at"))
    return StreamChanged(
        PLATFORM, channel, told.message_id, True, started, "", told.sent_at, told.received_at
    )


def _offline(event: Mapping[str, Any], channel: str, told: Told) -> Meaning:
    # Its own id is optional: older payloads have none.
    return StreamChanged(PLATFORM, channel, told.message_id, False, None, "", told.sent_at, told.received_at)


_REDEMPTION: Final = "channel.channel_points_custom_reward_redemption"
_READINGS: Final[Mapping[str, _Reading]] = MappingProxyType(
    {
        "channel.chat.message": _chat,
        f"{_REDEMPTION}.add": _redemption,
        f"{_REDEMPTION}.update": _redemption,
        "channel.poll.begin": _poll,
        "channel.poll.progress": _poll,
        "channel.poll.end": _poll_end,
        "channel.subscribe": _subscribe,
        "channel.subscription.gift": _gift,
        "channel.subscription.message": _resub,
        "channel.bits.use": _bits,
        "channel.cheer": _cheer,
        "channel.follow": _follow,
        "channel.raid": _raid,
        "stream.online": _online,
        "stream.offline": _offline,
    }
)
