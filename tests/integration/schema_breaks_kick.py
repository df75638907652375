"""As `schema_breaks`, of the tables of Kick."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

NOW = datetime(2026, 11, 20, 20, tzinfo=UTC)

Changes = tuple[dict[str, Any], ...]

#: One good row of every table.
ROWS: dict[str, dict[str, Any]] = {
    "kick_subscriptions": {
        "broadcaster_id": "910001",
        "event": "chat.message.sent",
        "subscription_id": "01KCSUBCHAT00000000000001",
        "asked_at": NOW,
    },
    "kick_rounds": {"name": "key", "due_at": NOW, "began_at": NOW},
    "kick_keys": {"fingerprint": "a" * 64, "pem": "-----BEGIN PUBLIC KEY-----"},
}

#: Values that each column refuses.
_VALUES: dict[str, dict[str, tuple[Any, ...]]] = {
    "kick_subscriptions": {
        "broadcaster_id": ("", "0", "login:ana", "1" * 21),
        "event": ("", "Chat", "a b", "x" * 65),
        "subscription_id": ("", "x" * 65),
    },
    "kick_rounds": {"name": ("", "other")},
    "kick_keys": {"fingerprint": ("", "a" * 63, "A" * 64), "pem": ("x" * 8193,)},
}

#: (table) → column → changes to the good row, each of which the column's constraint must refuse.
COLUMNS: dict[str, dict[str, Changes]] = {
    table: {column: tuple({column: value} for value in values) for column, values in columns.items()}
    for table, columns in _VALUES.items()
}

#: (table, constraint) → the same of constraints that have a name of their own.
TOGETHER: dict[tuple[str, str], Changes] = {
    ("kick_subscriptions", "kick_subscriptions_check"): ({"error": "already there"},),
    ("kick_subscriptions", "kick_subscriptions_error_check"): (
        {"subscription_id": None, "error": "x" * 201},
    ),
    ("channels", "channels_chatroom_id_check"): (
        {"platform": "kick", "source": "pusher", "chatroom_id": "0"},
        {"platform": "kick", "source": "pusher", "chatroom_id": "room"},
    ),
    ("channels", "channels_pusher_has_chatroom"): (
        {"platform": "kick", "source": "pusher"},
        {"platform": "kick", "source": "webhook", "chatroom_id": "1"},
    ),
    ("channels", "channels_pusher_is_kick"): ({"source": "pusher", "chatroom_id": "1"},),
}
