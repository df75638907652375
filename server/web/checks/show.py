"""Checks of a show: how its channels are heard, its overlays seen, its tables connected, its stage free."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from server.web.checks.found import ButtonOut, CheckOut, failed, passed, warned
from sql import channels, heads, overlays, polls, vtt_connections
from sql.channels import Channel
from sql.overlays import OpenSource, Overlay
from sql.pool import Connection
from sql.vtt_connections import VttConnection

_SLOW_CHAT_MS = 5000
#: Twitch's lines take some tenths of a second. When not one chat is faster than this, either all of them
#: are late or the clock that polls run by is ahead of Twitch's: a poll's first lines count as too early.
_AHEAD_MS = 1500
#: A table of which nothing has come for so long may have lost its address or its secret.
_QUIET = timedelta(minutes=30)

_ADD_CHANNEL = ButtonOut(do="add_channel", label="Add a channel")
_ADD_OVERLAY = ButtonOut(do="add_overlay", label="Add an overlay")
_TABLES = ButtonOut(do="open", label="Open Tables", place="tables")
_NOW = ButtonOut(do="open", label="Go to the poll", place="now")


async def of_channels(connection: Connection, campaign_id: UUID) -> list[CheckOut]:
    """Whether each chat is heard, and how late."""
    found = await channels.list_of_campaign(connection, campaign_id)
    return [*_channels(found), *_chat_clock(found)]


async def of_overlays(connection: Connection, campaign_id: UUID) -> list[CheckOut]:
    """Whether each overlay is seen."""
    found = await overlays.list_of_campaign(connection, campaign_id)
    return _overlays(found, await overlays.open_sources(connection, campaign_id))


async def of_tables(connection: Connection, campaign_id: UUID) -> list[CheckOut]:
    """Whether each table is seen."""
    found = await vtt_connections.list_of_campaign(connection, campaign_id)
    return _tables(found, await heads.now(connection))


def _channels(found: list[Channel]) -> list[CheckOut]:
    real = [channel for channel in found if channel.source != "simulated"]
    if not real:
        return [
            failed(
                "Channels",
                "No channel takes part: nobody could vote.",
                "Add a Twitch channel by its name, or rehearse with the simulated crowd.",
                _ADD_CHANNEL,
            )
        ]
    return [_channel(channel) for channel in real]


def _channel(channel: Channel) -> CheckOut:
    name = f"Channel {channel.login}"
    if (channel.platform, channel.source) == ("kick", "webhook"):
        return _kick(name, channel)
    if channel.state == "failing":
        return failed(
            name,
            channel.state_detail or "Its chat cannot be read.",
            "Check the spelling of the name and that the channel exists; remove and add it again.",
        )
    if channel.source == "api":
        return passed(name, "Takes events that a script sends.")
    if not channel.is_read:
        if channel.heard_at is not None:
            return passed(name, "Not read by this version; the lines that a script sends for it count.")
        return failed(
            name, "Not read by this version.", "Send its lines through the API, or remove the channel."
        )
    if channel.state != "connected":
        return warned(
            name,
            f"Is {channel.state}. {channel.state_detail}".strip(),
            "Wait some seconds. If it stays so, see that `hubbub connectors` or `hubbub up` runs.",
        )
    if channel.heard_lag_ms is not None and channel.heard_lag_ms > _SLOW_CHAT_MS:
        return warned(
            name,
            f"Chat arrives {channel.heard_lag_ms / 1000:.0f} s late.",
            "Give polls a longer grace, and look at the network.",
        )
    return passed(name, "Connected." if channel.heard_at is None else "Connected, and heard from.")


def _kick(name: str, channel: Channel) -> CheckOut:
    """A channel for which Kick comes to us: whether it does, and how late."""
    where = "in Kick's developer dashboard, see that the application's webhook is on and leads to this server"
    again = ButtonOut(do="subscribe_again", label="Ask Kick again", channel_id=channel.id)
    if channel.state == "failing":
        return failed(name, channel.state_detail, f"Check the spelling of the name; {where}.", again)
    if channel.heard_at is None:
        detail = channel.state_detail or "Subscribed; nothing has come from Kick yet."
        return warned(name, detail, f"Write a line in its chat. If nothing comes, {where}.", again)
    if channel.state != "connected":
        return warned(name, channel.state_detail, f"Kick may lag, or have stopped: {where}.", again)
    if channel.heard_lag_ms is not None and channel.heard_lag_ms > _SLOW_CHAT_MS:
        return warned(
            name,
            f"Kick delivers {channel.heard_lag_ms / 1000:.0f} s late.",
            "Give polls a longer grace: votes count by when they were sent.",
        )
    return passed(name, "Kick delivers.")


def _chat_clock(found: list[Channel]) -> list[CheckOut]:
    """Told by the chats that we read ourselves; nothing when none has been heard."""
    lags = [
        channel.heard_lag_ms
        for channel in found
        if channel.source == "irc" and channel.heard_lag_ms is not None
    ]
    if not lags:
        return []
    if min(lags) < _AHEAD_MS:
        return [passed("Chat clock", "Runs with Twitch's.")]
    return [
        warned(
            "Chat clock",
            f"This computer's clock may be ahead of Twitch's, or chat arrives late: {min(lags) / 1000:.1f} s "
            "behind at best. Votes of the first moments of a poll may count as too early.",
            "Let this computer (with a PostgreSQL of your own: that one's) set its clock by network time.",
        )
    ]


def _overlays(found: list[Overlay], sources: list[OpenSource]) -> list[CheckOut]:
    if not found:
        return [
            failed(
                "Overlays",
                "There is none: viewers would see nothing.",
                "Add an overlay and paste its link into OBS as a browser source.",
                _ADD_OVERLAY,
            )
        ]
    open_ids = {source.overlay_id for source in sources}
    return [
        passed(f"Overlay {overlay.name}", "Is open.")
        if overlay.id in open_ids
        else warned(
            f"Overlay {overlay.name}",
            "Is not open anywhere.",
            "Paste its link into OBS as a browser source; if the link is lost, make a new one.",
        )
        for overlay in found
    ]


async def of_stage(connection: Connection, campaign_id: UUID) -> CheckOut:
    running = await polls.page(connection, campaign_id, states=polls.RUNNING, most=1)
    if running:
        return warned(
            "Stage",
            f"A poll is {running[0].poll.state}; another cannot be launched now.",
            "Close or cancel it first.",
            _NOW,
        )
    return passed("Stage", "Free for the next poll.")


def _tables(found: list[VttConnection], now: datetime) -> list[CheckOut]:
    """Whether dice would come; nothing when no table takes part."""
    return [_table(table, now) for table in found if table.status == "active"]


def _table(table: VttConnection, now: datetime) -> CheckOut:
    name = f"Table {table.name}"
    if table.sockets:
        return passed(name, "Is connected.")
    fix = "Roll a die there. If nothing comes, set it up again as Tables on the desk says."
    if table.auth_type == "pairing":
        fix = "Open the world in Foundry as game master; if it stays away, pair it anew."
    if table.heard_at is None:
        return warned(name, "Nothing has come from it yet.", fix, _TABLES)
    quiet = now - table.heard_at
    if quiet > _QUIET:
        return warned(name, f"Has been quiet for {_long(quiet)}.", fix, _TABLES)
    return passed(name, "Has been heard from.")


def _long(span: timedelta) -> str:
    """A span of time in the words of somebody who looks at a clock."""
    minutes = int(span.total_seconds() // 60)
    if minutes < 120:
        return f"{minutes} minutes"
    return f"{minutes // 60} hours" if minutes < 48 * 60 else f"{minutes // (24 * 60)} days"


def of_lost_lines(lost: int) -> CheckOut:
    """How many chat lines this server could not store since its start."""
    if lost:
        return warned(
            "Lost lines",
            f"{lost} chat lines could not be stored since the start of this server.",
            "The database was away too long; look at its log.",
        )
    return passed("Lost lines", "None.")
