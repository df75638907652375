"""Ids that say in which order things came."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sql.ids import in_order, uuid7

MOMENT = datetime(2026, 11, 20, 20, 0, 0, 123_456, UTC)


def test_ids_of_a_moment_stand_in_order_and_are_version_seven() -> None:
    ids = in_order(16_384, MOMENT)
    assert ids == sorted(ids)
    assert len(set(ids)) == 16_384
    assert {(one.version, one.variant) for one in ids} == {(7, "specified in RFC 4122")}
    assert ids[0].int >> 80 == int(MOMENT.timestamp() * 1000)
    with pytest.raises(ValueError, match="16,384"):
        in_order(16_385, MOMENT)


def test_a_later_microsecond_comes_behind() -> None:
    moments = [MOMENT + timedelta(microseconds=n) for n in range(0, 5000, 7)]
    firsts = [in_order(3, moment) for moment in moments]
    assert [one for ids in firsts for one in ids] == sorted(one for ids in firsts for one in ids)


def test_fresh_ids_stand_in_the_order_in_which_they_were_made() -> None:
    ids = [uuid7() for _ in range(5_000)]
    made = [one.int >> 64 for one in ids]
    assert made == sorted(made)
    assert len(set(ids)) == 5_000
    assert {(one.version, one.variant) for one in ids} == {(7, "specified in RFC 4122")}
