"""Criticality rules of campaigns: their own, and what their game systems brought along."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

import sql
from server.rules.criticality import Clause, CriticalityRule
from sql.pool import Connection, Row

_Q = sql.load("criticality_rules")


def _rule(row: Row) -> CriticalityRule:
    value: dict[str, Any] = dict(row)
    return CriticalityRule(
        rule_id=str(value["id"]),
        preset_key=value["preset_key"],
        is_system_preset=value["is_system_preset"],
        edited=value["edited"],
        dice_formula=value["dice_formula"],
        result_field=value["result_field"],
        result_condition=value["result_condition"],
        critical_type=value["critical_type"],
        severity=value["severity"],
        label=value["label"],
        description=value["description"],
        category=value["category"],
        group=value["dice_group"],
        symbol=value["symbol"],
        also=tuple(Clause(**clause) for clause in value["also"]),
        kinds=frozenset(value["kinds"]),
        priority=value["priority"],
        is_enabled=value["is_enabled"],
    )


def _values(rule: CriticalityRule) -> tuple[object, ...]:
    return (
        rule.preset_key,
        rule.is_system_preset,
        rule.edited,
        rule.dice_formula,
        rule.result_field,
        rule.result_condition,
        rule.critical_type,
        rule.severity,
        rule.label,
        rule.description,
        rule.category,
        rule.group,
        rule.symbol,
        [asdict(clause) for clause in rule.also],
        sorted(rule.kinds),
        rule.priority,
        rule.is_enabled,
    )


async def list_of_campaign(connection: Connection, campaign_id: UUID) -> list[CriticalityRule]:
    """The rules of a campaign, in the order in which they were made."""
    return [_rule(row) for row in await connection.fetch(_Q["list_of_campaign"], campaign_id)]


def ranked(rules: Iterable[CriticalityRule]) -> list[CriticalityRule]:
    """In the order in which they are asked (`criticality.judge`)."""
    return sorted(rules, key=lambda rule: (rule.is_system_preset, -rule.priority))


async def get(
    connection: Connection, rule_id: UUID, within: Collection[UUID]
) -> tuple[UUID, CriticalityRule] | None:
    """A rule of one of these campaigns, and which."""
    row = await connection.fetchrow(_Q["get"], rule_id, within)
    return None if row is None else (row["campaign_id"], _rule(row))


async def save(connection: Connection, campaign_id: UUID, rules: Sequence[CriticalityRule]) -> None:
    """Write rules, new ones and changed ones, each with a UUID as its id; others stay.

    `place` is theirs from the first time on, so that of equal ones the oldest is asked first.
    """
    for rule in rules:
        await connection.execute(_Q["save"], UUID(rule.rule_id), campaign_id, *_values(rule))


async def delete(connection: Connection, campaign_id: UUID, rule_ids: Collection[UUID]) -> None:
    """Remove rules."""
    await connection.execute(_Q["delete"], campaign_id, rule_ids)
