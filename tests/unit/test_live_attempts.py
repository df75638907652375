"""Limits over time, at one under, at, and one over."""

from __future__ import annotations

from server.live.attempts import (
    FRAMES_WINDOW_S,
    MOST_FAILURES,
    MOST_FRAMES,
    FailedHellos,
    Window,
    neighbourhood,
)


def test_twenty_frames_in_ten_seconds_and_not_one_more() -> None:
    window = Window(MOST_FRAMES, FRAMES_WINDOW_S)
    for n in range(20):
        assert not window.is_full(n * 0.1)
        window.note(n * 0.1)
    assert window.is_full(9.999)
    assert not window.is_full(10.0), "the first one no longer counts"
    window.note(10.0)
    assert window.is_full(10.05), "the second one still does"


def test_ten_failures_a_minute_then_the_address_waits() -> None:
    failed = FailedHellos()
    for n in range(MOST_FAILURES):
        assert not failed.is_blocked("192.0.2.1", n)
        failed.note("192.0.2.1", n)
    assert failed.is_blocked("192.0.2.1", 59.9)
    assert not failed.is_blocked("192.0.2.2", 59.9)
    assert not failed.is_blocked("192.0.2.1", 60.0)


def test_one_customer_is_one_address() -> None:
    assert neighbourhood("2001:db8:1:2:a::1") == neighbourhood("2001:db8:1:2:b::9")
    assert neighbourhood("2001:db8:1:3::1") != neighbourhood("2001:db8:1:2::1")
    assert neighbourhood("::ffff:192.0.2.1") == neighbourhood("192.0.2.1")
    assert neighbourhood("fe80::1%eth0") == neighbourhood("fe80::2")
    assert neighbourhood("unix") == "unix"


def test_the_table_of_failures_is_bounded_and_forgets() -> None:
    failed = FailedHellos()
    for n in range(20_000):
        failed.note(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}", 0.0)
    assert len(failed) == 10_000
    failed.note("192.0.2.1", 100.0)
    assert len(failed) == 1
