"""What happens at a virtual tabletop, in the vocabulary of contract §5: `dice.rolled`, `combat.*` and
`character.updated`. Adapters of `integrations.vtt` make these, the engine takes them in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from server.rules.character import CharacterUpdate
from server.rules.combat import CombatEvent
from server.rules.criticality import Verdict
from server.rules.dice import DiceRoll


class DiceRolled(NamedTuple):
    """A roll fell, or a revision of one. `(connection, instance, roll id, revision)` is its identity."""

    connection_id: UUID | None  # None: by hand on the desk
    roll: DiceRoll
    received_at: datetime  # ours, corrected to the database clock
    told: Verdict | None = None  # what the sender's software makes of it
    details: Mapping[str, str] = {}  # skill and ability, for the game master; at most a few short texts
    character_id: UUID | None = None  # who rolled, where the desk has said so
    command_id: UUID | None = None  # of the command with which we ordered it: it triggers nothing
    simulated: bool = False  # a test of the line: shown as one, and in no statistics
    #: The sender's name of the delivery that it came in (`webhook-id`). The same one again has no effect,
    #: whatever is in it; empty: the roll's own identity decides alone.
    delivery: str = ""


class CombatHappened(NamedTuple):
    """A fight went on. An event that comes twice changes nothing."""

    connection_id: UUID
    event: CombatEvent
    received_at: datetime


class CharacterUpdated(NamedTuple):
    """A character as its table shows it now."""

    connection_id: UUID
    character: CharacterUpdate
    received_at: datetime


TableEvent = DiceRolled | CombatHappened | CharacterUpdated
