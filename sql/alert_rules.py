"""What a campaign decided about its alerts; about whatever it said nothing, the rules' own defaults hold."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import sql
from server.rules.alerts import DEFAULTS, AlertRule
from server.rules.platform_events import SupportKind
from sql.pool import Connection

_Q = sql.load("alert_rules")


async def of_campaign(connection: Connection, campaign_id: UUID) -> dict[SupportKind, AlertRule]:
    """The rule of every kind."""
    rules = dict(DEFAULTS)
    for kind, is_shown, minimum, template, lasts_ms in await connection.fetch(_Q["of_campaign"], campaign_id):
        rules[kind] = AlertRule(is_shown, minimum, template, timedelta(milliseconds=lasts_ms))
    return rules


async def save(connection: Connection, campaign_id: UUID, kind: SupportKind, rule: AlertRule) -> None:
    """Write the rule of a kind."""
    lasts_ms = rule.lasts // timedelta(milliseconds=1)
    await connection.execute(
        _Q["save"], campaign_id, kind, rule.is_shown, rule.minimum, rule.template, lasts_ms
    )
