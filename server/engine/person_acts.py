"""What becomes of votes when accounts become one person, or are no more; and shows that count them apart."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from typing import Final, TypeAlias
from uuid import UUID

import structlog

from server.engine import persons
from server.engine.room import Rooms
from server.rules.votes import BallotKey
from sql import people
from sql.heads import NoCampaign
from sql.people import Seen
from sql.pool import UNREACHABLE, Connection, Database

log = structlog.get_logger(__name__)

#: How long one show may keep a person waiting who has linked two accounts; its count comes to it later.
_PATIENCE_S: Final = 2.0


#: What a caller adds as the last thing of the turn, told the person as the show sees them now.
AlsoSeen: TypeAlias = Callable[[Connection, Seen], Awaitable[None]]


class NoPerson(LookupError):
    """The show has seen no such person."""


async def recount_everywhere(rooms: Rooms, database: Database, accounts: Collection[BallotKey]) -> None:
    """Count the votes of these accounts anew in every poll that counts persons and takes votes.

    Call after the commit that made them one, or parted them. A poll that cannot be had now is right again
    with the next vote of theirs, and at the latest when it is counted for good.
    """
    try:
        async with database.connection() as connection:
            shows = await people.running(connection)
    except UNREACHABLE as error:
        log.warning("persons_not_recounted", error=type(error).__name__)
        return
    for campaign_id in shows:
        try:
            async with rooms.turn(campaign_id, _PATIENCE_S) as (room, turn):
                await persons.recount(room, turn, accounts)
        except NoCampaign:
            continue
        except UNREACHABLE as error:
            log.warning("persons_not_recounted", campaign_id=str(campaign_id), error=type(error).__name__)


async def set_apart(rooms: Rooms, campaign_id: UUID, person_id: UUID, apart: bool, *, also: AlsoSeen) -> None:
    """A show holds that the accounts of a person are two people (`apart`), or takes that back.

    Once more changes nothing. Raises NoPerson for somebody whose accounts have never met in a poll of the
    show.
    """
    async with rooms.turn(campaign_id) as (room, turn):
        found = await people.seen(turn.connection, campaign_id, only=person_id)
        if not found:
            raise NoPerson(str(person_id))
        person, now = found[0], turn.head.now
        if apart and person.split_at is None:
            await people.split(turn.connection, campaign_id, person_id, now)
            person = replace(person, split_at=now)
        elif not apart and person.split_at is not None:
            await people.rejoin(turn.connection, campaign_id, person_id, now)
            person = replace(person, split_at=None)
        await persons.recount(room, turn, [(one.platform, one.id) for one in person.accounts])
        await also(turn.connection, person)
