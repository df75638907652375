"""What a room keeps of its table between two turns, and how it gets onto the screen."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from uuid import UUID

from server.engine.table_boards import TableBoard, board_id
from server.engine.turn import Turn
from server.rules import combat, dice_stage, initiative_board, party_board
from server.rules.changes import Board
from server.rules.criticality import CriticalityRule
from server.rules.dice_stage import Stage
from server.rules.party_board import Member
from sql import boards, characters, criticality_rules, deadlines, table_settings
from sql.characters import Key, Known
from sql.combats import Standing
from sql.table_settings import TableSettings


@dataclass(slots=True)
class Table:
    """Valid for one position of the campaign's stream, as the room that holds it."""

    settings: TableSettings
    rules: list[CriticalityRule]
    roster: dict[Key, Known]
    stage: Stage

    @property
    def game_masters(self) -> Known | None:
        """Whom the game master plays."""
        return next((known for known in self.roster.values() if known.is_game_masters), None)

    def learn(self, known: Known) -> None:
        """Something of a character is different, under whatever it goes."""
        for key, one in self.roster.items():
            if one.id == known.id:
                self.roster[key] = known

    def find(self, character_id: UUID | None) -> Known | None:
        """A character by its id."""
        return next((known for known in self.roster.values() if known.id == character_id), None)


def id_of(turn: Turn, kind: TableBoard) -> UUID:
    """The id of a board of the campaign's table."""
    return board_id(turn.campaign_id, kind)


async def load(turn: Turn) -> Table:
    """As PostgreSQL has it."""
    connection, campaign_id = turn.connection, turn.campaign_id
    return Table(
        await table_settings.get(connection, campaign_id),
        criticality_rules.ranked(await criticality_rules.list_of_campaign(connection, campaign_id)),
        await characters.roster(connection, campaign_id),
        dice_stage.from_board(await shown(turn, "dice")),
    )


async def shown(turn: Turn, kind: TableBoard) -> Board | None:
    """A board of the table as it is on the screen; None when it is not."""
    return await boards.get(turn.connection, turn.campaign_id, id_of(turn, kind))


async def show_stage(turn: Turn, table: Table, stage: Stage, armed: asyncio.Event) -> None:
    """Put dice on stream, if anything changed, and let time take them off."""
    if stage == table.stage:
        return
    before, table.stage = table.stage, stage
    board = id_of(turn, "dice")
    await turn.show(board, dice_stage.board(stage))
    due = dice_stage.deadline(stage)
    if due is None:
        await deadlines.disarm(turn.connection, board)
    elif due != dice_stage.deadline(before):
        await deadlines.arm(turn.connection, turn.campaign_id, board, *due)
        armed.set()


async def show_party(turn: Turn, settings: TableSettings) -> None:
    """The party as it is now, if that is to be seen and is not there already."""
    before = await shown(turn, "party")
    board = None
    if settings.shows_party:
        members = [
            Member(str(one.id), one.name, one.player, one.hit_points, one.hides_points, tuple(one.conditions))
            for one in await characters.party(turn.connection, turn.campaign_id)
        ]
        board = party_board.board(members, turn.head.now, before)
    if board != before:
        await turn.show(id_of(turn, "party"), board)


def concealed(standing: Standing, settings: TableSettings) -> frozenset[str]:
    """The ids of those in the fight of whom the audience does not learn who they are."""
    return combat.concealed(
        standing.combat, standing.concealments, conceals_monsters=settings.conceals_monsters
    )


async def show_fight(turn: Turn, settings: TableSettings, standing: Standing | None) -> None:
    """The fight as it is now, if that is to be seen and is not there already."""
    before = await shown(turn, "initiative")
    board = None
    if settings.shows_initiative and standing is not None:
        hidden = concealed(standing, settings)
        board = initiative_board.board(standing.combat, turn.head.now, before, concealed=hidden)
    if board != before:
        await turn.show(id_of(turn, "initiative"), board)
