"""Rolls by hand: dice that fall here, from a cryptographic source (reliability T22)."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from uuid import UUID

from server.engine.batch import Overloaded
from server.rules import notation, notation_dice
from server.rules.dice import Actor, DiceRoll, Mode, Source
from server.rules.notation_dice import BY_ZERO, TOO_LARGE
from server.rules.notation_tree import Dice, Expression, Keep
from server.rules.table_events import DiceRolled
from server.web.api.roll_models import RollOut, shown
from server.web.api.vtt_models import ManualRollIn
from server.web.endpoint import Call, endpoint
from server.web.idempotency import HEADER
from server.web.problems import Problem, invalid, not_found
from sql import characters, dice_rolls
from sql.characters import Character
from sql.ids import uuid7

#: Where rolls by hand are made; with their id it names them.
INSTANCE = "desk"


def draw(sides: int) -> int:
    """A face of an honest die."""
    return secrets.randbelow(sides) + 1


@endpoint(
    "POST",
    "/campaigns/{campaign_id}/rolls",
    "Roll by hand",
    body=ManualRollIn,
    answer=RollOut,
    status=201,
    work="engine",
    problems=(503,),
    needs="run",
)
async def roll_by_hand(call: Call, body: ManualRollIn) -> RollOut:
    """The server throws what is written, by a cryptographic source; then it goes the way of all rolls."""
    campaign_id = call.campaign_id()
    expression = _expression(body.notation)
    thrown = notation_dice.roll(expression, draw)
    for trouble in (BY_ZERO, TOO_LARGE):
        if trouble in thrown.troubles:
            raise invalid("/notation", trouble)
    character = None if body.character_id is None else await _character(call, campaign_id, body.character_id)
    received_at = call.services.clock()
    roll = DiceRoll(
        roll_id=_roll_id(call, campaign_id),
        source=Source("manual", INSTANCE),
        actor=_actor(body, character),
        visibility=body.visibility,
        notation=notation.canonical(expression),
        groups=thrown.groups,
        modifiers=thrown.modifiers,
        total=thrown.total,
        rolled_at=received_at,
        label=body.label,
        kind=body.kind,
        mode=_mode(expression),
        notation_native=body.notation,
        successes=thrown.successes,
        verified=True,  # by us
    )
    try:
        await call.services.batches.deliver(
            campaign_id,
            [DiceRolled(None, roll, received_at, character_id=body.character_id, simulated=body.simulated)],
        )
    except Overloaded:
        raise Problem(
            503, "overloaded", "The roll was not stored. Try again.", headers={"retry-after": "1"}
        ) from None
    # The one that is stored: a repeat after a crash has thrown other dice, and they do not count.
    async with call.services.database.connection() as connection:
        stored = await dice_rolls.known(connection, campaign_id, [dice_rolls.key_of(None, roll)])
    if not stored:
        raise not_found("roll")
    (found,) = stored.values()
    return shown(found)


def _expression(text: str) -> Expression:
    try:
        return notation.parse(text)
    except notation.NotNotation as error:
        raise invalid("/notation", str(error)) from None


async def _character(call: Call, campaign_id: UUID, character_id: UUID) -> Character:
    async with call.services.database.connection() as connection:
        found = await characters.get(connection, character_id)
    if found is None or found.campaign_id != campaign_id:
        raise invalid("/character_id", "the campaign has no such character")
    return found


def _actor(body: ManualRollIn, character: Character | None) -> Actor:
    if character is None:
        return Actor(player_name=body.player_name, is_gm=True)
    return Actor(
        player_name=body.player_name,
        character_name=character.name[:64],
        character_id=character.vtt_id,
    )


def _roll_id(call: Call, campaign_id: UUID) -> str:
    """The same for the same Idempotency-Key: thrown again is not rolled again."""
    key = call.request.headers.get(HEADER)
    if key is None:
        return str(uuid7())
    return hashlib.sha256(f"{campaign_id} {call.actor.label} {key}".encode()).hexdigest()


#: What is kept of how many d20.
_MODES: dict[tuple[int, Sequence[Keep]], Mode] = {
    (2, (Keep("kh", 1),)): "advantage",
    (2, (Keep("kl", 1),)): "disadvantage",
    (3, (Keep("kh", 1),)): "super_advantage",
    (3, (Keep("kl", 1),)): "super_disadvantage",
}


def _mode(expression: Expression) -> Mode:
    """Advantage, when the first dice are d20 of which one is kept."""
    first = next((term.of for term in expression.terms if isinstance(term.of, Dice)), None)
    if first is None or first.sides != 20:
        return "normal"
    return _MODES.get((first.count, first.keeps), "normal")


ENDPOINTS = (roll_by_hand,)
