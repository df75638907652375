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
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from integrations.twitch.irc_parser import IrcMessage, Unreadable, parse_line, unescape
from server.rules.events import Arrival, ChatMessage, UnreadLine, User
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
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
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
#: Tags that are read without being unescaped on the short way: ids, times and words of Twitch's own.
_READ_AS_THEY_ARE = (
    *("badges", "id", "mod", "room-id", "source-room-id", "subscriber", "tmi-sent-ts", "user-id"),
    "vip",
)

#: A line of chat as Twitch writes it: tags, speaker, channel, words.
_USUAL = re.compile(
    r"@([^ ]+) :([a-z0-9_]{1,64})![^ @]*@[^ ]* PRIVMSG #([a-z0-9_]{1,64}) :(.+)", re.ASCII | re.DOTALL
)


class Chat(NamedTuple):
    """A line of chat, read in the channel that we joined as `login`.

    `event.channel_id` is the room id that the line names; who knows the channel's row puts the row's id
    in its place, because the joined name and not a tag says where a line belongs.
    """

    login: str
    event: ChatMessage

    @property
    def text(self) -> str:
        return self.event.text

    def read(self) -> ChatMessage | None:
        return self.event

    def to(self, channel_id: str) -> Arrival:
        """The line as one of this channel."""
        return self.event._replace(channel_id=channel_id)


class Unread(NamedTuple):
    """A line of chat as Twitch writes it, of which channel and words have been read, and nothing else."""

    login: str
    text: str
    line: str
    received_at: datetime

    def read(self) -> ChatMessage | None:
        """The whole line, as `Chat` has it."""
        return read_message(self.line, self.received_at)

    def to(self, channel_id: str) -> Arrival:
        """The line as one of this channel."""
        return UnreadLine(self.text, self.line, channel_id, self.received_at, read_message)


#: A line of chat in a channel that we joined.
Said: TypeAlias = Chat | Unread


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


def skim(line: str, received_at: datetime) -> Unread | None:
    """A line of chat as Twitch writes it, read as far as is needed to see what it says; of any other None.

    `read_line` finds the same channel and words in it, or an id that is none.
    """
    found = _USUAL.fullmatch(line)
    if found is None:
        return None
    tags, _, login, text = found.groups()
    if text[0] == "\x01" or ";id=" not in tags or ";user-id=" not in tags:
        return None
    return Unread(login, text, line, received_at)


def read_message(line: str, received_at: datetime) -> ChatMessage | None:
    """The line of chat that a line is, or None."""
    what = read_line(line, received_at)
    return what.event if isinstance(what, Chat) else None


def read_line(line: str, received_at: datetime) -> Line:
    """The meaning of one line without its end."""
    return read_chat(line, received_at) or read_any(line, received_at)


def read_any(line: str, received_at: datetime) -> Line:
    """The meaning of one line, whatever it is, by taking it apart."""
    message = parse_line(line)
    return Ignored(message.reason) if isinstance(message, Unreadable) else interpret(message, received_at)


def read_chat(line: str, received_at: datetime) -> Chat | None:
    """A line of chat as Twitch writes it, read in less than half the time; of any other line None.

    `read_any` makes the same of every line that is taken here.
    """
    found = _USUAL.fullmatch(line)
    if found is None:
        return None
    tag_text, speaker, login, text = found.groups()
    try:
        tags = dict([tag.split("=", 1) for tag in tag_text.split(";")])
        user_id, message_id = tags["user-id"], tags["id"]
    except (ValueError, KeyError):  # a tag without a value, or none that tells voters or lines apart
        return None
    text = spoken(text)
    if not (text and user_id.isalnum() and _ID.fullmatch(user_id) and _MESSAGE_ID.fullmatch(message_id)):
        return None
    shown = tags.get("display-name", "")
    if "\\" in tag_text:  # what is unescaped may become another id; only names are done here
        if any("\\" in tags.get(name, "") for name in _READ_AS_THEY_ARE):
            return None
        shown = unescape(shown)
    return _said(
        tags,
        user_id,
        message_id,
        login=login,
        text=text,
        speaker=speaker,
        shown=shown,
        received_at=received_at,
    )


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
    names = (message.nick.lower(), message.user.lower(), tags.get("login", "").lower())
    speaker = next((name for name in names if _LOGIN.fullmatch(name)), user_id.lower())
    return _said(
        tags,
        user_id,
        message_id,
        login=login,
        text=text,
        speaker=speaker,
        shown=tags.get("display-name", ""),
        received_at=received_at,
    )


def _said(
    tags: dict[str, str],
    user_id: str,
    message_id: str,
    *,
    login: str,
    text: str,
    speaker: str,
    shown: str,
    received_at: datetime,
) -> Chat:
    """A line whose ids, channel and words have been found good."""
    room, source = _id(tags.get("room-id")), _id(tags.get("source-room-id"))
    if not shown.isprintable():
        shown = _UNPRINTABLE.sub("", shown)
    shown = shown.strip()[:NAME_LENGTH]
    # Without the names of its fields, which cost a third of a line's time.
    event = ChatMessage(
        PLATFORM,
        room or unknown_id(login),
        message_id,
        User(
            user_id,
            speaker,
            shown or speaker,
            _roles(tags.get("badges", ""), tags.get("mod"), tags.get("vip"), tags.get("subscriber")),
        ),
        text,
        sent_at(tags.get("tmi-sent-ts", ""), received_at),
        received_at,
        # In a shared chat every room sees every line; the tag is there in the room of origin, too.
        source if source != room else None,
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
    moment = _moment(stamp)
    return received_at if moment is None or moment > received_at + _MOST_AHEAD else moment


@lru_cache(maxsize=1024)
def _moment(stamp: str) -> datetime | None:
    """A stamp as a time since Twitch exists; a busy chat has many lines in a millisecond."""
    if not _MILLISECONDS.fullmatch(stamp):
        return None
    try:
        moment = _EPOCH + timedelta(milliseconds=int(stamp))
    except OverflowError:  # sixteen digits are beyond the last year that datetime knows
        return None
    return moment if moment >= _EARLIEST else None


@lru_cache(maxsize=1024)
def _roles(badges: str, mod: str | None, vip: str | None, subscriber: str | None) -> tuple[str, ...]:
    """Roles in the room where the line was read, each once; `mod=1` and `vip` stand in for a hidden badge."""
    found = [role for badge in badges.split(",") if (role := _ROLES.get(badge.partition("/")[0]))]
    if mod == "1":
        found.append("moderator")
    if vip == "1":
        found.append("vip")
    if subscriber == "1":
        found.append("subscriber")
    return tuple(dict.fromkeys(found))


@lru_cache(maxsize=256)
def _id(text: str | None) -> str | None:
    """The id of a room; there are few of them."""
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
