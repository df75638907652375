"""As `schema_breaks`, of kindnesses, what is shown of them, and pages on which viewers give money."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

NOW = datetime(2026, 11, 20, 20, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
CAMPAIGN, PAGE = UUID(int=2), UUID(int=95)
HASH, SHORT = b"\1" * 32, b"\1" * 31

Changes = tuple[dict[str, Any], ...]


def _is(column: str, *values: Any) -> Changes:
    return tuple({column: value} for value in values)


#: One good row of every table, behind those of `schema_breaks`.
ROWS: dict[str, dict[str, Any]] = {
    "alert_rules": {
        "campaign_id": CAMPAIGN,
        "kind": "bits",
        "is_shown": True,
        "minimum": 0,
        "template": "",
        "lasts_ms": 6000,
    },
    "donation_connections": {
        "id": PAGE,
        "campaign_id": CAMPAIGN,
        "service": "streamlabs",
        "name": "Tip jar",
        "token_hash": HASH,
    },
    "monetization_events": {
        "id": UUID(int=96),
        "campaign_id": CAMPAIGN,
        "platform": "twitch",
        "platform_channel_id": "4242",
        "kind": "bits",
        "fact": "f",
        "is_test": False,
        "message_id": "m",
        "is_anonymous": False,
        "platform_user_id": "991",
        "login": "ana",
        "name": "Ana",
        "quantity": 5,
        "tier": 0,
        "months": 0,
        "amount_minor": 0,
        "currency": "",
        "message": "",
        "tellings": 1,
        "sent_at": NOW,
        "received_at": NOW,
    },
}
_SUB = {"kind": "subscription", "quantity": 1}
_MONEY = {"kind": "donation", "quantity": 1, "currency": "EUR"}

#: By table and column, as in `schema_breaks`.
COLUMNS: dict[str, dict[str, Changes]] = {
    "alert_rules": {
        "kind": _is("kind", "hug"),
        "minimum": _is("minimum", -1, 10**12 + 1),
        "template": _is("template", "t" * 121),
        "lasts_ms": _is("lasts_ms", 1999, 30001),
    },
    "donation_connections": {
        "service": _is("service", "paypal"),
        "name": _is("name", "", "n" * 65),
        "status": ({"status": "asleep", "token_hash": None},),
        "token_hash": _is("token_hash", SHORT),
        "older_token_hash": ({"older_until": LATER, "older_token_hash": SHORT},),
    },
    "monetization_events": {
        "platform": _is("platform", "youtube"),
        "platform_channel_id": _is("platform_channel_id", "", "1" * 65),
        "kind": _is("kind", "hug"),
        "fact": _is("fact", "", "f" * 201),
        "message_id": _is("message_id", "", "m" * 129),
        "platform_user_id": _is("platform_user_id", "", "1" * 65),
        "login": _is("login", "l" * 65),
        "name": _is("name", "n" * 65),
        "quantity": ({"kind": "raid", "quantity": -1}, {"quantity": 10**12 + 1}),
        "tier": ({**_SUB, "tier": 4}, {**_SUB, "tier": -1}),
        "months": ({**_SUB, "months": 10001}, {**_SUB, "months": -1}),
        "amount_minor": ({**_MONEY, "amount_minor": -1}, {**_MONEY, "amount_minor": 10**12 + 1}),
        "currency": ({**_MONEY, "currency": "eur"}, {**_MONEY, "currency": "EURO"}),
        "message": _is("message", "m" * 501),
        "tellings": _is("tellings", 0),
    },
}

#: (table, constraint) → the same of constraints on several columns.
TOGETHER: dict[tuple[str, str], Changes] = {
    ("donation_connections", "donation_connections_check"): (
        {"token_hash": None},
        {"status": "revoked"},
    ),
    ("donation_connections", "donation_connections_check1"): (
        {"service": "kofi", "signing_secret": b"x"},
        {"service": "kofi", "older_until": LATER, "older_signing_secret": b"x"},
    ),
    ("donation_connections", "donation_connections_check2"): (
        {"status": "revoked", "token_hash": None, "signing_secret": b"x"},
        {"status": "revoked", "token_hash": None, "older_until": LATER},
    ),
    ("donation_connections", "donation_connections_check3"): (
        {"older_signing_secret": b"x"},
        {"older_token_hash": HASH},
    ),
    ("monetization_events", "monetization_events_check"): (
        {"is_anonymous": True},
        {"is_anonymous": True, "platform_user_id": None, "login": ""},
        {"is_anonymous": True, "platform_user_id": None, "name": ""},
    ),
    ("monetization_events", "monetization_events_check1"): ({**_MONEY, "currency": "", "amount_minor": 5},),
    ("monetization_events", "monetization_events_check2"): (
        {"amount_minor": 5, "currency": "EUR"},
        {"currency": "EUR"},
    ),
    ("monetization_events", "monetization_events_check3"): ({"tier": 1},),
    ("monetization_events", "monetization_events_check4"): ({"months": 1},),
    ("monetization_events", "monetization_events_check5"): ({"quantity": 0},),
}
