"""The queue of alerts: what pages see at any moment, whatever rains on it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.rules import alerts, alerts_board
from server.rules.alerts import DEFAULTS, AlertRule, BadTemplate, check_template
from server.rules.alerts_board import EMPTY, HURRIED, MOST_WAITING, PAUSE, Queue, board, from_board, on_stream
from server.rules.events import User
from server.rules.platform_events import Supported, SupportKind
from server.rules.support import KINDS
from server.web.asyncapi import BOARDS

NOW = datetime(2026, 11, 30, 20, 0, tzinfo=UTC)
SIX = timedelta(seconds=6)


def event(kind: SupportKind = "bits", name: str = "Aya", **fields: Any) -> Supported:
    money = {"amount_minor": 500, "currency": "EUR"} if kind == "donation" else {}
    plain = Supported("twitch", "1", "m", kind, "f", User(name, name, name), 1, 0, 0, 0, "", "", NOW, NOW)
    return plain._replace(**{**money, **fields})


def after(queue: Queue, number: int, told: Supported, at: float, *, lasts: timedelta = SIX) -> Queue:
    moment = NOW + timedelta(seconds=at)
    given_ = alerts_board.given_by(told)
    return alerts_board.add(queue, UUID(int=number), given_, moment, template="", lasts=lasts)


def rained(kinds: Sequence[SupportKind], *, at: float = 0.0) -> Queue:
    queue = EMPTY
    for number, kind in enumerate(kinds):
        queue = after(queue, number, event(kind, f"v{number}"), at + number / 1000)
    return queue


def names(queue: Queue) -> list[tuple[str, ...]]:
    return [alert.given.names for alert in queue]


def test_one_after_the_other_each_for_its_time() -> None:
    queue = rained(["bits", "bits", "bits"])
    first, second, third = queue
    assert first.starts_at == NOW
    assert first.ends_at == NOW + SIX
    assert second.starts_at == first.ends_at + PAUSE
    assert second.ends_at - second.starts_at == SIX
    assert third.starts_at == second.ends_at + PAUSE
    assert on_stream(queue, NOW + timedelta(seconds=6.2)) is None
    assert on_stream(queue, second.starts_at) is second


def test_under_load_a_kind_becomes_one_and_is_shown_shortly() -> None:
    queue = rained(["follow"] * 40)
    assert [alert.given.people for alert in queue] == [1, 38, 1]
    assert queue[1].given.names == ("v1", "v3", "v4")
    assert queue[1].given.quantity == 38
    many: list[SupportKind] = ["bits"]
    kinds: list[SupportKind] = ["follow", "bits", "gift", "raid", *(many * 9)]
    mixed = rained(kinds)
    assert all(alert.ends_at - alert.starts_at == HURRIED for alert in mixed[1:])
    assert [alert.given.kind for alert in mixed] == ["follow", "raid", "gift", "bits"]
    assert mixed[3].given.people == 10


def test_who_is_named_and_gives_again_is_nobody_new() -> None:
    queue = rained(["follow", "follow", "follow"])
    for number in range(3, 8):
        queue = after(queue, number, event("bits", "Zoe", quantity=100), number / 10)
    (bits,) = [alert for alert in queue if alert.given.kind == "bits"]
    assert (bits.given.people, bits.given.quantity, bits.given.names) == (1, 500, ("Zoe",))


def test_money_of_two_currencies_and_tests_are_never_added_up() -> None:
    queue = rained(["follow"] * 3)
    queue = after(queue, 11, event("donation", amount_minor=500), 1)
    queue = after(queue, 12, event("donation", amount_minor=700), 1)
    queue = after(queue, 13, event("donation", amount_minor=900, currency="JPY"), 1)
    queue = after(queue, 14, event("donation", amount_minor=1, is_test=True), 1)
    found = [(a.given.amount_minor, a.given.currency, a.given.is_test) for a in queue if a.given.currency]
    assert sorted(found) == [(1, "EUR", True), (900, "JPY", False), (1200, "EUR", False)]


def test_a_follow_is_not_overtaken_for_ever() -> None:
    queue = after(rained(["bits", "bits"]), 50, event("follow"), 0.5)
    for second in range(2, 60, 2):
        queue = after(queue, 100 + second, event("raid", f"r{second}"), second)
        queue = alerts_board.tidy(queue, NOW + timedelta(seconds=second))
        if any(
            alert.given.kind == "follow" and alert.starts_at <= NOW + timedelta(seconds=second)
            for alert in queue
        ):
            break
    else:
        raise AssertionError("the follow was never shown")
    assert second <= 30


def test_more_that_is_known_is_told_where_it_stands() -> None:
    queue = after(EMPTY, 1, event("gift"), 0)
    queue = after(queue, 2, event("bits"), 0)
    told = after(queue, 1, event("gift", quantity=5), 2)
    assert [alert.given.quantity for alert in told] == [5, 1]
    assert [alert.starts_at for alert in told] == [alert.starts_at for alert in queue]


def test_taken_off_by_a_person_the_next_one_follows_at_once() -> None:
    queue = rained(["bits", "gift"])
    at = NOW + timedelta(seconds=1)
    left = alerts_board.without(queue, queue[0].id, at)
    assert [alert.given.kind for alert in left] == ["gift"]
    assert left[0].starts_at == at
    assert alerts_board.without(queue, queue[1].id, at) == queue[:1]


steps = st.lists(
    st.tuples(
        st.sampled_from(KINDS),
        st.integers(0, 4000),
        st.booleans(),
        st.sampled_from(["EUR", "JPY", "USD", "GBP", "CHF", "SEK"]),
    ),
    max_size=60,
)


@given(steps)
def test_whatever_rains_it_is_short_orderly_and_the_same_on_every_page(
    rain: list[tuple[SupportKind, int, bool, str]],
) -> None:
    """Nothing on stream changes its times; nobody waits beyond a bound; the board says all."""
    queue, at = EMPTY, 0.0
    for number, (kind, pause_ms, is_test, currency) in enumerate(rain):
        at += pause_ms / 1000
        moment = NOW + timedelta(seconds=at)
        before = on_stream(alerts_board.tidy(queue, moment), moment)
        told = event(kind, f"v{number}", is_test=is_test)
        if kind == "donation":
            told = told._replace(currency=currency)
        queue = after(queue, number, told, at)
        assert from_board(board(queue)) == queue
        if board(queue) is not None:
            BOARDS["alert"].validate_python(board(queue))
        if before is not None:
            now_shown = on_stream(queue, moment)
            assert now_shown is not None
            assert (now_shown.id, now_shown.starts_at, now_shown.ends_at) == (
                before.id,
                before.starts_at,
                before.ends_at,
            )
        for one, other in itertools.pairwise(queue):
            assert one.ends_at + PAUSE == other.starts_at
        assert len(queue) <= MOST_WAITING + 1
        due = alerts_board.deadline(queue)
        assert due is not None
        assert due[1] - moment <= timedelta(seconds=60)


@settings(max_examples=15)
@given(st.integers(1, 200))
def test_everybody_is_counted_under_load(people: int) -> None:
    queue = rained(["bits"] * people)
    assert sum(alert.given.people for alert in queue) == people
    assert sum(alert.given.quantity for alert in queue) == people


def test_which_kindnesses_are_wanted() -> None:
    rules = {**DEFAULTS, "bits": AlertRule(minimum=100), "follow": AlertRule(is_shown=False)}
    assert alerts.is_wanted(rules, event("bits", quantity=100))
    assert not alerts.is_wanted(rules, event("bits", quantity=99))
    assert not alerts.is_wanted(rules, event("follow"))
    assert alerts.is_wanted(rules, event("raid", quantity=0))


@pytest.mark.parametrize("good", ["", "Thanks {name}!", "{name} gave {amount}: {message}", "a < b & c"])
def test_templates_that_mean_something(good: str) -> None:
    assert check_template(good) == good


@pytest.mark.parametrize("bad", ["{", "}", "{nmae}", "{{name}}", "{name", "{Name}", "{ name }", "{name}{}"])
def test_templates_that_do_not(bad: str) -> None:
    with pytest.raises(BadTemplate):
        check_template(bad)
