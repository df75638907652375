"""Which adapter reads what a sender sends, by its provider (`vtt_providers`).

Our own form is taken from every sender: it says so itself. Anything else is in the form of the provider.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias

from integrations.vtt import (
    beyond20,
    dddice,
    dndbeyond,
    event_hooker,
    foundry_message,
    neutral,
    owlbear,
    roll20,
    text_roll,
)
from integrations.vtt.neutral_fields import FieldError
from integrations.vtt.reading import NotARoll, Reading, identifier
from server.rules.dice import DiceRoll, Visibility

#: Where `each` says which item a reason is about.
_PLACE: Final = re.compile(r"([0-9]{1,4}): ")


@dataclass(frozen=True, slots=True)
class Sender:
    """What is known of who sends. `room` names where the dice fall when a message does not say it."""

    provider: str
    room: str
    visibility: Visibility  # of rolls whose sender cannot say who may see them


@dataclass(frozen=True, slots=True)
class Wrong:
    """Something in a message that is no roll; `index` is its place in the message."""

    index: int
    reason: str
    errors: tuple[FieldError, ...] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """What a message holds, `places` being those of its rolls. With no roll there is at least one reason."""

    rolls: tuple[DiceRoll, ...]
    places: tuple[int, ...]
    wrong: tuple[Wrong, ...]


Reader: TypeAlias = Callable[[object, datetime, Sender], Reading]

_READERS: Final[Mapping[str, Reader]] = {
    "foundry": lambda message, at, sender: foundry_message.read(message, at, sender.room),
    "foundry_messages": lambda message, at, sender: foundry_message.read(message, at, sender.room),
    "beyond20": lambda message, at, _: beyond20.read(message, at),
    "dddice": lambda message, at, _: dddice.read(message, at),
    "dndbeyond": lambda message, at, _: dndbeyond.read(message, at),
    "roll20": lambda message, at, _: roll20.read(message, at),
    "owlbear": lambda message, at, _: owlbear.read(message, at),
    "event_hooker": lambda message, at, sender: event_hooker.read(message, at, sender.visibility),
    "discord": lambda message, at, sender: text_roll.read_discord(
        message, at, instance_id=sender.room, visibility=sender.visibility
    ),
}


def read(message: object, received_at: datetime, sender: Sender) -> Told:
    """The rolls of one delivery, and what in it is none; each is judged by itself (acceptance fact 14)."""
    if isinstance(message, dict) and sender.provider == "neutral" and isinstance(message.get("line"), str):
        return _told(_line(message, received_at, sender))
    reader = _READERS.get(sender.provider)
    if reader is None or _is_neutral(message):
        return _neutral(neutral.read(message, received_at))
    return _told(reader(message, received_at, sender))


def _is_neutral(message: object) -> bool:
    """Whether a message says of itself that it is in our own form, or a batch that holds one that does."""
    if not isinstance(message, dict):
        return False
    rolls = message.get("rolls")
    found = [message, *(rolls if isinstance(rolls, list) else ())]
    return any(isinstance(roll, dict) and roll.get("schema") == neutral.SCHEMA for roll in found)


def _line(message: Mapping[str, Any], received_at: datetime, sender: Sender) -> Reading:
    """`{"line": "Rook: 2d20kh1+7 = 24", "id": "17"}`: a line of a chat log (platforms/vtt.md §8)."""
    given = message.get("id")
    try:
        line_id = "" if given is None else identifier(given, "id")
    except NotARoll as reason:
        return Reading((), (str(reason),))
    return text_roll.read_line(
        message["line"],
        received_at,
        system="other",
        instance_id=sender.room,
        line_id=line_id,
        visibility=sender.visibility,
    )


def _neutral(found: neutral.Neutral) -> Told:
    if found.errors:
        return Told((), (), (Wrong(0, found.reading.reasons[0], found.errors),))
    # One reason for each that was refused, in the same order.
    reasons = zip(found.rejected, found.reading.reasons, strict=True)
    wrong = tuple(Wrong(one.index, why, one.errors) for one, why in reasons)
    refused = {one.index for one in wrong}
    items = range(len(found.reading.rolls) + len(wrong))
    return Told(found.reading.rolls, tuple(place for place in items if place not in refused), wrong)


def _told(reading: Reading) -> Told:
    """Native messages say of a roll only that it is the first, the second…"""
    places = tuple(range(len(reading.rolls)))
    return Told(reading.rolls, places, tuple(_wrong(reason) for reason in reading.reasons))


def _wrong(reason: str) -> Wrong:
    place = _PLACE.match(reason)
    return Wrong(0, reason) if place is None else Wrong(int(place[1]), reason[place.end() :])
