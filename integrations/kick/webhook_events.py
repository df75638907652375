"""What a webhook of Kick means to us: an event of the one vocabulary, nothing, or no such event.

The signature covers neither the type nor the version of a delivery (platforms/kick.md §4.3), so that a body
under another's name is a `Misfit`. Two types cannot be told apart by their bodies: a new subscription and a
renewal. Unknown types, versions and fields are no fault: Kick adds them without notice.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeAlias

from integrations.deliveries import Delivery
from integrations.kick.reading import identifier, moment, text, whole
from server.rules.events import ChatMessage, OtherEvent, User
from server.rules.platform_events import Redeemed, RedemptionStatus, StreamChanged, Supported, SupportKind

PLATFORM: Final = "kick"

#: Why a delivery has no effect on any game. Every `Ignored.reason` is a key of this table.
REASONS: Final = MappingProxyType(
    {
        "unknown_type": "Kick adds types without notice; none we do not know was asked for",
        "unknown_version": "fields may mean something else in another version",
        "nothing_given": "a gift of no subscription",
    }
)

_NAME_LENGTH: Final = 64
_MOST: Final = 2**31 - 1
_MESSAGE_ID: Final = re.compile(r"[\x21-\x7e]{1,128}")
_USER_ID: Final = re.compile(r"[1-9][0-9]{0,19}")
#: Emotes stand in the words as `[emote:37226:KEKW]`; positions of unclear unit are not needed (§4.6).
_EMOTE: Final = re.compile(r"\[emote:[^\[\]:]{1,64}:[^\[\]]{0,128}\]")
_ROLES: Final = MappingProxyType(
    {
        "broadcaster": "broadcaster",
        "moderator": "moderator",
        "vip": "vip",
        "subscriber": "subscriber",
        "founder": "subscriber",
    }
)
_MOST_BADGES: Final = 32
_STATUSES: Final[Mapping[str, RedemptionStatus]] = MappingProxyType(
    {"pending": "unfulfilled", "accepted": "fulfilled", "rejected": "canceled"}
)


class Ignored(NamedTuple):
    """Nothing for any game."""

    reason: str


class Misfit(NamedTuple):
    """The body is not that of the type. `reason` is for people and holds nothing of the body."""

    reason: str


Told: TypeAlias = ChatMessage | Redeemed | Supported | StreamChanged | OtherEvent


class _NotThat(Exception):
    """Something that the type must have is not there."""


class _Facts(NamedTuple):
    """What every reader is given."""

    delivery: Delivery
    body: Mapping[str, Any]
    channel_id: str
    received_at: datetime


def read(delivery: Delivery, body: object, received_at: datetime) -> Told | Ignored | Misfit:
    """The meaning of a genuine delivery. Never raises, whatever JSON `body` is."""
    reader = _READERS.get(delivery.type)
    if reader is None:
        return Ignored("unknown_type")
    if delivery.version != "1":
        return Ignored("unknown_version")
    if not isinstance(body, dict):
        return Misfit("the body is no object")
    try:
        channel_id = _identity(_object(body, "broadcaster"), "broadcaster")
        return reader(_Facts(delivery, body, channel_id, received_at))
    except _NotThat as reason:
        return Misfit(str(reason))


def without_emotes(content: str) -> str:
    """The words of a line, a space where an emote was."""
    return _EMOTE.sub(" ", content).strip() if "[emote:" in content else content


def _chat(facts: _Facts) -> Told:
    body = facts.body
    message_id = body.get("message_id")
    if not isinstance(message_id, str) or not _MESSAGE_ID.fullmatch(message_id):
        raise _NotThat("message_id is missing")
    sender = _object(body, "sender")
    content = body.get("content")
    if not isinstance(content, str):
        raise _NotThat("content is missing")
    user = _user(sender, "sender")
    return ChatMessage(
        PLATFORM,
        facts.channel_id,
        message_id,
        user._replace(roles=_roles(sender, is_broadcaster=user.id == facts.channel_id)),
        without_emotes(text(content, len(content))),
        moment(body.get("created_at")) or facts.delivery.sent_at,
        facts.received_at,
    )


def _followed(facts: _Facts) -> Told:
    user = _user(_object(facts.body, "follower"), "follower")
    # The body has no time, so whoever follows again cannot be told from a delivery that comes twice.
    return _supported(facts, "follow", user.id, user, facts.delivery.sent_at)


def _subscribed(facts: _Facts) -> Told:
    user, months = _subscriber(facts)
    began = moment(facts.body.get("created_at"))
    fact = f"{user.id if user else ''}:{_second(began or facts.delivery.sent_at)}"
    return _supported(
        facts, "subscription", fact, user, began or facts.delivery.sent_at, tier=1, months=months
    )


def _renewed(facts: _Facts) -> Told:
    user, months = _subscriber(facts)
    until = moment(facts.body.get("expires_at"))
    fact = f"{user.id if user else ''}:{months}:{_second(until or facts.delivery.sent_at)}"
    # `created_at` is when the subscription began, perhaps years ago (§4.6): the header says when this was.
    return _supported(facts, "resub", fact, user, facts.delivery.sent_at, tier=1, months=months)


def _subscriber(facts: _Facts) -> tuple[User | None, int]:
    months = whole(facts.body.get("duration"), 0, _MOST)
    if months is None or "expires_at" not in facts.body:
        raise _NotThat("duration or expires_at is missing")
    return _giver(_object(facts.body, "subscriber"), "subscriber"), months


def _gifted(facts: _Facts) -> Told | Ignored:
    giftees = facts.body.get("giftees")
    gifter = _object(facts.body, "gifter")
    if not isinstance(giftees, list):
        raise _NotThat("giftees is missing")
    if not giftees:
        return Ignored("nothing_given")
    user = _giver(gifter, "gifter")
    at = moment(facts.body.get("created_at")) or facts.delivery.sent_at
    given = [identifier(one.get("user_id")) if isinstance(one, dict) else "" for one in giftees]
    # Several gifts may be made in a second, and a bomb is one fact however many it hits.
    whom = hashlib.sha256("\n".join(sorted(given)).encode()).hexdigest()[:24]
    fact = f"{user.id if user else ''}:{_second(at)}:{whom}"
    return _supported(facts, "gift", fact, user, at, quantity=len(giftees), tier=1)


def _redeemed(facts: _Facts) -> Told:
    body = facts.body
    reward = _object(body, "reward")
    cost = whole(reward.get("cost"), 0, _MOST)
    status = _STATUSES.get(text(body.get("status"), 16))
    if cost is None or status is None:
        raise _NotThat("status, or the cost of the reward, is missing")
    return Redeemed(
        PLATFORM,
        facts.channel_id,
        facts.delivery.message_id,
        _user(_object(body, "redeemer"), "redeemer"),
        _id_of(body, "redemption"),
        _id_of(reward, "reward"),
        text(reward.get("title"), 200),
        cost,
        text(body.get("user_input"), 500),
        status,
        moment(body.get("redeemed_at")) or facts.delivery.sent_at,
        facts.delivery.sent_at,
        facts.received_at,
    )


def _stream(facts: _Facts) -> Told:
    is_live = facts.body.get("is_live")
    if not isinstance(is_live, bool):
        raise _NotThat("is_live is missing")
    started_at = moment(facts.body.get("started_at"))
    turned_at = started_at if is_live else moment(facts.body.get("ended_at"))
    return StreamChanged(
        PLATFORM,
        facts.channel_id,
        facts.delivery.message_id,
        is_live,
        started_at,
        text(facts.body.get("title"), 200),
        # By the body's times: of an end and a start that come in the wrong order, the later one holds.
        turned_at or facts.delivery.sent_at,
        facts.received_at,
    )


def _metadata(facts: _Facts) -> Told:
    metadata = _object(facts.body, "metadata")
    if not isinstance(metadata.get("title"), str):
        raise _NotThat("metadata.title is missing")
    return _other(facts, facts.delivery.sent_at)


def _banned(facts: _Facts) -> Told:
    _user(_object(facts.body, "banned_user"), "banned_user")
    metadata = _object(facts.body, "metadata")
    return _other(facts, moment(metadata.get("created_at")) or facts.delivery.sent_at)


def _kicks(facts: _Facts) -> Told:
    gift = _object(facts.body, "gift")
    amount = whole(gift.get("amount"), 1, _MOST)
    if amount is None:
        raise _NotThat("gift.amount is missing")
    user = _giver(_object(facts.body, "sender"), "sender")
    at = moment(facts.body.get("created_at")) or facts.delivery.sent_at
    fact = f"{user.id if user else ''}:{at.isoformat()}:{amount}"
    return _supported(facts, "kicks", fact, user, at, quantity=amount, message=text(gift.get("message"), 500))


_READERS: Final[Mapping[str, Callable[[_Facts], Told | Ignored]]] = MappingProxyType(
    {
        "chat.message.sent": _chat,
        "channel.followed": _followed,
        "channel.subscription.new": _subscribed,
        "channel.subscription.renewal": _renewed,
        "channel.subscription.gifts": _gifted,
        "channel.reward.redemption.updated": _redeemed,
        "livestream.status.updated": _stream,
        "livestream.metadata.updated": _metadata,
        "moderation.banned": _banned,
        "kicks.gifted": _kicks,
    }
)
#: All that is read, in the words of Kick.
TYPES: Final = tuple(_READERS)


def _supported(
    facts: _Facts,
    kind: SupportKind,
    fact: str,
    user: User | None,
    at: datetime,
    *,
    quantity: int = 1,
    tier: int = 0,
    months: int = 0,
    message: str = "",
) -> Supported:
    return Supported(
        PLATFORM,
        facts.channel_id,
        facts.delivery.message_id,
        kind,
        fact,
        user,
        quantity,
        tier,
        months,
        0,
        "",
        message,
        at,
        facts.received_at,
    )


def _other(facts: _Facts, at: datetime) -> OtherEvent:
    return OtherEvent(
        facts.delivery.type, PLATFORM, facts.channel_id, facts.delivery.message_id, at, facts.received_at
    )


def _object(holder: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = holder.get(name)
    if not isinstance(found, dict):
        raise _NotThat(f"{name} is missing")
    return found


def _identity(user: Mapping[str, Any], what: str) -> str:
    """The id of an account, as text: a whole number of up to 64 bit."""
    found = identifier(user.get("user_id"))
    if not _USER_ID.fullmatch(found):
        raise _NotThat(f"{what}.user_id is missing")
    return found


def _id_of(item: Mapping[str, Any], what: str) -> str:
    found = identifier(item.get("id"))
    if not found:
        raise _NotThat(f"the id of the {what} is missing")
    return found


def _user(user: Mapping[str, Any], what: str) -> User:
    """Somebody. Names are decoration; `channel_slug` is what stands in addresses."""
    name = text(user.get("username"), _NAME_LENGTH)
    login = text(user.get("channel_slug"), _NAME_LENGTH) or name
    return User(_identity(user, what), login.lower()[:_NAME_LENGTH], name)


def _giver(user: Mapping[str, Any], what: str) -> User | None:
    """Somebody who may wish to stay unknown: then all fields are null, or some are and a flag says so."""
    if user.get("is_anonymous") is True or user.get("user_id") is None:
        return None
    return _user(user, what)


def _roles(sender: Mapping[str, Any], *, is_broadcaster: bool) -> tuple[str, ...]:
    """Each once. A user that wears no badge has none, and may be the broadcaster all the same."""
    identity = sender.get("identity")
    badges = identity.get("badges") if isinstance(identity, dict) else None
    found = ["broadcaster"] if is_broadcaster else []
    for badge in badges[:_MOST_BADGES] if isinstance(badges, list) else ():
        kind = badge.get("type") if isinstance(badge, dict) else None
        role = _ROLES.get(kind) if isinstance(kind, str) else None
        # A badge is a picture: whose channel it is, ids say.
        if role and role != "broadcaster":
            found.append(role)
    return tuple(dict.fromkeys(found))


def _second(at: datetime) -> str:
    return str(int(at.timestamp()))
