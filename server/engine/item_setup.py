"""Item category rules, each change in one turn, after which the items of all characters are counted anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from server.engine import presets
from server.engine.room import Rooms
from server.engine.table_setup import NoRule, preset_stays
from server.engine.turn import Also, Turn
from server.rules.item_categories import ItemCategoryRule
from server.rules.poll import Refused
from sql import item_category_rules

MOST_RULES = 500


async def add(rooms: Rooms, campaign_id: UUID, rule: ItemCategoryRule, *, also: Also | None = None) -> None:
    """An own rule. Raises Refused when there are too many."""
    async with rooms.turn(campaign_id) as (_, turn):
        rules = await item_category_rules.list_of_campaign(turn.connection, campaign_id)
        if len(rules) >= MOST_RULES:
            raise Refused("too_many", f"A campaign has at most {MOST_RULES} item rules; delete some.")
        await _save(turn, rule, also)


async def change(
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
        if rule.preset_key is not None and replace(after, is_enabled=rule.is_enabled) != rule:
            after = replace(after, edited=True)
        await _save(turn, after, also)


async def delete(rooms: Rooms, campaign_id: UUID, rule_id: UUID, *, also: Also | None = None) -> None:
    """Remove an own rule. Raises NoRule, and Refused for a preset."""
    async with rooms.turn(campaign_id) as (_, turn):
        rule = await _rule(turn, rule_id)
        if rule.preset_key is not None:
            raise preset_stays()
        await item_category_rules.delete(turn.connection, campaign_id, [rule_id])
        await presets.count_items(turn)
        if also:
            await also(turn.connection, rule_id)


async def _rule(turn: Turn, rule_id: UUID) -> ItemCategoryRule:
    found = await item_category_rules.get(turn.connection, rule_id, [turn.campaign_id])
    if found is None:
        raise NoRule(str(rule_id))
    return found[1]


async def _save(turn: Turn, rule: ItemCategoryRule, also: Also | None) -> None:
    await item_category_rules.save(turn.connection, turn.campaign_id, [rule])
    await presets.count_items(turn)
    if also:
        await also(turn.connection, UUID(rule.rule_id))
