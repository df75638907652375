"""Ko-fi: a form with one field `data`, which holds JSON, for every payment on a page
(ko-fi.com/manage/webhooks).

Ko-fi does not sign. A verification token of the page is inside of the JSON, so that the body has to be read
before it can be believed; that is bounded, and nobody learns from it how far it came.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import parse_qsl

from integrations.donations.reading import (
    NoDonation,
    Page,
    Reading,
    Unreadable,
    donation,
    fields,
    identifier,
    value_of,
)

#: What is money for nothing but kindness; the other types are sales.
_DONATIONS: Final = ("Donation", "Subscription")
_SALES: Final = ("Shop Order", "Commission")
#: The payment of every test that Ko-fi's page sends.
_TEST: Final = "00000000-1111-2222-3333-444444444444"


def value(raw: bytes) -> Any:
    """The JSON of the field `data`. Raises Unreadable."""
    try:
        pairs = parse_qsl(
            raw.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            encoding="utf-8",
            errors="strict",
            max_num_fields=1,
        )
    except ValueError:  # of Unicode, too
        raise Unreadable("it is no form with a single field data") from None
    if [name for name, _ in pairs] != ["data"]:
        raise Unreadable("it is no form with a single field data")
    return value_of(pairs[0][1].encode("utf-8", "surrogatepass"))


def token(told: Any) -> str:
    """The verification token; "" where there is none."""
    found = told.get("verification_token") if isinstance(told, dict) else None
    return found if isinstance(found, str) else ""


def read(told: Any, page: Page) -> Reading:
    """What a believed delivery means."""
    try:
        return Reading((_payment(fields(told, "data"), page),))
    except NoDonation as reason:
        return Reading(ignored=(str(reason),))
    except Unreadable as reason:
        return Reading(wrong=(str(reason),))


def _payment(told: Any, page: Page) -> Any:
    kind = told.get("type")
    if kind in _SALES:
        raise NoDonation(f"a {str(kind).lower()} is a sale, and no donation")
    if kind not in _DONATIONS:
        raise NoDonation("its type is none that is known here")
    payment = identifier(told.get("kofi_transaction_id"))
    return donation(
        page,
        fact=payment or identifier(told.get("message_id")),
        name=told.get("from_name"),
        amount=told.get("amount"),
        currency=told.get("currency"),
        # Ko-fi asks for it: what is not public is not shown.
        message=told.get("message") if told.get("is_public") is True else "",
        sent_at=told.get("timestamp"),
        is_test=payment == _TEST,
    )
