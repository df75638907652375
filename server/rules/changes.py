"""What one commit did to what browsers see: the engine makes it, live sends it (both import it from here)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

#: A board as browsers see it: JSON, public, whole.
Board = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class OnceEvent:
    """Something that happens once: a die, a hit, an alert. Not shown any more after `ttl_ms`."""

    seq: int
    id: str
    kind: str
    data: Mapping[str, Any]
    ttl_ms: int


@dataclass(frozen=True, slots=True)
class Change:
    """The step of a campaign from `from_seq` to `to_seq`, absolute: applying it twice is harmless."""

    campaign_id: UUID
    epoch: UUID
    from_seq: int
    to_seq: int
    at: datetime  # database clock
    set: Mapping[str, Board]
    unset: tuple[str, ...] = ()
    events: tuple[OnceEvent, ...] = ()
