"""Streamlabs: donations, as its Socket API and its REST API tell them (dev.streamlabs.com).

Streamlabs has no webhooks: a bot or a script passes on what it was told. The socket tells a donation as one
of a list, REST as one of a page or alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from integrations.donations.reading import (
    NoDonation,
    Page,
    Reading,
    Unreadable,
    donation,
    fields,
    identifier,
    together,
)

#: In one delivery; Streamlabs' own page has a hundred.
MOST: Final = 100


def read(told: Any, page: Page) -> Reading:
    """What a believed delivery means. One that is bad does not lose the others."""
    try:
        items = _items(fields(told, "the body"))
    except NoDonation as reason:
        return Reading(ignored=(str(reason),))
    except Unreadable as reason:
        return Reading(wrong=(str(reason),))
    return together(_one(item, page) for item in items)


def _items(told: Mapping[str, Any]) -> list[Any]:
    if "type" in told:
        if told["type"] != "donation":
            raise NoDonation("it is another event than a donation")
        inside = told.get("message")
    else:
        inside = told.get("data", told)
    items = inside if isinstance(inside, list) else [inside]
    if not 0 < len(items) <= MOST:
        raise Unreadable(f"it holds no donation, or more than {MOST}")
    return items


def _one(item: Any, page: Page) -> Reading:
    try:
        told = fields(item, "the donation")
        event = donation(
            page,
            # What the socket calls `id` is what REST calls `donation_id`; `_id` is that of the alert.
            fact=identifier(told.get("donation_id"), told.get("id"), told.get("_id")),
            name=told.get("name") or told.get("from"),
            amount=told.get("amount"),
            currency=told.get("currency"),
            message=told.get("message"),
            sent_at=told.get("created_at"),
            is_test=told.get("isTest") is True or told.get("is_test") is True,
        )
    except NoDonation as reason:
        return Reading(ignored=(str(reason),))
    except Unreadable as reason:
        return Reading(wrong=(str(reason),))
    return Reading((event,))
