"""Donation pages are read: every documented shape, what is no donation, exact amounts, and hostile bytes."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.donations import kofi, reading, streamelements, streamlabs
from integrations.donations.reading import Page, Reading, Unreadable
from server.rules.events import User
from server.rules.money import LARGEST, exponent, plain
from server.rules.platform_events import Supported
from server.rules.support import fault, tidied
from tests.unit.donation_samples import (
    KOFI,
    KOFI_TEST,
    SOCKET_TIP,
    STORED_TIP,
    STREAMLABS,
    STREAMLABS_REST,
    TIP_ID,
    WEBSOCKET_TIP,
    WIDGET_TIP,
    form,
)

NOW = datetime(2026, 11, 20, 20, 0, 30, tzinfo=UTC)
PAGE_ID = UUID("01933b3e-0000-7000-8000-00000000000a")
KOFI_PAGE = Page("kofi", PAGE_ID, NOW)
ELEMENTS = Page("streamelements", PAGE_ID, NOW)
LABS = Page("streamlabs", PAGE_ID, NOW)


def only(found: Reading) -> Supported:
    """The one donation; nothing else was found, and the rules take it."""
    assert (found.ignored, found.wrong) == ((), ())
    (event,) = found.events
    assert fault(tidied(event)) == ""
    return event


def read(raw: bytes, page: Page, reader: Callable[[Any, Page], Reading]) -> Reading:
    """From the bytes, as the way in does."""
    return reader(kofi.value(raw) if page.service == "kofi" else reading.value_of(raw), page)


def text(told: Any) -> bytes:
    return json.dumps(told).encode()


def elements(told: Any) -> Reading:
    return read(text(told), ELEMENTS, streamelements.read)


def test_a_donation_of_kofi() -> None:
    event = only(read(form(KOFI), KOFI_PAGE, kofi.read))
    assert event._replace(message_id="") == Supported(
        "kofi",
        str(PAGE_ID),
        "",
        "donation",
        "0a1fac0c-f960-4506-a60e-824979a74e71",
        User("", "", "Mossy Tavern"),
        1,
        0,
        0,
        300,
        "EUR",
        "For new dice & more!",
        datetime(2026, 11, 20, 20, 0, tzinfo=UTC),
        NOW,
    )
    assert kofi.token(kofi.value(form(KOFI))) == KOFI["verification_token"]
    assert "example.com" not in repr(event)


def test_kofi_is_obeyed_in_what_is_private_and_what_is_a_sale() -> None:
    assert only(kofi.read({**KOFI, "is_public": False}, KOFI_PAGE)).message == ""
    assert only(kofi.read({**KOFI, "from_name": "Ko-fi Supporter"}, KOFI_PAGE)).user is None
    monthly = {**KOFI, "type": "Subscription", "is_subscription_payment": True, "tier_name": "Gold"}
    assert only(kofi.read(monthly, KOFI_PAGE)).kind == "donation"
    for kind, why in (("Shop Order", "sale"), ("Commission", "sale"), ("Party", "type"), (7, "type")):
        found = kofi.read({**KOFI, "type": kind}, KOFI_PAGE)
        assert (found.events, found.wrong) == ((), ())
        assert why in found.ignored[0]


def test_every_press_of_a_test_button_is_a_test_of_its_own() -> None:
    mock = {**SOCKET_TIP, "isMock": True, "data": {**SOCKET_TIP["data"], "tipId": None}}
    labs = {**STREAMLABS, "message": [{**STREAMLABS["message"][0], "isTest": True}]}
    for told, page, reader in (
        (KOFI_TEST, KOFI_PAGE, kofi.read),
        (mock, ELEMENTS, streamelements.read),
        ({**mock, "_id": None}, ELEMENTS, streamelements.read),
        (labs, LABS, streamlabs.read),
    ):
        raw = form(told) if page.service == "kofi" else text(told)
        event = only(read(raw, page, reader))
        later = only(read(raw, page._replace(received_at=NOW + timedelta(seconds=1)), reader))
        assert event.is_test
        assert later.is_test
        assert event.fact != later.fact
        assert event.message_id != later.message_id


@pytest.mark.parametrize("told", [STORED_TIP, WEBSOCKET_TIP, SOCKET_TIP, WIDGET_TIP, WIDGET_TIP["detail"]])
def test_a_tip_of_streamelements_is_the_same_in_every_form(told: Any) -> None:
    event = only(elements(told))
    assert (event.fact, event.amount_minor, event.currency) == (TIP_ID, 420, "USD")
    assert (event.user, event.message, event.is_test) == (User("", "", "Mossy"), "Hello!", False)
    assert event.message_id == only(elements(STORED_TIP)).message_id


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"approved": "pending"}, "waits for a moderator"),
        ({"approved": "rejected"}, "rejected"),
        ({"status": "pending"}, "not paid"),
        ({"deleted": True}, "not paid"),
    ],
)
def test_a_tip_that_is_held_back_is_not_shown(changes: Any, why: str) -> None:
    found = elements({**WEBSOCKET_TIP, "data": {**STORED_TIP, **changes}})
    assert (found.events, found.wrong) == ((), ())
    assert why in found.ignored[0]


def test_what_else_streamelements_tells_is_no_donation() -> None:
    for told in (
        {**SOCKET_TIP, "type": "follow"},
        {"detail": {"listener": "tip-latest", "event": {"name": "Mossy", "amount": 4.2}}},
        {"topic": "channel.activities", "data": {"type": "subscriber", "data": {}}},
    ):
        found = elements(told)
        assert (found.events, found.wrong, len(found.ignored)) == ((), (), 1)
    assert only(elements({**SOCKET_TIP, "flagged": True})).message == ""


@pytest.mark.parametrize("told", [STREAMLABS, STREAMLABS_REST, STREAMLABS_REST["data"][0]])
def test_a_donation_of_streamlabs_is_the_same_in_every_form(told: Any) -> None:
    event = only(read(text(told), LABS, streamlabs.read))
    assert (event.fact, event.amount_minor, event.currency) == ("96164121", 1337, "USD")
    assert (event.user, event.message) == (User("", "", "Mossy"), "Good show")


def test_several_donations_of_streamlabs_and_one_that_is_bad() -> None:
    item = STREAMLABS["message"][0]
    told = {
        **STREAMLABS,
        "message": [{**item, "id": 1}, {**item, "id": 2, "amount": "-5"}, {**item, "id": 3}],
    }
    found = streamlabs.read(told, LABS)
    assert [event.fact for event in found.events] == ["1", "3"]
    assert len(found.wrong) == 1
    zero = streamlabs.read({**STREAMLABS, "message": [{**item, "amount": "0.00"}]}, LABS)
    assert zero == Reading(ignored=("the amount is zero",))
    assert streamlabs.read({**STREAMLABS, "type": "follow"}, LABS).ignored
    for many in ([], [item] * (streamlabs.MOST + 1)):
        assert streamlabs.read({**STREAMLABS, "message": many}, LABS).wrong


def test_a_payment_without_an_id_is_not_taken_since_it_could_be_counted_twice() -> None:
    tip = {**SOCKET_TIP, "_id": None, "data": {**SOCKET_TIP["data"], "tipId": "a\nb"}}
    labs = {"amount": "5", "currency": "EUR", "name": "Mossy"}
    pay = {**KOFI, "kofi_transaction_id": None, "message_id": ""}
    for found in (
        elements(tip),
        streamlabs.read(labs, LABS),
        kofi.read(pay, KOFI_PAGE),
    ):
        assert "counted twice" in found.wrong[0]
    other = only(kofi.read({**KOFI, "kofi_transaction_id": None}, KOFI_PAGE))
    assert other.fact == KOFI["message_id"]


def test_no_page_can_take_away_the_ids_of_another_one() -> None:
    other = KOFI_PAGE._replace(id=UUID(int=7))
    assert only(kofi.read(KOFI, other)).message_id != only(kofi.read(KOFI, KOFI_PAGE)).message_id


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("3.00", "EUR", 300),
        ("3", "eur", 300),
        ("0.29", "USD", 29),
        ("500", "JPY", 500),
        ("500.00", "JPY", 500),
        ("1.234", "KWD", 1234),
        ("2.005", "EUR", 201),
        ("9999999999.99", "EUR", 999999999999),
    ],
)
def test_amounts_in_the_smallest_unit(amount: str, currency: str, minor: int) -> None:
    for value in (f'"{amount}"', amount):
        told = reading.value_of(
            text({**KOFI, "amount": "#", "currency": currency}).replace(b'"#"', value.encode())
        )
        assert only(kofi.read(told, KOFI_PAGE)).amount_minor == minor


@pytest.mark.parametrize(
    "amount",
    [
        "-1",
        "1e3",
        "1E2",
        "NaN",
        "Infinity",
        "1,000",
        "１",
        "1_0",
        "0x10",
        "",
        " ",
        "1.2.3",
        "9" * 40,
        None,
        True,
        [],
        {},
    ],
)
def test_what_is_no_amount(amount: Any) -> None:
    found = kofi.read({**KOFI, "amount": amount}, KOFI_PAGE)
    assert found.events == ()
    assert found.wrong


@pytest.mark.parametrize("currency", ["", "E", "EURO", "€", "E1R", None, 5])
def test_what_is_no_currency(currency: Any) -> None:
    assert kofi.read({**KOFI, "currency": currency}, KOFI_PAGE).wrong


CURRENCIES = st.sampled_from(["EUR", "USD", "JPY", "KRW", "KWD", "BHD", "CLF", "CLP", "GBP"])


@given(st.integers(1, LARGEST), CURRENCIES)
def test_an_amount_comes_back_as_it_was_written(minor: int, currency: str) -> None:
    """As a text and as a number of JSON, of whatever size: no floating point comes near it."""
    written = plain(minor, currency)
    for value in (f'"{written}"', written):
        told = reading.value_of(f'{{"amount": {value}, "currency": "{currency}", "id": 1}}'.encode())
        event = only(streamlabs.read(told, LABS))
        assert (event.amount_minor, event.currency) == (minor, currency)
        assert plain(event.amount_minor, currency) == written


@given(st.decimals(0, 10**9, places=6, allow_nan=False, allow_infinity=False), CURRENCIES)
def test_what_is_smaller_than_a_unit_is_rounded_exactly(amount: Decimal, currency: str) -> None:
    written = format(amount, "f")
    found = streamlabs.read({"amount": written, "currency": currency, "id": 1}, LABS)
    units = amount * 10 ** exponent(currency)
    if found.events:
        assert abs(found.events[0].amount_minor - units) <= Decimal("0.5")
    elif found.wrong:
        assert units > LARGEST - 1 or amount.is_signed()
    else:
        assert found.ignored == ("the amount is zero",)
        assert units < Decimal("0.5")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"data",
        b"data=",
        b"data={",
        b"data={}&data={}",
        b"data={}&more=1",
        b"other={}",
        b"data=%FF",
        b"data=%ZZ",
        'data={"a":"ü"}'.encode(),
        b'{"data": {}}',
        b"data=" + b"[" * 5000,
        b'data={"a":NaN}',
        b'data={"a":1,"a":2}',
        b"data=" + b"%5B" * 17 + b"%5D" * 17,
    ],
)
def test_what_is_no_form_of_kofi(raw: bytes) -> None:
    with pytest.raises(Unreadable):
        kofi.value(raw)


def test_depth_of_a_body_is_sixteen() -> None:
    assert reading.value_of(b"[" * 16 + b"]" * 16)
    for deep in (b"[" * 17 + b"]" * 17, b'{"a":' * 100 + b"1" + b"}" * 100, b"[" * 30_000):
        with pytest.raises(Unreadable):
            reading.value_of(deep)


def test_half_an_emoji_does_not_cost_the_money() -> None:
    raw = text({**STREAMLABS_REST["data"][0], "message": "Wow \ud83d", "name": "Mo\x00ssy"})
    event = tidied(only(read(raw, LABS, streamlabs.read)))
    assert (event.message, event.user) == ("Wow", User("", "", "Mossy"))


def test_times_that_are_none_are_those_of_receipt() -> None:
    moments: tuple[object, ...] = (
        "yesterday",
        None,
        "2031-01-01T00:00:00Z",
        "1999-01-01T00:00:00Z",
        -5,
        10**30,
        True,
        [],
        "2026-11-20",
    )
    for when in moments:
        assert only(kofi.read({**KOFI, "timestamp": when}, KOFI_PAGE)).sent_at == NOW
    assert reading.moment("1795204800", NOW) == reading.moment(1795204800, NOW) < NOW


JUNK: list[Any] = [None, True, 0, -1, 10**30, "", "x" * 3000, "\x00\u202e", [], [[]], {}, {"a": None}]


@pytest.mark.parametrize("seed", range(40))
def test_nothing_that_is_sent_breaks_a_reader(seed: int) -> None:
    """Samples with parts taken out, replaced by something else, or put elsewhere."""
    chance = random.Random(seed)  # noqa: S311  a test repeats
    samples = [
        (KOFI, KOFI_PAGE, kofi.read),
        (KOFI_TEST, KOFI_PAGE, kofi.read),
        *(
            (told, ELEMENTS, streamelements.read)
            for told in (STORED_TIP, WEBSOCKET_TIP, SOCKET_TIP, WIDGET_TIP)
        ),
        *((told, LABS, streamlabs.read) for told in (STREAMLABS, STREAMLABS_REST)),
    ]
    for _ in range(50):
        told, page, reader = copy.deepcopy(chance.choice(samples))
        for _ in range(chance.randint(1, 3)):
            spoil(told, chance)
        found = read(form(told) if page.service == "kofi" else text(told), page, reader)
        assert bool(found.events) + bool(found.ignored) + bool(found.wrong) > 0
        for event in found.events:
            assert fault(tidied(event)) == ""
            assert event.amount_minor > 0
            assert event.channel_id == str(PAGE_ID)


def spoil(told: Any, chance: random.Random) -> None:
    """Change one thing somewhere inside."""
    while True:
        if isinstance(told, dict) and told:
            place: Any = chance.choice(list(told))
        elif isinstance(told, list) and told:
            place = chance.randrange(len(told))
        else:
            return
        inner = told[place]
        if isinstance(inner, dict | list) and inner and chance.random() < 0.7:
            told = inner
            continue
        if isinstance(told, dict) and chance.random() < 0.3:
            del told[place]
        else:
            told[place] = copy.deepcopy(chance.choice(JUNK))
        return


@given(st.binary(max_size=200))
def test_no_bytes_break_the_parsers(raw: bytes) -> None:
    for parse in (kofi.value, reading.value_of):
        try:
            told = parse(raw)
        except Unreadable:
            continue
        for page, reader in (
            (KOFI_PAGE, kofi.read),
            (ELEMENTS, streamelements.read),
            (LABS, streamlabs.read),
        ):
            assert isinstance(reader(told, page), Reading)
