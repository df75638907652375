"""What is read of an event stands in the tables of platforms/twitch.md §4; everything else is passed over.

A receiver that leans on a field which Twitch does not document breaks on the day on which it goes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from integrations.twitch.eventsub_events import Ignored, Meaning, outcome, translate
from tests.twitch_samples import EVENTS, sample

NOW: Final = datetime(2026, 11, 20, 18, 50, tzinfo=UTC)
SENT: Final = "2026-11-20T18:49:59.500112233Z"


def triple(prefix: str = "user_") -> set[str]:
    return {f"{prefix}{part}" for part in ("id", "login", "name")}


BROADCASTER: Final = triple("broadcaster_user_")
_REDEMPTION: Final = {
    *("id", "user_input", "status", "redeemed_at", "reward"),
    *("reward.id", "reward.title", "reward.cost", "reward.prompt"),
} | triple()
_CHOICE: Final = {
    f"choices.{name}" for name in ("id", "title", "votes", "channel_points_votes", "bits_votes")
}
_POLL: Final = {
    "id",
    "title",
    "started_at",
    "ends_at",
    "choices",
    "bits_voting",
    "channel_points_voting",
} | _CHOICE
#: Type → fields of its table beside the broadcaster's, as far as a game could use them.
TABLES: Final[dict[str, set[str]]] = {
    "channel.chat.message": {
        *("message_id", "message", "message.text", "message.fragments", "message_type", "color", "cheer"),
        *("badges", "badges.set_id", "badges.id", "badges.info", "source_message_id", "reply"),
    }
    | triple("chatter_user_")
    | triple("source_broadcaster_user_"),
    "channel.channel_points_custom_reward_redemption.add": _REDEMPTION,
    "channel.channel_points_custom_reward_redemption.update": _REDEMPTION,
    "channel.poll.begin": _POLL,
    "channel.poll.progress": _POLL,
    "channel.poll.end": _POLL | {"ended_at", "status"},
    "channel.subscribe": triple() | {"tier", "is_gift"},
    "channel.subscription.gift": triple() | {"total", "tier", "cumulative_total", "is_anonymous"},
    "channel.subscription.message": triple()
    | {"tier", "message", "message.text", "cumulative_months", "streak_months", "duration_months"},
    "channel.cheer": triple() | {"is_anonymous", "message", "bits"},
    # `is_anonymous` is of cheers only: asked for here, so that no name shows that is not to.
    "channel.bits.use": triple() | {"bits", "type", "message", "message.text", "power_up", "is_anonymous"},
    "channel.follow": triple() | {"followed_at"},
    "channel.raid": triple("from_broadcaster_user_") | triple("to_broadcaster_user_") | {"viewers"},
    "stream.online": {"id", "type", "started_at"},
    "stream.offline": {"id"},
}


class Seen(dict[str, Any]):
    """An object that notes which of its fields are looked at."""

    def __init__(self, given: dict[str, Any], path: str, looked_at: set[str]) -> None:
        super().__init__({name: watched(part, f"{path}{name}.", looked_at) for name, part in given.items()})
        self._path, self._looked_at = path, looked_at

    def get(self, name: str, default: Any = None) -> Any:
        self._looked_at.add(self._path + name)
        return super().get(name, default)

    def __getitem__(self, name: str) -> Any:
        self._looked_at.add(self._path + name)
        return super().__getitem__(name)


def watched(value: Any, path: str, looked_at: set[str]) -> Any:
    if isinstance(value, dict):
        return Seen(value, path, looked_at)
    if isinstance(value, list):
        return [watched(part, path, looked_at) for part in value]
    return value


def meaning(type_: str, event: object) -> Meaning:
    return translate(type_, event, id="m-1", sent_at=SENT, received_at=NOW)


def follow() -> dict[str, Any]:
    found: dict[str, Any] = sample("ws-notification")["payload"]["event"]
    return found


def samples() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, type_ in EVENTS.items():
        yield type_, sample(name)
    yield "channel.follow", follow()


def test_there_is_a_sample_of_every_type_with_a_table() -> None:
    assert TABLES.keys() <= {type_ for type_, _ in samples()}


@pytest.mark.parametrize(("type_", "event"), list(samples()))
def test_what_is_read_stands_in_the_table(type_: str, event: dict[str, Any]) -> None:
    looked_at = set[str]()
    found = meaning(type_, Seen(event, "", looked_at))
    assert looked_at <= TABLES.get(type_, set()) | BROADCASTER
    if isinstance(found, Ignored):
        assert outcome(found) in ("unused_type", "told_by_bits_use", "gift_recipient")
    else:
        assert looked_at


@pytest.mark.parametrize(("type_", "event"), list(samples()))
def test_fields_that_nobody_knows_change_nothing(type_: str, event: dict[str, Any]) -> None:
    def grown(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: grown(part) for name, part in value.items()} | {"of_tomorrow": {"is": ["new", 1]}}
        return [grown(part) for part in value] if isinstance(value, list) else value

    assert meaning(type_, grown(event)) == meaning(type_, event)


def test_types_that_nobody_knows_are_ignored_and_counted() -> None:
    types = ["channel.of.tomorrow", "", "channel.chat.message.v2", "channel.follow"]
    counts = Counter(outcome(meaning(type_, follow())) for type_ in types)
    assert counts == {"unknown_type": 3, "taken": 1}
