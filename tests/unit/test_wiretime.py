"""Times on the wire: exactly RFC 3339, and nothing else that Python would take for a time."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.rules.wiretime import from_wire, to_wire

OFFSETS = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
#: A day inside of the years 1 and 9999, so that UTC has them too.
MOMENTS = st.datetimes(
    datetime(1, 1, 2),  # noqa: DTZ001  the strategy gives the zones
    datetime(9999, 12, 30),  # noqa: DTZ001
    timezones=OFFSETS,
)


@given(MOMENTS)
def test_there_and_back_loses_less_than_a_millisecond(moment: datetime) -> None:
    text = to_wire(moment)
    assert len(text) == len("2026-11-20T20:00:00.123Z")
    back = from_wire(text)
    assert timedelta(0) <= moment - back < timedelta(milliseconds=1)
    assert back.tzinfo is UTC
    assert to_wire(back) == text


@given(MOMENTS, MOMENTS)
def test_text_sorts_as_time_does(first: datetime, second: datetime) -> None:
    assert (to_wire(first) <= to_wire(second)) or first > second


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-20T20:00:00Z", datetime(2026, 11, 20, 20, tzinfo=UTC)),
        ("2026-11-20t20:00:00z", datetime(2026, 11, 20, 20, tzinfo=UTC)),
        ("2026-11-20T20:00:00.1Z", datetime(2026, 11, 20, 20, 0, 0, 100_000, UTC)),
        ("2026-11-20T20:00:00.123456789Z", datetime(2026, 11, 20, 20, 0, 0, 123_456, UTC)),
        ("2026-11-20T21:30:00+01:30", datetime(2026, 11, 20, 20, tzinfo=UTC)),
        ("2026-11-20T15:00:00-05:00", datetime(2026, 11, 20, 20, tzinfo=UTC)),
        ("2026-11-20T20:00:00-00:00", datetime(2026, 11, 20, 20, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
        ("9999-12-31T23:59:59.999Z", datetime(9999, 12, 31, 23, 59, 59, 999_000, UTC)),
    ],
)
def test_rfc_3339_times_are_read(text: str, expected: datetime) -> None:
    assert from_wire(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("", "now", "2026-11-20", "20:00:00Z", "1700000000", "2026-11-20T20:00:00", "2026-11-20 20:00:00Z"),
        *("2026-11-20T20:00Z", "2026-11-20T20Z", "20261120T200000Z", "2026-11-20T200000.123Z"),
        *("2026-W47-5T20:00:00Z", "2026-324T20:00:00Z", "2026-11-20T20:00:00,123Z", "2026-11-20T20:00:00.Z"),
        *("2026-11-20T20:00:00+00:00:30", "2026-11-20T20:00:00+0100", "2026-11-20T20:00:00+01"),
        *("2026-11-20T20:00:00+24:00", "2026-11-20T20:00:00+01:60"),
        *("2026-11-31T20:00:00Z", "2026-13-01T20:00:00Z", "2026-11-20T24:00:00Z", "2026-11-20T20:60:00Z"),
        *("2026-11-20T20:00:61Z", "2026-02-29T00:00:00Z", "0000-01-01T00:00:00Z", "+2026-11-20T20:00:00Z"),
        *(
            "２026-11-20T20:00:00Z",
            "2026-11-20T20:00:00Z\n",
            " 2026-11-20T20:00:00Z",
            "2026-11-20T20:00:00Z\0",
        ),
        *("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-00:01"),  # no such year in UTC
        "2026-11-20T20:00:00." + "1" * 100_000 + "Z",
    ],
)
def test_everything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"RFC 3339|no such year|out of range|must be in|isoformat"):
        from_wire(text)


@given(st.text(max_size=30))
def test_any_text_is_a_time_or_a_value_error(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert from_wire(text).tzinfo is UTC
