"""Whose a roll is: a streamer's, the one's that the game master plays, or nobody's yet (domain §4)."""

from __future__ import annotations

from dataclasses import replace
from typing import Generic, Literal, NamedTuple, Protocol, TypeVar
from uuid import UUID

from server.rules.character import CharacterType
from server.rules.dice import Actor, DiceRoll

#: What the published module calls a roll without an actor: many people's, and no one character.
NOBODY = "unknown"


class Someone(Protocol):
    """What is known of a character."""

    @property
    def id(self) -> UUID: ...
    @property
    def name(self) -> str: ...
    @property
    def channel_id(self) -> UUID | None: ...
    @property
    def is_game_masters(self) -> bool: ...


S = TypeVar("S", bound=Someone)


class Whose(NamedTuple, Generic[S]):
    """`character` may be known although it is nobody's: then the roll is pending."""

    attribution: Literal["attributed", "pending"]
    character: S | None


def names_of(actor: Actor) -> tuple[str, str] | None:
    """The table's id of the character, "" where only a name is told, and the name; None for no character."""
    name = " ".join(actor.character_name.split())
    if actor.character_id == NOBODY or not (actor.character_id or name):
        return None
    return actor.character_id, name or actor.player_name


def kind_of(actor: Actor) -> CharacterType:
    """What somebody is of whom only a roll is known."""
    return "npc" if actor.is_gm else "pc"


def whose(actor: Actor, known: S | None, game_masters: S | None, *, is_settled: bool) -> Whose[S]:
    """Who rolled. `known` is the character of the roll, `game_masters` the one that the game master plays.

    The game master's character takes his rolls and its own, and nobody else's: not every roll of a character
    that is assigned to nobody. What he rolled by hand on the desk is settled, and so is a test.
    """
    if known is not None and (known.channel_id is not None or known.is_game_masters):
        return Whose("attributed", known)
    if is_settled:
        return Whose("attributed", known)
    if game_masters is not None and actor.is_gm:
        return Whose("attributed", game_masters)
    return Whose("pending", known)


def named(roll: DiceRoll, name: str) -> DiceRoll:
    """The roll under the name of the character that it belongs to.

    A name that was redacted stays as it is: what hides it in other texts looks for it (`dice_view`).
    """
    if not name or "character_name" in roll.redact or roll.actor.character_name == name:
        return roll
    return replace(roll, actor=replace(roll.actor, character_name=name[:64]))
