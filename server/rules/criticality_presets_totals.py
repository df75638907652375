"""Presets of systems that roll one die or add a few: d20, d100, trait die, 2d6, 2d10, Fate.

The comments name the rule of the system's own book.
"""

from __future__ import annotations

from server.rules.criticality import Clause
from server.rules.criticality_preset import DAMAGE, preset

# Player's Handbook 2014 and 2024: a 20 on the d20 of an attack hits critically, a 1 misses; of a death save
# it brings back to life or counts twice. For checks and saves it is the habit of the table, as originally.
DND5E = (
    preset(
        "dnd5e.natural_20",
        ("success", "major", "nat20"),
        "Natural 20",
        "The d20 shows 20, or the tabletop calls the attack a critical hit.",
        ("d20", "natural", "== 20"),
    ),
    preset(
        "dnd5e.natural_1",
        ("failure", "major", "nat1"),
        "Natural 1",
        "The d20 shows 1.",
        ("d20", "natural", "== 1"),
    ),
)

# Player Core: ten above the DC is a critical success, ten below a critical failure; 20 and 1 move a step.
PF2E = (
    preset(
        "pf2e.critical_success",
        ("success", "major", "degree_3"),
        "Critical success",
        "Ten above the DC, or a natural 20 that makes a success better.",
        ("d20", "degree", "== 3"),
    ),
    preset(
        "pf2e.critical_failure",
        ("failure", "major", "degree_0"),
        "Critical failure",
        "Ten below the DC, or a natural 1 that makes a failure worse.",
        ("d20", "degree", "== 0"),
    ),
)

# Keeper Rulebook, 7th edition: 01 is a critical; 100 is a fumble, and so is 96 when less than 50 was needed.
COC7 = (
    preset(
        "CoC7.critical",
        ("success", "extreme", "coc_critical"),
        "Critical: 01",
        "The dice show 01.",
        ("d100", "total", "== 1"),
    ),
    preset(
        "CoC7.fumble",
        ("failure", "extreme", "coc_fumble"),
        "Fumble: 100",
        "The dice show 100.",
        ("d100", "total", "== 100"),
        priority=6,
    ),
    preset(
        "CoC7.fumble_low_skill",
        ("failure", "extreme", "coc_fumble"),
        "Fumble",
        "96 or more where less than 50 was needed.",
        ("d100", "total", ">= 96"),
        Clause("target", "< 50"),
    ),
)

# WFRP 4th edition, core rules: any double on a passed test is a Critical, on a failed one a Fumble; 96–00
# always fails. Whether another double passed only the tabletop can tell, or its target number.
WFRP4E = (
    preset(
        "wfrp4e.high_double",
        ("failure", "major", "doubles_failure"),
        "Fumble",
        "99 or 00: always a failure, and a double.",
        ("d100", "total", ">= 96"),
        Clause("doubles", "== 1"),
        priority=6,
    ),
    preset(
        "wfrp4e.critical",
        ("success", "major", "doubles_success"),
        "Critical",
        "A double on a passed test.",
        ("d100", "doubles", "== 1"),
        Clause("succeeded", "== 1"),
    ),
    preset(
        "wfrp4e.fumble",
        ("failure", "major", "doubles_failure"),
        "Fumble",
        "A double on a failed test.",
        ("d100", "doubles", "== 1"),
        Clause("failed", "== 1"),
    ),
)

# SWADE: a die that shows its highest face aces and is rolled again; ones on trait die and wild die together
# are a critical failure. An extra has no wild die, and what its 1 means takes another roll: no rule here.
SWADE = (
    preset(
        "swade.ace",
        ("success", "minor", "ace"),
        "Ace",
        "A kept die shows its highest face.",
        (None, "count_max", ">= 1"),
    ),
    preset(
        "swade.critical_failure",
        ("failure", "major", "swade_fumble"),
        "Critical failure",
        "Snake eyes: trait die and wild die both show 1.",
        (None, "snake_eyes", "== 1"),
    ),
)

# Cyberpunk RED: a 10 on the d10 adds another d10, a 1 takes one away; two sixes in damage injure critically.
CYBERPUNK = (
    preset(
        "cyberpunk-red.critical_success",
        ("success", "major", "cpred_crit"),
        "Critical success",
        "The first d10 shows 10.",
        ("d10", "first_die", "== 10"),
    ),
    preset(
        "cyberpunk-red.critical_failure",
        ("failure", "major", "cpred_fumble"),
        "Critical failure",
        "The first d10 shows 1.",
        ("d10", "first_die", "== 1"),
    ),
    preset(
        "cyberpunk-red.critical_injury",
        ("success", "major", "cpred_injury"),
        "Critical injury",
        "Two or more dice of damage show 6.",
        ("d6", "count_max", ">= 2"),
        kinds=DAMAGE,
    ),
)


# Fate Core: four dice from −4 to +4. The book knows no criticals; the ends of the scale are the rarest rolls.
FATE = (
    preset(
        "fate.best",
        ("success", "major", "fate_extreme"),
        "Four pluses",
        "The dice come to +4, whatever the skill.",
        ("4dF", "dice_sum", "== 4"),
    ),
    preset(
        "fate.worst",
        ("failure", "major", "fate_extreme"),
        "Four minuses",
        "The dice come to −4, whatever the skill.",
        ("4dF", "dice_sum", "== -4"),
    ),
)

# KULT: Divinity Lost, 2d10: 15 and more is a complete success, 9 and less a failure. Both are frequent, so
# both are minor.
KULT = (
    preset(
        "kult.complete_success",
        ("success", "minor", "kult_success"),
        "Complete success",
        "15 or more.",
        ("2d10", "total", ">= 15"),
    ),
    preset(
        "kult.failure",
        ("failure", "minor", "kult_failure"),
        "Failure",
        "9 or less: the game master makes a move.",
        ("2d10", "total", "<= 9"),
    ),
)

# City of Mist, 2d6 and power: 10 and more hits strongly, 6 and less misses; 12 and more is dynamite where the
# move has been improved so far.
MIST = (
    preset(
        "mist.dynamite",
        ("success", "major", "mist_dynamite"),
        "Dynamite",
        "12 or more.",
        ("2d6", "total", ">= 12"),
        priority=6,
    ),
    preset(
        "mist.strong_hit",
        ("success", "minor", "mist_success"),
        "Strong hit",
        "10 or more.",
        ("2d6", "total", ">= 10"),
    ),
    preset(
        "mist.miss",
        ("failure", "minor", "mist_failure"),
        "Miss",
        "6 or less.",
        ("2d6", "total", "<= 6"),
    ),
)
