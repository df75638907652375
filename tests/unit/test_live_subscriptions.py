"""Which channels a connection asks for and gives up, and when."""

from __future__ import annotations

from server.live.subscriptions import MOST_AT_ONCE, Subscriptions, Turn


def settled(*channels: str) -> Subscriptions:
    """A connection that has these."""
    made = Subscriptions(channels)
    for channel in made.turn().new:
        made.begun(channel)
    return made


def test_what_is_wanted_is_asked_for_once() -> None:
    made = Subscriptions(["a", "b"])
    assert sorted(made.turn().new) == ["a", "b"]
    made.begun("a")
    made.begun("b")
    assert made.turn() == Turn()
    made.add("c")
    assert made.turn() == Turn(new=("c",))


def test_what_is_given_up_before_it_was_asked_for_is_never_asked_for() -> None:
    made = settled("a")
    made.add("b")
    made.remove("b")
    made.remove("never there")
    assert made.turn() == Turn()


def test_the_next_turn_waits_for_the_answers_to_the_last() -> None:
    many = [f"c{n}" for n in range(2 * MOST_AT_ONCE + 1)]
    made = Subscriptions(many)
    asked: list[str] = []
    for size in (MOST_AT_ONCE, MOST_AT_ONCE, 1):
        new = made.turn().new
        assert len(new) == size
        for channel in new:
            assert made.turn() == Turn()
            made.begun(channel)
        asked.extend(new)
    assert sorted(asked) == sorted(many)
    assert made.turn() == Turn()


def test_wanted_again_while_the_server_has_not_confirmed_the_end() -> None:
    made = settled("a")
    made.remove("a")
    assert made.turn() == Turn(old=("a",))
    made.add("a")
    assert made.turn() == Turn(), "asked for again only when it is gone"
    assert made.ended("a"), "this end was asked for"
    assert made.turn() == Turn(new=("a",))
    made.begun("a")
    assert not made.ended("a"), "and this one was not"


def test_wanted_again_before_it_was_given_up_is_said_and_not_sent() -> None:
    made = settled("a")
    made.remove("a")
    made.add("a")
    turn = made.turn()
    assert (turn.new, turn.old, set(turn.kept)) == ((), (), {"a"})


def test_an_end_that_nobody_asked_for() -> None:
    assert not settled("a").ended("a")


def test_given_up_twice_is_sent_once() -> None:
    made = settled("a")
    made.remove("a")
    made.remove("a")
    assert made.turn() == Turn(old=("a",))
    assert made.ended("a")
    assert made.turn() == Turn()
