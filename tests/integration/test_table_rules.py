"""Criticality and item rules on the real database: presets come with the system and overwrite nothing."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from server.engine import item_setup, table_setup
from server.rules import criticality_presets, item_categories
from server.rules.criticality import Clause, CriticalityRule
from server.rules.poll import Refused
from sql import criticality_rules, item_category_rules
from sql.ids import uuid7
from sql.pool import Database
from tests.integration.engine_rig import Process, make_campaign
from tests.integration.table_rig import announced, d20, fell, make_table, rolls_of, send

SYSTEMS = (*criticality_presets.PRESETS, "my-homebrew")


@pytest.fixture
def process(database: Database) -> Process:
    return Process(database)


@pytest.fixture
async def campaign(database: Database) -> UUID:
    return await make_campaign(database)


async def rules_of(database: Database, campaign: UUID) -> list[CriticalityRule]:
    async with database.connection() as connection:
        return await criticality_rules.list_of_campaign(connection, campaign)


def own(label: str, **more: Any) -> CriticalityRule:
    more = {"result_condition": ">= 15", "result_field": "total", "critical_type": "success"} | more
    return CriticalityRule(rule_id=str(uuid7()), label=label, **more)


async def test_a_rule_with_everything_comes_back_as_it_was(
    process: Process, database: Database, campaign: UUID
) -> None:
    rule = own(
        "Everything",
        dice_formula="2d20kh1",
        result_field="count_symbol",
        result_condition=">= 2",
        symbol="despair",
        group="hunger|stress",
        also=(Clause("degree", "== 3"), Clause("count_symbol", ">= 1", "base", "triumph")),
        kinds=frozenset({"attack", "save"}),
        severity="extreme",
        description="So it is.",
        category="mine",
        priority=1000,
        is_enabled=False,
    )
    await table_setup.add_criticality_rule(process.rooms, campaign, rule)
    assert await rules_of(database, campaign) == [rule]


@pytest.mark.parametrize("system", criticality_presets.PRESETS)
async def test_every_preset_survives_the_way_into_the_database(
    process: Process, database: Database, campaign: UUID, system: str
) -> None:
    await table_setup.play(process.rooms, campaign, system)
    stored = await rules_of(database, campaign)
    assert [replace(rule, rule_id=rule.preset_key or "") for rule in stored] == list(
        criticality_presets.presets_for(system)
    )
    await table_setup.play(process.rooms, campaign, system)
    assert await rules_of(database, campaign) == stored
    async with database.connection() as connection:
        items = await item_category_rules.list_of_campaign(connection, campaign)
    assert {replace(rule, rule_id="") for rule in items} == {
        replace(rule, rule_id="") for rule in item_categories.presets_for(system)
    }


async def test_nothing_a_game_master_wrote_is_ever_overwritten(
    process: Process, database: Database, campaign: UUID
) -> None:
    """Histories of systems, toggles, edits and own rules, by a seeded chance."""
    chance = random.Random(4)  # noqa: S311
    mine: dict[str, CriticalityRule] = {}
    for step in range(60):
        rules = await rules_of(database, campaign)
        match chance.randrange(4):
            case 0:
                rule = own(f"Mine {step}", priority=chance.randrange(1000))
                mine[rule.rule_id] = rule
                await table_setup.add_criticality_rule(process.rooms, campaign, rule)
            case 1 if rules:
                rule = chance.choice(rules)
                changes: dict[str, Any] = {"label": f"Edited {step}"}
                await table_setup.change_criticality_rule(
                    process.rooms, campaign, UUID(rule.rule_id), changes
                )
                mine[rule.rule_id] = replace(rule, label=f"Edited {step}", edited=rule.is_system_preset)
            case 2 if rules:
                rule = chance.choice(rules)
                changes = {"is_enabled": not rule.is_enabled}
                await table_setup.change_criticality_rule(
                    process.rooms, campaign, UUID(rule.rule_id), changes
                )
                if rule.rule_id in mine:
                    mine[rule.rule_id] = replace(mine[rule.rule_id], is_enabled=not rule.is_enabled)
            case _:
                await table_setup.play(process.rooms, campaign, chance.choice(SYSTEMS))
        after = {rule.rule_id: rule for rule in await rules_of(database, campaign)}
        for id_, rule in mine.items():
            kept = after[id_]
            if rule.is_system_preset and not kept.is_system_preset:
                # Its system was left: the work stays, switched off, as an own rule.
                rule = mine[id_] = replace(  # noqa: PLW2901
                    rule, is_system_preset=False, preset_key=None, is_enabled=False, edited=False
                )
            assert kept == rule


async def test_a_preset_can_be_switched_off_and_not_deleted(
    process: Process, database: Database, campaign: UUID
) -> None:
    await table_setup.play(process.rooms, campaign, "dnd5e")
    preset = (await rules_of(database, campaign))[0]
    with pytest.raises(Refused):
        await table_setup.delete_criticality_rule(process.rooms, campaign, UUID(preset.rule_id))
    mine = own("Mine")
    await table_setup.add_criticality_rule(process.rooms, campaign, mine)
    await table_setup.delete_criticality_rule(process.rooms, campaign, UUID(mine.rule_id))
    with pytest.raises(table_setup.NoRule):
        await table_setup.delete_criticality_rule(process.rooms, campaign, UUID(mine.rule_id))


async def test_the_campaign_s_rules_judge_what_comes_in(
    process: Process, database: Database, campaign: UUID
) -> None:
    table = await make_table(database, campaign)
    await table_setup.play(process.rooms, campaign, "dnd5e")
    rule = own("Good enough", severity="minor", priority=0)
    await table_setup.add_criticality_rule(process.rooms, campaign, rule)
    twenty = next(
        rule for rule in await rules_of(database, campaign) if rule.preset_key == "dnd5e.natural_20"
    )
    one = next(rule for rule in await rules_of(database, campaign) if rule.preset_key == "dnd5e.natural_1")
    await table_setup.change_criticality_rule(
        process.rooms, campaign, UUID(one.rule_id), {"is_enabled": False}
    )
    await send(
        process,
        campaign,
        fell(table, d20(16, "own")),
        fell(table, d20(20, "both")),
        fell(table, d20(12, "none")),
        fell(table, d20(1, "off")),
    )
    verdicts = [row.verdict for row in await rolls_of(database, campaign)]
    assert [verdict.rule_id if verdict else None for verdict in verdicts] == [
        rule.rule_id,
        rule.rule_id,
        None,
        None,
    ]
    await table_setup.delete_criticality_rule(process.rooms, campaign, UUID(rule.rule_id))
    await send(process, campaign, fell(table, d20(20, "again")))
    last = (await rolls_of(database, campaign))[-1].verdict
    assert last is not None
    assert (last.rule_id, last.label, last.category) == (twenty.rule_id, twenty.label, twenty.category)
    assert announced([process], "dice.critical") == []  # nobody's yet


async def test_item_rules_are_kept_likewise(process: Process, database: Database, campaign: UUID) -> None:
    await table_setup.play(process.rooms, campaign, "dnd5e")

    async def items() -> dict[str | None, item_categories.ItemCategoryRule]:
        async with database.connection() as connection:
            found = await item_category_rules.list_of_campaign(connection, campaign)
        return {rule.preset_key: rule for rule in found}

    evocation = (await items())["dnd5e.spell.evocation"]
    await item_setup.change(process.rooms, campaign, UUID(evocation.rule_id), {"weight": 9})
    cantrip = (await items())["dnd5e.spell.cantrip"]
    await item_setup.change(process.rooms, campaign, UUID(cantrip.rule_id), {"is_enabled": False})
    before = await items()
    await table_setup.play(process.rooms, campaign, "dnd5e")
    assert await items() == before
    assert before["dnd5e.spell.evocation"].edited
    assert not before["dnd5e.spell.cantrip"].edited
    with pytest.raises(Refused):
        await item_setup.delete(process.rooms, campaign, UUID(cantrip.rule_id))
    await table_setup.play(process.rooms, campaign, "pf2e")
    kept = next(rule for key, rule in (await items()).items() if key is None)
    assert (kept.weight, kept.is_enabled) == (9, False)
