"""Kindnesses told several times, and money: against plain ways of counting."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.rules import money, support
from server.rules.events import User
from server.rules.platform_events import Supported
from server.rules.support import deeds, fault, merged, tidied

NOW = datetime(2026, 11, 30, 20, 0, tzinfo=UTC)


def told(**fields: Any) -> Supported:
    plain = Supported(
        "twitch", "100", "m1", "gift", "bomb-1", User("7", "aya", "Aya"), 1, 1, 0, 0, "", "", NOW, NOW
    )
    return plain._replace(**fields)


tellings = st.builds(
    told,
    message_id=st.sampled_from(["m1", "m2", "m3", "m4"]),
    user=st.sampled_from([None, User("7", "aya", "Aya"), User("8", "ben", "Ben")]),
    quantity=st.integers(1, 9),
    tier=st.integers(0, 3),
    message=st.sampled_from(["", "hi", "ho", "hello"]),
    sent_at=st.integers(0, 3).map(lambda s: NOW + timedelta(seconds=s)),
    received_at=st.integers(3, 5).map(lambda s: NOW + timedelta(seconds=s)),
)


@given(tellings, tellings, tellings)
def test_a_deed_is_a_function_of_the_set_of_its_tellings(a: Supported, b: Supported, c: Supported) -> None:
    # One message is told by one event: two with the same id and moment are the same.
    b, c = b._replace(message_id=b.message_id + "b"), c._replace(message_id=c.message_id + "c")
    assert merged(a, b) == merged(b, a)
    assert merged(merged(a, b), c) == merged(a, merged(b, c))
    assert merged(a, a) == a
    assert merged(merged(a, b), b) == merged(a, b)


def test_a_gift_bomb_told_one_and_five_times_is_five_gifts() -> None:
    bomb = told(message_id="bomb", quantity=5)
    single = [told(message_id=f"one{n}", user=bomb.user) for n in range(5)]
    for order in ([bomb, *single], [*single, bomb], [*single[:2], bomb, *single[2:]]):
        (only,) = deeds(order).values()
        assert (only.quantity, only.user) == (5, bomb.user)


def test_who_is_anonymous_once_stays_so_and_tests_stand_apart() -> None:
    named, hidden = told(), told(message_id="m2", user=None, sent_at=NOW + timedelta(seconds=1))
    assert merged(named, hidden).user is None
    assert len(deeds([named, told(message_id="m3", is_test=True)])) == 2
    assert len(deeds([named, told(message_id="m3", kind="bits", tier=0)])) == 2


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, ""),
        ({"fact": ""}, "bad_fact"),
        ({"fact": "x" * 201}, "bad_fact"),
        ({"fact": "a\nb"}, "bad_fact"),
        ({"quantity": 0}, "bad_quantity"),
        ({"quantity": 0, "kind": "raid", "tier": 0}, ""),
        ({"tier": 4}, "bad_tier"),
        ({"kind": "bits"}, "bad_tier"),
        ({"months": 10_001}, "bad_months"),
        ({"kind": "bits", "tier": 0, "months": 1}, "bad_months"),
        ({"amount_minor": 1}, "bad_amount"),
        ({"currency": "EUR"}, "bad_currency"),
        ({"kind": "donation", "tier": 0, "amount_minor": 5}, "bad_currency"),
        ({"kind": "donation", "tier": 0, "amount_minor": 5, "currency": "eur"}, "bad_currency"),
        ({"kind": "donation", "tier": 0, "amount_minor": 5, "currency": "EUR"}, ""),
        ({"user": User("7" * 65, "", "")}, "bad_user_id"),
    ],
)
def test_what_cannot_have_happened_is_refused(fields: dict[str, object], reason: str) -> None:
    assert fault(told(**fields)) == reason


def test_texts_are_made_storable_and_times_are_not_in_the_future() -> None:
    event = tidied(
        told(
            user=User("7", "aya", "A\x00y\ud800a" + "!" * 90),
            message=" two\n lines\u2028and " + "x" * 600,
            sent_at=NOW + timedelta(minutes=10),
        )
    )
    assert event.user is not None
    assert event.user.name == "Aya" + "!" * 61
    assert event.message.startswith("two lines and xxx")
    assert len(event.message) == 500
    assert event.sent_at == NOW
    assert tidied(told(user=User("", "", "\x00"))).user is None


@given(st.integers(0, money.LARGEST), st.sampled_from(["EUR", "JPY", "BHD", "CLF"]))
def test_money_goes_to_text_and_back(units: int, currency: str) -> None:
    assert money.minor_units(money.plain(units, currency), currency) == units


@given(st.decimals(0, 99_999, places=2), st.sampled_from(["EUR", "JPY", "BHD"]))
def test_a_float_is_read_as_it_is_written(amount: object, currency: str) -> None:
    exact = Fraction(str(amount)) * 10 ** money.exponent(currency)
    halves_up = (exact + Fraction(1, 2)).__floor__()
    assert money.minor_units(float(str(amount)), currency) == halves_up
    assert money.minor_units(str(amount), currency) == halves_up


@pytest.mark.parametrize(
    "amount", ["", "-1", "+1", "1,50", "1e3", "NaN", "٣", "1_0", " ", True, -0.5, 1e20, float("inf")]
)
def test_what_is_no_amount_is_refused(amount: str | float) -> None:
    with pytest.raises(money.NotMoney):
        money.minor_units(amount, "EUR")


def test_currencies() -> None:
    assert (money.currency_of(" eur "), money.exponent("JPY"), money.exponent("TND")) == ("EUR", 0, 3)
    with pytest.raises(money.NotMoney):
        money.currency_of("€")
    assert support.cleaned("a" * 10, 4) == "aaaa"
