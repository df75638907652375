"""What may be asked of a paired table, and how it stands (vtt-wire-protocol §6)."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias
from uuid import UUID

from pydantic import Field

from server.web.models import Clean, Model, Moment

#: An id of the table's own.
VttId: TypeAlias = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+$")]
Text: TypeAlias = Annotated[str, Clean(200)]
Color: TypeAlias = Annotated[str, Field(pattern=r"^#[0-9A-Fa-f]{6}$")]
#: The module takes 0 for "not given".
Bonus: TypeAlias = Annotated[int, Field(ge=1, le=1000)]


class RollDice(Model):
    """Rolls at the table; with a forced result the first die shows that."""

    kind: Literal["roll_dice"]
    formula: Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[ -~]+$")]
    forced_result: int | None = Field(default=None, ge=-10_000, le=10_000)
    flavor: Text | None = None
    actor_id: VttId | None = None


class ChatMessage(Model):
    """Says something in the table's chat; plain text, whatever is in it."""

    kind: Literal["chat_message"]
    content: Annotated[str, Clean(2000)]
    alias: Annotated[str, Clean(64)] | None = None
    actor_id: VttId | None = None


class DeleteMessage(Model):
    """Deletes a message of the table's chat."""

    kind: Literal["delete_message"]
    message_id: VttId


class ModifyActor(Model):
    """Changes an actor of the table, as its system has it."""

    kind: Literal["modify_actor"]
    actor_id: VttId
    updates: dict[Annotated[str, Field(min_length=1, max_length=200)], Any] = Field(
        min_length=1, max_length=50, description="At most 8 KiB; the keys are the table's own"
    )


class SpellEffect(Model):
    """`disable` for a time; `buff` and `debuff` until the next cast."""

    type: Literal["disable", "buff", "debuff"]
    duration_s: int | None = Field(default=None, ge=1, le=86_400, description="Of disable; 600 by default")
    bonus_type: Literal["advantage", "bonus"] | None = Field(default=None, description="Of buff")
    bonus: Bonus | None = Field(default=None, description="Of buff; 2 by default")
    penalty_type: Literal["disadvantage", "penalty"] | None = Field(default=None, description="Of debuff")
    penalty: Bonus | None = Field(default=None, description="Of debuff; 2 by default")
    highlight_color: Color | None = None
    triggered_by: Annotated[str, Clean(64)] | None = Field(default=None, description="Who did it")


class ApplySpellEffect(Model):
    """Replaces any earlier effect on the spell."""

    kind: Literal["apply_spell_effect"]
    actor_id: VttId
    spell_id: VttId
    spell_name: Text
    effect: SpellEffect


class RemoveSpellEffect(Model):
    """Takes an effect off a spell."""

    kind: Literal["remove_spell_effect"]
    actor_id: VttId
    spell_id: VttId


class MonsterEffect(Model):
    """What is not given, the module decides: 2 armour class, 10 hit points."""

    type: Literal["buff", "debuff"]
    armor_class: Bonus | None = Field(default=None, description="Bonus of buff, penalty of debuff")
    hit_points: Bonus | None = Field(default=None, description="Temporary of buff, off the maximum of debuff")
    highlight_color: Color | None = None
    triggered_by: Annotated[str, Clean(64)] | None = Field(default=None, description="Who did it")


class ApplyMonsterEffect(Model):
    """Makes a monster stronger or weaker; the table refuses it for characters of players."""

    kind: Literal["apply_monster_effect"]
    actor_id: VttId
    monster_name: Text
    effect: MonsterEffect


class RemoveMonsterEffect(Model):
    """Takes an effect off a monster."""

    kind: Literal["remove_monster_effect"]
    actor_id: VttId


class CleanupAllEffects(Model):
    """Takes every effect off, and the messages about them if wished."""

    kind: Literal["cleanup_all_effects"]
    clean_chat: bool = False


class RequestSync(Model):
    """Sends a character, or all of them, once more."""

    kind: Literal["request_sync"]
    actor_id: VttId | None = None


Command: TypeAlias = Annotated[
    RollDice
    | ChatMessage
    | DeleteMessage
    | ModifyActor
    | ApplySpellEffect
    | RemoveSpellEffect
    | ApplyMonsterEffect
    | RemoveMonsterEffect
    | CleanupAllEffects
    | RequestSync,
    Field(discriminator="kind"),
]


class VttCommandIn(Model):
    connection_id: UUID = Field(description="A paired table of this campaign")
    command: Command
    expires_in_s: int = Field(
        default=3600, ge=10, le=86_400, description="How long it waits for the table, if that is not there"
    )


class VttCommandOut(Model):
    """A command. The table answers none: `told` says that one of its browsers was given it, `reported` that
    something came back that only this command can have caused."""

    id: UUID
    connection_id: UUID
    kind: str
    state: Literal["waiting", "told", "reported", "dead", "needs_person"]
    reason: str = Field(description="Why it is dead, or needs a person")
    report: str = Field(description="What came back")
    created_at: Moment
    expires_at: Moment
    told_at: Moment | None
    reported_at: Moment | None
