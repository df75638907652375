"""What waits to leave, in words for people who did not order it by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

Payload: TypeAlias = Mapping[str, Any]

_NAMES: Final = {"twitch": "Twitch", "kick": "Kick"}


def _poll(name: str, payload: Payload) -> str:
    return f"Start a poll on {_channel(name, payload)}: “{_text(payload, 'title', '?')}”"


def _poll_end(name: str, payload: Payload) -> str:
    return f"End the poll on {_channel(name, payload)}"


def _channel(name: str, payload: Payload) -> str:
    login = _text(payload, "login", "")
    return f"{login}'s {name} channel" if login else name


def what(kind: str, payload: Payload) -> str:
    """One sentence without its full stop: what the item does."""
    platform, _, act = kind.partition(".")
    words = _ACTS.get(act)
    name = _NAMES.get(platform, platform)
    return words(name, payload) if words else f"{name}: {act or 'something'}"


def _redemption(name: str, payload: Payload) -> str:
    title, viewer = _text(payload, "title", "a reward"), _text(payload, "name", "a viewer")
    if payload.get("decision") == "refund":
        points = payload.get("cost")
        amount = f"{points} points" if isinstance(points, int) else "the points"
        return f"Give {viewer} {amount} back on {name} (“{title}”)"
    return f"Mark “{title}” of {viewer} as done on {name}"


def _reward(name: str, payload: Payload) -> str:
    if "orphan" in payload:
        return f"Delete a reward that nobody uses any more on {name}"
    return f"Bring the reward “{_text(payload, 'title', '?')}” to {name}"


def _chat(name: str, payload: Payload) -> str:
    text = _text(payload, "text", "") or _text(payload, "message", "")
    return f"Write “{text[:80]}” in the chat on {name}" if text else f"Write in the chat on {name}"


def _command(name: str, payload: Payload) -> str:
    return f"Tell the table: {_text(payload, 'command', 'something').replace('_', ' ')}"


def _text(payload: Payload, key: str, otherwise: str) -> str:
    value = payload.get(key)
    return value if isinstance(value, str) and value else otherwise


_ACTS: Final[Mapping[str, Callable[[str, Payload], str]]] = {
    "redemption": _redemption,
    "reward": _reward,
    "chat": _chat,
    "poll.create": _poll,
    "poll.end": _poll_end,
    "command": _command,
}
