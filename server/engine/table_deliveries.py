"""Deliveries of tables that have a name: the same one again has no effect, whatever is in it (R13, T18).

A roll is known by its own id; but some senders tell none, and whoever recorded such a delivery could play it
again. So the delivery's id goes into the inbox, in the transaction of its effect (T19).
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from server.engine.intake import Identity
from server.rules.table_events import DiceRolled, TableEvent
from sql import inbox
from sql.pool import Connection


async def repeated(
    connection: Connection, campaign_id: UUID, events: Sequence[TableEvent], now: datetime
) -> frozenset[int]:
    """Places of events whose delivery was taken in before; those of all others are noted.

    The caller holds the campaign's lock.
    """
    first: dict[Identity, datetime] = {}
    places: dict[Identity, list[int]] = {}
    found: set[int] = set()
    for place, event in enumerate(events):
        if not isinstance(event, DiceRolled) or not event.delivery or event.connection_id is None:
            continue
        key = (source_of(event.connection_id), event.delivery)
        # Events of one delivery were received at one moment; the same id at another one is a repeat.
        if first.setdefault(key, event.received_at) == event.received_at:
            places.setdefault(key, []).append(place)
        else:
            found.add(place)
    for key in await inbox.take_in(connection, campaign_id, places.keys(), now):
        found.update(places[key])
    return frozenset(found)


def source_of(connection_id: UUID) -> str:
    """How the inbox calls a table: within the 32 characters that a source may have."""
    return "vtt:" + base64.urlsafe_b64encode(connection_id.bytes).rstrip(b"=").decode()
