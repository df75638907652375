"""Sealed rolls: the bytes that are hashed, and that nothing of a roll can be changed afterwards."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.rules import sealed
from server.rules.dice import Actor, DiceRoll, Die, Group, Modifier, Source

NONCE = bytes(range(32))
ROLL = DiceRoll(
    "mossy-world:Qm7:0",
    Source("foundry", "mossy-world"),
    Actor("GM", is_gm=True),
    "gm_only",
    "2d20kh1+7",
    (Group(20, 2, (Die(17), Die(4, "dropped"))),),
    (Modifier(7),),
    24.0,
)


def test_the_commitment_is_the_documented_bytes() -> None:
    """Written out by hand: whoever wants to check a seal needs no more than this."""
    text = (
        '{"format":"hubbub.sealed_roll/1","nonce":"' + NONCE.hex() + '","roll":{"dice":['
        '{"sides":20,"sign":1,"state":"kept","symbol":"","value":17},'
        '{"sides":20,"sign":1,"state":"dropped","symbol":"","value":4}],'
        '"instance_id":"mossy-world","revision":1,"roll_id":"mossy-world:Qm7:0",'
        '"system":"foundry","total":24}}'
    )
    made = sealed.seal(ROLL, NONCE)
    assert made.commitment == hashlib.sha256(text.encode()).hexdigest()
    assert made.shown == made.commitment[:8]


def test_text_is_hashed_as_utf_8() -> None:
    plain = sealed.content(ROLL)
    named = replace(ROLL, roll_id="Würfel 🎲")
    text = json.dumps(
        {"format": sealed.FORMAT, "nonce": NONCE.hex(), "roll": {**plain, "roll_id": "Würfel 🎲"}},
        sort_keys=True,
        separators=(",", ":"),
    )
    utf8 = text.replace("W\\u00fcrfel \\ud83c\\udfb2", "Würfel 🎲").encode()
    assert b"\\u" not in utf8
    assert sealed.seal(named, NONCE).commitment == hashlib.sha256(utf8).hexdigest()


def test_a_proof_holds_after_a_way_through_json() -> None:
    made = sealed.seal(ROLL, NONCE)
    proof = json.loads(json.dumps(sealed.reveal(ROLL, made)))
    assert sealed.check(proof)
    assert sealed.check(proof, made.shown)
    assert sealed.check(proof, made.shown.upper() + "\n")
    assert not sealed.check(proof, "00000000")


def test_whole_numbers_have_one_seal() -> None:
    assert sealed.seal(replace(ROLL, total=24), NONCE) == sealed.seal(ROLL, NONCE)


def test_another_nonce_or_roll_has_another_commitment() -> None:
    seals = {
        sealed.seal(roll, nonce).commitment
        for roll, nonce in [
            (ROLL, NONCE),
            (ROLL, bytes(32)),
            (replace(ROLL, total=25), NONCE),
            (replace(ROLL, roll_id="other"), NONCE),
            (replace(ROLL, revision=2), NONCE),
            (replace(ROLL, source=Source("foundry", "other")), NONCE),
            (replace(ROLL, groups=(Group(20, 2, (Die(17, "dropped"), Die(4))),)), NONCE),
        ]
    }
    assert len(seals) == 7


def test_what_cannot_be_sealed() -> None:
    with pytest.raises(ValueError, match="withheld"):
        sealed.seal(replace(ROLL, groups=(), total=None), NONCE)
    with pytest.raises(ValueError, match="32 bytes"):
        sealed.seal(ROLL, b"short")
    for total in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match=r"no number"):
            sealed.seal(replace(ROLL, total=total), NONCE)


def test_a_total_of_symbols_is_sealed_by_its_dice() -> None:
    roll = replace(ROLL, total=None, groups=(Group("custom", 1, (Die(0, symbol="triumph"),)),))
    assert sealed.check(sealed.reveal(roll, sealed.seal(roll, NONCE)))


def test_a_seal_is_not_opened_with_another_roll() -> None:
    with pytest.raises(ValueError, match="another"):
        sealed.reveal(replace(ROLL, total=20), sealed.seal(ROLL, NONCE))


def _with_roll(**changes: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda proof: {**proof, "roll": {**proof["roll"], **changes}}


def _with_die(**changes: Any) -> Callable[[dict[str, Any]], Any]:
    def change(proof: dict[str, Any]) -> Any:
        first, *others = proof["roll"]["dice"]
        return {**proof, "roll": {**proof["roll"], "dice": [{**first, **changes}, *others]}}

    return change


@pytest.mark.parametrize(
    "change",
    [
        _with_roll(total=25),
        _with_roll(total=24.0),
        _with_roll(total=True),
        _with_roll(total="24"),
        _with_roll(total=float("inf")),
        _with_roll(total=10**5000),
        _with_roll(revision=True),
        _with_roll(roll_id="\ud800"),
        _with_roll(roll_id=7),
        _with_roll(dice=[]),
        _with_roll(dice={}),
        _with_roll(dice=[7]),
        _with_roll(dice=[[]]),
        _with_roll(dice=[{}]),
        _with_roll(extra=1),
        _with_die(value=20),
        _with_die(value=17.0),
        _with_die(state="lost"),
        _with_die(state=["kept"]),
        _with_die(sides="20"),
        _with_die(sign=True),
        _with_die(symbol=None),
        _with_die(extra=1),
        lambda proof: {**proof, "nonce": bytes(32).hex()},
        lambda proof: {**proof, "nonce": proof["nonce"].upper()},
        lambda proof: {**proof, "nonce": proof["nonce"] + " "},
        lambda proof: {**proof, "nonce": proof["nonce"][2:]},
        lambda proof: {**proof, "nonce": "zz" * 32},
        lambda proof: {**proof, "nonce": 5},
        lambda proof: {**proof, "commitment": proof["commitment"].upper()},
        lambda proof: {**proof, "commitment": "\ud800"},
        lambda proof: {**proof, "commitment": None},
        lambda proof: {**proof, "format": "hubbub.sealed_roll/2"},
        lambda proof: {**proof, "more": 1},
        lambda proof: {key: value for key, value in proof.items() if key != "nonce"},
        list,
        lambda _: None,
    ],
)
def test_a_changed_proof_does_not_hold(change: Callable[[dict[str, Any]], Any]) -> None:
    proof = sealed.reveal(ROLL, sealed.seal(ROLL, NONCE))
    assert sealed.check(proof)
    assert not sealed.check(change(proof))


totals = st.none() | st.integers(-(10**6), 10**6) | st.floats(-1e6, 1e6)
groups = st.lists(
    st.builds(
        Group,
        st.sampled_from([4, 20, 100, "F", "custom"]),
        st.just(1),
        st.lists(st.builds(Die, st.integers(-1, 100)), min_size=1, max_size=3).map(tuple),
    ),
    min_size=1,
    max_size=3,
).map(tuple)


@settings(max_examples=100)
@given(totals, groups, st.binary(min_size=32, max_size=32), st.text(min_size=1, max_size=10))
def test_every_proof_holds_and_is_of_one_total(
    total: float | None, some: tuple[Group, ...], nonce: bytes, roll_id: str
) -> None:
    roll = replace(ROLL, total=total, groups=some, roll_id=roll_id)
    proof = json.loads(json.dumps(sealed.reveal(roll, sealed.seal(roll, nonce))))
    assert sealed.check(proof)
    proof["roll"]["total"] = 1 if total is None else None
    assert not sealed.check(proof)
