"""A character of a campaign, as its table last showed it (domain/vtt-and-dice.md §5)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

#: What JSON can hold; nobody changes one after it was made.
Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
CharacterType = Literal["pc", "npc", "monster"]


@dataclass(frozen=True, slots=True)
class CharacterUpdate:
    """A character as a tabletop shows it. A part that is None was not sent and keeps its old value."""

    world_id: str
    character_id: str  # the tabletop's, unique in its world
    name: str  # 1…128 characters
    character_type: CharacterType
    avatar: str | None = None  # "" for none; else https, or a path on the tabletop's own host
    stats: Json = None
    inventory: tuple[Json, ...] | None = None
    spells: tuple[Json, ...] | None = None
    features: tuple[Json, ...] | None = None
    vtt_data: Json = None  # {system, type, flags}

    @property
    def content_hash(self) -> str:
        """The same for the same content, whatever the order of keys: 64 hex digits."""
        return hashlib.sha256(compact(self._content).encode()).hexdigest()

    @property
    def _content(self) -> list[Any]:
        return [
            *(self.world_id, self.character_id, self.name, self.character_type, self.avatar),
            *(self.stats, self.inventory, self.spells, self.features, self.vtt_data),
        ]

    def over(self, old: CharacterUpdate) -> CharacterUpdate:
        """This update with the parts that it lacks taken from `old`."""
        return replace(
            self,
            avatar=old.avatar if self.avatar is None else self.avatar,
            stats=old.stats if self.stats is None else self.stats,
            inventory=old.inventory if self.inventory is None else self.inventory,
            spells=old.spells if self.spells is None else self.spells,
            features=old.features if self.features is None else self.features,
            vtt_data=old.vtt_data if self.vtt_data is None else self.vtt_data,
        )


def compact(value: object) -> str:
    """JSON in its one shortest form: the same text for the same content."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
