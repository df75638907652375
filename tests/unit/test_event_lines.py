"""The short way for well-formed lines of chat takes nothing that the model would not, and nothing else."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.rules.events import ChatMessage
from server.web.api.events import Lines, Rejected, event_of

NOW = datetime(2026, 11, 20, 20, 0, 1, tzinfo=UTC)
GOOD: dict[str, Any] = {
    "type": "chat.message",
    "platform": "twitch",
    "channel_id": "4242",
    "message_id": "0b7c",
    "user": {"id": "991", "login": "ana", "name": "Ana", "roles": ["subscriber"]},
    "text": "!2",
    "sent_at": "2026-11-20T20:00:00.123Z",
}

VALUES: list[Any] = [
    *("", "x", "x" * 64, "x" * 65, "x" * 128, "x" * 129, "x" * 500, "x" * 501, "ä", "\u2028", "\x7f", "\n"),
    *("a b", " ", "twitch", "kick", "youtube", "chat.message", "channel.follow", "2026-11-20T20:00:00Z"),
    *("2026-W47-5T20:00:00.123Z", "2026-11-20T20:00:00.123+02:00", "2026-11-20 20:00:00", "٢٠٢٦", "ab"),
    *(None, True, 1, 1.5, [], {}, ["a", "b"], ["x" * 65], ["a"] * 21, [[]], [1], {"a": 1}, {"id": "1"}),
    {"id": "1", "roles": "ab"},
    {"id": "1", "roles": {"a": 1}},
    {"id": "1", "roles": None},
    {"id": "1", "more": "1"},
    {"login": "1", "name": "2"},
    {"id": "1", "login": 1},
    {"id": "1", "name": "x" * 65},
]
PLACES = [*GOOD, "source_channel_id", "unknown"]


def by_model(item: Any) -> Any:
    try:
        return event_of(item, NOW)
    except Rejected:
        return None


def agrees(lines: Lines, item: Any) -> bool:
    """Whether the short way took the item; what it takes must be what the model makes of it."""
    short = lines.read(item)
    assert short is None or short == by_model(item), item
    return short is not None


def test_a_good_line_takes_the_short_way() -> None:
    lines = Lines(NOW)
    for user in (GOOD["user"], {"id": "991"}, {"id": "991", "roles": []}, {"id": "991", "login": "ana"}):
        item = {**GOOD, "user": user}
        assert isinstance(lines.read(item), ChatMessage)
        assert lines.read(item) == by_model(item)


@pytest.mark.parametrize("place", PLACES)
def test_one_value_changed(place: str) -> None:
    lines = Lines(NOW)
    lines.read({**GOOD, "user": {"id": "1", "roles": ["a", "b"]}})  # these roles are known from now on
    for value in VALUES:
        agrees(lines, {**GOOD, place: value})
        agrees(lines, {**GOOD, "user": {**GOOD["user"], place: value}})
    without = {name: value for name, value in GOOD.items() if name != place}
    agrees(lines, without)


def test_what_is_no_object() -> None:
    for item in (*VALUES, [GOOD], json.dumps(GOOD)):
        assert not agrees(Lines(NOW), item)


@given(st.lists(st.dictionaries(st.sampled_from(PLACES), st.sampled_from(VALUES), max_size=3), max_size=4))
def test_several_values_changed_one_line_after_the_other(changes: list[dict[str, Any]]) -> None:
    lines = Lines(NOW)
    for change in changes:
        agrees(lines, {**GOOD, **change})
        agrees(lines, {**GOOD, "user": {**GOOD["user"], **change}})
