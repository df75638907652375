"""What a game master does with the fight: whom the audience may know. In one turn, and seen after it."""

from __future__ import annotations

from uuid import UUID

from server.engine import table_state
from server.engine.room import Rooms
from server.engine.turn import Also
from sql import combats, table_settings


class NoCombatant(LookupError):
    """Nobody of that id is in the fight, or there is none."""


async def conceal(
    rooms: Rooms, campaign_id: UUID, combatant_id: str, *, concealed: bool, also: Also | None = None
) -> None:
    """Hide somebody in the fight from the audience, or show it, until the fight is over.

    It holds whatever the table says of it, and whatever the campaign does with monsters. Raises NoCombatant.
    """
    async with rooms.turn(campaign_id) as (_, turn):
        standing = await combats.get(turn.connection, campaign_id)
        there = () if standing is None else standing.combat.combatants
        if standing is None or all(one.combatant_id != combatant_id for one in there):
            raise NoCombatant(combatant_id)
        # Of those who have left nobody has to know any more: the list is never longer than the fight.
        said = {
            one.combatant_id: standing.concealments[one.combatant_id]
            for one in there
            if one.combatant_id in standing.concealments
        }
        standing = standing._replace(concealments={**said, combatant_id: concealed})
        await combats.save(turn.connection, campaign_id, standing)
        settings = await table_settings.get(turn.connection, campaign_id)
        await table_state.show_fight(turn, settings, standing)
        if also:
            await also(turn.connection, campaign_id)
