"""A fight goes on: its events in order, one write and one picture a batch (vtt-and-dice §6)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from server.engine import table_state
from server.engine.intake import ACCEPTED, DUPLICATE, Outcome
from server.engine.table_state import Table
from server.engine.turn import Turn
from server.rules.combat import (
    Added,
    Combatant,
    CombatEvent,
    Defeated,
    HitPoints,
    RoundBegan,
    Started,
    Synced,
    reduce,
)
from server.rules.table_events import CombatHappened
from sql import characters, combats, deadlines
from sql.combats import Standing

_UNREADABLE = Outcome("rejected", "unstorable_text")
_LONGEST_ID = 128


async def take(
    turn: Turn, table: Table, events: Sequence[CombatHappened], armed: asyncio.Event
) -> list[Outcome]:
    """Take events of fights in. One that changes nothing is a duplicate, also one of another fight."""
    before = standing = await combats.get(turn.connection, turn.campaign_id)
    outcomes: list[Outcome] = []
    hurt: dict[UUID, dict[str, HitPoints]] = {}
    for event in events:
        if not _storable(event.event):
            outcomes.append(_UNREADABLE)
            continue
        after = _after(turn, standing, event)
        changed = (after and after.combat) != (standing and standing.combat)
        outcomes.append(ACCEPTED if changed else DUPLICATE)
        standing = after
        hurt.setdefault(event.connection_id, {}).update(_hit_points(event.event))
    await _keep(turn, before, standing, armed)
    if (before and before.combat) != (standing and standing.combat):
        await table_state.show_fight(turn, table.settings, standing)
    written = [
        await characters.hurt(turn.connection, turn.campaign_id, connection_id, points)
        for connection_id, points in hurt.items()
        if points
    ]
    if any(written):
        await table_state.show_party(turn, table.settings)
    return outcomes


def _after(turn: Turn, standing: Standing | None, happened: CombatHappened) -> Standing | None:
    """The fight after an event. Another table's word counts only when it brings a whole fight of its own."""
    event = happened.event
    elsewhere = standing is not None and standing.connection_id != happened.connection_id
    if elsewhere and not isinstance(event, Started | Synced):
        return standing
    combat = reduce(None if standing is None else standing.combat, event)
    if combat is None:
        return None
    if standing is not None and combat == standing.combat and event.combat_id != combat.combat_id:
        return standing  # of another fight: no sign of life of this one
    # What the game master said of somebody holds for this fight; ids of the next one are others.
    same = standing is not None and standing.combat.combat_id == combat.combat_id
    return Standing(
        combat, happened.connection_id, turn.head.now, standing.concealments if standing and same else {}
    )


async def _keep(turn: Turn, before: Standing | None, standing: Standing | None, armed: asyncio.Event) -> None:
    board = table_state.id_of(turn, "initiative")
    if standing is None:
        if before is not None:
            await combats.delete(turn.connection, turn.campaign_id)
            await deadlines.disarm(turn.connection, board)
    elif standing != before:
        await combats.save(turn.connection, turn.campaign_id, standing)
        over_at = standing.updated_at + timedelta(seconds=combats.KEEP_S)
        await deadlines.arm(turn.connection, turn.campaign_id, board, "leave", over_at)
        armed.set()


def _named(event: CombatEvent) -> Sequence[Combatant]:
    match event:
        case Started() | Synced() | RoundBegan():
            return event.combatants
        case Added() | Defeated():
            return (event.combatant,)
        case _:
            return ()


def _hit_points(event: CombatEvent) -> dict[str, HitPoints]:
    """What the event tells of the health of heroes, by the table's ids of the characters."""
    return {
        one.actor_id: one.hit_points
        for one in _named(event)
        if one.actor_id and one.character_type == "pc" and one.hit_points is not None
    }


def _storable(event: CombatEvent) -> bool:
    """Adapters check more; this is the last gate."""
    texts = [event.combat_id]
    for one in _named(event):
        texts += [one.combatant_id, one.name, one.actor_id, one.avatar]
    try:
        "".join(texts).encode()
    except UnicodeEncodeError:
        return False
    return 0 < len(event.combat_id) <= _LONGEST_ID and not any("\0" in text for text in texts)
