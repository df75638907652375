"""A roll at the table, in one form for every virtual tabletop (platforms/vtt.md §9).

Pure: adapters in `integrations.vtt` make rolls of what tabletops send, everything else only reads them.
What may leave the server is decided in `dice_view`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

System = Literal[
    "foundry",
    "dddice",
    "beyond20",
    "roll20",
    "dndbeyond",
    "fantasygrounds",
    "owlbear",
    "alchemy",
    "discord",
    "manual",
    "other",
]
#: Who may see a roll. Anything but `public` never leaves the server but as "a secret roll happened".
Visibility = Literal["public", "gm_only", "blind", "self", "whisper"]
Kind = Literal[
    "attack",
    "damage",
    "healing",
    "check",
    "save",
    "skill",
    "initiative",
    "death_save",
    "custom",
    "table",
]
Mode = Literal["normal", "advantage", "disadvantage", "super_advantage", "super_disadvantage"]
Redaction = Literal["character_name", "label", "dice", "total"]
DieState = Literal["kept", "dropped", "rerolled"]
#: The number of sides, Fate dice, or dice whose faces are no numbers.
Sides = int | Literal["F", "custom"]

LARGEST_SIDES = 10_000
MOST_DICE = 1_000
MOST_GROUPS = 64
MOST_MODIFIERS = 32


@dataclass(frozen=True, slots=True)
class Die:
    """One die, in the order in which it fell."""

    value: int  # the face shown; −1, 0, 1 for Fate
    state: DieState = "kept"
    counts_as: float | None = None  # after clamping or counting successes; None: its value
    exploded: bool = False  # it caused another die
    extra: bool = False  # it was caused by an explosion
    parent: int | None = None  # index in its group of the die that caused it, where that is known
    replaces: int | None = None  # index in its group of the die that was rerolled
    success: bool = False
    failure: bool = False
    symbol: str = ""  # of narrative dice, at most 32 characters

    @property
    def worth(self) -> float:
        """What it adds when it is kept."""
        return self.value if self.counts_as is None else self.counts_as


@dataclass(frozen=True, slots=True)
class Group:
    """Dice of one kind that were rolled together."""

    sides: Sides
    count: int  # dice asked for, without those that explosions and rerolls added; 0…1,000
    dice: tuple[Die, ...]
    sign: Literal[1, -1] = 1
    label: str = ""  # such as `fire`, at most 32 characters

    @property
    def kept(self) -> tuple[Die, ...]:
        return tuple(die for die in self.dice if die.state == "kept")

    @property
    def subtotal(self) -> float:
        """What its kept dice add to the total."""
        return self.sign * math.fsum(die.worth for die in self.kept)


@dataclass(frozen=True, slots=True)
class Modifier:
    """A flat number that belongs to the total."""

    value: float
    label: str = ""  # at most 32 characters


@dataclass(frozen=True, slots=True)
class Source:
    """Where a roll was made. `(instance_id, roll_id)` names it for ever."""

    system: System
    instance_id: str  # world, room or game, 1…128 characters
    adapter: str = ""
    ref: str = ""  # the tabletop's own id of the message


@dataclass(frozen=True, slots=True)
class Actor:
    """Who rolled."""

    player_name: str  # 1…64 characters
    player_id: str = ""
    character_name: str = ""
    character_id: str = ""  # the tabletop's id of the character, where it tells one
    avatar_url: str = ""  # https; never fetched by the server
    is_gm: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the tabletop says of the result. None: it says nothing, which is not "no"."""

    critical: bool | None = None
    fumble: bool | None = None
    success: bool | None = None
    target: float | None = None  # the DC, where the tabletop tells it


@dataclass(frozen=True, slots=True)
class DiceRoll:
    """A roll as it was sent. `total` is the sender's, and None where it is withheld or made of symbols."""

    roll_id: str  # 1…128 characters
    source: Source
    actor: Actor
    visibility: Visibility
    notation: str  # §9.2, at most 256 characters
    groups: tuple[Group, ...] = ()
    modifiers: tuple[Modifier, ...] = ()
    total: float | None = None
    rolled_at: datetime | None = None  # None: when it was received
    revision: int = 1  # a higher one replaces a lower one
    label: str = ""  # at most 140 characters
    kind: Kind = "custom"
    damage_type: str = ""
    parent_roll_id: str = ""  # of damage: its attack
    mode: Mode = "normal"
    redact: frozenset[Redaction] = field(default_factory=frozenset)
    whisper_to: tuple[str, ...] = ()
    notation_native: str = ""
    successes: int | None = None
    outcome: Outcome = Outcome()
    verified: bool = False  # the value comes from a server that we trust; only we say so

    @property
    def is_secret(self) -> bool:
        return self.visibility != "public"

    @property
    def dice(self) -> Iterator[tuple[Group, Die]]:
        """Every die with the group it belongs to."""
        return ((group, die) for group in self.groups for die in group.dice)


def inconsistencies(roll: DiceRoll) -> list[str]:
    """What does not add up, in words for a game master; a roll with any is shown, and rewarded with nothing.

    Systems have house rules, so this never refuses a roll (§9.1, consistency checks).
    """
    found = []
    for group in roll.groups:
        found += _impossible_faces(group)
        if not any(die.exploded or die.extra or die.state == "rerolled" for die in group.dice):
            fell = len(group.dice)
            if group.dice and fell != group.count:
                found.append(f"{group.count} dice were asked for and {fell} fell")
        if any(not _is_index(index, group) for die in group.dice for index in (die.parent, die.replaces)):
            found.append("a die refers to one that is not there")
    # A product or a division is not in the groups; its total cannot be checked by adding.
    if roll.total is not None and roll.groups and not any(sign in roll.notation for sign in "*/("):
        sum_ = math.fsum([*(g.subtotal for g in roll.groups), *(m.value for m in roll.modifiers)])
        if not math.isclose(sum_, roll.total, abs_tol=1e-6):
            found.append(f"the dice make {sum_:g} and the total says {roll.total:g}")
    return found


def _impossible_faces(group: Group) -> list[str]:
    match group.sides:
        case "custom":
            return []
        case "F":
            lowest, highest = -1, 1
        case sides:
            lowest, highest = 1, sides
    wrong = next((die.value for die in group.dice if not lowest <= die.value <= highest), None)
    return [] if wrong is None else [f"a d{group.sides} cannot show {wrong}"]


def _is_index(index: int | None, group: Group) -> bool:
    return index is None or 0 <= index < len(group.dice)


#: Rolls for which a kept 20 or 1 means something when the system says nothing (§9.3).
_NATURAL_KINDS = ("attack", "save", "check", "death_save")


def natural(roll: DiceRoll) -> Outcome:
    """The tabletop's outcome; where it is silent on criticals, what exactly one kept d20 says.

    Never for damage and never for pools of d20 (§9.3, the natural rule).
    """
    said = roll.outcome
    if said.critical is not None or said.fumble is not None or roll.kind not in _NATURAL_KINDS:
        return said
    kept = [(group.sides, die.value) for group, die in roll.dice if die.state == "kept"]
    twenties = [value for sides, value in kept if sides == 20]
    if len(twenties) != 1:
        return said
    return Outcome(twenties[0] == 20, twenties[0] == 1, said.success, said.target)
