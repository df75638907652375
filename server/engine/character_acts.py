"""What a game master does with characters. Each in one turn, after which the party bar is as it should be."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal
from uuid import UUID

from server.engine import table_state
from server.engine.room import Rooms
from server.engine.turn import Also, Turn
from server.rules.character import CharacterType
from server.rules.combat import HitPoints
from server.rules.poll import Refused
from sql import characters, heads, table_settings
from sql.characters import Character
from sql.pool import UniqueViolation

GameMaster = Literal["game_master"]


class NoCharacter(LookupError):
    """The campaign has no such character."""


@dataclass(frozen=True, slots=True)
class ByHand:
    """A character that no table sends."""

    name: str
    kind: CharacterType = "pc"
    hit_points: HitPoints | None = None
    conditions: Sequence[str] = ()
    in_party: bool = True
    hides_points: bool = False


async def create(rooms: Rooms, campaign_id: UUID, character: ByHand, *, also: Also | None = None) -> None:
    """A character that rolls find by its name; of whom only rolls told, it is the same one.

    Raises Refused for a taken name, or too many.
    """
    async with rooms.turn(campaign_id) as (_, turn):
        if await characters.count(turn.connection, campaign_id) >= characters.MOST_OF_CAMPAIGN:
            raise Refused(
                "too_many", f"A campaign has at most {characters.MOST_OF_CAMPAIGN} characters; delete some."
            )
        id_ = await _write_down(turn, character)
        await _changed(turn)
        if also:
            await also(turn.connection, id_)


async def _write_down(turn: Turn, character: ByHand) -> UUID:
    connection, campaign_id = turn.connection, turn.campaign_id
    same = await characters.namesakes(connection, campaign_id, character.name)
    if character.kind == "pc" and any(one.is_synced and one.kind == "pc" for one in same):
        raise Refused("name_taken", "A tabletop sends a player character of this name already; use that one.")
    heard_of = [one.id for one in same if one.has_table and not one.is_synced]
    fields: dict[str, Any] = {
        "name": character.name,
        "kind": character.kind,
        "points": character.hit_points,
        "conditions": character.conditions,
        "in_party": character.in_party,
        "hides_points": character.hides_points,
    }
    if len(heard_of) == 1 and len(same) == 1:
        await characters.write_down(connection, campaign_id, heard_of[0], **fields)
        return heard_of[0]
    try:
        return await characters.create(connection, campaign_id, **fields)
    except UniqueViolation:
        raise Refused("name_taken", "A character with this name was made by hand already.") from None


async def change(
    rooms: Rooms,
    campaign_id: UUID,
    character_id: UUID,
    changes: Mapping[str, Any],
    *,
    also: Also | None = None,
) -> None:
    """Change fields of a Character. Raises NoCharacter, and Refused for an override of a player character."""
    async with rooms.turn(campaign_id) as (_, turn):
        character = await _character(turn, character_id)
        if changes.get("kind_override") and character.kind == "pc":
            raise Refused("player_character", "A player character stays one, whatever is set here.")
        await characters.change(turn.connection, replace(character, **changes))
        await _changed(turn)
        if also:
            await also(turn.connection, character_id)


async def assign(
    rooms: Rooms,
    campaign_id: UUID,
    character_id: UUID,
    to: UUID | GameMaster | None,
    *,
    of_own: Collection[UUID] | None = None,
    also: Also | None = None,
) -> None:
    """Give a character to a channel of the campaign, to the game master, or to nobody.

    Everybody plays one at a time, and lets go of the one before. `of_own`: it is a streamer who chooses, with
    these channels: only player characters, and none that somebody else plays. Raises NoCharacter, Refused.
    """
    async with rooms.turn(campaign_id) as (_, turn):
        await assign_in(turn, character_id, to, of_own=of_own)
        if also:
            await also(turn.connection, character_id)


async def assign_in(
    turn: Turn, character_id: UUID, to: UUID | GameMaster | None, *, of_own: Collection[UUID] | None
) -> None:
    """The same as a part of another act."""
    character = await _character(turn, character_id)
    if of_own is not None:
        if character.character_type != "pc":
            raise Refused("not_a_player_character", "Streamers play player characters.")
        if character.is_game_masters or (
            character.channel_id is not None and character.channel_id not in of_own
        ):
            raise Refused("taken", f"{character.name} is played by somebody else; choose another one.")
    if to is None:
        await characters.free(turn.connection, turn.campaign_id, character_id)
    else:
        channel_id = to if isinstance(to, UUID) else None
        await characters.assign(turn.connection, turn.campaign_id, character_id, channel_id)
    await _changed(turn)


async def merge(
    rooms: Rooms, campaign_id: UUID, character_id: UUID, into: UUID, *, also: Also | None = None
) -> None:
    """Two were one: `into` stays, with the rolls of both, and tables that send either mean it from now on.

    It keeps who plays it and what its table sent, and gets the other one's where it has none. Raises
    NoCharacter, and Refused for one that is to be merged into itself or into one that is not there.
    """
    async with rooms.turn(campaign_id) as (_, turn):
        gone = await _character(turn, character_id)
        stays = await characters.get(turn.connection, into)
        if stays is None or stays.campaign_id != campaign_id:
            raise Refused("unknown_character", "The campaign has no such character any more.")
        if stays.id == gone.id:
            raise Refused("same_character", "Choose another character: this one is itself already.")
        await characters.merge(turn.connection, campaign_id, gone.id, stays.id)
        await _changed(turn)
        if also:
            await also(turn.connection, stays.id)


async def delete(rooms: Rooms, campaign_id: UUID, character_id: UUID, *, also: Also | None = None) -> None:
    """Its rolls stay. Raises NoCharacter."""
    async with rooms.turn(campaign_id) as (_, turn):
        await _character(turn, character_id)
        await characters.delete(turn.connection, campaign_id, character_id)
        await _changed(turn)
        if also:
            await also(turn.connection, character_id)


async def _character(turn: Turn, character_id: UUID) -> Character:
    character = await characters.get(turn.connection, character_id)
    if character is None or character.campaign_id != turn.campaign_id:
        raise NoCharacter(str(character_id))
    return character


async def _changed(turn: Turn) -> None:
    """No process goes on with what it knew, and the party bar shows what is true now."""
    await heads.bump_config(turn.connection, turn.campaign_id)
    await table_state.show_party(turn, await table_settings.get(turn.connection, turn.campaign_id))
