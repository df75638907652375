"""What people do with alerts: decide which are shown, try them out, take them off. Each in one turn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from server.engine import alerts, support_intake
from server.engine.room import Rooms
from server.engine.support_intake import Told
from server.engine.turn import Also
from server.rules import rehearsed_support
from server.rules.platform_events import SupportKind
from sql import alert_rules
from sql.ids import uuid7


async def change_rule(
    rooms: Rooms,
    campaign_id: UUID,
    kind: SupportKind,
    changes: Mapping[str, Any],
    *,
    also: Also | None = None,
) -> None:
    """Change fields of AlertRule; what is on stream already stays as it is."""
    async with rooms.turn(campaign_id) as (_, turn):
        rules = await alert_rules.of_campaign(turn.connection, campaign_id)
        await alert_rules.save(turn.connection, campaign_id, kind, replace(rules[kind], **changes))
        if also:
            await also(turn.connection, campaign_id)


async def try_out(
    rooms: Rooms, campaign_id: UUID, kind: SupportKind | None, name: str, *, also: Also | None = None
) -> None:
    """Let a made-up kindness happen, or a whole burst of them with None."""
    key = f"test-{uuid7()}"
    async with rooms.turn(campaign_id) as (_, turn):
        now = turn.head.now
        events = (
            rehearsed_support.burst(key, now)
            if kind is None
            else (rehearsed_support.one(kind, name, key, now),)
        )
        await support_intake.store(turn, [Told(event) for event in events], rooms.armed)
        if also:
            await also(turn.connection, campaign_id)


async def take_off(
    rooms: Rooms, campaign_id: UUID, alert_id: str | None, *, also: Also | None = None
) -> None:
    """Take one alert off the stream, or all with None; what is off already stays off."""
    async with rooms.turn(campaign_id) as (_, turn):
        await alerts.take_off(turn, alert_id, rooms.armed)
        if also:
            await also(turn.connection, campaign_id)
