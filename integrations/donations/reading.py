"""What every reader of a donation page answers, and the careful hands it takes things with.

Amounts are exact: a number of JSON is kept as it was written, and no floating point is anywhere near it.
E-mail addresses, which all three services send along, are never looked at.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple
from uuid import UUID

from server.rules.events import User
from server.rules.money import NotMoney, currency_of, minor_units
from server.rules.platform_events import Supported
from server.rules.wiretime import from_wire

#: As in `server.web.strict_json` (reliability §3.9).
DEEPEST: Final = 16
_LONGEST_ID: Final = 128
#: Longer than the rules keep; what is cut here is cut there as well.
_LONGEST_TEXT: Final = 2_000
#: What somebody is called who gave no name.
_NAMELESS: Final = frozenset({"", "anonymous", "ko-fi supporter"})
#: A time before there was any of the services, or further ahead of us than clocks go wrong, is not a time.
_EARLIEST: Final = datetime(2008, 1, 1, tzinfo=UTC)
_MOST_AHEAD: Final = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a genuine delivery holds. Reasons are sentences for whoever set the sender up."""

    events: tuple[Supported, ...] = ()
    ignored: tuple[str, ...] = ()  # why something in it is no donation to be shown
    wrong: tuple[str, ...] = ()  # why something in it cannot be read


class Unreadable(ValueError):
    """It cannot be read as what it should be; the message says why."""


class NoDonation(ValueError):
    """It can be read, and is nothing to be shown; the message says what it is."""


class Page(NamedTuple):
    """The donation page that a delivery came through, and when."""

    service: str
    id: UUID
    received_at: datetime


def value_of(raw: bytes) -> Any:
    """A JSON text: numbers as exact decimals or integers. Raises Unreadable.

    No repeated keys, no NaN, not deeper than 16. A text may hold what cannot be stored, such as half an emoji
    that somebody cut off: the rules clean it, and the money is not lost for it.
    """
    try:
        found = json.loads(
            raw.decode("utf-8"),
            parse_float=Decimal,
            parse_int=_whole,
            parse_constant=_constant,
            object_pairs_hook=_once,
        )
    except (UnicodeDecodeError, RecursionError, json.JSONDecodeError):
        raise Unreadable("it is no JSON") from None
    _refuse(found, 0)
    return found


def _whole(digits: str) -> int | Decimal:
    # `int` of very many digits takes long; no amount and no id has so many.
    return int(digits) if len(digits) <= 20 else Decimal(digits)


def _constant(name: str) -> Any:
    raise Unreadable(f"{name} is no JSON")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Unreadable("a key stands twice in one object")
    return found


def _refuse(value: Any, depth: int) -> None:
    if isinstance(value, dict | list):
        if depth == DEEPEST:
            raise Unreadable(f"it is nested deeper than {DEEPEST} levels")
        for inner in value.values() if isinstance(value, dict) else value:
            _refuse(inner, depth + 1)


def fields(value: object, what: str) -> Mapping[str, Any]:
    """An object. Raises Unreadable."""
    if not isinstance(value, dict):
        raise Unreadable(f"{what} is no object")
    return value


def text(value: object) -> str:
    """Text, cut; "" for anything else."""
    return value[:_LONGEST_TEXT] if isinstance(value, str) else ""


def identifier(*values: object) -> str:
    """The first of these that is an id, a text or a whole number; "" when none is."""
    for value in values:
        found = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        if isinstance(found, str) and 0 < len(found) <= _LONGEST_ID and _is_plain(found):
            return found
    return ""


def _is_plain(name: str) -> bool:
    return all(unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in name)


def moment(value: object, received_at: datetime) -> datetime:
    """RFC 3339, or seconds since 1970; the time of receipt where it is neither, or ahead of us by a
    minute."""
    found = None
    if isinstance(value, str):
        if len(value) <= 12 and value.isascii() and value.isdecimal():
            value = int(value)
        elif len(value) <= 40:
            try:
                found = from_wire(value)
            except ValueError:
                found = None
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10**11:
        found = datetime.fromtimestamp(value, UTC)
    if found is None or not _EARLIEST <= found <= received_at + _MOST_AHEAD:
        return received_at
    return found


def money(amount: object, currency: object) -> tuple[int, str]:
    """An amount above zero in whole smallest units, and its currency. Raises Unreadable, NoDonation."""
    if not isinstance(currency, str):
        raise Unreadable("the currency is missing")
    if isinstance(amount, bool) or not isinstance(amount, str | int | Decimal):
        raise Unreadable("the amount is missing")
    try:
        code = currency_of(currency)
        units = minor_units(str(amount), code)
    except NotMoney as reason:
        raise Unreadable(str(reason)) from None
    if units == 0:
        raise NoDonation("the amount is zero")
    return units, code


def donation(
    page: Page,
    *,
    fact: str,
    name: object,
    amount: object,
    currency: object,
    message: object,
    sent_at: object,
    is_test: bool,
) -> Supported:
    """One donation. `fact` is the service's id of the payment. Raises Unreadable, NoDonation.

    A test is a new one each time it is pressed: services send the same made-up payment again and again.
    """
    units, code = money(amount, currency)
    if is_test:
        fact = f"test {fact} {page.received_at.isoformat()}"
    elif not fact:
        raise Unreadable("the id of the payment is missing, so that it could be counted twice")
    # The page is part of the name: no page of a show can take away the ids of another one (T19).
    message_id = hashlib.sha256(f"{page.id} {fact}".encode()).hexdigest()
    who = text(name).strip()
    return Supported(
        platform=page.service,
        channel_id=str(page.id),
        message_id=message_id,
        kind="donation",
        fact=fact,
        user=None if who.casefold() in _NAMELESS else User("", "", who),
        quantity=1,
        tier=0,
        months=0,
        amount_minor=units,
        currency=code,
        message=text(message),
        sent_at=moment(sent_at, page.received_at),
        received_at=page.received_at,
        is_test=is_test,
    )


def together(readings: Iterable[Reading]) -> Reading:
    """Several as one."""
    found = list(readings)
    return Reading(
        tuple(event for one in found for event in one.events),
        tuple(reason for one in found for reason in one.ignored),
        tuple(reason for one in found for reason in one.wrong),
    )
