"""What a frame of Kick's website chat means (platforms/kick.md §6): unofficial, unsigned, and only ever read.

Nothing but lines of chat is taken from it. Points, gifts and bans come with a signature, or not at all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeAlias

import orjson

from integrations.kick.reading import identifier, moment, text, whole
from integrations.kick.webhook_events import PLATFORM, ROLES, without_emotes
from server.rules.events import ChatMessage, User

#: Why a frame has no effect. Every `Ignored.reason` is a key of this table.
REASONS: Final = MappingProxyType(
    {
        "no_frame": "not JSON, or without the name of an event",
        "no_chat": "a line of chat that lacks its id, its speaker or its words",
        "other_kind": "something in the chat that nobody has written",
        "not_read": "an event that is not signed and could be worth points: it is never taken from here",
    }
)
_CHAT: Final = "App\\Events\\ChatMessageEvent"
_KINDS: Final = ("message", "reply")
_MESSAGE_ID: Final = re.compile(r"[\x21-\x7e]{1,128}")
_USER_ID: Final = re.compile(r"[1-9][0-9]{0,19}")
_LONGEST_SILENCE_S, _USUAL_SILENCE_S = 600, 120
_MOST_BADGES: Final = 32


class Greeting(NamedTuple):
    """The connection stands. After so many seconds of silence one asks whether anybody is there."""

    silence_s: int


class Ping(NamedTuple):
    """To be answered at once."""


class Pong(NamedTuple):
    """Somebody is there."""


class Joined(NamedTuple):
    """A subscription was confirmed."""

    channel: str


class Trouble(NamedTuple):
    """The server's reason why it will end the connection."""

    code: int
    words: str


class Line(NamedTuple):
    """A line of chat: where, its words, and the rest unread."""

    channel: str
    words: str
    raw: str


class Ignored(NamedTuple):
    """Nothing for any game."""

    reason: str


Frame: TypeAlias = Greeting | Ping | Pong | Joined | Trouble | Line | Ignored


def read(frame: str | bytes) -> Frame:
    """The meaning of a frame. Never raises, whatever it is."""
    message = _object(frame)
    event = message.get("event")
    channel = text(message.get("channel"), 200)
    match event:
        case "pusher:ping":
            return Ping()
        case "pusher:pong":
            return Pong()
        case "pusher:connection_established":
            data = _data(message)
            return Greeting(whole(data.get("activity_timeout"), 1, _LONGEST_SILENCE_S) or _USUAL_SILENCE_S)
        case "pusher_internal:subscription_succeeded":
            return Joined(channel)
        case "pusher:error":
            data = _data(message)
            return Trouble(whole(data.get("code"), 0, 9999) or 0, text(data.get("message"), 200))
        case str() if event == _CHAT:
            return _line(channel, message.get("data"))
        case str() if event:
            return Ignored("not_read")
    return Ignored("no_frame")


def _line(channel: str, raw: object) -> Line | Ignored:
    data = _object(raw)
    content = data.get("content")
    if data.get("type") not in _KINDS:
        return Ignored("other_kind")
    if not isinstance(content, str) or not channel:
        return Ignored("no_chat")
    # The text as it came, so that it is read again only when the words are a vote.
    whole_text = raw if isinstance(raw, str) else orjson.dumps(data).decode()
    return Line(channel, without_emotes(text(content, len(content))), whole_text)


def chat_of(raw: str, received_at: datetime) -> ChatMessage | None:
    """The whole line, its channel left open; None when it lacks what a vote must have."""
    data = _object(raw)
    sender = data.get("sender")
    message_id, content = data.get("id"), data.get("content")
    if not isinstance(message_id, str) or not _MESSAGE_ID.fullmatch(message_id):
        return None
    if not isinstance(sender, dict) or not isinstance(content, str):
        return None
    user_id = identifier(sender.get("id"))
    if not _USER_ID.fullmatch(user_id):
        return None
    name = text(sender.get("username"), 64)
    login = (text(sender.get("slug"), 64) or name).lower()[:64]
    return ChatMessage(
        PLATFORM,
        "",
        message_id,
        User(user_id, login, name, _roles(sender)),
        without_emotes(text(content, len(content))),
        moment(data.get("created_at")) or received_at,
        received_at,
    )


def _roles(sender: Mapping[str, Any]) -> tuple[str, ...]:
    identity = sender.get("identity")
    badges = identity.get("badges") if isinstance(identity, dict) else None
    kinds = [
        badge.get("type")
        for badge in (badges[:_MOST_BADGES] if isinstance(badges, list) else ())
        if isinstance(badge, dict)
    ]
    return tuple(dict.fromkeys(ROLES[kind] for kind in kinds if isinstance(kind, str) and kind in ROLES))


def _data(message: Mapping[str, Any]) -> Mapping[str, Any]:
    return _object(message.get("data"))


def _object(value: object) -> Mapping[str, Any]:
    """JSON in a text, or what was in it already; empty for anything else."""
    if isinstance(value, str | bytes):
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            return {}
    return value if isinstance(value, dict) else {}
