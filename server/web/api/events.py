"""Events from scripts and other platforms, in the one vocabulary (contract §5)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, get_args

from pydantic import ConfigDict, Field, ValidationError

from server.engine.batch import Overloaded
from server.rules.events import EVENT_TYPES, ChatMessage, Event, OtherEvent, User, is_known_type
from server.rules.platform_events import PlatformEvent
from server.rules.wiretime import from_wire
from server.web import body as bodies
from server.web.api import platform_event_models
from server.web.api.event_fields import ChatText, Id, MessageId, Platform, UserIn, WireTime
from server.web.api.platform_event_models import MODELS, PlatformEventIn
from server.web.endpoint import Call, endpoint
from server.web.models import Model
from server.web.problems import Problem

_MOST = 1000
_READ_BY_NOBODY = [name for name in EVENT_TYPES[1:] if name not in MODELS]


class ChatMessageIn(Model):
    """A line of chat."""

    type: Literal["chat.message"]
    platform: Platform
    channel_id: Id
    message_id: MessageId
    user: UserIn
    text: ChatText
    sent_at: WireTime
    source_channel_id: Id | None = None


class OtherEventIn(Model):
    """Tables have a way in of their own; what a script says of one here is taken and read by no game."""

    model_config = ConfigDict(extra="allow")

    type: Annotated[str, Field(max_length=64, description=", ".join(_READ_BY_NOBODY))]
    platform: Platform
    channel_id: Id
    message_id: MessageId
    sent_at: WireTime


#: Items are validated one by one: a bad one is rejected and does not stop the others.
EventBatch = Annotated[list[Any], Field(max_length=_MOST)]
DescribedBatch = Annotated[list[ChatMessageIn | PlatformEventIn | OtherEventIn], Field(max_length=_MOST)]


class RejectedOut(Model):
    index: int
    reason: str


class ReceiptOut(Model):
    """What became of a batch; nothing is answered before it is committed."""

    accepted: int
    duplicates: int
    rejected: list[RejectedOut]


#: The fields of a line of chat but `source_channel_id`, and those of its user.
_CHAT_FIELDS = 7
_USER_FIELDS = frozenset(UserIn.model_fields)
_PLATFORMS = frozenset(get_args(Platform))


class Rejected(ValueError):
    """Why an event of a batch is not taken."""


class Lines:
    """Lines of chat that are as they should be, without the model's cost; it looks at all others.

    A batch has few channels, combinations of roles and send times, so these are examined once.
    """

    __slots__ = ("_channels", "_received_at", "_roles", "_times")

    def __init__(self, received_at: datetime) -> None:
        self._received_at = received_at
        self._channels: set[str] = set()
        self._roles: set[tuple[str, ...]] = set()
        self._times: dict[str, datetime] = {}

    def read(self, item: Any) -> ChatMessage | None:
        """The line, exactly as ChatMessageIn would have it, or None: ask the model, it may still be one."""
        try:
            if item["type"] != "chat.message" or len(item) != _CHAT_FIELDS:
                return None
            platform, channel_id, message_id = item["platform"], item["channel_id"], item["message_id"]
            user, text, sent = item["user"], item["text"], item["sent_at"]
            user_id, login, name = user["id"], user.get("login", ""), user.get("name", "")
            given_roles = user.get("roles", [])
            roles = tuple(given_roles)
            is_plain = (
                type(user) is dict
                and user.keys() <= _USER_FIELDS
                and platform in _PLATFORMS
                and (channel_id in self._channels or self._is_new_channel(channel_id))
                and _is_plain_id(message_id, 128)
                and _is_plain_id(user_id, 64)
                and type(text) is type(login) is type(name) is type(sent) is str
                and len(text) <= 500
                and len(login) <= 64
                and len(name) <= 64
                and type(given_roles) is list
                and (not roles or roles in self._roles or self._are_new_roles(roles))
            )
            if not is_plain:
                return None
            sent_at = self._times.get(sent)
            if sent_at is None:
                sent_at = self._times[sent] = from_wire(sent)
        except (TypeError, KeyError, AttributeError, ValueError):
            return None
        return ChatMessage(
            platform,
            channel_id,
            message_id,
            User(user_id, login, name, roles),
            text,
            sent_at,
            self._received_at,
        )

    def _is_new_channel(self, channel_id: Any) -> bool:
        if not _is_plain_id(channel_id, 64):
            return False
        self._channels.add(channel_id)
        return True

    def _are_new_roles(self, roles: tuple[Any, ...]) -> bool:
        if len(roles) > 20 or not all(type(role) is str and len(role) <= 64 for role in roles):
            return False
        self._roles.add(roles)
        return True


def _is_plain_id(text: Any, longest: int) -> bool:
    """An id of printable characters without a space: most are. What else an Id may be, its pattern says."""
    return type(text) is str and 0 < len(text) <= longest and text.isprintable() and " " not in text


def event_of(item: Any, received_at: datetime) -> Event | PlatformEvent:
    """The event of one item. Raises Rejected."""
    kind = item.get("type") if isinstance(item, dict) else None
    if not isinstance(kind, str) or not is_known_type(kind):
        raise Rejected("unknown_type")
    try:
        if kind == "chat.message":
            chat = ChatMessageIn.model_validate(item)
            user = User(chat.user.id, chat.user.login, chat.user.name, chat.user.roles)
            return ChatMessage(
                chat.platform,
                chat.channel_id,
                chat.message_id,
                user,
                chat.text,
                from_wire(chat.sent_at),
                received_at,
                chat.source_channel_id,
            )
        if kind in MODELS:
            return _told(MODELS[kind].model_validate(item), received_at)
        other = OtherEventIn.model_validate(item)
        sent_at = from_wire(other.sent_at)
        return OtherEvent(kind, other.platform, other.channel_id, other.message_id, sent_at, received_at)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        raise Rejected(f"{where}: {first['msg']}") from None
    except (ValueError, OverflowError):
        raise Rejected("sent_at: not an RFC 3339 time with an offset") from None


def _told(told: PlatformEventIn, received_at: datetime) -> PlatformEvent:
    try:
        return platform_event_models.event_of(told, received_at)
    except ValueError as error:
        raise Rejected(f"a time of it is {error}") from None


@endpoint(
    "POST",
    "/campaigns/{campaign_id}/events",
    "Send events",
    body=EventBatch,
    described_by=DescribedBatch,
    answer=ReceiptOut,
    work="engine",
    limit="events",
    most_bytes=bodies.BATCH,
    plain=True,
    problems=(503,),
    needs="run",
)
async def send_events(call: Call, body: list[Any]) -> ReceiptOut:
    """At most 1,000 events and 1 MiB. An event that cannot be taken does not stop the others; the same
    `(platform, message_id)` is counted once however often it is sent."""
    campaign_id = call.campaign_id()
    received_at = call.services.clock()
    events: list[Event | PlatformEvent] = []
    places: list[int] = []
    rejected: list[RejectedOut] = []
    lines = Lines(received_at)
    for index, item in enumerate(body):
        try:
            events.append(lines.read(item) or event_of(item, received_at))
            places.append(index)
        except Rejected as reason:
            rejected.append(RejectedOut(index=index, reason=str(reason)))
    try:
        outcomes = await call.services.batches.deliver(campaign_id, events)
    except Overloaded:
        raise Problem(
            503,
            "overloaded",
            "More events arrive than can be stored; none of these were taken. Send them again.",
            headers={"retry-after": "1"},
        ) from None
    counts = {"accepted": 0, "duplicate": 0}
    for index, outcome in zip(places, outcomes, strict=True):
        if outcome.kind == "rejected":
            rejected.append(RejectedOut(index=index, reason=outcome.reason))
        else:
            counts[outcome.kind] += 1
    rejected.sort(key=lambda entry: entry.index)
    return ReceiptOut(accepted=counts["accepted"], duplicates=counts["duplicate"], rejected=rejected)


ENDPOINTS = (send_events,)
