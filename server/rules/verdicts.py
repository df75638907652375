"""What a roll means, all told: the campaign's rules, the sender's word, the natural rule; and what counts."""

from __future__ import annotations

from collections.abc import Sequence

from server.rules import criticality
from server.rules.criticality import CriticalityRule, Verdict
from server.rules.dice import DiceRoll


def verdict(rules: Sequence[CriticalityRule], roll: DiceRoll, told: Verdict | None) -> Verdict | None:
    """The campaign's rules speak first; then the sender; last, without a system's presets, the natural rule.

    `told` is what the sender's software makes of it, None for a mere guess. A rule that is switched off and
    would have applied says that such a roll is nothing special, whatever the sender thinks.
    """
    found = criticality.judge(rules, roll)
    if found is not None:
        return found
    said = roll.outcome.critical or roll.outcome.fumble
    if not (told or said) and any(rule.is_system_preset for rule in rules):
        return None
    word = told or criticality.told(roll)
    if word is None or any(not rule.is_enabled and criticality.applies(rule, roll) for rule in rules):
        return None
    return word


def counts(
    roll: DiceRoll,
    verdict: Verdict | None,
    *,
    is_consistent: bool,
    is_ordered: bool,
    is_simulated: bool,
    rewards_unverified: bool,
) -> bool:
    """Whether a roll that belongs to somebody has the effects of a critical, besides being seen.

    One that does not add up, one whose result we ordered, and a test never do. Damage of a critical hit looks
    like one and has no effect of its own: the attack had it. Where a game master wrote a rule for damage, it
    has.
    """
    return (
        verdict is not None
        and (roll.kind != "damage" or bool(verdict.rule_id))
        and is_consistent
        and not is_ordered
        and not is_simulated
        and (roll.verified or rewards_unverified)
    )
