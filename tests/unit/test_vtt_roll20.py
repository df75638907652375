"""Roll20: ids, who sees a roll, and what its modifiers did to the dice (platforms/vtt.md §5)."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from integrations.vtt import roll20
from server.rules.dice import (
    Die,
    Group,
    Modifier,
    Source,
    inconsistencies,
)
from tests.unit.vtt_rolls import (
    NOW,
    ROLL20,
    only,
)
from tests.vtt_mutations import sample


def test_roll20_without_an_id_the_signature_tells_rolls_apart() -> None:
    message = sample("roll20-rollresult")
    roll = only(roll20.read(message, NOW))
    assert re.fullmatch(r"r20:roll20:[0-9a-f]{24}", roll.roll_id)
    assert roll == replace(ROLL20, roll_id=roll.roll_id, source=Source("roll20", "roll20"))
    assert only(roll20.read(message, NOW + timedelta(hours=1))) == roll
    assert only(roll20.read(message | {"signature": "other"}, NOW)).roll_id != roll.roll_id
    del message["signature"]
    unsigned = only(roll20.read(message, NOW))
    assert only(roll20.read(message, NOW + timedelta(seconds=3))) == unsigned
    assert only(roll20.read(message, NOW + timedelta(seconds=9))).roll_id != unsigned.roll_id


@pytest.mark.parametrize(
    ("changes", "visibility", "whispered"),
    [
        ({"type": "gmrollresult"}, "gm_only", ()),
        ({"type": "secretrollresult"}, "gm_only", ()),
        ({"type": "rollresult", "target": "-HbA, -HbB"}, "whisper", ("-HbA", "-HbB")),
        ({"type": "rollresult", "target": "gm"}, "gm_only", ()),
    ],
)
def test_roll20_who_sees_it(changes: dict[str, str], visibility: str, whispered: tuple[str, ...]) -> None:
    roll = only(roll20.read(sample("roll20-rollresult") | changes, NOW))
    assert (roll.visibility, roll.whisper_to) == (visibility, whispered)


def tree(*nodes: dict[str, Any], total: object, result: str = "sum") -> dict[str, Any]:
    content = {"type": "V", "rolls": list(nodes), "resultType": result, "total": total}
    message: dict[str, Any] = sample("roll20-rollresult")
    return message | {"content": json.dumps(content), "origRoll": ""}


def dice(count: int, sides: int, *fell: Any, **mods: Any) -> dict[str, Any]:
    results = [f if isinstance(f, dict) else {"v": f} for f in fell]
    return {"type": "R", "dice": count, "sides": sides, "mods": mods, "results": results}


def gone(value: int) -> dict[str, Any]:
    return {"v": value, "d": True}


def test_roll20_a_pool_of_successes() -> None:
    pool = dice(
        4, 10, 10, 8, 3, 1, success={"comp": ">", "point": 8}, customFumble=[{"comp": "==", "point": 1}]
    )
    roll = only(roll20.read(tree(pool, total=2, result="success"), NOW))
    assert (roll.total, roll.successes) == (2, 2)
    assert roll.groups == (
        Group(
            10,
            4,
            (
                Die(10, counts_as=1, success=True),
                Die(8, counts_as=1, success=True),
                Die(3, counts_as=0),
                Die(1, counts_as=0, failure=True),
            ),
        ),
    )
    assert inconsistencies(roll) == []
    subtracting = dice(2, 10, 9, 1, success={"comp": ">", "point": 8}, failure={"comp": "<", "point": 1})
    roll = only(roll20.read(tree(subtracting, total=0, result="success"), NOW))
    assert roll.groups[0].dice == (
        Die(9, counts_as=1, success=True),
        Die(1, counts_as=-1, failure=True),
    )


@pytest.mark.parametrize(
    ("node", "expected", "total"),
    [
        (
            dice(2, 6, gone(1), 5, 4, reroll=[{"comp": "<", "point": 2}]),
            (Die(1, "rerolled"), Die(5), Die(4)),
            9,
        ),
        (
            dice(
                2, 6, gone(1), gone(2), 5, reroll=[{"comp": "==", "point": 1}], keep={"end": "h", "count": 1}
            ),
            (Die(1, "rerolled"), Die(2, "dropped"), Die(5)),
            5,
        ),
        (dice(2, 6, 14, 3, compounding=True), (Die(6, counts_as=14, exploded=True), Die(3)), 17),
        (
            dice(2, 6, 6, 2, 0, penetrating=True),
            (Die(6, exploded=True), Die(2), Die(1, counts_as=0, extra=True)),
            8,
        ),
        (
            dice(4, 6, 6, 3, gone(1), 4, drop={"end": "l", "count": 1}),
            (Die(6), Die(3), Die(1, "dropped"), Die(4)),
            13,
        ),
    ],
)
def test_roll20_modifiers(node: dict[str, Any], expected: tuple[Die, ...], total: int) -> None:
    roll = only(roll20.read(tree(node, total=total), NOW))
    assert roll.groups[0].dice == expected
    assert inconsistencies(roll) == []


def test_roll20_a_branch_that_a_group_drops_counts_nothing() -> None:
    group = {
        "type": "G",
        "rolls": [
            [dice(1, 6, 2), {"type": "M", "expr": "+1"}],
            [dice(1, 8, 7)],
        ],
        "mods": {"keep": {"end": "h", "count": 1}},
        "results": [{"v": 3, "d": True}, {"v": 7}],
        "resultType": "sum",
    }
    roll = only(roll20.read(tree(group, {"type": "M", "expr": "-2"}, total="5"), NOW))
    assert roll.groups == (Group(6, 1, (Die(2, "dropped"),)), Group(8, 1, (Die(7),)))
    assert (roll.modifiers, roll.total) == ((Modifier(-2),), 5)


def test_roll20_fate_tables_and_products() -> None:
    fate = {"type": "R", "dice": 4, "fate": True, "mods": {}, "results": [{"v": v} for v in (1, 0, -1, 1)]}
    assert only(roll20.read(tree(fate, total=1), NOW)).groups[0].sides == "F"
    table = {
        "type": "R",
        "dice": 1,
        "table": "loot",
        "results": [{"v": 2, "tableItem": {"name": "<b>Moss</b>"}}],
    }
    roll = only(roll20.read(tree(table, total=2), NOW))
    assert (roll.kind, roll.groups[0].dice) == ("table", (Die(2, symbol="Moss"),))
    product = only(roll20.read(tree({"type": "M", "expr": "2*"}, dice(1, 6, 4), total=8), NOW))
    assert (product.modifiers, product.notation) == ((), "2*1d6")
    assert inconsistencies(product) == []
