"""Who may listen: keys are turned into passes here, once, in the first frame of a connection."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol, TypeAlias
from uuid import UUID

import orjson

from server.live.key_lookup import KeyLookup
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
    """A browser source. `layout` is the JSON text that its browser gets; `key_hash` is the SHA-256 of the key
    it came with; `stands` is where the database said its campaign stands when it was let in."""

    overlay_id: UUID
    campaign_id: UUID
    layout: bytes
    key_hash: bytes
    token_version: int
    stands: Position

    def says_the_same(self, other: OverlayPass) -> bool:
        """Whether it lets in and shows the same, wherever the campaign stood at the time."""
        return (self.overlay_id, self.key_hash, self.token_version, self.layout) == (
            other.overlay_id,
            other.key_hash,
            other.token_version,
            other.layout,
        )


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


def compact(text: bytes) -> bytes:
    """The same bytes in as much memory as they need: what orjson returns keeps its buffer of 1 to 4 KiB."""
    return bytes(memoryview(text))


def overlay_pass(overlay: KeyedOverlay) -> OverlayPass:
    """The pass for an overlay, with the layout as its browser gets it."""
    own = {"overlay_id": str(overlay.id), "name": overlay.name}
    layout = compact(orjson.dumps({**DEFAULT_LAYOUT, **overlay.layout, **own}))
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
        self._keys = KeyLookup(database)

    async def overlay(self, key: str) -> OverlayPass | None:
        """The pass for an `ovl_` key. Raises one of UNREACHABLE when the database is away."""
        digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
        found = await self._keys.find(digest)
        return None if found is None else overlay_pass(found)
