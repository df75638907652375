"""Characters as their tables show them: written when something differs, once for all that came together.

A table sends whole characters at every scratch. Of the updates that one batch holds of a character the last
one counts, with the parts that it lacks from those before it, and a hash says whether there is anything to
write (vtt-and-dice §5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from server.engine import acquaintances, table_state
from server.engine.acquaintances import Heard
from server.engine.intake import ACCEPTED, DUPLICATE, Outcome, storable
from server.engine.table_state import Table
from server.engine.turn import Turn
from server.rules import hit_points, item_categories
from server.rules.character import CharacterUpdate, compact
from server.rules.table_events import CharacterUpdated
from sql import characters, heads, item_category_rules
from sql.characters import Key, Known, Sheet

_UNREADABLE = Outcome("rejected", "unstorable_text")
_TOO_MANY = Outcome("rejected", "too_many_characters")
_LONGEST_ID = _LONGEST_NAME = 128
_LONGEST_AVATAR = 512


async def take(turn: Turn, table: Table, events: Sequence[CharacterUpdated]) -> list[Outcome]:
    """Take characters in. Who has nothing new to tell is a duplicate."""
    keys: list[Key] = [(event.connection_id, event.character.character_id) for event in events]
    readable = [_storable(event.character) for event in events]
    await _recognise(turn, table, [e.character for e in events], keys, readable)
    asked = {key for key, is_readable in zip(keys, readable, strict=True) if is_readable}
    sheets = await characters.sheets(turn.connection, turn.campaign_id, asked)
    known = len({one.id for one in table.roster.values()})
    outcomes: list[Outcome] = []
    newest: dict[Key, CharacterUpdate] = {key: sheet.update for key, sheet in sheets.items()}
    written: dict[Key, CharacterUpdate] = {}
    for key, event, is_readable in zip(keys, events, readable, strict=True):
        if not is_readable:
            outcomes.append(_UNREADABLE)
            continue
        if key not in table.roster and known + len(written) >= characters.MOST_OF_CAMPAIGN:
            outcomes.append(_TOO_MANY)
            continue
        before = newest.get(key)
        update = event.character if before is None else event.character.over(before)
        update = replace(update, avatar=update.avatar or "")  # as it is stored, for the hash
        known_hash = _hash(sheets.get(key)) if key not in written else written[key].content_hash
        if known_hash == update.content_hash:
            outcomes.append(DUPLICATE)
            continue
        newest[key] = written[key] = update
        outcomes.append(ACCEPTED)
    for key in [key for key, update in written.items() if update.content_hash == _hash(sheets.get(key))]:
        del written[key]  # it went back to what it was
    if written:
        await _write(turn, table, sheets, written)
    return outcomes


async def _recognise(
    turn: Turn,
    table: Table,
    updates: Sequence[CharacterUpdate],
    keys: Sequence[Key],
    readable: Sequence[bool],
) -> None:
    """Whom we know under another id is this table's from now on: who sends all of it says most of it."""
    people = [
        Heard(key[0], key[1], update.name, update.character_type)
        for key, update, is_readable in zip(keys, updates, readable, strict=True)
        if is_readable
    ]
    await acquaintances.recognise(turn, table, people)
    for key in dict.fromkeys(heard.key for heard in people):
        known = table.roster.get(key)
        if known is not None and known.key != key:
            await characters.adopt(turn.connection, turn.campaign_id, known.id, key)
            await heads.bump_config(turn.connection, turn.campaign_id)
            gone = known.key if known.key[0] is None else None
            table.learn(known._replace(key=key))
            if gone is not None:
                table.roster.pop(gone, None)


def _hash(sheet: Sheet | None) -> str:
    return "" if sheet is None else sheet.content_hash


async def _write(
    turn: Turn, table: Table, sheets: dict[Key, Sheet], written: dict[Key, CharacterUpdate]
) -> None:
    rules = await item_category_rules.list_of_campaign(turn.connection, turn.campaign_id)
    for key, update in written.items():
        connection_id, _ = key
        assert connection_id is not None  # noqa: S101  the event has one
        sheet = sheets.get(key)
        # A table that tells no hit points leaves those that a fight or the desk told.
        points = hit_points.points(update.stats) or (sheet.hit_points if sheet else None)
        conditions = hit_points.conditions(update.stats)
        if conditions is None:
            conditions = tuple(sheet.conditions) if sheet else ()
        id_ = await characters.save_sheet(
            turn.connection,
            turn.campaign_id,
            connection_id,
            update,
            item_categories.summary(characters.items(update), rules),
            points=points,
            conditions=conditions,
            at=turn.head.now,
        )
        if (known := table.roster.get(key)) is None:
            table.roster[key] = Known(id_, update.name, None, False, update.character_type, False, key)
        else:
            table.learn(known._replace(name=update.name, kind=update.character_type, is_unannounced=False))
    await table_state.show_party(turn, table.settings)


def _storable(update: CharacterUpdate) -> bool:
    """Adapters check more; this is the last gate."""
    if not storable(update.character_id, _LONGEST_ID) or not storable(update.name, _LONGEST_NAME):
        return False
    if len(update.avatar or "") > _LONGEST_AVATAR:
        return False
    text = compact(
        [update.world_id, update.avatar, update.stats, update.inventory, update.spells, update.features]
    ) + compact(update.vtt_data)
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\\u0000" not in text
