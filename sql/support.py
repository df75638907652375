"""Kindnesses of viewers, each stored once (the seeds' `monetization_events`), and who is live."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import sql
from server.rules.events import User
from server.rules.platform_events import Supported, SupportKind
from server.rules.support import Deed, deed
from sql.pool import Connection, Row

_Q = sql.load("support")


class Stored(NamedTuple):
    """A deed as its tellings so far have it. Roles of its giver are not kept."""

    id: UUID
    event: Supported


@dataclass(frozen=True, slots=True)
class Entry:
    """A deed in the feed. `place` is the channel's name, or that of the donation page."""

    id: UUID
    channel_id: UUID | None
    donation_connection_id: UUID | None
    platform: str
    place: str
    kind: SupportKind
    is_test: bool
    is_anonymous: bool
    platform_user_id: str | None
    login: str
    name: str
    quantity: int
    tier: int
    months: int
    amount_minor: int
    currency: str
    message: str
    tellings: int
    sent_at: datetime
    received_at: datetime


class Total(NamedTuple):
    """What deeds of one kind come to; money in one currency, empty where there is none."""

    kind: SupportKind
    currency: str
    deeds: int
    quantity: int
    amount_minor: int


def _stored(row: Row) -> Stored:
    user = None if row["is_anonymous"] else User(row["platform_user_id"] or "", row["login"], row["name"])
    event = Supported(
        row["platform"],
        row["platform_channel_id"],
        row["message_id"],
        row["kind"],
        row["fact"],
        user,
        row["quantity"],
        row["tier"],
        row["months"],
        row["amount_minor"],
        row["currency"],
        row["message"],
        row["sent_at"],
        row["received_at"],
        row["is_test"],
    )
    return Stored(row["id"], event)


async def known(connection: Connection, campaign_id: UUID, deeds: Collection[Deed]) -> dict[Deed, Stored]:
    """Those of some deeds that were told before."""
    if not deeds:
        return {}
    platforms, places, kinds, tests, facts = zip(*deeds, strict=True)
    rows = await connection.fetch(_Q["known"], campaign_id, platforms, places, kinds, tests, facts)
    return {deed(stored.event): stored for stored in map(_stored, rows)}


class Put(NamedTuple):
    """A deed to be written: new, or as one more telling has it."""

    id: UUID
    event: Supported
    tellings: int  # how many of them are new
    channel_id: UUID | None = None
    donation_connection_id: UUID | None = None


async def put(connection: Connection, campaign_id: UUID, deeds: Collection[Put]) -> None:
    """Write deeds; the caller holds the campaign's lock since before it asked which are known."""
    await connection.executemany(
        _Q["put"],
        [
            (
                one.id,
                campaign_id,
                one.channel_id,
                one.donation_connection_id,
                event.platform,
                event.channel_id,
                event.kind,
                event.fact,
                event.is_test,
                event.message_id,
                event.user is None,
                (event.user.id or None) if event.user else None,
                event.user.login if event.user else "",
                event.user.name if event.user else "",
                event.quantity,
                event.tier,
                event.months,
                event.amount_minor,
                event.currency,
                event.message,
                one.tellings,
                event.sent_at,
                event.received_at,
            )
            for one in deeds
            for event in (one.event,)
        ],
    )


async def page(
    connection: Connection, campaign_id: UUID, *, before: UUID | None = None, most: int = 50
) -> list[Entry]:
    """The feed of a campaign, newest first."""
    return [Entry(*row) for row in await connection.fetch(_Q["page"], campaign_id, before, most)]


async def totals(connection: Connection, campaign_id: UUID, since: datetime) -> list[Total]:
    """What all deeds since a moment add up to; tests are not among them."""
    return [Total(*row) for row in await connection.fetch(_Q["totals"], campaign_id, since)]


async def stream_since(connection: Connection, campaign_id: UUID) -> datetime | None:
    """Since when the first of the campaign's live channels has been live; None when none is."""
    since: datetime | None = await connection.fetchval(_Q["stream_since"], campaign_id)
    return since


async def stream_changed(
    connection: Connection, channel: UUID, *, live_since: datetime | None, title: str, told_at: datetime
) -> bool:
    """A platform says whether a channel is live; False when something later is known already.

    In whatever order tellings come, and however often, the latest by the platform's clock holds.
    """
    changed = await connection.execute(
        _Q["stream_changed"], channel, live_since is not None, live_since, title, told_at
    )
    return changed == "UPDATE 1"
