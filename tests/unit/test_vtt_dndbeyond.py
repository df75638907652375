"""The game log of D&D Beyond: events, operations, scopes and types (platforms/vtt.md §6)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from integrations.vtt import dndbeyond
from integrations.vtt.reading import Reading
from server.rules.dice import (
    Outcome,
)
from tests.unit.vtt_rolls import (
    DNDBEYOND,
    NOW,
    only,
    why,
)
from tests.vtt_mutations import sample


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ("dice/roll/pending", "the dice are still rolling"),
        ("dice/roll/deferred", "the result is held back; it comes as fulfilled"),
        ("custom/beyond20/roll", "no roll of D&D Beyond"),
        (None, "no roll of D&D Beyond"),
    ],
)
def test_dndbeyond_only_fulfilled_has_a_result(event: object, reason: str) -> None:
    assert why(dndbeyond.read(sample("dndbeyond-fulfilled") | {"eventType": event}, NOW)) == reason


@pytest.mark.parametrize(
    ("operation", "notation", "kept"), [(0, "2d20", [17, 4]), (1, "2d20kl1", [4]), (2, "2d20kh1", [17])]
)
def test_dndbeyond_operations(operation: int, notation: str, kept: list[int]) -> None:
    message = sample("dndbeyond-fulfilled")
    [roll] = message["data"]["rolls"]
    roll["diceNotation"]["set"][0]["operation"] = operation
    del roll["diceNotationStr"]
    read = only(dndbeyond.read(message, NOW))
    assert [die.value for die in read.groups[0].kept] == kept
    assert (read.notation, read.notation_native) == (f"{notation}+7", "")


@pytest.mark.parametrize(
    ("scopes", "target", "visibility"),
    [
        (("gameId", "gameId"), "777001", "public"),
        (("userId", "userId"), "880001", "self"),
        (("userId", "userId"), "880002", "gm_only"),
        (("userId", "gameId"), "777001", "gm_only"),
        (("gameId", "userId"), "777001", "gm_only"),
        (("gameId", None), "777001", "public"),
        ((None, None), "777001", "gm_only"),
        (("everyone", "everyone"), "777001", "gm_only"),
    ],
)
def test_dndbeyond_scope(scopes: tuple[str | None, str | None], target: str, visibility: str) -> None:
    message = sample("dndbeyond-fulfilled")
    for place, scope in zip((message, message["data"]["context"]), scopes, strict=True):
        place["messageTarget"] = target
        place["messageScope"] = scope
        if scope is None:
            del place["messageScope"]
    assert only(dndbeyond.read(message, NOW)).visibility == visibility


@pytest.mark.parametrize(
    ("written", "kind", "damage_type"),
    [
        ("heal", "healing", ""),
        ("save", "save", ""),
        ("check", "check", ""),
        ("roll", "custom", ""),
        ("damage", "damage", ""),
        ("Fire", "damage", "fire"),
        ("yodel", "custom", ""),
        (7, "custom", ""),
    ],
)
def test_dndbeyond_roll_type(written: object, kind: str, damage_type: str) -> None:
    message = sample("dndbeyond-fulfilled")
    message["data"]["rolls"][0]["rollType"] = written
    roll = only(dndbeyond.read(message, NOW))
    assert (roll.kind, roll.damage_type) == (kind, damage_type)


def test_dndbeyond_every_roll_has_its_index_and_a_bad_one_loses_no_other() -> None:
    message = sample("dndbeyond-fulfilled")
    [roll] = message["data"]["rolls"]
    message["data"]["rolls"] = [roll | {"result": None}, roll | {"rollKind": "critical hit"}]
    reading = dndbeyond.read(message, NOW)
    assert reading == Reading(
        (
            replace(
                DNDBEYOND, roll_id=f"{DNDBEYOND.roll_id[:-1]}1", mode="normal", outcome=Outcome(critical=True)
            ),
        ),
        ("0: result is no object",),
    )
