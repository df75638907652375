"""How a campaign plays: its settings, its game system and its criticality rules, each change in one turn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from server.engine import presets, table_state
from server.engine.room import Rooms
from server.engine.turn import Also, Turn
from server.rules import dice_stage
from server.rules.criticality import CriticalityRule
from server.rules.poll import Refused
from sql import combats, criticality_rules, heads, table_settings

MOST_RULES = 200
#: Fields of a rule in which a preset may differ without counting as edited.
_SWITCH = {"is_enabled"}


class NoRule(LookupError):
    """The campaign has no such rule."""


async def change_settings(
    rooms: Rooms, campaign_id: UUID, changes: Mapping[str, Any], *, also: Also | None = None
) -> None:
    """Change fields of TableSettings; what the stream may not see any more leaves it at once.

    Another game system brings its presets along. Without the notice of secret rolls there are no seals.
    """
    async with rooms.turn(campaign_id) as (room, turn):
        before = await table_settings.get(turn.connection, campaign_id)
        after = replace(before, **changes)
        if changes.get("seals_secret"):
            after = replace(after, shows_secret=True)
        if not after.shows_secret:
            after = replace(after, seals_secret=False)
        await table_settings.save(turn.connection, campaign_id, after)
        if after.game_system not in ("", before.game_system):
            await presets.play(turn, after.game_system)
        table = await room.table_of(turn)
        table.settings = after
        if not after.shows_dice:
            await table_state.show_stage(turn, table, dice_stage.EMPTY, rooms.armed)
        await table_state.show_party(turn, after)
        await table_state.show_fight(turn, after, await combats.get(turn.connection, campaign_id))
        await heads.bump_config(turn.connection, campaign_id)
        if also:
            await also(turn.connection, campaign_id)


async def play(rooms: Rooms, campaign_id: UUID, game_system: str, *, also: Also | None = None) -> None:
    """The campaign plays this system: its presets are applied, for the first time or again."""
    async with rooms.turn(campaign_id) as (_, turn):
        await presets.play(turn, game_system[: presets.LONGEST_SYSTEM])
        if also:
            await also(turn.connection, campaign_id)


async def add_criticality_rule(
    rooms: Rooms, campaign_id: UUID, rule: CriticalityRule, *, also: Also | None = None
) -> None:
    """An own rule. Raises Refused when there are too many."""
    async with rooms.turn(campaign_id) as (_, turn):
        rules = await criticality_rules.list_of_campaign(turn.connection, campaign_id)
        if len(rules) >= MOST_RULES:
            raise Refused("too_many", f"A campaign has at most {MOST_RULES} criticality rules; delete some.")
        await _save(turn, rule, also)


async def change_criticality_rule(
    rooms: Rooms,
    campaign_id: UUID,
    rule_id: UUID,
    changes: Mapping[str, Any],
    *,
    also: Also | None = None,
) -> None:
    """Change fields of a rule. Raises NoRule, and ValueError for what a rule cannot be."""
    async with rooms.turn(campaign_id) as (_, turn):
        rule = await _rule(turn, rule_id)
        after = replace(rule, **changes)
        if rule.is_system_preset and any(
            getattr(after, name) != getattr(rule, name) for name in changes.keys() - _SWITCH
        ):
            after = replace(after, edited=True)
        await _save(turn, after, also)


async def delete_criticality_rule(
    rooms: Rooms, campaign_id: UUID, rule_id: UUID, *, also: Also | None = None
) -> None:
    """Remove an own rule. Raises NoRule, and Refused for a preset."""
    async with rooms.turn(campaign_id) as (_, turn):
        rule = await _rule(turn, rule_id)
        if rule.is_system_preset:
            raise preset_stays()
        await criticality_rules.delete(turn.connection, campaign_id, [rule_id])
        await heads.bump_config(turn.connection, campaign_id)
        if also:
            await also(turn.connection, rule_id)


def preset_stays() -> Refused:
    """A rule that its game system would bring back."""
    return Refused(
        "preset", "This rule came with the game system and would come back: switch it off instead."
    )


async def _rule(turn: Turn, rule_id: UUID) -> CriticalityRule:
    found = await criticality_rules.get(turn.connection, rule_id, [turn.campaign_id])
    if found is None:
        raise NoRule(str(rule_id))
    return found[1]


async def _save(turn: Turn, rule: CriticalityRule, also: Also | None) -> None:
    await criticality_rules.save(turn.connection, turn.campaign_id, [rule])
    await heads.bump_config(turn.connection, turn.campaign_id)
    if also:
        await also(turn.connection, UUID(rule.rule_id))
