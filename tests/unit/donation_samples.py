"""What Ko-fi, StreamElements and Streamlabs send, in the shapes that they document, with made-up people."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

KOFI: dict[str, Any] = {
    "verification_token": "0f4a5a3e-6f1c-4b1f-9a51-7a3a5b0c2d11",
    "message_id": "3a1fac0c-f960-4506-a60e-824979a74e74",
    "timestamp": "2026-11-20T20:00:00Z",
    "type": "Donation",
    "is_public": True,
    "from_name": "Mossy Tavern",
    "message": "For new dice & more!",
    "amount": "3.00",
    "url": "https://ko-fi.com/Home/CoffeeShop?txid=0a1fac0c-f960-4506-a60e-824979a74e71",
    "email": "someone@example.com",
    "currency": "EUR",
    "is_subscription_payment": False,
    "is_first_subscription_payment": False,
    "kofi_transaction_id": "0a1fac0c-f960-4506-a60e-824979a74e71",
    "shop_items": None,
    "tier_name": None,
    "shipping": None,
}
KOFI_TEST = {**KOFI, "kofi_transaction_id": "00000000-1111-2222-3333-444444444444", "from_name": "Jo Example"}

TIP_ID = "67b5f39d07ecd4c594e60f73"
#: As REST answers it, and as the websocket's topics carry it in `data`.
STORED_TIP: dict[str, Any] = {
    "donation": {
        "user": {"username": "Mossy", "geo": "ZZ", "email": "someone@example.com"},
        "message": "Hello!",
        "amount": 4.2,
        "currency": "USD",
        "paymentMethod": "scheme",
    },
    "_id": TIP_ID,
    "channel": "5ad23dcc18fff500d78c5348",
    "provider": "paypal",
    "approved": "allowed",
    "status": "success",
    "createdAt": "2026-11-20T20:00:00.302Z",
    "updatedAt": "2026-11-20T20:00:10.099Z",
    "transactionId": "2YH79902JR1691017",
}
WEBSOCKET_TIP: dict[str, Any] = {
    "id": "01JMFBZF7KSRDDXXV0EH7G8X6G",
    "ts": "2026-11-20T20:00:10Z",
    "type": "message",
    "topic": "channel.tips",
    "room": "5ad23dcc18fff500d78c5348",
    "data": STORED_TIP,
}
SOCKET_TIP: dict[str, Any] = {
    "_id": "5d967959cd89a10ce12818ad",
    "channel": "5ad23dcc18fff500d78c5348",
    "type": "tip",
    "provider": "twitch",
    "flagged": False,
    "createdAt": "2026-11-20T20:00:01.000Z",
    "data": {
        "tipId": TIP_ID,
        "username": "mossy",
        "displayName": "Mossy",
        "amount": 4.2,
        "currency": "USD",
        "message": "Hello!",
        "items": [],
        "avatar": "https://example.com/a.png",
    },
}
WIDGET_TIP: dict[str, Any] = {"detail": {"listener": "event", "event": SOCKET_TIP}}

STREAMLABS: dict[str, Any] = {
    "type": "donation",
    "message": [
        {
            "id": 96164121,
            "name": "Mossy",
            "amount": "13.37",
            "formatted_amount": "$13.37",
            "formattedAmount": "$13.37",
            "message": "Good show",
            "currency": "USD",
            "emotes": None,
            "iconClassName": "user",
            "to": {"name": "Ana"},
            "from": "Mossy",
            "from_user_id": None,
            "_id": "0820c9d5bafd768c9843f5e35c885e71",
        }
    ],
    "event_id": "evt_17e5f4dc6888767ed9799f78dfa2cabc",
}
STREAMLABS_REST: dict[str, Any] = {
    "data": [
        {
            "donation_id": 96164121,
            "created_at": 1795204800,
            "currency": "USD",
            "amount": "13.37",
            "name": "Mossy",
            "message": "Good show",
            "email": "someone@example.com",
        }
    ]
}


def form(told: Any) -> bytes:
    """As Ko-fi sends it."""
    return urlencode({"data": json.dumps(told)}).encode()
