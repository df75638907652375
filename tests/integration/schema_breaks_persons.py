"""As `schema_breaks`, of people, their accounts, and polls that count them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

NOW = datetime(2026, 11, 20, 20, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
USER, CAMPAIGN, POLL = UUID(int=1), UUID(int=2), UUID(int=6)
PERSON = UUID(int=90)
DIGEST = b"\1" * 16

Changes = tuple[dict[str, Any], ...]


def _is(column: str, *values: Any) -> Changes:
    return tuple({column: value} for value in values)


#: One good row of every table, behind those of `schema_breaks`.
ROWS: dict[str, dict[str, Any]] = {
    "people": {"id": PERSON},
    "person_links": {
        "id": UUID(int=91),
        "person_id": PERSON,
        "platform": "twitch",
        "platform_user_id": "991",
        "since": NOW,
    },
    "person_splits": {"id": UUID(int=92), "campaign_id": CAMPAIGN, "person_id": PERSON, "since": NOW},
    "poll_persons": {
        "poll_instance_id": POLL,
        "platform": "twitch",
        "ballot": "991",
        "person": DIGEST,
        "counts": True,
    },
    "poll_person_ledger": {
        "poll_instance_id": POLL,
        "n": 2,
        "voter": DIGEST,
        "person": DIGEST,
        "counts": False,
        "at": NOW,
        "hash": b"\1" * 32,
    },
}

#: By table and column, as in `schema_breaks`.
COLUMNS: dict[str, dict[str, Changes]] = {
    "person_links": {
        "platform": _is("platform", "custom", "google"),
        "platform_user_id": _is("platform_user_id", "", "1" * 65),
        "ended_by": ({"until": LATER, "ended_by": "somebody"},),
    },
    "poll_persons": {"person": _is("person", b"\1" * 15)},
    "poll_person_ledger": {
        "n": _is("n", 0),
        "voter": _is("voter", b"\1" * 15),
        "person": _is("person", b"\1" * 17),
        "hash": _is("hash", b"\1" * 31),
    },
}

#: (table, constraint) → the same of constraints on several columns.
TOGETHER: dict[tuple[str, str], Changes] = {
    ("person_links", "person_links_check"): ({"until": NOW - timedelta(seconds=1), "ended_by": "person"},),
    ("person_links", "person_links_check1"): ({"until": LATER}, {"ended_by": "person"}),
    ("person_links", "person_links_check2"): (
        {"ended_user": USER},
        {"until": LATER, "ended_by": "account", "ended_user": USER},
    ),
    ("person_splits", "person_splits_check"): ({"until": NOW - timedelta(seconds=1)},),
    ("poll_person_ledger", "poll_person_ledger_check"): ({"person": None},),
    ("poll_instances", "poll_instances_per_person"): ({"per_person": True, "rule": "every_message"},),
}

#: As in `schema_breaks`.
UNIQUE: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "person_links_one_person": ("person_links", {}, {"person_id": UUID(int=99)}),
    "person_links_one_account": ("person_links", {}, {"platform_user_id": "992"}),
    "person_splits_one": ("person_splits", {}, {}),
    "poll_persons_one_vote": ("poll_persons", {}, {"ballot": "992"}),
}
