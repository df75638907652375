"""What ends by itself or for good: consents whose time is over, and shows that their owner deletes."""

from __future__ import annotations

import asyncio
from uuid import UUID

import structlog

from server.engine.departures import Departures
from server.rules.poll import Refused
from sql import admin_log, campaigns, consents, heads, members
from sql.pool import UNREACHABLE, Connection, Database

log = structlog.get_logger(__name__)

#: A consent that has run out allows nothing from that moment on; what it had made is taken down within this.
EVERY_S = 60.0


async def delete_campaign(
    connection: Connection, departures: Departures, campaign_id: UUID, *, typed: str, actor: str
) -> None:
    """Delete a show: from this transaction on nobody has it; what has to be undone on platforms is in the
    outbox.

    Takes the campaign's row first, so that no event of it is half taken. Tables are told by `foundry.watch`,
    which finds them without a campaign. Raises Refused when `typed` is not its name, heads.NoCampaign.
    """
    await heads.lock(connection, campaign_id)
    name = await campaigns.name_of(connection, campaign_id)
    if name is None:
        raise heads.NoCampaign(str(campaign_id))
    if typed.strip() != name:
        raise Refused("wrong_name", "That is not the name of the show; type it exactly as it stands.")
    for member in await members.list_of_campaign(connection, campaign_id):
        await departures.go(connection, member, "deleted")
    await campaigns.mark_deleted(connection, campaign_id)
    await admin_log.note(
        connection,
        actor=actor,
        action="campaign.delete",
        campaign_id=campaign_id,
        subject=campaign_id,
        detail={"name": name},
    )


async def expire(database: Database, departures: Departures) -> int:
    """Act on all consents that have run out; answers how many members that concerned."""
    async with database.connection() as connection:
        due = await consents.due(connection)
    acted = 0
    for campaign_id in due:
        try:
            async with database.transaction() as connection:
                await heads.lock(connection, campaign_id)
                acted += await departures.expire(connection, campaign_id)
        except heads.NoCampaign:
            continue
    return acted


async def purge(database: Database) -> None:
    """Remove what is left of deleted shows, a piece a transaction."""
    while True:
        async with database.transaction() as connection:
            if await campaigns.purge(connection) is None:
                return


class Endings:
    """Both, for ever. Any number of processes may run it: every end is acted on once."""

    def __init__(self, database: Database, departures: Departures) -> None:
        self._database = database
        self._departures = departures

    async def run(self) -> None:
        """A round a minute, until cancelled. What fails for one round is tried again in the next."""
        while True:
            try:
                await expire(self._database, self._departures)
                await purge(self._database)
            except UNREACHABLE as error:
                log.info("endings_postponed", error=type(error).__name__)
            except Exception:
                log.exception("endings_failed")
            await asyncio.sleep(EVERY_S)
