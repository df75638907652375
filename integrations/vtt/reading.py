"""What every adapter answers, and the careful hands it takes things with.

Senders are browsers of strangers: whatever is missing, of another type or too long is a reason, never a
fault. Nothing here grows with what was sent beyond the limits of `server.rules.dice`.
"""

from __future__ import annotations

import hashlib
import html
import math
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from server.rules.dice import MOST_DICE, MOST_GROUPS, DiceRoll

#: JavaScript's own; no tabletop means more, and every JSON reader holds it.
LARGEST_NUMBER: Final = 2**53 - 1
#: A longer text is cut before it is cleaned; cleaning never makes a text longer than three times.
_LONGEST_RAW: Final = 8_192
_MOST_AHEAD: Final = timedelta(seconds=60)
_TAG = re.compile(r"<[^<>]{0,1024}>")


@dataclass(frozen=True, slots=True)
class Reading:
    """What a message of a tabletop holds: rolls, and what is none, in words for who set the sender up."""

    rolls: tuple[DiceRoll, ...] = ()
    reasons: tuple[str, ...] = ()


class NotARoll(ValueError):
    """Something cannot be read as a roll; the message is a reason of a `Reading`."""


def reading(read: Callable[[], Sequence[DiceRoll]]) -> Reading:
    """What `read` found, or why it found nothing."""
    try:
        return Reading(tuple(read()))
    except NotARoll as reason:
        return Reading((), (str(reason),))


def each(read: Callable[[Any], DiceRoll], items: Sequence[Any]) -> Reading:
    """Every item by itself: one that is bad does not lose the others (acceptance fact 14)."""
    rolls, reasons = [], []
    for number, item in enumerate(items):
        try:
            rolls.append(read(item))
        except NotARoll as reason:
            reasons.append(f"{number}: {reason}")
    return Reading(tuple(rolls), tuple(reasons))


def mapping(value: object, what: str) -> Mapping[str, Any]:
    """An object. Raises NotARoll."""
    if not isinstance(value, dict):
        raise NotARoll(f"{what} is no object")
    return value


def sequence(value: object, what: str, most: int) -> Sequence[Any]:
    """An array of at most so many; missing is empty. Raises NotARoll."""
    if value is None:
        return ()
    if not isinstance(value, list):
        raise NotARoll(f"{what} is no list")
    if len(value) > most:
        raise NotARoll(f"{what} has more than {most} entries")
    return value


def plain(value: object, most: int) -> str:
    """Text for people: without tags, control and bidi characters, in one line, cut to `most`; "" for anything
    that is no text."""
    if not isinstance(value, str):
        return ""
    text = value[:_LONGEST_RAW]
    if "<" in text or "&" in text:
        text = html.unescape(_TAG.sub(" ", text))
    if not (text.isascii() and text.isprintable()):  # most are, and have nothing to clean
        # Composing sorts marks, at worst by their square: not more of them than could be kept.
        text = text[: 4 * most + 64]
        text = "".join(_plain_character(c) for c in unicodedata.normalize("NFC", text))
    return " ".join(text.split())[:most].rstrip()


def _plain_character(character: str) -> str:
    match unicodedata.category(character):
        case "Cc" | "Zl" | "Zp":
            return " "
        case "Cf" | "Cs" | "Co" | "Cn":
            return ""
        case _:
            return character


def named(value: object, most: int, what: str) -> str:
    """Text that must not be empty. Raises NotARoll."""
    text = plain(value, most)
    if not text:
        raise NotARoll(f"{what} is missing")
    return text


def identifier(value: object, what: str, most: int = 128) -> str:
    """An id as it was sent, text or whole number. Raises NotARoll when it is missing, or too long."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if abs(value) <= LARGEST_NUMBER else None
    if not isinstance(value, str) or not value or len(value) > most:
        raise NotARoll(f"{what} is missing, or longer than {most} characters")
    if any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in value):
        raise NotARoll(f"{what} holds a control character")
    return value


def number(value: object) -> float | None:
    """A finite number; None for anything else (also for booleans, which are numbers in Python)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if abs(value) <= LARGEST_NUMBER else None


def whole(value: object, lowest: int, highest: int) -> int | None:
    """A whole number in a range, also when it was sent as 5.0; None for anything else."""
    found = number(value)
    if found is None or found != int(found) or not lowest <= found <= highest:
        return None
    return int(found)


def moment(milliseconds: object) -> datetime | None:
    """The time of an epoch in ms, number or digits; None for anything else."""
    if isinstance(milliseconds, str) and milliseconds.isascii() and milliseconds.isdigit():
        milliseconds = int(milliseconds) if len(milliseconds) <= 15 else None
    found = whole(milliseconds, 0, 253_402_300_799_999)
    return None if found is None else datetime.fromtimestamp(found / 1000, UTC)


def joined_id(*parts: str) -> str:
    """Parts of an id with colons between; when that is longer than an id may be, a digest of it."""
    text = ":".join(parts)
    return text if len(text) <= 128 else hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def said_at(milliseconds: object, received_at: datetime) -> datetime | None:
    """The sender's time; None (the time of receipt) where there is none, or one ahead of us by a minute."""
    found = moment(milliseconds)
    return None if found is None or found > received_at + _MOST_AHEAD else found


def formula_of(value: object) -> str:
    """A formula as the system wrote it, in one line, at most 512 characters.

    No tags are looked for: in `2d6r<3 + 1d6cs>4` there is none. "" for anything that is no text.
    """
    if not isinstance(value, str):
        return ""
    text = "".join(" " if c.isspace() else c for c in value[:512])
    text = "".join(c for c in text if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Cn"))
    return " ".join(text.split())


def https(value: object) -> str:
    """An address of a picture; "" for anything but https. It is never fetched by the server."""
    if not isinstance(value, str) or len(value) > 512 or not value.startswith("https://"):
        return ""
    return "" if any(c.isspace() or unicodedata.category(c) in ("Cc", "Cs") for c in value) else value


def bounded(rolls: Iterator[DiceRoll]) -> list[DiceRoll]:
    """The rolls, none of which has more groups and dice than a roll may have. Raises NotARoll."""
    found = []
    for roll in rolls:
        if len(roll.groups) > MOST_GROUPS:
            raise NotARoll(f"more than {MOST_GROUPS} groups of dice")
        if sum(len(group.dice) for group in roll.groups) > MOST_DICE:
            raise NotARoll(f"more than {MOST_DICE} dice")
        found.append(roll)
    return found
