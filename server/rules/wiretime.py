"""Times on the wire: RFC 3339, UTC, milliseconds."""

from __future__ import annotations

import re
from datetime import UTC, datetime

# `fromisoformat` takes more than RFC 3339: weeks, commas, no colons, offsets with seconds.
_RFC_3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,12})?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)", re.ASCII
)


def to_wire(moment: datetime) -> str:
    """`2026-11-20T20:00:00.123Z`; cuts below the millisecond."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def from_wire(text: str) -> datetime:
    """The moment that `text` names, cut below the microsecond.

    Raises ValueError without a UTC offset, when it is no RFC 3339 time, or outside of the years 1 to 9999.
    """
    if not _RFC_3339.fullmatch(text):
        raise ValueError("not an RFC 3339 time with Z or an offset")
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except OverflowError:
        raise ValueError("no such year in UTC") from None
