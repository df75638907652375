"""The boards of the table as programs read them: what AsyncAPI says of dice, party, initiative and card.

Rules make these boards as plain JSON; tests hold them against the models here, which know no other member.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Instant = Annotated[str, Field(description="RFC 3339, UTC, milliseconds")]


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class DieSeen(_Closed):
    value: int = Field(description="The face; −1, 0, 1 of a Fate die")
    state: Literal["kept", "dropped", "rerolled"]
    exploded: bool = Field(description="It caused another die")
    extra: bool = Field(description="Another die caused it")
    parent: int | None = Field(description="Index in the group of the die that caused it")
    replaces: int | None = Field(description="Index in the group of the die that was rolled again")
    success: bool
    failure: bool
    symbol: str
    highest: bool = Field(description="It shows the highest face it has")


class DiceLeftOut(_Closed):
    count: int
    sum: float | None


class GroupSeen(_Closed):
    sides: int | Literal["F", "custom"]
    sign: Literal[1, -1]
    label: str
    dice: list[DieSeen] = Field(description="At most 40 over all groups")
    more: DiceLeftOut | None


class ModifierSeen(_Closed):
    value: float | None
    label: str


class CriticalSeen(_Closed):
    type: Literal["success", "failure"]
    severity: Literal["minor", "major", "extreme"]
    label: str
    category: str


class RollSeen(_Closed):
    """A public roll. What was redacted is empty or null, in the same members."""

    type: Literal["dice.roll"]
    id: str
    revision: int
    player_name: str
    character_name: str
    is_gm: bool
    label: str
    kind: str
    damage_type: str
    mode: Literal["normal", "advantage", "disadvantage", "super_advantage", "super_disadvantage"]
    notation: str
    groups: list[GroupSeen]
    modifiers: list[ModifierSeen]
    total: float | None
    successes: int | None
    success: bool | None = Field(description="Null: the tabletop does not say")
    critical: CriticalSeen | None
    verified: bool = Field(description="The value comes from a server that Hubbub trusts")
    inconsistent: bool = Field(description="Dice and total do not agree; the total is the sender's")
    seal: str | None = Field(None, description="What stood on the seal, of a secret roll that was opened")
    simulated: bool = Field(False, description="A test or a rehearsal")


class SecretSeen(_Closed):
    """A secret roll fell, and nothing more is known of it."""

    type: Literal["dice.secret"]
    id: str
    seal: str | None = Field(None, description="The first 8 characters of the commitment")
    simulated: bool = False


class ShowingSeen(_Closed):
    form: Literal["card", "row"]
    place: int = Field(description="The row, 1 to 3, that it has or a card will have; 0: none")
    starts_at: Instant
    settles_at: Instant = Field(description="The dice lie still")
    row_at: Instant | None = Field(description="When a card goes on as a row")
    ends_at: Instant
    roll: Annotated[RollSeen | SecretSeen, Field(discriminator="type")]


class CountedSeal(_Closed):
    id: str
    seal: str = Field(description="The first 8 characters of the commitment")
    starts_at: Instant = Field(description="When it begins to stand beside the count")
    ends_at: Instant


class MoreSeen(_Closed):
    count: int
    criticals: int
    until: Instant
    seals: list[CountedSeal] = Field(description="Those among them, so that each is seen")


class DiceBoard(_Closed):
    """Rolls on stream. Times may lie ahead: a critical waits for the card."""

    kind: Literal["dice"]
    phase: Literal["live"]
    showings: list[ShowingSeen]
    more: MoreSeen | None = Field(description="Rolls that found no place")


class PointsSeen(_Closed):
    current: float
    maximum: float
    temporary: float


class ConditionsChanged(_Closed):
    came: list[str]
    went: list[str]
    at: Instant


class MemberSeen(_Closed):
    id: str
    name: str
    player: str
    health: Literal["unhurt", "hurt", "bloodied", "down", "unknown"]
    hit_points: PointsSeen | None = Field(description="Null: not told, or to be hidden")
    conditions: list[str]
    news: ConditionsChanged | None


class PartyBoard(_Closed):
    kind: Literal["party"]
    phase: Literal["live"]
    members: list[MemberSeen] = Field(description="At most 6")
    more: int


class TurnSeen(_Closed):
    id: str
    name: str | None = Field(description="Null: concealed")
    character_type: Literal["pc", "npc", "monster"] | None
    initiative: float | None
    current: bool
    defeated: bool


class InitiativeBoard(_Closed):
    kind: Literal["initiative"]
    phase: Literal["live", "waiting"]
    combat_id: str
    round: int = Field(description="0: nobody has begun")
    rows: list[TurnSeen] = Field(description="At most 7, around the one at turn")
    above: int
    below: int
    turn_at: Instant | None


class LuckFigures(_Closed):
    dice: int
    luckier_than: int = Field(description="Of a hundred players with fair dice")


class CardBoard(_Closed):
    kind: Literal["card"]
    phase: Literal["shown"]
    style: Literal["luck"]
    title: str = Field(description="Empty: the page says it in the viewers' language")
    name: str
    line: str
    figures: LuckFigures
    starts_at: Instant
    ends_at: Instant
