"""A rule that a game system brings along, as the files of presets write it down."""

from __future__ import annotations

from server.rules.criticality import Clause, CriticalityRule, CriticalType, ResultField, Severity
from server.rules.dice import Kind

#: A tabletop that does not say what a roll is for leaves it `custom`. Damage, healing, initiative and
#: tables are never tests, and no book knows criticals for them but where a rule says so.
TESTS: frozenset[Kind] = frozenset({"attack", "check", "save", "skill", "death_save", "custom"})
DAMAGE: frozenset[Kind] = frozenset({"damage"})


def preset(
    key: str,
    what: tuple[CriticalType, Severity, str],
    label: str,
    description: str,
    when: tuple[str | None, ResultField, str],
    *also: Clause,
    priority: int = 5,
    group: str = "",
    symbol: str = "",
    kinds: frozenset[Kind] = TESTS,
) -> CriticalityRule:
    """A preset. Until it is stored with an id of its own, its key is its id.

    `what` is type, severity and category, `when` is formula, field and condition.
    """
    critical_type, severity, category = what
    formula, result_field, result_condition = when
    return CriticalityRule(
        rule_id=key,
        preset_key=key,
        is_system_preset=True,
        critical_type=critical_type,
        severity=severity,
        category=category,
        label=label,
        description=description,
        dice_formula=formula,
        result_field=result_field,
        result_condition=result_condition,
        also=also,
        priority=priority,
        group=group,
        symbol=symbol,
        kinds=kinds,
    )
