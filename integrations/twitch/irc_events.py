"""What a message of Twitch IRC means to us: a line of chat, a sign of life, or nothing, for a stated reason.

Only `PRIVMSG` is chat. A `USERNOTICE` may carry words of a person too (an announcement, the message of
a resubscription), yet it is not taken as chat: EventSub keeps the two apart in the same way, so a
channel counts alike whichever way it is read, and an announcement is the streamer speaking to the crowd,
not the crowd answering.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import TypeAlias

from integrations.twitch.irc_parser import IrcMessage, Unreadable, parse_line
from server.rules.events import ChatMessage, User
from sql.channels import unknown_id

PLATFORM = "twitch"

#: Why a line has no effect on any game. Every `Ignored.reason` is a key of this table.
REASONS = MappingProxyType(
    {
        "no_command": "not a message of IRC",
        "unknown_command": "Twitch adds commands without notice; none we do not know can be a vote",
        "no_channel": "a line of chat that names no channel",
        "no_user_id": "identity is the platform's user id; a name would let a voter vote twice",
        "no_message_id": "without the id of the message the same line could count twice",
        "no_text": "a line of chat without words",
        "notice": "a USERNOTICE is about the channel (subscription, raid, announcement), not chat",
        "moderation": "a line or a person was removed; no text is kept that could be shown",
        "own_membership": "the echo of our own JOIN",
        "own_state": "about the account that reads: an anonymous one has nothing to note",
        "greeting": "the words of the server at the start",
        "capabilities": "the answer to a capability request that changes nothing",
        "whisper": "private words are not read",
        "hosting": "withdrawn by Twitch, still sent by some stand-ins",
    }
)

#: A time before Twitch existed, or further ahead of us than clocks go wrong, is not a time.
_EARLIEST = datetime(2011, 6, 1, tzinfo=UTC)
_MOST_AHEAD = timedelta(seconds=60)
#: Names beyond this many characters are cut (reliability §3.9).
NAME_LENGTH = 64

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_MESSAGE_ID = re.compile(r"[\x21-\x7e]{1,128}", re.ASCII)
_MILLISECONDS = re.compile(r"[0-9]{1,16}", re.ASCII)
_LOGIN = re.compile(r"[a-z0-9_]{1,64}", re.ASCII)
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_ROLES = {
    "broadcaster": "broadcaster",
    "moderator": "moderator",
    "lead_moderator": "moderator",
    "vip": "vip",
    "subscriber": "subscriber",
    "founder": "subscriber",
}
_ACTION = "\x01ACTION "


@dataclass(frozen=True, slots=True)
class Chat:
    """A line of chat, read in the channel that we joined as `login`.

    `event.channel_id` is the room id that the line names; who knows the channel's row puts the row's id
    in its place, because the joined name and not a tag says where a line belongs.
    """

    login: str
    event: ChatMessage


@dataclass(frozen=True, slots=True)
class Ignored:
    """A line without effect; `reason` is a key of REASONS."""

    reason: str


@dataclass(frozen=True, slots=True)
class Welcome:
    """We are logged in and may join."""


@dataclass(frozen=True, slots=True)
class TagsRefused:
    """The server does not give message tags: nothing that follows can be counted."""


@dataclass(frozen=True, slots=True)
class Joined:
    """We hear a channel from now on; `room_id` is the platform's id of it when told."""

    login: str
    room_id: str | None


@dataclass(frozen=True, slots=True)
class Parted:
    """We no longer hear a channel."""

    login: str


@dataclass(frozen=True, slots=True)
class Notice:
    """The server tells us something; `login` is empty when it is about the connection."""

    login: str
    message_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Ping:
    """The server wants PONG with the same token."""

    token: str


@dataclass(frozen=True, slots=True)
class Pong:
    """The answer to our own PING."""

    token: str


@dataclass(frozen=True, slots=True)
class Reconnect:
    """The server is about to close; connect anew, join, and leave this connection only then."""


Line: TypeAlias = Chat | Ignored | Welcome | TagsRefused | Joined | Parted | Notice | Ping | Pong | Reconnect


def read_line(line: str, received_at: datetime) -> Line:
    """The meaning of one line without its end."""
    message = parse_line(line)
    return Ignored(message.reason) if isinstance(message, Unreadable) else interpret(message, received_at)


def interpret(message: IrcMessage, received_at: datetime) -> Line:
    """The meaning of one message that arrived at `received_at` (aware, our clock)."""
    if message.command == "PRIVMSG":
        return _chat(message, received_at)
    meaning = _OTHERS.get(message.command)
    return meaning(message) if meaning else Ignored("unknown_command")


def _chat(message: IrcMessage, received_at: datetime) -> Chat | Ignored:
    tags = message.tags
    login = message.channel
    user_id, message_id = tags.get("user-id", ""), tags.get("id", "")
    if not _LOGIN.fullmatch(login):
        return Ignored("no_channel")
    if not _ID.fullmatch(user_id):
        return Ignored("no_user_id")
    if not _MESSAGE_ID.fullmatch(message_id):
        return Ignored("no_message_id")
    text = spoken(message.text)
    if not text:
        return Ignored("no_text")
    room, source = _id(tags.get("room-id")), _id(tags.get("source-room-id"))
    event = ChatMessage(
        platform=PLATFORM,
        channel_id=room or unknown_id(login),
        message_id=message_id,
        user=_user(message, user_id),
        text=text,
        sent_at=sent_at(tags.get("tmi-sent-ts", ""), received_at),
        received_at=received_at,
        # In a shared chat every room sees every line; the tag is there in the room of origin, too.
        source_channel_id=source if source != room else None,
    )
    return Chat(login, event)


def spoken(text: str) -> str:
    r"""The words of a line: those of `/me`, without its wrapping `\x01ACTION …\x01`, or all of them."""
    return text.removeprefix(_ACTION).removesuffix("\x01") if text.startswith(_ACTION) else text


def sent_at(stamp: str, received_at: datetime) -> datetime:
    """The platform's time of a line (`tmi-sent-ts`, Unix milliseconds).

    Absent, unreadable, before Twitch, or over a minute ahead of us: the time of arrival instead. An
    old time stays: replayed lines must not pass for fresh ones.
    """
    if not _MILLISECONDS.fullmatch(stamp):
        return received_at
    milliseconds = int(stamp)
    # Checked before it is converted: sixteen digits are beyond the last year that datetime knows.
    if milliseconds > (received_at + _MOST_AHEAD).timestamp() * 1000:
        return received_at
    moment = datetime.fromtimestamp(milliseconds // 1000, UTC).replace(microsecond=milliseconds % 1000 * 1000)
    return moment if moment >= _EARLIEST else received_at


def _user(message: IrcMessage, user_id: str) -> User:
    tags = message.tags
    login = next(
        (
            name
            for name in (message.nick.lower(), message.user.lower(), tags.get("login", "").lower())
            if _LOGIN.fullmatch(name)
        ),
        user_id.lower(),
    )
    shown = _UNPRINTABLE.sub("", tags.get("display-name", "")).strip()[:NAME_LENGTH]
    return User(id=user_id, login=login, name=shown or login, roles=_roles(tags))


def _roles(tags: dict[str, str]) -> tuple[str, ...]:
    """Roles in the room where the line was read, each once; `mod=1` and `vip` stand in for a hidden badge."""
    found = [
        role for badge in tags.get("badges", "").split(",") if (role := _ROLES.get(badge.partition("/")[0]))
    ]
    if tags.get("mod") == "1":
        found.append("moderator")
    if tags.get("vip") == "1":
        found.append("vip")
    if tags.get("subscriber") == "1":
        found.append("subscriber")
    return tuple(dict.fromkeys(found))


def _id(text: str | None) -> str | None:
    return text if text and _ID.fullmatch(text) else None


def _joined(message: IrcMessage) -> Line:
    return (
        Joined(message.channel, _id(message.tags.get("room-id")))
        if message.channel
        else Ignored("no_channel")
    )


def _end_of_names(message: IrcMessage) -> Line:
    # `366 justinfan1 #ana :End of /NAMES list`: the channel is the second parameter here.
    names = [p[1:].lower() for p in message.params[:2] if p.startswith("#")]
    return Joined(names[0], None) if names else Ignored("no_channel")


def _parted(message: IrcMessage) -> Line:
    return Parted(message.channel) if message.channel else Ignored("no_channel")


def _notice(message: IrcMessage) -> Line:
    text = _UNPRINTABLE.sub("", message.text)[:200]
    return Notice(message.channel, message.tags.get("msg-id", "")[:64], text)


def _capabilities(message: IrcMessage) -> Line:
    refused = "NAK" in message.params[:2] and "twitch.tv/tags" in message.params[-1]
    return TagsRefused() if refused else Ignored("capabilities")


def _token(message: IrcMessage) -> str:
    return message.params[-1] if message.params else ""


def _always(reason: str) -> Callable[[IrcMessage], Line]:
    return lambda _message: Ignored(reason)


_OTHERS: dict[str, Callable[[IrcMessage], Line]] = {
    "PING": lambda message: Ping(_token(message)),
    "PONG": lambda message: Pong(_token(message)),
    "RECONNECT": lambda _message: Reconnect(),
    "001": lambda _message: Welcome(),
    "366": _end_of_names,
    "ROOMSTATE": _joined,
    "PART": _parted,
    "NOTICE": _notice,
    "CAP": _capabilities,
    "JOIN": _always("own_membership"),
    "353": _always("own_membership"),
    "USERNOTICE": _always("notice"),
    "CLEARCHAT": _always("moderation"),
    "CLEARMSG": _always("moderation"),
    "USERSTATE": _always("own_state"),
    "GLOBALUSERSTATE": _always("own_state"),
    "MODE": _always("own_state"),
    "WHISPER": _always("whisper"),
    "HOSTTARGET": _always("hosting"),
    **dict.fromkeys(("002", "003", "004", "005", "372", "375", "376", "421"), _always("greeting")),
}
