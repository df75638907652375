"""JSON as RFC 8259 means it and a bit stricter, because lenient parsers disagree (reliability M8, M9).

Refused beyond what is no JSON at all: repeated keys, NaN and Infinity, lone surrogates, the NUL
character (PostgreSQL cannot store it), integers that a browser cannot hold, nesting deeper than 16.
"""

from __future__ import annotations

import json
from typing import Any

import orjson

#: Deepest nesting of arrays and objects (reliability §3.9).
DEEPEST = 16
#: Largest integer that every JSON reader holds exactly (RFC 8259 §6).
LARGEST_INTEGER = 2**53 - 1


class NotStrictJson(ValueError):
    """The text is refused; the message says why in words for the sender."""


def parse(raw: bytes) -> Any:
    """The value of a JSON text. Raises NotStrictJson."""
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise NotStrictJson(f"not valid JSON: {error}") from None
    _refuse(value, 0)
    # No NUL can be in a text but by its escape; that sequence of letters may mean another thing, too.
    if b"\\u0000" in raw and b"\\u0000" in orjson.dumps(value):
        _refuse_nul(value)
    # Every colon of the text is either behind a key or part of a string; a repeated key has vanished
    # from the value together with its colon. An escaped colon would spoil the count: look closely then.
    if b"\\u003a" in raw or b"\\u003A" in raw or raw.count(b":") != orjson.dumps(value).count(b":"):
        _refuse_repeated_keys(raw)
    return value


def _refuse(value: Any, depth: int) -> None:
    """What depends on the value alone. Texts, most of any body, are not looked at one by one."""
    kind = type(value)
    if kind is dict or kind is list:
        if depth == DEEPEST:
            raise NotStrictJson(f"nested deeper than {DEEPEST} levels")
        for inner in value.values() if kind is dict else value:
            if type(inner) is not str:
                _refuse(inner, depth + 1)
    elif kind is int:
        if not -LARGEST_INTEGER <= value <= LARGEST_INTEGER:
            raise NotStrictJson(f"the integer {str(value)[:24]} is beyond 53 bits")
    elif kind is float and value.is_integer() and not -LARGEST_INTEGER <= value <= LARGEST_INTEGER:
        # orjson reads an integer beyond 64 bits as a float.
        raise NotStrictJson(f"the number {value:g} is beyond 53 bits")


def _refuse_nul(value: Any) -> None:
    """Find out whether an escape that reads `\\u0000` is a NUL or a backslash with letters behind it."""
    if isinstance(value, str):
        if "\0" in value:
            raise NotStrictJson("a text holds the NUL character")
    elif isinstance(value, dict):
        for key, inner in value.items():
            _refuse_nul(key)
            _refuse_nul(inner)
    elif isinstance(value, list):
        for inner in value:
            _refuse_nul(inner)


def _refuse_repeated_keys(raw: bytes) -> None:
    def once(pairs: list[tuple[str, Any]]) -> None:
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise NotStrictJson(f"the key {json.dumps(key[:64])} stands twice in one object")
            seen.add(key)

    try:
        json.loads(raw, object_pairs_hook=once)
    except RecursionError:
        # Only inside the value of a repeated key can something be this deep and not have been visited.
        raise NotStrictJson(f"nested deeper than {DEEPEST} levels") from None
