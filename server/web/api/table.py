"""The table: what a campaign plays, and what of it the stream may know."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated
from uuid import UUID

from pydantic import Field

from server.engine import table_setup
from server.web.api.acting import Acting
from server.web.endpoint import Call, endpoint
from server.web.models import Model, absent
from server.web.problems import invalid
from sql import table_settings
from sql.pool import Connection
from sql.table_settings import TableSettings

GameSystem = Annotated[
    str,
    Field(
        max_length=64,
        pattern=r"^[A-Za-z0-9._-]*$",
        description="The tabletop's id of the game system, such as dnd5e; empty: none",
    ),
]


class TablePatch(Model):
    game_system: GameSystem = absent()
    shows_dice: bool = absent(description="Public rolls go on stream")
    shows_secret: bool = absent(description="The stream may know that a secret roll happened")
    seals_secret: bool = absent(description="With its seal, so that the value can be proved later")
    shows_party: bool = absent()
    shows_initiative: bool = absent()
    holds_pending: bool = absent(description="Rolls of unknown characters go on stream when you say whose")
    rewards_unverified: bool = absent(description="Criticals count although a browser sent the roll")
    conceals_monsters: bool = absent(description="Who is no player character is ??? until you show it")


class TableOut(Model):
    game_system: str
    shows_dice: bool
    shows_secret: bool
    seals_secret: bool
    shows_party: bool
    shows_initiative: bool
    holds_pending: bool
    rewards_unverified: bool
    conceals_monsters: bool


def shown(settings: TableSettings) -> TableOut:
    return TableOut(**asdict(settings))


@endpoint("GET", "/campaigns/{campaign_id}/table", "Read the table's settings", answer=TableOut, needs="run")
async def read_table(call: Call) -> TableOut:
    """Those of a campaign that never set any are the defaults."""
    return shown(await table_settings.get(call.connection, call.campaign_id()))


@endpoint(
    "PATCH",
    "/campaigns/{campaign_id}/table",
    "Change the table's settings",
    body=TablePatch,
    answer=TableOut,
    work="engine",
    needs="run",
)
async def update_table(call: Call, body: TablePatch) -> TableOut:
    """A game system brings its presets along: rules for criticals and items that are not there yet."""
    campaign_id = call.campaign_id()
    changes = body.model_dump(exclude_unset=True)
    if changes.get("seals_secret") and changes.get("shows_secret") is False:
        raise invalid("/seals_secret", "a seal needs the notice that a secret roll happened: show it, too")

    async def answer(connection: Connection, _: UUID) -> TableOut:
        return shown(await table_settings.get(connection, campaign_id))

    acted = Acting(call, "table.update", answer, campaign_id=campaign_id, detail=changes)
    await table_setup.change_settings(call.services.rooms, campaign_id, changes, also=acted)
    return acted.answer


ENDPOINTS = (read_table, update_table)
