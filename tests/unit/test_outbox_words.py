"""What is stuck is told in words, whatever its payload lacks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.rules.outbox_words import what


@pytest.mark.parametrize(
    ("kind", "payload", "words"),
    [
        (
            "twitch.redemption",
            {"decision": "refund", "title": "Join the heist", "name": "Ana", "cost": 500},
            "Give Ana 500 points back on Twitch (“Join the heist”)",
        ),
        (
            "kick.redemption",
            {"decision": "fulfil", "title": "Hydrate", "name": "Ben"},
            "Mark “Hydrate” of Ben as done on Kick",
        ),
        ("twitch.reward", {"title": "Hydrate"}, "Bring the reward “Hydrate” to Twitch"),
        ("twitch.reward", {"orphan": "rw-1"}, "Delete a reward that nobody uses any more on Twitch"),
        ("kick.chat", {"text": "Hello"}, "Write “Hello” in the chat on Kick"),
        (
            "twitch.poll.create",
            {"title": "Which door?", "login": "ana"},
            "Start a poll on ana's Twitch channel: “Which door?”",
        ),
        ("twitch.poll.end", {"login": "ana"}, "End the poll on ana's Twitch channel"),
        ("twitch.poll.end", {"login": 7}, "End the poll on Twitch"),
        ("vtt.command", {"command": "roll_dice"}, "Tell the table: roll dice"),
        ("discord.post", {}, "discord: post"),
    ],
)
def test_words(kind: str, payload: dict[str, object], words: str) -> None:
    assert what(kind, payload) == words


kinds = st.sampled_from(
    [
        "twitch.redemption",
        "kick.redemption",
        "twitch.reward",
        "kick.chat",
        "twitch.poll.create",
        "vtt.command",
        "x",
        "",
    ]
)
payloads = st.dictionaries(
    st.sampled_from(["decision", "title", "name", "cost", "orphan", "text", "message", "command"]),
    st.none() | st.integers() | st.sampled_from(["", "x", "é\u202e"]),
)


@given(kinds, payloads)
def test_there_are_always_words(kind: str, payload: dict[str, object]) -> None:
    assert what(kind, payload)
