"""As `schema_breaks`, of what Twitch tells and of what was missed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

NOW = datetime(2026, 11, 20, 20, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)

Changes = tuple[dict[str, Any], ...]

#: One good row of every table.
ROWS: dict[str, dict[str, Any]] = {
    "duties": {"name": "twitch.eventsub", "holder": UUID(int=70), "expires_at": LATER},
    "twitch_subscriptions": {
        "broadcaster_id": "700100200",
        "type": "channel.follow",
        "version": "2",
        "transport": "webhook",
        "subscription_id": "hb-sub-1",
        "state": "pending",
    },
    "channel_gaps": {
        "id": UUID(int=71),
        "channel_id": UUID(int=3),
        "part": "events",
        "began_at": NOW,
        "ended_at": LATER,
        "reason": "lost",
        "repaired_at": LATER,
    },
}

#: Values that each column refuses.
_VALUES: dict[str, dict[str, tuple[Any, ...]]] = {
    "duties": {"name": ("", "Twitch", "x" * 65)},
    "twitch_subscriptions": {
        "broadcaster_id": ("", "1" * 65),
        "type": ("", "Channel", "x" * 101),
        "version": ("", "1" * 17),
        "subscription_id": ("", "x" * 65),
    },
    "channel_gaps": {"reason": ("weather",), "detail": ("x" * 301,)},
}

#: (table) → column → changes to the good row, each of which the column's constraint must refuse.
COLUMNS: dict[str, dict[str, Changes]] = {
    table: {column: tuple({column: value} for value in values) for column, values in columns.items()}
    for table, columns in _VALUES.items()
}
COLUMNS["channel_gaps"]["part"] = ({"part": "roll", "repaired_at": None},)
# Only what waits for a challenge has to be a webhook.
COLUMNS["twitch_subscriptions"]["transport"] = ({"state": "held", "transport": "pigeon"},)
COLUMNS["twitch_subscriptions"]["state"] = ({"state": "lost", "detail": ""},)
COLUMNS["twitch_subscriptions"]["detail"] = ({"state": "refused", "detail": "x" * 301},)

#: (table, constraint) → the same of constraints that have a name of their own.
TOGETHER: dict[tuple[str, str], Changes] = {
    ("twitch_subscriptions", "twitch_subscriptions_check"): ({"subscription_id": None},),
    ("twitch_subscriptions", "twitch_subscriptions_check1"): ({"transport": "socket"},),
    ("twitch_subscriptions", "twitch_subscriptions_check2"): (
        {"detail": "why"},
        {"state": "refused"},
        {"state": "revoked"},
    ),
    ("channel_gaps", "channel_gaps_check"): ({"ended_at": NOW - timedelta(seconds=1)},),
    ("channel_gaps", "channel_gaps_check1"): ({"part": "chat"}, {"ended_at": None}),
}
