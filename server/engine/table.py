"""What happens at a campaign's table, inside the campaign's turn: rolls, fights and characters."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence

from server.engine import character_intake, dice_intake, fight_intake, presets, table_deliveries, table_state
from server.engine.bench import Bench
from server.engine.intake import DUPLICATE, Outcome
from server.engine.table_boards import TableBoard
from server.engine.table_state import Table
from server.engine.turn import Turn
from server.rules import dice_stage
from server.rules.table_events import CharacterUpdated, CombatHappened, DiceRolled, TableEvent
from sql import combats, criticality_rules, deadlines, table_settings, vtt_connections

_SYSTEM = re.compile(r"[A-Za-z0-9._-]{1,64}")
_UNKNOWN_TABLE = Outcome("rejected", "unknown_connection")


async def take(bench: Bench, events: Sequence[TableEvent]) -> list[Outcome]:
    """Take events of tables in; one outcome an event. Characters first, because rolls are theirs."""
    turn, chance, armed = bench.turn, bench.chance, bench.armed
    table = await bench.room.table_of(turn)
    asked = {event.connection_id for event in events if event.connection_id is not None}
    # Who delivers has looked, too; but a table may have been revoked or deleted since then.
    active = await vtt_connections.active(turn.connection, turn.campaign_id, asked) if asked else set()
    outcomes = [_UNKNOWN_TABLE] * len(events)
    sheets: dict[int, CharacterUpdated] = {}
    rolls: dict[int, DiceRolled] = {}
    fights: dict[int, CombatHappened] = {}
    for index, event in enumerate(events):
        if event.connection_id is not None and event.connection_id not in active:
            continue
        match event:
            case CharacterUpdated():
                sheets[index] = event
            case DiceRolled():
                rolls[index] = event
            case CombatHappened():
                fights[index] = event
    repeats = await table_deliveries.repeated(
        turn.connection, turn.campaign_id, list(rolls.values()), turn.head.now
    )
    again = [index for place, index in enumerate(rolls) if place in repeats]
    found: dict[int, Outcome] = dict.fromkeys(again, DUPLICATE)
    for index in again:
        del rolls[index]
    if sheets:
        taken = await character_intake.take(turn, table, list(sheets.values()))
        found |= zip(sheets, taken, strict=True)
        if not table.settings.game_system:
            await _know_system(turn, table, sheets.values())
    if rolls:
        taken = await dice_intake.take(turn, table, list(rolls.values()), chance, armed)
        found |= zip(rolls, taken, strict=True)
    if fights:
        taken = await fight_intake.take(turn, table, list(fights.values()), armed)
        found |= zip(fights, taken, strict=True)
    for index, outcome in found.items():
        outcomes[index] = outcome
    return outcomes


async def _know_system(turn: Turn, table: Table, events: Iterable[CharacterUpdated]) -> None:
    """The first character that tells which system its world plays brings the presets along."""
    told = (event.character.vtt_data for event in events)
    names = (data.get("system") for data in told if isinstance(data, Mapping))
    name = next((name for name in names if isinstance(name, str) and _SYSTEM.fullmatch(name)), None)
    if name is not None:
        await presets.play(turn, name)
        table.settings = await table_settings.get(turn.connection, turn.campaign_id)
        rules = await criticality_rules.list_of_campaign(turn.connection, turn.campaign_id)
        table.rules = criticality_rules.ranked(rules)


async def fire(turn: Turn, table: Table, kind: TableBoard, armed: asyncio.Event) -> None:
    """Time takes something off the screen."""
    match kind:
        case "dice":
            stage = dice_stage.tidy(table.stage, turn.head.now)
            await table_state.show_stage(turn, table, stage, armed)
            if (due := dice_stage.deadline(stage)) is not None:  # called off by nobody, and not over
                await deadlines.arm(turn.connection, turn.campaign_id, table_state.id_of(turn, "dice"), *due)
        case "card":
            await turn.show(table_state.id_of(turn, "card"), None)
        case "initiative":
            await combats.delete(turn.connection, turn.campaign_id)
            await table_state.show_fight(turn, table.settings, None)
        case "party":
            return  # nothing of time in it
