"""What a roll looks like in the API: all of it, for whoever runs the show."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from server.rules.criticality import Verdict
from server.rules.dice import Group
from server.web.models import Model, Moment, PageQuery
from sql.dice_rolls import Roll

Visibility = Literal["public", "gm_only", "blind", "self", "whisper"]
Attribution = Literal["attributed", "pending", "dismissed"]
CriticalType = Literal["success", "failure"]
Severity = Literal["minor", "major", "extreme"]
Sides = int | Literal["F", "custom"]


class DieOut(Model):
    value: int
    state: Literal["kept", "dropped", "rerolled"]
    counts_as: float | None
    exploded: bool
    extra: bool
    parent: int | None
    replaces: int | None
    success: bool
    failure: bool
    symbol: str


class GroupOut(Model):
    sides: Sides
    count: int
    sign: Literal[1, -1]
    label: str
    dice: list[DieOut]


class ModifierOut(Model):
    value: float
    label: str


class CriticalOut(Model):
    type: CriticalType
    severity: Severity
    label: str
    category: str
    rule_id: str | None = Field(description="The campaign's rule; null: the tabletop said so")


class RollOut(Model):
    """A roll as the game master sees it, secret ones with their value."""

    id: UUID
    view_id: UUID = Field(description="What the stream calls it")
    connection_id: UUID | None = Field(description="null: by hand on the desk")
    system: str
    instance_id: str
    roll_id: str = Field(description="The tabletop's own id")
    revision: int
    visibility: Visibility
    player_name: str
    is_gm: bool
    character_id: UUID | None
    character_name: str
    channel_id: UUID | None = Field(description="Of the streamer whose character it is")
    attribution: Attribution = Field(description="pending: nobody knows yet whose it is")
    label: str
    kind: str
    damage_type: str
    mode: str
    notation: str
    groups: list[GroupOut]
    modifiers: list[ModifierOut]
    total: float | None
    successes: int | None
    success: bool | None
    target: float | None
    critical: CriticalOut | None
    inconsistencies: list[str] = Field(
        description="What does not add up; with any it is rewarded with nothing"
    )
    anomalies: list[Literal["late", "out_of_order", "repeated", "changed"]] = Field(
        description="What is odd about a roll that its sender could have made up: it fell more than two "
        "minutes ago; before one that came earlier; the same dice fell at the same instant under another "
        "id, which is rewarded with nothing; a revision has changed its value"
    )
    verified: bool
    forced: bool = Field(description="We ordered it ourselves: it triggers nothing")
    simulated: bool
    details: dict[str, str]
    seal: str | None = Field(description="The commitment of a sealed roll")
    shown_at: Moment | None = Field(description="When its value came onto the stream")
    revealed_at: Moment | None
    effects_at: Moment | None = Field(description="When its critical had its effects")
    rolled_at: Moment
    received_at: Moment


class RollQuery(PageQuery):
    """Which rolls."""

    pending: bool | None = Field(default=None, description="true: only those that wait for you")
    hidden: bool | None = Field(default=None, description="false: without secret ones")


class AttributeIn(Model):
    character_id: UUID
    effects: bool = Field(
        default=True, description="Whether it now goes on stream and its critical counts, if it would have"
    )


class ProofOut(Model):
    """What `hubbub verify` reads."""

    format: str
    commitment: str
    nonce: str
    roll: dict[str, Any]


def shown(row: Roll) -> RollOut:
    """A stored roll as the API answers it."""
    roll = row.roll
    return RollOut(
        id=row.id,
        view_id=row.view_id,
        connection_id=row.connection_id,
        system=roll.source.system,
        instance_id=roll.source.instance_id,
        roll_id=roll.roll_id,
        revision=roll.revision,
        visibility=roll.visibility,
        player_name=roll.actor.player_name,
        is_gm=roll.actor.is_gm,
        character_id=row.character_id,
        character_name=roll.actor.character_name,
        channel_id=row.channel_id,
        attribution=row.attribution,
        label=roll.label,
        kind=roll.kind,
        damage_type=roll.damage_type,
        mode=roll.mode,
        notation=roll.notation,
        groups=[group(one) for one in roll.groups],
        modifiers=[ModifierOut(value=one.value, label=one.label) for one in roll.modifiers],
        total=roll.total,
        successes=roll.successes,
        success=roll.outcome.success,
        target=roll.outcome.target,
        critical=None if row.verdict is None else critical(row.verdict),
        inconsistencies=list(row.inconsistencies),
        anomalies=list(row.anomalies),
        verified=roll.verified,
        forced=row.command_id is not None,
        simulated=row.simulated,
        details=dict(row.details or {}),
        seal=None if row.seal is None else row.seal.commitment,
        shown_at=row.shown_at,
        revealed_at=row.revealed_at,
        effects_at=row.effects_at,
        rolled_at=row.rolled_at,
        received_at=row.received_at,
    )


def critical(verdict: Verdict) -> CriticalOut:
    return CriticalOut(
        type=verdict.type,
        severity=verdict.severity,
        label=verdict.label,
        category=verdict.category,
        rule_id=verdict.rule_id or None,
    )


def group(of: Group) -> GroupOut:
    return GroupOut(
        sides=of.sides,
        count=of.count,
        sign=of.sign,
        label=of.label,
        dice=[DieOut(**asdict(die)) for die in of.dice],
    )
