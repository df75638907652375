"""The table on stream as boards that the real rules make: rolls, the party, a fight, the luckiest dice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from server.rules import card_board, dice_stage, initiative_board, party_board
from server.rules.combat import Combat, Combatant, HitPoints, concealed
from server.rules.criticality import CriticalType, Severity, Verdict
from server.rules.dice import Actor, DiceRoll, Die, Group, Modifier, Outcome, Sides, Source
from server.rules.dice_view import public_view, secret_notice
from server.rules.fairness import Luck
from server.rules.party_board import Member
from server.rules.sealed import seal
from tests.browser.overlay_harness import Json, OverlayServer
from tests.browser.overlay_scenes import EMOJI, MONSTROUS, RTL, ZALGO

SOURCE = Source("foundry", "mossy-world")
#: Names that break out of lines, directions and boxes, or are no names at all.
HOSTILE = (
    "<img src=x onerror=window.pwned=1>",
    "<script>window.pwned=1</script>",
    MONSTROUS,
    RTL,
    ZALGO,
    EMOJI,
    "\u0000\u200b",
    "'\"><svg onload=window.pwned=1>",
)


def dice(sides: Sides, *values: int | Die, count: int | None = None, label: str = "") -> Group:
    fell = tuple(value if isinstance(value, Die) else Die(value) for value in values)
    return Group(sides, len(fell) if count is None else count, fell, label=label)


def roll(
    notation: str, total: float | None, *groups: Group, name: str = "Rook Feather", **more: Any
) -> DiceRoll:
    values: dict[str, Any] = {"kind": "check", "label": "Stealth", "verified": True} | more
    actor = Actor(values.pop("player", "Ana"), character_name=name)
    if total is not None:
        flat = total - sum(group.subtotal for group in groups)
        values.setdefault("modifiers", (Modifier(flat),) if flat else ())
    values.setdefault("roll_id", f"{name}:{notation}:{total}")
    return DiceRoll(
        source=SOURCE,
        actor=actor,
        visibility="public",
        notation=notation,
        groups=groups,
        total=total,
        **values,
    )


def verdict(
    type_: CriticalType = "success", severity: Severity = "major", label: str = "", category: str = ""
) -> Verdict:
    general = "generic_success" if type_ == "success" else "generic_failure"
    return Verdict(type_, severity, label or "Critical", "", "rule", category or general)


def view(rolled: DiceRoll, judged: Verdict | None = None, **more: Any) -> Json:
    found = public_view(rolled, judged)
    assert found is not None
    return {**found, **more}


def secret(id_: str = "v1", sealed_: bool = True) -> Json:
    hidden = replace(roll("1d20+4", 19, dice(20, 15)), visibility="gm_only")
    notice = secret_notice(hidden, id_, seal(hidden, b"n" * 32) if sealed_ else None)
    assert notice is not None
    return dict(notice)


SEAL = str(secret()["seal"])


def played(now: datetime, *steps: tuple[float, Json]) -> Json:
    """The dice board after rolls that fell so many seconds ago."""
    stage = dice_stage.EMPTY
    for ago, shown in steps:
        stage = dice_stage.add(stage, shown, now - timedelta(seconds=ago))
    board = dice_stage.board(stage)
    assert board is not None
    return dict(board)


def held(server: OverlayServer, rolls: Json) -> Json:
    """The same rolls, but they stay: a busy machine may need longer for a picture than a roll is held."""
    later = server.at(120)
    showings = [showing | {"ends_at": later} for showing in rolls["showings"]]
    if rolls["more"] is None:
        return rolls | {"showings": showings}
    first = [seal | {"ends_at": later} for seal in rolls["more"]["seals"][: dice_stage.SEALS_ABREAST]]
    return rolls | {"showings": showings, "more": rolls["more"] | {"until": later, "seals": first}}


def one(shown: Json, ago: float = 2.4) -> Callable[[OverlayServer], Json]:
    return lambda server: {"dice": played(server.now(), (ago, shown))}


NATURAL_20 = view(
    roll("1d20+7", 27, dice(20, 20), label="Longbow", kind="attack", outcome=Outcome(success=True)), verdict()
)
NATURAL_1 = view(
    roll(
        "1d20+3", 4, dice(20, 1), name="Brom Ironkettle", label="Persuasion", outcome=Outcome(success=False)
    ),
    verdict("failure"),
)
ADVANTAGE = view(roll("2d20kh1+5", 22, dice(20, Die(6, "dropped"), 17), mode="advantage", name="Tamsin Vale"))
EXPLODING = view(
    roll(
        "8d6x",
        47,
        dice(
            *(
                6,
                Die(6, exploded=True),
                Die(6, extra=True, exploded=True, parent=0),
                Die(4, extra=True, parent=1),
            ),
            *(2, 5, Die(6, exploded=True), Die(3, extra=True, parent=6), 1, 5, 3, 6),
            count=8,
        ),
        name="Krag the Loud",
        label="Wild swing",
        kind="damage",
    )
)
FATE = view(roll("4dF+2", 4, dice("F", 1, 1, 0, 0), name="Zofia", label="Clever"))
HITS = view(
    roll(
        "9d10cs>=8",
        None,
        dice(
            10,
            *(Die(v, success=v >= 8, failure=v == 1) for v in (8, 10, 3, 1, 9, 6)),
            Die(2, "rerolled"),
            Die(7, replaces=6),
        ),
        successes=3,
        name="Marcus",
        label="Brawl",
        verified=False,
    )
)
PERCENT = view(
    roll("1d100", 4, dice(100, 4), name="Dr. Armitage", label="Library Use", outcome=Outcome(success=True))
)
EXTREME = view(
    roll("1d100", 1, dice(100, 1), name="Dr. Armitage", label="Spot Hidden", outcome=Outcome(success=True)),
    verdict("success", "extreme"),
)
MINOR = view(
    roll("1d8+1d6+4", 18, dice(8, 8), dice(6, 6), name="Zofia", label="Shooting"),
    verdict("success", "minor", "Ace", "ace"),
)
DISASTER = view(
    roll("4d6", 6, dice(6, 1, 1, 1, 3), name="Lt. Vance", label="Ranged combat", verified=False),
    verdict("failure", "extreme", "Double glitch on the bridge", "glitch"),
)
OPENED = view(roll("1d20+4", 19, dice(20, 15), label="Insight"), seal=SEAL)
ODD = view(
    roll(
        "1d12+1d4+1d8+1d10-2",
        40,
        *(dice(12, 11), dice(4, 3), dice(8, 7), dice(10, 10)),
        label="Chaos bolt",
        kind="damage",
        damage_type="force",
        modifiers=(Modifier(-2),),
    )
)
MANY = view(
    roll("1000d6", 3487, dice(6, *((n * 7) % 6 + 1 for n in range(1000))), name="Swarm", kind="damage")
)


def _burst(server: OverlayServer) -> Json:
    names = ("Rook Feather", "Brom Ironkettle", "Tamsin Vale", "Zofia", "Krag the Loud")
    rolls = [
        view(
            roll(
                f"1d20+{n + 1}",
                9 + n * 2,
                dice(20, 8 + n),
                name=names[n % 5],
                label="Initiative",
                roll_id=f"b{n}",
            )
        )
        for n in range(10)
    ]
    return {"dice": played(server.now(), *((2.0 - n * 0.05, shown) for n, shown in enumerate(rolls)))}


def _sealed(server: OverlayServer) -> Json:
    """A game master who rolls for nine goblins behind the screen."""
    notices = [secret(f"g{n}") | {"seal": f"{n + 1}c41d07{9 - n}"} for n in range(9)]
    return {"dice": played(server.now(), *((1.5 - n * 0.02, notice) for n, notice in enumerate(notices)))}


def members() -> list[Member]:
    return [
        Member("c1", "Rook Feather", "ana", HitPoints(31, 31)),
        Member("c2", "Brom Ironkettle", "bela", HitPoints(18, 52, 5), conditions=("Poisoned", "Prone")),
        Member("c3", "Tamsin Vale", "cleo", HitPoints(9, 27), True, ("Frightened",)),
        Member("c4", "Zofia", "dan", HitPoints(0, 24), conditions=("Unconscious",)),
        Member(
            "c5",
            "Krag the Loud",
            "eli",
            HitPoints(61, 84),
            conditions=("Raging", "Blessed", "Stunned", "Hexed"),
        ),
        Member("c6", "Sister Maribel of the Long Name", "fay", HitPoints(22, 30), True),
    ]


def _party(server: OverlayServer) -> Json:
    shown = members()
    before = party_board.board([replace(shown[1], conditions=("Prone",)), *shown[2:]])
    return {"party": party_board.board(shown, server.now() - timedelta(seconds=1.5), before)}


def fight(current: str = "m1", round_: int = 3) -> Combat:
    order = (
        Combatant("c1", "Rook Feather", initiative=23, character_type="pc"),
        Combatant("m1", "Vampire", initiative=19, character_type="monster"),
        Combatant("c3", "Tamsin Vale", initiative=17.5, character_type="pc"),
        Combatant("m2", "Dire Wolf", initiative=14, character_type="monster", defeated=True),
        Combatant("m3", "Strahd", initiative=12, character_type="monster", hidden=True),
        Combatant("n1", "Ireena", initiative=11, character_type="npc"),
        Combatant("c2", "Brom Ironkettle", initiative=8, character_type="pc"),
        Combatant("c5", "Krag the Loud", initiative=4, character_type="pc"),
        Combatant("m4", "Zombie", initiative=-1, character_type="monster"),
    )
    return Combat("f1", round_, order, current)


def turns(combat: Combat, at: datetime, before: Json | None = None) -> Json:
    """The list where the game master has shown everybody whom the tabletop does not hide."""
    hidden = concealed(combat, {}, conceals_monsters=False)
    return dict(initiative_board.board(combat, at, before, concealed=hidden) or {})


def _initiative(server: OverlayServer) -> Json:
    return {"initiative": turns(fight(), server.now() - timedelta(seconds=3))}


def _luck(server: OverlayServer) -> Json:
    return {
        "card": card_board.luck_card(Luck("k", "Tamsin Vale", 2.1, 140), server.now() - timedelta(seconds=1))
    }


def _table(server: OverlayServer) -> Json:
    return _party(server) | _initiative(server) | _burst(server)


def _hostile(server: OverlayServer) -> Json:
    now = server.now()
    rolls = [
        view(
            roll("1d20+7", 27, dice(20, 20), name=name, label=name, roll_id=f"h{n}", player=name),
            verdict(label=name, category="own") if n == 0 else None,
        )
        for n, name in enumerate(HOSTILE)
    ]
    party = [
        Member(f"h{n}", name, name, HitPoints(1e9, 9e12), conditions=(name,) * 3)
        for n, name in enumerate(HOSTILE)
    ]
    order = tuple(Combatant(f"h{n}", name, initiative=1e9) for n, name in enumerate(HOSTILE))
    return {
        "dice": played(now, *((2.4 - n * 0.01, shown) for n, shown in enumerate(rolls))),
        "party": party_board.board(party[:6]),
        "initiative": turns(Combat("h", 10**9, order, "h3"), now - timedelta(seconds=5)),
    }


@dataclass(frozen=True, slots=True)
class Scene:
    """A state by name: its boards, a text that proves it is on screen, and the look of the overlay."""

    name: str
    boards: Callable[[OverlayServer], Json]
    says: str
    layout: Json = field(default_factory=dict)
    size: tuple[int, int] = (1920, 1080)


#: What the issue asks pictures of.
ASKED = (
    Scene("natural-20", one(NATURAL_20), "CRITICAL"),
    Scene("natural-1", one(NATURAL_1), "FUMBLE"),
    Scene("advantage", one(ADVANTAGE), "Tamsin"),
    Scene("exploding", one(EXPLODING), "Krag"),
    Scene("fate", one(FATE), "Zofia"),
    Scene("sealed", one(secret()), SEAL),
    Scene("burst", _burst, "+6 more"),
    Scene("burst-sealed", _sealed, "5c41d075 6c41d074 7c41d073"),
    Scene("party", _party, "Poisoned"),
    Scene("initiative", _initiative, "???"),
)
OTHERS = (
    Scene("secret", one(secret(sealed_=False)), "Secret roll"),
    Scene("opened", one(OPENED), f"Seal {SEAL}"),
    Scene("percent", one(PERCENT), "Library"),
    Scene("hits", one(HITS), "successes"),
    Scene("odd-dice", one(ODD), "dice ≠ total"),
    Scene("many", one(MANY), "Swarm"),
    Scene("critical-extreme", one(EXTREME), "CRITICAL"),
    Scene("critical-minor", one(MINOR), "ACE"),
    Scene("fumble-extreme", one(DISASTER), "FUMBLE"),
    Scene("test", one({**ADVANTAGE, "simulated": True}), "SIMULATED"),
    Scene("luck", _luck, "Luckier"),
    Scene("table", _table, "Round 3"),
    Scene("hostile", _hostile, "onerror"),
    Scene("left", one(NATURAL_20), "CRITICAL", {"anchor": "bottom-right"}),
    Scene("vertical", _table, "Round 3", {"stage": "vertical"}, (1080, 1920)),
    Scene("german", one({**NATURAL_20, "verified": False}), "KRITISCH", {"lang": "de"}),
)
THEMED = tuple(
    Scene(f"{theme}-{scene.name}", scene.boards, scene.says, {"theme": theme})
    for theme in ("paper", "arcade")
    for scene in (*ASKED, *OTHERS)
    if scene.name in ("natural-20", "natural-1", "exploding", "sealed", "table")
)
