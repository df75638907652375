"""Kindnesses of viewers: what is one, and what it comes to when told several times (domain/supporters.md).

Platforms tell one deed by several events: a gift bomb by its own notice and one for everybody who was given
something, bits by two types of events, anything at all by two sources. Each telling has a message id of its
own; what they have in common is the fact. `merged` is commutative, associative and idempotent, so that the
deed is a function of the set of tellings, not of their order or number.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import TypeAlias, get_args

from server.rules.events import User
from server.rules.money import LARGEST
from server.rules.platform_events import Supported, SupportKind
from server.rules.votes import believed_time

KINDS: tuple[SupportKind, ...] = get_args(SupportKind)
#: Kinds that are about a subscription.
SUBSCRIPTIONS: tuple[SupportKind, ...] = ("subscription", "resub", "gift")

LONGEST_FACT = 200
LONGEST_NAME = 64
LONGEST_MESSAGE = 500
MOST_QUANTITY = 10**12
MOST_MONTHS = 10_000

#: (platform, platform's channel id, kind, whether it is a test, fact): the same deed has the same one. Tests
#: stand apart, so that nothing made up can take the place of a deed.
Deed: TypeAlias = tuple[str, str, SupportKind, bool, str]


def deed(event: Supported) -> Deed:
    """What makes two tellings one deed."""
    return (event.platform, event.channel_id, event.kind, event.is_test, event.fact)


def fault(event: Supported) -> str:
    """Why an event cannot have happened, or nothing. Adapters check more; this is the last gate."""
    is_raid, is_gift = event.kind == "raid", event.kind in SUBSCRIPTIONS
    if not 0 < len(event.fact) <= LONGEST_FACT or not _storable(event.fact):
        return "bad_fact"
    if not (0 if is_raid else 1) <= event.quantity <= MOST_QUANTITY:
        return "bad_quantity"
    if not 0 <= event.tier <= (3 if is_gift else 0):
        return "bad_tier"
    if not 0 <= event.months <= (MOST_MONTHS if is_gift else 0):
        return "bad_months"
    has_money = event.kind == "donation"
    if not 0 <= event.amount_minor <= (LARGEST if has_money else 0):
        return "bad_amount"
    if bool(event.currency) != has_money:
        return "bad_currency"
    if has_money and not (len(event.currency) == 3 and event.currency.isascii() and event.currency.isupper()):
        return "bad_currency"
    who = "" if event.user is None else event.user.id
    return "" if len(who) <= 64 and _storable(who) else "bad_user_id"


def tidied(event: Supported) -> Supported:
    """With texts that can be stored and fit, and a time that is not in the future (reliability §3.7)."""
    user = event.user
    if user is not None:
        user = User(user.id, cleaned(user.login, LONGEST_NAME), cleaned(user.name, LONGEST_NAME))
        if not (user.name or user.login or user.id):
            user = None  # somebody of whom nothing is known
    return event._replace(
        user=user,
        message=cleaned(event.message, LONGEST_MESSAGE),
        sent_at=believed_time(event.sent_at, event.received_at),
    )


def merged(one: Supported, other: Supported) -> Supported:
    """Two tellings of one deed as one.

    The greatest figures hold: the notice of a gift bomb says five where that of one gift says one. Who is
    anonymous in one telling stays so. Words and who gave are those of the earliest telling, or the only ones.
    """
    first, second = sorted((one, other), key=lambda event: (event.sent_at, event.message_id))
    return first._replace(
        user=None if first.user is None or second.user is None else first.user,
        quantity=max(first.quantity, second.quantity),
        tier=max(first.tier, second.tier),
        months=max(first.months, second.months),
        amount_minor=max(first.amount_minor, second.amount_minor),
        currency=max(first.currency, second.currency),
        message=max(first.message, second.message, key=lambda text: (len(text), text)),
        received_at=min(first.received_at, second.received_at),
    )


def deeds(events: Iterable[Supported]) -> dict[Deed, Supported]:
    """What a set of tellings comes to; the plain model of what the engine stores."""
    found: dict[Deed, Supported] = {}
    for event in events:
        key = deed(event)
        found[key] = merged(found[key], event) if key in found else event
    return found


def cleaned(text: str, longest: int) -> str:
    """One line without controls and halves of characters, cut to `longest` characters."""
    text = unicodedata.normalize("NFC", " ".join(text[: 4 * longest].split()))
    return "".join(c for c in text if unicodedata.category(c) not in ("Cc", "Cs"))[:longest].rstrip()


def _storable(text: str) -> bool:
    return text.isprintable()
