"""Fields of a message in our own form, taken strictly; whatever is wrong is noted with its place.

All that is wrong with a roll is told at once, so that who writes a sender mends it at once.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from integrations.vtt.reading import LARGEST_NUMBER, number, plain, whole

_MOST_ERRORS: Final = 32  # of one roll


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field. `path` is its place in the message (RFC 6901), such as /rolls/2/total."""

    path: str
    message: str


class Fields:
    """Takes the fields of one object and notes what is wrong; what it answers then is a stand-in."""

    def __init__(self, value: object, path: str, errors: list[FieldError]) -> None:
        self._path = path
        self._errors = errors
        self._value: Mapping[str, Any] = {}
        if isinstance(value, dict):
            self._value = value
        else:
            self.wrong("", "must be an object")
            self._errors = []  # that says it; what is not in it need not be told field by field

    def wrong(self, key: str, message: str) -> None:
        if len(self._errors) < _MOST_ERRORS:
            self._errors.append(FieldError(f"{self._path}/{key}" if key else self._path, message))

    def raw(self, key: str) -> object:
        return self._value.get(key)

    def has(self, key: str) -> bool:
        return key in self._value

    def text(self, key: str, most: int, *, required: bool = False) -> str:
        """Text for people, cleaned and cut."""
        value = self._value.get(key)
        if value is not None and not isinstance(value, str):
            self.wrong(key, "must be text")
            return ""
        found = plain(value, most)
        if required and not found:
            self.wrong(key, f"must be text of 1 to {most} characters")
        return found

    def code(self, key: str, most: int, *, required: bool = False) -> str:
        """An id or a notation, exactly as it was sent: in `2d6ro<3+1d6>4` nothing is a tag."""
        value = self._value.get(key)
        if value is None and not required:
            return ""
        if not isinstance(value, str) or not value or len(value) > most:
            self.wrong(key, f"must be text of 1 to {most} characters")
            return ""
        if any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in value):
            self.wrong(key, "must not hold control characters")
            return ""
        return value

    def number(self, key: str, *, required: bool = False) -> float | None:
        value = self._value.get(key)
        found = number(value)
        if found is None and (required or value is not None):
            self.wrong(key, "must be a number")
        return found

    def whole(self, key: str, lowest: int, highest: int, *, required: bool = False) -> int | None:
        value = self._value.get(key)
        found = whole(value, lowest, highest)
        if found is None and (required or value is not None):
            limits = "" if highest == LARGEST_NUMBER else f" from {lowest} to {highest}"
            self.wrong(key, f"must be a whole number{limits}")
        return found

    def flag(self, key: str) -> bool | None:
        value = self._value.get(key)
        if value is None or isinstance(value, bool):
            return value
        self.wrong(key, "must be true or false")
        return None

    def choice(self, key: str, allowed: tuple[Any, ...], default: Any = None) -> Any:
        """One of `allowed`. Without a default it is required."""
        value = self._value.get(key)
        if value is None and default is not None:
            return default
        # `True == 1` holds in Python; in JSON they are two things. 1.0 and 1 are one.
        found = [] if isinstance(value, bool) else [one for one in allowed if one == value]
        if not found:
            self.wrong(key, "must be one of " + ", ".join(map(str, allowed)))
        return found[0] if found else allowed[0]

    def inner(self, key: str, *, required: bool = False) -> Fields:
        value = self._value.get(key)
        if value is None and not required:
            value = {}
        return Fields(value, f"{self._path}/{key}", self._errors)

    def items(self, key: str, most: int, *, required: bool = False) -> Sequence[Any]:
        value = self._value.get(key)
        if value is None and not required:
            return ()
        if not isinstance(value, list) or len(value) > most:
            self.wrong(key, f"must be a list of at most {most} entries")
            return ()
        return value

    def each(self, key: str, most: int, *, required: bool = False) -> list[Fields]:
        """A list of objects."""
        values = self.items(key, most, required=required)
        return [Fields(value, f"{self._path}/{key}/{at}", self._errors) for at, value in enumerate(values)]
