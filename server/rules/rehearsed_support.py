"""Kindnesses that are made up, for whoever tries alerts out: one of each kind, and a burst with a gift bomb.

All are marked as tests: they are shown as such, stand in the feed as such, and are counted nowhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from server.rules.events import User
from server.rules.platform_events import Supported, SupportKind

_ONE: Final[Mapping[SupportKind, Mapping[str, Any]]] = {
    "subscription": {"tier": 1, "months": 1},
    "resub": {"tier": 2, "months": 14, "message": "Fourteen months, and still no dragon!"},
    "gift": {"tier": 1, "quantity": 5},
    "bits": {"quantity": 500, "message": "For luck on the next roll"},
    "kicks": {"quantity": 250, "message": "Open the vault!"},
    "donation": {"amount_minor": 1250, "currency": "EUR", "message": "New dice for the wizard"},
    "follow": {},
    "raid": {"quantity": 128},
}

#: Who gives what in a burst, as fast as it would come in a good minute.
_BURST: Final[tuple[tuple[SupportKind, str, int], ...]] = (
    ("raid", "Mossy Tavern", 128),
    ("follow", "Rook Feather", 1),
    ("follow", "Tinker Tess", 1),
    ("follow", "Fern Fable", 1),
    ("follow", "Brass Badger", 1),
    ("follow", "Quill Quinn", 1),
    ("bits", "Lantern Lou", 100),
    ("gift", "Map Muncher", 10),
    ("bits", "Vesper Vane", 250),
    ("subscription", "Odd Otter", 1),
    ("bits", "Pip", 50),
    ("donation", "", 1),
    ("follow", "Salt & Sage", 1),
    ("follow", "Gale", 1),
)


def one(kind: SupportKind, name: str, message_id: str, now: datetime) -> Supported:
    """A made-up kindness of a kind, as far as figures go an ordinary one. Without a name: anonymous."""
    figures = {"quantity": 1, "tier": 0, "months": 0, "amount_minor": 0, "currency": "", "message": ""}
    return Supported(
        platform="custom",
        channel_id="test",
        message_id=message_id,
        kind=kind,
        fact=message_id,
        user=User("", "", name) if name else None,
        sent_at=now,
        received_at=now,
        is_test=True,
        **{**figures, **_ONE[kind]},
    )


def burst(key: str, now: datetime) -> tuple[Supported, ...]:
    """A lively minute at once. `key` tells it apart from other bursts."""
    found = []
    for number, (kind, name, quantity) in enumerate(_BURST):
        event = one(kind, name, f"{key}-{number}", now)
        found.append(event if kind == "donation" else event._replace(quantity=quantity))
    return tuple(found)
