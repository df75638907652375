"""What a message on an EventSub WebSocket is (platforms/twitch.md §2.2), read with care, without a socket."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeAlias
from urllib.parse import urlsplit

import orjson

from integrations.twitch.reading import fields, identifier, message_id, text, whole

#: What Twitch takes when nobody says how often it should give a sign of life, in seconds.
DEFAULT_KEEPALIVE_S: Final = 10
_LONGEST_KEEPALIVE_S: Final = 600
_LONGEST_URL: Final = 2048


class Subscription(NamedTuple):
    """A subscription as messages name it."""

    id: str
    type: str
    version: str
    status: str
    condition: tuple[tuple[str, str], ...]  # in order of its keys


@dataclass(frozen=True, slots=True)
class Welcome:
    message_id: str
    session_id: str
    keepalive_s: int


@dataclass(frozen=True, slots=True)
class Keepalive:
    message_id: str


@dataclass(frozen=True, slots=True)
class Notification:
    """`event` is whatever it is; `integrations.twitch.eventsub_events` says what it means."""

    message_id: str
    sent_at: str
    subscription: Subscription
    event: Any


@dataclass(frozen=True, slots=True)
class Reconnect:
    """Connect to `url`, unchanged, and go on reading here until the welcome comes there."""

    message_id: str
    url: str


@dataclass(frozen=True, slots=True)
class Revocation:
    """Twitch took a subscription away; its status says why."""

    message_id: str
    subscription: Subscription


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Nothing that we know."""

    why: str


Message: TypeAlias = Welcome | Keepalive | Notification | Reconnect | Revocation | Unreadable


def read_frame(frame: bytes | str) -> Message:
    """What a frame holds."""
    try:
        return read(orjson.loads(frame))
    except orjson.JSONDecodeError:
        return Unreadable("no JSON")


def read(message: object) -> Message:
    """What a message is. Never raises."""
    metadata, payload = fields(fields(message).get("metadata")), fields(fields(message).get("payload"))
    id_ = message_id(metadata.get("message_id"))
    if not id_:
        return Unreadable("no id")
    session = fields(payload.get("session"))
    match metadata.get("message_type"):
        case "session_keepalive":
            return Keepalive(id_)
        case "notification":
            sent_at = text(metadata.get("message_timestamp"), 40)
            return Notification(id_, sent_at, subscription(payload.get("subscription")), payload.get("event"))
        case "session_welcome":
            session_id = text(session.get("id"), 256)
            seconds = whole(session.get("keepalive_timeout_seconds"), _LONGEST_KEEPALIVE_S)
            if not session_id:
                return Unreadable("a welcome without a session")
            return Welcome(id_, session_id, seconds or DEFAULT_KEEPALIVE_S)
        case "session_reconnect":
            url = session.get("reconnect_url")
            if not isinstance(url, str) or not _is_socket(url):
                return Unreadable("a reconnect without an address")
            return Reconnect(id_, url)
        case "revocation":
            return Revocation(id_, subscription(payload.get("subscription")))
    return Unreadable("an unknown type")


def subscription(value: object) -> Subscription:
    """A subscription of a message or an answer; what is missing is empty."""
    found = fields(value)
    condition = (
        (name, identifier(part)) for name, part in fields(found.get("condition")).items() if len(name) <= 64
    )
    return Subscription(
        identifier(found.get("id")),
        text(found.get("type"), 100),
        text(found.get("version"), 16),
        text(found.get("status"), 64),
        tuple(sorted((name, part) for name, part in condition if part)),
    )


def _is_socket(url: str) -> bool:
    if len(url) > _LONGEST_URL or not url.isascii() or not url.isprintable():
        return False
    try:
        parts = urlsplit(url)
        return (
            parts.scheme in ("ws", "wss") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
        )
    except ValueError:
        return False
