"""Counters over the last minute, for the desk's status strip."""

from __future__ import annotations

from server.web.condition import Condition, LastMinute, ProbeState


class Counted:
    """A counter and a clock that a test moves."""

    now = 1000.0
    value = 0

    def minute(self) -> LastMinute:
        return LastMinute(lambda: self.value, clock=lambda: self.now)


def test_what_was_counted_longer_than_a_minute_ago_is_forgotten() -> None:
    counted = Counted()
    minute = counted.minute()
    assert minute.growth == 0
    counted.value = 7
    assert minute.growth == 7
    for _ in range(11):
        counted.now += 5
        minute.look()
        assert minute.growth == 7
    counted.value = 9
    for _ in range(2):  # the seven are a minute old, as far as looks five seconds apart can tell
        counted.now += 5
        minute.look()
    assert minute.growth == 2
    for _ in range(13):
        counted.now += 5
        minute.look()
    assert minute.growth == 0


def test_a_look_that_comes_late_forgets_nothing_too_soon() -> None:
    """The event loop was held up for two minutes: what grew meanwhile is still told."""
    counted = Counted()
    minute = counted.minute()
    counted.value = 5
    counted.now += 120
    minute.look()
    assert minute.growth == 5


def test_nothing_is_wrong_with_a_fresh_process() -> None:
    condition = Condition()
    assert (condition.corrected, condition.probe()) == (0, ProbeState("off"))
