"""The fight that goes on in a campaign, at most one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple
from uuid import UUID

import sql
from server.rules.combat import Combat, Combatant, Concealments, HitPoints
from sql.pool import Connection

_Q = sql.load("combats")

#: A fight of which nothing was heard for so long is over (vtt-and-dice §6).
KEEP_S = 24 * 3600.0


class Standing(NamedTuple):
    """A fight, the table it is at, and when it was last heard of."""

    combat: Combat
    connection_id: UUID | None
    updated_at: datetime
    concealments: Concealments = MappingProxyType({})  # what the game master said of single combatants


async def get(connection: Connection, campaign_id: UUID) -> Standing | None:
    """The fight that goes on."""
    row = await connection.fetchrow(_Q["get"], campaign_id, KEEP_S)
    if row is None:
        return None
    return Standing(_combat(row["combat"]), row["connection_id"], row["updated_at"], row["concealments"])


async def save(connection: Connection, campaign_id: UUID, standing: Standing) -> None:
    """Write the fight in place of the one before. The caller holds the campaign's lock."""
    await connection.execute(
        _Q["save"],
        campaign_id,
        standing.connection_id,
        standing.combat.combat_id,
        asdict(standing.combat),
        standing.updated_at,
        dict(standing.concealments),
    )


async def delete(connection: Connection, campaign_id: UUID) -> None:
    """The fight is over."""
    await connection.execute(_Q["delete"], campaign_id)


def _combat(found: Mapping[str, Any]) -> Combat:
    return Combat(
        found["combat_id"],
        found["round"],
        tuple(_combatant(one) for one in found["combatants"]),
        found["current_id"],
    )


def _combatant(found: Mapping[str, Any]) -> Combatant:
    points = found["hit_points"]
    return Combatant(**{**found, "hit_points": None if points is None else HitPoints(**points)})
