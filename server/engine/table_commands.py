"""Commands to a table, ordered in the transaction of whatever causes them (design: the outbox).

What is ordered is told once at most: an effect twice is worse than one that a person has to look after.
Whoever has a browser of the table on the line tells it (server/web/foundry/courier.py).
"""

from __future__ import annotations

from uuid import UUID

from server.rules.table_commands import EXPIRES_IN_S, TableCommand
from sql import vtt_commands
from sql.pool import Connection


class NoTable(LookupError):
    """The campaign has no such table, or it is none that takes commands."""


async def order(
    connection: Connection,
    campaign_id: UUID,
    connection_id: UUID,
    command: TableCommand,
    *,
    key: str,
    expires_in_s: float = EXPIRES_IN_S,
) -> UUID:
    """Have a table told; answers the id of the command. `key` names the cause, within 150 characters: the
    same one again orders nothing new. Raises NoTable."""
    ordered = await vtt_commands.add(
        connection,
        campaign_id,
        connection_id,
        kind=command.kind,
        data=command.data,
        key=key,
        expires_in_s=expires_in_s,
    )
    if ordered is None:
        raise NoTable
    return ordered
