"""Presets of systems that roll a pool and count faces or symbols.

The comments name the rule of the system's own book.
"""

from __future__ import annotations

from server.rules.criticality import Clause, CriticalityRule, ResultField
from server.rules.criticality_preset import preset


def _sixes(family: str, category: str, *, more: int, one: int) -> tuple[CriticalityRule, ...]:
    """Year Zero Engine: a six succeeds, further ones buy effects. One is minor, two and more are major.

    `more` and `one` are the priorities of the two.
    """
    return (
        preset(
            f"{family}.sixes",
            ("success", "major", category),
            "Two sixes or more",
            "A success with something on top.",
            ("d6", "count_max", ">= 2"),
            priority=more,
        ),
        preset(
            f"{family}.six",
            ("success", "minor", category),
            "A six",
            "The test succeeds.",
            ("d6", "count_max", ">= 1"),
            priority=one,
        ),
    )


# Alien RPG: a 1 means something on a stress die only, and then panic, whatever the sixes say.
ALIEN = (
    preset(
        "alienrpg.panic",
        ("failure", "major", "facehugger"),
        "Panic",
        "A stress die shows 1.",
        ("d6", "count_min", ">= 1"),
        priority=7,
        group="stress",
    ),
    *_sixes("alienrpg", "alien_success", more=6, one=5),
)

# Forbidden Lands: ones hurt after a push only, and only on base dice (the attribute) and gear dice. Where a
# roll shows both, what is major is told, and of equals the six.
_PUSHED = Clause("rerolls", ">= 1")
FORBIDDEN_LANDS = (
    *_sixes("forbidden-lands", "yz_triumph", more=8, one=6),
    preset(
        "forbidden-lands.banes",
        ("failure", "major", "yz_bane"),
        "Two banes or more",
        "After a push two or more base or gear dice show 1.",
        ("d6", "count_min", ">= 2"),
        _PUSHED,
        priority=7,
        group="base|attribute|gear",
    ),
    preset(
        "forbidden-lands.bane",
        ("failure", "minor", "yz_bane"),
        "Bane",
        "After a push a base or gear die shows 1.",
        ("d6", "count_min", ">= 1"),
        _PUSHED,
        group="base|attribute|gear",
    ),
)

# Vaesen: ones mean nothing at all. Who pushes takes a condition, for nothing if no six comes then.
VAESEN = (
    *_sixes("vaesen", "yz_triumph", more=6, one=5),
    preset(
        "vaesen.pushed_in_vain",
        ("failure", "major", "yz_bane"),
        "Pushed in vain",
        "Rolled again, and still no six.",
        ("d6", "max_die", "<= 5"),
        _PUSHED,
    ),
)

# Blades in the Dark: the highest die counts; two sixes are a critical, 1 to 3 is the bad outcome. With no
# dice two are rolled and the lower one is kept, so that such a roll never is critical.
BLADES = (
    preset(
        "blades.critical",
        ("success", "major", "bitd_critical"),
        "Critical",
        "Two sixes or more.",
        ("d6", "count_max", ">= 2"),
    ),
    preset(
        "blades.bad_outcome",
        ("failure", "major", "bitd_desperate"),
        "Bad outcome",
        "No die shows more than 3.",
        ("d6", "max_die", "<= 3"),
    ),
)

# Vampire 5th edition: a pair of tens is a critical win, messy with a ten on a hunger die; a failed test with
# a 1 on a hunger die is a bestial failure; without one success (6 and more) it is a total failure.
_NOT_FAILED = Clause("failed", "== 0")
_NO_SUCCESS = Clause("max_die", "<= 5")
VAMPIRE = (
    preset(
        "v5.messy_critical",
        ("success", "extreme", "messy_critical"),
        "Messy critical",
        "Two tens, one of them on a hunger die.",
        ("d10", "count_max", ">= 1"),
        Clause("count_max", ">= 2"),
        _NOT_FAILED,
        priority=8,
        group="hunger",
    ),
    preset(
        "v5.critical",
        ("success", "major", "vtm_critical"),
        "Critical",
        "Two tens or more.",
        ("d10", "count_max", ">= 2"),
        _NOT_FAILED,
        priority=7,
    ),
    preset(
        "v5.bestial_failure",
        ("failure", "extreme", "bestial_failure"),
        "Bestial failure",
        "The test failed and a hunger die shows 1.",
        ("d10", "count_min", ">= 1"),
        Clause("failed", "== 1"),
        priority=6,
        group="hunger",
    ),
    preset(
        "v5.bestial_total_failure",
        ("failure", "extreme", "bestial_failure"),
        "Bestial failure",
        "No die shows a success and a hunger die shows 1.",
        ("d10", "count_min", ">= 1"),
        _NO_SUCCESS,
        priority=6,
        group="hunger",
    ),
    preset(
        "v5.total_failure",
        ("failure", "major", "vtm_failure"),
        "Total failure",
        "No die shows a success.",
        ("d10", "max_die", "<= 5"),
    ),
)

# Shadowrun 5 and 6: more than half of the dice show 1 (in the 4th edition it was half or more); critical
# without a hit.
SHADOWRUN = (
    preset(
        "shadowrun.critical_glitch",
        ("failure", "extreme", "critical_glitch"),
        "Critical glitch",
        "More than half of the dice show 1, and none shows 5 or 6.",
        ("d6", "share_ones", "> 0.5"),
        Clause("max_die", "<= 4"),
        priority=6,
    ),
    preset(
        "shadowrun.glitch",
        ("failure", "major", "glitch"),
        "Glitch",
        "More than half of the dice show 1.",
        ("d6", "share_ones", "> 0.5"),
    ),
)

# Star Wars (Edge of the Empire and its siblings) and Genesys: Triumph and Despair do not cancel each other.
_SHOWN: tuple[None, ResultField, str] = (None, "count_symbol", ">= 1")
_DESPAIR = Clause("count_symbol", ">= 1", symbol="despair")
NARRATIVE = (
    preset(
        "narrative.both_failed",
        ("failure", "extreme", "triumph_and_despair"),
        "Triumph and despair",
        "The check failed with a triumph and a despair.",
        _SHOWN,
        _DESPAIR,
        Clause("failed", "== 1"),
        symbol="triumph",
        priority=7,
    ),
    preset(
        "narrative.both",
        ("success", "extreme", "triumph_and_despair"),
        "Triumph and despair",
        "A triumph and a despair.",
        _SHOWN,
        _DESPAIR,
        symbol="triumph",
        priority=6,
    ),
    preset(
        "narrative.triumph",
        ("success", "major", "triumph"),
        "Triumph",
        "A die shows a triumph.",
        _SHOWN,
        symbol="triumph",
    ),
    preset(
        "narrative.despair",
        ("failure", "major", "despair"),
        "Despair",
        "A die shows a despair.",
        _SHOWN,
        symbol="despair",
    ),
)
