"""What a game system brings along, in the turn in which it becomes known; and items counted by new rules."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from server.engine.turn import Turn
from server.rules import criticality_presets, item_categories
from server.rules.criticality import CriticalityRule
from server.rules.item_categories import ItemCategoryRule
from sql import characters, criticality_rules, heads, item_category_rules, table_settings
from sql.ids import uuid7

LONGEST_SYSTEM = 64


async def play(turn: Turn, game_system: str) -> None:
    """The campaign plays this system from now on. Once or again: own and edited rules stay as they are."""
    connection, campaign_id = turn.connection, turn.campaign_id
    settings = await table_settings.get(connection, campaign_id)
    if settings.game_system != game_system:
        await table_settings.save(connection, campaign_id, replace(settings, game_system=game_system))
    await _criticality(turn, game_system)
    if await _items(turn, game_system):
        await count_items(turn)
    await heads.bump_config(connection, campaign_id)


async def _criticality(turn: Turn, game_system: str) -> None:
    before = await criticality_rules.list_of_campaign(turn.connection, turn.campaign_id)
    after = criticality_presets.applied(before, game_system)
    kept = {rule.rule_id: rule for rule in before}
    await criticality_rules.delete(
        turn.connection,
        turn.campaign_id,
        [UUID(id_) for id_ in kept.keys() - {rule.rule_id for rule in after}],
    )
    changed: list[CriticalityRule] = []
    for rule in after:
        if rule.rule_id not in kept:
            changed.append(replace(rule, rule_id=str(uuid7())))
        elif rule != kept[rule.rule_id]:
            changed.append(rule)
    await criticality_rules.save(turn.connection, turn.campaign_id, changed)


async def _items(turn: Turn, game_system: str) -> bool:
    """Whether anything changed."""
    before = await item_category_rules.list_of_campaign(turn.connection, turn.campaign_id)
    after = item_categories.applied(before, game_system)
    kept = {rule.rule_id: rule for rule in before}
    gone = kept.keys() - {rule.rule_id for rule in after}
    await item_category_rules.delete(turn.connection, turn.campaign_id, [UUID(id_) for id_ in gone])
    changed: list[ItemCategoryRule] = []
    for rule in after:
        if rule.rule_id not in kept:
            changed.append(replace(rule, rule_id=str(uuid7())))
        elif rule != kept[rule.rule_id]:
            changed.append(rule)
    await item_category_rules.save(turn.connection, turn.campaign_id, changed)
    return bool(gone or changed)


async def count_items(turn: Turn) -> None:
    """Count the items of all characters by the rules as they are now."""
    rules = await item_category_rules.list_of_campaign(turn.connection, turn.campaign_id)
    summaries = {}
    for sheet in await characters.all_sheets(turn.connection, turn.campaign_id):
        summary = item_categories.summary(characters.items(sheet.update), rules)
        if summary.hash != sheet.item_hash:
            summaries[sheet.id] = summary
    if summaries:
        await characters.save_summaries(turn.connection, turn.campaign_id, summaries)
