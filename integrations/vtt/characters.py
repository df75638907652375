"""`character:update` of the published module (vtt-wire-protocol §5): one character, in bounds, with a hash.

The module sends whole characters again and again. What differs between systems (`stats`, `flags`) is kept as
JSON, cleaned and bounded; a hash of the content tells whether there is anything to write.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from types import MappingProxyType
from typing import Any, Final

from integrations.vtt.reading import NotARoll, https, identifier, mapping, named, number, plain
from server.rules.character import CharacterType, CharacterUpdate, Json, compact

#: Bytes of all parts of a character together, as compact JSON.
LARGEST: Final = 65_536
_TOO_LARGE: Final = f"the character is larger than {LARGEST // 1024} KiB"
_DEEPEST: Final = 8
_LONGEST_TEXT: Final = 1_024
_MOST_ENTRIES: Final = 500  # of one list or object

_ITEM: Final = ("id", "name", "type", "quantity", "equipped", "img")
_SPELL: Final = ("id", "name", "img", "type", "level", "school", "prepared", "uses", "activeEffect")
_FEATURE: Final = ("id", "name", "img", "type", "subtype", "uses")
_TYPES: Final[Mapping[str, CharacterType]] = MappingProxyType(
    {
        **dict.fromkeys(("pc", "character", "player", "hero", "investigator"), "pc"),
        **dict.fromkeys(("npc", "minion", "rival", "nemesis"), "npc"),
        **dict.fromkeys(("monster", "creature", "adversary", "hazard"), "monster"),
    }
)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:", re.ASCII)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Nothing could be made of what was sent; `reason` is for who set the sender up."""

    reason: str


def read(message: object) -> CharacterUpdate | Unreadable:
    """The character of one event."""
    try:
        return _character(mapping(message, "the character"))
    except NotARoll as reason:
        return Unreadable(str(reason))


def _character(message: Mapping[str, Any]) -> CharacterUpdate:
    character_id = identifier(message.get("characterId"), "characterId")
    if character_id == "unknown":
        # The module's word for "no actor": it would gather the rolls of everybody who has none.
        raise NotARoll("characterId is unknown")
    system = message.get("vttData")
    system = system if isinstance(system, dict) else None
    update = CharacterUpdate(
        world_id=identifier(message.get("worldId", message.get("campaignId")), "worldId"),
        character_id=character_id,
        name=named(message.get("name"), 128, "name"),
        character_type=_character_type(message.get("characterType"), system),
        avatar=avatar(message["avatarUrl"]) if message.get("avatarUrl") is not None else None,
        stats=tidy(message["stats"]) if isinstance(message.get("stats"), dict) else None,
        inventory=_entries(message.get("inventory"), _ITEM),
        spells=_entries(message.get("spells"), _SPELL),
        features=_entries(message.get("features"), _FEATURE),
        vtt_data=None if system is None else tidy({k: system.get(k) for k in ("system", "type")}),
    )
    left = LARGEST - _size(update)
    if left < 0:
        raise NotARoll(_TOO_LARGE)
    return update if system is None else _with_flags(update, system, left)


def _with_flags(update: CharacterUpdate, system: Mapping[str, Any], left: int) -> CharacterUpdate:
    """Modules put whatever they like into flags: they are the first to go when there is not enough room."""
    try:
        vtt_data = tidy({key: system.get(key) for key in ("system", "type", "flags")})
    except NotARoll:
        return update
    more = len(compact(vtt_data).encode()) - len(compact(update.vtt_data).encode())
    return update if more > left else replace(update, vtt_data=vtt_data)


def _character_type(sent: object, system: Mapping[str, Any] | None) -> CharacterType:
    """What the module says; else what the system calls the actor; else `pc` (vtt-and-dice §5)."""
    if isinstance(sent, str) and sent in ("pc", "npc", "monster"):
        return _TYPES[sent]
    kind = None if system is None else system.get("type")
    return _TYPES.get(kind.lower(), "pc") if isinstance(kind, str) else "pc"


def avatar(value: object) -> str:
    """An https address, or a path on the tabletop's own host; "" for anything else (vtt-and-dice §5)."""
    if not isinstance(value, str) or not value.isprintable():
        return ""
    if value.startswith("https://"):
        return https(value)
    path = value.strip()
    if not path or len(path) > 512 or path.startswith("//") or "\\" in path or _SCHEME.match(path):
        return ""
    return "" if ".." in path.split("/") else path


def tidy(value: object) -> Json:
    """JSON that every store and every page can hold: text cleaned and cut, numbers finite, nothing too deep.

    What lies deeper than eight levels is left out, and so are entries beyond the 500th. Raises NotARoll
    when it is larger than a character may be.
    """
    return _Tidying().tidied(value, 0)


class _Tidying:
    """Tidies parts of a character, and stops when they are too large for one."""

    def __init__(self) -> None:
        self._left = LARGEST

    def tidied(self, value: object, depth: int) -> Json:
        self._spend(1)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return self._text(value, _LONGEST_TEXT)
        if isinstance(value, int | float):
            found = number(value)
            # 5 and 5.0 are one number in JSON and must have one hash.
            return int(found) if found is not None and found == int(found) else found
        if depth == _DEEPEST:
            return None
        if isinstance(value, list):
            return [self.tidied(inner, depth + 1) for inner in value[:_MOST_ENTRIES]]
        if isinstance(value, dict):
            return {
                self._text(key, 128): self.tidied(inner, depth + 1)
                for key, inner in islice(value.items(), _MOST_ENTRIES)
                if isinstance(key, str)
            }
        return None

    def _text(self, value: str, most: int) -> str:
        """As `plain` makes it. A character holds hundreds of texts; in nearly all is nothing to clean."""
        value = value[: 2 * most]  # room for tags
        usual = value.isascii() and value.isprintable()
        if not usual or "<" in value or "&" in value or "  " in value or value.strip() != value:
            value = plain(value, most)
        value = value[:most].rstrip()
        self._spend(len(value))
        return value

    def _spend(self, bytes_: int) -> None:
        self._left -= bytes_
        if self._left < 0:
            raise NotARoll(_TOO_LARGE)


def _entries(value: object, keys: Sequence[str]) -> tuple[Json, ...] | None:
    """Things with the keys that the module documents; None where the part was not sent."""
    if not isinstance(value, list):
        return None
    tidying = _Tidying()
    return tuple(
        {
            key: avatar(entry[key]) if key == "img" else tidying.tidied(entry[key], 1)
            for key in keys
            if key in entry
        }
        for entry in value[:_MOST_ENTRIES]
        if isinstance(entry, dict)
    )


def _size(update: CharacterUpdate) -> int:
    parts = [update.stats, update.inventory, update.spells, update.features, update.vtt_data]
    return len(compact(parts).encode())
