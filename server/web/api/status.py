"""How the show is doing right now: what the desk asks every two seconds."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import Field

from server.web.api.channels import ChannelOut
from server.web.api.channels import shown as shown_channel
from server.web.api.overlays import SourceOut, shown_source
from server.web.api.poll_models import NativePollOut, natives_of
from server.web.condition import ProbeState
from server.web.endpoint import Call, endpoint
from server.web.models import Model, Moment
from sql import channels, lost_lines, overlays, polls, votes
from sql.polls import PollRow
from sql.pool import Connection

#: Votes per second are a mean over this long.
_RATE_S = 5.0


class RunningPollOut(Model):
    id: UUID
    state: Literal["open", "closing"]
    native_polls: list[NativePollOut] = Field(description="Twitch's own polls beside it")


class ChannelStatusOut(ChannelOut):
    votes_per_s: float
    status_since: Moment = Field(description="When the status last changed")


class OverlayStatusOut(Model):
    id: UUID
    name: str
    sources: list[SourceOut]


class ProbeStatusOut(Model):
    state: Literal["off", "ok", "failing"]
    lag_ms: int | None = Field(description="From a simulated vote to an overlay, last time")
    failing_s: int | None = Field(description="How long the rounds have been failing")


class StatusOut(Model):
    at: Moment = Field(description="Server time")
    poll: RunningPollOut | None = Field(description="The poll that runs")
    votes_per_s: float = Field(description="Mean of the last 5 seconds")
    channels: list[ChannelStatusOut]
    overlays: list[OverlayStatusOut]
    redis: Literal["ok", "away"]
    dropped: int = Field(
        description="Chat lines given up in the last 24 hours, because the database was away or too slow"
    )
    dropped_last_minute: int = Field(description="Those of the last minute")
    corrected_last_minute: int = Field(
        description="Overlays of the process that answers which showed something else, and were corrected"
    )
    probe: ProbeStatusOut = Field(description="The built-in probe of the process that answers")


async def _rates(connection: Connection, row: PollRow) -> dict[UUID, float]:
    by_slot = await votes.rate(connection, row.id, row.poll.ledger_rows, _RATE_S)
    return {
        seat.channel_id: round(by_slot.get(seat.slot, 0.0), 2)
        for seat in row.poll.seats
        if seat.channel_id is not None and seat.counts == "chat"
    }


@endpoint("GET", "/campaigns/{campaign_id}/status", "Status of a campaign", answer=StatusOut, needs="read")
async def read_status(call: Call) -> StatusOut:
    """What runs, how fast votes come, how each channel is heard, which overlays are open."""
    campaign_id = call.campaign_id()
    connection, services = call.connection, call.services
    running = await polls.page(connection, campaign_id, states=polls.RUNNING, most=1)
    rates = await _rates(connection, running[0]) if running else {}
    sources = await overlays.open_sources(connection, campaign_id)
    lost = await lost_lines.of_campaign(connection, campaign_id)
    return StatusOut(
        at=services.clock(),
        poll=_running(running[0]) if running else None,
        votes_per_s=round(sum(rates.values()), 2),
        channels=[
            ChannelStatusOut(
                **dict(shown_channel(channel)),
                votes_per_s=rates.get(channel.id, 0.0),
                status_since=channel.state_at,
            )
            for channel in await channels.list_of_campaign(connection, campaign_id)
        ],
        overlays=[
            OverlayStatusOut(
                id=overlay.id,
                name=overlay.name,
                sources=[shown_source(source) for source in sources if source.overlay_id == overlay.id],
            )
            for overlay in await overlays.list_of_campaign(connection, campaign_id)
        ],
        redis=services.redis_state(),
        dropped=lost.day,
        dropped_last_minute=lost.minute,
        corrected_last_minute=services.condition.corrected,
        probe=_probe(services.condition.probe()),
    )


def _probe(state: ProbeState) -> ProbeStatusOut:
    return ProbeStatusOut(
        state=state.state,
        lag_ms=None if state.lag_s is None else round(state.lag_s * 1000),
        failing_s=None if state.failing_for_s is None else round(state.failing_for_s),
    )


def _running(row: PollRow) -> RunningPollOut:
    return RunningPollOut(
        id=row.id,
        state="open" if row.poll.state == "open" else "closing",
        native_polls=natives_of(row),
    )


ENDPOINTS = (read_status,)
