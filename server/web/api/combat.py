"""The fight that goes on."""

from __future__ import annotations

from server.rules.combat import Combatant
from server.web.api.characters import HitPointsOut
from server.web.endpoint import Call, endpoint
from server.web.models import Model, Moment
from sql import combats


class CombatantOut(Model):
    """As the game master sees it; the stream gets no hit points of monsters and no concealed names."""

    combatant_id: str
    name: str
    character_type: str
    initiative: float | None
    defeated: bool
    concealed: bool
    hit_points: HitPointsOut | None


class CombatOut(Model):
    combat_id: str | None
    round: int
    current_id: str
    next_id: str
    combatants: list[CombatantOut]
    updated_at: Moment | None


def _shown(combatant: Combatant) -> CombatantOut:
    points = combatant.hit_points
    return CombatantOut(
        combatant_id=combatant.combatant_id,
        name=combatant.name,
        character_type=combatant.character_type,
        initiative=combatant.initiative,
        defeated=combatant.defeated,
        concealed=combatant.is_concealed,
        hit_points=None if points is None else HitPointsOut.of(points),
    )


@endpoint("GET", "/campaigns/{campaign_id}/combat", "Read the fight", answer=CombatOut, needs="run")
async def read_combat(call: Call) -> CombatOut:
    """In the order of turns. Without a fight, `combat_id` is null; a day after its last event it is over."""
    standing = await combats.get(call.connection, call.campaign_id())
    if standing is None:
        return CombatOut(combat_id=None, round=0, current_id="", next_id="", combatants=[], updated_at=None)
    combat = standing.combat
    return CombatOut(
        combat_id=combat.combat_id,
        round=combat.round,
        current_id=combat.current_id,
        next_id=combat.following.combatant_id if combat.following else "",
        combatants=[_shown(combatant) for combatant in combat.combatants],
        updated_at=standing.updated_at,
    )


ENDPOINTS = (read_combat,)
