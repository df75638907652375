"""Who may listen: keys are turned into passes here, once, in the first frame of a connection."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol, TypeAlias
from uuid import UUID

from sql import overlay_keys
from sql.overlay_keys import KeyedOverlay
from sql.pool import Database

#: What a layout says where the stored one is silent.
DEFAULT_LAYOUT: Final[Mapping[str, Any]] = {
    "stage": "landscape",
    "theme": "night",
    "anchor": "bottom-left",
    "scale": 1.0,
    "motion": "full",
    "widgets": None,
    "lang": "en",
}


class Position(NamedTuple):
    """A step of a campaign's stream."""

    epoch: UUID
    seq: int


@dataclass(frozen=True, slots=True)
class OverlayPass:
    """A browser source. `key_hash` is the SHA-256 of the key it came with; `stands` is where the database
    said its campaign stands when it was let in."""

    overlay_id: UUID
    campaign_id: UUID
    layout: Mapping[str, Any]
    key_hash: bytes
    token_version: int
    stands: Position


@dataclass(frozen=True, slots=True)
class DeskPass:
    """A desk or a program. `subject` names what it was let in by, such as a session or an API key."""

    campaign_id: UUID
    subject: str


Pass: TypeAlias = OverlayPass | DeskPass


class Doorman(Protocol):
    """Turns a key into a pass. None: unknown, wrong and revoked keys look the same."""

    async def overlay(self, key: str) -> OverlayPass | None: ...

    async def ticket(self, key: str) -> DeskPass | None: ...

    async def api_key(self, key: str, campaign: UUID) -> DeskPass | None: ...


class DeskRegister(Protocol):
    """Tells which desks may stay: sessions end and API keys are revoked while sockets are open."""

    async def living(self, passes: Collection[DeskPass]) -> Collection[DeskPass]:
        """Those whose session or key is still good; asked every second while desks are connected."""


def overlay_pass(overlay: KeyedOverlay) -> OverlayPass:
    """The pass for an overlay, with the layout as its browser gets it."""
    own = {"overlay_id": str(overlay.id), "name": overlay.name}
    layout = {**DEFAULT_LAYOUT, **overlay.layout, **own}
    stands = Position(overlay.epoch, overlay.seq)
    return OverlayPass(
        overlay.id, overlay.campaign_id, layout, overlay.key_hash, overlay.token_version, stands
    )


class OverlayDoor:
    """The overlays' half of a Doorman.

    A key has 256 random bits and is looked up by its SHA-256, so neither the answer nor the time of
    the index lookup tells how near a guess was; every key takes the same way (threat T3).
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def overlay(self, key: str) -> OverlayPass | None:
        """The pass for an `ovl_` key. Raises one of UNREACHABLE when the database is away."""
        digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
        async with self._database.connection() as connection:
            found = await overlay_keys.by_hash(connection, digest)
        return None if found is None else overlay_pass(found)
