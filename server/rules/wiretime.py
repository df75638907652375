"""Times on the wire: RFC 3339, UTC, milliseconds."""

from __future__ import annotations

from datetime import UTC, datetime


def to_wire(moment: datetime) -> str:
    """`2026-11-20T20:00:00.123Z`; cuts below the millisecond."""
    moment = moment.astimezone(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def from_wire(text: str) -> datetime:
    """The moment that `text` names. Raises ValueError without a UTC offset or when it is no RFC 3339 time."""
    if len(text) < 20 or text[10] not in "Tt":
        raise ValueError("not an RFC 3339 time")
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time needs Z or an offset")
    return moment.astimezone(UTC)
