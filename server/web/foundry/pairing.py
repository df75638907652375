"""What a confirmed pairing of the published module leaves: a table of the campaign."""

from __future__ import annotations

from uuid import UUID

from server.web.services import Services
from sql import vtt_connections
from sql.ids import uuid7
from sql.pool import Connection
from sql.vtt_pairings import Pairing


async def complete(services: Services, connection: Connection, pairing: Pairing, campaign_id: UUID) -> UUID:
    """The table of this pairing, in the transaction that uses the code up; answers its id."""
    connection_id = uuid7()
    await vtt_connections.create(
        connection,
        campaign_id,
        connection_id=connection_id,
        provider="foundry",
        name=(pairing.world_name or pairing.world_id or "Foundry")[:64],
        world=pairing.world,
    )
    return connection_id
