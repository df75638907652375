"""Rolls at the table: the log, whose they are, and what of them goes on stream."""

from __future__ import annotations

from uuid import UUID

from server.engine import roll_acts
from server.rules import sealed
from server.web.api.acting import Acting
from server.web.api.roll_models import AttributeIn, ProofOut, RollOut, RollQuery, shown
from server.web.endpoint import Call, endpoint
from server.web.models import Page
from server.web.problems import conflict, invalid, not_found
from sql import characters, dice_rolls
from sql.dice_rolls import Roll
from sql.pool import Connection


async def _roll(call: Call, connection: Connection) -> Roll:
    found = await dice_rolls.get(connection, call.id("roll_id", "roll"))
    if found is None or found.campaign_id not in call.scope:
        raise not_found("roll")
    if found.is_secret and not call.may(found.campaign_id, "run"):
        raise not_found("roll")
    return found


async def _read(connection: Connection, roll_id: UUID) -> RollOut:
    found = await dice_rolls.get(connection, roll_id)
    if found is None:
        raise not_found("roll")
    return shown(found)


async def _to_act_on(call: Call) -> Roll:
    async with call.services.database.connection() as connection:
        return await _roll(call, connection)


@endpoint(
    "GET", "/campaigns/{campaign_id}/rolls", "List rolls", query=RollQuery, answer=Page[RollOut], needs="read"
)
async def list_rolls(call: Call) -> Page[RollOut]:
    """Newest first; secret ones for who runs the show only."""
    query = call.asked(RollQuery)
    campaign_id = call.campaign_id()
    found = await dice_rolls.page(
        call.connection,
        campaign_id,
        pending=bool(query.pending),
        without_secret=query.hidden is False or not call.may(campaign_id, "run"),
        before=query.cursor,
        most=query.limit + 1,
    )
    chosen = found[: query.limit]
    return Page(
        items=[shown(roll) for roll in chosen],
        next=chosen[-1].id if len(found) > query.limit else None,
    )


@endpoint("GET", "/rolls/{roll_id}", "Read a roll", answer=RollOut, needs="read")
async def read_roll(call: Call) -> RollOut:
    """Its newest revision."""
    return shown(await _roll(call, call.connection))


@endpoint(
    "POST",
    "/rolls/{roll_id}/attribute",
    "Say whose roll it is",
    body=AttributeIn,
    answer=RollOut,
    work="engine",
    problems=(409,),
    needs="moderate",
)
async def attribute_roll(call: Call, body: AttributeIn) -> RollOut:
    """A pending roll gets its character, once; with effects, what waited for that happens now."""
    roll = await _to_act_on(call)
    async with call.services.database.connection() as connection:
        character = await characters.get(connection, body.character_id)
    if character is None or character.campaign_id != roll.campaign_id:
        raise invalid("/character_id", "the campaign has no such character")
    detail = {"character_id": str(body.character_id), "effects": body.effects}
    acted = Acting(call, "roll.attribute", _read, campaign_id=roll.campaign_id, detail=detail)
    await roll_acts.attribute(
        call.services.rooms, roll.campaign_id, roll.id, body.character_id, effects=body.effects, also=acted
    )
    return acted.answer


@endpoint(
    "POST",
    "/rolls/{roll_id}/dismiss",
    "Dismiss a roll",
    answer=RollOut,
    work="engine",
    problems=(409,),
    needs="moderate",
)
async def dismiss_roll(call: Call) -> RollOut:
    """A pending roll belongs to nobody, and that is settled."""
    roll = await _to_act_on(call)
    acted = Acting(call, "roll.dismiss", _read, campaign_id=roll.campaign_id)
    await roll_acts.dismiss(call.services.rooms, roll.campaign_id, roll.id, also=acted)
    return acted.answer


@endpoint(
    "POST",
    "/rolls/{roll_id}/reveal",
    "Reveal a secret roll",
    answer=RollOut,
    work="engine",
    problems=(409,),
    needs="run",
)
async def reveal_roll(call: Call) -> RollOut:
    """On stream, with the proof when it was sealed."""
    roll = await _to_act_on(call)
    acted = Acting(call, "roll.reveal", _read, campaign_id=roll.campaign_id)
    await roll_acts.reveal(call.services.rooms, roll.campaign_id, roll.id, also=acted)
    return acted.answer


@endpoint(
    "POST",
    "/rolls/{roll_id}/show",
    "Show a roll again",
    answer=RollOut,
    work="engine",
    problems=(409,),
    needs="moderate",
)
async def show_roll(call: Call) -> RollOut:
    """Once more on stream. A secret roll must be revealed instead."""
    roll = await _to_act_on(call)
    acted = Acting(call, "roll.show", _read, campaign_id=roll.campaign_id)
    await roll_acts.show_again(call.services.rooms, roll.campaign_id, roll.id, also=acted)
    return acted.answer


@endpoint(
    "GET", "/rolls/{roll_id}/proof", "Prove a sealed roll", answer=ProofOut, problems=(409,), needs="run"
)
async def prove_roll(call: Call) -> ProofOut:
    """What `hubbub verify` checks, after the roll was revealed."""
    roll = await _roll(call, call.connection)
    if roll.seal is None:
        raise conflict("not_sealed", "This roll was not sealed: there is nothing to prove.")
    if roll.revealed_at is None:
        raise conflict("secret", "The proof tells the value: reveal the roll first.")
    return ProofOut(**sealed.reveal(roll.roll, roll.seal))


ENDPOINTS = (
    list_rolls,
    read_roll,
    attribute_roll,
    dismiss_roll,
    reveal_roll,
    show_roll,
    prove_roll,
)
