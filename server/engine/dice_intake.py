"""Rolls come in: each is stored once, or revised in place, and what may be seen of it goes on stream.

A batch costs a fixed number of statements, however many rolls it has. Nothing of a roll that is not public
leaves this module but through `dice_view`; reasons and log lines never hold a word of a roll.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import get_args
from uuid import UUID, uuid4

from server.engine import acquaintances, roll_stage, table_state
from server.engine.acquaintances import Heard
from server.engine.intake import ACCEPTED, DUPLICATE, Outcome, storable
from server.engine.table_state import Table
from server.engine.turn import Turn
from server.rules import anomalies, sealed
from server.rules.anomalies import Anomaly, Seen
from server.rules.attribution import Whose, kind_of, named, names_of, whose
from server.rules.dice import DiceRoll, Visibility, inconsistencies
from server.rules.sealed import Seal
from server.rules.table_events import DiceRolled
from server.rules.verdicts import verdict
from sql import characters, dice_rolls
from sql.characters import Key as CharacterKey
from sql.characters import Known, Met
from sql.dice_rolls import Key, Roll
from sql.ids import in_order

#: A clock further ahead than this is wrong; a roll falls no later than it comes (platforms/vtt.md §9.1).
_MOST_AHEAD = timedelta(seconds=60)
_LONGEST_ID = 128
_LONGEST_NAME = 128
_HIGHEST_REVISION = 2**31 - 1

#: How many of a table's rolls a new one is held against.
_MOST_BEFORE = 10

Chance = Callable[[int], bytes]


@dataclass(slots=True)
class _Newest:
    """The revision of a roll that a batch comes down to."""

    event: DiceRolled
    text: str
    index: int


@dataclass(slots=True)
class _Batch:
    """The rolls of a batch that have an effect, and what becomes of each event."""

    outcomes: list[Outcome] = field(default_factory=list)
    newest: dict[Key, _Newest] = field(default_factory=dict)


async def take(
    turn: Turn, table: Table, events: Sequence[DiceRolled], chance: Chance, armed: asyncio.Event
) -> list[Outcome]:
    """Take rolls in; one outcome an event. The order of ids is the order in which they came."""
    read = [_readable(event, table) for event in events]
    keys = {
        dice_rolls.key_of(event.connection_id, event.roll)
        for event, (_, reason) in zip(events, read, strict=True)
        if not reason
    }
    stored = await dice_rolls.known(turn.connection, turn.campaign_id, keys)
    batch = _judge(events, read, stored)
    fresh = {key: one for key, one in batch.newest.items() if key not in stored}
    met = await _meet(turn, table, [one.event for one in fresh.values()])
    before = await _before(turn, [one.event for one in fresh.values()])
    stage = roll_stage.OnStage(turn, table)
    game_masters = table.game_masters
    new: list[tuple[Roll, str]] = []
    for key, row_id in zip(fresh, in_order(len(fresh), turn.head.now), strict=True):
        one = fresh[key]
        owner = whose(
            one.event.roll.actor,
            met.get(key) if one.event.character_id is None else table.find(one.event.character_id),
            game_masters,
            # A test of the line is nobody's, and nobody has to say so.
            is_settled=one.event.connection_id is None or one.event.simulated,
        )
        row = _row(turn, table, one.event, row_id=row_id, owner=owner, chance=chance)
        if _is_doubted(one.event):
            told = before.get(one.event.connection_id, ())
            row = replace(row, anomalies=anomalies.of_new(row.roll, row.received_at, told))
        new.append((await stage.enter(row), _text(row, one)))
    revised = []
    for key, one in batch.newest.items():
        if (older := stored.get(key)) is not None:
            row = _revised(table, older, one.event, chance)
            revised.append((await stage.revise(older, row), _text(row, one)))
    await dice_rolls.insert(turn.connection, new)
    await dice_rolls.revise(turn.connection, revised)
    await table_state.show_stage(turn, table, stage.stage, armed)
    return batch.outcomes


def _is_doubted(event: DiceRolled) -> bool:
    """Whether somebody could have made the roll up: what a server signed, or fell here, nobody did."""
    return event.connection_id is not None and not event.roll.verified and not event.simulated


async def _before(turn: Turn, events: Sequence[DiceRolled]) -> Mapping[UUID | None, Sequence[Seen]]:
    """What the tables of rolls that tell their time told before them."""
    tables = {
        event.connection_id
        for event in events
        if event.connection_id is not None and _is_doubted(event) and event.roll.rolled_at is not None
    }
    if not tables:
        return {}
    lately = await dice_rolls.lately(turn.connection, tables, turn.head.now, _MOST_BEFORE)
    before: dict[UUID | None, Sequence[Seen]] = {}
    for table, rolls in lately.items():
        before[table] = rolls
    return before


def _judge(
    events: Sequence[DiceRolled], read: Sequence[tuple[str, str]], stored: Mapping[Key, Roll]
) -> _Batch:
    """What memory and the stored revisions tell of a batch."""
    batch = _Batch()
    revisions = {key: roll.roll.revision for key, roll in stored.items()}
    for index, (event, (text, reason)) in enumerate(zip(events, read, strict=True)):
        key = dice_rolls.key_of(event.connection_id, event.roll)
        if reason:
            batch.outcomes.append(Outcome("rejected", reason))
        elif event.roll.revision <= revisions.get(key, 0):
            batch.outcomes.append(DUPLICATE)
        else:
            revisions[key] = event.roll.revision
            first = batch.newest.pop(key, None)  # the place in the order is that of the first revision
            batch.newest[key] = _Newest(event, text, index if first is None else first.index)
            batch.outcomes.append(ACCEPTED)
    batch.newest = dict(sorted(batch.newest.items(), key=lambda item: item[1].index))
    return batch


def _readable(event: DiceRolled, table: Table) -> tuple[str, str]:
    """The roll as it is stored, or why it cannot be. Adapters check more; this is the last gate."""
    roll = event.roll
    if not (storable(roll.roll_id, _LONGEST_ID) and storable(roll.source.instance_id, _LONGEST_ID)):
        return "", "bad_roll_id"
    if roll.visibility not in get_args(Visibility):
        return "", "bad_visibility"
    if not 0 < roll.revision <= _HIGHEST_REVISION:
        return "", "bad_revision"
    if roll.rolled_at is not None and roll.rolled_at - event.received_at > _MOST_AHEAD:
        return "", "from_the_future"
    if event.character_id is not None and table.find(event.character_id) is None:
        return "", "unknown_character"
    texts = [*event.details.keys(), *event.details.values()]
    if event.told is not None:
        texts += [event.told.label, event.told.category]
    try:
        "".join(texts).encode()  # half a character has no bytes
        if any("\0" in text for text in texts):
            return "", "unstorable_text"
        return dice_rolls.encoded(roll), ""
    except ValueError:
        return "", "unstorable_text"


async def _meet(turn: Turn, table: Table, events: Sequence[DiceRolled]) -> dict[Key, Known]:
    """The character of each new roll that has one; who was never heard of is made known."""
    people = {
        dice_rolls.key_of(event.connection_id, event.roll): (event, heard)
        for event in events
        if (heard := _heard(event)) is not None
    }
    await acquaintances.recognise(turn, table, (heard for _, heard in people.values()))
    roster = table.roster
    room = characters.MOST_OF_CAMPAIGN - len({known.id for known in roster.values()})
    strangers: dict[CharacterKey, Met] = {}
    called: dict[UUID, str] = {}
    announced: set[UUID] = set()
    keys: dict[Key, CharacterKey] = {}
    for of, (event, heard) in people.items():
        key = heard.key
        # What only the game master may know is told to nobody: not under which name a secret roll comes.
        is_secret = event.roll.is_secret or "character_name" in event.roll.redact
        if (known := roster.get(key)) is not None:
            # Its table calls it otherwise now. Only where the name does not say who it is.
            is_named = heard.vtt_id and event.roll.actor.character_name and known.key == key
            if is_named and not is_secret and known.name != heard.name:
                called[known.id] = heard.name
                table.learn(known._replace(name=heard.name))
            if known.is_unannounced and not is_secret:
                announced.add(known.id)
                table.learn(roster[key]._replace(is_unannounced=False))
        elif not storable(key[1], _LONGEST_ID) or (key not in strangers and len(strangers) >= room):
            continue
        else:
            before = strangers.get(key, Met(heard.name, heard.kind, True))
            strangers[key] = before._replace(is_secret=before.is_secret and is_secret)
        keys[of] = key
    if called:
        await characters.rename(turn.connection, turn.campaign_id, called)
    if announced:
        await characters.announce(turn.connection, turn.campaign_id, announced)
    if strangers:
        for key, id_ in (await characters.meet(turn.connection, turn.campaign_id, strangers)).items():
            met = strangers[key]
            is_unannounced = met.kind == "pc" and met.is_secret
            roster[key] = Known(id_, met.name, None, False, met.kind, is_unannounced, key)
    if called or announced or any(met.kind == "pc" and not met.is_secret for met in strangers.values()):
        await table_state.show_party(turn, table.settings)
    return {of: roster[key] for of, key in keys.items()}


def _heard(event: DiceRolled) -> Heard | None:
    """The character of a roll as its table speaks of it; None where it has none."""
    names = names_of(event.roll.actor)
    if event.character_id is not None or event.simulated or names is None:
        return None
    return Heard(event.connection_id, names[0], names[1][:_LONGEST_NAME], kind_of(event.roll.actor))


def _row(
    turn: Turn, table: Table, event: DiceRolled, *, row_id: UUID, owner: Whose[Known], chance: Chance
) -> Roll:
    """A new roll with all that follows from it and the campaign."""
    attribution, character = owner
    roll = event.roll
    if character is not None:
        roll = named(roll, character.name)
    return Roll(
        id=row_id,
        campaign_id=turn.campaign_id,
        connection_id=event.connection_id,
        view_id=uuid4(),
        roll=roll,
        attribution=attribution,
        rolled_at=roll.rolled_at or event.received_at,
        received_at=event.received_at,
        character_id=None if character is None else character.id,
        channel_id=None if character is None else character.channel_id,
        verdict=verdict(table.rules, roll, event.told),
        details=event.details,
        inconsistencies=inconsistencies(roll),
        command_id=event.command_id,
        seal=_sealed(table, roll, chance),
        simulated=event.simulated,
    )


def _revised(table: Table, before: Roll, event: DiceRolled, chance: Chance) -> Roll:
    """A roll with a higher revision: whose it is stays, and that we ordered it, and that it is a test."""
    roll = event.roll
    owner = table.find(before.character_id)
    if owner is not None:
        roll = named(roll, owner.name)
    return replace(
        before,
        roll=roll,
        rolled_at=roll.rolled_at or before.rolled_at,
        verdict=verdict(table.rules, roll, event.told),
        details=event.details or before.details,
        inconsistencies=inconsistencies(roll),
        anomalies=_with_changes(before, event),
        seal=_sealed(table, roll, chance),
        # What was opened was the revision before.
        revealed_at=None if roll.is_secret else before.revealed_at,
    )


def _with_changes(before: Roll, event: DiceRolled) -> Sequence[Anomaly]:
    if not _is_doubted(event):
        return before.anomalies
    return tuple(dict.fromkeys([*before.anomalies, *anomalies.of_revision(before.roll, event.roll)]))


def _sealed(table: Table, roll: DiceRoll, chance: Chance) -> Seal | None:
    """The seal of a secret roll, where the campaign seals them and there is a value to seal."""
    if not (roll.is_secret and table.settings.seals_secret):
        return None
    try:
        return sealed.seal(roll, chance(sealed.NONCE_BYTES))
    except ValueError:
        return None


def _text(row: Roll, one: _Newest) -> str:
    """The roll as it is stored: encoded once, unless it goes by another name now."""
    return one.text if row.roll is one.event.roll else dice_rolls.encoded(row.roll)
