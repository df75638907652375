"""Whom of the campaign's characters a table means that it has not named before.

A table names a character by an id of its own, or by the name alone. An id that is new means somebody known
who has lost the table, or goes by the same name; with that the id is remembered, so that neither renames nor
another process make two of one. Where more than one could be meant, nobody is: the game master merges.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

from server.engine.table_state import Table
from server.engine.turn import Turn
from server.rules.character import CharacterType
from sql import characters, heads
from sql.characters import Key, Known

#: More ids than characters, and not without end: whoever has a token may make up as many as there are.
MOST_KEYS = 2 * characters.MOST_OF_CAMPAIGN


class Heard(NamedTuple):
    """A character as a table speaks of it; `vtt_id` is empty where it tells only a name."""

    connection_id: UUID | None
    vtt_id: str
    name: str
    kind: CharacterType

    @property
    def key(self) -> Key:
        return (self.connection_id, self.vtt_id or characters.name_key(self.name))


async def recognise(turn: Turn, table: Table, people: Iterable[Heard]) -> None:
    """Put into the roster under which new ids somebody known goes. A stranger is not in it after that."""
    book: _Book | None = None
    aliases: dict[Key, UUID] = {}
    for heard in people:
        if heard.key in table.roster or len(table.roster) >= MOST_KEYS:
            continue
        book = book or _Book(table)
        known = book.find(heard)
        if known is None:
            continue
        book.note(heard.key, known)
        table.roster[heard.key] = known
        if heard.connection_id is not None:
            aliases[heard.key] = known.id
    if aliases:
        await characters.alias(turn.connection, turn.campaign_id, aliases)
        await heads.bump_config(turn.connection, turn.campaign_id)


class _Book:
    """Characters by name, and which tables know them by an id of their own."""

    def __init__(self, table: Table) -> None:
        self._roster = table.roster
        self._named: dict[str, dict[UUID, Known]] = {}
        self._here: dict[UUID, set[UUID]] = {}
        self._ids: dict[UUID, set[UUID]] = {}
        for key, known in table.roster.items():
            self.note(key, known)

    def note(self, key: Key, known: Known) -> None:
        connection_id, vtt_id = key
        self._named.setdefault(characters.name_key(known.name), {})[known.id] = known
        if connection_id is not None:
            self._here.setdefault(known.id, set()).add(connection_id)
            if not characters.is_name(vtt_id):
                self._ids.setdefault(known.id, set()).add(connection_id)

    def find(self, heard: Heard) -> Known | None:
        # An id of a table that is gone: it was paired anew.
        if heard.vtt_id and (known := self._roster.get((None, heard.vtt_id))) is not None:
            return known
        same = list(self._named.get(characters.name_key(heard.name), {}).values())
        if heard.vtt_id:
            # A table that knows one of them by another id means somebody else.
            same = [known for known in same if heard.connection_id not in self._ids.get(known.id, ())]
        else:
            here = [known for known in same if heard.connection_id in self._here.get(known.id, ())]
            same = here or same
        # Heroes are the same at every table; one goblin is not another one.
        found = [
            known
            for known in same
            if known.id not in self._ids
            or (heard.kind == known.kind == "pc")
            or (not heard.vtt_id and heard.connection_id in self._here.get(known.id, ()))
        ]
        return found[0] if len(found) == 1 else None
