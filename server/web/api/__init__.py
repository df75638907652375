"""The HTTP API, one noun a file. `ENDPOINTS` is all of it: what is not in here does not exist."""

from __future__ import annotations

from server.web.api import (
    campaigns,
    channels,
    characters,
    combat,
    criticality_rules,
    dice_stats,
    events,
    item_category_rules,
    live_tickets,
    manual_rolls,
    overlays,
    poll_templates,
    polls,
    preflight,
    rolls,
    rundowns,
    session,
    status,
    table,
    vtt_commands,
    vtt_connections,
    vtt_pairings,
)
from server.web.endpoint import Endpoint

ENDPOINTS: tuple[Endpoint, ...] = (
    *session.ENDPOINTS,
    *campaigns.ENDPOINTS,
    *channels.ENDPOINTS,
    *overlays.ENDPOINTS,
    *polls.ENDPOINTS,
    *poll_templates.ENDPOINTS,
    *rundowns.ENDPOINTS,
    *events.ENDPOINTS,
    *live_tickets.ENDPOINTS,
    *status.ENDPOINTS,
    *preflight.ENDPOINTS,
    *vtt_connections.ENDPOINTS,
    *vtt_pairings.ENDPOINTS,
    *vtt_commands.ENDPOINTS,
    *characters.ENDPOINTS,
    *combat.ENDPOINTS,
    *criticality_rules.ENDPOINTS,
    *dice_stats.ENDPOINTS,
    *item_category_rules.ENDPOINTS,
    *rolls.ENDPOINTS,
    *manual_rolls.ENDPOINTS,
    *table.ENDPOINTS,
)
