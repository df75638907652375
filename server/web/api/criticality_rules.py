"""Criticality rules: what a campaign shouts about."""

from __future__ import annotations

import secrets
from dataclasses import replace
from uuid import UUID

from integrations.vtt import neutral
from server.engine import table_setup
from server.rules import notation, notation_dice
from server.rules.criticality import CriticalityRule, applies
from server.rules.dice import Actor, DiceRoll, Outcome, Source, inconsistencies
from server.rules.notation_tree import dice_in
from server.rules.verdicts import verdict
from server.web.api import roll_models
from server.web.api.acting import Acting
from server.web.api.criticality_models import (
    CriticalityRuleIn,
    CriticalityRuleOut,
    CriticalityRulePatch,
    PresetsIn,
    PresetsOut,
    TriedOut,
    TryIn,
    shown,
    values,
)
from server.web.endpoint import Call, endpoint
from server.web.models import Empty, Page
from server.web.problems import invalid, not_found
from sql import criticality_rules
from sql.ids import uuid7
from sql.pool import Connection

_BASE = "/campaigns/{campaign_id}/criticality-rules"
_ONE = "/criticality-rules/{criticality_rule_id}"


async def _rule(call: Call) -> tuple[UUID, CriticalityRule]:
    """The campaign and the rule."""
    async with call.services.database.connection() as connection:
        found = await criticality_rules.get(connection, call.id("criticality_rule_id", "rule"), call.scope)
    if found is None:
        raise not_found("rule")
    return found


async def _read(connection: Connection, rule_id: UUID, within: tuple[UUID, ...]) -> CriticalityRuleOut:
    found = await criticality_rules.get(connection, rule_id, within)
    if found is None:
        raise not_found("rule")
    return shown(found[1])


@endpoint("GET", _BASE, "List criticality rules", answer=Page[CriticalityRuleOut], needs="run")
async def list_criticality_rules(call: Call) -> Page[CriticalityRuleOut]:
    """In the order in which they are asked. All in one part."""
    rules = await criticality_rules.list_of_campaign(call.connection, call.campaign_id())
    return Page(items=[shown(rule) for rule in criticality_rules.ranked(rules)])


@endpoint(
    "POST",
    _BASE,
    "Write a criticality rule",
    body=CriticalityRuleIn,
    answer=CriticalityRuleOut,
    status=201,
    work="engine",
    problems=(409,),
    needs="run",
)
async def create_criticality_rule(call: Call, body: CriticalityRuleIn) -> CriticalityRuleOut:
    """Own rules are asked before those of the game system. At most 200."""
    campaign_id = call.campaign_id()
    try:
        rule = CriticalityRule(rule_id=str(uuid7()), **values(body))
    except ValueError as error:
        raise invalid("", str(error)) from None

    async def answer(connection: Connection, rule_id: UUID) -> CriticalityRuleOut:
        return await _read(connection, rule_id, call.scope)

    acted = Acting(call, "criticality_rule.create", answer, campaign_id=campaign_id)
    await table_setup.add_criticality_rule(call.services.rooms, campaign_id, rule, also=acted)
    return acted.answer


@endpoint(
    "PATCH",
    _ONE,
    "Change a criticality rule",
    body=CriticalityRulePatch,
    answer=CriticalityRuleOut,
    work="engine",
    needs="run",
)
async def update_criticality_rule(call: Call, body: CriticalityRulePatch) -> CriticalityRuleOut:
    """A preset in which more than the switch was changed stays so, whatever later versions bring."""
    campaign_id, rule = await _rule(call)
    changes = values(body)
    try:
        replace(rule, **changes)
    except ValueError as error:
        raise invalid("", str(error)) from None

    async def answer(connection: Connection, rule_id: UUID) -> CriticalityRuleOut:
        return await _read(connection, rule_id, call.scope)

    acted = Acting(
        call,
        "criticality_rule.update",
        answer,
        campaign_id=campaign_id,
        detail={"fields": sorted(changes)},
    )
    await table_setup.change_criticality_rule(
        call.services.rooms, campaign_id, UUID(rule.rule_id), changes, also=acted
    )
    return acted.answer


@endpoint(
    "DELETE",
    _ONE,
    "Delete a criticality rule",
    answer=None,
    status=204,
    work="engine",
    problems=(409,),
    needs="run",
)
async def delete_criticality_rule(call: Call) -> None:
    """An own rule. A preset can only be switched off, because it would come back."""
    campaign_id, rule = await _rule(call)

    async def answer(connection: Connection, rule_id: UUID) -> Empty:
        return Empty()

    acted = Acting(call, "criticality_rule.delete", answer, campaign_id=campaign_id)
    await table_setup.delete_criticality_rule(
        call.services.rooms, campaign_id, UUID(rule.rule_id), also=acted
    )


@endpoint(
    "POST",
    _BASE + "/presets",
    "Apply a game system's presets",
    body=PresetsIn,
    answer=PresetsOut,
    work="engine",
    needs="run",
)
async def apply_criticality_presets(call: Call, body: PresetsIn) -> PresetsOut:
    """Sets the campaign's game system. Own rules and edited presets stay as they are, once or again."""
    campaign_id = call.campaign_id()

    async def answer(connection: Connection, _: UUID) -> PresetsOut:
        rules = await criticality_rules.list_of_campaign(connection, campaign_id)
        return PresetsOut(
            game_system=body.game_system,
            rules=[shown(rule) for rule in criticality_rules.ranked(rules)],
        )

    acted = Acting(
        call,
        "criticality_rule.presets",
        answer,
        campaign_id=campaign_id,
        detail={"game_system": body.game_system},
    )
    await table_setup.play(call.services.rooms, campaign_id, body.game_system, also=acted)
    return acted.answer


@endpoint(
    "POST", _BASE + "/try", "Try the criticality rules", body=TryIn, answer=TriedOut, work="read", needs="run"
)
async def try_criticality_rules(call: Call, body: TryIn) -> TriedOut:
    """What such a roll would be. Nothing is stored or shown."""
    campaign_id = call.campaign_id()
    roll = _tried(call, body)
    rules = criticality_rules.ranked(await criticality_rules.list_of_campaign(call.connection, campaign_id))
    found = verdict(rules, roll, None)
    return TriedOut(
        notation=roll.notation,
        groups=[roll_models.group(group) for group in roll.groups],
        modifiers=[roll_models.ModifierOut(value=one.value, label=one.label) for one in roll.modifiers],
        total=roll.total,
        successes=roll.successes,
        inconsistencies=inconsistencies(roll),
        critical=None if found is None else roll_models.critical(found),
        matching=[shown(rule) for rule in rules if applies(rule, roll)],
    )


def _tried(call: Call, body: TryIn) -> DiceRoll:
    """Raises Problem."""
    if (body.roll is None) == (body.notation is None):
        raise invalid("", "give either notation or roll")
    if body.notation is None:
        read = neutral.read(body.roll, call.services.clock())
        if not read.reading.rolls:
            first = read.rejected[0].errors[0]
            raise invalid(f"/roll{first.path}", first.message)
        return read.reading.rolls[0]
    try:
        expression = notation.parse(body.notation)
    except notation.NotNotation as error:
        raise invalid("/notation", str(error)) from None
    given = iter(body.faces)
    has_fate = any(dice.sides == "F" for _, dice in dice_in(expression))

    def draw(sides: int) -> int:
        face = next(given, None)
        if face is None:
            return 1 + secrets.randbelow(sides)
        if sides == 3 and has_fate and -1 <= face <= 1:
            return face + 2  # Fate dice are thrown as dice with three sides
        if not 1 <= face <= sides:
            raise invalid("/faces", f"a die with {sides} sides does not show {face}")
        return face

    fallen = notation_dice.roll(expression, draw)
    return DiceRoll(
        "try",
        Source("manual", "desk"),
        Actor("Desk"),
        "public",
        notation.canonical(expression),
        fallen.groups,
        fallen.modifiers,
        fallen.total,
        kind=body.kind,
        successes=fallen.successes,
        outcome=Outcome(success=body.success, target=body.target),
    )


ENDPOINTS = (
    list_criticality_rules,
    create_criticality_rule,
    update_criticality_rule,
    delete_criticality_rule,
    apply_criticality_presets,
    try_criticality_rules,
)
