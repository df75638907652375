"""What one campaign shows, and what anybody who was away from it is owed.

Pure state, no waiting, no I/O. Instead of a list of old frames a room keeps, for every board, the step
that last changed it, besides what went away and what happened once. So "all since step n" is always one
merged answer of absolute values, its size depends on the state and never on the rate of change, and a
client that lags needs no queue: its position is enough (reliability §3.4 rules 1–4, §3.5).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any, Final, NamedTuple
from uuid import UUID

import orjson

from server.live.fingerprint import fingerprint
from server.rules.changes import Change, OnceEvent
from sql.snapshots import Snapshot

#: What a room remembers besides its boards; older positions get a snapshot.
MOST_EVENTS: Final = 512
MOST_REMOVED: Final = 512
MOST_EVENT_BYTES: Final = 1024 * 1024
EVENT_AGE: Final = timedelta(minutes=2)
#: Changes that came before their turn, waiting for the missing one.
MOST_EARLY: Final = 64


class Step(Enum):
    """What became of a change that was offered to a room."""

    APPLIED = auto()
    KNOWN = auto()  # not newer than what the room has
    EARLY = auto()  # something before it is missing; kept for a moment
    FOREIGN = auto()  # of another epoch: the database has to say which one holds


class PastEvent(NamedTuple):
    """A thing that happened once, encoded once; `at` is the database clock."""

    seq: int
    event: OnceEvent
    data: orjson.Fragment
    at: datetime
    size: int


@dataclass(frozen=True, slots=True)
class Missed:
    """Everything between a position and now, complete."""

    boards: Mapping[str, orjson.Fragment]
    unset: tuple[str, ...]
    events: tuple[PastEvent, ...]


class Fitting(NamedTuple):
    """As many boards as fit, and the ids of those that did not."""

    boards: Mapping[str, orjson.Fragment]
    left_out: tuple[str, ...]


class Room:
    """One campaign as this process knows it."""

    def __init__(self, campaign_id: UUID, snapshot: Snapshot) -> None:
        self.campaign_id = campaign_id
        self.token_version = snapshot.token_version
        self._early: list[Change] = []
        self._distrusted = False
        self._replace(snapshot)

    def distrust(self) -> None:
        """The database stands before this room: its next word counts even if it is older."""
        self._distrusted = True

    def replace(self, snapshot: Snapshot) -> bool:
        """Start over from the database's word, unless the room has gone beyond it. Answers whether."""
        if snapshot.epoch == self.epoch and snapshot.seq <= self.seq and not self._distrusted:
            return False
        self._distrusted = False
        self._replace(snapshot)
        self._take_early()
        return True

    def _replace(self, snapshot: Snapshot) -> None:
        self.epoch = snapshot.epoch
        self.seq = snapshot.seq
        self._boards = {k: orjson.Fragment(orjson.dumps(shown.board)) for k, shown in snapshot.boards.items()}
        self._changed = {k: shown.rev for k, shown in snapshot.boards.items()}
        self._removed = {k: seq for k, seq in snapshot.unset if k not in self._boards}
        self._events: deque[PastEvent] = deque()
        self._event_bytes = 0
        self._complete_from = snapshot.complete_from
        self._all: orjson.Fragment | None = None
        self._fingerprint: int | None = None
        for event, at in snapshot.events:
            self._remember(event, at)
        self._trim(snapshot.at)

    @property
    def boards(self) -> Mapping[str, orjson.Fragment]:
        """Board id → encoded board."""
        return self._boards

    @property
    def boards_text(self) -> orjson.Fragment:
        """All boards as one JSON object, encoded once a step."""
        if self._all is None:
            self._all = orjson.Fragment(orjson.dumps(self._boards))
        return self._all

    @property
    def fingerprint(self) -> int:
        """Of what a page shows that is here; computed once a step, and only if somebody asks."""
        if self._fingerprint is None:
            self._fingerprint = fingerprint(orjson.loads(orjson.dumps(self._boards)))
        return self._fingerprint

    def boards_within(self, most: int) -> Fitting:
        """The boards that make a JSON object of at most `most` bytes: the largest are left out first.

        Which ones depends on what is shown alone (of equal size the later id goes first), so that all
        processes leave out the same.
        """
        member = len(b'"":,')
        sizes = {k: len(k) + len(orjson.dumps(board)) + member for k, board in self._boards.items()}
        size = len(b"{}") + sum(sizes.values()) - len(b",")
        left_out = []
        for board_id in sorted(sizes, key=lambda k: (sizes[k], k), reverse=True):
            if size <= most:
                break
            left_out.append(board_id)
            size -= sizes[board_id]
        return Fitting({k: v for k, v in self._boards.items() if k not in left_out}, tuple(left_out))

    def apply(self, change: Change) -> Step:
        """Take a change in if it is the next one, and after it those that had come early."""
        step = self._apply_one(change)
        if step is Step.APPLIED:
            self._take_early()
        elif step is Step.EARLY and len(self._early) < MOST_EARLY:
            self._early.append(change)
        return step

    def _take_early(self) -> None:
        while ready := [early for early in self._early if early.from_seq <= self.seq]:
            self._early = [early for early in self._early if early.from_seq > self.seq]
            for early in ready:
                self._apply_one(early)

    def _apply_one(self, change: Change) -> Step:
        if change.epoch != self.epoch:
            return Step.FOREIGN
        if change.to_seq <= self.seq:
            return Step.KNOWN
        if change.from_seq > self.seq:
            return Step.EARLY
        for board_id, board in change.set.items():
            self._boards[board_id] = orjson.Fragment(orjson.dumps(board))
            self._changed[board_id] = change.to_seq
            self._removed.pop(board_id, None)
        for board_id in change.unset:
            if board_id in change.set:
                continue
            self._boards.pop(board_id, None)
            self._changed.pop(board_id, None)
            self._removed.pop(board_id, None)  # to the end: the dict is in order of steps
            self._removed[board_id] = change.to_seq
        for event in change.events:
            if event.seq > self.seq:
                self._remember(event, change.at)
        self.seq = change.to_seq
        self._all = None
        self._fingerprint = None
        self._trim(change.at)
        return Step.APPLIED

    def _remember(self, event: OnceEvent, at: datetime) -> None:
        data = orjson.dumps(event.data)
        self._events.append(PastEvent(event.seq, event, orjson.Fragment(data), at, len(data)))
        self._event_bytes += len(data)

    def _trim(self, now: datetime) -> None:
        events = self._events
        while events and (
            len(events) > MOST_EVENTS
            or self._event_bytes > MOST_EVENT_BYTES
            or now - events[0].at > max(EVENT_AGE, timedelta(milliseconds=events[0].event.ttl_ms))
        ):
            gone = events.popleft()
            self._event_bytes -= gone.size
            self._complete_from = max(self._complete_from, gone.seq)
        while len(self._removed) > MOST_REMOVED:
            oldest = next(iter(self._removed))
            self._complete_from = max(self._complete_from, self._removed.pop(oldest))

    def since(self, epoch: UUID, seq: int) -> Missed | None:
        """All that a client at this position has missed; None when that cannot be told without a gap."""
        if epoch != self.epoch or not self._complete_from <= seq <= self.seq:
            return None
        return Missed(
            {k: self._boards[k] for k, changed in self._changed.items() if changed > seq},
            tuple(k for k, removed in self._removed.items() if removed > seq),
            tuple(past for past in self._events if past.seq > seq),
        )

    def figures(self) -> dict[str, Any]:
        """Sizes, for the metrics and the tests of the bounds."""
        return {
            "boards": len(self._boards),
            "removed": len(self._removed),
            "events": len(self._events),
            "event_bytes": self._event_bytes,
            "early": len(self._early),
            "complete_from": self._complete_from,
        }
