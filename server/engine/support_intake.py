"""Kindnesses of viewers, inside the campaign's turn: each stored once, and shown as the campaign wants it.

Many tellings may be about one deed (rules/support.py): the first makes it, the others add what they know.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from server.engine import alerts
from server.engine.admission import admit
from server.engine.alerts import Shown
from server.engine.bench import Bench
from server.engine.intake import DUPLICATE, Outcome
from server.engine.turn import Turn
from server.rules.platform_events import Supported
from server.rules.support import Deed, deed, fault, merged, tidied
from sql import donations, support
from sql.ids import uuid7
from sql.support import Put


class Told(NamedTuple):
    """A kindness, tidied and without fault, and where it was told: nowhere, when somebody tries it out."""

    event: Supported
    channel_id: UUID | None = None
    donation_connection_id: UUID | None = None


async def take(bench: Bench, events: Sequence[Supported]) -> list[Outcome]:
    """Take kindnesses in; one outcome an event. A deed that was told before is a duplicate."""
    pages = await _pages(bench.turn, events)
    outcomes, places = await admit(bench, events, pages)
    fresh: dict[int, Told] = {}
    for place, told_by in places.items():
        event = tidied(events[place])
        if reason := fault(event):
            outcomes[place] = Outcome("rejected", reason)
        elif event.platform in donations.SERVICES:
            fresh[place] = Told(event, donation_connection_id=told_by)
        else:
            fresh[place] = Told(event, channel_id=told_by)
    for place, is_new in zip(fresh, await store(bench.turn, fresh.values(), bench.armed), strict=True):
        if not is_new:
            outcomes[place] = DUPLICATE
    return outcomes


async def store(turn: Turn, tellings: Iterable[Told], armed: asyncio.Event) -> list[bool]:
    """Write what is told, show what is to be seen; answers of each telling whether its deed is new."""
    tellings = list(tellings)
    known = await support.known(turn.connection, turn.campaign_id, {deed(told.event) for told in tellings})
    before = {key: stored.event for key, stored in known.items()}
    made: dict[Deed, Put] = {}
    are_new = []
    for told in tellings:
        key = deed(told.event)
        are_new.append(key not in made and key not in known)
        if key in made:
            event, tellings_of = merged(made[key].event, told.event), made[key].tellings + 1
            made[key] = made[key]._replace(event=event, tellings=tellings_of)
        elif key in known:
            event = merged(known[key].event, told.event)
            made[key] = Put(known[key].id, event, 1, told.channel_id, told.donation_connection_id)
        else:
            made[key] = Put(uuid7(), told.event, 1, told.channel_id, told.donation_connection_id)
    if made:
        await support.put(turn.connection, turn.campaign_id, made.values())
        changed = [
            Shown(put.id, put.event, key not in known)
            for key, put in made.items()
            if before.get(key) != put.event
        ]
        await alerts.show(turn, changed, armed)
    return are_new


async def _pages(turn: Turn, events: Sequence[Supported]) -> Mapping[tuple[str, str], UUID]:
    """The donation pages among the tellers that are the campaign's and may tell something still."""
    asked = {event.channel_id for event in events if event.platform in donations.SERVICES}
    return await donations.active(turn.connection, turn.campaign_id, asked) if asked else {}
