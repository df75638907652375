"""Characters: who they are, whose they are, and what the party bar shows of them."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from server.engine import character_acts
from server.rules.combat import HitPoints
from server.web.api.acting import Acting
from server.web.endpoint import Call, endpoint
from server.web.models import Clean, Empty, Model, Moment, Page, PageQuery, absent
from server.web.own_part import own_channels
from server.web.problems import invalid, not_found
from sql import channels, characters
from sql.characters import Character
from sql.pool import Connection

Name = Annotated[str, Clean(128)]
Points = Annotated[float, Field(ge=-100_000, le=1_000_000)]
Conditions = Annotated[list[Annotated[str, Clean(32)]], Field(max_length=12)]
Kind = Literal["pc", "npc", "monster"]


class HitPointsIn(Model):
    current: Points
    maximum: Points
    temporary: Points = 0


class HitPointsOut(Model):
    current: float
    maximum: float
    temporary: float

    @classmethod
    def of(cls, points: HitPoints) -> HitPointsOut:
        return cls(current=points.current, maximum=points.maximum, temporary=points.temporary)


class CharacterIn(Model):
    name: Name
    kind: Kind = "pc"
    hit_points: HitPointsIn | None = None
    conditions: Conditions = Field(default=[])
    in_party: bool = True
    hides_points: bool = False


class CharacterPatch(Model):
    name: Name = absent()
    kind_override: Literal["npc", "monster"] | None = absent(
        description="Whatever the table says; null: as it says. Never for a player character"
    )
    hit_points: HitPointsIn | None = absent()
    conditions: Conditions = absent()
    in_party: bool = absent(description="Whether the party bar shows it")
    hides_points: bool = absent(description="The stream sees a state and no numbers")


class AssignIn(Model):
    channel_id: UUID | Literal["game_master"] | None = Field(
        description="A streamer's channel, the game master (one at a time), or nobody"
    )


class MergeIn(Model):
    into: UUID = Field(description="The character that stays")


class CharacterOut(Model):
    id: UUID
    connection_id: UUID | None = Field(description="null: made by hand, or its table is gone")
    vtt_id: str
    name: str
    avatar: str
    kind: Kind = Field(description="As it is used: the override, else what the table says")
    kind_override: Literal["npc", "monster"] | None
    hit_points: HitPointsOut | None
    conditions: list[str]
    in_party: bool
    hides_points: bool
    assigned_to: UUID | Literal["game_master"] | None
    items: dict[str, dict[str, int]] = Field(description="By category and subcategory")
    synced_at: Moment | None
    created_at: Moment


def shown(character: Character) -> CharacterOut:
    points = character.hit_points
    return CharacterOut(
        id=character.id,
        connection_id=character.connection_id,
        vtt_id=character.vtt_id,
        name=character.name,
        avatar=character.avatar,
        kind=character.character_type,
        kind_override=character.kind_override,
        hit_points=None if points is None else HitPointsOut.of(points),
        conditions=list(character.conditions),
        in_party=character.in_party,
        hides_points=character.hides_points,
        assigned_to="game_master" if character.is_game_masters else character.channel_id,
        items={category: dict(counts) for category, counts in character.item_summary.items()},
        synced_at=character.synced_at,
        created_at=character.created_at,
    )


def as_viewers_know(character: Character) -> CharacterOut:
    """Without the points of somebody whose points the stream does not see, and without what they carry."""
    out = shown(character)
    return out.model_copy(
        update={"hit_points": None if character.hides_points else out.hit_points, "items": {}}
    )


async def _read(connection: Connection, character_id: UUID) -> CharacterOut:
    found = await characters.get(connection, character_id)
    if found is None:
        raise not_found("character")
    return shown(found)


async def _read_as_viewer(connection: Connection, character_id: UUID) -> CharacterOut:
    found = await characters.get(connection, character_id)
    if found is None:
        raise not_found("character")
    return as_viewers_know(found)


async def _own_choice(
    call: Call, character: Character, to: UUID | Literal["game_master"] | None
) -> frozenset[UUID] | None:
    """None for who runs the show; else the actor's channels, which are all they may choose for."""
    if call.may(character.campaign_id, "run"):
        return None
    async with call.services.database.connection() as connection:
        own = await own_channels(call, connection, character.campaign_id)
    if (character.channel_id if to is None else to) not in own:
        call.demand(character.campaign_id, "run")
    return own


async def _to_act_on(call: Call) -> Character:
    async with call.services.database.connection() as connection:
        found = await characters.get(connection, call.id("character_id", "character"))
    if found is None or found.campaign_id not in call.scope:
        raise not_found("character")
    return found


@endpoint(
    "GET",
    "/campaigns/{campaign_id}/characters",
    "List characters",
    query=PageQuery,
    answer=Page[CharacterOut],
    needs="read",
)
async def list_characters(call: Call) -> Page[CharacterOut]:
    """Newest first. Who does not run the show sees player characters and the party, with the hit points that
    the stream sees."""
    query = call.asked(PageQuery)
    campaign_id = call.campaign_id()
    runs = call.may(campaign_id, "run")
    found = await characters.page(
        call.connection, campaign_id, query.cursor, query.limit + 1, only_known=not runs
    )
    chosen = found[: query.limit]
    return Page(
        items=[shown(character) if runs else as_viewers_know(character) for character in chosen],
        next=chosen[-1].id if len(found) > query.limit else None,
    )


@endpoint(
    "POST",
    "/campaigns/{campaign_id}/characters",
    "Make a character by hand",
    body=CharacterIn,
    answer=CharacterOut,
    status=201,
    work="engine",
    problems=(409,),
    needs="run",
)
async def create_character(call: Call, body: CharacterIn) -> CharacterOut:
    """For tables that send no characters. Rolls find it by its name."""
    campaign_id = call.campaign_id()
    acted = Acting(call, "character.create", _read, campaign_id=campaign_id)
    await character_acts.create(
        call.services.rooms,
        campaign_id,
        character_acts.ByHand(
            name=body.name,
            kind=body.kind,
            hit_points=None if body.hit_points is None else HitPoints(**body.hit_points.model_dump()),
            conditions=tuple(body.conditions),
            in_party=body.in_party,
            hides_points=body.hides_points,
        ),
        also=acted,
    )
    return acted.answer


@endpoint(
    "PATCH",
    "/characters/{character_id}",
    "Change a character",
    body=CharacterPatch,
    answer=CharacterOut,
    work="engine",
    problems=(409,),
    needs="run",
)
async def update_character(call: Call, body: CharacterPatch) -> CharacterOut:
    """What its table syncs later is overwritten by that again, but for the override and the two switches."""
    character = await _to_act_on(call)
    changes: dict[str, Any] = body.model_dump(exclude_unset=True)
    if changes.get("kind_override") and character.kind == "pc":
        raise invalid("/kind_override", "a player character stays one")
    if changes.get("hit_points") is not None:
        changes["hit_points"] = HitPoints(**changes["hit_points"])
    acted = Acting(
        call,
        "character.update",
        _read,
        campaign_id=character.campaign_id,
        detail={"fields": sorted(changes)},
    )
    await character_acts.change(call.services.rooms, character.campaign_id, character.id, changes, also=acted)
    return acted.answer


@endpoint(
    "POST",
    "/characters/{character_id}/assign",
    "Assign a character",
    body=AssignIn,
    answer=CharacterOut,
    work="engine",
    problems=(409,),
    needs="take_part",
)
async def assign_character(call: Call, body: AssignIn) -> CharacterOut:
    """To a streamer's channel, to the game master, or to nobody; everybody plays one at a time. A streamer
    may take a player character that nobody plays, and give it back."""
    character = await _to_act_on(call)
    to = body.channel_id
    own = await _own_choice(call, character, to)
    if isinstance(to, UUID):
        async with call.services.database.connection() as connection:
            channel = await channels.get(connection, to)
        if channel is None or channel.campaign_id != character.campaign_id:
            raise invalid("/channel_id", "the campaign has no such channel")
    acted = Acting(
        call,
        "character.assign",
        _read if own is None else _read_as_viewer,
        campaign_id=character.campaign_id,
        detail={"to": None if to is None else str(to)},
    )
    await character_acts.assign(
        call.services.rooms, character.campaign_id, character.id, to, of_own=own, also=acted
    )
    return acted.answer


@endpoint(
    "POST",
    "/characters/{character_id}/merge",
    "Merge a character",
    body=MergeIn,
    answer=CharacterOut,
    work="engine",
    problems=(409,),
    needs="run",
)
async def merge_character(call: Call, body: MergeIn) -> CharacterOut:
    """Into another one that is the same person: that stays, with the rolls of both, and tables that send
    either mean it from now on. It keeps its player and sheet, and gets the other's where it has none."""
    character = await _to_act_on(call)
    acted = Acting(
        call,
        "character.merge",
        _read,
        campaign_id=character.campaign_id,
        detail={"merged": str(character.id)},
    )
    await character_acts.merge(
        call.services.rooms, character.campaign_id, character.id, body.into, also=acted
    )
    return acted.answer


@endpoint(
    "DELETE",
    "/characters/{character_id}",
    "Delete a character",
    answer=None,
    status=204,
    work="engine",
    needs="run",
)
async def delete_character(call: Call) -> None:
    """Its rolls stay. A table that syncs it brings it back."""
    character = await _to_act_on(call)

    async def answer(connection: Connection, _: UUID) -> Empty:
        return Empty()

    acted = Acting(call, "character.delete", answer, campaign_id=character.campaign_id)
    await character_acts.delete(call.services.rooms, character.campaign_id, character.id, also=acted)


ENDPOINTS = (
    list_characters,
    create_character,
    update_character,
    assign_character,
    merge_character,
    delete_character,
)
