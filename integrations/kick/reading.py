"""Careful hands for what Kick sends: whatever is missing or of another type is empty, never a fault."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from server.rules.wiretime import from_wire

#: Ids are whole numbers of up to 64 bit, or short names; none has a space in it.
_LARGEST_ID: Final = 2**64 - 1
_LONGEST_ID: Final = 64
_ID: Final = re.compile(r"[\x21-\x7e]{1,64}")
#: Characters that PostgreSQL cannot store, or no UTF-8 has.
_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")


def identifier(value: object) -> str:
    """An id as text, whether it came as a number or as one; "" for what is none. Never by way of a float."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if 0 < value <= _LARGEST_ID else ""
    if isinstance(value, str) and len(value) <= _LONGEST_ID and _ID.fullmatch(value):
        return value
    return ""


def text(value: object, most: int) -> str:
    """Text that can be stored, cut to `most`; "" for anything else."""
    if not isinstance(value, str):
        return ""
    value = value[:most]
    return value if value.isprintable() else _UNSTORABLE.sub("", value)


def flag(value: object) -> bool:
    """Whether it is `true`; nothing else is."""
    return value is True


def whole(value: object, lowest: int, highest: int) -> int | None:
    """A whole number in a range; None for anything else, booleans and fractions too."""
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if lowest <= value <= highest else None


def moment(value: object) -> datetime | None:
    """A time with any offset, in UTC; None for anything else, and for Go's zero time."""
    if not isinstance(value, str) or len(value) > 40:
        return None
    try:
        found = from_wire(value)
    except ValueError:
        return None
    return None if found.year < 2000 else found.astimezone(UTC)
