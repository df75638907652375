"""What a criticality rule looks like in the API, in and out."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, Field

from server.rules.criticality import RESULT_FIELDS, Clause, CriticalityRule, condition
from server.web.api.roll_models import CriticalOut, CriticalType, GroupOut, ModifierOut, Severity
from server.web.models import Clean, Model, absent

Kind = Literal[
    "attack", "damage", "healing", "check", "save", "skill", "initiative", "death_save", "custom", "table"
]
ResultField = Literal[
    "max_die", "min_die", "total", "any_die", "first_die", "dice_sum", "count_max", "count_min",
    "share_ones", "rerolls", "count_symbol", "natural", "degree", "doubles", "snake_eyes", "successes",
    "target", "succeeded", "failed",
]  # fmt: skip
assert set(RESULT_FIELDS) == set(ResultField.__args__)  # type: ignore[attr-defined]  # noqa: S101


def _condition(text: str) -> str:
    condition(text)
    return text.strip()


Condition = Annotated[str, Field(max_length=32, description="Such as `>= 18`"), AfterValidator(_condition)]
Formula = Annotated[
    str, Clean(50), Field(description="Rolls that it means, such as `1d20`; null or `*`: all")
]
Label = Annotated[str, Clean(255)]
Description = Annotated[str, Clean(1000, least=0)]
Word = Annotated[str, Clean(64, least=0)]
Symbol = Annotated[str, Clean(32, least=0)]
Priority = Annotated[int, Field(ge=0, le=1000, description="Higher ones are asked first")]
GameSystem = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._-]+$")]


class ClauseModel(Model):
    """Something that must hold besides."""

    result_field: ResultField
    condition: Condition
    group: Word = ""
    symbol: Symbol = ""


Also = Annotated[list[ClauseModel], Field(max_length=7)]
Kinds = Annotated[list[Kind], Field(max_length=10, description="Only rolls of these kinds; empty: all")]


class CriticalityRuleIn(Model):
    dice_formula: Formula | None = None
    result_field: ResultField
    result_condition: Condition
    critical_type: CriticalType
    severity: Severity = "major"
    label: Label
    description: Description = ""
    category: Word = ""
    group: Word = Field(default="", description="Only dice whose label has this word")
    symbol: Symbol = Field(default="", description="For count_symbol")
    also: Also = Field(default=[])
    kinds: Kinds = Field(default=[])
    priority: Priority = 0
    is_enabled: bool = True


class CriticalityRulePatch(Model):
    dice_formula: Formula | None = absent()
    result_field: ResultField = absent()
    result_condition: Condition = absent()
    critical_type: CriticalType = absent()
    severity: Severity = absent()
    label: Label = absent()
    description: Description = absent()
    category: Word = absent()
    group: Word = absent()
    symbol: Symbol = absent()
    also: Also = absent()
    kinds: Kinds = absent()
    priority: Priority = absent()
    is_enabled: bool = absent()


class CriticalityRuleOut(Model):
    id: UUID
    preset_key: str | None = Field(description="Of a rule that the game system brought along")
    is_system_preset: bool
    edited: bool = Field(description="A preset that you changed; it stays as you left it")
    dice_formula: str | None
    result_field: ResultField
    result_condition: str
    critical_type: CriticalType
    severity: Severity
    label: str
    description: str
    category: str
    group: str
    symbol: str
    also: list[ClauseModel]
    kinds: list[Kind]
    priority: int
    is_enabled: bool


class PresetsIn(Model):
    game_system: GameSystem


class PresetsOut(Model):
    game_system: str
    rules: list[CriticalityRuleOut] = Field(description="All rules of the campaign after that")


class TryIn(Model):
    """A roll that nobody made: as notation, with faces if you like, or in the neutral form of the webhook."""

    notation: Annotated[str, Field(min_length=1, max_length=256)] | None = None
    faces: Annotated[list[Annotated[int, Field(ge=-1, le=10_000)]], Field(max_length=1000)] = Field(
        default=[],
        description="What the dice show, in the order in which they fall; the rest falls by chance",
    )
    kind: Kind = "check"
    target: float | None = Field(default=None, description="The number to reach, or to stay under")
    success: bool | None = Field(default=None, description="Whether the roll succeeded, if that is known")
    roll: dict[str, Any] | None = Field(default=None, description="`hubbub.dice_roll/1`")


class TriedOut(Model):
    notation: str
    groups: list[GroupOut]
    modifiers: list[ModifierOut]
    total: float | None
    successes: int | None
    inconsistencies: list[str]
    critical: CriticalOut | None
    matching: list[CriticalityRuleOut] = Field(
        description="Every rule that holds, switched on or not, in the order in which they are asked"
    )


def shown(rule: CriticalityRule) -> CriticalityRuleOut:
    return CriticalityRuleOut(
        id=UUID(rule.rule_id),
        preset_key=rule.preset_key,
        is_system_preset=rule.is_system_preset,
        edited=rule.edited,
        dice_formula=rule.dice_formula,
        result_field=rule.result_field,
        result_condition=rule.result_condition,
        critical_type=rule.critical_type,
        severity=rule.severity,
        label=rule.label,
        description=rule.description,
        category=rule.category,
        group=rule.group,
        symbol=rule.symbol,
        also=[
            ClauseModel(
                result_field=clause.result_field,
                condition=clause.condition,
                group=clause.group,
                symbol=clause.symbol,
            )
            for clause in rule.also
        ],
        kinds=sorted(rule.kinds),
        priority=rule.priority,
        is_enabled=rule.is_enabled,
    )


def values(body: CriticalityRuleIn | CriticalityRulePatch) -> dict[str, Any]:
    """The fields that were given, as those of a CriticalityRule."""
    given = body.model_dump(exclude_unset=isinstance(body, CriticalityRulePatch))
    if "also" in given:
        given["also"] = tuple(Clause(**clause) for clause in given["also"])
    if "kinds" in given:
        given["kinds"] = frozenset(given["kinds"])
    return given
