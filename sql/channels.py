"""Channels: a streamer's account on one platform, taking part in one campaign."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Final, Literal, TypeAlias
from uuid import UUID

from server.rules.poll import UNDO_WINDOW
from sql import consents, heads, load
from sql.ids import uuid7
from sql.pool import Connection, Row, UniqueViolation

_QUERIES = load("channels")

Platform: TypeAlias = Literal["twitch", "kick", "custom"]
#: How the chat of a channel reaches us.
SourceKind: TypeAlias = Literal["irc", "eventsub", "webhook", "api", "simulated", "pusher"]
#: `failing` needs a person; `connecting` heals by itself.
ChannelState: TypeAlias = Literal["waiting", "connecting", "connected", "failing"]

DETAIL_LENGTH = 300
#: What this version has no connector for; what a script sends for such a channel counts.
_NOT_READ: Final[Collection[tuple[Platform, SourceKind]]] = (("twitch", "eventsub"), ("custom", "webhook"))
_NOT_READ_DETAIL = "Not read by this version: send its lines through the API"
#: Until the first delivery, or until the subscriptions are made (integrations/kick/upkeep.py).
_SILENT_KICK_DETAIL = "Nothing has come from Kick yet"
_TWITCH_LOGIN = re.compile(r"[a-z0-9_]{1,25}", re.ASCII)
_ANY_LOGIN = re.compile(r"[^\s\x00-\x1f\x7f#,]{1,64}")
_INT4 = 2**31 - 1


class BadLogin(ValueError):
    """Not a name the platform could have given; the message is a sentence for the person who typed it."""


class ChannelExists(Exception):
    """The campaign has this channel already, by login or by the platform's id."""


@dataclass(frozen=True, slots=True)
class Channel:
    """A row of `channels`. `channel_id` is the platform's id, `login:NAME` until the platform has told it."""

    id: UUID
    campaign_id: UUID
    platform: Platform
    login: str
    channel_id: str
    source: SourceKind
    state: ChannelState
    state_detail: str
    state_at: datetime
    heard_at: datetime | None
    heard_lag_ms: int | None
    created_at: datetime
    chatroom_id: str | None = None  # of Kick's website chat, where the source is `pusher`
    is_live: bool = False
    live_since: datetime | None = None
    title: str = ""  # of the stream, as the platform last told it

    @property
    def is_read(self) -> bool:
        """Whether this version has a way in for it."""
        return (self.platform, self.source) not in _NOT_READ

    @property
    def has_platform_id(self) -> bool:
        """Whether the platform's own id is known."""
        return self.channel_id != unknown_id(self.login)


_COLUMNS: Final = tuple(field.name for field in fields(Channel))


def unknown_id(login: str) -> str:
    """What stands for the platform's id until the platform has told it."""
    return f"login:{login}"[:64]


def from_row(row: Row) -> Channel:
    """A Channel of a row that has all its columns, by name, and maybe more; what nothing reads says so."""
    channel = Channel(**{name: row[name] for name in _COLUMNS})
    if not channel.is_read:
        return replace(channel, state_detail=_NOT_READ_DETAIL)
    if channel.source == "webhook" and channel.state == "waiting" and not channel.state_detail:
        return replace(channel, state_detail=_SILENT_KICK_DETAIL)
    return channel


def normal_login(platform: Platform, text: str) -> str:
    """`text` as the platform writes logins: `https://twitch.tv/Ana`, `#Ana` and `@ANA` are all `ana`.

    Raises BadLogin: a login goes into a line of IRC, so nothing but a name may pass.
    """
    name = text.strip().lower()
    name = re.sub(r"^(https?://)?(www\.|m\.)?(twitch\.tv|kick\.com)/", "", name).strip("/").lstrip("#@")
    if platform == "twitch" and not _TWITCH_LOGIN.fullmatch(name):
        raise BadLogin("A Twitch name has 1 to 25 letters a-z, digits and underscores.")
    if not _ANY_LOGIN.fullmatch(name):
        raise BadLogin("A channel name has 1 to 64 characters and no spaces.")
    return name


async def create(
    connection: Connection,
    *,
    campaign_id: UUID,
    platform: Platform,
    login: str,
    source: SourceKind,
    channel_id: str | None = None,
    chatroom_id: str | None = None,
) -> Channel:
    """Add a channel to a campaign, in the state `waiting`; one that was in it before has its seats again, if
    its streamer agrees to polls.

    Without `channel_id` a custom channel takes its login, any other `login:NAME` until the platform
    tells its id. Raises BadLogin, ChannelExists, and ForeignKeyViolation for an unknown campaign.
    """
    name = normal_login(platform, login)
    if channel_id is None:
        channel_id = name if platform == "custom" else unknown_id(name)
    try:
        async with connection.transaction():
            await heads.bump_config(connection, campaign_id)
            row = await connection.fetchrow(
                _QUERIES["create"], uuid7(), campaign_id, platform, name, channel_id, source, chatroom_id
            )
            assert row is not None  # noqa: S101  INSERT … RETURNING gives its row or raises
            added = from_row(row)
            where = campaign_id, added.platform, added.channel_id
            if await consents.allowed(connection, *where, "polls"):
                await connection.execute(_QUERIES["take_seats"], added.id, UNDO_WINDOW.total_seconds())
    except UniqueViolation as error:
        raise ChannelExists(f"{platform} channel {name} is part of this campaign already") from error
    return added


async def list_of_campaign(connection: Connection, campaign_id: UUID) -> list[Channel]:
    """The channels of a campaign, oldest first."""
    return [from_row(row) for row in await connection.fetch(_QUERIES["list_of_campaign"], campaign_id)]


async def get(connection: Connection, channel: UUID) -> Channel | None:
    """One channel."""
    row = await connection.fetchrow(_QUERIES["get"], channel)
    return from_row(row) if row else None


async def campaigns_of(connection: Connection, platform: Platform, channel_id: str) -> list[UUID]:
    """The campaigns in which a channel of a platform takes part, by the platform's id of it."""
    return [
        row["campaign_id"] for row in await connection.fetch(_QUERIES["campaigns_of"], platform, channel_id)
    ]


async def delete(connection: Connection, campaign_id: UUID, channel: UUID) -> bool:
    """Take a channel out of a campaign; False when the campaign has no such channel."""
    async with connection.transaction():
        # The campaign first, then the channel: the order in which the engine locks.
        await heads.bump_config(connection, campaign_id)
        return await connection.fetchval(_QUERIES["delete"], channel, campaign_id) is not None


async def give_up_seats(connection: Connection, campaign_id: UUID, channel: UUID) -> None:
    """A channel gives no more votes to the poll that runs; those it has given stay."""
    await heads.bump_config(connection, campaign_id)
    await connection.execute(_QUERIES["give_up_seats"], channel, campaign_id)


async def set_platform_id(connection: Connection, channel: UUID, platform_id: str) -> bool:
    """Note the platform's own id of a channel that was known by its login only.

    False, and nothing changed, when the channel is gone, has an id already, or another channel of the
    campaign has this one (two names of a streamer who renamed): it goes on under `login:NAME`.
    """
    try:
        async with connection.transaction():
            campaign_id = await connection.fetchval(_QUERIES["campaign_of"], channel)
            if campaign_id is None:
                return False
            await heads.bump_config(connection, campaign_id)
            return await connection.fetchval(_QUERIES["set_platform_id"], channel, platform_id) is not None
    except UniqueViolation:  # two processes at the same moment
        return False


async def heard(connection: Connection, marks: Sequence[tuple[UUID, datetime, int]]) -> None:
    """Note for each channel when its last line arrived and its age then, in milliseconds.

    The age is negative when the platform's clock is ahead of ours.
    """
    if marks:
        ids, moments, lags = zip(*marks, strict=True)
        await connection.execute(
            _QUERIES["heard"], list(ids), list(moments), [max(-_INT4, min(_INT4, lag)) for lag in lags]
        )
