"""Item category rules of campaigns: what characters carry, and which of it viewers may touch."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

import sql
from server.rules.item_categories import ItemCategoryRule
from sql.pool import Connection, Row

_Q = sql.load("item_category_rules")


def _rule(row: Row) -> ItemCategoryRule:
    value: dict[str, Any] = dict(row)
    del value["campaign_id"]
    return ItemCategoryRule(rule_id=str(value.pop("id")), **value)


async def list_of_campaign(connection: Connection, campaign_id: UUID) -> list[ItemCategoryRule]:
    """The rules of a campaign in the order in which they are asked."""
    return [_rule(row) for row in await connection.fetch(_Q["list_of_campaign"], campaign_id)]


async def get(
    connection: Connection, rule_id: UUID, within: Collection[UUID]
) -> tuple[UUID, ItemCategoryRule] | None:
    """A rule of one of these campaigns, and which."""
    row = await connection.fetchrow(_Q["get"], rule_id, within)
    return None if row is None else (row["campaign_id"], _rule(row))


async def save(connection: Connection, campaign_id: UUID, rules: Sequence[ItemCategoryRule]) -> None:
    """Write rules, new ones and changed ones, each with a UUID as its id; others stay."""
    for rule in rules:
        await connection.execute(
            _Q["save"],
            UUID(rule.rule_id),
            campaign_id,
            rule.preset_key,
            rule.edited,
            rule.category,
            rule.subcategory,
            rule.item_type,
            rule.match_field,
            rule.match_value,
            rule.label,
            rule.description,
            rule.icon,
            rule.color,
            rule.is_targetable,
            rule.weight,
            rule.priority,
            rule.is_enabled,
        )


async def delete(connection: Connection, campaign_id: UUID, rule_ids: Collection[UUID]) -> None:
    """Remove rules."""
    await connection.execute(_Q["delete"], campaign_id, rule_ids)
