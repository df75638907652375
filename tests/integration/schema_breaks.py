"""For every CHECK of the schema a row that it must refuse; `test_migrations` sees that none is left out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from tests.integration import schema_breaks_accounts as of_accounts
from tests.integration import schema_breaks_kick as of_kick
from tests.integration import schema_breaks_native as of_native
from tests.integration import schema_breaks_table as of_tables

NOW = datetime(2026, 11, 20, 20, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
HASH, SHORT = b"\1" * 32, b"\1" * 31


def _id(number: int) -> UUID:
    return UUID(int=number)


USER, CAMPAIGN, CHANNEL, OVERLAY, DEFINITION, POLL, RUNDOWN = (_id(n) for n in range(1, 8))

#: One good row of every table, in an order in which they can be inserted.
ROWS: dict[str, dict[str, Any]] = {
    "channel_changes": {"one_row": True, "version": 1},
    "users": {"id": USER, "display_name": "Ana"},
    "auth_providers": {"id": _id(20), "user_id": USER, "provider": "twitch", "provider_user_id": "1"},
    "sessions": {
        "id": _id(21),
        "user_id": USER,
        "token_hash": HASH,
        "csrf_token": "c" * 32,
        "created_at": NOW,
        "expires_at": LATER,
    },
    "verifications": {
        "id": _id(22),
        "purpose": "login",
        "code_hash": HASH,
        "user_id": USER,
        "expires_at": LATER,
    },
    "api_keys": {"id": _id(23), "user_id": USER, "name": "script", "key_hash": HASH},
    "campaigns": {"id": CAMPAIGN, "owner_id": USER, "name": "Show"},
    "campaign_heads": {"campaign_id": CAMPAIGN, "epoch": _id(30)},
    "channels": {
        "id": CHANNEL,
        "campaign_id": CAMPAIGN,
        "platform": "twitch",
        "login": "ana",
        "channel_id": "100",
        "source": "irc",
    },
    "connectors": {"id": _id(33), "kinds": ["irc"], "expires_at": LATER},
    "channel_readers": {"channel_id": CHANNEL, "connector_id": _id(33)},
    "campaign_memberships": {
        "id": _id(31),
        "campaign_id": CAMPAIGN,
        "user_id": USER,
        "role": "game_master",
        "accepted_at": datetime(2026, 11, 30, tzinfo=UTC),
    },
    "viewers": {"platform": "twitch", "platform_user_id": "991"},
    "idempotency_keys": {"actor": "key:1", "key_hash": HASH, "request_hash": HASH, "locked_until": LATER},
    "settings": {"key": "k", "value": {}},
    "admin_log": {"id": _id(32), "actor": "user:1", "action": "poll.launch"},
    "boards": {
        "board_id": POLL,
        "campaign_id": CAMPAIGN,
        "kind": "poll",
        "phase": "open",
        "rev": 1,
        "data": {"kind": "poll"},
    },
    "board_events": {
        "campaign_id": CAMPAIGN,
        "seq": 1,
        "kind": "set",
        "board_id": POLL,
        "payload": {"kind": "poll"},
        "at": NOW,
    },
    "deadlines": {"board_id": POLL, "kind": "close", "campaign_id": CAMPAIGN, "due_at": NOW},
    "inbox": {"campaign_id": CAMPAIGN, "source": "twitch", "message_id": "m1", "received_at": NOW},
    "lost_lines": {"id": _id(42), "campaign_id": CAMPAIGN, "lines": 1},
    "outbox": {"id": _id(40), "campaign_id": CAMPAIGN, "kind": "chat.say", "dedupe_key": "d", "payload": {}},
    "overlay_configs": {"id": OVERLAY, "campaign_id": CAMPAIGN, "name": "Main", "key_hash": HASH},
    "overlay_sources": {"overlay_id": OVERLAY, "connection": _id(41), "connected_at": NOW, "seen_at": NOW},
    "poll_sessions": {"id": RUNDOWN, "campaign_id": CAMPAIGN, "name": "Evening"},
    "poll_templates": {
        "id": _id(50),
        "campaign_id": CAMPAIGN,
        "label": "Yes or no",
        "question": "Well?",
        "options": ["Yes", "No"],
        "duration_s": 60,
    },
    "polls": {
        "id": DEFINITION,
        "campaign_id": CAMPAIGN,
        "question": "Which door?",
        "options": ["Left", "Right"],
        "duration_s": 60,
    },
    "poll_instances": {
        "id": POLL,
        "campaign_id": CAMPAIGN,
        "poll_id": DEFINITION,
        "question": "Which door?",
        "options": ["Left", "Right"],
        "duration_s": 60,
        "rule": "one_vote",
        "changeable": True,
        "tie": "gm",
        "secret": False,
        "words": "exact",
        "weighting": "sum",
        "cap_percent": 50,
        "hold_s": 8,
    },
    "poll_channel_links": {
        "poll_instance_id": POLL,
        "slot": 0,
        "channel_id": CHANNEL,
        "platform": "twitch",
        "login": "ana",
    },
    "poll_votes": {
        "poll_instance_id": POLL,
        "platform": "twitch",
        "ballot": "991",
        "platform_user_id": "991",
        "slot": 0,
        "choice": 1,
        "sent_at": NOW,
        "message_id": "m1",
    },
    "poll_vote_ledger": {
        "poll_instance_id": POLL,
        "n": 1,
        "voter": b"\1" * 16,
        "slot": 0,
        "choice": 1,
        "sent_at": NOW,
        "received_at": NOW,
        "message_id": "m1",
        "hash": HASH,
    },
    "poll_results": {"poll_instance_id": POLL, "slot": 0, "choice": 1, "votes": 1},
    **of_tables.rows(),
    **of_accounts.rows(),
    **of_kick.ROWS,
    **of_native.ROWS,
}

#: What turns the draft of ROWS into a launched poll.
OPEN = {
    "state": "open",
    "grace_s": 3,
    "opens_at": NOW,
    "closes_at": LATER,
    "phase_at": NOW,
    "seed": HASH,
    "voter_key": HASH,
    "ledger_head": HASH,
}
CLOSED = {**OPEN, "state": "closed"}

Changes = tuple[dict[str, Any], ...]


def _is(column: str, *values: Any) -> Changes:
    return tuple({column: value} for value in values)


_QUESTION = _is("question", "", "q" * 121)
_OPTIONS = _is("options", [], ["one"], ["x"] * 11, ["", "b"], ["a", "b" * 81], ["a", None])
_DURATION = _is("duration_s", 9, 3601)
_CHOICE = _is("choice", 0, 11)

_COLUMNS: dict[str, dict[str, Changes]] = {
    "users": {"display_name": _is("display_name", "", "n" * 65), "email": _is("email", "Ana@example.org")},
    "auth_providers": {
        "provider": _is("provider", "myspace"),
        "provider_user_id": _is("provider_user_id", "", "1" * 65),
        "display_name": _is("display_name", "n" * 65),
    },
    "sessions": {
        "token_hash": _is("token_hash", SHORT, b""),
        "csrf_token": _is("csrf_token", "c" * 31),
        "user_agent": _is("user_agent", "u" * 301),
    },
    "verifications": {"code_hash": _is("code_hash", SHORT)},
    "api_keys": {"name": _is("name", "", "n" * 65), "key_hash": _is("key_hash", SHORT)},
    "campaigns": {"name": _is("name", "", "n" * 101), "description": _is("description", "d" * 501)},
    "campaign_heads": {"seq": _is("seq", -1)},
    "channels": {
        "platform": ({"platform": "youtube", "source": "api"},),
        "login": _is("login", "", "Ana", "a" * 65),
        "channel_id": _is("channel_id", "", "1" * 65),
        "source": _is("source", "telnet"),
        "state": _is("state", "sleeping"),
        "state_detail": _is("state_detail", "d" * 301),
    },
    "channel_changes": {"one_row": _is("one_row", False), "version": _is("version", -1)},
    "connectors": {"kinds": ({"kinds": []},)},
    "channel_readers": {"state": _is("state", "sleeping"), "state_detail": _is("state_detail", "d" * 301)},
    "campaign_memberships": {
        "role": _is("role", "king"),
        "status": ({"status": "gone", "accepted_at": None},),
    },
    "viewers": {
        "platform": _is("platform", "youtube"),
        "platform_user_id": _is("platform_user_id", "", "1" * 65),
        "login": _is("login", "l" * 65),
        "name": _is("name", "n" * 65),
    },
    "idempotency_keys": {
        "actor": _is("actor", "", "a" * 65),
        "key_hash": _is("key_hash", SHORT),
        "request_hash": _is("request_hash", SHORT),
        "status": ({"status": 199, "answer": b""}, {"status": 500, "answer": b""}),
    },
    "settings": {"key": _is("key", "", "k" * 101)},
    "admin_log": {
        "actor": _is("actor", "", "a" * 65),
        "action": _is("action", "launch", "poll.", "Poll.launch", "poll launch", "poll.launch\n"),
        "subject": _is("subject", "s" * 101),
    },
    "boards": {
        "kind": _is("kind", "", "Poll", "p" * 33, "poll\n"),
        "phase": _is("phase", "", "o-pen"),
        "rev": _is("rev", 0),
        "data": _is("data", [], "text", 5),
    },
    "board_events": {"seq": _is("seq", 0), "kind": _is("kind", "upset")},
    "deadlines": {"kind": _is("kind", "", "Close"), "state": _is("state", "lost")},
    "inbox": {"source": _is("source", "", "s" * 33), "message_id": _is("message_id", "", "m" * 129)},
    "outbox": {
        "kind": _is("kind", "", "Say", "k" * 65),
        "dedupe_key": _is("dedupe_key", "", "d" * 201),
        "state": _is("state", "lost"),
        "attempts": _is("attempts", -1),
        "last_error": _is("last_error", "e" * 501),
    },
    "lost_lines": {"lines": _is("lines", 0)},
    "overlay_configs": {
        "name": _is("name", "", "n" * 65),
        "key_hash": _is("key_hash", SHORT),
        "key_version": _is("key_version", 0),
        "layout": _is("layout", [], "x"),
    },
    "overlay_sources": {
        "name": _is("name", "n" * 65),
        "obs": _is("obs", "o" * 33),
        "width": _is("width", 0, 16385),
        "height": _is("height", 0, 16385),
    },
    "poll_sessions": {"name": _is("name", "", "n" * 101)},
    "poll_templates": {
        "label": _is("label", "", "l" * 61),
        "question": _QUESTION,
        "options": _OPTIONS,
        "duration_s": _DURATION,
    },
    "polls": {"question": _QUESTION, "options": _OPTIONS, "duration_s": _DURATION},
    "poll_instances": {
        "question": _QUESTION,
        "options": _OPTIONS,
        "duration_s": _DURATION,
        "rule": _is("rule", "two_votes"),
        "tie": _is("tie", "dice"),
        "words": _is("words", "on"),
        "weighting": _is("weighting", "gold"),
        "cap_percent": _is("cap_percent", 0, 101),
        "grace_s": _is("grace_s", -1, 61),
        "hold_s": _is("hold_s", 2, 601),
        "auto_reveal_s": _is("auto_reveal_s", -1, 601),
        "ledger_rows": _is("ledger_rows", -1),
        "pauses": ({**OPEN, "pauses": [NOW]}, {**OPEN, "pauses": [NOW, NOW, LATER]}),
        "seed": ({**OPEN, "seed": SHORT},),
        "voter_key": ({**OPEN, "voter_key": SHORT},),
        "ledger_head": ({**OPEN, "ledger_head": SHORT},),
    },
    "poll_channel_links": {"slot": _is("slot", -1)},
    "poll_votes": {"choice": _CHOICE},
    "poll_vote_ledger": {
        "n": _is("n", 0),
        "voter": _is("voter", b"\1" * 15),
        "choice": _CHOICE,
        "hash": _is("hash", SHORT),
    },
    "poll_results": {"choice": _CHOICE, "votes": _is("votes", -1)},
    **of_tables.COLUMNS,
}

#: (table, constraint) → changes to the good row, each of which that constraint must refuse.
BREAKS: dict[tuple[str, str], Changes] = {
    (table, f"{table}_{column}_check"): changes
    for columns_of in (_COLUMNS, of_accounts.COLUMNS, of_kick.COLUMNS, of_native.COLUMNS)
    for table, columns in columns_of.items()
    for column, changes in columns.items()
} | {
    ("sessions", "sessions_check"): _is("expires_at", NOW, NOW - timedelta(days=1)),
    ("channels", "channels_check"): ({"platform": "kick", "source": "irc"},),
    ("idempotency_keys", "idempotency_keys_check"): ({"status": 200}, {"answer": b"x"}),
    ("board_events", "board_events_check"): (
        {"kind": "event", "seq": 2},
        {"kind": "set", "board_id": None, "seq": 2},
    ),
    ("board_events", "board_events_check1"): (
        {"kind": "unset", "seq": 2},
        {"kind": "set", "payload": None, "seq": 2},
    ),
    ("deadlines", "deadlines_check"): ({"state": "fired"}, {"fired_at": LATER}),
    ("deadlines", "deadlines_check1"): ({"state": "fired", "fired_at": NOW - timedelta(seconds=1)},),
    ("outbox", "outbox_check"): ({"state": "leased"}, {"lease_until": LATER}),
    ("outbox", "outbox_payload_check"): ({"payload": {str(n): n * 0.1 for n in range(3000)}},),
    ("poll_instances", "poll_instances_cancelled_from_check"): (
        {**OPEN, "state": "cancelled", "cancelled_from": "revealed"},
    ),
    ("poll_instances", "poll_instances_state_check"): (
        {**OPEN, "state": "paused"},
        {**OPEN, "state": "Open"},
    ),
    ("poll_instances", "poll_instances_check"): ({**CLOSED, "winner": 3}, {**CLOSED, "winner": 0}),
    ("poll_instances", "poll_instances_check1"): (
        {**OPEN, "winner": 1},
        {**OPEN, "state": "closing", "winner": 1},
        {**OPEN, "state": "cancelled", "cancelled_from": "closed", "winner": 1},
    ),
    ("poll_instances", "poll_instances_check2"): (
        {**OPEN, "state": "draft"},
        {"state": "open", "grace_s": 3},
    ),
    ("poll_instances", "poll_instances_check3"): tuple(
        {**OPEN, column: None} for column in ("closes_at", "phase_at", "seed", "ledger_head")
    ),
    ("poll_instances", "poll_instances_check4"): ({**OPEN, "closes_at": NOW - timedelta(seconds=1)},),
    ("poll_instances", "poll_instances_check5"): (
        {**OPEN, "state": "cancelled"},
        {**OPEN, "cancelled_from": "open"},
    ),
    ("poll_instances", "poll_instances_check6"): ({**OPEN, "grace_s": None},),
    **of_tables.TOGETHER,
    **of_accounts.TOGETHER,
    **of_kick.TOGETHER,
    **of_native.TOGETHER,
}

#: Partial unique index → table, what makes the first row fall under it, what the second row has instead.
UNIQUE_BREAKS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "users_one_owner": ("users", {"is_owner": True}, {}),
    "campaigns_one_demo": ("campaigns", {"is_demo": True}, {}),
    "poll_instances_one_open": ("poll_instances", OPEN, {"state": "closing"}),
    "character_assignments_game_master": ("character_assignments", {}, {"character_id": _id(99)}),
    **of_native.UNIQUE,
}
