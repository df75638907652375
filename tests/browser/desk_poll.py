"""One poll of the desk's stand-in API (desk_harness.py): its figures and its two public shapes."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

BUILD = "test"
CSRF = "c" * 43
UNDO = timedelta(seconds=10)
Json = dict[str, Any]

DEFAULTS: Json = {
    "rule": "one_vote",
    "changeable": True,
    "tie": "gm",
    "secret": False,
    "grace_s": None,
    "words": "exact",
    "weighting": "sum",
    "cap_percent": 50,
    "hold_s": 8,
    "auto_reveal_s": None,
    "native": "off",
    "points_per_vote": 100,
}
BUILT_IN: list[Json] = [
    {"label": "Yes or no", "question": "Do they dare?", "options": ["Yes", "No"], "duration_s": 60},
    {
        "label": "Which way",
        "question": "Which way do they go?",
        "options": ["Left", "Right", "Back"],
        "duration_s": 60,
    },
    {
        "label": "Four doors",
        "question": "Which door?",
        "options": ["Iron", "Oak", "Bone", "Glass"],
        "duration_s": 120,
    },
]


def now() -> datetime:
    return datetime.now(UTC)


def wire(when: datetime | None) -> str | None:
    return None if when is None else when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def new_id() -> str:
    """Ids grow with time, as UUIDv7 do."""
    stamp = int(now().timestamp() * 1_000_000)
    tail = uuid.uuid4().hex[:18]
    text = f"{stamp:014x}{tail}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:32]}"


class Refusal(Exception):
    """Becomes a problem+json answer."""

    def __init__(self, status: int, detail: str, kind: str = "refused") -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.kind = kind


STILL_RUNNING = Refusal(
    409,
    "The first request with this Idempotency-Key is still running; ask again for its answer.",
    "still_running",
)


@dataclass
class FakePoll:
    """One poll with its figures; times are real ones."""

    body: Json
    campaign_id: str
    rundown_id: str | None = None
    id: str = field(default_factory=new_id)
    definition_id: str = field(default_factory=new_id)
    state: str = "draft"
    simulated: bool = False
    votes: list[int] = field(default_factory=list)
    weights: list[float] | None = None
    logins: list[str] = field(default_factory=lambda: ["ana"])
    opens_at: datetime | None = None
    closes_at: datetime | None = None
    phase_at: datetime | None = None
    ends_at: datetime | None = None
    winner: int | None = None
    tied: list[int] = field(default_factory=list)
    before_cancel: str | None = None
    native_polls: list[Json] = field(default_factory=list)
    on_screen: bool = True  # false when another poll has taken the stage
    created_at: datetime = field(default_factory=now)

    def __post_init__(self) -> None:
        self.votes = self.votes or [0] * len(self.body["options"])

    @property
    def sealed(self) -> bool:
        return bool(self.body["secret"]) and self.state != "revealed"

    @property
    def tie_pending(self) -> bool:
        return bool(self.tied) and self.winner is None and self.body["tie"] == "gm"

    def options(self) -> list[Json]:
        weights = self.weights or [float(count) for count in self.votes]
        total = sum(weights)
        return [
            {
                "index": i + 1,
                "label": label,
                "votes": None if self.sealed else self.votes[i],
                "weight": None if self.sealed else weights[i],
                "share": None if self.sealed else (weights[i] / total if total else 0.0),
            }
            for i, label in enumerate(self.body["options"])
        ]

    def channels(self) -> list[Json]:
        total, count = sum(self.votes), len(self.logins)
        parts = [total // count + (1 if i < total % count else 0) for i in range(count)]
        return [
            {"platform": "twitch", "login": login, "votes": None if self.sealed else part}
            for login, part in zip(self.logins, parts, strict=True)
        ]

    def public(self) -> Json:
        """The API's poll."""
        commitment = "9f3ac4d2" + "0" * 56 if self.body["tie"] == "random" and self.state != "draft" else None
        undo = self.phase_at + UNDO if self.state == "cancelled" and self.phase_at else None
        shape = {name: self.body[name] for name in ("question", "duration_s", *DEFAULTS)}
        return {
            **shape,
            "native_unfit": [],
            "native_polls": self.native_polls,
            "id": self.id,
            "campaign_id": self.campaign_id,
            "definition_id": self.definition_id,
            "rundown_id": self.rundown_id,
            "order_index": 0,
            "state": self.state,
            "options": self.options(),
            "total_votes": sum(self.votes),
            "simulated": self.simulated,
            "opens_at": wire(self.opens_at),
            "closes_at": wire(self.closes_at),
            "phase_started_at": wire(self.phase_at),
            "ends_at": wire(self.ends_at if self.on_screen else None),
            "winner": None if self.sealed else self.winner,
            "tied": [] if self.sealed else self.tied,
            "tie_pending": self.tie_pending and not self.sealed,
            "commitment": commitment,
            "seed": None,
            "channels": self.channels() if self.state != "draft" else [],
            "undo_until": wire(undo),
            "created_at": wire(self.created_at),
        }

    def board(self) -> Json:
        """What browsers get through the live connection."""
        poll = self.public()
        most = max(self.weights or [float(count) for count in self.votes])
        leaders = [o["index"] for o in poll["options"] if o["weight"] == most and most > 0]
        keys = [
            "simulated",
            "question",
            "rule",
            "changeable",
            "secret",
            "words",
            "options",
            "total_votes",
            "weighting",
            "cap_percent",
            "channels",
            "opens_at",
            "closes_at",
            "phase_started_at",
            "ends_at",
            "winner",
        ]
        return {
            "kind": "poll",
            "phase": self.state,
            "poll_id": self.id,
            **{key: poll[key] for key in keys},
            "leaders": [] if self.sealed else leaders,
            "tie": {
                "rule": self.body["tie"],
                "options": poll["tied"],
                "pending": poll["tie_pending"],
                "commitment": poll["commitment"],
                "seed": None,
            },
        }
