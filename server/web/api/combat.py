"""The fight that goes on, and whom of it the audience may know."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated
from uuid import UUID

from pydantic import Field

from server.engine import fight_acts, table_state
from server.engine.fight_acts import NoCombatant
from server.rules.combat import Combatant
from server.web.api.acting import Acting
from server.web.api.characters import HitPointsOut
from server.web.endpoint import Call, endpoint
from server.web.models import Model, Moment
from server.web.problems import not_found
from sql import combats, table_settings
from sql.pool import Connection


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


class ConcealIn(Model):
    combatant_id: Annotated[str, Field(min_length=1, max_length=128)]
    concealed: bool = Field(description="true: viewers see ??? in its place; false: they see who it is")


def _shown(combatant: Combatant, concealed: Collection[str]) -> CombatantOut:
    points = combatant.hit_points
    return CombatantOut(
        combatant_id=combatant.combatant_id,
        name=combatant.name,
        character_type=combatant.character_type,
        initiative=combatant.initiative,
        defeated=combatant.defeated,
        concealed=combatant.combatant_id in concealed,
        hit_points=None if points is None else HitPointsOut.of(points),
    )


async def _read(connection: Connection, campaign_id: UUID) -> CombatOut:
    standing = await combats.get(connection, campaign_id)
    if standing is None:
        return CombatOut(combat_id=None, round=0, current_id="", next_id="", combatants=[], updated_at=None)
    combat = standing.combat
    hidden = table_state.concealed(standing, await table_settings.get(connection, campaign_id))
    return CombatOut(
        combat_id=combat.combat_id,
        round=combat.round,
        current_id=combat.current_id,
        next_id=combat.following.combatant_id if combat.following else "",
        combatants=[_shown(combatant, hidden) for combatant in combat.combatants],
        updated_at=standing.updated_at,
    )


@endpoint("GET", "/campaigns/{campaign_id}/combat", "Read the fight", answer=CombatOut, needs="run")
async def read_combat(call: Call) -> CombatOut:
    """In the order of turns. Without a fight, `combat_id` is null; a day after its last event it is over."""
    return await _read(call.connection, call.campaign_id())


@endpoint(
    "POST",
    "/campaigns/{campaign_id}/combat/conceal",
    "Conceal a combatant, or show it",
    body=ConcealIn,
    answer=CombatOut,
    work="engine",
    needs="run",
)
async def conceal_combatant(call: Call, body: ConcealIn) -> CombatOut:
    """Holds until the fight is over, whatever the table says. Nobody without a name can be shown."""
    campaign_id = call.campaign_id()

    async def answer(connection: Connection, _: UUID) -> CombatOut:
        return await _read(connection, campaign_id)

    acted = Acting(
        call, "combat.conceal", answer, campaign_id=campaign_id, detail={"concealed": body.concealed}
    )
    try:
        await fight_acts.conceal(
            call.services.rooms, campaign_id, body.combatant_id, concealed=body.concealed, also=acted
        )
    except NoCombatant:
        raise not_found("combatant") from None
    return acted.answer


ENDPOINTS = (read_combat, conceal_combatant)
