"""How a campaign plays: its game system, and what of its table the stream may know."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import sql
from sql.pool import Connection

_Q = sql.load("table_settings")


@dataclass(frozen=True, slots=True)
class TableSettings:
    """The defaults are those of a campaign that never said anything."""

    game_system: str = ""  # the tabletop's id of it, such as dnd5e; "" while it is not known
    shows_secret: bool = False  # the stream may know that a secret roll happened
    seals_secret: bool = False  # and sees the beginning of its commitment
    shows_dice: bool = True
    shows_party: bool = True
    shows_initiative: bool = True
    holds_pending: bool = False  # rolls of unknown characters wait for the game master
    rewards_unverified: bool = True  # criticals count although a browser sent them
    conceals_monsters: bool = True  # who is no player character is "???" until it is shown


async def get(connection: Connection, campaign_id: UUID) -> TableSettings:
    """The settings of a campaign; the defaults when it has none of its own."""
    row = await connection.fetchrow(_Q["get"], campaign_id)
    return TableSettings() if row is None else TableSettings(*row)


async def save(connection: Connection, campaign_id: UUID, settings: TableSettings) -> None:
    """Write all of them. The caller holds the campaign's lock and says that its configuration changed."""
    await connection.execute(
        _Q["save"],
        campaign_id,
        settings.game_system,
        settings.shows_secret,
        settings.seals_secret,
        settings.shows_dice,
        settings.shows_party,
        settings.shows_initiative,
        settings.holds_pending,
        settings.rewards_unverified,
        settings.conceals_monsters,
    )
