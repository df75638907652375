"""Counters over the last minute, for the desk's status strip."""

from __future__ import annotations

from uuid import UUID, uuid4

from server.web.condition import Condition, LastMinute, ProbeState

ONE, TWO = uuid4(), uuid4()


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_what_was_counted_longer_than_a_minute_ago_is_forgotten() -> None:
    counters: dict[UUID, int] = {}
    clock = Clock()
    minute = LastMinute(lambda: counters, clock=clock)
    assert minute.growth(ONE) == 0
    counters[ONE] = 7
    assert (minute.growth(ONE), minute.growth(TWO)) == (7, 0)
    for _ in range(11):
        clock.now += 5
        minute.look()
        assert minute.growth(ONE) == 7
    counters[ONE], counters[TWO] = 9, 1
    clock.now += 5
    minute.look()  # the seven are a minute old, as far as looks five seconds apart can tell
    clock.now += 5
    minute.look()
    assert (minute.growth(ONE), minute.growth(TWO)) == (2, 1)
    for _ in range(13):
        clock.now += 5
        minute.look()
    assert (minute.growth(ONE), minute.growth(TWO)) == (0, 0)


def test_a_look_that_comes_late_forgets_nothing_too_soon() -> None:
    """The event loop was held up for two minutes: what grew meanwhile is still told, once."""
    counters = {ONE: 0}
    clock = Clock()
    minute = LastMinute(lambda: counters, clock=clock)
    counters[ONE] = 5
    clock.now += 120
    minute.look()
    assert minute.growth(ONE) == 5


def test_nothing_is_wrong_with_a_fresh_process() -> None:
    condition = Condition()
    assert (condition.dropped(ONE), condition.corrected(), condition.probe()) == (0, 0, ProbeState("off"))
