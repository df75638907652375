"""Which boards a snapshot holds when not all fit, against the plainest way to say it."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID, uuid4

import orjson
from hypothesis import given
from hypothesis import strategies as st

from server.live.room import Room
from sql.snapshots import Shown, Snapshot

boards = st.dictionaries(
    st.integers(0, 2**32).map(lambda n: str(UUID(int=n))),
    st.text(max_size=40).map(lambda text: {"kind": "poll", "question": text}),
    max_size=8,
)


def room_with(shown: dict[str, dict[str, str]]) -> Room:
    now = datetime(2026, 11, 20, tzinfo=UTC)
    rows = {board_id: Shown(1, board) for board_id, board in shown.items()}
    return Room(uuid4(), Snapshot(uuid4(), 1, 0, now, rows, 1, (), ()))


@given(boards, st.integers(2, 1000), st.integers(-1, 1))
def test_the_largest_are_left_out_until_the_rest_fits(
    shown: dict[str, dict[str, str]], most: int, beside: int
) -> None:
    whole = len(orjson.dumps(shown))
    for limit in (most, max(2, whole + beside)):
        kept = dict(shown)
        gone = []
        while len(orjson.dumps(kept)) > limit:
            largest = max(kept, key=lambda board_id: (len(orjson.dumps(kept[board_id])), board_id))
            gone.append(largest)
            del kept[largest]
        fitting = room_with(shown).boards_within(limit)
        assert orjson.dumps(fitting.boards) == orjson.dumps(kept)
        assert fitting.left_out == tuple(gone)
