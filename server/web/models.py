"""Building blocks of request and answer models: strict, closed, and honest about their limits."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainSerializer,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, core_schema

from server.rules.wiretime import to_wire

#: Characters that turn the writing direction: they could reorder the text around them (T25).
_BIDI = dict.fromkeys([0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)])
_DIGITS = re.compile(r"[0-9]{1,4}", re.ASCII)
_INVISIBLE = ("Cc", "Cf", "Cn", "Zs", "Zl", "Zp", "Mn", "Mc", "Me")
#: Letters and symbols to Unicode, empty space to the eye: Hangul fillers and the blank Braille pattern.
_BLANK = frozenset("\u115f\u1160\u3164\uffa0\u2800")


class Model(BaseModel):
    """Nothing is guessed: no conversion of types, no unknown field, no change afterwards."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Empty(Model):
    """No fields."""


@dataclass(frozen=True, slots=True)
class Clean:
    """A line of text for people: composed (NFC), single spaces, no control characters, 1…most characters."""

    most: int
    least: int = 1

    def check(self, text: str) -> str:
        text = " ".join(unicodedata.normalize("NFC", text).translate(_BIDI).split())
        if any(unicodedata.category(character) == "Cc" for character in text):
            raise ValueError("holds a control character")
        if len(text) > self.most:
            raise ValueError(f"is longer than {self.most} characters")
        if self.least and all(c in _BLANK or unicodedata.category(c) in _INVISIBLE for c in text):
            raise ValueError("needs at least one visible character")
        return text

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, core_schema.str_schema(strict=True))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"type": "string", "minLength": self.least, "maxLength": self.most}


#: A moment: RFC 3339, UTC, milliseconds.
Moment = Annotated[
    datetime,
    PlainSerializer(to_wire, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-11-20T20:00:00.123Z"]}),
]


def absent(**facts: Any) -> Any:
    """The default of a field of a PATCH: not given means "leave it", null is no value."""

    def without_default(schema: dict[str, Any]) -> None:
        schema.pop("default", None)

    return Field(default=None, json_schema_extra=without_default, **facts)


T = TypeVar("T")


class Page(Model, Generic[T]):
    """A list, in parts. `next` is the cursor of the part that follows, or null at the end."""

    items: list[T]
    next: UUID | None = None


def _plain_digits(value: object) -> object:
    """`int()` also reads "+7", " 7", "1_0" and digits of other scripts (reliability M9)."""
    if isinstance(value, str):
        if not _DIGITS.fullmatch(value):
            raise ValueError("write the number in plain digits")
        return int(value)
    return value


class PageQuery(Model):
    """Which part of a list."""

    cursor: UUID | None = Field(default=None, description="`next` of the part before")
    limit: Annotated[int, BeforeValidator(_plain_digits)] = Field(default=50, ge=1, le=100)


def part(items: Sequence[T], query: PageQuery, id_of: Callable[[T], UUID]) -> tuple[list[T], UUID | None]:
    """The part of a short list that was asked for, and the cursor of the next one."""
    start = 0
    if query.cursor is not None:
        start = next((place + 1 for place, item in enumerate(items) if id_of(item) == query.cursor), 0)
    chosen = list(items[start : start + query.limit])
    more = start + query.limit < len(items)
    return chosen, id_of(chosen[-1]) if more else None


class NoQuery(Model):
    """No query parameters."""
