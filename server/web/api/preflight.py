"""Would the show work? Each check says what it found and what to do about it (domain/operations.md §2).

The desk asks for all of them; `hubbub doctor` makes the same checks from the terminal (server/doctor.py).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from pydantic import Field

from server.web.api.readiness import judged
from server.web.endpoint import Call, endpoint
from server.web.models import Model, Moment
from server.web.services import Services
from sql import channels, heads, overlays, polls, vtt_connections
from sql.channels import Channel
from sql.overlays import OpenSource, Overlay
from sql.pool import Connection
from sql.vtt_connections import VttConnection

#: A clock that is further off than this makes countdowns and late votes wrong (reliability §3.10).
_CLOCK_TRUST = timedelta(seconds=5)
_SLOW_DATABASE = timedelta(milliseconds=250)
_SLOW_CHAT_MS = 5000
#: Twitch's lines take some tenths of a second. When not one chat is faster than this, either all of them
#: are late or the clock that polls run by is ahead of Twitch's: a poll's first lines count as too early.
_AHEAD_MS = 1500
#: A table of which nothing has come for so long may have lost its address or its secret.
_QUIET = timedelta(minutes=30)


class CheckOut(Model):
    name: str
    status: Literal["pass", "warn", "fail"]
    detail: str
    fix: str = Field(description="What to do; empty when there is nothing to do")


class PreflightOut(Model):
    healthy: bool = Field(description="No check failed")
    checks: list[CheckOut]
    at: Moment


def _pass(name: str, detail: str) -> CheckOut:
    return CheckOut(name=name, status="pass", detail=detail, fix="")


def _warn(name: str, detail: str, fix: str) -> CheckOut:
    return CheckOut(name=name, status="warn", detail=detail, fix=fix)


def _fail(name: str, detail: str, fix: str) -> CheckOut:
    return CheckOut(name=name, status="fail", detail=detail, fix=fix)


async def checks(services: Services, connection: Connection, campaign_id: UUID) -> list[CheckOut]:
    """All checks of one campaign, worst things to miss first."""
    return [
        *await of_database(connection, services.clock),
        of_redis(services.redis_state()),
        *await of_campaign(connection, campaign_id),
        *await of_people(connection, campaign_id),
        _dropped(services, campaign_id),
    ]


async def of_campaign(connection: Connection, campaign_id: UUID) -> list[CheckOut]:
    """What the database tells of one campaign: how channels and tables are heard, overlays, the stage."""
    found = await channels.list_of_campaign(connection, campaign_id)
    return [
        *_channels(found),
        *_chat_clock(found),
        *_overlays(
            await overlays.list_of_campaign(connection, campaign_id),
            await overlays.open_sources(connection, campaign_id),
        ),
        await _stage(connection, campaign_id),
        *_tables(
            await vtt_connections.list_of_campaign(connection, campaign_id), await heads.now(connection)
        ),
    ]


async def of_people(connection: Connection, campaign_id: UUID) -> list[CheckOut]:
    """Who is not ready. A warning and no more: a poll goes on without a streamer who does not take part."""
    _, found = await judged(connection, campaign_id)
    told = []
    for one, issues in found:
        name = f"Streamer {one.member.name}"
        told += [_warn(name, issue.words, issue.fix) for issue in issues]
        if not issues and one.member.role != "owner":
            told.append(_pass(name, "Is ready."))
    return told


async def of_database(connection: Connection, clock: Callable[[], datetime]) -> list[CheckOut]:
    """How fast PostgreSQL answers, and whether `clock` runs with its clock."""
    before = clock()
    now = await heads.now(connection)
    after = clock()
    took = after - before
    milliseconds = f"{took.total_seconds() * 1000:.0f} ms"
    if took > _SLOW_DATABASE:
        speed = _warn(
            "Database",
            f"PostgreSQL took {milliseconds} to answer.",
            "Votes are stored in bigger steps; look at what else this machine is doing.",
        )
    else:
        speed = _pass("Database", f"PostgreSQL answers within {milliseconds}.")
    off = abs(now - (before + took / 2))
    if off > _CLOCK_TRUST:
        agreement = _warn(
            "Clock",
            f"This process and the database disagree by {off.total_seconds():.0f} s.",
            "Restart Hubbub; if it comes back, look at the machine's clock.",
        )
    else:
        agreement = _pass("Clock", "Runs with the database's.")
    return [speed, agreement]


def of_redis(state: Literal["ok", "away"]) -> CheckOut:
    """Whether frames come back through Redis."""
    if state == "ok":
        return _pass("Redis", "Frames reach all servers at once.")
    return _warn(
        "Redis",
        "Away. Polls, votes and overlays go on; other servers follow up to a second later.",
        "Start Redis again when you can; nothing has to be restarted.",
    )


def _channels(found: list[Channel]) -> list[CheckOut]:
    real = [channel for channel in found if channel.source != "simulated"]
    if not real:
        return [
            _fail(
                "Channels",
                "No channel takes part: nobody could vote.",
                "Add a Twitch channel by its name, or rehearse with the simulated crowd.",
            )
        ]
    return [_channel(channel) for channel in real]


def _channel(channel: Channel) -> CheckOut:
    name = f"Channel {channel.login}"
    if (channel.platform, channel.source) == ("kick", "webhook"):
        return _kick(name, channel)
    if channel.state == "failing":
        return _fail(
            name,
            channel.state_detail or "Its chat cannot be read.",
            "Check the spelling of the name and that the channel exists; remove and add it again.",
        )
    if channel.source == "api":
        return _pass(name, "Takes events that a script sends.")
    if not channel.is_read:
        if channel.heard_at is not None:
            return _pass(name, "Not read by this version; the lines that a script sends for it count.")
        return _fail(
            name, "Not read by this version.", "Send its lines through the API, or remove the channel."
        )
    if channel.state != "connected":
        return _warn(
            name,
            f"Is {channel.state}. {channel.state_detail}".strip(),
            "Wait some seconds. If it stays so, see that `hubbub connectors` or `hubbub up` runs.",
        )
    if channel.heard_lag_ms is not None and channel.heard_lag_ms > _SLOW_CHAT_MS:
        return _warn(
            name,
            f"Chat arrives {channel.heard_lag_ms / 1000:.0f} s late.",
            "Give polls a longer grace, and look at the network.",
        )
    return _pass(name, "Connected." if channel.heard_at is None else "Connected, and heard from.")


def _kick(name: str, channel: Channel) -> CheckOut:
    """A channel for which Kick comes to us: whether it does, and how late."""
    where = "in Kick's developer dashboard, see that the application's webhook is on and leads to this server"
    if channel.state == "failing":
        return _fail(name, channel.state_detail, f"Check the spelling of the name; {where}.")
    if channel.heard_at is None:
        detail = channel.state_detail or "Subscribed; nothing has come from Kick yet."
        return _warn(name, detail, f"Write a line in its chat. If nothing comes, {where}.")
    if channel.state != "connected":
        return _warn(name, channel.state_detail, f"Kick may lag, or have stopped: {where}.")
    if channel.heard_lag_ms is not None and channel.heard_lag_ms > _SLOW_CHAT_MS:
        return _warn(
            name,
            f"Kick delivers {channel.heard_lag_ms / 1000:.0f} s late.",
            "Give polls a longer grace: votes count by when they were sent.",
        )
    return _pass(name, "Kick delivers.")


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
        return [_pass("Chat clock", "Runs with Twitch's.")]
    return [
        _warn(
            "Chat clock",
            f"This computer's clock may be ahead of Twitch's, or chat arrives late: {min(lags) / 1000:.1f} s "
            "behind at best. Votes of the first moments of a poll may count as too early.",
            "Let this computer (with a PostgreSQL of your own: that one's) set its clock by network time.",
        )
    ]


def _overlays(found: list[Overlay], sources: list[OpenSource]) -> list[CheckOut]:
    if not found:
        return [
            _fail(
                "Overlays",
                "There is none: viewers would see nothing.",
                "Add an overlay and paste its link into OBS as a browser source.",
            )
        ]
    open_ids = {source.overlay_id for source in sources}
    return [
        _pass(f"Overlay {overlay.name}", "Is open.")
        if overlay.id in open_ids
        else _warn(
            f"Overlay {overlay.name}",
            "Is not open anywhere.",
            "Paste its link into OBS as a browser source; if the link is lost, make a new one.",
        )
        for overlay in found
    ]


async def _stage(connection: Connection, campaign_id: UUID) -> CheckOut:
    running = await polls.page(connection, campaign_id, states=polls.RUNNING, most=1)
    if running:
        return _warn(
            "Stage",
            f"A poll is {running[0].poll.state}; another cannot be launched now.",
            "Close or cancel it first.",
        )
    return _pass("Stage", "Free for the next poll.")


def _tables(found: list[VttConnection], now: datetime) -> list[CheckOut]:
    """Whether dice would come; nothing when no table takes part."""
    return [_table(table, now) for table in found if table.status == "active"]


def _table(table: VttConnection, now: datetime) -> CheckOut:
    name = f"Table {table.name}"
    if table.sockets:
        return _pass(name, "Is connected.")
    fix = "Roll a die there. If nothing comes, set it up again as Tables on the desk says."
    if table.auth_type == "pairing":
        fix = "Open the world in Foundry as game master; if it stays away, pair it anew."
    if table.heard_at is None:
        return _warn(name, "Nothing has come from it yet.", fix)
    quiet = now - table.heard_at
    if quiet > _QUIET:
        return _warn(name, f"Has been quiet for {_long(quiet)}.", fix)
    return _pass(name, "Has been heard from.")


def _long(span: timedelta) -> str:
    """A span of time in the words of somebody who looks at a clock."""
    minutes = int(span.total_seconds() // 60)
    if minutes < 120:
        return f"{minutes} minutes"
    return f"{minutes // 60} hours" if minutes < 48 * 60 else f"{minutes // (24 * 60)} days"


def _dropped(services: Services, campaign_id: UUID) -> CheckOut:
    lost = services.batches.dropped.get(campaign_id, 0)
    if lost:
        return _warn(
            "Lost lines",
            f"{lost} chat lines could not be stored since the start of this server.",
            "The database was away too long; look at its log.",
        )
    return _pass("Lost lines", "None.")


@endpoint(
    "GET", "/campaigns/{campaign_id}/preflight", "Check everything", answer=PreflightOut, needs="moderate"
)
async def run_preflight(call: Call) -> PreflightOut:
    """Run it before a show. A warning lets the show go on, a failure means that something would not work."""
    found = await checks(call.services, call.connection, call.campaign_id())
    return PreflightOut(
        healthy=all(check.status != "fail" for check in found),
        checks=found,
        at=call.services.clock(),
    )


ENDPOINTS = (run_preflight,)
