"""What the samples of platforms/vtt.md §3 to §7 are as rolls, field by field."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from integrations.vtt.reading import Reading
from server.rules.dice import Actor, DiceRoll, Die, Group, Modifier, Outcome, Source

NOW = datetime(2026, 11, 20, 18, 30, 6, 400_000, tzinfo=UTC)
SAID = datetime(2026, 11, 20, 18, 30, 5, 123_000, tzinfo=UTC)
LONGBOW = (Group(20, 2, (Die(17), Die(4, "dropped"))),)


def only(reading: object) -> DiceRoll:
    assert isinstance(reading, Reading)
    assert reading.reasons == ()
    [roll] = reading.rolls
    return roll


def why(reading: object) -> str:
    assert isinstance(reading, Reading)
    assert reading.rolls == ()
    [reason] = reading.reasons
    return reason


def rolls(reading: Reading) -> tuple[DiceRoll, ...]:
    assert reading.reasons == ()
    return reading.rolls


def stamped(rendered: Any) -> dict[str, Any]:
    return {"request": rendered, "timestamp": 1_795_199_406_000}


ATTACK = DiceRoll(
    roll_id="b20:900001:1795199406000-5cc3eb7967b057c4:0",
    source=Source("beyond20", "dndbeyond:900001"),
    actor=Actor("Rook Feather", character_name="Rook Feather", character_id="900001"),
    visibility="public",
    notation="2d20kh1+7",
    groups=(Group(20, 2, (Die(20), Die(9, "dropped"))),),
    modifiers=(Modifier(7),),
    total=27,
    rolled_at=datetime(2026, 11, 20, 18, 30, 6, tzinfo=UTC),
    label="Longbow",
    kind="attack",
    mode="advantage",
    notation_native="1d20 + 7",
    outcome=Outcome(critical=True, fumble=False),
)
DAMAGE = replace(
    ATTACK,
    roll_id="b20:900001:1795199406000-5cc3eb7967b057c4:1",
    notation="1d8+1d8+4",
    groups=(Group(8, 1, (Die(6),), label="piercing"), Group(8, 1, (Die(3),), label="critical")),
    modifiers=(Modifier(4),),
    total=13,
    kind="damage",
    damage_type="piercing",
    parent_roll_id="b20:900001:1795199406000-5cc3eb7967b057c4:0",
    mode="normal",
    notation_native="1d8 + 4 + 1d8",
    outcome=Outcome(critical=True),
)

DDDICE = DiceRoll(
    roll_id="0f5b9a5e-8c8a-4d77-9d7f-2b1f9c100001",
    source=Source("dddice", "mOsS-42", ref="hubbub:test-1"),
    actor=Actor("Rook Feather", player_id="u-rook"),
    visibility="public",
    notation="2d20kh1+7",
    groups=LONGBOW,
    modifiers=(Modifier(7),),
    total=24,
    rolled_at=datetime(2026, 11, 20, 18, 30, 5, tzinfo=UTC),
    label="Longbow",
    mode="advantage",
    notation_native="2d20kh1+7",
)

DNDBEYOND = DiceRoll(
    roll_id="f2b7c9d0-6a55-4c0e-9a43-2d3b3e100001:0",
    source=Source("dndbeyond", "777001", ref="5a1e7c7e-7d11-4a4b-9b90-9d1c2f100001"),
    actor=Actor(
        "Rook Feather",
        player_id="880001",
        character_name="Rook Feather",
        character_id="900001",
        avatar_url="https://img.example/rook.webp",
    ),
    visibility="public",
    notation="2d20kh1+7",
    groups=LONGBOW,
    modifiers=(Modifier(7),),
    total=24,
    rolled_at=SAID,
    label="Longbow",
    kind="attack",
    mode="advantage",
    notation_native="2d20kh1+7",
)

ROLL20 = DiceRoll(
    roll_id="r20:-HbCampaign:881",
    source=Source("roll20", "-HbCampaign", ref="881"),
    actor=Actor("Rook Feather", player_id="-HbPlayer01", character_name="Rook Feather"),
    visibility="public",
    notation="2d20kh1+7",
    groups=LONGBOW,
    modifiers=(Modifier(7),),
    total=24,
    label="longbow",
    mode="advantage",
    notation_native="2d20kh1+7",
)

OWLBEAR = DiceRoll(
    roll_id="hb-obr-1",
    source=Source("owlbear", "owlbear", ref="hb-obr-1"),
    actor=Actor("Rook", player_id="obr-p-7"),
    visibility="gm_only",
    notation="2d20kh1+7",
    groups=LONGBOW,
    modifiers=(Modifier(7),),
    total=24,
    mode="advantage",
)

JUST_DICES = DiceRoll(
    roll_id="hb-just-1",
    source=Source("owlbear", "owlbear", ref="hb-just-1"),
    actor=Actor("Rook", player_id="obr-p-7"),
    visibility="public",
    notation="2d6+3",
    total=9,
    notation_native="2d6+3",
)
