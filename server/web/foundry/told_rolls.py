"""Rolls that we have ordered ourselves, recognised when they come back (vtt-and-dice, invariant 3).

The module rolls what it is told to, and then sends it as any other roll: nothing in it names the command. So
it is known by its formula, by the number that its first die was forced to, and by the time. Both game
masters' browsers send it; the second one is known by the message that the first one was.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Final
from uuid import UUID

from server.rules.dice import DiceRoll
from server.rules.table_commands import same_formula
from sql import vtt_commands
from sql.pool import Database
from sql.vtt_commands import ToldRoll

#: How long after it was told a roll can be the one; dice that roll in three dimensions take some of it.
WITHIN_S: Final = 60.0


class ToldRolls:
    """Asks the database, for all tables that want to know at the same time together.

    Always anew: another process may have told the table a moment ago.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._asked: dict[UUID, asyncio.Future[list[ToldRoll]]] = {}
        self._working: asyncio.Task[None] | None = None

    async def of(self, connection_id: UUID) -> list[ToldRoll]:
        """Rolls that the table was told to make lately. Raises one of UNREACHABLE."""
        loop = asyncio.get_running_loop()
        answer = self._asked.get(connection_id)
        if answer is None:
            answer = self._asked[connection_id] = loop.create_future()
        if self._working is None:
            self._working = loop.create_task(self._work())
        return await asyncio.shield(answer)

    async def _work(self) -> None:
        try:
            while self._asked:
                asked, self._asked = self._asked, {}
                await self._answer(asked)
        finally:
            self._working = None

    async def _answer(self, asked: dict[UUID, asyncio.Future[list[ToldRoll]]]) -> None:
        try:
            async with self._database.connection() as connection:
                found = await vtt_commands.told_rolls(connection, list(asked), WITHIN_S)
            by_table: defaultdict[UUID, list[ToldRoll]] = defaultdict(list)
            for told in found:
                by_table[told.connection_id].append(told)
            for connection_id, answer in asked.items():
                answer.set_result(by_table[connection_id])
        except Exception as error:
            for answer in asked.values():
                answer.set_exception(error)
                answer.exception()  # whoever asked may be gone by now
        finally:
            for answer in asked.values():
                answer.cancel()  # only if this task was cancelled


def recognised(roll: DiceRoll, told: list[ToldRoll]) -> ToldRoll | None:
    """The order that this roll comes from. Takes it out of those that were not reported yet."""
    for one in told:
        if one.report and one.report == roll.source.ref:
            return one if _fits(roll, one) else None
    for place, one in enumerate(told):
        if not one.report and _fits(roll, one):
            told[place] = one._replace(report=roll.source.ref)
            return one
    return None


def _fits(roll: DiceRoll, told: ToldRoll) -> bool:
    if not same_formula(told.formula, roll.notation_native):
        return False
    dice = [die.value for group in roll.groups for die in group.dice]
    return told.forced is None or dice[:1] == [told.forced]
