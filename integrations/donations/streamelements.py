"""StreamElements: a tip, in each of the forms in which StreamElements tells one.

StreamElements has no webhooks. A widget in its overlay, a bot or a script passes on what it was told: the
event of a custom widget, of the socket, of the websocket topics `channel.tips` and `channel.tips.moderation`
(docs.streamelements.com/websockets), or the tip itself as the REST API answers it. The id of the tip is the
same in all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from integrations.donations.reading import NoDonation, Page, Reading, Unreadable, donation, fields, identifier
from server.rules.platform_events import Supported

#: Around the event: of a widget (`detail`, `event`) and of the websocket (`data`).
_DEEPEST_WRAPPING: Final = 3
_HELD: Final = {"pending": "the tip waits for a moderator", "rejected": "a moderator has rejected the tip"}


def read(told: Any, page: Page) -> Reading:
    """What a believed delivery means."""
    try:
        return Reading((_tip(_event(fields(told, "the body")), page),))
    except NoDonation as reason:
        return Reading(ignored=(str(reason),))
    except Unreadable as reason:
        return Reading(wrong=(str(reason),))


def _event(told: Mapping[str, Any]) -> Mapping[str, Any]:
    """The event without what is around it."""
    for _ in range(_DEEPEST_WRAPPING):
        listener = told.get("listener")
        if listener is not None and listener != "event":
            raise NoDonation("of a widget only the listener event is read: its events have an id")
        inner = told.get("detail", told.get("event"))
        if inner is None and "topic" in told:
            inner = told.get("data")
        if not isinstance(inner, dict):
            return told
        told = inner
    return told


def _tip(told: Mapping[str, Any], page: Page) -> Supported:
    if "donation" in told:
        return _stored(told, fields(told["donation"], "donation"), page)
    if told.get("type") != "tip":
        raise NoDonation("it is another event than a tip")
    tip = fields(told.get("data"), "data")
    is_test = told.get("isMock") is True or told.get("isTest") is True
    return donation(
        page,
        fact=identifier(tip.get("tipId"), told.get("_id")),
        name=tip.get("displayName") or tip.get("username"),
        amount=tip.get("amount"),
        currency=tip.get("currency"),
        message="" if told.get("flagged") is True else tip.get("message"),
        sent_at=told.get("createdAt"),
        is_test=is_test,
    )


def _stored(told: Mapping[str, Any], tip: Mapping[str, Any], page: Page) -> Supported:
    """As it is kept: with what became of the payment, and what a moderator said."""
    if told.get("status", "success") != "success" or told.get("deleted") is True:
        raise NoDonation("the tip is not paid, or deleted")
    if reason := _HELD.get(str(told.get("approved"))):
        raise NoDonation(reason)
    user = tip.get("user")
    return donation(
        page,
        fact=identifier(told.get("_id")),
        name=user.get("username") if isinstance(user, dict) else "",
        amount=tip.get("amount"),
        currency=tip.get("currency"),
        message=tip.get("message"),
        sent_at=told.get("createdAt"),
        is_test=False,
    )
