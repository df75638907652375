"""Foundry VTT: `dice:roll` of the published module (vtt-wire-protocol §7).

Every game master's browser sends every roll, and all rolls of a message have the message's id. So a roll is
named by that id and a digest of what fell: the same content twice is one roll, another content a second
one (edge case 4). Time is no part of it, because browsers do not agree on it. Two rolls of one message that
fell alike to the last die are taken for one.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple

from integrations.vtt.foundry_message import kind_of
from integrations.vtt.foundry_terms import Terms, notation_of, read_terms
from integrations.vtt.reading import (
    LARGEST_NUMBER,
    NotARoll,
    Reading,
    formula_of,
    identifier,
    joined_id,
    mapping,
    number,
    plain,
    reading,
    said_at,
    sequence,
    whole,
)
from server.rules.dice import (
    LARGEST_SIDES,
    MOST_DICE,
    MOST_GROUPS,
    MOST_MODIFIERS,
    Actor,
    DiceRoll,
    Die,
    Group,
    Modifier,
    Outcome,
    Sides,
    Source,
)

Severity = Literal["minor", "major", "extreme"]
_SEVERITIES: Final[Mapping[object, Severity]] = {"minor": "minor", "major": "major", "extreme": "extreme"}
#: The module's own guesses: any die of four or more faces that shows its highest or a 1 (§7).
_GUESSED: Final = frozenset({"raw_max", "raw_min"})


@dataclass(frozen=True, slots=True)
class ModuleVerdict:
    """What the module makes of a roll beyond the roll: how critical it is, and of which skill.

    A critical without details is major with a general label and category (vtt-and-dice §4).
    """

    critical: Literal["success", "failure"] | None = None
    severity: Severity | None = None
    label: str = ""  # at most 64 characters
    category: str = ""  # such as nat20, degree_3; at most 64 characters
    skill: str = ""
    skill_raw: str = ""  # as the table's language has it
    ability: str = ""
    ability_raw: str = ""

    @property
    def is_guess(self) -> bool:
        """No rule of the game's system stands behind it."""
        return self.category in _GUESSED


def read(message: object, received_at: datetime) -> Reading:
    """The roll of one event."""
    return reading(lambda: [_roll(mapping(message, "the roll"), received_at)])


def verdict(message: object) -> ModuleVerdict:
    """What the module says beside the roll; empty when it says nothing."""
    if not isinstance(message, dict):
        return ModuleVerdict()
    critical = _critical(message)
    severity = message.get("severity")
    found = _SEVERITIES.get(severity) if isinstance(severity, str) else None
    label, category = plain(message.get("criticalLabel"), 64), plain(message.get("criticalCategory"), 64)
    if critical:
        found = found or "major"
        label = label or f"Critical {critical}"
        category = category or f"generic_{critical}"
    return ModuleVerdict(
        critical,
        found,
        label,
        category,
        *(plain(message.get(key), 64) for key in ("skill", "skillRaw", "ability", "abilityRaw")),
    )


def _critical(message: Mapping[str, Any]) -> Literal["success", "failure"] | None:
    if message.get("isCritical") is not True:
        return None
    match message.get("criticalType"):
        case "success":
            return "success"
        case "failure":
            return "failure"
        case _:
            return None


def _roll(message: Mapping[str, Any], received_at: datetime) -> DiceRoll:
    world = identifier(message.get("worldId", message.get("campaignId")), "worldId")
    roll_id = identifier(message.get("rollId"), "rollId")
    formula = formula_of(message.get("rollFormula"))
    if not formula:
        raise NotARoll("rollFormula is missing")
    values = _values(message)
    terms = read_terms(message.get("terms"))
    if not terms.groups:
        terms = from_values(formula, values) if values else terms
    total = _number(message.get("result"))
    details = message.get("metadata")
    details = details if isinstance(details, dict) else {}
    pool = message.get("systemData")
    pool = pool if isinstance(pool, dict) else {}
    counted = whole(pool.get("poolSuccesses"), -LARGEST_NUMBER, LARGEST_NUMBER)
    return DiceRoll(
        roll_id=joined_id(world, roll_id, _digest(formula, terms, total)),
        source=Source("foundry", world, ref=roll_id),
        actor=_actor(message),
        # Only `false` is public. True may be to the game master, blind or to oneself: all of it is secret.
        visibility="public" if message.get("isHidden") is False else "gm_only",
        notation=notation_of(formula),
        groups=terms.groups,
        modifiers=terms.modifiers,
        total=total,
        rolled_at=said_at(details.get("timestamp"), received_at),
        label=plain(details.get("flavor"), 140),
        kind=kind_of(message.get("rollType")) or "custom",
        notation_native=formula,
        successes=terms.successes if counted is None or pool.get("isPool") is not True else counted,
        outcome=_outcome(message),
    )


def _values(message: Mapping[str, Any]) -> list[int]:
    given = sequence(message.get("diceResults"), "diceResults", MOST_DICE)
    values = [whole(value, -LARGEST_NUMBER, LARGEST_NUMBER) for value in given]
    return [value for value in values if value is not None]


def _number(value: object) -> float | None:
    """The total: absent for dice of symbols, and text from some systems."""
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,15}(\.[0-9]{1,6})?", value, re.ASCII):
        value = float(value) if "." in value else int(value)
    return number(value)


def _digest(formula: str, terms: Terms, total: float | None) -> str:
    fell = [[group.sides, [[die.value, die.state] for die in group.dice]] for group in terms.groups]
    text = json.dumps([formula, fell, None if total is None else float(total)])
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _actor(message: Mapping[str, Any]) -> Actor:
    name = plain(message.get("characterName"), 64)
    character = message.get("characterId")
    # All that nobody's actor rolls comes as `unknown`; that is not one character.
    known = isinstance(character, str) and character != "unknown"
    return Actor(
        player_name=name or "Foundry",
        character_name=name,
        character_id=identifier(character, "characterId") if known and character else "",
    )


def _outcome(message: Mapping[str, Any]) -> Outcome:
    said = message.get("isCritical")
    if said is False:
        return Outcome(critical=False, fumble=False)
    category = message.get("criticalCategory")
    is_guess = isinstance(category, str) and category in _GUESSED
    critical = None if is_guess else _critical(message)
    return Outcome() if critical is None else Outcome(critical == "success", critical == "failure")


# Dice without terms: what a simple formula asked for, and the values that fell.


class Asked(NamedTuple):
    """Dice that a formula asks for; `keep` is kh, kl, dh or dl with a number, or empty."""

    sign: Literal[1, -1]
    dice: int
    sides: Sides
    keep: str


class Simple(NamedTuple):
    """A formula that is nothing but dice and numbers, added."""

    dice: tuple[Asked, ...]
    modifiers: tuple[Modifier, ...]


_PART = re.compile(
    r" ?([+-]?) ?"
    r"(?:(\d{0,4})d(\d{1,5}|%|f)([kd][hl]?\d{0,3})?|(\d{1,9}(?:\.\d{1,4})?))"
    r"(?:\[[^\[\]]{0,64}\])? ?",
    re.ASCII | re.IGNORECASE,
)


def simple(formula: str) -> Simple | None:
    """The parts of a formula; None for one that does more than add, or is empty."""
    dice: list[Asked] = []
    modifiers: list[Modifier] = []
    at = 0
    while at < len(formula):
        part = _PART.match(formula, at)
        if part is None or (at and not part[1]) or len(dice) + len(modifiers) == MOST_MODIFIERS:
            return None
        at = part.end()
        sign: Literal[1, -1] = -1 if part[1] == "-" else 1
        if part[5]:
            modifiers.append(Modifier(sign * (float(part[5]) if "." in part[5] else int(part[5]))))
            continue
        sides: Sides = "F" if part[3] in ("f", "F") else 100 if part[3] == "%" else int(part[3])
        if isinstance(sides, int) and not 1 <= sides <= LARGEST_SIDES:
            return None
        dice.append(Asked(sign, int(part[2] or 1), sides, _keep(part[4] or "")))
    return Simple(tuple(dice), tuple(modifiers)) if dice or modifiers else None


def _keep(text: str) -> str:
    """`k` keeps the highest, `d` drops the lowest, one where no number is said (§2.3)."""
    letters, amount = text.rstrip("0123456789").lower(), text.lstrip("kdhlKDHL")
    if not letters:
        return ""
    return {"k": "kh", "d": "dl"}.get(letters, letters) + (amount or "1")


def fallen(asked: Asked, values: Sequence[int]) -> Group:
    """The dice with those dropped that the formula drops; where only kept ones were sent, those."""
    states = [True] * len(values)
    if asked.keep and len(values) == asked.dice:
        amount = min(int(asked.keep[2:]), len(values))
        rising = sorted(range(len(values)), key=lambda at: values[at])
        falling = sorted(range(len(values)), key=lambda at: -values[at])
        chosen = set((falling if asked.keep[1] == "h" else rising)[:amount])
        states = [(at in chosen) == (asked.keep[0] == "k") for at in range(len(values))]
    dice = tuple(
        Die(value, "kept" if kept else "dropped") for value, kept in zip(values, states, strict=True)
    )
    return Group(asked.sides, len(values), dice, asked.sign)


def from_values(formula: str, values: Sequence[int]) -> Terms:
    """Groups of a simple formula with these values in order; of any other one group of who knows what."""
    parts = simple(formula)
    if parts is not None and len(parts.dice) == 1:
        return Terms((fallen(parts.dice[0], values),), parts.modifiers)
    if (
        parts is None
        or sum(asked.dice for asked in parts.dice) != len(values)
        or len(parts.dice) > MOST_GROUPS
    ):
        loose = Group("custom", len(values), tuple(Die(value) for value in values))
        return Terms((loose,), () if parts is None else parts.modifiers)
    groups, at = [], 0
    for asked in parts.dice:
        groups.append(fallen(asked, values[at : at + asked.dice]))
        at += asked.dice
    return Terms(tuple(groups), parts.modifiers)
