"""Rolls that we have ordered ourselves, recognised when they come back (vtt-and-dice, invariant 3).

The module rolls what it is told to, and then sends it as any other roll: nothing in it names the command. So
it is known by its formula, by who was to roll, by the number that its first die was forced to, and by the
time at which it came. Both game masters' browsers send it; the second one is known by the message that the
first one was.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from server.live.together import Together
from server.rules.attribution import NOBODY
from server.rules.dice import DiceRoll
from server.rules.table_commands import same_formula
from sql import vtt_commands
from sql.pool import Connection, Database
from sql.vtt_commands import ToldRoll

#: How long after it was told a roll can be the one; dice that roll in three dimensions take some of it.
WITHIN_S: Final = 60.0
#: What has come may wait a minute for a database that is away, and still counts from when it came.
_ASKED_FOR_S: Final = WITHIN_S + 120.0
#: By how much the database's clock, as a process knows it, may run behind.
_SLACK_S: Final = 1.0


class ToldRolls:
    """Asks the database, for all tables that want to know at the same time together.

    Always anew: another process may have told the table a moment ago.
    """

    def __init__(self, database: Database) -> None:
        self._rolls = Together(database, _told_lately)

    async def of(self, connection_id: UUID) -> list[ToldRoll]:
        """Rolls that the table was told to make lately. Raises one of UNREACHABLE."""
        return await self._rolls.of(connection_id)


async def _told_lately(connection: Connection, tables: list[UUID]) -> Mapping[UUID, list[ToldRoll]]:
    found: dict[UUID, list[ToldRoll]] = {connection_id: [] for connection_id in tables}
    for told in await vtt_commands.told_rolls(connection, tables, _ASKED_FOR_S):
        found[told.connection_id].append(told)
    return found


def recognised(roll: DiceRoll, received_at: datetime, told: list[ToldRoll]) -> ToldRoll | None:
    """The order that this roll comes from. Takes it out of those that were not reported yet."""
    for one in told:
        if one.report and one.report == roll.source.ref:
            return one if _fits(roll, received_at, one) else None
    for place, one in enumerate(told):
        if not one.report and _fits(roll, received_at, one):
            told[place] = one._replace(report=roll.source.ref)
            return one
    return None


def _fits(roll: DiceRoll, received_at: datetime, told: ToldRoll) -> bool:
    if not -_SLACK_S <= (received_at - told.told_at).total_seconds() <= WITHIN_S:
        return False
    # Who is told to roll for nobody in particular rolls for whomever is selected there.
    if told.actor_id and roll.actor.character_id not in (told.actor_id, NOBODY, ""):
        return False
    if not same_formula(told.formula, roll.notation_native):
        return False
    dice = [die.value for group in roll.groups for die in group.dice]
    return told.forced is None or dice[:1] == [told.forced]
