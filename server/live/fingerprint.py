"""What a page shows, in 32 bits, the same here and in a browser (overlay/static/overlay/fingerprint.js).

The CRC-32 of the boards as one object, {board id: board}, in the canonical form of JSON (RFC 8785): no
white space, members sorted, numbers as JavaScript writes them. Overlays send it with their `ack`, so the
server can count those that show something else than it believes (reliability R4, R30).
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import orjson

#: Integers beyond this are not what they say once a browser has read them.
_EXACT: Final = 2**53


def _number(value: float) -> Any:
    """As JavaScript writes it; orjson differs for whole numbers and just under 0.00001."""
    size = abs(value)
    if value.is_integer():
        if size <= _EXACT:
            return int(value)
        if size < 1e21:
            return orjson.Fragment(format(Decimal(repr(value)), "f").encode())
    elif 1e-6 <= size < 1e-5:
        return orjson.Fragment(format(Decimal(repr(value)), "f").encode())
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_plain(member) for member in value]
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, int) and abs(value) > _EXACT:
        return _number(float(value))
    return value


def canonical(value: Any) -> bytes:
    """The canonical form. Names of members are ASCII here, so their order is that of their bytes."""
    return orjson.dumps(_plain(value), option=orjson.OPT_SORT_KEYS)


def fingerprint(boards: Mapping[str, Any]) -> int:
    """Of boards by their ids: 0 ≤ n < 2³²."""
    return zlib.crc32(canonical(dict(boards)))
