"""As `schema_breaks`, of polls that Twitch runs beside ours."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

CHANNEL, POLL = UUID(int=3), UUID(int=6)

Changes = tuple[dict[str, Any], ...]


#: One good row, behind those of `schema_breaks`.
ROWS: dict[str, dict[str, Any]] = {
    "native_polls": {
        "poll_instance_id": POLL,
        "broadcaster_id": "700100200",
        "channel_id": CHANNEL,
        "login": "ana",
        "slot": 0,
    }
}

#: What one has that Twitch runs.
_RUNNING: Final[dict[str, Any]] = {
    "state": "running",
    "native_id": "poll-1",
    "choice_ids": ["c1", "c2"],
    "votes": [1, 2],
    "points": [0, 1],
}

#: (table) → column → changes to the good row, each of which the column's constraint must refuse.
COLUMNS: dict[str, dict[str, Changes]] = {
    "native_polls": {
        "broadcaster_id": ({"broadcaster_id": ""}, {"broadcaster_id": "1" * 65}),
        "native_id": ({**_RUNNING, "native_id": ""}, {**_RUNNING, "native_id": "p" * 65}),
        "state": ({"state": "lost", "native_id": "p", "choice_ids": ["c"], "votes": [0], "points": [0]},),
        "detail": ({"state": "refused", "detail": "x" * 301},),
    },
    "poll_instances": {
        "native": ({"native": "on"},),
        "points_per_vote": ({"points_per_vote": 0}, {"points_per_vote": 1_000_001}),
    },
    "poll_channel_links": {"counts": ({"counts": "bits"},)},
}

#: (table, constraint) → the same of constraints that have a name of their own.
TOGETHER: dict[tuple[str, str], Changes] = {
    ("native_polls", "native_polls_check"): ({**_RUNNING, "votes": [1]}, {**_RUNNING, "points": [1, 2, 3]}),
    ("native_polls", "native_polls_check1"): (
        {**_RUNNING, "state": "wanted"},
        {**_RUNNING, "state": "refused", "detail": "No."},
        {"state": "running"},
    ),
    ("native_polls", "native_polls_check2"): (
        {**_RUNNING, "choice_ids": [], "votes": [], "points": []},
        {"choice_ids": ["c1"], "votes": [0], "points": [0]},
    ),
    ("native_polls", "native_polls_check3"): ({"state": "refused"}, {"detail": "Why?"}),
}

#: As `schema_breaks.UNIQUE_BREAKS`.
UNIQUE: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "native_polls_native": ("native_polls", _RUNNING, {"poll_instance_id": UUID(int=98), "slot": None}),
}
