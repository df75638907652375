"""Characters: as their tables last showed them, and whose they are."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple, TypeAlias
from uuid import UUID

import orjson

import sql
from server.rules import hit_points
from server.rules.character import CharacterType, CharacterUpdate
from server.rules.combat import HitPoints
from server.rules.item_categories import Detected, Item, Summary, detected
from sql.ids import uuid7
from sql.pool import Connection, Row

_Q = sql.load("characters")

Override: TypeAlias = Literal["npc", "monster"]
#: What names a character in its campaign: its connection and the table's own id.
Key: TypeAlias = tuple[UUID | None, str]

#: What stands before a name that stands for an id.
_BY_NAME = "name:"
#: A world has hundreds; beyond this no more come in, so that a stranger with a token cannot fill the disk.
MOST_OF_CAMPAIGN = 1_000


@dataclass(frozen=True, slots=True)
class Character:
    """A row of `characters` without its content, and whose it is."""

    id: UUID
    campaign_id: UUID
    connection_id: UUID | None
    vtt_id: str
    name: str
    avatar: str
    kind: CharacterType  # as the table says
    kind_override: Override | None
    hit_points: HitPoints | None
    conditions: Sequence[str]
    in_party: bool
    hides_points: bool
    item_summary: Mapping[str, Mapping[str, int]]
    synced_at: datetime | None
    created_at: datetime
    channel_id: UUID | None
    is_game_masters: bool

    @property
    def character_type(self) -> CharacterType:
        """As it is used: a game master's word survives every sync."""
        return self.kind_override or self.kind


class Known(NamedTuple):
    """What attribution needs to know of a character."""

    id: UUID
    name: str
    channel_id: UUID | None
    is_game_masters: bool
    kind: CharacterType = "pc"
    is_unannounced: bool = False  # only secret rolls told of it
    key: Key = (None, "")  # what names it at the table that last sent it


class InParty(NamedTuple):
    """What the party bar shows of a character."""

    id: UUID
    name: str
    player: str
    hit_points: HitPoints | None
    hides_points: bool
    conditions: Sequence[str]


class Sheet(NamedTuple):
    """What its table last sent of a character."""

    id: UUID
    connection_id: UUID | None
    update: CharacterUpdate
    content_hash: str
    item_hash: str
    hit_points: HitPoints | None
    conditions: Sequence[str]


def _character(row: Row) -> Character:
    value = dict(row)
    value["hit_points"] = hit_points.from_json(value["hit_points"])
    return Character(**value)


async def get(connection: Connection, character_id: UUID) -> Character | None:
    """One character."""
    row = await connection.fetchrow(_Q["get"], character_id)
    return None if row is None else _character(row)


async def page(
    connection: Connection, campaign_id: UUID, before: UUID | None, most: int, *, only_known: bool = False
) -> list[Character]:
    """Characters of a campaign, newest first, below a cursor.

    only_known: player characters and the party; whom else there is, players may not know.
    """
    rows = await connection.fetch(_Q["page"], campaign_id, before, most, only_known)
    return [_character(row) for row in rows]


async def roster(connection: Connection, campaign_id: UUID) -> dict[Key, Known]:
    """All characters of a campaign by everything that names them."""
    known: dict[UUID, Known] = {}
    for row in await connection.fetch(_Q["roster"], campaign_id):
        known[row["id"]] = Known(
            row["id"],
            row["name"],
            row["channel_id"],
            row["is_game_masters"],
            row["kind"],
            row["is_unannounced"],
            (row["connection_id"], row["vtt_id"]),
        )
    found = {
        (row["connection_id"], row["vtt_id"]): known[row["character_id"]]
        for row in await connection.fetch(_Q["aliases"], campaign_id)
    }
    return found | {one.key: one for one in known.values()}


async def alias(connection: Connection, campaign_id: UUID, aliases: Mapping[Key, UUID]) -> None:
    """Remember what else tables call these characters."""
    await connection.execute(
        _Q["alias"],
        campaign_id,
        [connection_id for connection_id, _ in aliases],
        [vtt_id for _, vtt_id in aliases],
        list(aliases.values()),
    )


async def adopt(connection: Connection, campaign_id: UUID, character_id: UUID, key: Key) -> None:
    """A character is this table's from now on, and the table before knows it, too."""
    await connection.execute(_Q["adopt"], character_id, campaign_id, *key)


async def announce(connection: Connection, campaign_id: UUID, ids: Collection[UUID]) -> None:
    """Everybody may know of these player characters now: they join the party."""
    await connection.execute(_Q["announce"], campaign_id, list(ids))


class Met(NamedTuple):
    """Somebody of whom a roll told first."""

    name: str
    kind: CharacterType
    is_secret: bool


async def meet(connection: Connection, campaign_id: UUID, met: Mapping[Key, Met]) -> dict[Key, UUID]:
    """Make characters that were heard of in rolls; answers the ids, of known ones too.

    Player characters join the party, unless only secret rolls told of them.
    """
    rows = await connection.fetch(
        _Q["meet"],
        campaign_id,
        sorted(uuid7() for _ in met),  # in the order in which they came
        [connection_id for connection_id, _ in met],
        [vtt_id for _, vtt_id in met],
        [one.name for one in met.values()],
        [one.kind for one in met.values()],
        [one.is_secret for one in met.values()],
    )
    return {(row["connection_id"], row["vtt_id"]): row["id"] for row in rows}


async def rename(connection: Connection, campaign_id: UUID, names: Mapping[UUID, str]) -> None:
    """Their tables call them so now."""
    await connection.execute(_Q["rename"], campaign_id, list(names), list(names.values()))


async def sheets(connection: Connection, campaign_id: UUID, keys: Collection[Key]) -> dict[Key, Sheet]:
    """What is stored of these characters."""
    rows = await connection.fetch(
        _Q["sheets"],
        campaign_id,
        [connection_id for connection_id, _ in keys],
        [vtt_id for _, vtt_id in keys],
    )
    return {(row["connection_id"], row["vtt_id"]): _sheet(row) for row in rows}


async def all_sheets(connection: Connection, campaign_id: UUID) -> list[Sheet]:
    """What is stored of all characters that a table has sent."""
    return [_sheet(row) for row in await connection.fetch(_Q["all_sheets"], campaign_id)]


def _sheet(row: Row) -> Sheet:
    content: Mapping[str, Any] = row["content"]
    update = CharacterUpdate(
        world_id=content.get("world_id", ""),
        character_id=row["vtt_id"],
        name=row["name"],
        character_type=row["kind"],
        avatar=row["avatar"],
        stats=content.get("stats"),
        inventory=_entries(content.get("inventory")),
        spells=_entries(content.get("spells")),
        features=_entries(content.get("features")),
        vtt_data=content.get("vtt_data"),
    )
    return Sheet(
        row["id"],
        row["connection_id"],
        update,
        row["content_hash"],
        row["item_hash"],
        hit_points.from_json(row["hit_points"]),
        row["conditions"],
    )


def _entries(found: list[Any] | None) -> tuple[Any, ...] | None:
    return None if found is None else tuple(found)


async def save_sheet(
    connection: Connection,
    campaign_id: UUID,
    connection_id: UUID,
    update: CharacterUpdate,
    summary: Summary,
    *,
    points: HitPoints | None,
    conditions: Sequence[str],
    at: datetime,
) -> UUID:
    """Write what a table sent of a character, which may be new. Switches and assignment stay."""
    content = {
        "world_id": update.world_id,
        "stats": update.stats,
        "inventory": update.inventory,
        "spells": update.spells,
        "features": update.features,
        "vtt_data": update.vtt_data,
    }
    character_id: UUID = await connection.fetchval(
        _Q["save_sheet"],
        uuid7(),
        campaign_id,
        connection_id,
        update.character_id,
        update.name,
        update.avatar or "",
        update.character_type,
        {key: value for key, value in content.items() if value is not None},
        update.content_hash,
        {category: dict(counts) for category, counts in summary.counts.items()},
        summary.hash,
        hit_points.to_json(points),
        list(conditions),
        at,
    )
    return character_id


async def save_summaries(
    connection: Connection, campaign_id: UUID, summaries: Mapping[UUID, Summary]
) -> None:
    """Write the items of characters as they are counted now."""
    await connection.execute(
        _Q["save_summaries"],
        campaign_id,
        list(summaries),
        [
            orjson.dumps({category: dict(counts) for category, counts in one.counts.items()}).decode()
            for one in summaries.values()
        ],
        [one.hash for one in summaries.values()],
    )


async def hurt(
    connection: Connection, campaign_id: UUID, connection_id: UUID, points: Mapping[str, HitPoints]
) -> int:
    """Write hit points by the table's ids, of player characters; answers how many changed."""
    changed = await connection.fetch(
        _Q["hurt"],
        campaign_id,
        connection_id,
        list(points),
        [orjson.dumps(hit_points.to_json(one)).decode() for one in points.values()],
    )
    return len(changed)


async def create(
    connection: Connection,
    campaign_id: UUID,
    *,
    name: str,
    kind: CharacterType,
    points: HitPoints | None,
    conditions: Sequence[str],
    in_party: bool,
    hides_points: bool,
) -> UUID:
    """A character made by hand, which rolls find by its name. Raises UniqueViolation for a taken name."""
    character_id = uuid7()
    await connection.execute(
        _Q["create"],
        character_id,
        campaign_id,
        name_key(name),
        name,
        kind,
        hit_points.to_json(points),
        list(conditions),
        in_party,
        hides_points,
    )
    return character_id


def name_key(name: str) -> str:
    """What stands for the table's id where only a name is told."""
    return f"{_BY_NAME}{' '.join(name.split()).casefold()}"[:128]


def is_name(vtt_id: str) -> bool:
    """Whether it is a name in place of an id."""
    return vtt_id.startswith(_BY_NAME)


class Namesake(NamedTuple):
    """A character of a certain name; `is_synced`: its table sends it whole."""

    id: UUID
    kind: CharacterType
    is_synced: bool
    has_table: bool


async def namesakes(connection: Connection, campaign_id: UUID, name: str) -> list[Namesake]:
    """Who of a campaign goes by a name, however it is capitalised and spaced."""
    return [
        Namesake(row["id"], row["kind"], row["is_synced"], row["has_table"])
        for row in await connection.fetch(_Q["namesakes"], campaign_id)
        if name_key(row["name"]) == name_key(name)
    ]


async def write_down(
    connection: Connection,
    campaign_id: UUID,
    character_id: UUID,
    *,
    name: str,
    kind: CharacterType,
    points: HitPoints | None,
    conditions: Sequence[str],
    in_party: bool,
    hides_points: bool,
) -> None:
    """As `create`, of somebody of whom rolls told already."""
    await connection.execute(
        _Q["write_down"],
        character_id,
        campaign_id,
        name,
        kind,
        hit_points.to_json(points),
        list(conditions),
        in_party,
        hides_points,
    )


async def merge(connection: Connection, campaign_id: UUID, character_id: UUID, into: UUID) -> None:
    """Two were one: `into` gets rolls, ids, player and, where it has none, the sheet; the other one goes."""
    await connection.execute(_Q["merge_rolls"], campaign_id, character_id, into)
    await connection.execute(_Q["merge_assignment"], campaign_id, character_id, into)
    await connection.execute(_Q["merge_sheet"], campaign_id, character_id, into)
    await connection.execute(_Q["merge_aliases"], campaign_id, character_id, into)
    await delete(connection, campaign_id, character_id)


async def change(connection: Connection, character: Character) -> None:
    """Write what the desk may change."""
    await connection.execute(
        _Q["change"],
        character.id,
        character.campaign_id,
        character.name,
        character.kind_override,
        hit_points.to_json(character.hit_points),
        list(character.conditions),
        character.in_party,
        character.hides_points,
    )


async def assign(
    connection: Connection, campaign_id: UUID, character_id: UUID, channel_id: UUID | None
) -> None:
    """Give a character to a channel, or (None) to the game master; either lets go of the one before."""
    if channel_id is None:
        await connection.execute(_Q["free_game_master"], campaign_id, character_id)
    else:
        await connection.execute(_Q["free_channel"], campaign_id, character_id, channel_id)
    await connection.execute(_Q["assign"], character_id, campaign_id, channel_id)


async def free(connection: Connection, campaign_id: UUID, character_id: UUID) -> None:
    """A character is nobody's."""
    await connection.execute(_Q["free"], character_id, campaign_id)


async def delete(connection: Connection, campaign_id: UUID, character_id: UUID) -> None:
    """Its rolls stay."""
    await connection.execute(_Q["delete"], character_id, campaign_id)


async def count(connection: Connection, campaign_id: UUID) -> int:
    """How many characters a campaign has."""
    number: int = await connection.fetchval(_Q["count"], campaign_id)
    return number


async def party(connection: Connection, campaign_id: UUID) -> list[InParty]:
    """Who is in the party, in the order in which they came."""
    return [
        InParty(
            row["id"],
            row["name"],
            row["player"],
            hit_points.from_json(row["hit_points"]),
            row["hides_points"],
            row["conditions"],
        )
        for row in await connection.fetch(_Q["party"], campaign_id)
    ]


def items(update: CharacterUpdate) -> Iterable[Item]:
    """Everything that a character has, as item rules look at it."""
    for entries in (update.spells, update.features, update.inventory):
        for entry in entries or ():
            if isinstance(entry, Mapping):
                yield entry


async def items_found(connection: Connection, campaign_id: UUID) -> Mapping[str, Detected]:
    """The types of items that synced characters have."""
    found = await all_sheets(connection, campaign_id)
    return detected(item for sheet in found for item in items(sheet.update))
