"""A room against a plain model: whoever was away gets everything or a snapshot, never a part."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import orjson
import pytest

from server.live import room as room_module
from server.live.room import Room, Step
from server.rules.changes import Change, OnceEvent
from sql.snapshots import Passing, Shown, Snapshot

NOW = datetime(2026, 11, 20, 20, tzinfo=UTC)
EPOCH = uuid4()
CAMPAIGN = uuid4()


def empty(seq: int = 0) -> Snapshot:
    return Snapshot(EPOCH, seq, 0, NOW, {}, seq, (), ())


class Model:
    """Every step ever made, kept; answers by doing everything again from the start."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.seq = 0
        self.now = NOW
        self.steps: list[tuple[int, str, Any]] = []
        self.states: dict[int, dict[str, Any]] = {0: {}}

    def step(self) -> Change:
        """One commit of one to four steps."""
        rng, first = self.rng, self.seq
        self.now += timedelta(seconds=rng.choice([0, 0.05, 1, 20]))
        set_: dict[str, Any] = {}
        unset: list[str] = []
        events: list[OnceEvent] = []
        for board_id in rng.sample("abcdef", rng.randint(0, 2)):
            self.seq += 1
            if rng.random() < 0.25:
                unset.append(board_id)
                self.steps.append((self.seq, "unset", board_id))
            else:
                set_[board_id] = {"kind": "poll", "n": self.seq}
                self.steps.append((self.seq, "set", (board_id, set_[board_id])))
        for _ in range(rng.choice([0, 0, 1, 2])):
            self.seq += 1
            events.append(OnceEvent(self.seq, f"e{self.seq}", "die", {"n": self.seq}, 8000))
            self.steps.append((self.seq, "event", events[-1]))
        state = dict(self.states[first]) | set_
        for board_id in unset:
            state.pop(board_id, None)
        self.states[self.seq] = state
        return Change(CAMPAIGN, EPOCH, first, self.seq, self.now, set_, tuple(unset), tuple(events))

    def snapshot(self, look_back: int) -> Snapshot:
        """As sql.snapshots reads it, with so many steps of history."""
        complete_from = max(0, self.seq - look_back)
        state = self.states[self.seq]
        revs = {step[2][0]: step[0] for step in self.steps if step[1] == "set"}
        return Snapshot(
            EPOCH,
            self.seq,
            0,
            self.now,
            {k: Shown(revs[k], board) for k, board in state.items()},
            complete_from,
            tuple((what, seq) for seq, kind, what in self.steps if kind == "unset" and seq > complete_from),
            tuple(
                Passing(what, self.now)
                for seq, kind, what in self.steps
                if kind == "event" and seq > complete_from
            ),
        )


def decoded(boards: Any) -> dict[str, Any]:
    result: dict[str, Any] = orjson.loads(orjson.dumps(dict(boards)))
    return result


@pytest.mark.parametrize("seed", range(300))
def test_since_is_everything_or_nothing(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(seed)  # noqa: S311 - a seed that can be played again
    monkeypatch.setattr(room_module, "MOST_EVENTS", rng.choice([3, 512]))
    monkeypatch.setattr(room_module, "MOST_REMOVED", rng.choice([2, 512]))
    model = Model(rng)
    room = Room(CAMPAIGN, empty())
    held: list[Change] = []  # a bus that doubles, delays and reorders
    for _ in range(rng.randint(1, 60)):
        held.append(model.step())
        if rng.random() < 0.2:
            held.append(rng.choice(held))
        while held and rng.random() < 0.8:
            room.apply(held.pop(rng.randrange(len(held)) if rng.random() < 0.3 else 0))
        if rng.random() < 0.05:
            room.replace(model.snapshot(rng.choice([0, 5, 500])))
            held.clear()
        assert decoded(room.boards) == model.states[room.seq], "shows what was true at its position"
        assert decoded({"all": room.boards_text})["all"] == model.states[room.seq]
        for seq in model.states:
            missed = room.since(EPOCH, seq)
            if missed is None:
                continue
            after = model.states[seq] | decoded(missed.boards)
            for board_id in missed.unset:
                after.pop(board_id, None)
            assert after == model.states[room.seq]
            owed = [what.id for n, kind, what in model.steps if kind == "event" and seq < n <= room.seq]
            assert [past.event.id for past in missed.events] == owed
    assert room.since(EPOCH, room.seq) is not None
    assert room.since(EPOCH, room.seq + 1) is None
    assert room.since(uuid4(), room.seq) is None


def test_a_change_of_another_epoch_changes_nothing() -> None:
    room = Room(CAMPAIGN, empty())
    change = Change(CAMPAIGN, uuid4(), 0, 1, NOW, {"a": {"kind": "poll"}})
    assert room.apply(change) is Step.FOREIGN
    assert not room.boards


def test_an_older_word_of_the_database_counts_only_after_distrust() -> None:
    room = Room(CAMPAIGN, empty(9))
    assert not room.replace(empty(5))
    room.distrust()
    assert room.replace(empty(5))
    assert room.seq == 5
    assert not room.replace(empty(5))


def test_what_a_room_remembers_is_bounded() -> None:
    room = Room(CAMPAIGN, empty())
    for n in range(5_000):
        seq = 3 * n
        events = (OnceEvent(seq + 2, f"e{n}", "die", {"text": "x" * 4_000}, 8_000),)
        room.apply(Change(CAMPAIGN, EPOCH, seq, seq + 1, NOW, {f"b{n}": {"n": n}}))
        room.apply(Change(CAMPAIGN, EPOCH, seq + 1, seq + 3, NOW, {}, (f"b{n}",), events))
        room.apply(Change(CAMPAIGN, EPOCH, seq + 9, seq + 10, NOW, {}))  # too early, for ever
    figures = room.figures()
    assert figures["event_bytes"] <= room_module.MOST_EVENT_BYTES
    assert figures["events"] <= room_module.MOST_EVENTS
    assert figures["removed"] <= room_module.MOST_REMOVED
    assert figures["early"] <= room_module.MOST_EARLY
    assert room.since(EPOCH, figures["complete_from"]) is not None
    assert room.since(EPOCH, figures["complete_from"] - 1) is None


def test_events_are_remembered_for_two_minutes_or_as_long_as_they_live() -> None:
    room = Room(CAMPAIGN, empty())
    short = OnceEvent(1, "short", "die", {}, 8_000)
    long = OnceEvent(2, "long", "die", {}, 600_000)
    room.apply(Change(CAMPAIGN, EPOCH, 0, 1, NOW, {}, (), (short,)))
    room.apply(Change(CAMPAIGN, EPOCH, 1, 2, NOW, {}, (), (long,)))
    room.apply(Change(CAMPAIGN, EPOCH, 2, 3, NOW + timedelta(seconds=120), {"a": {}}))
    assert room.since(EPOCH, 0) is not None
    room.apply(Change(CAMPAIGN, EPOCH, 3, 4, NOW + timedelta(seconds=121), {"a": {}}))
    assert room.since(EPOCH, 0) is None
    missed = room.since(EPOCH, 1)
    assert missed is not None
    assert [past.event.id for past in missed.events] == ["long"]
