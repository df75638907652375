"""What tabletops send, and the rolls that it is: the samples of platforms/vtt.md §3 to §7, field by field."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from integrations.vtt import beyond20, dddice, dndbeyond, owlbear, roll20
from server.rules.dice import (
    Actor,
    DiceRoll,
    Die,
    Group,
    Modifier,
    Outcome,
    Source,
    inconsistencies,
    natural,
)
from tests.unit.vtt_rolls import (
    ATTACK,
    DAMAGE,
    DDDICE,
    DNDBEYOND,
    JUST_DICES,
    NOW,
    OWLBEAR,
    ROLL20,
    SAID,
    only,
    rolls,
    stamped,
    why,
)
from tests.vtt_mutations import ADAPTERS, sample


def test_beyond20_an_attack_with_advantage_and_its_critical_damage() -> None:
    assert rolls(beyond20.read(stamped(sample("beyond20-rendered-roll")), NOW)) == (ATTACK, DAMAGE)


def test_beyond20_what_is_not_rolled_yet_is_no_roll() -> None:
    assert "not rolled yet" in why(beyond20.read(sample("beyond20-roll"), NOW))
    assert why(beyond20.read({"action": "hp-update"}, NOW)) == "no rendered-roll of Beyond20"


def test_dddice_a_roll_of_the_rest_interface() -> None:
    roll = sample("dddice-roll")
    assert only(dddice.read(roll, NOW)) == DDDICE
    assert only(dddice.read({"data": roll}, NOW)) == DDDICE
    assert only(dddice.read({"event": "RollCreateEvent", "data": roll}, NOW)) == DDDICE
    pushed = {"event": "App\\Events\\RollCreateEvent", "channel": "x", "data": json.dumps({"roll": roll})}
    assert only(dddice.read(pushed, NOW)) == DDDICE


def test_dddice_a_request_and_a_deleted_roll_are_none() -> None:
    assert why(dddice.read(sample("dddice-request"), NOW)) == "no roll of dddice"
    deleted = {"event": "RollDeleteEvent", "data": sample("dddice-roll")}
    assert why(dddice.read(deleted, NOW)) == "the roll was deleted"


def test_dndbeyond_an_attack_with_advantage() -> None:
    assert only(dndbeyond.read(sample("dndbeyond-fulfilled"), NOW)) == DNDBEYOND


def test_roll20_a_roll_out_of_the_chat() -> None:
    message = sample("roll20-rollresult")
    whole = message | {"_id": "881", "campaignId": "-HbCampaign"}
    assert only(roll20.read(whole, NOW)) == ROLL20
    archive = {"campaignId": "-HbCampaign", "messages": [{"881": message}]}
    assert only(roll20.read(archive, NOW)) == ROLL20
    message["content"] = json.loads(message["content"])
    assert only(roll20.read(archive, NOW)) == ROLL20
    message["content"] = json.dumps(json.dumps(message["content"]))
    assert only(roll20.read(archive, NOW)) == ROLL20


def test_roll20_the_inline_rolls_of_a_sheet() -> None:
    common = DiceRoll(
        roll_id="r20:roll20:-HbMessage882:0",
        source=Source("roll20", "roll20", ref="-HbMessage882"),
        actor=Actor("Quinn", player_id="-HbPlayer02", character_name="Quinn", is_gm=True),
        visibility="public",
        notation="1d20+5",
        groups=(Group(20, 1, (Die(19),)),),
        modifiers=(Modifier(5),),
        total=24,
        rolled_at=SAID,
        label="Moss Lurker",
        notation_native="1d20cs>19+5",
        outcome=Outcome(critical=True, fumble=False),
    )
    damage = replace(
        common,
        roll_id="r20:roll20:-HbMessage882:2",
        groups=(
            Group(6, 2, (Die(6, exploded=True), Die(2), Die(3, extra=True)), label="fire"),
            Group(4, 1, (Die(4),)),
        ),
        modifiers=(Modifier(-1),),
        total=14,
        notation_native="2d6[fire]!+1d4-1",
        outcome=Outcome(),
    )
    attack, fire = rolls(roll20.read(sample("roll20-inline"), NOW))
    assert attack == common
    assert fire == replace(damage, notation="2d6[fire]!+1d4-1")
    assert inconsistencies(fire) == []


def test_owlbear_an_answer_of_dice_plus_does_not_say_who_sees_it() -> None:
    answer = sample("owlbear-roll-result")
    assert only(owlbear.read(answer, NOW)) == OWLBEAR
    assert only(owlbear.read({"data": answer, "connectionId": "c"}, NOW)) == OWLBEAR
    asked = answer | {"request": sample("owlbear-roll-request"), "roomId": "obr-room"}
    assert only(owlbear.read(asked, NOW)) == replace(
        OWLBEAR,
        source=replace(OWLBEAR.source, instance_id="obr-room"),
        visibility="public",
        rolled_at=SAID,
        notation_native="2d20kh1+7",
    )


def test_owlbear_a_request_is_not_rolled_yet() -> None:
    assert "not rolled yet" in why(owlbear.read(sample("owlbear-roll-request"), NOW))


def test_owlbear_an_answer_of_just_dices_has_a_total_and_no_dice() -> None:
    assert only(owlbear.read(sample("owlbear-justdices"), NOW)) == JUST_DICES


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda adapter: adapter.name)
@pytest.mark.parametrize("message", [None, 7, "x", [], {}, [[]], [{}], {"data": None}, float("nan")])
def test_what_is_no_message_is_a_reason(adapter: Any, message: object) -> None:
    reading = adapter.read(message, NOW)
    assert reading.rolls == ()
    assert reading.reasons


def test_the_natural_rule_has_what_it_needs() -> None:
    assert natural(ATTACK) == Outcome(True, False)
    assert natural(DAMAGE) == Outcome(critical=True)
    assert natural(DNDBEYOND) == Outcome(False, False)
    assert natural(DDDICE) == Outcome()
